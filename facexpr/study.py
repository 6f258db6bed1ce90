"""Studies: configurations declared before test is opened, each fitted with several seeds.

A file of studies/ holds them by name: recipe, seeds, the split that is measured, and `set`, values
of params.yaml that differ from the recipe's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from facexpr.errors import UserError, unknown_name
from facexpr.labels import SPLITS

KEYS = {"recipe": str, "seeds": list, "split": str, "set": dict}


@dataclass(frozen=True)
class Configuration:
    """What is fitted, with which seeds, and what it is measured on."""

    recipe: str
    seeds: list[int]
    split: str
    set: dict[str, dict]

    def changes(self, seed: int) -> dict[str, dict]:
        """The values that one of its runs sets in the recipe."""
        own = {"train": {"seed": seed}, "evaluate": {"split": self.split}}
        return {name: self.set.get(name, {}) | own.get(name, {}) for name in self.set | own}


def read_study(folder: Path, name: str) -> dict[str, Configuration]:
    """The configurations of a study by their results' names; raises UserError for mistakes."""
    names = sorted(path.stem for path in folder.glob("*.yaml"))
    if name not in names:
        raise unknown_name("study", name, names)
    path = folder / f"{name}.yaml"
    return {
        result: _configuration(about, f"{path}: {result}")
        for result, about in yaml.safe_load(path.read_text(encoding="utf-8")).items()
    }


def _configuration(about: object, place: str) -> Configuration:
    about = {"set": {}} | about if isinstance(about, dict) else {}
    if {key: type(value) for key, value in about.items()} != KEYS:
        raise UserError(f"{place}: expected recipe, seeds: [0, …], split, and perhaps set")
    if about["split"] not in SPLITS:
        raise UserError(f"{place}: split: {about['split']}, expected one of: {', '.join(SPLITS)}")
    seeds = about["seeds"]
    if not seeds or len(set(seeds)) < len(seeds) or any(type(seed) is not int for seed in seeds):
        raise UserError(f"{place}: seeds: {seeds}, expected different whole numbers")
    return Configuration(**about)


def correctness(tables: Sequence[pd.DataFrame], views: int) -> np.ndarray:
    """What each seed got right, bool (seeds, N), from tables of predictions by number of views."""
    return np.array([table["label"] == table[str(views)] for table in tables])


def figures(correct: np.ndarray, draws: int, seed: int) -> dict:
    """Accuracy, mean over seeds; std over seeds, None of one; 95 % interval over images.

    correct: bool (seeds, N). The interval is a percentile bootstrap (Efron 1979) of images, each
    with the share of seeds that got it right.
    """
    each = correct.mean(axis=1)
    shares, counts = np.unique(correct.mean(axis=0), return_counts=True)
    n = correct.shape[1]
    drawn = np.random.default_rng(seed).multinomial(n, counts / n, draws) @ shares / n
    return {
        "n": n,
        "accuracy": round(float(each.mean()), 6),
        "std": round(float(each.std(ddof=1)), 6) if len(each) > 1 else None,
        "interval": [round(float(edge), 6) for edge in np.quantile(drawn, [0.025, 0.975])],
    }


def note(correct: np.ndarray, groups: Mapping[str, np.ndarray]) -> str:
    """Each seed's accuracy, and that on parts of the images: bool (N,) by what they lack."""
    each = ", ".join(f"{accuracy:.2%}" for accuracy in correct.mean(axis=1))
    parts = [f"By seed: {each}."]
    for words, members in groups.items():
        accuracy = correct[:, members].mean()
        parts.append(f"Without the {(~members).sum()} images that {words}: {accuracy:.2%}.")
    return " ".join(parts)
