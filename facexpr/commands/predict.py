"""Predict the expressions of the faces in pictures.

PATH is a picture, a folder, which is searched through, a pattern such as '*.jpg', or - for standard
input. A picture that cannot be read is told at the end and never stops the rest.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TextIO

import numpy as np
from tqdm import tqdm

from facexpr import project
from facexpr.annotation import annotate, side_by_side
from facexpr.classifier import load_classifier
from facexpr.errors import UserError
from facexpr.files import publish
from facexpr.images import SUFFIXES, printable
from facexpr.pictures import find_pictures
from facexpr.prediction_files import (
    COPY,
    Outcome,
    predict_files,
    write_csv_head,
    write_csv_rows,
    write_json_lines,
)
from facexpr.prediction_text import count_labels, lines, table
from facexpr.predictor import Prediction, Predictor
from facexpr.released import DEFAULT, find_model

MARKS = ("landmarks", "eyes", "emoji")
Listener = Callable[[Outcome], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="picture, folder, pattern or -")
    parser.add_argument(
        "--model",
        action="append",
        help=f"released model, or .keras or .onnx file; default: {DEFAULT}; several: side by side",
    )
    parser.add_argument("--faces", choices=("all", "largest", "best"), default="all")
    parser.add_argument("--min-score", type=float, help="of the detector; default: the model's")
    parser.add_argument("--out", type=Path, help="folder for annotated pictures")
    for mark in MARKS:
        parser.add_argument(f"--{mark}", action="store_true", help=f"draw {mark}, too")
    parser.add_argument("--json", help="file for JSON lines, or - for standard output")
    parser.add_argument("--csv", help="file for a table, or - for standard output")
    parser.add_argument("--quiet", action="store_true", help="print errors alone")


def run(args: argparse.Namespace) -> int:
    """Predict, write, and say what was done; exit code 1 only if a picture failed."""
    check_outputs(args)
    pictures = leave_out(find_pictures(args.paths), args.out)
    predictors = load_predictors(args.model or [DEFAULT], args.min_score)
    tally = Tally(len(predictors))
    hidden = args.quiet or len(pictures) == 1
    bar = tqdm(pictures, unit="img", leave=False, disable=True if hidden else None)
    with ExitStack() as stack:
        listeners = [tally.add, *choose_lines(args, len(pictures))]
        listeners += open_files(stack, args, predictors)
        draw = partial(draw_all, marks={mark: getattr(args, mark) for mark in MARKS})
        try:
            for outcome in predict_files(predictors, bar, args.faces, args.out, draw):
                for listen in listeners:
                    listen(outcome)
        except KeyboardInterrupt:
            tally.stopped = True  # what is done is kept
        bar.close()
    return tally.close(args.quiet)


class Tally:
    """Counts what came of pictures, and keeps what failed."""

    def __init__(self, models: int):
        """Count predictions of so many models; labels are the first one's."""
        self.models, self.stopped = models, False
        self.done = self.no_face = 0
        self.labels: Counter[str] = Counter()
        self.failures: list[UserError] = []

    def add(self, outcome: Outcome) -> None:
        """Count one picture."""
        if outcome.error:
            self.failures.append(outcome.error)
            return
        self.done += 1
        self.no_face += not outcome.records
        self.labels.update(one["label"] for one in outcome.records[:: self.models])

    def close(self, quiet: bool) -> int:
        """Tell failures and the summary on standard error; returns the exit code."""
        for failure in self.failures:
            print(f"facexpr: error: {failure}", file=sys.stderr)
        faces = f"faces: {self.labels.total()}{count_labels(self.labels)}"
        parts = [f"pictures: {self.done}", faces, f"no face: {self.no_face}"]
        parts += [f"failed: {len(self.failures)}", *(["stopped"] if self.stopped else [])]
        if not quiet:
            print(", ".join(parts), file=sys.stderr)
        return 130 if self.stopped else int(bool(self.failures))


def check_outputs(args: argparse.Namespace) -> None:
    """Raise UserError for an output that cannot be written, before any work is done."""
    for option, path in (("--json", args.json), ("--csv", args.csv)):
        if path and Path(path).is_dir():
            raise UserError(f"{option} {path}: a folder; expected a file's name")
        if path and Path(path).suffix.lower() in SUFFIXES:
            raise UserError(f"{option} {path}: a picture's name; expected such as faces.csv")
    if args.json and args.json == args.csv:
        raise UserError(f"--json {args.json}: the same as --csv; expected another")
    if args.out and args.out.exists() and not args.out.is_dir():
        raise UserError(f"--out {args.out}: a file; expected a folder's name")
    for mark in MARKS:
        if getattr(args, mark) and not args.out:
            raise UserError(f"--{mark}: is drawn on pictures; name a folder for them with --out")
    if args.min_score is not None and not 0 <= args.min_score <= 1:
        raise UserError(f"--min-score {args.min_score}: expected a number from 0 to 1")


