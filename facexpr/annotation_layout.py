"""Where the marks of faces go on a picture: boxes, captions, emoji, and panels of bars.

Bars stand beside the boxes where all of them find room there. Else the faces are numbered, and the
picture grows by a strip that holds the bars in order. All scales with the picture.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from facexpr.detectors import Face
from facexpr.drawing import Box, box_on, measure_bars, tag_size

SHORTER_PX, LONGER_PX = 240, 4000  # a picture is enlarged up to the one, not beyond the other
SMALLEST_SCALE = 0.35  # of a font that can still be read
GAP = 20  # pixels between panels at font scale 1
MOST_GROWTH = 1.7  # times the picture's area: strips that need more are drawn smaller

Grid = tuple[int, int, list[tuple[int, int]]]  # the canvas's height and width, top-left corners


class Place(NamedTuple):
    """Where a face's marks go, in pixels of the canvas; emoji and panel are None if not wanted.

    scale: of the caption's font; tag: the caption's area, empty where there is no room for any.
    """

    box: Box
    caption: str
    scale: float
    tag: Box
    emoji: Box | None = None
    panel: Box | None = None


class Layout(NamedTuple):
    """The canvas, each face's place, the font scale of the panels, whether they have a heading."""

    height: int
    width: int
    places: list[Place]
    panel_scale: float = 0.0
    numbered: bool = False


