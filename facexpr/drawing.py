"""Marks faces on pictures and lays pictures out in sheets, with NumPy and OpenCV alone.

Pictures are uint8, grey (H, W) or RGB (H, W, 3); what comes back is always RGB and always new.
"""

from collections.abc import Mapping, Sequence
from zlib import crc32

import cv2
import numpy as np

from facexpr.detectors import Face
from facexpr.images import to_rgb

Colour = tuple[int, int, int]

# M. Okabe and K. Ito (2008), "Color Universal Design": colours that all kinds of sight tell apart.
ORANGE, SKY_BLUE, BLUISH_GREEN, YELLOW = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
)
BLUE, VERMILLION, REDDISH_PURPLE, BLACK = (0, 114, 178), (213, 94, 0), (204, 121, 167), (0, 0, 0)
PALETTE = (ORANGE, SKY_BLUE, BLUISH_GREEN, YELLOW, BLUE, VERMILLION, REDDISH_PURPLE, BLACK)
LABEL_COLOURS = {
    **dict.fromkeys(("angry", "anger"), VERMILLION),
    **dict.fromkeys(("disgust", "disgusted"), BLUISH_GREEN),
    **dict.fromkeys(("fear", "fearful"), REDDISH_PURPLE),
    **dict.fromkeys(("happy", "happiness"), YELLOW),
    **dict.fromkeys(("sad", "sadness"), BLUE),
    **dict.fromkeys(("surprise", "surprised"), ORANGE),
    "neutral": SKY_BLUE,
    "contempt": BLACK,
}

PAPER, INK, WHITE, TRACK = (247, 247, 245), (40, 40, 40), (255, 255, 255), (225, 225, 225)
FONT = cv2.FONT_HERSHEY_SIMPLEX
CAPTION_SCALE, TITLE_SCALE, SMALLEST_SCALE = 0.4, 0.6, 0.3
MARGIN, GAP, CAPTION_PX, TITLE_PX, SHEET_PX = 16, 12, 20, 32, 240


def label_colour(label: str) -> Colour:
    """Give the RGB colour of a class label; a label without one of its own always gets the same."""
    name = label.lower()
    return LABEL_COLOURS.get(name) or PALETTE[crc32(name.encode("utf-8", "replace")) % 7]


