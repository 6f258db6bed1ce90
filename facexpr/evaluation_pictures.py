"""Charts, their data for `dvc plots`, and the sheet of errors: what an evaluation shows."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from facexpr.calibration import apply_temperature
from facexpr.drawing import contact_sheet
from facexpr.evaluation import surest_errors
from facexpr.metrics import reliability
from facexpr.plots import save_class_bars, save_confusion, save_reliability
from facexpr.tables import write_table

MOST_ERRORS = 100


def draw_confusion(folder: Path, figures: Mapping, title: str) -> None:
    """Write confusion.png, and confusion.csv with a row an image, from what `describe` gave."""
    names, counts = np.asarray(figures["labels"]), np.asarray(figures["confusion"])
    save_confusion(folder / "confusion.png", counts, names, title)
    actual, predicted = (
        np.repeat(codes.ravel(), counts.ravel()) for codes in np.indices(counts.shape)
    )
    pairs = pd.DataFrame({"actual": names[actual], "predicted": names[predicted]})
    write_table(folder / "confusion.csv", pairs)


def draw_classes(folder: Path, figures: Mapping) -> None:
    """Write classes.png and classes.csv: precision, recall, F1 and support of each class."""
    table = pd.DataFrame(figures["classes"])
    save_class_bars(folder / "classes.png", *(table[column] for column in table))
    write_table(folder / "classes.csv", table)


def draw_reliability(
    folder: Path, chances: np.ndarray, labels: np.ndarray, temperature: float | None, title: str
) -> None:
    """Write reliability.png, as the model says and after the temperature; the first as CSV too."""
    curves = {"as the model says": reliability(chances, labels)}
    write_table(folder / "reliability.csv", curves["as the model says"].round(6))
    if temperature is not None:
        name = f"after temperature {temperature:.2f}"
        curves[name] = reliability(apply_temperature(chances, temperature), labels)
    save_reliability(folder / "reliability.png", curves, title)


def error_sheet(
    images: np.ndarray,
    labels: np.ndarray,
    votes: np.ndarray,
    chances: np.ndarray,
    names: Sequence[str],
    split: str,
) -> np.ndarray:
    """The wrong predictions that the model was surest of, RGB; votes are shown where given."""
    errors = surest_errors(labels, chances)
    captions = [
        f"{names[labels[i]]} > {names[chances[i].argmax()]} {chances[i].max():.0%}"
        + _votes_for(votes[i], names)
        for i in errors[:MOST_ERRORS]
    ]
    title = f"Surest of the {len(errors)} errors on {split} (n = {len(labels)}): label > prediction"
    tiles = [images[i] for i in errors[:MOST_ERRORS]]
    return contact_sheet(tiles, captions, tile_px=200, title=title)


def _votes_for(votes: np.ndarray, names: Sequence[str]) -> str:
    """A line about the votes of one image, the most first; empty without any."""
    given = [i for i in np.argsort(-votes, kind="stable") if votes[i]]
    words = ", ".join(f"{names[i]} {votes[i]:g}" for i in given)
    return f"\nvotes {words}" if words else ""
