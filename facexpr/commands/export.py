"""Write shards out as a tree of PNG files, for tools that read folders."""

import argparse
from pathlib import Path

from facexpr import project
from facexpr.errors import UserError
from facexpr.files import publish
from facexpr.images import encode_png
from facexpr.records import read_shards, split_of
from facexpr.stage import Report
from facexpr.tables import read_index

INDEX = Path("data/index.csv")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("shards", type=Path, help="data/images or data/aligned")
    parser.add_argument("folder", type=Path, help="a new folder: <split>/<label>/<key>.png")


def run(args: argparse.Namespace) -> None:
    """Write every image under its split and label."""
    here = project.enter_root()
    out = here / args.folder
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{args.folder}: exists and is not an empty folder; name a new one")
    index = read_index(INDEX)
    labels = dict(zip(index["key"], index["label"], strict=True))
    with Report("export") as report, publish(out) as (fresh,):
        for key, image in report.progress(read_shards(here / args.shards)):
            if key not in labels:
                raise UserError(f"{INDEX}: lacks {key}; run 'dvc repro images'")
            path = fresh / split_of(key) / labels[key] / f"{key}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_png(image))
    print(f"export: {report.items} images in {args.folder}")
