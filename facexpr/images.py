"""Reading, encoding and reshaping single images: uint8, grey (H, W) or RGB (H, W, 3)."""

import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO
from unicodedata import category

import cv2
import numpy as np

from facexpr.errors import UserError

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})  # Unicode's controls, surrogates, line ends
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"  # how such files begin
MAX_BYTES = 1_000_000_000  # 100 million pixels, uncompressed, of four times 16 bits have fewer


def read_image(path: str | Path) -> np.ndarray:
    """Read a picture file as uint8 grey (H, W) or RGB (H, W, 3), as `decode` does.

    Raises UserError when the file cannot be read or holds no picture.
    """
    name = printable(path)
    try:
        with Path(path).open("rb") as file:
            return read_stream(file, name)
    except OSError as error:
        raise UserError(f"{name}: cannot be read: {error.strerror}") from None


def read_stream(file: BinaryIO, name: str) -> np.ndarray:
    """Read a picture from an open file or pipe, even an endless one, as `read_image` does."""
    data = bytearray()
    while part := file.read(2**20):
        data += part
        if len(data) > MAX_BYTES:
            raise UserError(f"{name}: larger than {MAX_BYTES // 10**6} MB, expected a picture")
    return decode(bytes(data), name)


def check_picture(image: np.ndarray) -> np.ndarray:
    """The image itself; raises ValueError unless it is uint8, grey (H, W) or RGB (H, W, 3)."""
    kind = f"shape {np.shape(image)}, {getattr(image, 'dtype', type(image).__name__)}"
    shaped = np.ndim(image) == 2 or (np.ndim(image) == 3 and np.shape(image)[2] == 3)
    if not (shaped and np.size(image) and getattr(image, "dtype", None) == np.uint8):
        raise ValueError(f"a picture of {kind}; expected uint8, grey (H, W) or RGB (H, W, 3)")
    return image


def printable(path: str | Path) -> str:
    """A path as one line of UTF-8: control characters and broken bytes as \\n, \\x1b, \\udcff."""
    return "".join(
        char.encode("unicode_escape").decode() if category(char) in UNPRINTABLE else char
        for char in str(path)
    )


def decode(data: bytes, name: str) -> np.ndarray:
    """Decode PNG, JPEG, … to uint8 grey (H, W) or RGB (H, W, 3), EXIF rotation applied.

    Of 16 bits the upper 8 count, of an animation the first frame; what is transparent is white.
    Raises UserError naming `name` when the bytes are not a whole picture, or it is too large.
    """
    if not data:
        raise UserError(f"{name}: empty file, expected a picture")
    try:
        image = _decode(data)
    except cv2.error as error:
        if "MAX_IMAGE_PIXELS" in str(error.err):
            raise UserError(f"{name}: larger than {_most_pixels()} pixels; shrink it") from None
        image = None
    if image is None:
        raise UserError(f"{name}: not a readable picture (broken or not an image)")
    return image


def _most_pixels() -> str:
    """The limit of pixels in words, as this project or the user has set it for OpenCV."""
    limit = os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"]
    return f"{int(limit) / 1e6:g} million" if limit.isdecimal() else limit


def _decode(data: bytes) -> np.ndarray | None:
    """Decode as `decode` does; returns None, or raises cv2.error, where OpenCV cannot."""
    if _is_cut_png(data):
        return None
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_ANYCOLOR)
    if image is None or image.ndim == 2:
        return image
    if _may_be_transparent(data):
        _put_on_white(image, *_find_alpha(data))
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _is_cut_png(data: bytes) -> bool:
    """Whether a PNG ends before its chunks do; OpenCV would reserve the 2 GB that one may claim."""
    if not data.startswith(PNG):
        return False
    start = len(PNG)
    while start < len(data) and data[start + 4 : start + 8] != b"IEND":
        start += 12 + int.from_bytes(data[start : start + 4], "big")  # length, name, …, checksum
    return start >= len(data)


def _may_be_transparent(data: bytes) -> bool:
    """Whether a file is worth a second look for an alpha channel: not JPEG, nor most PNG."""
    if data.startswith(PNG):
        return data[25] in (4, 6) or b"tRNS" in data  # colour type in the header; a palette's alpha
    return not data.startswith(JPEG)


def _find_alpha(data: bytes) -> tuple[np.ndarray | None, bool]:
    """Alpha, uint8 (H, W), None where all is opaque, and whether colours are multiplied by it."""
    buffer = np.frombuffer(data, np.uint8)
    image, kinds, metadata = cv2.imdecodeWithMetadata(buffer, flags=cv2.IMREAD_UNCHANGED)
    if image is None or image.shape[2:] != (4,) or image.dtype not in (np.uint8, np.uint16):
        return None, False
    alpha = np.ascontiguousarray(image[..., 3])
    if alpha.min() == np.iinfo(alpha.dtype).max:
        return None, False
    exif = [
        blob for kind, blob in zip(kinds, metadata, strict=True) if kind == cv2.IMAGE_METADATA_EXIF
    ]
    multiplied = alpha.dtype == np.uint8 and data.startswith((b"II", b"MM"))  # in OpenCV's TIFF
    return _rotate(alpha, exif), multiplied


def _rotate(channel: np.ndarray, exif: list[np.ndarray]) -> np.ndarray:
    """Turn a channel as EXIF says, and 16 bits into 8: what IMREAD_UNCHANGED alone leaves out."""
    kinds = [cv2.IMAGE_METADATA_EXIF] * len(exif)
    _, png = cv2.imencodeWithMetadata(".png", channel, kinds, exif)
    return cv2.imdecode(png, cv2.IMREAD_GRAYSCALE)


def _put_on_white(image: np.ndarray, alpha: np.ndarray | None, multiplied: bool) -> None:
    """Composite BGR (H, W, 3) in place over white; `multiplied` by alpha it may be already."""
    if alpha is None:
        return
    for channel in range(3):
        colour = image[..., channel]
        if not multiplied:
            colour = cv2.multiply(colour, alpha, scale=1 / 255)
        image[..., channel] = cv2.add(colour, 255 - alpha)


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
