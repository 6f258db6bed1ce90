"""Painting the parts of a face that actions move: creases, nose, mouth, eyes and brows."""

import numpy as np

from facexpr.sample import features, head
from facexpr.sample.canvas import ellipse, ribbon
from facexpr.sample.person import SIDES, Person, shining

WHITE = np.array([236.0, 232.0, 228.0])
DARK = np.array([22.0, 14.0, 14.0])


def draw_creases(person: Person) -> None:
    """Paint the folds that actions press into the skin."""
    actions, dark = person.actions, person.looks.skin * 0.45
    pull = max(actions.lip_corner_pull, 0.8 * actions.nose_wrinkle, 0.6 * actions.upper_lip_raise)
    person.paint(head.cheek_folds(actions), dark, 0.16 + 0.5 * pull, 0.02)
    frowns = [np.array([[s * 0.07, -0.40], [s * 0.055, -0.27], [s * 0.07, -0.15]]) for s in SIDES]
    person.paint([ribbon(f, 0.04) for f in frowns], dark, 0.75 * actions.brow_lower, 0.012)
    person.paint(head.nose_wrinkles(), dark, 0.8 * actions.nose_wrinkle, 0.012)
    across = np.linspace(-0.5, 0.5, 9)
    rows = [np.stack([across, y - 0.1 * across**2], 1) for y in (-0.80, -0.68)]
    person.paint([ribbon(row, 0.03) for row in rows], dark, 0.42 * actions.inner_brow_raise, 0.012)


def draw_nose(person: Person) -> None:
    """Paint bridge, tip, wings and nostrils."""
    skin, actions, width = person.looks.skin, person.actions, person.looks.nose_width
    up = 0.06 * actions.nose_wrinkle
    toward = -np.sign(person.looks.light[0]) or 1.0
    flank = np.array([[0.05, -0.15], [0.10, 0.2], [0.24, 0.66], [0.12, 0.66], [0.07, 0.2]])
    flank = flank * (toward * width, 1) - (0, up)
    strength = 0.25 + 0.35 * abs(person.looks.light[0])
    person.paint([flank], skin * 0.55, strength, 0.04, lift=0.1)
    bright = shining(skin, 1.18)
    bridge = np.array([[-0.05, -0.1], [0.05, -0.1], [0.07, 0.5], [-0.07, 0.5]])
    person.paint([bridge], bright, 0.45, 0.04, lift=0.15)
    wings = [ellipse(side * 0.2 * width, 0.66 - up, 0.09, 0.09) for side in SIDES]
    person.paint(wings, skin * 0.78, 0.7, 0.03, lift=0.1)
    person.paint([ellipse(0, 0.76 - up, 0.24 * width, 0.05)], skin * 0.4, 0.6, 0.04, lift=0.1)
    person.paint([ellipse(0, 0.58 - up, 0.10, 0.09)], bright, 0.65, 0.04, lift=0.25)
    nostrils = [ellipse(side * 0.11 * width, 0.715 - up, 0.055, 0.032) for side in SIDES]
    person.paint(nostrils, skin * 0.16, 0.85, 0.012, lift=0.18)


def draw_mouth(person: Person) -> None:
    """Paint lips, and teeth and tongue where the mouth is open."""
    looks, shape = person.looks, features.mouth(person.actions, person.looks.lip_height)
    low = shape.lips[:, 1].max()
    person.paint([ellipse(0, low + 0.07, 0.26, 0.04)], looks.skin * 0.5, 0.5, 0.04)
    person.paint([shape.lips], looks.lips, 0.9, 0.012)
    person.paint([ellipse(0, low - 0.06, 0.18, 0.025)], looks.skin * 1.1, 0.3, 0.02)
    if shape.gap > 0.05:
        person.paint([shape.opening], DARK + 8, 1.0, 0.008)
        tongue = ellipse(0, shape.opening[:, 1].max(), 0.2, 0.14)
        person.paint([tongue], np.array([150.0, 70.0, 70.0]), 0.7, 0.03, [shape.opening])
        person.paint([shape.teeth], WHITE * 0.97, 0.92, 0.008, [shape.opening])
    else:
        person.paint([ribbon(shape.line, 0.045)], looks.lips * 0.3, 0.9, 0.008)
    corners = [ellipse(x, y, 0.035, 0.03) for x, y in (shape.line[0], shape.line[-1])]
    person.paint(corners, looks.skin * 0.25, 0.6, 0.02)


def draw_eye(person: Person, side: int) -> None:
    """Paint one eye: white, iris, pupil, glint, lids and lashes."""
    looks = person.looks
    top, bottom = features.eye_lids(person.actions, side, looks.eye_size)
    eye = np.concatenate([top, bottom[::-1]])
    x, y = features.eye_centre(side)
    person.paint([eye], WHITE * 0.96, 1.0, 0.006)
    shade = np.concatenate([top, lowered(top, 0.05)[::-1]])
    person.paint([shade], DARK, 0.4, 0.02, [eye])
    person.paint([ellipse(x, y - 0.015, 0.115, 0.115)], looks.iris * 0.8, 1.0, 0.005, [eye])
    person.paint([ellipse(x, y - 0.015, 0.055, 0.055)], DARK, 1.0, 0.005, [eye])
    person.paint([ellipse(x - 0.03, y - 0.05, 0.022, 0.022)], WHITE, 0.9, 0.004, [eye])
    lash = 0.045 * np.sin(np.linspace(0.3, np.pi - 0.3, len(top)))
    person.paint([ribbon(top, lash)], DARK + looks.hair * 0.2, 0.9, 0.006)
    person.paint([ribbon(bottom, 0.02)], looks.skin * 0.45, 0.6, 0.01)
    person.paint([ribbon(lowered(top, -0.075), 0.022)], looks.skin * 0.45, 0.6, 0.012)
    tight = max(person.actions.lid_tighten, person.actions.cheek_raise)
    person.paint([ribbon(lowered(bottom, 0.075), 0.04)], looks.skin * 0.5, 0.2 + 0.4 * tight, 0.025)


def draw_brows(person: Person) -> None:
    """Paint the brows, thinner towards their outer ends."""
    width = 0.105 * person.looks.brow_width * np.linspace(1.1, 0.45, 9)
    lines = [features.brow(person.actions, side, person.looks.brow_height) for side in SIDES]
    colour = np.minimum(person.looks.hair * 0.7, person.looks.skin * 0.55)
    person.paint([ribbon(line, width) for line in lines], colour, 0.92, 0.018)


def lowered(points: np.ndarray, by: float) -> np.ndarray:
    """Move points (N, 2) down."""
    return points + np.array([0.0, by])
