"""One drawn person on its canvas, and painting in positions on its face."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from facexpr.sample.actions import Actions
from facexpr.sample.canvas import Canvas, mapped
from facexpr.sample.face import Looks, Pose

SIDES = (-1, 1)
Shapes = Sequence[np.ndarray]


@dataclass(frozen=True)
class Person:
    """All that one drawn person is made of, and the canvas it is painted on."""

    canvas: Canvas
    looks: Looks
    actions: Actions
    pose: Pose

    def paint(
        self,
        shapes: Shapes,
        colour: np.ndarray,
        strength: float = 1.0,
        blur: float = 0.0,
        within: Shapes = (),
        lift: float = 0.0,
    ) -> None:
        """Paint shapes (N, 2) that lie on the face; `blur` is in distances between the eyes."""
        project = partial(self.pose.project, lift=lift)
        clip = mapped(project, within) if len(within) else ()
        soft = blur * self.pose.eye_distance
        self.canvas.paint(mapped(project, shapes), colour, strength, soft, clip)

    def place(self, shapes: Shapes, colour: np.ndarray, blur: float = 0.01) -> None:
        """Paint shapes (N, 2) that turn with the head but are not on the face."""
        placed, soft = mapped(self.pose.place, shapes), blur * self.pose.eye_distance
        self.canvas.paint(placed, colour, 1.0, soft, covers=True)


def shining(skin: np.ndarray, lit: float) -> np.ndarray:
    """Give the colour of skin lit `lit` times as strongly, with the gloss of dark skin."""
    return np.minimum(skin * lit + 24 * (1 - skin / 255), 255)
