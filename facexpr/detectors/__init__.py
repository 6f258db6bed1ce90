"""Face detectors, one module each, found by module name.

A module here has one function:

    load(*, min_face_px, border_px, border_grey, ..., **_settings) -> Callable

that names the settings it uses and swallows the others. What it returns takes a list of images,
all of one shape, and gives a list of Face lists, one per image, in pixels of the image as given.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np

from facexpr.errors import unknown_name

# What a face's numbers are called in tables.
BOX_COLUMNS = ["x1", "y1", "x2", "y2"]
POINTS = ("eye_left", "eye_right", "nose", "mouth_left", "mouth_right")
LANDMARK_COLUMNS = [f"{point}_{axis}" for point in POINTS for axis in "xy"]


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One detected face.

    box_xyxy: float32 (4,), pixels, origin top-left; score: 0 to 1; landmarks: float32 (5, 2),
    image-left eye, image-right eye, nose, image-left and image-right mouth corner; points that
    the detector does not tell are NaN, and None stands for no point at all.
    """

    box_xyxy: np.ndarray
    score: float
    landmarks: np.ndarray | None = None


Detector = Callable[[Sequence[np.ndarray]], list[list[Face]]]


def available() -> list[str]:
    """Names of the detector modules that this folder holds."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def find(name: str) -> ModuleType:
    """The detector module `name`; raises UserError if there is none."""
    if name not in available():
        raise unknown_name("detect.detector", name, available())
    return import_module(f"facexpr.detectors.{name}")


def load(name: str, **settings) -> Detector:
    """Load the detector module `name` with its settings; raises UserError as `find`."""
    return find(name).load(**settings)
