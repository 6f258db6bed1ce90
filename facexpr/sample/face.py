"""What a drawn person looks like, how the head is held, and where its landmarks lie.

Lengths on the face are in distances between the eyes: the origin is midway between the eyes,
x points to the right of the picture and y downwards.
"""

import math
from dataclasses import dataclass

import numpy as np

from facexpr.sample.actions import Actions
from facexpr.sample.features import eye_centre, mouth_corner, nose_tip

HAIR_STYLES = ("bald", "short", "parted", "fringe", "long", "curly", "receding", "bun")
# From the lightest to the darkest skin, RGB.
SKIN_TONES = np.array(
    [[240, 202, 174], [230, 186, 154], [205, 155, 120], [165, 115, 82], [124, 84, 62]], float
)
# Below this red, hair is black or brown.
DARK_SKIN = 185.0
HAIR_COLOURS = np.array(
    [[28, 24, 24], [62, 42, 32], [104, 72, 48], [196, 160, 100], [128, 62, 36], [168, 166, 164]],
    float,
)
IRIS_COLOURS = np.array([[58, 38, 26], [92, 62, 36], [66, 100, 130], [76, 104, 70]], float)
# Half-axes of the ellipsoid that features lie on, and the height of its centre.
HEAD_AXES = (1.2, 1.75, 1.1)
HEAD_CENTRE = 0.25


@dataclass(frozen=True)
class Looks:
    """What stays the same while a person's expression changes: colours RGB, sizes near 1."""

    skin: np.ndarray
    hair: np.ndarray
    iris: np.ndarray
    lips: np.ndarray
    clothes: np.ndarray
    hair_style: str
    head_width: float
    head_length: float
    eye_size: float
    brow_height: float
    brow_width: float
    nose_width: float
    lip_height: float
    ears: bool
    beard: float
    light: np.ndarray


@dataclass(frozen=True)
class Pose:
    """Where the head is in the picture (pixels) and how it is turned (radians)."""

    x: float
    y: float
    eye_distance: float
    roll: float
    yaw: float
    pitch: float

    def project(self, points: np.ndarray, lift: float = 0.0) -> np.ndarray:
        """Map face positions (N, 2), `lift` above the head's surface, to picture pixels (N, 2)."""
        x, y = points[:, 0], points[:, 1]
        width, length, depth = HEAD_AXES
        room = 1 - (x / width) ** 2 - ((y - HEAD_CENTRE) / length) ** 2
        z = depth * np.sqrt(np.maximum(room, 0.0)) + lift
        turned = np.empty(points.shape)
        turned[:, 0] = x * math.cos(self.yaw) + z * math.sin(self.yaw)
        turned[:, 1] = y - z * math.sin(self.pitch)
        return self.place(turned)

    def place(self, points: np.ndarray, upright: bool = False) -> np.ndarray:
        """Map positions in the plane of the picture (N, 2) to pixels, rolled unless `upright`."""
        roll = 0.0 if upright else self.roll
        cosine, sine = self.eye_distance * math.cos(roll), self.eye_distance * math.sin(roll)
        x, y = points[:, 0], points[:, 1]
        placed = np.empty(points.shape)
        placed[:, 0] = self.x + cosine * x - sine * y
        placed[:, 1] = self.y + sine * x + cosine * y
        return placed


def landmarks(looks: Looks, actions: Actions, pose: Pose) -> np.ndarray:
    """Locate the eye centres, the nose tip and the mouth corners: float32 (5, 2), x, y, pixels.

    The order is eye, eye, nose, corner, corner, that on the left of the picture first.
    """
    surface = [eye_centre(-1), eye_centre(1), mouth_corner(actions, -1), mouth_corner(actions, 1)]
    on_skin = pose.project(np.array(surface))
    tip = pose.project(np.array([nose_tip(actions)]), lift=0.25)
    return np.concatenate([on_skin[:2], tip, on_skin[2:]]).astype(np.float32)


def mixed(colours: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pick a colour between two neighbours of a list (N, 3)."""
    place = rng.uniform(0, len(colours) - 1)
    low = int(place)
    return colours[low] + (place - low) * (colours[low + 1] - colours[low])


def random_looks(rng: np.random.Generator) -> Looks:
    """Draw a person."""
    skin = mixed(SKIN_TONES, rng)
    azimuth, height = rng.uniform(-1.0, 1.0), rng.uniform(-0.8, 0.15)
    light = np.array([np.sin(azimuth), height, np.cos(azimuth)])
    return Looks(
        skin=skin,
        hair=HAIR_COLOURS[rng.integers(len(HAIR_COLOURS) if skin[0] > DARK_SKIN else 3)]
        * rng.uniform(0.8, 1.15),
        iris=IRIS_COLOURS[rng.integers(len(IRIS_COLOURS))],
        lips=skin * rng.uniform(0.8, 0.95) * np.array([0.95, 0.68, 0.68]),
        clothes=rng.uniform(50, 180) + rng.uniform(-40, 40, 3),
        hair_style=HAIR_STYLES[rng.integers(len(HAIR_STYLES))],
        head_width=rng.uniform(0.94, 1.06),
        head_length=rng.uniform(0.95, 1.05),
        eye_size=rng.uniform(0.92, 1.1),
        brow_height=rng.uniform(-0.03, 0.05),
        brow_width=rng.uniform(0.75, 1.3),
        nose_width=rng.uniform(0.85, 1.15),
        lip_height=rng.uniform(0.8, 1.3),
        ears=bool(rng.uniform() < 0.75),
        beard=float(max(0.0, rng.uniform(-1.6, 0.5))),
        light=light / np.linalg.norm(light),
    )
