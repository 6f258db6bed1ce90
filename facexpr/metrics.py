"""Measuring predictions: every image counts, and a figure comes with its interval."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support


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
