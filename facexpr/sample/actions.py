"""Facial actions, and the combinations of them that show an expression."""

from dataclasses import dataclass, fields

import numpy as np

from facexpr.errors import unknown_name


@dataclass(frozen=True)
class Actions:
    """Intensities from 0 (rest) to 1 (strongest) of facial actions.

    The numbers are those of the Facial Action Coding System (Ekman & Friesen 1978).
    """

    inner_brow_raise: float = 0.0  # AU1
    outer_brow_raise: float = 0.0  # AU2
    brow_lower: float = 0.0  # AU4
    upper_lid_raise: float = 0.0  # AU5
    cheek_raise: float = 0.0  # AU6
    lid_tighten: float = 0.0  # AU7
    nose_wrinkle: float = 0.0  # AU9
    upper_lip_raise: float = 0.0  # AU10
    lip_corner_pull: float = 0.0  # AU12
    lip_corner_depress: float = 0.0  # AU15
    lower_lip_depress: float = 0.0  # AU16
    chin_raise: float = 0.0  # AU17
    lip_stretch: float = 0.0  # AU20
    lip_tighten: float = 0.0  # AU23
    lips_part: float = 0.0  # AU25
    jaw_drop: float = 0.0  # AU26


# The combinations of EMFACS (Friesen & Ekman 1983, "EMFACS-7") at full strength. Disgust also has
# weak AU4 and AU10, because the muscle of AU9 moves brow and upper lip too.
PROTOTYPES = {
    "angry": Actions(brow_lower=1.0, upper_lid_raise=0.5, lid_tighten=0.8, lip_tighten=1.0),
    "disgust": Actions(
        brow_lower=0.4,
        nose_wrinkle=1.0,
        upper_lip_raise=0.7,
        lip_corner_depress=0.5,
        lower_lip_depress=0.5,
    ),
    "fear": Actions(
        inner_brow_raise=1.0,
        outer_brow_raise=0.6,
        brow_lower=0.7,
        upper_lid_raise=0.9,
        lip_stretch=1.0,
        jaw_drop=0.4,
        lips_part=0.5,
    ),
    "happy": Actions(cheek_raise=0.9, lip_corner_pull=1.0),
    "sad": Actions(inner_brow_raise=0.9, brow_lower=0.6, lip_corner_depress=1.0),
    "surprise": Actions(
        inner_brow_raise=0.9, outer_brow_raise=1.0, upper_lid_raise=0.8, jaw_drop=1.0
    ),
    "neutral": Actions(),
}

# What joins a prototype in every second drawing, so that no class has a single shape of mouth.
VARIANTS = {
    "angry": Actions(upper_lip_raise=0.5, lower_lip_depress=0.5, lips_part=0.6),
    "disgust": Actions(lips_part=0.5, chin_raise=0.5),
    "fear": Actions(jaw_drop=0.3),
    "happy": Actions(lips_part=1.0, jaw_drop=0.25),
    "sad": Actions(chin_raise=0.8),
    "surprise": Actions(lips_part=0.3),
    "neutral": Actions(),
}

JITTER = 0.06


def random_actions(label: str, rng: np.random.Generator) -> Actions:
    """Draw the actions of one expression: its prototype at 0.6 to 1 of its strength, jittered.

    Raises UserError when `label` is not a class of FER2013.
    """
    if label not in PROTOTYPES:
        raise unknown_name("label", label, PROTOTYPES)
    strength, variant = rng.uniform(0.6, 1.0), rng.uniform() < 0.5
    jitter = rng.normal(0.0, JITTER, len(fields(Actions)))
    values = {}
    for field, noise in zip(fields(Actions), jitter, strict=True):
        extra = getattr(VARIANTS[label], field.name) if variant else 0.0
        full = getattr(PROTOTYPES[label], field.name) + extra
        values[field.name] = float(np.clip(strength * full + noise, 0.0, 1.0))
    return Actions(**values)
