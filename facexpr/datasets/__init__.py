"""Data sets, one module per format, found by module name.

A module here has one function:

    read(source: Path, labels: Sequence[str]) -> Iterator[Sample]

It streams the samples of `source` in a fixed order, so that memory does not grow with the data,
and raises UserError for anything wrong with them. `labels` are the classes the user declared.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np

from facexpr.errors import unknown_name


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled image: uint8 grey (H, W) or RGB (H, W, 3).

    `row` counts the samples of the source from 0, as pandas and FER+ do; `origin` says where the
    sample came from in words a user can follow ("fer2013.csv row 12", "train/happy/a.png").
    """

    row: int
    split: str
    label: str
    origin: str
    image: np.ndarray


def available() -> list[str]:
    """Names of the data set modules that this folder holds."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def read(name: str, source: Path, labels: Sequence[str]) -> Iterator[Sample]:
    """Stream the samples of `source`, read by the data set module `name`.

    Raises UserError for an unknown name and for anything wrong with the source.
    """
    if name not in available():
        raise unknown_name("data.format", name, available())
    return import_module(f"facexpr.datasets.{name}").read(source, labels)
