"""A supersampled picture that soft-edged polygons are painted on."""

import math
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise

import cv2
import numpy as np

# ITU-R BT.601 luma.
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
FRACTION_BITS = 4
# Weaker paint is not worth the time.
FAINT = 0.03
ANGLES = np.linspace(0, 2 * np.pi, 24, endpoint=False)
CIRCLE = np.stack([np.cos(ANGLES), np.sin(ANGLES)], 1)


class Canvas:
    """Colour planes (1 or 3) and a coverage plane, `scale` times finer than the picture.

    Positions are x, y in picture pixels; the centre of the top-left pixel is (0, 0).
    """

    def __init__(self, height: int, width: int, scale: int, grey: bool) -> None:
        """Make a black canvas; colours 0..255 in float32 planes (channels + 1, H, W)."""
        self.height, self.width, self.scale, self.grey = height, width, scale, grey
        channels = 1 if grey else 3
        self.planes = np.zeros((channels + 1, height * scale, width * scale), np.float32)

    @property
    def coverage(self) -> np.ndarray:
        """Where something that covers was painted since the last `clear_coverage`: 0..1, (H, W)."""
        return self.planes[-1]

    def channels(self, colour: np.ndarray) -> np.ndarray:
        """Turn RGB (3,) into this canvas' colour channels: (1,) luma or (3,)."""
        return np.array([LUMA @ colour], np.float32) if self.grey else np.float32(colour)

    def fine(self, points: np.ndarray) -> np.ndarray:
        """Map picture positions (..., 2) to positions on the finer canvas."""
        return (points + 0.5) * self.scale - 0.5

    def box(self, points: np.ndarray, margin: float) -> tuple[slice, slice]:
        """Give rows and columns of the canvas that hold fine points (N, 2) and a margin."""
        (left, top), (right, bottom) = points.min(0).tolist(), points.max(0).tolist()
        rows, columns = self.planes.shape[1:]
        return (
            slice(max(0, int(top - margin)), min(rows, int(bottom + margin) + 3)),
            slice(max(0, int(left - margin)), min(columns, int(right + margin) + 3)),
        )

    def paint(
        self,
        polygons: Sequence[np.ndarray],
        colour: np.ndarray,
        strength: float = 1.0,
        blur: float = 0.0,
        within: Sequence[np.ndarray] = (),
        covers: bool = False,
    ) -> None:
        """Blend an RGB colour into polygons (N, 2) whose edge is soft by `blur` pixels (sigma).

        Nothing is painted outside the polygons `within`, where some are given. What `covers` is
        counted in the coverage.
        """
        if strength < FAINT:
            return
        sigma = blur * self.scale
        fine = mapped(self.fine, polygons)
        rows, columns = self.box(np.concatenate(fine), 2.5 * sigma + 1)
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return
        mask = fill(fine, rows, columns, sigma)
        if len(within):
            clip = fill(mapped(self.fine, within), rows, columns, 0.0)
            mask = cv2.multiply(mask, clip, scale=1 / 255)
        weight = mask.astype(np.float32) * np.float32(strength / 255)
        values = [*self.channels(colour), 1.0][: None if covers else -1]
        for plane, value in zip(self.planes, values, strict=False):
            area = plane[rows, columns]
            area += weight * (np.float32(value) - area)

    def clear_coverage(self) -> None:
        """Forget what was painted so far, keep its colours."""
        self.coverage[:] = 0.0

    def picture(self) -> np.ndarray:
        """Average the canvas down to float32 (H, W) or (H, W, 3)."""
        size = (self.width, self.height)
        planes = [cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in self.planes[:-1]]
        return planes[0] if self.grey else np.stack(planes, -1)


def fill(polygons: list[np.ndarray], rows: slice, columns: slice, sigma: float) -> np.ndarray:
    """Rasterise fine polygons, blurred by about `sigma`, inside a box: uint8 (rows, columns)."""
    mask = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
    shift = np.array([columns.start, rows.start])
    whole = mapped(lambda p: np.round((p - shift) * 2**FRACTION_BITS).astype(np.int32), polygons)
    # One by one: polygons that overlap in one call would cut holes into each other.
    for polygon in whole:
        cv2.fillPoly(mask, [polygon], 255, cv2.LINE_AA, FRACTION_BITS)
    # Two running means of width w have the variance of a Gaussian of sigma sqrt((w^2 - 1) / 6).
    # cv2.stackBlur would do it in one step, but its result depends on the number of threads.
    width = 2 * round((math.sqrt(6 * sigma**2 + 1) - 1) / 2) + 1
    for _ in range(2 if width > 1 else 0):
        mask = cv2.blur(mask, (width, width), borderType=cv2.BORDER_REPLICATE)
    return mask


def mapped(
    mapping: Callable[[np.ndarray], np.ndarray], shapes: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Map several shapes (N, 2) at once, which is quicker than one by one."""
    if len(shapes) == 1:
        return [mapping(shapes[0])]
    whole = mapping(np.concatenate(shapes))
    ends = accumulate((len(shape) for shape in shapes), initial=0)
    return [whole[start:end] for start, end in pairwise(ends)]


def ellipse(x: float, y: float, width: float, height: float) -> np.ndarray:
    """Outline an ellipse by its centre and half-axes: (24, 2)."""
    return CIRCLE * (width, height) + (x, y)


def ribbon(points: np.ndarray, width: np.ndarray | float) -> np.ndarray:
    """Outline a line (N, 2) that is `width` (N,) wide: (2N, 2)."""
    along = np.empty_like(points)
    along[1:-1] = points[2:] - points[:-2]
    along[0], along[-1] = points[1] - points[0], points[-1] - points[-2]
    half = along[:, ::-1] * (-0.5, 0.5)
    half *= (width / (np.hypot(along[:, 0], along[:, 1]) + 1e-9))[:, None]
    return np.concatenate([points + half, (points - half)[::-1]])
