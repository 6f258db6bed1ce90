"""What may become a face on its way through MTCNN: rows of image, x1, y1, x2, y2, score, float64.

The arithmetic is that of the package `mtcnn` 1.0.0, on the rows of many images at once.
"""

from collections.abc import Iterator

import numpy as np

IMAGE, SCORE = 0, 5  # columns
PAIRS = 2**20  # of boxes that are compared at once: a bound of memory


def square(rows: np.ndarray) -> np.ndarray:
    """Widen boxes to squares about their centres."""
    sides = rows[:, 3:5] - rows[:, 1:3]
    longer = sides.max(axis=1, keepdims=True)
    corner = rows[:, 1:3] + sides * 0.5 - longer * 0.5
    return np.column_stack([rows[:, IMAGE], corner, corner + longer, rows[:, SCORE]])


def moved(rows: np.ndarray, moves: np.ndarray, *outputs: np.ndarray) -> np.ndarray:
    """Rows as R-Net or O-Net tells them: box sides moved, landmarks added, scores replaced.

    moves: (n, 4); outputs: landmarks (n, 10), all x first, if the network tells them, and the
    probabilities (n, 2); moves and landmarks are shares of a box.
    """
    *landmarks, scores = outputs
    sides, corner = rows[:, 3:5] - rows[:, 1:3] + 1, rows[:, 1:3]
    boxes = rows[:, 1:5] + moves * np.tile(sides, 2)
    points = [one * sides.repeat(5, 1) + corner.repeat(5, 1) - 1 for one in landmarks]
    return np.column_stack([rows[:, IMAGE], boxes, scores[:, 1], *points])


def unbeaten(rows: np.ndarray, limit: float, of_smaller: bool = False) -> np.ndarray:
    """Indices of the boxes that no better one of their image overlaps, best first by image.

    A box falls to better ones that have themselves fallen, too: so it is in the package. Overlap
    is the share of the union, or of the smaller box, and must be above `limit`.
    """
    order = _best_first(rows)
    boxes = np.ascontiguousarray(rows[order, 1:5].T)
    falls = np.zeros(len(rows), bool)
    for worse, better in _pairs(rows[order, IMAGE]):
        falls[worse[_overlap(boxes.take(worse, 1), boxes.take(better, 1), of_smaller) > limit]] = (
            True
        )
    return order[~falls]


def _best_first(rows: np.ndarray) -> np.ndarray:
    """Indices that sort rows by image, and by falling score within it."""
    order = np.lexsort((-rows[:, SCORE], rows[:, IMAGE]))
    images, scores = rows[order][:, [IMAGE, SCORE]].T
    # P-Net's scores often reach 1 but for the last bit, and then are equal. Which box stays is
    # chance, and numpy's sort may decide otherwise on another processor; the same call as in the
    # package leaves the box that it leaves.
    for image in np.unique(images[1:][(np.diff(images) == 0) & (np.diff(scores) == 0)]):
        those = np.flatnonzero(rows[:, IMAGE] == image)
        order[images == image] = those[np.argsort(rows[those, SCORE])[::-1]]
    return order


def _pairs(images: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All pairs of indices, the larger first, of equal `images`, which are sorted; in blocks."""
    first = np.searchsorted(images, images)
    before = np.arange(len(images)) - first
    behind = np.cumsum(before)
    for block in np.split(np.arange(len(images)), np.flatnonzero(np.diff(behind // PAIRS)) + 1):
        larger = block.repeat(before[block])
        skipped = (behind - before)[block] - first[block]
        start = (behind - before)[block[:1]].sum()
        yield larger, np.arange(len(larger)) + start - skipped.repeat(before[block])


def _overlap(one: np.ndarray, other: np.ndarray, of_smaller: bool) -> np.ndarray:
    """Shares of overlap of boxes (4, n) with others: of their union, or of the smaller one."""
    width, height = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    first, second = ((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return shared / (np.minimum(first, second) if of_smaller else first + second - shared)
