"""Draw samples' journeys through the pipeline, one PNG a key.

Source, box and landmarks, aligned face, what the network sees, probabilities, equal images.
"""

import argparse
from pathlib import Path

from facexpr import project
from facexpr.journey import gather
from facexpr.params import load
from facexpr.plots import save_journey


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("keys", nargs="+", metavar="KEY", help="such as test-0000012")
    parser.add_argument("--out", type=Path, default=Path("debug/show"), help="folder")


def run(args: argparse.Namespace) -> None:
    """Draw each key."""
    here = project.enter_root()
    out = here / args.out
    for key in args.keys:
        params = load()
        journey = gather(
            key, Path("data"), params.data.labels, params.train.normalise, params.train.crop_px
        )
        out.mkdir(parents=True, exist_ok=True)
        save_journey(out / f"{key}.png", journey.panels, journey.probabilities, journey.facts)
        print("\n".join([*journey.facts, f"  {args.out / key}.png"]))
