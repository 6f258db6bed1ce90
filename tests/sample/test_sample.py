import numpy as np
import pytest

from facexpr.errors import UserError
from facexpr.labels import FER2013
from facexpr.sample import draw_face


@pytest.mark.parametrize("label", FER2013)
def test_draw_face_gives_a_grey_picture_with_its_landmarks_inside(label):
    for seed in range(12):
        image, points = draw_face(label, np.random.default_rng(seed))
        assert image.shape == (48, 48)
        assert image.dtype == np.uint8
        assert image.std() > 10
        assert points.shape == (5, 2)
        assert points.dtype == np.float32
        assert points.min() > 1
        assert points.max() < 46


def test_landmarks_come_in_the_order_eyes_nose_mouth_from_left_to_right():
    for seed in range(20):
        _, (left_eye, right_eye, nose, left, right) = draw_face(
            "neutral", np.random.default_rng(seed)
        )
        assert left_eye[0] < nose[0] < right_eye[0]
        assert left[0] < right[0]
        assert max(left_eye[1], right_eye[1]) < nose[1] < max(left[1], right[1])


def test_equal_seeds_draw_equal_faces_and_others_do_not():
    first, again, other = (draw_face("sad", np.random.default_rng(s)) for s in (3, 3, 4))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert (first[0] != other[0]).any()


def test_an_unknown_label_is_refused_with_a_hint():
    with pytest.raises(UserError, match="did you mean 'happy'"):
        draw_face("hapy", np.random.default_rng(0))
