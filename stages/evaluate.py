"""Measure the model on every image of val and test.

Reads: model, its history, LMDB, the copies that audit found. Writes: headline metrics, every
prediction, figures by class, charts as PNG and plot data, a sheet of the most confident errors.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from facexpr.audit import keys_with_copy_in
from facexpr.backend import configure
from facexpr.drawing import contact_sheet
from facexpr.errors import UserError
from facexpr.images import encode_png
from facexpr.inference import probabilities
from facexpr.lmdb_store import load_records
from facexpr.metrics import accuracy, bootstrap_interval, class_table, confusion, macro_f1
from facexpr.model_file import load_model, read_card
from facexpr.params import Evaluate, load
from facexpr.plots import save_class_bars, save_confusion, save_history
from facexpr.stage import Report, publish, run, write_json
from facexpr.tables import read_table, write_table
from facexpr.views import average_views


def main(report: Report) -> None:
    """Predict val and test, and write what follows from it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--lmdb", type=Path, required=True, help="folder of LMDB folders")
    parser.add_argument("--history", type=Path, required=True, help="CSV of train")
    parser.add_argument("--copies", type=Path, required=True, help="CSV of audit")
    parser.add_argument("--out", type=Path, required=True, help="folder")
    parser.add_argument("--metrics", type=Path, required=True)
    parser.add_argument("--plots", type=Path, required=True, help="folder")
    parser.add_argument("--view", type=Path, required=True, help="PNG")
    args = parser.parse_args()
    params = load()
    names = read_card(args.model)["labels"]
    history = read_history(args.history, params.train.keep)
    copies = read_table(args.copies, ["group", "key", "split"])
    copied = keys_with_copy_in(copies, "test", params.data.fit)
    configure(params.train.backend, params.train.device)
    model = load_model(args.model)
    predicted = {
        split: predict(model, args.lmdb / split / "data.mdb", params.evaluate, report)
        for split in ("val", "test")
    }
    with publish(args.out, args.metrics, args.plots, args.view) as (out, metrics, plots, view):
        write_json(metrics, headline(predicted, copied, params.evaluate))
        for split, (keys, _, labels, chances) in predicted.items():
            write_table(out / f"{split}.csv", prediction_table(keys, labels, chances, names))
        keys, images, labels, chances = predicted["test"]
        table = class_table(chances, labels, names)
        write_table(out / "classes.csv", table)
        save_class_bars(plots / "classes.png", *(table[column] for column in table))
        save_history(plots / "curves.png", *history)
        counts = confusion(chances, labels)
        save_confusion(plots / "confusion.png", counts, names, f"test, n = {len(keys)}")
        actual, guessed = (np.asarray(names)[codes] for codes in (labels, chances.argmax(1)))
        pairs = pd.DataFrame({"actual": actual, "predicted": guessed})
        write_table(plots / "confusion.csv", pairs)
        view.write_bytes(encode_png(error_sheet(images, labels, chances, names)))


def predict(model, path: Path, params: Evaluate, report: Report):
    """Keys, images, labels and averaged probabilities of a split."""
    keys, images, labels = load_records(path)
    report.items += len(keys)
    chances = average_views(
        lambda view: probabilities(model, view), images, params.views, params.crop
    )
    return keys, images, labels, chances


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


def headline(predicted: dict, copied: set[str], params: Evaluate) -> dict:
    """At most eight figures; those of test come with n, interval, and without copies."""
    _, _, val_labels, val_chances = predicted["val"]
    keys, _, labels, chances = predicted["test"]
    correct = chances.argmax(axis=1) == labels
    low, high = bootstrap_interval(correct, params.bootstrap_draws, params.seed)
    apart = np.array([key not in copied for key in keys])
    figures = {
        "val_accuracy": accuracy(val_chances, val_labels),
        "test_accuracy": accuracy(chances, labels),
        "test_low": low,
        "test_high": high,
        "test_macro_f1": macro_f1(chances, labels),
    }
    if apart.any():
        figures["test_accuracy_without_copies"] = accuracy(chances[apart], labels[apart])
    counts = {"test_n": len(keys), "test_n_without_copies": int(apart.sum())}
    return counts | {name: round(value, 6) for name, value in figures.items()}


def prediction_table(keys, labels, chances, names) -> pd.DataFrame:
    """One row an image: key, label, predicted label, and the probability of each class."""
    codes = np.asarray(names)
    table = pd.DataFrame(chances.round(6), columns=list(names))
    table.insert(0, "predicted", codes[chances.argmax(axis=1)])
    table.insert(0, "label", codes[labels])
    table.insert(0, "key", keys)
    return table


def error_sheet(images, labels, chances, names, most: int = 100):
    """The wrong predictions that the model was surest of."""
    sure = chances.max(axis=1)
    wrong = np.flatnonzero(chances.argmax(axis=1) != labels)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:most]
    captions = [f"{names[labels[i]]} > {names[chances[i].argmax()]} {sure[i]:.0%}" for i in worst]
    title = f"Surest of the {len(wrong)} errors on test (n = {len(labels)}): label > prediction"
    return contact_sheet([images[i] for i in worst], captions, tile_px=160, title=title)


if __name__ == "__main__":
    run("evaluate", main)
