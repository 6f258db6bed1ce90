"""MTCNN (Zhang et al. 2016, arXiv:1604.02878) with the weights that the `mtcnn` package ships.

Gives what `mtcnn` 1.0.0 gives for one image a call, its own ways of resizing, cropping and
suppressing included, but works on many images at once.
"""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import chain

import cv2
import numpy as np

from facexpr.detectors import Detector, Face
from facexpr.images import with_border
from facexpr.mtcnn_boxes import IMAGE, SCORE, moved, square, unbeaten
from facexpr.mtcnn_networks import Network, load_network
from facexpr.workers import cores

WINDOW_PX, STRIDE_PX = 12, 2  # what P-Net looks at, and its steps
SIDE_PX = WINDOW_PX - 1  # of its boxes: they reach from a window's second pixel to behind its last
# The shares of overlap at which the better box stays alone: within a level, then at each stage.
OVERLAPS = {"level": 0.5, "pnet": 0.7, "rnet": 0.7, "onet": 0.7}
# Bounds of memory. The first is what is worked on together, the others are chosen for speed: what
# one call of a network computes should stay in a core's cache.
LIST_PIXELS = 2**22
PNET_PIXELS = 2**15
# Crops are always this many a call: with other numbers, results have other last bits.
CROPS = {"rnet": 16, "onet": 8}
CROP_PX = {"rnet": 24, "onet": 48}


