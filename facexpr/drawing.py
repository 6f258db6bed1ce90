"""Marks faces on pictures, writes on them, lays them out in sheets, with NumPy and OpenCV alone.

Pictures are uint8, grey (H, W) or RGB (H, W, 3); what comes back is always RGB and always new.
"""

from collections.abc import Iterable, Mapping, Sequence
from zlib import crc32

import cv2
import numpy as np

from facexpr.detectors import Face
from facexpr.images import to_rgb

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]  # x1, y1, x2, y2 in whole pixels; x2, y2 are outside it

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

PAPER, INK, WHITE, TRACK, PALE = (
    (247, 247, 245),
    (40, 40, 40),
    (255, 255, 255),
    (225, 225, 225),
    (125, 125, 125),
)
FONT = cv2.FONT_HERSHEY_SIMPLEX
# Text is drawn so many times larger, then shrunk: its strokes need not be whole pixels.
FINER, STROKE = 4, 1.9
CAPTION_SCALE, TITLE_SCALE = 0.4, 0.6
NAMES_PX, BAR_PX, ROW_PX = 230, 120, 38  # of bars, at font scale 1
MARGIN, GAP, CAPTION_PX, TITLE_PX, SHEET_PX = 16, 12, 20, 32, 240


def label_colour(label: str) -> Colour:
    """Give the RGB colour of a class label; a label without one of its own always gets the same."""
    name = label.lower()
    return LABEL_COLOURS.get(name) or PALETTE[crc32(name.encode("utf-8", "replace")) % 7]


def enlarge(image: np.ndarray, factor: int) -> np.ndarray:
    """Show every pixel as a square of factor x factor pixels: (H, W, …) to (fH, fW, …)."""
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def enlarge_face(face: Face, factor: int) -> Face:
    """Where a face lies once its picture is enlarged: pixel centres are at whole numbers."""
    box, points = (
        None if places is None else (places.astype(float) + 0.5) * factor - 0.5
        for places in (face.box_xyxy, face.landmarks)
    )
    return Face(box, face.score, points)


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
    write(sheet, shorten(title, width - 2 * MARGIN, TITLE_SCALE), MARGIN, MARGIN, TITLE_SCALE)
    if not tiles:
        write(sheet, "nothing to show", MARGIN, top, CAPTION_SCALE)
    for position, (tile, caption) in enumerate(zip(tiles, captions, strict=True)):
        row, column = divmod(position, columns)
        x, y = MARGIN + column * (tile_px + GAP), top + row * (tile_px + caption_px + GAP)
        _place_tile(sheet, fit(to_rgb(tile), tile_px), x, y, tile_px)
        for number, line in enumerate(caption.split("\n")):
            below = y + tile_px + 6 + number * CAPTION_PX
            write(sheet, shorten(line, tile_px, CAPTION_SCALE), x, below, CAPTION_SCALE)
    return sheet


def _place_tile(sheet: np.ndarray, tile: np.ndarray, x: int, y: int, side_px: int) -> None:
    """Put a fitted RGB tile in the middle of the square whose top-left pixel is (x, y)."""
    height, width = tile.shape[:2]
    sheet[y : y + side_px, x : x + side_px] = TRACK
    x, y = x + (side_px - width) // 2, y + (side_px - height) // 2
    sheet[y : y + height, x : x + width] = tile


