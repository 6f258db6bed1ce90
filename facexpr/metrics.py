"""Measuring predictions: every image counts, and a figure comes with its interval."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support

RELIABILITY_BINS = 15  # as Guo et al. 2017
FLOOR = 1e-12  # of a probability before its logarithm is taken


def bootstrap_interval(correct: np.ndarray, draws: int, seed: int) -> tuple[float, float]:
    """95 % percentile bootstrap interval of an accuracy (Efron 1979).

    correct: bool (N,). Drawing N images of N with replacement makes the number of correct ones
    binomial, so that is drawn directly.
    """
    n = len(correct)
    hits = np.random.default_rng(seed).binomial(n, np.mean(correct), draws)
    low, high = np.quantile(hits / n, [0.025, 0.975])
    return float(low), float(high)


def accuracy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Share of images whose most probable class is the label; probabilities (N, classes)."""
    return float(np.mean(probabilities.argmax(axis=1) == labels))


def macro_f1(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean of the classes' F1 scores; a class never predicted and never present counts as 0."""
    classes = np.arange(probabilities.shape[1])
    predicted = probabilities.argmax(axis=1)
    return float(f1_score(labels, predicted, labels=classes, average="macro", zero_division=0))


def confusion(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Counts (classes, classes): rows are the labels, columns the predictions."""
    classes = np.arange(probabilities.shape[1])
    return confusion_matrix(labels, probabilities.argmax(axis=1), labels=classes)


def class_table(
    probabilities: np.ndarray, labels: np.ndarray, names: Sequence[str]
) -> pd.DataFrame:
    """Precision, recall, F1 and support of each class."""
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, probabilities.argmax(axis=1), labels=np.arange(len(names)), zero_division=0
    )
    columns = {"label": names, "precision": precision, "recall": recall, "f1": f1}
    return pd.DataFrame({**columns, "support": support}).round(6)


def balanced_accuracy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean recall of the classes that are present."""
    counts = confusion(probabilities, labels)
    present = counts.sum(axis=1) > 0
    return float(np.mean(np.diag(counts)[present] / counts.sum(axis=1)[present]))


def top_accuracy(probabilities: np.ndarray, labels: np.ndarray, most: int = 2) -> float:
    """Share of images whose label is among the `most` most probable classes."""
    first = np.argsort(-probabilities, axis=1, kind="stable")[:, :most]
    return float(np.mean((first == labels[:, None]).any(axis=1)))


def negative_log_likelihood(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean of -ln p(label), in nats; a probability below 1e-12 counts as that."""
    given = np.take_along_axis(probabilities, labels[:, None], axis=1)
    return float(-np.log(np.clip(given, FLOOR, 1)).mean())


def brier_score(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean squared distance to the label's one-hot vector, 0 to 2 (Brier 1950)."""
    wanted = np.eye(probabilities.shape[1])[labels]
    return float(((probabilities - wanted) ** 2).sum(axis=1).mean())


def votes_divergence(probabilities: np.ndarray, votes: np.ndarray) -> float:
    """Mean Kullback-Leibler divergence from votes to prediction, in nats.

    votes: counts (N, classes); images without votes are left out, and there must be others.
    """
    voted = votes.sum(axis=1) > 0
    given = votes[voted] / votes[voted].sum(axis=1, keepdims=True)
    ratio = np.clip(given, FLOOR, 1) / np.clip(probabilities[voted], FLOOR, 1)
    return float((given * np.log(ratio)).sum(axis=1).mean())


def reliability(probabilities: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Confidence against accuracy in 15 bins of equal width, the empty ones left out.

    Columns: low, high (of the bin, low exclusive), n, confidence, accuracy.
    """
    sure = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    edges = np.linspace(0, 1, RELIABILITY_BINS + 1)
    inside = np.digitize(sure, edges[1:-1], right=True)
    rows = [
        (edges[one], edges[one + 1], members.sum(), sure[members].mean(), correct[members].mean())
        for one in range(RELIABILITY_BINS)
        if (members := inside == one).any()
    ]
    return pd.DataFrame(rows, columns=["low", "high", "n", "confidence", "accuracy"])


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean gap between confidence and accuracy over the bins of `reliability` (Guo et al. 2017)."""
    table = reliability(probabilities, labels)
    gaps = (table["confidence"] - table["accuracy"]).abs()
    return float(np.average(gaps, weights=table["n"]))


def summary(
    probabilities: np.ndarray, labels: np.ndarray, votes: np.ndarray | None = None
) -> dict[str, float]:
    """Every figure of a set of predictions that is a single number, n first."""
    figures = {
        "n": len(labels),
        "accuracy": accuracy(probabilities, labels),
        "balanced_accuracy": balanced_accuracy(probabilities, labels),
        "macro_f1": macro_f1(probabilities, labels),
        "top2": top_accuracy(probabilities, labels),
        "nll": negative_log_likelihood(probabilities, labels),
        "brier": brier_score(probabilities, labels),
        "ece": expected_calibration_error(probabilities, labels),
    }
    if votes is not None and votes.any():
        figures["votes_divergence"] = votes_divergence(probabilities, votes)
    return figures