def load(
    *,
    min_face_px: int,
    scale_factor: float,
    thresholds: Sequence[float],
    border_px: int,
    border_grey: int,
    **_settings,
) -> Detector:
    """Load MTCNN. Its three networks' score thresholds are P-Net's, R-Net's and O-Net's.

    border_px: pixels put around each image, so that a face which fills its image is still seen
    whole; boxes and landmarks are given in the image without them. border_grey: their grey
    level, or -1: the image's edge repeated. Raises UserError when the package is not installed.
    """
    cascade = Cascade(min_face_px, scale_factor, thresholds)

    def detect(images: Sequence[np.ndarray]) -> list[list[Face]]:
        bordered = [with_border(image, (border_px,) * 4, border_grey) for image in images]
        each = max(1, LIST_PIXELS // max((image.size for image in bordered), default=1))
        lists = (bordered[start : start + each] for start in range(0, len(images), each))
        found = chain.from_iterable(map(cascade.find, lists))
        return [[_to_face(row, border_px) for row in rows] for rows in found]

    return detect


class Cascade:
    """The three networks, one behind the other, and the threads that run them."""

    def __init__(self, min_face_px: int, scale_factor: float, thresholds: Sequence[float]):
        """Load the networks; raises UserError when the package is not installed."""
        self._smallest_px, self._step = min_face_px, scale_factor
        self._thresholds = dict(zip(("pnet", "rnet", "onet"), thresholds, strict=True))
        self._network = cache(load_network)
        self._network("pnet", 3)  # now, so that a missing package is told early
        self._pool = ThreadPoolExecutor(cores())

    def find(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Rows of each image's faces, best first; the images are uint8, of one shape.

        Behind the score a row has the five landmarks' x, then their y.
        """
        pixels = np.stack(images).astype(np.float32)
        pixels -= 127.5
        pixels /= 128
        pixels = pixels.reshape(*pixels.shape[:3], -1)
        rows = self._propose(pixels)
        for name in ("rnet", "onet"):
            rows = self._refine(name, pixels, square(rows))
        return np.split(rows, np.searchsorted(rows[:, IMAGE], np.arange(1, len(images))))

    def _propose(self, pixels: np.ndarray) -> np.ndarray:
        """P-Net's rows, of all levels of the pyramid."""
        count, height, width, channels = pixels.shape
        network, pieces = self._network("pnet", channels), []
        for level, scale in enumerate(pyramid(width, height, self._smallest_px, self._step)):
            each = max(1, int(PNET_PIXELS / (height * scale * width * scale)))
            pieces += [(level, scale, start, start + each) for start in range(0, count, each)]

        def look(piece: tuple) -> np.ndarray:
            level, scale, start, stop = piece
            rows = windows(network, pixels[start:stop], scale, self._thresholds["pnet"])
            rows[:, IMAGE] += start + level * count  # so that levels do not meet yet
            return rows

        rows = np.concatenate([np.empty((0, 6)), *self._pool.map(look, pieces)])
        rows = rows[unbeaten(rows, OVERLAPS["level"])]
        rows[:, IMAGE] %= count
        return rows[unbeaten(rows, OVERLAPS["pnet"])]

    def _refine(self, name: str, pixels: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Rows that R-Net or O-Net leaves, their boxes moved."""
        network, each = self._network(name, pixels.shape[3]), CROPS[name]

        def look(start: int) -> list[np.ndarray]:
            some = rows[start : start + each]
            crops = np.zeros((each, pixels.shape[3], CROP_PX[name], CROP_PX[name]), np.float32)
            crops[: len(some)] = cut(pixels, some, CROP_PX[name])
            return [output[: len(some)] for output in network(crops)]

        outputs = self._pool.map(look, range(0, max(1, len(rows)), each))
        rows = moved(rows, *map(np.concatenate, zip(*outputs, strict=True)))
        rows = rows[rows[:, SCORE] > self._thresholds[name]]
        return rows[unbeaten(rows, OVERLAPS[name], of_smaller=name == "onet")]


def pyramid(width: int, height: int, min_face_size: int, scale_factor: float) -> np.ndarray:
    """Scales at which the window sees faces from `min_face_size` pixels to the whole image.

    The first makes the smallest face as large as the window; the last still holds a window.
    """
    first = WINDOW_PX / min_face_size
    steps = math.log(min(width, height) * first / WINDOW_PX) / -math.log(scale_factor)
    # A level that is as large as the window but for rounding counts.
    return first * scale_factor ** np.arange(max(0, math.floor(steps + 1e-9) + 1))


def windows(network: Network, pixels: np.ndarray, scale: float, threshold: float) -> np.ndarray:
    """Rows of P-Net's windows that score above the threshold, at one scale.

    pixels: float32 (N, H, W, channels). A large level is looked at in strips.
    """
    level = resize(pixels, scale)
    rows_out = -(-(level.shape[2] - 2) // STRIDE_PX) - 4
    each = max(1, PNET_PIXELS // (STRIDE_PX * level[:, 0, 0].size))
    found = []
    for top in range(0, rows_out, each):
        end = STRIDE_PX * (top + each) + WINDOW_PX - STRIDE_PX
        moves, scores = network(level[:, :, STRIDE_PX * top : end])
        image, y, x = np.nonzero(scores[:, 1] > threshold)
        corner = STRIDE_PX * np.stack([x, y + top], axis=1) + 1
        boxes = np.hstack([corner, corner + SIDE_PX]) + SIDE_PX * moves[image, :, y, x]
        found.append(np.column_stack([image, boxes / scale, scores[image, 1, y, x]]))
    return np.concatenate(found)


def resize(pixels: np.ndarray, scale: float) -> np.ndarray:
    """Shrink images (N, H, W, channels) by averaging areas, to (N, channels, H', W')."""
    count, height, width, channels = pixels.shape
    level = np.empty((count, int(height * scale), int(width * scale), channels), np.float32)
    for image, small in zip(pixels, level, strict=True):
        cv2.resize(image, small.shape[1::-1], dst=small, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(level.transpose(0, 3, 1, 2))


def cut(pixels: np.ndarray, rows: np.ndarray, side_px: int) -> np.ndarray:
    """Sample the boxes of `rows` bilinearly: float32 (n, channels, side_px, side_px).

    pixels: float32 (N, H, W, channels). What lies outside the image is 0, the middle grey.
    """
    _, height, width, channels = pixels.shape
    left, x_share, x_inside = _samples(rows[:, 1], rows[:, 3], width, side_px)
    top, y_share, y_inside = _samples(rows[:, 2], rows[:, 4], height, side_px)
    lines = rows[:, IMAGE, None].astype(int) * height
    first = ((lines + top) * width)[:, :, None]
    second = ((lines + np.minimum(top + 1, height - 1)) * width)[:, :, None]
    left, right = left[:, None], np.minimum(left + 1, width - 1)[:, None]
    flat, x_share = pixels.reshape(-1, channels), x_share[:, None, :, None]
    above = _between(flat.take(first + left, 0), flat.take(first + right, 0), x_share)
    below = _between(flat.take(second + left, 0), flat.take(second + right, 0), x_share)
    crops = _between(above, below, y_share[:, :, None, None])
    crops *= (y_inside[:, :, None] & x_inside[:, None])[..., None]
    return np.ascontiguousarray(crops.transpose(0, 3, 1, 2))


def _samples(start: np.ndarray, stop: np.ndarray, length: int, count: int) -> tuple:
    """The pixel before each of `count` samples, the share of the next, and what is inside.

    They go from `start` to `stop`, arrays (n,). Positions are those of TensorFlow's crop_and_resize
    when boxes are given as shares of the image's length: 1 is the centre of the last pixel.
    """
    start, stop = ((one / length).astype(np.float32)[:, None] for one in (start, stop))
    step = (stop - start) * np.float32(length - 1) / np.float32(count - 1)
    at = start * np.float32(length - 1) + np.arange(count, dtype=np.float32) * step
    inside = (at >= 0) & (at <= length - 1)
    before = np.floor(np.clip(at, 0, length - 1))
    return before.astype(int), at - before, inside


def _between(first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The value `share` of the way from first to second, which is overwritten."""
    second -= first
    second *= share
    second += first
    return second


def _to_face(row: np.ndarray, border_px: int) -> Face:
    """Read a row: image, x1, y1, x2, y2, score, five x, five y.

    The package calls the image-left eye "left"; its order of points is the project's own.
    """
    box = (row[1:5] - border_px).astype(np.float32)
    landmarks = (row[6:].reshape(2, 5).T - border_px).astype(np.float32)
    return Face(box, float(row[SCORE]), landmarks)
