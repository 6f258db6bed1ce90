"""Writing drawn faces in the CSV format of FER2013."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import numpy as np

from facexpr.errors import unknown_name
from facexpr.labels import FER2013, SPLITS
from facexpr.sample.drawing import draw_face

# FER2013 calls its splits so (Goodfellow et al. 2013, arXiv:1307.0414).
USAGES = {"train": "Training", "val": "PublicTest", "test": "PrivateTest"}
LANDMARK_COLUMNS = tuple(f"{axis}{number}" for number in range(1, 6) for axis in "xy")


def landmark_cells(points: np.ndarray) -> list[str]:
    """Spell landmarks (5, 2) as x1, y1, …, x5, y5 with three decimals."""
    return [f"{value:.3f}" for value in points.ravel().tolist()]


def write_csv(path: Path, landmarks_path: Path, counts: dict[str, int], seed: int) -> int:
    """Write drawn faces in FER2013's format, and their landmarks by row number from 0.

    `counts` gives the number of pictures per split; classes take turns within a split. A picture
    depends on the seed, its split and its place in the split alone. Gives the number written.
    Raises UserError when `counts` names an unknown split.
    """
    for split in counts:
        if split not in SPLITS:
            raise unknown_name("counts", split, SPLITS)
    with open_table(path) as faces_stream, open_table(landmarks_path) as points_stream:
        faces = csv.writer(faces_stream, lineterminator="\n")
        points = csv.writer(points_stream, lineterminator="\n")
        faces.writerow(["emotion", "pixels", "Usage"])
        points.writerow(["row", *LANDMARK_COLUMNS])
        for row, (split, code, image, landmarks) in enumerate(drawn(counts, seed)):
            faces.writerow([code, " ".join(map(str, image.ravel().tolist())), USAGES[split]])
            points.writerow([row, *landmark_cells(landmarks)])
    return sum(counts.values())


def drawn(counts: dict[str, int], seed: int) -> Iterator[tuple[str, int, np.ndarray, np.ndarray]]:
    """Draw face after face: split, class code, uint8 (48, 48), landmarks float32 (5, 2)."""
    for split_index, split in enumerate(SPLITS):
        for index in range(counts.get(split, 0)):
            code = index % len(FER2013)
            generator = np.random.default_rng([seed, split_index, index])
            yield split, code, *draw_face(FER2013[code], generator)


def open_table(path: Path) -> TextIO:
    """Open a CSV file for writing, in a folder that is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("w", encoding="utf-8", newline="")
