"""Pack aligned faces and their class codes for training.

Reads: aligned shards, index. Writes: an LMDB folder of Caffe Datum records a split.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pandas import DataFrame

from facexpr.errors import UserError
from facexpr.files import publish
from facexpr.labels import SPLITS
from facexpr.lmdb_store import write_records
from facexpr.params import load
from facexpr.records import read_shards
from facexpr.stage import Report, run
from facexpr.tables import read_index


def main(report: Report) -> None:
    """Write the splits one after the other, in key order."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--aligned", type=Path, required=True, help="folder of shards")
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of LMDB folders")
    args = parser.parse_args()
    names = load().data.labels
    index = read_index(args.index)
    known = labels_and_votes(index, names, args.index)
    with publish(*(args.out / split for split in SPLITS)) as folders:
        for split, folder in zip(SPLITS, folders, strict=True):
            images = read_shards(args.aligned, splits=[split])
            records = ((key, image, *look_up(known, key)) for key, image in images)
            count = write_records(folder / "data.mdb", report.progress(records))
            check_complete(split, count, (index["split"] == split).sum(), args)
            report.note(split, count)


def labels_and_votes(
    index: DataFrame, names: Sequence[str], name: Path
) -> dict[str, tuple[int, list[int]]]:
    """The class code and votes of each key; raises UserError for a label not in data.labels."""
    for label in index["label"].unique():
        if label not in names:
            raise UserError(
                f"{name}: label '{label}' is not in data.labels; run 'dvc repro images'"
            )
    votes = ([int(count) for count in text.split()] for text in index["votes"])
    pairs = zip(index["label"].map(names.index), votes, strict=True)
    return dict(zip(index["key"], pairs, strict=True))


def check_complete(split: str, count: int, wanted: int, args: argparse.Namespace) -> None:
    """Raise UserError unless every image of val and test is there; align may drop some of train."""
    if split != "train" and count != wanted:
        raise UserError(
            f"{args.aligned}: {count} images of {split}, expected {wanted} as in {args.index}; "
            "run 'dvc repro align'"
        )


def look_up(known: dict[str, tuple], key: str) -> tuple[int, list[int]]:
    """The class code and votes of a key; raises UserError when the index lacks it."""
    if key not in known:
        raise UserError(f"index lacks {key}, which stands among the aligned faces; run 'dvc repro'")
    return known[key]


if __name__ == "__main__":
    run("pack", main)