def enlargement(shape: Sequence[int]) -> int:
    """By how much a picture of that shape is enlarged before it is annotated: a whole factor."""
    shorter, longer = sorted(shape[:2])
    return max(1, min(-(-SHORTER_PX // shorter), LONGER_PX // longer))


def line_px(shape: Sequence[int], box: Box) -> int:
    """How thick the line of a box is: it suits the picture, and is thinner for a small face."""
    suits = min(min(shape[:2]) / 240, (box[2] - box[0]) / 32, (box[3] - box[1]) / 32)
    return max(1, round(suits))


def lay_out(
    shape: Sequence[int],
    faces: Sequence[Face],
    chances: Sequence[Mapping[str, float]],
    *,
    bars: bool = True,
    emoji: bool = False,
) -> Layout:
    """Find each face's place on a picture of that shape (H, W, …), and the canvas that holds all.

    chances: the probability of each label, for each face. Panels overlap neither each other nor a
    box, a caption or an emoji.
    """
    height, width = shape[:2]
    boxes = [box_on(shape, face.box_xyxy) for face in faces]
    surest = [max(each, key=each.get) for each in chances]
    captions = [f"{label} {each[label]:.0%}" for label, each in zip(surest, chances, strict=True)]
    places = _place_labels(shape, boxes, captions, emoji)
    if not bars:
        return Layout(height, width, places)
    labels = [[*each] for each in chances]
    if beside := _panels_beside(shape, places, labels):
        scale, panels = beside
        return Layout(height, width, _with_panels(places, panels), scale)
    if len(boxes) > 1:
        captions = [f"{number} {caption}" for number, caption in enumerate(captions, 1)]
        places = _place_labels(shape, boxes, captions, emoji)
    return _with_strip(shape, places, labels)


def _place_labels(
    shape: Sequence[int], boxes: Sequence[Box], captions: Sequence[str], emoji: bool
) -> list[Place]:
    """Find places for captions, then for emoji, one by one where they hide least."""
    places, labels = [], []
    for box, caption in zip(boxes, captions, strict=True):
        scale = _caption_scale(shape, box)
        labels.append(_place_caption(shape, box, tag_size(caption, scale), boxes, labels))
        places.append(Place(box, caption, scale, labels[-1]))
    for number, box in enumerate(boxes if emoji else []):
        labels.append(_place_emoji(shape, box, boxes, labels))
        places[number] = places[number]._replace(emoji=labels[-1])
    return places


def _place_caption(
    shape: Sequence[int],
    box: Box,
    size_wh: tuple[int, int],
    boxes: Sequence[Box],
    labels: Sequence[Box],
) -> Box:
    """A caption stands above its box, or else below or in it; empty if the picture is too low."""
    (height, width), (w, h) = shape[:2], size_wh
    if h > height:
        return 0, 0, 0, 0
    x1, y1, x2, y2 = box
    w, reach = min(w, width), line_px(shape, box) // 2  # the box's line reaches beyond it
    left, right = x1 - reach, x2 - w + reach
    spots = [(left, y1 - h), (right, y1 - h), (left, y2), (right, y2), (left, y1)]
    return _least_hiding(shape, spots, (w, h), boxes, labels)


def _caption_scale(shape: Sequence[int], box: Box) -> float:
    """A caption is as large as suits the picture; a small face's is smaller, so far as it reads."""
    suits = text_scale(shape)
    return min(max((box[2] - box[0]) / 170, SMALLEST_SCALE, suits / 3), suits)


def text_scale(shape: Sequence[int]) -> float:
    """The font scale that suits a picture."""
    return max(SMALLEST_SCALE, min(shape[:2]) / 900)


def _place_emoji(
    shape: Sequence[int], box: Box, boxes: Sequence[Box], labels: Sequence[Box]
) -> Box:
    """An emoji's middle is a corner of the box, one below if it is free."""
    x1, y1, x2, y2 = box
    suits = min(0.45 * (x2 - x1), 0.45 * (y2 - y1), 0.28 * min(shape[:2]))
    side = min(max(16, round(suits)), *shape[:2])
    spots = [(x - side // 2, y - side // 2) for y in (y2, y1) for x in (x2, x1)]
    return _least_hiding(shape, spots, (side, side), boxes, labels)


def _least_hiding(
    shape: Sequence[int],
    spots: Sequence[tuple[int, int]],
    size_wh: tuple[int, int],
    boxes: Sequence[Box],
    labels: Sequence[Box],
) -> Box:
    """Of areas with those top-left corners, moved into the picture, the first that hides least.

    A label hidden counts as ten times as much of a face.
    """
    (height, width), (w, h) = shape[:2], size_wh
    corners = [(max(0, min(x, width - w)), max(0, min(y, height - h))) for x, y in spots]
    areas = [(x, y, x + w, y + h) for x, y in corners]
    return min(areas, key=lambda area: _shared(area, boxes) + 10 * _shared(area, labels))


def _shared(area: Box, others: Sequence[Box]) -> int:
    """How many pixels of an area others share with it, in all."""
    boxes = np.reshape(others, (-1, 4))
    low, high = np.maximum(boxes[:, :2], area[:2]), np.minimum(boxes[:, 2:], area[2:])
    return int(np.clip(high - low, 0, None).prod(axis=1).sum())


def _scales(caption_scale: float, least: float) -> Iterator[float]:
    """Font scales for bars, which go with captions: ever smaller, down to that share."""
    scale = suits = max(SMALLEST_SCALE, 0.8 * caption_scale)
    while scale >= max(SMALLEST_SCALE, least * suits):
        yield scale
        scale *= 0.85


def _panels_beside(
    shape: Sequence[int], places: Sequence[Place], labels: Sequence[Sequence[str]]
) -> tuple[float, list[Box]] | None:
    """The largest panels that all stand beside their boxes, after their font scale; or None."""
    marks = [area for place in places for area in (place.box, place.tag, place.emoji) if area]
    for scale in _scales(max(place.scale for place in places), 0.6):
        panels: list[Box] = []
        for place, names in zip(places, labels, strict=True):
            size, gap = measure_bars(names, scale), round(GAP * scale)
            panel = _beside(shape, place, size, gap, [*marks, *panels])
            if panel is None:
                break
            panels.append(panel)
        else:
            return scale, panels
    return None


def _beside(
    shape: Sequence[int], place: Place, size_wh: tuple[int, int], gap: int, taken: Sequence[Box]
) -> Box | None:
    """An area right or left of a box that comes near nothing taken; None if there is no room."""
    (height, width), (w, h) = shape[:2], size_wh
    (x1, y1, x2, y2), emoji = place.box, place.emoji or place.box
    for x in (max(x2, emoji[2]) + gap, min(x1, emoji[0]) - gap - w):
        for y in (y1, y1 + gap, (y1 + y2 - h) // 2, y2 - h):
            y = max(0, min(y, height - h))
            around = (x - gap // 2, y - gap // 2, x + w + gap // 2, y + h + gap // 2)
            if 0 <= x <= width - w and h <= height and not _shared(around, taken):
                return x, y, x + w, y + h
    return None


def _with_strip(
    shape: Sequence[int], places: Sequence[Place], labels: Sequence[Sequence[str]]
) -> Layout:
    """Put the panels in order into a strip below or right of the picture, whichever suits a page.

    They are drawn smaller if the picture would grow by too much.
    """
    numbered = len(places) > 1
    for scale in _scales(text_scale(shape), 0):
        heading = tag_size("1", scale)[1] if numbered else 0
        sizes = [(w, h + heading) for w, h in (measure_bars(names, scale) for names in labels)]
        cell, gap = np.max(sizes, axis=0).tolist(), round(GAP * scale)
        grids = [make(shape, len(places), cell, gap) for make in (_grid_below, _grid_right)]
        height, width, corners = min(grids, key=_page_px)
        if height * width <= MOST_GROWTH * shape[0] * shape[1]:
            break
    panels = [(x, y, x + w, y + h) for (x, y), (w, h) in zip(corners, sizes, strict=True)]
    return Layout(height, width, _with_panels(places, panels), scale, numbered)


def _with_panels(places: Sequence[Place], panels: Sequence[Box]) -> list[Place]:
    return [place._replace(panel=panel) for place, panel in zip(places, panels, strict=True)]


def _grid_below(shape: Sequence[int], count: int, cell_wh: Sequence[int], gap: int) -> Grid:
    """Rows of cells below a picture, as few as its width allows, spread over that width."""
    (height, width), (w, h) = shape[:2], cell_wh
    rows = -(-count // max(1, (width - gap) // (w + gap)))
    columns = -(-count // rows)
    wider = max(width, columns * (w + gap) + gap)
    pitch = wider // columns
    corners = [
        ((pitch - w) // 2 + number % columns * pitch, height + gap + number // columns * (h + gap))
        for number in range(count)
    ]
    return height + gap + rows * (h + gap), wider, corners


def _grid_right(shape: Sequence[int], count: int, cell_wh: Sequence[int], gap: int) -> Grid:
    """Columns of cells right of a picture: as below its transpose, but read row by row."""
    width, height, corners = _grid_below(shape[1::-1], count, cell_wh[::-1], gap)
    return height, width, sorted(((x, y) for y, x in corners), key=lambda corner: corner[::-1])


def _page_px(grid: Grid) -> float:
    """How high a page of 3:2 must be to show a whole canvas."""
    return max(grid[0], grid[1] / 1.5)
