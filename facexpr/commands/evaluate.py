"""Measure any model file on any data set, with the pipeline's own code.

MODEL is a .keras or .onnx file, one's own too: pictures in, probabilities out. DATA is what
data.source may name. Its images go in whole, resized to the model's input; nothing is detected.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from facexpr import datasets, project
from facexpr.audit import find_copies
from facexpr.backend import configure
from facexpr.classifier import SCALES, Classifier, load_classifier
from facexpr.errors import UserError
from facexpr.evaluation import (
    describe,
    predict_views,
    prediction_table,
    without_copies,
)
from facexpr.evaluation_text import lines_of
from facexpr.files import write_json
from facexpr.images import to_grey
from facexpr.intake import load_split
from facexpr.labels import SPLITS
from facexpr.params import Params, load
from facexpr.predictor import Predictor
from facexpr.scenes import predict_in_scenes, scene_figures
from facexpr.stage import Report
from facexpr.tables import write_table
from facexpr.views import VIEWS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("model", type=Path, metavar="MODEL", help=".keras or .onnx")
    parser.add_argument("data", type=Path, metavar="DATA", help="file or folder of a data set")
    parser.add_argument("--format", help="of the data set, see data.format; default: by its looks")
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--views", type=int, choices=VIEWS, default=1)
    parser.add_argument("--labels", help="the model's, in order: a,b,c; default: what it carries")
    parser.add_argument("--relabel", default="", help="the data set's: contempt=disgust,fear=")
    parser.add_argument("--scale", choices=tuple(SCALES), default="raw", help="of float inputs")
    parser.add_argument("--logits", action="store_true", help="the model ends without a softmax")
    parser.add_argument("--scenes", action="store_true", help="also pasted into larger pictures")
    parser.add_argument("--json", help="file for all figures, or - for standard output")
    parser.add_argument("--predictions", type=Path, help="CSV of every prediction, for compare")


class Names(NamedTuple):
    """What is called how: the data set's format, its renamed labels, its classes, the model's."""

    format: str
    relabel: dict[str, str | None]
    classes: list[str]
    labels: Sequence[str]


class Taken(NamedTuple):
    """A split: a table of all samples, its keys, class codes, images, faces made of them, votes."""

    samples: pd.DataFrame
    keys: list[str]
    codes: np.ndarray
    images: Sequence[np.ndarray]
    faces: np.ndarray
    votes: np.ndarray | None


def run(args: argparse.Namespace) -> None:
    """Predict the split, and say how good that is."""
    params = load(Path(os.path.relpath(project.find_root())) / "params.yaml")
    check_outputs(args)
    format_, relabel = args.format or guess_format(args.data), parse_relabel(args.relabel)
    datasets.find(format_)
    if args.model.suffix.lower() == ".keras":  # others need no Keras
        configure(params.train.backend, params.train.device)
    classifier = load_classifier(args.model, scale=args.scale, logits=args.logits)
    names = find_names(args, classifier, format_, relabel)
    taken = read_split(args, names, classifier, params)
    chances = predict_views(
        classifier.predict, taken.faces, (args.views,), params.evaluate.crop, classifier.crop_px
    )
    check_classes(chances[args.views], names.labels, args.model)
    figures = measure(args, taken, chances, names, classifier, params)
    if args.predictions:
        table = prediction_table(taken.keys, taken.codes, chances[args.views], names.labels)
        write_table(args.predictions, table)
    tell(figures, args.json)
    if classifier.alignment and classifier.alignment.method != "box":
        how = classifier.alignment.method
        words = f"images went in whole; in its own pipeline faces are found, and aligned by {how}"
        print(f"note: {words}", file=sys.stderr)


def check_outputs(args: argparse.Namespace) -> None:
    """Make the folders of the files to write; raises UserError where a folder stands in place."""
    for option, name in (("--json", args.json), ("--predictions", args.predictions)):
        if name and Path(name).is_dir():
            raise UserError(f"{option} {name}: a folder; expected a file's name")
        if name and name != "-":
            Path(name).parent.mkdir(parents=True, exist_ok=True)


def measure(
    args: argparse.Namespace,
    taken: Taken,
    chances: dict[int, np.ndarray],
    names: Names,
    classifier: Classifier,
    params: Params,
) -> dict:
    """All figures, and what they are of."""
    about = {"model": str(args.model), "data": str(args.data), "split": args.split}
    about |= {"fitted_on": list(classifier.fit), "faces": "whole images"}
    copies = {"copies": find_copies(taken.samples)}
    figures = describe(
        chances,
        args.views,
        taken.codes,
        names.labels,
        votes=taken.votes,
        groups=without_copies(taken.keys, args.split, classifier.fit, copies),
        draws=params.evaluate.bootstrap_draws,
        seed=params.evaluate.seed,
    )
    if args.scenes:
        figures["in_scenes"] = measure_in_scenes(classifier, taken, names.labels, params)
    return about | figures


def guess_format(source: Path) -> str:
    """A file is FER2013, a folder that holds FER+'s votes is FER+; others must be named."""
    if (source / "fer2013new.csv").is_file():
        return "ferplus"
    if source.is_file():
        return "fer2013"
    if not source.exists():
        raise UserError(f"{source}: not found; expected the file or folder of a data set")
    names = ", ".join(datasets.available())
    raise UserError(f"{source}: a folder; name its format with --format: {names}")


