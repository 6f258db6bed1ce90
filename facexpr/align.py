"""Aligned faces: what a detected face, or none, makes of an image."""

from collections.abc import Sequence

import numpy as np

from facexpr.detectors import Face
from facexpr.geometry import similarity, square_to, warp, whole_box
from facexpr.images import to_grey

TEMPLATE_PX = 48  # templates are given for a face of this side, and scaled to any other


def scale_template(template: Sequence[Sequence[float]], px: int) -> np.ndarray:
    """Five template points, given for 48 x 48, in an image of px by px; (5, 2) float64."""
    return (np.asarray(template, np.float64) + 0.5) * (px / TEMPLATE_PX) - 0.5


def transform_for(
    shape: tuple[int, ...], face: Face | None, template: Sequence[Sequence[float]], px: int
) -> np.ndarray:
    """The (2, 3) similarity that aligned an image of shape (H, W, ...).

    Landmarks go onto the template; a face without them is the square around its box; without a
    face it is the whole image, padded to a square.
    """
    if face is not None and face.landmarks is not None:
        return similarity(face.landmarks, scale_template(template, px))
    return square_to(whole_box(shape) if face is None else face.box_xyxy, px)


def align_face(
    image: np.ndarray, face: Face | None, template: Sequence[Sequence[float]], px: int
) -> np.ndarray:
    """The aligned face of an image, uint8 grey (px, px)."""
    return warp(to_grey(image), transform_for(image.shape, face, template, px), px)
