"""Take the data set in.

Reads: the source, a file or a folder. Writes: its images as PNG in tar shards, the index of
samples, and a sheet of examples.
"""

import argparse
from pathlib import Path

from facexpr import datasets
from facexpr.errors import UserError
from facexpr.examples import Examples
from facexpr.intake import select, take_in
from facexpr.params import load
from facexpr.stage import Report, publish, run
from facexpr.tables import write_table


def main(report: Report) -> None:
    """Read the source once and write what is in it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of shards")
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--view", type=Path, required=True, help="PNG")
    parser.add_argument("--limit", type=int, help="only so many samples of each split")
    parser.add_argument("--keys", help="only these keys, separated by commas")
    args = parser.parse_args()
    params = load()
    keys = set(args.keys.split(",")) if args.keys else None
    whole = keys is None and args.limit is None  # from a part no val can be carved
    examples = Examples()

    def read():
        nonlocal examples
        report.items, examples = 0, Examples()  # a source without val is read twice
        samples = datasets.read(params.data.format, args.source, params.data.labels)
        for sample in report.progress(select(samples, args.limit, keys)):
            examples.add(sample.label, sample.image)
            yield sample

    with publish(args.out, args.index, args.view) as (out, index, view):
        fraction = params.data.val_fraction if whole else None
        table = take_in(read, out, params.images.shard_samples, fraction, params.data.seed)
        if missing := sorted((keys or set()) - set(table["key"])):
            raise UserError(f"{args.source}: no sample with key {', '.join(missing)}")
        write_table(index, table)
        examples.save(view, f"{args.source.name}: examples of each label")
    for split, count in table["split"].value_counts().items():
        report.note(split, count)


if __name__ == "__main__":
    run("images", main)
