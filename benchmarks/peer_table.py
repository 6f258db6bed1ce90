"""Scoring what peers predicted, with one code for all, and the table of `benchmarks/PEERS.md`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from page import table
from peer import Way

from facexpr.metrics import bootstrap_interval

COLUMNS = ("peer", "way", "a call", "accuracy", "95 % interval", "faces found", "of those right")
COLUMNS += ("faces/s", "ms a face", "peak memory", "installed")


@dataclass(frozen=True, slots=True)
class Score:
    """Shares of images: right out of all, found, and right among those found (NaN for none)."""

    accuracy: float
    interval: tuple[float, float]
    found: float
    among_found: float


def score(predicted: Sequence[str | None], truth: Sequence[str]) -> Score:
    """Score all images, in the order of `truth`; where no face was found (None) is wrong."""
    right = np.array([name == label for name, label in zip(predicted, truth, strict=True)])
    found = np.array([name is not None for name in predicted])
    among_found = float(right[found].mean()) if found.any() else float("nan")
    interval = bootstrap_interval(right, draws=10_000, seed=0)
    return Score(float(right.mean()), interval, float(found.mean()), among_found)


def row(way: Way, scored: Score, result: dict, installed: int) -> list[str]:
    """The cells of one way; result: its "rate" and "memory" as peer.py tells them.

    The rate of a way that found no face at all is not shown: it did not do the work.
    """
    low, high = scored.interval
    shares = [f"{scored.accuracy:.1%}", f"{low:.1%} to {high:.1%}"]
    among_found = "-" if np.isnan(scored.among_found) else f"{scored.among_found:.1%}"
    found = [f"{scored.found:.1%}", among_found] if way.detects else ["-", "-"]
    rates = [f"{result['rate']:,.0f}", f"{1000 / result['rate']:.2f}"]
    rates = rates if scored.found else ["-", "-"]
    sizes = [f"{result['memory'] / 2**20:,.0f} MiB", f"{installed / 2**20:,.0f} MiB"]
    return [way.peer, way.title, str(way.batch), *shares, *found, *rates, *sizes]


def render(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with the columns COLUMNS, numbers to the right."""
    return table(COLUMNS, rows)
