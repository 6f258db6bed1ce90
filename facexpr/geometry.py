"""Geometry of faces: similarity transforms, and the warps that make aligned images.

Points are (x, y) in pixels, the centre of the top-left pixel at (0, 0).
"""

import cv2
import numpy as np

from facexpr.images import outside, with_border


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Least-squares rotation, scale and shift that takes `source` to `target`, without mirroring.

    source, target: (n, 2), n >= 2. Returns (2, 3) float64, for cv2.warpAffine.
    The closed form in the complex plane of Umeyama 1991 (IEEE PAMI 13:4). Raises ValueError when
    the source points coincide.
    """
    if source.shape != target.shape or source.ndim != 2 or source.shape[1] != 2:
        raise ValueError(f"expected two (n, 2) arrays, got {source.shape} and {target.shape}")
    # A few points in Python's own numbers take a quarter of the time of numpy's arrays.
    p, q = ([complex(x, y) for x, y in points.tolist()] for points in (source, target))
    p_mean, q_mean = sum(p) / len(p), sum(q) / len(q)
    arms = [one - p_mean for one in p]
    spread = sum(abs(arm) ** 2 for arm in arms)
    if spread < 1e-12:
        raise ValueError("the source points coincide: no similarity takes them anywhere")
    turns = (arm.conjugate() * (one - q_mean) for arm, one in zip(arms, q, strict=True))
    turn = sum(turns) / spread
    shift = q_mean - turn * p_mean
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def square_to(box_xyxy: np.ndarray, px: int) -> np.ndarray:
    """Transform that takes the square around a box to a px by px image; (2, 3) float64.

    The square shares the box's centre and has its longer side, so nothing is squashed. A box
    spans pixel edges: the whole of a (h, w) image is (-0.5, -0.5, w - 0.5, h - 0.5).
    """
    x1, y1, x2, y2 = np.asarray(box_xyxy, np.float64)
    side = max(x2 - x1, y2 - y1)
    return _centred((x1 + x2) / 2, (y1 + y2) / 2, px / side, px / side, px)


def stretch_to(box_xyxy: np.ndarray, px: int) -> np.ndarray:
    """Transform that squashes a box to a px by px image; (2, 3) float64."""
    x1, y1, x2, y2 = np.asarray(box_xyxy, np.float64)
    return _centred((x1 + x2) / 2, (y1 + y2) / 2, px / (x2 - x1), px / (y2 - y1), px)


def _centred(x: float, y: float, scale_x: float, scale_y: float, px: int) -> np.ndarray:
    """Transform that scales, and takes (x, y) to the centre of a px by px image."""
    middle = (px - 1) / 2
    return np.array([[scale_x, 0, middle - scale_x * x], [0, scale_y, middle - scale_y * y]])


def whole_box(shape: tuple[int, ...]) -> np.ndarray:
    """The box of a whole image of shape (H, W, ...), float32 xyxy on pixel edges."""
    return np.array([-0.5, -0.5, shape[1] - 0.5, shape[0] - 0.5], np.float32)


def widen(box_xyxy: np.ndarray, share: float) -> np.ndarray:
    """Move each side of a box outwards by `share` of the box's width or height; float64 (4,).

    A negative share moves them inwards; -0.5 and less would leave nothing.
    """
    corners = np.asarray(box_xyxy, np.float64).reshape(2, 2)
    move = share * (corners[1] - corners[0])
    return np.concatenate([corners[0] - move, corners[1] + move])


def cut(image: np.ndarray, box_xyxy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pixels of an image that lie in a box, at least one, and the box as it lies in them.

    Box sides are rounded to the nearest edges of pixels; the box itself stays as it is.
    """
    height, width = image.shape[:2]
    left, top, right, bottom = np.floor(np.asarray(box_xyxy, np.float64) + 1).astype(int).tolist()
    left, top = min(max(0, left), width - 1), min(max(0, top), height - 1)
    inside = image[top : max(top + 1, bottom), left : max(left + 1, right)]
    return inside, np.asarray(box_xyxy, np.float64) - (left, top, left, top)


def warp(
    image: np.ndarray, transform: np.ndarray, px: int, fill: int = -1, interpolation: str = "linear"
) -> np.ndarray:
    """Resample an image under a (2, 3) transform to px by px.

    fill: the grey level outside the image, or -1: its edge is repeated. interpolation: linear or
    cubic; along an axis that shrinks by two or more, whole pixels are first averaged, as sampling
    would skip some of them.
    """
    # How much each of the image's axes shrinks; rounding must not make 2.999… of a scale of 1/3.
    factors = [int(1 / np.hypot(*column) + 1e-9) for column in transform[:, :2].T]
    if max(factors) > 1:
        image, transform = _shrink(image, transform, *(max(1, one) for one in factors), fill)
    mode, value = outside(fill)
    return cv2.warpAffine(
        image,
        transform,
        (px, px),
        flags=cv2.INTER_CUBIC if interpolation == "cubic" else cv2.INTER_LINEAR,
        borderMode=mode,
        borderValue=value,
    )


def _shrink(image: np.ndarray, transform: np.ndarray, across: int, down: int, fill: int) -> tuple:
    """Average blocks of `down` rows and `across` columns, and fit the transform to the result."""
    height, width = image.shape[:2]
    padded = with_border(image, (0, -height % down, 0, -width % across), fill)
    new_wh = (padded.shape[1] // across, padded.shape[0] // down)
    small = cv2.resize(padded, new_wh, interpolation=cv2.INTER_AREA)
    # Pixel centres: x = across * x_small + (across - 1) / 2.
    back = np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]])
    return small, transform @ back
