"""MTCNN (Zhang et al. 2016, arXiv:1604.02878) as the `mtcnn` package ships it, weights included."""

import math
import os
from collections.abc import Sequence

import numpy as np

from facexpr.backend import silent_stderr
from facexpr.detectors import Detector, Face
from facexpr.images import to_rgb, with_border

WINDOW_PX = 12  # side of what P-Net looks at


def load(
    *,
    min_face_px: int,
    scale_factor: float,
    thresholds: Sequence[float],
    border_px: int,
    border_grey: int,
    **_settings,
) -> Detector:
    """Load MTCNN. Its three networks' score thresholds are P-Net's, R-Net's and O-Net's.

    border_px: pixels put around each image, so that a face which fills its image is still seen
    whole; boxes and landmarks are given in the image without them. border_grey: their grey
    level, or -1: the image's edge repeated.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with silent_stderr():
        from mtcnn import MTCNN  # late: it imports TensorFlow, which takes seconds
        from mtcnn.stages import stage_pnet

    # The package's own pyramid counts its levels as if faces of 20 px were wanted at a step of
    # 0.709. With others it goes on to levels smaller than the window, and that fails as "no face".
    stage_pnet.build_scale_pyramid = pyramid
    network = MTCNN()
    settings = {
        "min_face_size": min_face_px,
        "scale_factor": scale_factor,
        **dict(
            zip(("threshold_pnet", "threshold_rnet", "threshold_onet"), thresholds, strict=True)
        ),
    }

    def detect(images: Sequence[np.ndarray]) -> list[list[Face]]:
        rows = network.detect_faces(
            [with_border(to_rgb(image), (border_px,) * 4, border_grey) for image in images],
            fit_to_image=False,
            box_format="xyxy",
            output_type="numpy",
            **settings,
        )
        faces: list[list[Face]] = [[] for _ in images]
        for row in rows:
            faces[int(row[0])].append(_to_face(row, border_px))
        return faces

    return detect


def pyramid(
    width: int, height: int, min_face_size: int, scale_factor: float, min_size: int = WINDOW_PX
) -> np.ndarray:
    """Scales at which the window sees faces from `min_face_size` pixels to the whole image.

    The first makes the smallest face as large as the window; the last still holds a window.
    """
    first = min_size / min_face_size
    steps = math.log(min(width, height) * first / min_size) / -math.log(scale_factor)
    # A level that is as large as the window but for rounding counts.
    return first * scale_factor ** np.arange(max(0, math.floor(steps + 1e-9) + 1))


def _to_face(row: np.ndarray, border_px: int) -> Face:
    """Read one result row: image, x1, y1, x2, y2, score, five x, five y.

    The package calls the image-left eye "left"; its order of points is the project's own.
    """
    box = (row[1:5] - border_px).astype(np.float32)
    landmarks = (row[6:16].reshape(2, 5).T - border_px).astype(np.float32)
    return Face(box, float(row[5]), landmarks)
