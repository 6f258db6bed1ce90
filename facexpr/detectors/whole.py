"""No detector: the whole image is the face, without landmarks, for images cropped beforehand."""

from collections.abc import Sequence

import numpy as np

from facexpr.detectors import Detector, Face
from facexpr.geometry import whole_box


def load(**_settings) -> Detector:
    """Load the detector that takes every image as one face; it has no settings."""

    def detect(images: Sequence[np.ndarray]) -> list[list[Face]]:
        return [[Face(whole_box(image.shape), score=1.0)] for image in images]

    return detect
