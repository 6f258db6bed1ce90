"""Reading, encoding and reshaping single images: uint8, grey (H, W) or RGB (H, W, 3)."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np

from facexpr.errors import UserError

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


def read_image(path: Path) -> np.ndarray:
    """Read a picture file as uint8 grey (H, W) or RGB (H, W, 3), EXIF rotation applied.

    Raises UserError when the file cannot be read or holds no picture.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    return decode(data, name=str(path))


def decode(data: bytes, name: str) -> np.ndarray:
    """Decode PNG, JPEG, … to uint8 grey (H, W) or RGB (H, W, 3); transparency is dropped.

    Raises UserError naming `name` when the bytes are not a whole picture.
    """
    if not data:
        raise UserError(f"{name}: empty file, expected a picture")
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_ANYCOLOR)
    if image is None:
        raise UserError(f"{name}: not a readable picture (broken or not an image)")
    return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def encode_png(image: np.ndarray) -> bytes:
    """Encode uint8 grey (H, W) or RGB (H, W, 3) as PNG; equal pixels give equal bytes."""
    pixels = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".png", pixels)
    if not done:
        raise ValueError(f"no PNG can be made of shape {image.shape}, {image.dtype}")
    return data.tobytes()


def hash_image(image: np.ndarray) -> str:
    """SHA-256 of shape and pixels: equal for exactly equal images."""
    return sha256(repr(image.shape).encode() + np.ascontiguousarray(image).tobytes()).hexdigest()


def to_grey(image: np.ndarray) -> np.ndarray:
    """Turn grey (H, W) or RGB (H, W, 3) into grey (H, W), by ITU-R BT.601 luma weights."""
    return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def to_rgb(image: np.ndarray) -> np.ndarray:
    """Turn grey (H, W) or RGB (H, W, 3) into RGB (H, W, 3)."""
    return image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)


def with_border(image: np.ndarray, sides_px: Sequence[int], grey: int) -> np.ndarray:
    """Put pixels above, below, left and right of an image; `grey` as for `outside`."""
    mode, value = outside(grey)
    return cv2.copyMakeBorder(image, *sides_px, borderType=mode, value=value)


def outside(grey: int) -> tuple[int, tuple[int, int, int]]:
    """OpenCV's border mode and value for a grey level, 0 to 255, or -1: the edge repeated."""
    return (cv2.BORDER_REPLICATE if grey < 0 else cv2.BORDER_CONSTANT), (grey,) * 3
