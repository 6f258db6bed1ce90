"""Which of several detected faces a sample's label speaks of."""

from collections.abc import Sequence

import numpy as np

from facexpr.detectors import Face


def choose_face(faces: Sequence[Face], shape: tuple[int, ...], rule: str) -> Face | None:
    """The face that `rule` picks in an image of shape (H, W, ...); None when there is none.

    `largest` area, `best` score, or `central`: the box centre nearest to the image's.
    Equal faces: the first one.
    """
    if not faces:
        return None
    centre = np.array([shape[1] - 1, shape[0] - 1]) / 2
    worth = {
        "largest": lambda face: float(np.prod(face.box_xyxy[2:] - face.box_xyxy[:2])),
        "best": lambda face: face.score,
        "central": lambda face: -float(np.hypot(*(face.box_xyxy.reshape(2, 2).mean(0) - centre))),
    }
    return max(faces, key=worth[rule])
