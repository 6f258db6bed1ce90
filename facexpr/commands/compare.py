"""Compare two runs, image by image: the difference, its interval, and whether it is noise.

A and B are each a revision (a branch, tag, commit or experiment of DVC; `workspace` is what lies
here) or a CSV of predictions: data/evaluation/<split>.csv, or that of `facexpr evaluate`.
"""

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from facexpr import project
from facexpr.comparison import Comparison, compare, sentence
from facexpr.errors import UserError
from facexpr.labels import SPLITS
from facexpr.params import load
from facexpr.tables import check_same_keys, read_table

COLUMNS = ["key", "label", "predicted"]
WORKSPACE = "workspace"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("a", metavar="A", help="revision, workspace, or CSV of predictions")
    parser.add_argument("b", metavar="B", nargs="?", default=WORKSPACE, help="default: workspace")
    parser.add_argument("--split", choices=SPLITS, help="of revisions; default: evaluate.split")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")


def run(args: argparse.Namespace) -> None:
    """Read both, check that they tell of the same images, compare."""
    root = Path(os.path.relpath(project.find_root()))
    params = load(root / "params.yaml").evaluate
    file = f"data/evaluation/{args.split or params.split}.csv"
    first, second = (read_predictions(name, root, file) for name in (args.a, args.b))
    check_same_keys(first["key"], second["key"], (args.a, args.b))
    pairs = first.merge(second, on="key", suffixes=("_a", "_b"), validate="one_to_one")
    unequal = pairs[pairs["label_a"] != pairs["label_b"]]
    if len(unequal):
        raise UserError(
            f"{args.b}: key {unequal['key'].iloc[0]} has another label than in {args.a}; expected "
            "runs on the same labels"
        )
    right = [pairs["label_a"] == pairs[f"predicted_{one}"] for one in "ab"]
    found = compare(*(one.to_numpy() for one in right), params.bootstrap_draws, params.seed)
    print(json.dumps(asdict(found), indent=2) if args.json else describe(found, args.a, args.b))


def read_predictions(name: str, root: Path, file: str) -> pd.DataFrame:
    """The predictions of a CSV, of the workspace, or of a revision."""
    if Path(name).is_file():
        return read_table(Path(name), COLUMNS)
    if name == WORKSPACE:
        return read_table(root / file, COLUMNS)
    return read_revision(name, root, file)


def read_revision(name: str, root: Path, file: str) -> pd.DataFrame:
    """The predictions that DVC keeps of a revision; raises UserError where it has none."""
    import dvc.api  # late: it takes a second
    from dvc.exceptions import DvcException
    from dvc.scm import SCMError
    from dvc_data.index import DataIndexDirError  # of a folder that the cache does not hold

    try:
        with dvc.api.open(file, repo=str(root), rev=name, encoding="utf-8") as text:
            return read_table(f"{name}:{file}", COLUMNS, text)
    except (SCMError, DvcException, DataIndexDirError, OSError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{name}: no such CSV, and as a revision it has no {file}: {reason}; evaluate it with "
            "'dvc repro', or fetch it with 'dvc fetch'"
        ) from None


def describe(found: Comparison, name_a: str, name_b: str) -> str:
    """The figures in a table, and a sentence."""
    width = max(map(len, (name_a, name_b, "difference")))
    return "\n".join(
        [
            f"{name_a:{width}}  {found.accuracy_a:8.2%} of {found.n:,}, alone right on "
            f"{found.only_a}",
            f"{name_b:{width}}  {found.accuracy_b:8.2%} of {found.n:,}, alone right on "
            f"{found.only_b}",
            f"{'difference':{width}}  {100 * found.difference:+8.2f} points "
            f"(95% interval {100 * found.low:+.2f} to {100 * found.high:+.2f})",
            sentence(found, name_a, name_b),
        ]
    )
