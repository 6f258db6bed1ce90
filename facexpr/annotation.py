"""Annotated pictures: each face's box, label and bars; eyes, points and emoji on request."""

from collections.abc import Sequence

import numpy as np

from facexpr.annotation_layout import GAP, Layout, Place, enlargement, lay_out, line_px, text_scale
from facexpr.detectors import Face
from facexpr.drawing import (
    PAPER,
    Box,
    Colour,
    blend,
    dots,
    draw_bars,
    enlarge,
    enlarge_face,
    label_colour,
    outline,
    rings,
    shorten,
    tag,
    tag_size,
    write,
)
from facexpr.emoji import draw_emoji
from facexpr.images import check_picture, to_rgb
from facexpr.predictor import Prediction

TITLE_PX = 240  # the least room for a title at font scale 1
WIDEST = 4  # times as wide as high a row of pictures may be


def annotate(
    image: np.ndarray,
    predictions: Sequence[Prediction],
    *,
    bars: bool = True,
    landmarks: bool = False,
    eyes: bool = False,
    emoji: bool = False,
) -> np.ndarray:
    """Mark every face of a uint8 picture, grey or RGB, on a copy: RGB (H', W', 3).

    The copy is larger where bars need a strip; a picture too small for readable text is first
    enlarged by a whole factor. Without predictions it is the picture as RGB.
    """
    picture = to_rgb(check_picture(image))
    if not predictions:
        return picture.copy()
    factor = enlargement(picture.shape)
    picture = enlarge(picture, factor) if factor > 1 else picture
    faces = [enlarge_face(one.face, factor) for one in predictions]
    chances = [one.probabilities for one in predictions]
    layout = lay_out(picture.shape, faces, chances, bars=bars, emoji=emoji)
    canvas = np.full((layout.height, layout.width, 3), PAPER, np.uint8)
    inner = canvas[: picture.shape[0], : picture.shape[1]]
    inner[:] = picture
    for face, place, one in zip(faces, layout.places, predictions, strict=True):
        _mark(inner, face, place, one.label, landmarks, eyes)
    for place, one in zip(layout.places, predictions, strict=True):  # so that no mark hides text
        _label(canvas, place, one, layout)
    return canvas


def _mark(
    picture: np.ndarray, face: Face, place: Place, label: str, landmarks: bool, eyes: bool
) -> None:
    """Draw a face's box and, where they are wanted, its points and its emoji."""
    colour = label_colour(label)
    outline(picture, place.box, colour, line_px(picture.shape, place.box))
    if face.landmarks is not None:
        _mark_points(picture, place.box, face.landmarks, colour, landmarks, eyes)
    if place.emoji:
        sticker = draw_emoji(label, place.emoji[2] - place.emoji[0])
        blend(picture, sticker[..., :3], sticker[..., 3], *place.emoji[:2])


def _mark_points(
    picture: np.ndarray, box: Box, points: np.ndarray, colour: Colour, landmarks: bool, eyes: bool
) -> None:
    """Draw rings around the eyes, sized by their distance, else by the box; and dots."""
    if eyes:
        left, right = points[:2]
        known = np.isfinite([left, right]).all()
        radius = 0.28 * np.hypot(*(right - left)) if known else 0.12 * (box[2] - box[0])
        limited = min(max(radius, 2), min(picture.shape[:2]) / 2)
        rings(picture, points[:2], colour, round(limited))
    if landmarks:
        side = min(box[2] - box[0], box[3] - box[1], *picture.shape[:2])
        dots(picture, points, colour, side // 40)


def _label(canvas: np.ndarray, place: Place, one: Prediction, layout: Layout) -> None:
    """Write caption and bars; what tells whose they are is a heading, or an edge of its colour."""
    colour, scale = label_colour(one.label), layout.panel_scale
    tag(canvas, place.tag, place.caption, place.scale, colour)
    if place.panel is None:
        return
    x1, y1, x2, y2 = place.panel
    if layout.numbered:
        width, height = tag_size(place.caption, scale)
        tag(canvas, (x1, y1, min(x1 + width, x2), y1 + height), place.caption, scale, colour)
        draw_bars(canvas[y1 + height : y2, x1:x2], one.probabilities, scale)
        return
    draw_bars(canvas[y1:y2, x1:x2], one.probabilities, scale)
    edge = max(2, round(6 * scale))
    x = x1 if x1 >= place.box[2] else x2 - edge
    canvas[y1:y2, x : x + edge] = colour


def side_by_side(pictures: Sequence[np.ndarray], titles: Sequence[str]) -> np.ndarray:
    """Put pictures in a row, or in a column where a row would be very wide: RGB (H, W, 3).

    Each has its title above and keeps its size. Raises ValueError for no picture, and where there
    are not as many titles.
    """
    scale = max(text_scale(picture.shape) for picture in pictures)
    gap, top = round(2 * GAP * scale), round(50 * scale)
    widths = [gap + max(picture.shape[1], round(TITLE_PX * scale)) for picture in pictures]
    heights = [gap + top + picture.shape[0] for picture in pictures]
    row = sum(widths) <= WIDEST * max(heights)
    height, width = (max(heights), sum(widths)) if row else (sum(heights), max(widths))
    sheet = np.full((height + gap, width + gap, 3), PAPER, np.uint8)
    x = y = gap
    for picture, title, across, down in zip(pictures, titles, widths, heights, strict=True):
        write(sheet, shorten(title, across - gap, scale), x, y, scale)
        sheet[y + top : y + top + picture.shape[0], x : x + picture.shape[1]] = to_rgb(picture)
        x, y = (x + across, y) if row else (x, y + down)
    return sheet
