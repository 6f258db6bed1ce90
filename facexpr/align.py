"""Aligned faces: what a detected face, or none, makes of an image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from facexpr.detectors import Face
from facexpr.errors import UserError
from facexpr.geometry import cut, similarity, square_to, stretch_to, warp, whole_box, widen
from facexpr.images import encode_png, to_grey

TEMPLATE_PX = 48  # templates are given for a face of this side, and scaled to any other
POINTS = {"five_points": 5, "eyes": 2}  # how many landmarks, from the first, place a face


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """How faces are aligned.

    px: side of the aligned face. method: five_points, eyes or box; a face that lacks the points
    goes by its box. template: five points (x, y) for 48 x 48. margin: added on each side of a
    box, as a fraction of its width or height; above -0.5. square: expand takes the square around
    a box, pad the box alone and fills it up to a square, stretch squashes the box. fill: grey
    level of what lies outside the image or, for pad, outside the box; -1 repeats the edge.
    interpolation: linear or cubic. equalise: none, histogram or clahe.
    """

    px: int
    method: str
    template: Sequence[Sequence[float]]
    margin: float
    square: str
    fill: int
    interpolation: str
    equalise: str


def alignment_of(settings: Mapping, name: object) -> Alignment:
    """The alignment that the model file `name` carries; raises UserError where it does not fit."""
    try:
        return Alignment(**settings)
    except TypeError as error:  # a card of another version
        raise UserError(
            f"{name}: its alignment does not fit this version of facexpr: {error}; "
            "train it again, or use the version that did"
        ) from None


def placed_by(face: Face | None, method: str) -> str:
    """What places a face: its landmarks, its eyes, its box, or, without a face, the whole image."""
    if face is None:
        return "whole"
    needed = POINTS.get(method)
    if not needed or face.landmarks is None or not np.isfinite(face.landmarks[:needed]).all():
        return "box"
    return "landmarks" if method == "five_points" else "eyes"


def align_face(image: np.ndarray, face: Face | None, alignment: Alignment) -> np.ndarray:
    """The aligned face of an image, uint8 grey (px, px)."""
    px, fill = alignment.px, alignment.fill
    grey, transform = _place(to_grey(image), face, alignment)
    return equalise(warp(grey, transform, px, fill, alignment.interpolation), alignment.equalise)


def align_members(task: tuple[Alignment, list[tuple]]) -> list[bytes]:
    """The aligned face of each sample as PNG; a task is the alignment, and (member, face) pairs."""
    alignment, samples = task
    return [encode_png(align_face(one.image(), face, alignment)) for one, face in samples]


def _place(grey: np.ndarray, face: Face | None, alignment: Alignment) -> tuple:
    """The pixels to sample, and the (2, 3) transform from them to the aligned face.

    Landmarks go onto the template by a similarity. A margin widens a face's box, not an image
    that is kept whole for want of a face.
    """
    how, px = placed_by(face, alignment.method), alignment.px
    if how in ("landmarks", "eyes"):
        used = slice(POINTS[alignment.method])
        target = scale_template(alignment.template, px)
        return grey, similarity(face.landmarks[used], target[used])
    box = whole_box(grey.shape) if face is None else widen(face.box_xyxy, alignment.margin)
    if alignment.square == "stretch":
        return grey, stretch_to(box, px)
    if alignment.square == "pad":
        grey, box = cut(grey, box)
    return grey, square_to(box, px)


def scale_template(template: Sequence[Sequence[float]], px: int) -> np.ndarray:
    """Five template points, given for 48 x 48, in an image of px by px; (5, 2) float64."""
    return (np.asarray(template, np.float64) + 0.5) * (px / TEMPLATE_PX) - 0.5


def equalise(face: np.ndarray, how: str) -> np.ndarray:
    """Spread the grey levels of a face (H, W): none, histogram, or clahe.

    clahe: contrast-limited (Zuiderveld 1994, Graphics Gems IV), clip limit 2, always 8 x 8 tiles:
    of a face of 48 px, six pixels each, it brings out the grain too.
    """
    if how == "histogram":
        return cv2.equalizeHist(face)
    if how == "clahe":
        return cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(face)
    return face
