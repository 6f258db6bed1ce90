"""What an image alone gives away: its hashes, and whether it is no photo."""

from collections.abc import Iterable
from struct import Struct

import numpy as np
import pandas as pd

from facexpr.images import hash_image, to_grey
from facexpr.perceptual_hash import perceptual_hash
from facexpr.records import Member

DESCRIPTION = ["hash", "near_hash", "range", "flat_rows", "flat_pixels"]
PACKED = Struct("<64sQqdd")
CODE = ("description", "images", "perceptual_hash", "records")  # what a description follows from


def describe_members(task: tuple[tuple, list[Member]]) -> list[bytes]:
    """The description of each image, packed; a task is nothing, and a list."""
    return [PACKED.pack(*describe(member.image())) for member in task[1]]


def describe(image: np.ndarray) -> tuple[bytes, int, int, float, float]:
    """Two hashes of an image, and what a picture that is no photo gives away.

    In the order of DESCRIPTION: of shape and pixels, in hexadecimal; the perceptual one, of 64
    bits; the range of the values; the share of rows, at the bottom, that are of one single value;
    the share of the commonest grey.
    """
    hashes = hash_image(image).encode(), int(perceptual_hash(image))
    return *hashes, int(np.ptp(image)), flat_rows(image), flat_pixels(image)


def described_table(described: Iterable[tuple[str, bytes]]) -> pd.DataFrame:
    """One row an image, of keys and packed descriptions: key and the columns of DESCRIPTION."""
    rows = [(key, *PACKED.unpack(packed)) for key, packed in described]
    table = pd.DataFrame(rows, columns=["key", *DESCRIPTION]).astype({"near_hash": np.uint64})
    return table.assign(hash=table["hash"].map(bytes.decode))


def flat_rows(image: np.ndarray) -> float:
    """The share of rows at the bottom that are all of the bottom-left pixel's value or colour.

    Decoders fill in so what a file cut short lacks.
    """
    equal = (image == image[-1, 0]).reshape(len(image), -1).all(axis=1)[::-1]
    return 1.0 if equal.all() else float(np.argmin(equal)) / len(image)


def flat_pixels(image: np.ndarray) -> float:
    """The share of pixels that have the commonest grey level."""
    return float(np.bincount(to_grey(image).ravel()).max()) / (image.shape[0] * image.shape[1])