def enlarge(image: np.ndarray, factor: int) -> np.ndarray:
    """Show every pixel as a square of factor x factor pixels: (H, W, …) to (fH, fW, …)."""
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def fit(image: np.ndarray, side_px: int) -> np.ndarray:
    """Bring a picture to at most side_px by side_px, its aspect kept (but no side below 1 px).

    Small pictures grow by a whole factor only, so that each pixel stays a square of one colour.
    """
    height, width = image.shape[:2]
    longest = max(height, width)
    if longest <= side_px:
        return enlarge(image, side_px // longest)
    size = [max(1, round(length * side_px / longest)) for length in (width, height)]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def contact_sheet(
    tiles: Sequence[np.ndarray],
    captions: Sequence[str],
    columns: int = 8,
    tile_px: int = 112,
    title: str = "",
) -> np.ndarray:
    """Lay pictures out in rows, a caption under each: RGB (H, W, 3); columns, tile_px at least 1.

    A caption may have several lines.

    Raises ValueError when there are not as many captions as tiles.
    """
    columns = min(columns, max(1, len(tiles)))
    caption_px = CAPTION_PX * max((len(text.split("\n")) for text in captions), default=1)
    rows = -(-len(tiles) // columns)
    top = MARGIN + (TITLE_PX if title else 0)
    width = max(SHEET_PX, 2 * MARGIN + columns * (tile_px + GAP) - GAP)
    height = top + max(CAPTION_PX, rows * (tile_px + caption_px + GAP) - GAP) + MARGIN
    sheet = np.full((height, width, 3), PAPER, np.uint8)
    _write(sheet, shorten(title, width - 2 * MARGIN, TITLE_SCALE), MARGIN, MARGIN, TITLE_SCALE)
    if not tiles:
        _write(sheet, "nothing to show", MARGIN, top, CAPTION_SCALE)
    for position, (tile, caption) in enumerate(zip(tiles, captions, strict=True)):
        row, column = divmod(position, columns)
        x, y = MARGIN + column * (tile_px + GAP), top + row * (tile_px + caption_px + GAP)
        _place_tile(sheet, fit(to_rgb(tile), tile_px), x, y, tile_px)
        for number, line in enumerate(caption.split("\n")):
            below = y + tile_px + 6 + number * CAPTION_PX
            _write(sheet, shorten(line, tile_px, CAPTION_SCALE), x, below, CAPTION_SCALE)
    return sheet


def _place_tile(sheet: np.ndarray, tile: np.ndarray, x: int, y: int, side_px: int) -> None:
    """Put a fitted RGB tile in the middle of the square whose top-left pixel is (x, y)."""
    height, width = tile.shape[:2]
    sheet[y : y + side_px, x : x + side_px] = TRACK
    x, y = x + (side_px - width) // 2, y + (side_px - height) // 2
    sheet[y : y + height, x : x + width] = tile


def draw_face(
    image: np.ndarray,
    face: Face,
    caption: str = "",
    probabilities: Mapping[str, float] | None = None,
    landmarks: bool = True,
) -> np.ndarray:
    """Mark a face on a copy of the picture: box, landmarks, caption, and bars of probabilities.

    Its colour is that of the most probable label or, without probabilities, of the caption's
    first word. Caption and bars that the picture has no room for are shortened or left out.
    """
    canvas = to_rgb(image).copy()
    shorter = min(canvas.shape[:2])
    scale, line = max(SMALLEST_SCALE, shorter / 900), max(1, round(shorter / 200))
    label = (
        max(probabilities, key=probabilities.get) if probabilities else caption.partition(" ")[0]
    )
    box = np.rint(face.box_xyxy).astype(int).tolist()
    caption, area = _caption_area(canvas, box, caption, scale)
    if probabilities:
        _bars(canvas, box, max(box[1], area[3]), probabilities, max(SMALLEST_SCALE, 0.8 * scale))
    _outline(canvas, box, label_colour(label), line)
    if landmarks and face.landmarks is not None:
        smaller = min(shorter // 5, box[2] - box[0], box[3] - box[1])
        _dots(canvas, face.landmarks, label_colour(label), max(0, smaller // 30))
    if caption:
        _tag(canvas, area, caption, scale, label_colour(label))
    return canvas


def _outline(canvas: np.ndarray, box: Sequence[int], colour: Colour, line_px: int) -> None:
    """Draw a line along the outermost pixels of a box: x2, y2 are the first outside it."""
    corners = (box[0], box[1]), (box[2] - 1, box[3] - 1)
    if line_px > 1:  # a dark rim keeps bright colours visible on bright skin
        cv2.rectangle(canvas, *corners, INK, line_px + 2)
    cv2.rectangle(canvas, *corners, colour, line_px)


def _dots(canvas: np.ndarray, points: np.ndarray, colour: Colour, radius_px: int) -> None:
    """Put a dot on the pixel that holds each point (x, y); points that are NaN are left out."""
    known = points[np.isfinite(points).all(axis=1)]
    for x, y in np.floor(known).astype(int).tolist():
        if radius_px > 1:
            cv2.circle(canvas, (x, y), radius_px + 2, INK, cv2.FILLED, cv2.LINE_AA)
        cv2.circle(canvas, (x, y), radius_px, colour, cv2.FILLED)


def _caption_area(
    canvas: np.ndarray, box: Sequence[int], caption: str, scale: float
) -> tuple[str, tuple[int, int, int, int]]:
    """Shorten a caption to the picture and say where it goes: above the box, or as near as can be.

    Gives the text, empty if there is no room for any, and the area x1, y1, x2, y2 in pixels.
    """
    height, width = canvas.shape[:2]
    pad = round(10 * scale)
    text = shorten(caption, width - 2 * pad, scale)
    text_width, text_height = _text_size(text, scale)
    label_width, label_height = text_width + 2 * pad, text_height + 2 * pad
    if not text or label_height > height:
        return "", (0, 0, 0, 0)
    x = min(max(0, box[0]), width - label_width)
    y = min(max(0, box[1] - label_height), height - label_height)
    return text, (x, y, x + label_width, y + label_height)


def _tag(
    canvas: np.ndarray, area: tuple[int, int, int, int], text: str, scale: float, colour: Colour
) -> None:
    """Write text on an area filled with the colour, in black or white, whichever is clearer."""
    x1, y1, x2, y2 = area
    canvas[y1:y2, x1:x2] = colour
    luma = np.dot(colour, (0.299, 0.587, 0.114))
    pad = round(10 * scale)
    _write(canvas, text, x1 + pad, y1 + pad, scale, (0, 0, 0) if luma > 110 else WHITE)


def _bars(
    canvas: np.ndarray,
    box: Sequence[int],
    top: int,
    probabilities: Mapping[str, float],
    scale: float,
) -> None:
    """Draw a panel of bars right of the box, or left of it; smaller, or not at all, if need be."""
    height, width = canvas.shape[:2]
    while scale >= SMALLEST_SCALE:
        row, pad = round(34 * scale), round(10 * scale)
        names = max(_text_size(label, scale)[0] for label in probabilities)
        panel = names + round(120 * scale) + _text_size("100%", scale)[0] + 4 * pad
        tall = len(probabilities) * row + pad
        room = [x for x in (box[2] + pad, box[0] - pad - panel) if 0 <= x <= width - panel]
        if room and tall <= height:
            y = min(max(0, top), height - tall)
            _bar_panel(canvas[y : y + tall, room[0] : room[0] + panel], probabilities, scale)
            return
        scale *= 0.85


def _bar_panel(panel: np.ndarray, probabilities: Mapping[str, float], scale: float) -> None:
    """Fill a panel, changed in place, with one row for each class: name, bar, percentage."""
    panel[:] = np.rint(0.15 * panel + 0.85 * np.array(PAPER))
    row, pad, length = round(34 * scale), round(10 * scale), round(120 * scale)
    text_height = _text_size("", scale)[1]
    start = panel.shape[1] - 2 * pad - length - _text_size("100%", scale)[0]
    for position, (label, probability) in enumerate(probabilities.items()):
        y = pad + position * row + (row - pad - text_height) // 2
        end = start + round(length * min(max(probability, 0.0), 1.0))
        _write(panel, label, pad, y, scale)
        panel[y : y + text_height, start : start + length] = TRACK
        panel[y : y + text_height, start:end] = label_colour(label)
        _write(panel, f"{probability:.0%}", start + length + pad, y, scale)


def shorten(text: str, width_px: int, scale: float) -> str:
    """Cut a text, so that it is at most width_px wide when drawn; ".." shows the cut."""
    if _text_size(text, scale)[0] <= width_px:
        return text
    fitting = (text[:end].rstrip() + ".." for end in range(min(len(text) - 1, width_px), 0, -1))
    return next((cut for cut in fitting if _text_size(cut, scale)[0] <= width_px), "")


def _ascii(text: str) -> str:
    """Put '?' for each character that OpenCV has no shape for: it only knows printable ASCII."""
    return "".join(character if " " <= character <= "~" else "?" for character in text)


def _thickness(scale: float) -> int:
    """Give the stroke width in pixels that suits a font scale."""
    return max(1, round(1.6 * scale))


def _text_size(text: str, scale: float) -> tuple[int, int]:
    """Measure a line of text as drawn: width and height in pixels, descenders not counted."""
    width, height = cv2.getTextSize(_ascii(text), FONT, scale, _thickness(scale))[0]
    return width + 2, height  # strokes reach a pixel beyond their path, on either side


def _write(
    canvas: np.ndarray, text: str, x: int, y: int, scale: float, colour: Colour = INK
) -> None:
    """Draw one line of text whose top-left pixel is (x, y)."""
    base = (x + 1, y + _text_size(text, scale)[1])
    cv2.putText(canvas, _ascii(text), base, FONT, scale, colour, _thickness(scale), cv2.LINE_AA)