def draw_face(image: np.ndarray, face: Face) -> np.ndarray:
    """Mark a face on a copy of the picture: its box and its landmarks."""
    canvas = to_rgb(image).copy()
    shorter = min(canvas.shape[:2])
    box = box_on(canvas.shape, face.box_xyxy)
    outline(canvas, box, ORANGE, max(1, round(shorter / 200)))
    if face.landmarks is not None:
        smaller = min(shorter // 5, box[2] - box[0], box[3] - box[1])
        dots(canvas, face.landmarks, ORANGE, smaller // 30)
    return canvas


def box_on(shape: Sequence[int], box_xyxy: np.ndarray) -> Box:
    """Round a box to pixels, x2 and y2 the first outside it; what lies far outside comes nearer.

    shape: (H, W, …) of the picture.
    """
    height, width = shape[:2]
    far = width + height  # no line is so thick that it would be seen from there
    limits = np.array([width, height, width, height]) + far
    near = np.clip(np.nan_to_num(np.asarray(box_xyxy, float)), -far, limits)
    x1, y1, x2, y2 = np.rint(near).astype(int).tolist()
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)


def outline(canvas: np.ndarray, box: Box, colour: Colour, line_px: int) -> None:
    """Draw a line along the outermost pixels of a box: x2, y2 are the first outside it."""
    corners = (box[0], box[1]), (box[2] - 1, box[3] - 1)
    if line_px > 1:  # a dark rim keeps bright colours visible on bright skin
        cv2.rectangle(canvas, *corners, INK, line_px + 2)
    cv2.rectangle(canvas, *corners, colour, line_px)


def dots(canvas: np.ndarray, points: np.ndarray, colour: Colour, radius_px: int) -> None:
    """Put a dot on the pixel that holds each point (x, y), if it is known and on the picture."""
    for x, y in np.floor(points[on_picture(canvas.shape, points)]).astype(int).tolist():
        if radius_px:
            rim_px = 2 if radius_px > 1 else 1
            cv2.circle(canvas, (x, y), radius_px + rim_px, INK, cv2.FILLED, cv2.LINE_AA)
        cv2.circle(canvas, (x, y), radius_px, colour, cv2.FILLED)


def rings(canvas: np.ndarray, points: np.ndarray, colour: Colour, radius_px: int) -> None:
    """Put a ring around each point (x, y), if it is known and on the picture."""
    line_px = max(1, radius_px // 10)
    for x, y in np.rint(points[on_picture(canvas.shape, points)]).astype(int).tolist():
        if radius_px >= 16:
            cv2.circle(canvas, (x, y), radius_px, INK, line_px + 2, cv2.LINE_AA)
        cv2.circle(canvas, (x, y), radius_px, colour, line_px, cv2.LINE_AA)


def on_picture(shape: Sequence[int], points: np.ndarray) -> np.ndarray:
    """Whether points (N, 2), x and y, lie on a picture of that shape: bool (N,); NaN does not."""
    return ((points >= 0) & (points < shape[1::-1])).all(axis=1)


def tag_size(text: str, scale: float) -> tuple[int, int]:
    """Measure a tag, width and height in pixels."""
    width, height = text_size(text, scale)
    return width + 2 * round(10 * scale), height + 2 * round(10 * scale)


def tag(canvas: np.ndarray, area: Box, text: str, scale: float, colour: Colour) -> None:
    """Write text, as much as fits, on an area filled with the colour: black or white, by that."""
    x1, y1, x2, y2 = area
    canvas[y1:y2, x1:x2] = colour
    luma, pad = np.dot(colour, (0.299, 0.587, 0.114)), round(10 * scale)
    ink = BLACK if luma > 110 else WHITE
    write(canvas, shorten(text, x2 - x1 - 2 * pad, scale), x1 + pad, y1 + pad, scale, ink)


def measure_bars(labels: Iterable[str], scale: float) -> tuple[int, int]:
    """Measure a panel of bars: its width and height in pixels."""
    names = [text_size(label, scale)[0] for label in labels]
    names_px, pad = min(max(names), round(NAMES_PX * scale)), round(12 * scale)
    numbers_px = text_size("100%", scale)[0]
    width = names_px + round(BAR_PX * scale) + numbers_px + 4 * pad
    return width, len(names) * round(ROW_PX * scale) + pad


def draw_bars(panel: np.ndarray, probabilities: Mapping[str, float], scale: float) -> None:
    """Fill a panel, changed in place, with one row for each class: name, bar, percentage."""
    panel[:] = np.rint(0.06 * panel + 0.94 * np.array(PAPER))
    width, pad, length = panel.shape[1], round(12 * scale), round(BAR_PX * scale)
    text_height = text_size("", scale)[1]
    start = width - 2 * pad - length - text_size("100%", scale)[0]
    for position, (label, probability) in enumerate(probabilities.items()):
        ink = INK if probability == max(probabilities.values()) else PALE
        y = pad + position * round(ROW_PX * scale)
        end = start + round(length * min(max(0.0, probability), 1.0))
        write(panel, shorten(label, start - 2 * pad, scale), pad, y, scale, ink)
        panel[y : y + text_height, start : start + length] = TRACK
        panel[y : y + text_height, start:end] = label_colour(label)
        percent = f"{probability:.0%}"
        write(panel, percent, width - pad - text_size(percent, scale)[0], y, scale, ink)


def shorten(text: str, width_px: int, scale: float) -> str:
    """Cut a text, so that it is at most width_px wide when drawn; ".." shows the cut."""
    if text_size(text, scale)[0] <= width_px:
        return text
    fitting = (text[:end].rstrip() + ".." for end in range(min(len(text) - 1, width_px), 0, -1))
    return next((cut for cut in fitting if text_size(cut, scale)[0] <= width_px), "")


def text_size(text: str, scale: float) -> tuple[int, int]:
    """Measure a line of text as drawn: width and height in pixels, descenders not counted."""
    width, height = cv2.getTextSize(_ascii(text), FONT, scale * FINER, 1)[0]
    return -(-width // FINER) + 2, -(-height // FINER)  # strokes reach beyond their path


def write(
    canvas: np.ndarray, text: str, x: int, y: int, scale: float, colour: Colour = INK
) -> None:
    """Draw one line of text whose top-left pixel is (x, y)."""
    width, height = text_size(text, scale)
    finer = np.zeros((2 * height * FINER, (width + 2) * FINER), np.uint8)
    base, stroke = (2 * FINER, height * FINER), max(FINER, round(STROKE * scale * FINER))
    cv2.putText(finer, _ascii(text), base, FONT, scale * FINER, 255, stroke, cv2.LINE_AA)
    shape = (width + 2, 2 * height)
    alpha = cv2.resize(finer, shape, interpolation=cv2.INTER_AREA)
    blend(canvas, np.full((*alpha.shape, 3), colour, np.uint8), alpha, x - 1, y)


def blend(canvas: np.ndarray, picture: np.ndarray, alpha: np.ndarray, x: int, y: int) -> None:
    """Lay an RGB picture (h, w, 3) with its alpha (h, w) on the canvas; (x, y): its top left.

    What would lie beyond the canvas is cut off.
    """
    left, top = max(0, -x), max(0, -y)
    under = canvas[max(0, y) : max(0, y + len(alpha)), max(0, x) : max(0, x + alpha.shape[1])]
    rows, columns = slice(top, top + len(under)), slice(left, left + under.shape[1])
    share = alpha[rows, columns, None] / np.float32(255)
    under[:] = np.rint(share * picture[rows, columns] + (1 - share) * under)


def _ascii(text: str) -> str:
    """Put '?' for each character that OpenCV has no shape for: it only knows printable ASCII."""
    return "".join(character if " " <= character <= "~" else "?" for character in text)
