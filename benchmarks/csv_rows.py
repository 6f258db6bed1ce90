"""FER2013 as a plain CSV: all of it, a part of it, and more of it than there is."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from facexpr.datasets.fer2013 import COLUMNS, find_csv, parse_pixels, read_rows

ROWS = 35_887
CHANGED_PIXELS = 32  # of a perturbed image: few, so that it stays as long as PNG as it was


def unpack(source: Path, csv: Path, rows: int) -> None:
    """Write so many rows of FER2013 in any form of its CSV, evenly taken."""
    source = find_csv(source) if source.is_dir() else source
    evenly = islice(read_rows(source, COLUMNS), 0, None, max(1, ROWS // rows))
    write(csv, (cells for _, cells in islice(evenly, rows)))


def write(csv: Path, rows: Iterable[list[str]], mode: str = "w") -> None:
    """Write rows of cells in the order of COLUMNS, or append them with mode "a"."""
    with csv.open(mode, encoding="utf-8") as file:
        if mode == "w":
            file.write(f"{','.join(COLUMNS)}\n")
        file.writelines(f"{','.join(cells)}\n" for cells in rows)


def perturbed(csv: Path, seed: int, every: int = 1) -> Iterator[list[str]]:
    """Rows that copy every so many-th row of a CSV, perturbed."""
    chance = np.random.default_rng(seed)
    for origin, cells in islice(read_rows(csv, COLUMNS), 0, None, every):
        image = perturb(parse_pixels(origin, cells[1]), chance)
        yield [cells[0], " ".join(map(str, image.ravel().tolist())), cells[2]]


def perturb(image: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """Move CHANGED_PIXELS pixels of a uint8 image by 1 or 2 grey levels, towards middle grey."""
    changed = image.copy()
    places = chance.choice(image.size, CHANGED_PIXELS, replace=False)
    steps = chance.integers(1, 3, CHANGED_PIXELS)
    values = image.flat[places].astype(int)
    changed.flat[places] = values + np.where(values < 128, steps, -steps)
    return changed
