import numpy as np
import pytest

from facexpr import detectors
from facexpr.errors import UserError

SETTINGS = {"min_face_px": 20, "border_px": 12, "border_grey": 200, "thresholds": (0.6,) * 3}


def test_every_image_is_one_face_as_large_as_itself():
    detect = detectors.load("whole", **SETTINGS)
    found = detect([np.zeros((30, 70, 3), np.uint8), np.zeros((30, 70, 3), np.uint8)])
    assert [len(faces) for faces in found] == [1, 1]
    face = found[1][0]
    assert face.box_xyxy.dtype == np.float32
    np.testing.assert_array_equal(face.box_xyxy, [-0.5, -0.5, 69.5, 29.5])
    assert (face.score, face.landmarks) == (1.0, None)


def test_no_images_give_no_lists():
    assert detectors.load("whole", **SETTINGS)([]) == []


def test_the_folder_is_the_register():
    assert {"haar", "mtcnn", "whole"} <= set(detectors.available())
    assert "__init__" not in detectors.available()


def test_an_unknown_detector_is_told_with_the_nearest_name():
    with pytest.raises(UserError) as caught:
        detectors.load("mtcn")
    assert str(caught.value).startswith("detect.detector: unknown 'mtcn'; available: ")
    assert str(caught.value).endswith("did you mean 'mtcnn'?")
