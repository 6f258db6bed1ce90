"""The mean image and spread of the faces that training fits."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from facexpr.errors import UserError

PART = 256  # images that are summed together


@dataclass(frozen=True, eq=False)
class Mean:
    """image: float64 (H, W), the mean of each pixel; std: the spread of all pixels around it.

    scalar: the mean of all pixels; count: images it was computed over.
    """

    image: np.ndarray
    std: float
    scalar: float
    count: int


def compute_mean(images: Iterable[np.ndarray]) -> Mean:
    """Mean over uint8 grey (H, W) images of one shape, in exact integer sums.

    std is the square root of the mean squared distance to the mean image. Raises UserError
    when there are no images.
    """
    total, squares, count = 0, 0, 0
    images = iter(images)
    while part := list(islice(images, PART)):
        pixels = np.stack(part)
        total += pixels.sum(axis=0, dtype=np.int64)
        squares += np.square(pixels, dtype=np.uint16).sum(axis=0, dtype=np.int64)
        count += len(part)
    if count == 0:
        raise UserError("no images to take the mean of; check data.fit")
    mean = total / count
    std = float(np.sqrt(np.mean(squares / count - mean**2)))
    return Mean(mean, std, float(mean.mean()), count)


def save_mean(path: Path, mean: Mean) -> None:
    """Write mean.npz; equal values give equal bytes."""
    np.savez(path, image=mean.image, std=mean.std, scalar=mean.scalar, count=mean.count)


def load_mean(path: Path) -> Mean:
    """Read mean.npz; raises UserError when it is missing or broken."""
    try:
        with path.open("rb") as file, np.load(file) as values:
            image, std, scalar = values["image"], float(values["std"]), float(values["scalar"])
            return Mean(image, std, scalar, int(values["count"]))
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run 'dvc repro mean'") from None
    except (OSError, KeyError, ValueError, EOFError, BadZipFile) as error:
        raise UserError(f"{path}: not a mean file: {error}; run 'dvc checkout'") from None
