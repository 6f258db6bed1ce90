"""What is said of a model's predictions on a split, by the stage and the command line alike."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from facexpr.audit import keys_with_copy_in
from facexpr.calibration import apply_temperature
from facexpr.metrics import bootstrap_interval, class_table, confusion, summary
from facexpr.views import average_views

DIGITS = 6
HEADLINE = ("n", "accuracy", "low", "high", "macro_f1", "ece")
CALIBRATED = ("nll", "brier", "ece")


def predict_views(
    predict: Callable[[np.ndarray], np.ndarray],
    images: np.ndarray,
    counts: Sequence[int],
    crop: float,
    crop_px: int,
) -> dict[int, np.ndarray]:
    """Probabilities (N, classes) by each number of views; arguments as for `average_views`."""
    return {views: average_views(predict, images, views, crop, crop_px) for views in counts}


def without_copies(
    keys: Sequence[str], split: str, fit: Sequence[str], copies: Mapping[str, pd.DataFrame]
) -> dict[str, np.ndarray]:
    """The images of a split without a copy in what was fitted: bool (N,) as "without_<name>".

    copies: tables of audit (group, key, split) by name.
    """
    groups = {}
    for name, table in copies.items():
        copied = keys_with_copy_in(table, split, fit)
        groups[f"without_{name}"] = np.array([key not in copied for key in keys])
    return groups


def by_face(keys: Sequence[str], found: Mapping[str, bool]) -> dict[str, np.ndarray]:
    """The images of a split by whether their face was found: bool (N,) by name."""
    seen = np.array([found[key] for key in keys])
    return {"face_found": seen, "no_face": ~seen}


def describe(
    by_views: Mapping[int, np.ndarray],
    views: int,
    labels: np.ndarray,
    names: Sequence[str],
    *,
    votes: np.ndarray | None = None,
    groups: Mapping[str, np.ndarray] | None = None,
    temperature: float | None = None,
    draws: int = 10_000,
    seed: int = 0,
) -> dict:
    """All figures of a split's predictions, rounded to six digits, as JSON takes them.

    by_views: probabilities (N, classes) by number of views, of which `views` counts; labels: codes
    (N,); votes: counts (N, classes); groups: bool (N,), parts of the split that are summed up by
    themselves where they hold an image; draws, seed: of the bootstrap.
    """
    chances = by_views[views]
    figures = summary(chances, labels, votes)
    low, high = bootstrap_interval(chances.argmax(axis=1) == labels, draws, seed)
    figures |= {"low": low, "high": high, "views": views}
    if temperature is not None:
        after = summary(apply_temperature(chances, temperature), labels)
        figures["temperature"] = temperature
        figures["calibrated"] = {name: after[name] for name in CALIBRATED}
    figures["labels"] = list(names)
    figures["classes"] = class_table(chances, labels, names).to_dict("records")
    figures["confusion"] = confusion(chances, labels).tolist()
    figures["by_views"] = {
        str(count): summary(each, labels, votes) for count, each in by_views.items()
    }
    figures["groups"] = {
        name: summary(chances[members], labels[members], None if votes is None else votes[members])
        for name, members in (groups or {}).items()
        if members.any()
    }
    return rounded(figures)


def headline(figures: Mapping) -> dict[str, float]:
    """The eight figures at most that stand for a split."""
    found = {name: figures[name] for name in HEADLINE}
    if "calibrated" in figures:
        found["ece_calibrated"] = figures["calibrated"]["ece"]
    if "without_copies" in figures["groups"]:
        found["accuracy_without_copies"] = figures["groups"]["without_copies"]["accuracy"]
    return found


def rounded(value):
    """The same tree with its floats rounded."""
    if isinstance(value, Mapping):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return round(value, DIGITS) if isinstance(value, float) else value


def prediction_table(
    keys: Sequence[str], labels: np.ndarray, chances: np.ndarray, names: Sequence[str]
) -> pd.DataFrame:
    """One row an image: key, label, predicted label, and the probability of each class."""
    codes = np.asarray(names)
    table = pd.DataFrame(chances.round(DIGITS), columns=list(names))
    table.insert(0, "predicted", codes[chances.argmax(axis=1)])
    table.insert(0, "label", codes[labels])
    table.insert(0, "key", list(keys))
    return table


def views_table(
    keys: Sequence[str],
    labels: np.ndarray,
    by_views: Mapping[int, np.ndarray],
    names: Sequence[str],
) -> pd.DataFrame:
    """One row an image: key, label, and the predicted label by number of views."""
    codes = np.asarray(names)
    predicted = {str(views): codes[each.argmax(axis=1)] for views, each in by_views.items()}
    return pd.DataFrame({"key": list(keys), "label": codes[labels], **predicted})


def surest_errors(labels: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """The indices of wrong predictions, the one that the model was surest of first."""
    wrong = np.flatnonzero(chances.argmax(axis=1) != labels)
    return wrong[np.argsort(-chances.max(axis=1)[wrong], kind="stable")]
