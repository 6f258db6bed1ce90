"""The project's own emoji, one an expression, drawn from a table with NumPy and OpenCV alone."""

from functools import cache
from typing import NamedTuple

import cv2
import numpy as np

Colour = tuple[int, int, int]

DRAWN_PX = 768  # every face is drawn at this side and shrunk: 4 times as large as most are shown
RIM, INK, WHITE, MOUTH, TONGUE = (
    (120, 72, 20),
    (66, 42, 22),
    (255, 255, 255),
    (120, 32, 32),
    (240, 110, 110),
)
WATER, BLUSH = (70, 170, 240), (240, 120, 90)


class Expression(NamedTuple):
    """What tells one face from another; lengths are shares of the face's radius, y grows downwards.

    brow_tilt: degrees, above 0 where the inner ends are low; brow_y: of the brows' middle;
    raised: how much higher the image-right brow is; eye: half the height of an eye; staring: white
    shows around the pupil; mouth_y: of its middle line's ends; mouth_wide: half its width; smile:
    how far its middle hangs below the ends; gape: half the opening; crooked: how much higher the
    image-right end is than the other; wavy: height of the waves in the lips; drop: where a drop of
    water hangs.
    """

    skin: Colour
    brow_tilt: float = 0
    brow_y: float = -0.5
    raised: float = 0
    eye: float = 0.15
    staring: bool = False
    mouth_y: float = 0.42
    mouth_wide: float = 0.4
    smile: float = 0
    gape: float = 0
    crooked: float = 0
    wavy: float = 0
    teeth: bool = False
    tongue: bool = False
    blush: bool = False
    drop: tuple[float, float] | None = None


YELLOW = (255, 206, 62)
ANGRY = Expression((240, 92, 60), 26, -0.38, eye=0.12, mouth_y=0.5, smile=-0.26)
DISGUST = Expression(
    (140, 190, 70), 16, -0.36, eye=0.055, mouth_y=0.46, smile=-0.2, gape=0.1, tongue=True
)
FEAR = Expression(
    (178, 160, 226), -20, -0.57, eye=0.2, staring=True, mouth_y=0.5, mouth_wide=0.42, gape=0.15,
    wavy=0.04, teeth=True, drop=(0.7, -0.3),
)  # fmt: skip
HAPPY = Expression(
    YELLOW, 0, -0.56, eye=0.17, mouth_y=0.2, mouth_wide=0.56, smile=0.36, gape=0.16, teeth=True,
    tongue=True, blush=True,
)  # fmt: skip
SAD = Expression(
    (104, 164, 226), -24, -0.48, eye=0.13, mouth_y=0.56, mouth_wide=0.34, smile=-0.2,
    drop=(-0.42, 0.3),
)  # fmt: skip
SURPRISE = Expression(
    (255, 168, 56), -6, -0.63, eye=0.2, staring=True, mouth_y=0.46, mouth_wide=0.2, gape=0.26
)
NEUTRAL = Expression((255, 222, 130))
CONTEMPT = Expression(
    (214, 178, 140), 8, -0.42, raised=0.18, eye=0.075, mouth_wide=0.36, smile=0.05, crooked=0.24
)
UNKNOWN = Expression(
    (196, 200, 206), 0, -0.48, raised=0.16, mouth_y=0.46, mouth_wide=0.2, crooked=0.06
)

EXPRESSIONS = {
    **dict.fromkeys(("angry", "anger"), ANGRY),
    **dict.fromkeys(("disgust", "disgusted"), DISGUST),
    **dict.fromkeys(("fear", "fearful"), FEAR),
    **dict.fromkeys(("happy", "happiness"), HAPPY),
    **dict.fromkeys(("sad", "sadness"), SAD),
    **dict.fromkeys(("surprise", "surprised"), SURPRISE),
    "neutral": NEUTRAL,
    "contempt": CONTEMPT,
}


def draw_emoji(label: str, px: int) -> np.ndarray:
    """Draw a class label's face, RGBA uint8 (px, px, 4); a plain, doubting one for other labels."""
    face = _draw(EXPRESSIONS.get(label.lower(), UNKNOWN))
    how = cv2.INTER_AREA if px < DRAWN_PX else cv2.INTER_LINEAR
    return cv2.resize(face, (px, px), interpolation=how)


@cache
def _draw(expression: Expression) -> np.ndarray:
    """Draw a face at full size, RGBA; what lies outside has the rim's colour, so no edge shows."""
    picture = np.full((DRAWN_PX, DRAWN_PX, 3), RIM, np.uint8)
    alpha = np.zeros((DRAWN_PX, DRAWN_PX), np.uint8)
    _ellipse(alpha, (0, 0), (0.98, 0.98), 255)
    _skin(picture, expression.skin)
    if expression.blush:
        for x in (-0.64, 0.64):
            _ellipse(picture, (x, 0.12), (0.17, 0.11), BLUSH)
    for side in (-1, 1):
        _eye(picture, 0.34 * side, expression)
        _brow(picture, side, expression)
    _mouth(picture, expression)
    if expression.drop:
        _drop(picture, *expression.drop)
    return np.dstack([picture, alpha])


