"""Compute the mean image of exactly the faces that training fits.

Reads: LMDB of the splits in data.fit. Writes: mean.npz, and the mean as a picture.
"""

import argparse
from pathlib import Path

import numpy as np

from facexpr.files import publish
from facexpr.images import encode_png
from facexpr.lmdb_store import read_records
from facexpr.mean import compute_mean, save_mean
from facexpr.params import load
from facexpr.stage import Report, run


def main(report: Report) -> None:
    """Sum over the records."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lmdb", type=Path, required=True, help="folder of LMDB folders")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--view", type=Path, required=True, help="PNG")
    args = parser.parse_args()
    splits = load().data.fit
    records = (r for split in splits for r in read_records(args.lmdb / split / "data.mdb"))
    with publish(args.out, args.view) as (out, view):
        mean = compute_mean(image for _, image, _ in report.progress(records))
        save_mean(out, mean)
        view.write_bytes(encode_png(np.rint(mean.image).astype(np.uint8)))
    report.note("mean", round(mean.scalar, 2))
    report.note("std", round(mean.std, 2))


if __name__ == "__main__":
    run("mean", main)
