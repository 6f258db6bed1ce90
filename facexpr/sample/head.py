"""The outlines of head, hair, neck and shoulders, in the units of `facexpr.sample.face`."""

import numpy as np

from facexpr.sample.actions import Actions
from facexpr.sample.canvas import ellipse, ribbon
from facexpr.sample.face import Looks
from facexpr.sample.features import mouth_corner

# How far down the hairline is at the middle of the forehead, per style.
HAIRLINES = {"receding": -1.12, "fringe": -0.70, "short": -0.88, "curly": -0.84, "bun": -0.94}
VOLUMES = {"curly": 0.12, "long": 0.2, "receding": 0.06, "bald": 0.0}


def head_outline(looks: Looks, actions: Actions, grow: float = 0.0) -> np.ndarray:
    """Outline skull and jaw, `grow` further out: (48, 2), clockwise from the right."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    cosine, sine = np.cos(angle), np.sin(angle)
    below = np.maximum(sine, 0)
    width = (1.10 * looks.head_width + grow) * (1 - 0.20 * below**2)
    chin = 1.62 * looks.head_length + 0.20 * actions.jaw_drop
    length = np.where(sine > 0, chin, 1.55) + grow
    x = width * np.sign(cosine) * np.abs(cosine) ** 0.85
    return np.stack([x, 0.22 + length * np.sign(sine) * np.abs(sine) ** 0.95], 1)


def back_hair(looks: Looks, actions: Actions) -> np.ndarray:
    """Outline the hair that hangs behind the head: (48, 2)."""
    outline = head_outline(looks, actions, 0.24)
    low = outline[:, 1] > 0.2
    outline[low, 0] = np.sign(outline[low, 0]) * np.maximum(np.abs(outline[low, 0]), 1.2)
    outline[low, 1] *= 1.12
    return outline


def front_hair(looks: Looks, actions: Actions) -> np.ndarray:
    """Outline the hair above the face, from its outer edge to the hairline."""
    grown = head_outline(looks, actions, VOLUMES.get(looks.hair_style, 0.13))
    upper = np.concatenate([grown[23:], grown[:2]])
    along = np.linspace(1, -1, 21)
    middle = HAIRLINES.get(looks.hair_style, -0.9)
    temple = -0.05 if looks.hair_style != "receding" else -0.25
    line = middle + (temple - middle) * np.abs(along) ** 3.5
    if looks.hair_style in ("parted", "long"):
        line += 0.28 * np.exp(-(((along - 0.55) / 0.5) ** 2)) * (1 - np.abs(along))
    if looks.hair_style == "fringe":
        line += 0.035 * np.sin(along * 25) * (1 - along**2)
    inner = np.stack([along * 1.02 * looks.head_width, line], 1)
    return np.concatenate([upper, inner])


def curls(looks: Looks, actions: Actions) -> list[np.ndarray]:
    """Outline round locks all around the upper half of the head."""
    around = head_outline(looks, actions, 0.02)
    places = np.concatenate([around[24:], around[:2]])
    sizes = 0.21 + 0.05 * np.sin(2.5 * np.arange(len(places)))
    return [ellipse(x, y, size, size) for (x, y), size in zip(places, sizes, strict=True)]


def strands(looks: Looks) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Give lines along which hair lies, the dark ones and the bright ones."""
    parting = 0.55 if looks.hair_style in ("parted", "long") else 0.0
    down = np.linspace(0, 1, 7)
    lines = []
    for number, start in enumerate(np.linspace(-1.3, 1.3, 15)):
        wave = 0.05 * np.sin(3 * down + 2.4 * number)
        x = 0.55 * start + 0.45 * parting + (0.45 * start - 0.45 * parting) * down**0.7 + wave
        lines.append(np.stack([x, -1.6 + (0.9 + 0.7 * abs(start)) * down], 1))
    return lines[::2], lines[1::2]


def cheek_folds(actions: Actions) -> list[np.ndarray]:
    """Outline the folds from the wings of the nose past the corners of the mouth."""
    t = np.linspace(0, 1, 7)
    corner_x, corner_y = mouth_corner(actions, 1)
    x = 0.26 + (corner_x - 0.14) * t + 0.08 * np.sin(np.pi * t)
    y = 0.62 + (corner_y - 0.56) * t
    return [ribbon(np.stack([side * x, y], 1), 0.05) for side in (-1, 1)]


def nose_wrinkles() -> list[np.ndarray]:
    """Outline two wrinkles on either flank of the bridge of the nose."""
    t = np.linspace(0, 1, 5)
    lines = [(side, y) for side in (-1, 1) for y in (0.20, 0.31)]
    return [
        ribbon(np.stack([side * (0.05 + 0.17 * t), y - 0.13 * t], 1), 0.035) for side, y in lines
    ]


def neck() -> np.ndarray:
    """Outline the neck, from its origin behind the mouth."""
    y = np.linspace(0, 2.2, 12)
    half = 0.62 + 0.25 * np.maximum(y - 1.0, 0) ** 1.5
    return np.concatenate([np.stack([half, y], 1), np.stack([-half, y], 1)[::-1]])


def shoulders(reach: float) -> np.ndarray:
    """Outline clothes from the collar down to `reach`; the origin is that of the neck."""
    x = np.linspace(-2.35, 2.35, 41)
    collar = 0.35 * np.maximum(0, 1 - (x / 0.75) ** 2) ** 0.5
    top = 1.15 + 0.20 * np.abs(x) ** 1.3 + 0.9 * (np.abs(x) / 2.35) ** 9
    low = np.array([[2.75, 4.5], [2.75, reach], [-2.75, reach], [-2.75, 4.5]])
    return np.concatenate([np.stack([x, top + collar], 1), low])
