"""Several views of a face, whose predictions are averaged."""

from collections.abc import Callable, Iterator

import cv2
import numpy as np

VIEWS = (1, 2, 10)


def view_boxes(px: int, side: int) -> list[tuple[int, int]]:
    """Top-left (y, x) of the five crops of `side` in px by px: four corners and the centre."""
    last, middle = px - side, (px - side) // 2
    return [(0, 0), (0, last), (last, 0), (last, last), (middle, middle)]


def make_views(
    images: np.ndarray, views: int, crop: float, crop_px: int = 0
) -> Iterator[np.ndarray]:
    """Yield `views` versions of uint8 images (N, H, H): 1, 2 (and mirrored), or 10.

    Ten views (Krizhevsky et al. 2012): five crops of crop * H, resized to H, and their mirrors.
    A model that takes the middle crop_px of what it is given has crops of that side instead: each
    image is moved so that its corner, not resized, lies where the model looks.
    """
    if views < 10:
        yield images
        if views == 2:
            yield images[:, :, ::-1]
        return
    px = images.shape[1]
    side = crop_px or round(px * crop)
    for corner in view_boxes(px, side):
        cut = _moved(images, corner, side) if crop_px else _enlarged(images, corner, side)
        yield cut
        yield cut[:, :, ::-1]


def _enlarged(images: np.ndarray, corner: tuple[int, int], side: int) -> np.ndarray:
    """The crop of `side` at a corner (y, x) of each image, resized to the whole."""
    (y, x), px = corner, images.shape[1]
    return np.stack([cv2.resize(one[y : y + side, x : x + side], (px, px)) for one in images])


def _moved(images: np.ndarray, corner: tuple[int, int], side: int) -> np.ndarray:
    """The images moved so that the crop of `side` at a corner (y, x) comes to the middle."""
    (y, x), px = corner, images.shape[1]
    before = (px - side) // 2
    around = (before, px - side - before)
    padded = np.pad(images, ((0, 0), around, around), mode="edge")
    return padded[:, y : y + px, x : x + px]


def average_views(
    predict: Callable[[np.ndarray], np.ndarray],
    images: np.ndarray,
    views: int,
    crop: float,
    crop_px: int = 0,
) -> np.ndarray:
    """Probabilities (N, classes): the normalised mean of log-probabilities over the views."""
    if views == 1:
        return predict(images)
    shown = make_views(images, views, crop, crop_px)
    mean = np.exp(np.mean([np.log(np.clip(predict(view), 1e-12, 1)) for view in shown], axis=0))
    return mean / mean.sum(axis=1, keepdims=True)
