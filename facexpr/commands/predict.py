"""Predict the faces of pictures with a trained model.

One JSON line a face; an unreadable picture is reported at the end and never stops the rest.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from facexpr import project
from facexpr.errors import UserError
from facexpr.params import load
from facexpr.prediction_files import find_pictures, predict_files, write_csv, write_jsonl
from facexpr.predictor import load_predictor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="picture or folder")
    parser.add_argument("--model", type=Path, help="default: the pipeline's models/model.keras")
    parser.add_argument("--out", type=Path, help="folder for annotated pictures")
    parser.add_argument("--json", help="file for JSON lines, or - for standard output")
    parser.add_argument("--csv", type=Path, help="file for a table")
    parser.add_argument("--faces", choices=("all", "largest", "best"), default="all")


def run(args: argparse.Namespace) -> int:
    """Predict, write, and say what was done; exit code 1 only if a picture failed."""
    root = Path(os.path.relpath(project.find_root()))
    pictures, out = find_pictures(args.paths), args.out
    check_outputs(args)
    if out and out.resolve() in {picture.parent.resolve() for picture in pictures}:
        raise UserError(f"{args.out}: holds pictures to predict; name another folder")
    params = load(root / "params.yaml")
    predictor = load_predictor(
        args.model or root / "models/model.keras",
        backend=params.train.backend,
        device=params.train.device,
        detector=params.predict.detector,
        settings=params.detect.settings(),
        min_score=params.predict.min_score,
    )
    if out:
        out.mkdir(parents=True, exist_ok=True)
    records, failures, no_face = [], [], 0
    for path, found in predict_files(predictor, pictures, args.faces, out):
        if isinstance(found, UserError):
            failures.append(found)
            continue
        no_face += not found
        records += found
        if args.json != "-":
            print(describe(path, found))
    save(args, records, predictor.labels)
    for failure in failures:
        print(f"facexpr: error: {failure}", file=sys.stderr)
    done = len(pictures) - len(failures)
    print(
        f"pictures: {done}, faces: {len(records)}, no face: {no_face}, failed: {len(failures)}",
        file=sys.stderr,
    )
    return 1 if failures else 0


def check_outputs(args: argparse.Namespace) -> None:
    """Raise UserError for an output that cannot be written, before any work is done."""
    for option, path in (("--json", args.json), ("--csv", args.csv)):
        if path and Path(path).is_dir():
            raise UserError(f"{option} {path}: a folder; expected a file's name")
    if args.out and args.out.exists() and not args.out.is_dir():
        raise UserError(f"--out {args.out}: a file; expected a folder's name")


def describe(path: Path, records: list[dict]) -> str:
    """One line a picture: its faces' labels and percentages."""
    faces = [f"{r['label']} {r['probabilities'][r['label']]:.0%}" for r in records]
    return f"{path.name}: {', '.join(faces) or 'no face'}"


def save(args: argparse.Namespace, records: list[dict], labels) -> None:
    """Write the records where they were asked for, in folders that are made if need be."""
    for path in (args.json, args.csv):
        if path and path != "-":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
    if args.json == "-":
        for record in records:
            print(json.dumps(record, ensure_ascii=False))
    elif args.json:
        write_jsonl(Path(args.json), records)
    if args.csv:
        write_csv(args.csv, records, labels)
