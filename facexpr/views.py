"""Several views of a face, whose predictions are averaged."""

from collections.abc import Callable, Iterator

import cv2
import numpy as np


def view_boxes(px: int, side: int) -> list[tuple[int, int]]:
    """Top-left (y, x) of the five crops of `side` in px by px: four corners and the centre."""
    last, middle = px - side, (px - side) // 2
    return [(0, 0), (0, last), (last, 0), (last, last), (middle, middle)]


def make_views(images: np.ndarray, views: int, crop: float) -> Iterator[np.ndarray]:
    """Yield `views` versions of uint8 images (N, H, H): 1, 2 (and mirrored), or 10.

    Ten views (Krizhevsky et al. 2012): five crops of crop * H, resized to H, and their mirrors.
    """
    if views < 10:
        yield images
        if views == 2:
            yield images[:, :, ::-1]
        return
    px = images.shape[1]
    side = round(px * crop)
    for y, x in view_boxes(px, side):
        cut = [cv2.resize(image[y : y + side, x : x + side], (px, px)) for image in images]
        yield np.stack(cut)
        yield np.stack(cut)[:, :, ::-1]


def average_views(
    predict: Callable[[np.ndarray], np.ndarray], images: np.ndarray, views: int, crop: float
) -> np.ndarray:
    """Probabilities (N, classes): the normalised mean of log-probabilities over the views."""
    if views == 1:
        return predict(images)
    logs = [np.log(np.clip(predict(view), 1e-12, 1)) for view in make_views(images, views, crop)]
    mean = np.exp(np.mean(logs, axis=0))
    return mean / mean.sum(axis=1, keepdims=True)