def parse_relabel(text: str) -> dict[str, str | None]:
    """Read "contempt=disgust,fear=": contempt counts as disgust, fear is left out."""
    pairs = [part.partition("=") for part in text.split(",") if part]
    wrong = [old for old, sign, _ in pairs if not sign]
    if wrong:
        raise UserError(f"--relabel: '{wrong[0]}', expected OLD=NEW, or OLD= to leave it out")
    return {old.strip(): new.strip() or None for old, _, new in pairs}


def find_names(
    args: argparse.Namespace, classifier: Classifier, format_: str, relabel: dict
) -> Names:
    """The data set's classes, and the model's labels: as asked, its own, or the data set's."""
    own = datasets.own_labels(datasets.find(format_), args.data)
    renamed = [relabel.get(label, label) for label in own]
    classes = list(dict.fromkeys(label for label in renamed if label is not None))
    asked = [label.strip() for label in args.labels.split(",")] if args.labels else None
    labels = asked or classifier.labels or classes
    check_labels(classes, labels, args.model)
    return Names(format_, relabel, classes, labels)


def check_labels(classes: Sequence[str], labels: Sequence[str], model: Path) -> None:
    """Raise UserError for a class of the data set that the model cannot tell."""
    odd = [name for name in classes if name not in labels]
    if odd:
        raise UserError(
            f"{model}: knows {', '.join(labels)}, and the data set has '{odd[0]}' too; merge it "
            f"or leave it out: --relabel {odd[0]}="
        )


def votes_for(names: Names, votes: np.ndarray) -> np.ndarray:
    """Votes (N, classes of the data set) as (N, labels of the model)."""
    found = np.zeros((len(votes), len(names.labels)))
    found[:, [names.labels.index(name) for name in names.classes]] = votes
    return found


def read_split(
    args: argparse.Namespace, names: Names, classifier: Classifier, params: Params
) -> Taken:
    """Take the split in, each image also as the face that the model takes."""
    data = params.data
    carved = {"val_fraction": data.val_fraction, "test_fraction": data.test_fraction}
    with Report("evaluate") as report:

        def read():
            report.items = 0  # a source without the split asked is read twice
            named = (names.format, args.data, names.classes, names.relabel)
            return report.progress(datasets.read(*named, complete=False, **data.settings()))

        samples, pairs, votes = load_split(
            read,
            args.split,
            lambda image: (to_grey(image), classifier.prepare(image)),
            **carved,
            seed=data.seed,
        )
    images, faces = zip(*pairs, strict=True)
    mine = samples[samples["split"] == args.split]
    codes = np.array([names.labels.index(label) for label in mine["label"]])
    counts = votes_for(names, np.array(votes)) if all(votes) else None
    return Taken(samples, list(mine["key"]), codes, images, stack(faces, args), counts)


def stack(faces: Sequence[np.ndarray], args: argparse.Namespace) -> np.ndarray:
    """Faces of one shape as an array; raises UserError where they differ."""
    if len({face.shape for face in faces}) > 1:
        raise UserError(
            f"{args.model}: takes pictures of any dimensions, and those of {args.data} differ; "
            "expected a model with a fixed input"
        )
    return np.stack(faces)


def check_classes(chances: np.ndarray, labels: Sequence[str], model: Path) -> None:
    """Raise UserError unless the model tells as many classes as there are labels."""
    if chances.shape[1] != len(labels):
        raise UserError(
            f"{model}: tells {chances.shape[1]} classes, expected {len(labels)}: "
            f"{', '.join(labels)}; name the model's with --labels"
        )


def measure_in_scenes(
    classifier: Classifier, taken: Taken, labels: Sequence[str], params: Params
) -> dict:
    """How good the model is on the same images where `facexpr predict` must find them first."""
    detection = classifier.detection or params.detection()
    if detection["detector"] == "whole":
        raise UserError("predict.detector: whole, which finds nothing; --scenes needs another")
    predictor = Predictor(classifier, detection)
    if list(predictor.labels) != list(labels):
        raise UserError("--labels: --scenes takes the labels that the model carries; leave it out")
    with Report("scenes") as report:
        found = predict_in_scenes(predictor, report.progress(taken.images, total=len(taken.images)))
    how = {"draws": params.evaluate.bootstrap_draws, "seed": params.evaluate.seed}
    told = {name: detection[name] for name in ("detector", "min_score")}
    return scene_figures(found, taken.codes, **how) | told


def tell(figures: dict, where: str | None) -> None:
    """Print the figures for people, or as JSON; or write them to a file as well."""
    if where == "-":
        json.dump(figures, sys.stdout, indent=2)
        print()
        return
    print("\n".join(lines_of(figures)))
    if where:
        write_json(Path(where), figures)