def _skin(picture: np.ndarray, skin: Colour) -> None:
    """Fill the disc inside the rim, lighter towards the top left."""
    y, x = (np.indices((DRAWN_PX, DRAWN_PX)) + 0.5) * 2 / DRAWN_PX - 1
    light = np.clip(1.12 - 0.24 * np.hypot(x + 0.35, y + 0.45), 0, 1.1)[..., None]
    shaded = np.clip(np.rint(light * np.array(skin)), 0, 255)
    disc = np.zeros(picture.shape[:2], np.uint8)
    _ellipse(disc, (0, 0), (0.91, 0.91), 255)
    share = disc[..., None] / 255
    picture[:] = np.rint(share * shaded + (1 - share) * picture)


def _eye(picture: np.ndarray, x: float, expression: Expression) -> None:
    """Draw an eye: an oval with a glint, or a pupil in its white."""
    half, y = expression.eye, -0.14
    if expression.staring:
        _ellipse(picture, (x, y), (half + 0.03, half + 0.06), INK)
        _ellipse(picture, (x, y), (half, half + 0.03), WHITE)
        _ellipse(picture, (x, y), (0.4 * half, 0.45 * half), INK)
        return
    _ellipse(picture, (x, y), (0.11, half), INK)
    if half > 0.1:
        _ellipse(picture, (x - 0.035, y - 0.4 * half), (0.03, 0.03), WHITE)


def _brow(picture: np.ndarray, side: int, expression: Expression) -> None:
    """Draw a brow, a line tilted about its middle; side: -1 image-left, 1 image-right."""
    slope = np.tan(np.deg2rad(expression.brow_tilt))
    y = expression.brow_y - (expression.raised if side > 0 else 0)
    out = np.linspace(-0.18, 0.18, 9)  # from the nose outwards
    arch = 0.05 * (1 - (out / 0.18) ** 2)
    points = np.stack([side * (0.36 + out), y - slope * out - arch], axis=1)
    cv2.polylines(picture, [_px(points)], False, INK, _thick(0.085), cv2.LINE_AA, SHIFT)


def _mouth(picture: np.ndarray, expression: Expression) -> None:
    """Draw the lips as a line, or what shows between them."""
    upper, lower = _lips(expression)
    if not expression.gape:
        cv2.polylines(picture, [_px(upper)], False, INK, _thick(0.09), cv2.LINE_AA, SHIFT)
        return
    outline = np.concatenate([upper, lower[::-1]])
    inside = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(inside, [_px(outline)], 255, cv2.LINE_8, SHIFT)
    filled = np.full_like(picture, MOUTH)
    if expression.tongue:
        _ellipse(filled, (0, lower[len(lower) // 2, 1]), (0.22, 0.14), TONGUE)
    if expression.teeth:
        down = np.array([0, 0.55 * expression.gape])
        band = np.concatenate([upper - down, upper[::-1] + down])
        cv2.fillPoly(filled, [_px(band)], WHITE, cv2.LINE_AA, SHIFT)
    picture[inside > 0] = filled[inside > 0]
    cv2.polylines(picture, [_px(outline)], True, INK, _thick(0.05), cv2.LINE_AA, SHIFT)


def _lips(expression: Expression) -> tuple[np.ndarray, np.ndarray]:
    """The upper and the lower lip's points, from the image-left corner: (33, 2) each."""
    along = np.linspace(-1, 1, 33)
    round_off = np.sqrt(1 - along**2)
    middle = expression.mouth_y + expression.smile * (1 - along**2)
    middle += expression.wavy * np.sin(3.5 * np.pi * along)
    middle -= expression.crooked * np.where(along > 0, along**2, 0)
    upper, lower = middle - expression.gape * round_off, middle + expression.gape * round_off
    x = expression.mouth_wide * along
    return np.stack([x, upper], axis=1), np.stack([x, lower], axis=1)


def _drop(picture: np.ndarray, x: float, y: float) -> None:
    """Draw a drop of water: a disc with a tip above."""
    angle = np.linspace(0, np.pi, 17)
    low = np.stack([x + 0.12 * np.cos(angle), y + 0.12 * np.sin(angle)], axis=1)
    points = np.concatenate([low, [(x, y - 0.28)]])
    cv2.fillPoly(picture, [_px(points)], WATER, cv2.LINE_AA, SHIFT)
    cv2.polylines(picture, [_px(points)], True, INK, _thick(0.03), cv2.LINE_AA, SHIFT)


SHIFT = 4  # binary digits of a pixel's fraction in OpenCV's coordinates


def _px(points: np.ndarray) -> np.ndarray:
    """Turn points, shares of the radius from the middle, into OpenCV's coordinates."""
    return np.rint(((points + 1) * DRAWN_PX / 2 - 0.5) * 2**SHIFT).astype(np.int32)


def _thick(share: float) -> int:
    """Turn a share of the radius into the thickness of a line."""
    return round(share * DRAWN_PX / 2)


def _ellipse(
    picture: np.ndarray, centre: tuple[float, float], half: tuple[float, float], colour: Colour
) -> None:
    """Fill an upright ellipse."""
    axes = [round(share * DRAWN_PX / 2 * 2**SHIFT) for share in half]
    middle = _px(np.array(centre)).tolist()
    cv2.ellipse(picture, middle, axes, 0, 0, 360, colour, cv2.FILLED, cv2.LINE_AA, SHIFT)
