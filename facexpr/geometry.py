"""Geometry of faces: similarity transforms, and the warps that make aligned images.

Points are (x, y) in pixels, the centre of the top-left pixel at (0, 0).
"""

import cv2
import numpy as np


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Least-squares rotation, scale and shift that takes `source` to `target`, without mirroring.

    source, target: (n, 2), n >= 2. Returns (2, 3) float64, for cv2.warpAffine.
    The closed form in the complex plane of Umeyama 1991 (IEEE PAMI 13:4). Raises ValueError when
    the source points coincide.
    """
    if source.shape != target.shape or source.ndim != 2 or source.shape[1] != 2:
        raise ValueError(f"expected two (n, 2) arrays, got {source.shape} and {target.shape}")
    p, q = (np.asarray(points, np.float64) @ (1, 1j) for points in (source, target))
    spread = np.sum(np.abs(p - p.mean()) ** 2)
    if spread < 1e-12:
        raise ValueError("the source points coincide: no similarity takes them anywhere")
    turn = np.sum(np.conj(p - p.mean()) * (q - q.mean())) / spread
    shift = q.mean() - turn * p.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def square_to(box_xyxy: np.ndarray, px: int) -> np.ndarray:
    """Transform that takes the square around a box to a px by px image; (2, 3) float64.

    The square shares the box's centre and has its longer side, so nothing is squashed. A box
    spans pixel edges: the whole of a (h, w) image is (-0.5, -0.5, w - 0.5, h - 0.5).
    """
    x1, y1, x2, y2 = np.asarray(box_xyxy, np.float64)
    scale = px / max(x2 - x1, y2 - y1)
    middle = (px - 1) / 2
    return np.array(
        [
            [scale, 0, middle - scale * (x1 + x2) / 2],
            [0, scale, middle - scale * (y1 + y2) / 2],
        ]
    )


def whole_box(shape: tuple[int, ...]) -> np.ndarray:
    """The box of a whole image of shape (H, W, ...), float32 xyxy on pixel edges."""
    return np.array([-0.5, -0.5, shape[1] - 0.5, shape[0] - 0.5], np.float32)


def warp(image: np.ndarray, transform: np.ndarray, px: int) -> np.ndarray:
    """Resample an image under a (2, 3) similarity to px by px, the border replicated.

    Bilinear; an image that shrinks by two or more is first averaged over whole pixels, as
    bilinear sampling would skip some of them.
    """
    scale = np.hypot(transform[0, 0], transform[1, 0])
    factor = int(1 / scale + 1e-9)  # rounding must not make 2.999… of a scale of 1/3
    if factor > 1:
        image, transform = _shrink(image, transform, factor)
    return cv2.warpAffine(
        image, transform, (px, px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def _shrink(image: np.ndarray, transform: np.ndarray, factor: int) -> tuple:
    """Average blocks of factor x factor pixels, and the transform that fits the result."""
    height, width = image.shape[:2]
    rows, columns = -height % factor, -width % factor
    padded = cv2.copyMakeBorder(image, 0, rows, 0, columns, cv2.BORDER_REPLICATE)
    new_wh = (padded.shape[1] // factor, padded.shape[0] // factor)
    small = cv2.resize(padded, new_wh, interpolation=cv2.INTER_AREA)
    # Pixel centres: x = factor * x_small + (factor - 1) / 2.
    back = np.array([[factor, 0, (factor - 1) / 2], [0, factor, (factor - 1) / 2], [0, 0, 1]])
    return small, transform @ back
