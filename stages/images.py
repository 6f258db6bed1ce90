"""Take the data set in.

Reads: the source, a file or a folder. Writes: its images as PNG in tar shards, the index of
samples, and a sheet of examples. With --limit or --keys the samples keep the splits and keys that
the source gives them: nothing is carved from a part, nor dropped as a copy.
"""

import argparse
from dataclasses import asdict
from pathlib import Path

from facexpr import datasets
from facexpr.errors import UserError
from facexpr.examples import Examples
from facexpr.files import publish
from facexpr.intake import select, take_in
from facexpr.params import load
from facexpr.records import make_key
from facexpr.scratch import fingerprint, tree_fingerprint
from facexpr.stage import Report, run
from facexpr.workers import code_fingerprint


def main(report: Report) -> None:
    """Read the source and write what is in it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of shards")
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--view", type=Path, required=True, help="PNG")
    parser.add_argument("--limit", type=int, help="only so many samples of each split")
    parser.add_argument("--keys", help="only these keys, separated by commas")
    args = parser.parse_args()
    params = load()
    data = params.data
    keys = set(args.keys.split(",")) if args.keys else None
    missing, examples = set(keys or ()), Examples()

    def read():
        nonlocal examples
        report.items, examples = 0, Examples()  # the source may be read twice
        report.notes.clear()
        named = (data.format, args.source, data.labels, data.relabel)
        samples = datasets.read(*named, note=report.note, **data.settings())
        for sample in report.progress(select(samples, args.limit, keys)):
            missing.discard(make_key(sample.split, sample.row))
            if examples.wants(sample.label):
                examples.add(sample.label, sample.image)
            yield sample
        # Here, since to draw takes longer than all that take_in has left to do.
        examples.save(view, f"{args.source.name}: examples of each label")

    settings = {"limit": args.limit, "keys": args.keys, **asdict(data), **asdict(params.images)}
    settings |= {"source": tree_fingerprint(args.source), "code": code_fingerprint()}
    work = fingerprint(settings, [Path(__file__)])
    with publish(args.out, args.index, args.view, work=work) as (out, index, view):
        counts = take_in(
            read,
            out,
            index,
            params.images.shard_samples,
            val_fraction=data.val_fraction,
            test_fraction=data.test_fraction,
            seed=data.seed,
            drop_copies=data.drop_copies,
            whole=keys is None and args.limit is None,
        )
        if missing:
            raise UserError(f"{args.source}: no sample with key {', '.join(sorted(missing))}")
    for split, count in counts.most_common():
        report.note(split, count)
    if dropped := report.items - counts.total():
        report.note("copies dropped", dropped)


if __name__ == "__main__":
    run("images", main)
