"""One small grey picture of one face."""

import cv2
import numpy as np

from facexpr.sample.actions import random_actions
from facexpr.sample.canvas import Canvas
from facexpr.sample.face import Pose, landmarks, random_looks
from facexpr.sample.person import Person
from facexpr.sample.render import draw_person

SIZE = 48
SUPERSAMPLING = 4
# Grey levels above this one are compressed, as film does, lest highlights burn out.
KNEE = 185.0


def draw_face(label: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw a face that shows the expression `label`, and say where its landmarks are.

    Gives uint8 (48, 48) and float32 (5, 2): x, y in pixels, the centre of the top-left pixel is
    (0, 0), in the order of `facexpr.sample.face.landmarks`.
    Raises UserError when `label` is not a class of FER2013.
    """
    actions, looks, pose = random_actions(label, rng), random_looks(rng), random_pose(rng)
    canvas = Canvas(SIZE, SIZE, SUPERSAMPLING, grey=True)
    fill_background(canvas, rng)
    draw_person(Person(canvas, looks, actions, pose))
    return develop(canvas.picture(), rng), landmarks(looks, actions, pose)


def random_pose(rng: np.random.Generator) -> Pose:
    """Hold a head so that the crop of 48 x 48 pixels shows all of its features."""
    roll = np.radians(float(np.clip(rng.normal(0, 8), -20, 20)))
    # The face turns about its middle, not about the eyes.
    return Pose(
        x=23.5 + rng.uniform(-2, 2) + 9 * np.sin(-roll),
        y=17.2 + rng.uniform(-1.5, 1.5),
        eye_distance=rng.uniform(14.5, 16.8),
        roll=roll,
        yaw=np.radians(rng.uniform(-12, 12)),
        pitch=np.radians(rng.uniform(-8, 8)),
    )


def fill_background(canvas: Canvas, rng: np.random.Generator) -> None:
    """Fill a canvas with a colour that drifts slowly from place to place."""
    base = canvas.channels(rng.uniform(40, 215) + rng.uniform(-22, 22, 3))
    drift = 1 + rng.normal(0, 0.14, (4, 4)).astype(np.float32)
    size = canvas.coverage.shape[::-1]
    field = cv2.resize(drift, size, interpolation=cv2.INTER_CUBIC)
    canvas.planes[:-1] = np.clip(base[:, None, None] * field, 0, 255)


def develop(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Give a picture a camera's blur, contrast and noise: float32 0..255 to uint8."""
    sigma = rng.uniform(0.0, 0.6)
    blurred = cv2.GaussianBlur(picture, (5, 5), sigma) if sigma > 0.25 else picture
    middle, spread = float(blurred.mean()), float(blurred.std())
    # A camera exposes for the scene: dim and flat pictures come out brighter and stronger.
    contrast = rng.uniform(0.85, 1.2) * np.clip(42 / spread, 1.0, 1.7)
    brightness = 0.4 * middle + 0.6 * rng.uniform(95, 150)
    changed = brightness + contrast * (blurred - middle)
    over, room = np.maximum(changed - KNEE, 0), 255 - KNEE
    changed += room * (1 - np.exp(-over / room)) - over
    changed += rng.normal(0, rng.uniform(1, 4.5), picture.shape)
    return np.clip(np.round(changed), 0, 255).astype(np.uint8)
