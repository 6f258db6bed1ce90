"""Measure the model on every image of the split asked, and of val.

Reads: model, its history, LMDB, the faces found, the copies that audit found. Writes: headline
metrics, all figures, every prediction, charts as PNG and plot data, a sheet of the surest errors.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from facexpr.backend import configure
from facexpr.calibration import fit_temperature
from facexpr.classifier import load_classifier
from facexpr.errors import UserError
from facexpr.evaluation import (
    by_face,
    describe,
    headline,
    predict_views,
    prediction_table,
    views_table,
    without_copies,
)
from facexpr.evaluation_pictures import (
    draw_classes,
    draw_confusion,
    draw_reliability,
    error_sheet,
)
from facexpr.faces import read_faces
from facexpr.files import publish, write_json
from facexpr.images import encode_png
from facexpr.lmdb_store import load_records, load_votes
from facexpr.model_file import read_card
from facexpr.params import Params, load
from facexpr.plots import save_history
from facexpr.stage import Report, run
from facexpr.tables import read_table, write_table
from facexpr.views import VIEWS


class Split(NamedTuple):
    """A split, and what the model says of it: probabilities by number of views."""

    keys: list[str]
    images: np.ndarray
    labels: np.ndarray
    votes: np.ndarray
    chances: dict[int, np.ndarray]


def main(report: Report) -> None:
    """Predict, and write what follows from it."""
    args = parse_arguments()
    params = load()
    card = read_card(args.model)  # a missing model is told before Keras takes its seconds
    history = read_history(args.history, params.train.keep)
    tables = {
        name: read_table(path, ["group", "key", "split"])
        for name, path in (("copies", args.copies), ("near_copies", args.near))
    }
    found = {key: face is not None for key, face in read_faces(args.faces).items()}
    splits = predict_splits(args, card, params, report)
    temperature = find_temperature(splits["val"], params)
    figures = {}
    for name, one in splits.items():
        groups = by_face(one.keys, found)
        groups |= without_copies(one.keys, name, params.data.fit, tables)
        figures[name] = figures_of(one, card["labels"], groups, temperature, params)
    with publish(args.out, args.metrics, args.plots, args.view) as (out, metrics, plots, view):
        write_json(metrics, headline(figures[params.evaluate.split]))
        write_details(out, splits, figures, params.evaluate.views)
        save_history(plots / "curves.png", *history)
        write_pictures(plots, view, splits, figures, params)


def parse_arguments() -> argparse.Namespace:
    """The paths that dvc.yaml gives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--lmdb", type=Path, required=True, help="folder of LMDB folders")
    parser.add_argument("--history", type=Path, required=True, help="CSV of train")
    parser.add_argument("--faces", type=Path, required=True, help="CSV of detect")
    parser.add_argument("--copies", type=Path, required=True, help="CSV of audit: equal images")
    parser.add_argument("--near", type=Path, required=True, help="CSV of audit: nearly equal ones")
    parser.add_argument("--out", type=Path, required=True, help="folder")
    parser.add_argument("--metrics", type=Path, required=True)
    parser.add_argument("--plots", type=Path, required=True, help="folder")
    parser.add_argument("--view", type=Path, required=True, help="PNG")
    return parser.parse_args()


def read_history(path: Path, keep: str):
    """The columns of a history, and the epoch that was kept; raises UserError for no history."""
    try:
        history = pd.read_csv(path)
        best = history["val_accuracy"].idxmax() if keep == "best" else history.index[-1]
        return history.to_dict("list"), int(history["epoch"][best])
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run 'dvc repro'") from None
    except (OSError, ValueError, LookupError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not a history of train: {reason}; run 'dvc repro'") from None


def predict_splits(
    args: argparse.Namespace, card: dict, params: Params, report: Report
) -> dict[str, Split]:
    """Val, for the temperature, and the split asked, by every number of views."""
    asked = params.evaluate
    configure(params.train.backend, params.train.device)
    predict = load_classifier(args.model).predict
    splits = {}
    for name in dict.fromkeys(("val", asked.split)):
        path = args.lmdb / name / "data.mdb"
        keys, images, labels = load_records(path)
        counts = VIEWS if name == asked.split else (asked.views,)
        chances = predict_views(predict, images, counts, asked.crop, card.get("crop_px", 0))
        votes = load_votes(path, len(card["labels"]))
        splits[name] = Split(keys, images, labels, votes, chances)
        report.items += len(keys)
    return splits


def find_temperature(val: Split, params: Params) -> float | None:
    """The temperature fitted on val; none where the model was fitted on val, too sure of it."""
    if "val" in params.data.fit:
        return None
    return fit_temperature(val.chances[params.evaluate.views], val.labels)


def figures_of(
    split: Split, names: list[str], groups: dict, temperature: float | None, params: Params
) -> dict:
    """All that is said of a split."""
    return describe(
        split.chances,
        params.evaluate.views,
        split.labels,
        names,
        votes=split.votes,
        groups=groups,
        temperature=temperature,
        draws=params.evaluate.bootstrap_draws,
        seed=params.evaluate.seed,
    )


def write_details(out: Path, splits: dict, figures: dict, views: int) -> None:
    """Of each split all figures, and every prediction."""
    for name, one in splits.items():
        about = (one.keys, one.labels)
        labels = figures[name]["labels"]
        write_table(out / f"{name}.csv", prediction_table(*about, one.chances[views], labels))
        write_table(out / f"{name}-views.csv", views_table(*about, one.chances, labels))
        write_json(out / f"{name}.json", {"split": name} | figures[name])


def write_pictures(plots: Path, view: Path, splits: dict, figures: dict, params: Params) -> None:
    """Charts of the split asked, and the sheet of its errors."""
    name = params.evaluate.split
    split, said = splits[name], figures[name]
    chances, title = split.chances[params.evaluate.views], f"{name}, n = {said['n']}"
    draw_confusion(plots, said, title)
    draw_classes(plots, said)
    draw_reliability(plots, chances, split.labels, said.get("temperature"), title)
    sheet = error_sheet(split.images, split.labels, split.votes, chances, said["labels"], name)
    view.write_bytes(encode_png(sheet))


if __name__ == "__main__":
    run("evaluate", main)