def leave_out(pictures: Sequence[Path | UserError], out: Path | None) -> Sequence[Path | UserError]:
    """The pictures but the annotated copies that an earlier call left in the folder `out`.

    Raises UserError if annotated copies would join pictures that they are of.
    """
    inside = [
        one
        for one in pictures
        if out and isinstance(one, Path) and one.resolve().parent == out.resolve()
    ]
    if not all(one.name.endswith(COPY) for one in inside):
        raise UserError(f"--out {out}: holds pictures to predict; name another folder")
    return [one for one in pictures if one not in inside]


def load_predictors(models: Sequence[str], min_score: float | None) -> dict[str, Predictor]:
    """The predictors, by the models' names; the first says how faces are found."""
    paths = {model: find_model(model) for model in models}
    classifiers = {model: load_classifier(path) for model, path in paths.items()}
    first = models[0]
    detection = classifiers[first].detection or detection_of_project(paths[first])
    if min_score is not None:
        detection = detection | {"min_score": min_score}
    return {model: Predictor(one, detection) for model, one in classifiers.items()}


def detection_of_project(model: Path) -> dict:
    """How the project that the user stands in finds faces in pictures."""
    try:
        from facexpr.params import load  # late, as released models need neither it nor YAML

        return load(project.find_root() / "params.yaml").detection()
    except (UserError, ModuleNotFoundError) as error:
        raise UserError(
            f"{model}: does not carry how faces are found, and no project tells: {error}"
        ) from None


def open_files(
    stack: ExitStack, args: argparse.Namespace, predictors: Mapping[str, Predictor]
) -> Iterator[Listener]:
    """What writes each picture's records where that was asked; files are in place at the end."""
    if args.json:
        yield partial(write_json_lines, open_file(stack, args.json))
    if args.csv:
        labels = list(dict.fromkeys(label for one in predictors.values() for label in one.labels))
        file = open_file(stack, args.csv)
        write_csv_head(file, labels)
        yield partial(write_csv_rows, file, labels=labels)


def open_file(stack: ExitStack, name: str) -> TextIO:
    """A file beside the one named, which takes its place when all is done; - is standard output."""
    # A picture's name that is not UTF-8 is written with backslashes.
    how = {"encoding": "utf-8", "errors": "backslashreplace", "newline": ""}
    path = Path(name)
    if name == "-":
        sys.stdout.reconfigure(**how)
        return sys.stdout
    if path.exists() and not path.is_file():  # a device or a pipe
        return stack.enter_context(path.open("w", **how))
    (fresh,) = stack.enter_context(publish(path, files=True))
    return stack.enter_context(fresh.open("w", **how))


def choose_lines(args: argparse.Namespace, count: int) -> list[Listener]:
    """What prints each picture's faces: a table of a single one, lines where nothing is written."""
    if args.quiet or "-" in (args.json, args.csv):
        return []
    if count > 1 and (args.out or args.json or args.csv):
        return []
    return [print_table if count == 1 else print_lines]


def print_table(outcome: Outcome) -> None:
    """Print all that is told of a picture's faces."""
    if not outcome.error:
        faces = len({tuple(one["box_xyxy"]) for one in outcome.records})
        found = {0: "no face", 1: "1 face"}.get(faces, f"{faces} faces")
        print("\n".join([f"{printable(outcome.path)}: {found}", *table(outcome.records)]))


def print_lines(outcome: Outcome) -> None:
    """Print the labels of a picture's faces, above the progress bar."""
    if not outcome.error:
        tqdm.write("\n".join(lines(printable(outcome.path), outcome.records)))


def draw_all(
    image: np.ndarray, told: Mapping[str, Sequence[Prediction]], marks: Mapping[str, bool]
) -> np.ndarray:
    """The picture with what each model tells of it, side by side."""
    drawn = [annotate(image, predictions, **marks) for predictions in told.values()]
    return drawn[0] if len(drawn) == 1 else side_by_side(drawn, list(told))
