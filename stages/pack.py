"""Pack aligned faces and their class codes for training.

Reads: aligned shards, index. Writes: an LMDB folder of Caffe Datum records a split.
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter, itemgetter
from pathlib import Path

import numpy as np

from facexpr.errors import UserError
from facexpr.files import publish
from facexpr.labels import SPLITS
from facexpr.lmdb_store import write_records
from facexpr.params import load
from facexpr.records import Member, images_of, lists_of, read_members
from facexpr.stage import Report, run
from facexpr.tables import INDEX_COLUMNS, join, stream_table
from facexpr.workers import map_lists


def main(report: Report) -> None:
    """Write the splits one after the other, in key order."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--aligned", type=Path, required=True, help="folder of shards")
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of LMDB folders")
    args = parser.parse_args()
    names = load().data.labels
    with publish(*(args.out / split for split in SPLITS)) as folders:
        for split, folder in zip(SPLITS, folders, strict=True):
            members = report.progress(read_members(args.aligned, splits=[split]))
            indexed = Counted(index_rows(args.index, split, names))
            samples = join(decoded(members), itemgetter(0), indexed, args.index, "images")
            records = ((key, image, *about) for (key, image), about in samples)
            count = write_records(folder / "data.mdb", records)
            check_complete(split, count, indexed.count_all(), args)
            report.note(split, count)


def decoded(members: Iterable[Member]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield key and image of each sample."""
    lists = lists_of(members, attrgetter("png"))
    for keys, images in map_lists(images_of, (([one.key for one in some], some) for some in lists)):
        yield from zip(keys, images, strict=True)


def index_rows(
    path: Path, split: str, names: Sequence[str]
) -> Iterator[tuple[str, tuple[int, list[int]]]]:
    """Yield the key of each of a split's samples, with its class code and votes.

    Raises UserError for a label not in data.labels.
    """
    for part in stream_table(path, INDEX_COLUMNS):
        rows = part.loc[part["split"] == split, ["key", "label", "votes"]]
        for key, label, votes in zip(*rows.to_dict("list").values(), strict=True):
            if label not in names:
                raise UserError(
                    f"{path}: label '{label}' is not in data.labels; run 'dvc repro images'"
                )
            yield key, (names.index(label), [int(count) for count in votes.split()])


class Counted:
    """Counts what is taken of `items`."""

    def __init__(self, items: Iterable):
        """Begin at none."""
        self._items, self._count = iter(items), 0

    def __iter__(self) -> Iterator:
        """Go on where the last one was taken."""
        for item in self._items:
            self._count += 1
            yield item

    def count_all(self) -> int:
        """How many items there are in all; takes the rest."""
        return self._count + sum(1 for _ in self._items)


def check_complete(split: str, count: int, wanted: int, args: argparse.Namespace) -> None:
    """Raise UserError unless every image of val and test is there; align may drop some of train."""
    if split != "train" and count != wanted:
        raise UserError(
            f"{args.aligned}: {count} images of {split}, expected {wanted} as in {args.index}; "
            "run 'dvc repro align'"
        )


if __name__ == "__main__":
    run("pack", main)
