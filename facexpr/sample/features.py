"""The shapes of eyes, brows, nose and mouth, moved by facial actions.

Positions are those of `facexpr.sample.face`; side is -1 for the left of the picture, 1 for the
right. Shapes are (N, 2).
"""

from dataclasses import dataclass

import numpy as np

from facexpr.sample.actions import Actions

EYE_HALF_WIDTH = 0.25
MOUTH_HEIGHT = 1.12


def eye_centre(side: int) -> tuple[float, float]:
    """Give the middle between the corners of the eye."""
    return side * 0.5, 0.0


def nose_tip(actions: Actions) -> tuple[float, float]:
    """Give the point of the nose that stands out most."""
    return 0.0, 0.60 - 0.05 * actions.nose_wrinkle


def eye_lids(actions: Actions, side: int, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Give the edges of the upper and the lower lid, both from left to right."""
    along = np.linspace(-1, 1, 17)
    half = EYE_HALF_WIDTH * size
    squeeze = 0.16 * actions.lid_tighten + 0.10 * actions.cheek_raise + 0.16 * actions.nose_wrinkle
    upper = 0.46 + 0.34 * actions.upper_lid_raise - squeeze - 0.06 * actions.lip_corner_depress
    lower = 0.32 + 0.06 * actions.upper_lid_raise - squeeze
    x = side * 0.5 + half * along
    tilt = -0.02 * side * along
    bow = (1 - along**2) ** 0.7
    top = np.stack([x, tilt - half * upper * bow], 1)
    return top, np.stack([x, tilt + half * lower * bow], 1)


def brow(actions: Actions, side: int, height: float) -> np.ndarray:
    """Give the middle line of a brow, from the nose outwards."""
    along = np.linspace(0, 1, 9)
    lowered = actions.brow_lower * (1 - 0.75 * actions.inner_brow_raise)
    inner = -0.24 * actions.inner_brow_raise + 0.21 * lowered + 0.08 * actions.nose_wrinkle
    outer = -0.20 * actions.outer_brow_raise + 0.02 * lowered
    outer += 0.08 * actions.inner_brow_raise * (1 - actions.outer_brow_raise)
    bow = 0.08 + 0.05 * actions.outer_brow_raise - 0.05 * actions.brow_lower
    y = -0.36 - height + inner * (1 - along) ** 1.3 + outer * along - bow * np.sin(np.pi * along)
    start = 0.20 - 0.07 * actions.brow_lower
    return np.stack([side * (start + (0.86 - start) * along), y + 0.05 * along], 1)


@dataclass(frozen=True)
class Mouth:
    """Outlines of lips, opening and upper teeth, and the line where the lips meet."""

    lips: np.ndarray
    opening: np.ndarray
    teeth: np.ndarray
    line: np.ndarray
    gap: float


def mouth_corner(actions: Actions, side: int) -> tuple[float, float]:
    """Give the corner of the mouth."""
    width = 0.40 + 0.12 * actions.lip_corner_pull + 0.11 * actions.lip_stretch
    width -= 0.06 * actions.lip_tighten + 0.06 * actions.jaw_drop
    y = MOUTH_HEIGHT - 0.13 * actions.lip_corner_pull + 0.13 * actions.lip_corner_depress
    y += 0.04 * actions.lip_stretch + 0.20 * actions.jaw_drop - 0.03 * actions.nose_wrinkle
    return side * width, y


def mouth(actions: Actions, lip_height: float) -> Mouth:
    """Shape the mouth."""
    along = np.linspace(-1, 1, 25)
    width, corner = mouth_corner(actions, 1)
    middle = MOUTH_HEIGHT + 0.05 * actions.lip_corner_pull - 0.06 * actions.chin_raise
    middle += 0.16 * actions.jaw_drop - 0.06 * actions.lip_corner_depress
    bow = 1 - along**2
    line = middle + (corner - middle) * np.abs(along) ** 1.7
    raised = 0.10 * actions.upper_lip_raise + 0.04 * actions.lips_part + 0.02 * actions.jaw_drop
    dropped = 0.32 * actions.jaw_drop + 0.13 * actions.lips_part
    dropped += 0.10 * actions.lower_lip_depress * (actions.lips_part > 0.1)
    upper_edge = line - raised * bow**0.7
    lower_edge = line + dropped * bow**0.6
    thin = (1 - 0.55 * actions.lip_tighten) * (1 - 0.2 * actions.lip_corner_pull) * lip_height
    cupid = 1 - 0.25 * np.exp(-((along / 0.16) ** 2))
    top = upper_edge - 0.105 * thin * bow**0.8 * cupid
    pout = 1 + 0.4 * actions.lower_lip_depress + 0.3 * actions.chin_raise
    bottom = lower_edge + 0.13 * thin * pout * bow**0.7
    x = width * along
    return Mouth(
        lips=closed(x, top, bottom),
        opening=closed(x * 0.96, upper_edge, lower_edge),
        teeth=upper_teeth(x * 0.82, upper_edge, raised + dropped),
        line=np.stack([x, line], 1),
        gap=raised + dropped,
    )


def upper_teeth(x: np.ndarray, edge: np.ndarray, gap: float) -> np.ndarray:
    """Outline teeth that hang from the edge of the upper lip, less bent than the lip."""
    below = 0.6 * edge + 0.4 * edge[len(edge) // 2] + min(0.11, 0.6 * gap)
    return closed(x, edge - 0.02, below)


def closed(x: np.ndarray, top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Join an upper and a lower edge over the same x (N,) to one outline (2N, 2)."""
    return np.concatenate([np.stack([x, top], 1), np.stack([x, bottom], 1)[::-1]])
