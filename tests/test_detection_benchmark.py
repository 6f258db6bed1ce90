"""How benchmarks/detection.py compares ways to detect; stand-ins take the place of detectors."""

import sys

import numpy as np
from closure import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))

from detection import agreement, compare

FACE = np.arange(14.0)[None]
NONE = np.empty((0, 14))


def test_faces_agree_within_half_a_pixel():
    own = [FACE, FACE, FACE, NONE]
    assert agreement([FACE + 0.4, FACE, FACE, NONE], own) == "4 of 4"
    assert agreement([FACE + 0.6, NONE, np.vstack([FACE, FACE]), NONE], own) == "1 of 4"
    assert agreement([FACE], own) == "1 of 1"  # a way that was given the first image only


def test_every_way_gets_its_lists_and_a_row():
    lists = []

    def package(images):
        lists.append(len(images))
        return [FACE] * len(images)

    ways = {"pairs": (package, 2, range(5))}
    rows = compare("dots", ways, lambda images: [FACE for _ in images], range(5), rounds=2)
    assert lists == [2, 2, 1] * 3
    assert [row[:2] for row in rows] == [["dots, 5", "pairs"], ["dots, 5", "this project"]]
    assert [row[-1] for row in rows] == ["5 of 5", "-"]
