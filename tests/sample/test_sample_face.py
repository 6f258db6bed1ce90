from dataclasses import replace

import numpy as np
import pytest

from facexpr.sample.actions import Actions
from facexpr.sample.face import Pose, landmarks, random_looks
from facexpr.sample.features import brow, eye_lids, mouth

LOOKS = random_looks(np.random.default_rng(0))
FRONTAL = Pose(x=50, y=40, eye_distance=20, roll=0, yaw=0, pitch=0)


def corners(**actions):
    return landmarks(LOOKS, Actions(**actions), FRONTAL)[3:]


def test_a_frontal_face_is_symmetric_and_its_eyes_lie_where_the_pose_says():
    points = landmarks(LOOKS, Actions(), FRONTAL)
    np.testing.assert_allclose(points[:2], [[40, 40], [60, 40]], atol=1e-4)
    np.testing.assert_allclose(points[[0, 3], 0] + points[[1, 4], 0], 100, atol=1e-4)


def test_mouth_corners_follow_their_actions():
    rest = corners()
    assert (corners(lip_corner_pull=1)[:, 1] < rest[:, 1] - 1).all()
    assert (corners(lip_corner_depress=1)[:, 1] > rest[:, 1] + 1).all()
    assert np.ptp(corners(lip_stretch=1)[:, 0]) > np.ptp(rest[:, 0]) + 1
    assert np.ptp(corners(lip_tighten=1)[:, 0]) < np.ptp(rest[:, 0])


def test_wrinkling_lifts_the_nose():
    tip = landmarks(LOOKS, Actions(nose_wrinkle=1), FRONTAL)[2, 1]
    assert tip < landmarks(LOOKS, Actions(), FRONTAL)[2, 1]


@pytest.mark.parametrize("side", [-1, 1])
def test_brows_follow_their_actions(side):
    def ends(**actions):
        line = brow(Actions(**actions), side, 0.0)
        return line[0, 1], line[-1, 1]

    inner, outer = ends()
    assert ends(inner_brow_raise=1)[0] < inner - 0.1
    assert ends(outer_brow_raise=1)[1] < outer - 0.1
    assert ends(brow_lower=1)[0] > inner + 0.1


def test_lids_open_and_tighten_and_the_jaw_drops():
    def opening(**actions):
        top, bottom = eye_lids(Actions(**actions), 1, 1.0)
        return (bottom - top)[:, 1].max()

    assert opening(lid_tighten=1) < opening() < opening(upper_lid_raise=1)
    assert mouth(Actions(jaw_drop=1), 1.0).gap > 0.3
    assert mouth(Actions(), 1.0).gap == 0


def test_roll_turns_landmarks_about_the_middle_of_the_eyes():
    turned = landmarks(LOOKS, Actions(), replace(FRONTAL, roll=np.radians(20)))
    straight = landmarks(LOOKS, Actions(), FRONTAL)
    left, right = turned[:2]
    slope = np.degrees(np.arctan2(right[1] - left[1], right[0] - left[0]))
    assert slope == pytest.approx(20, abs=1e-3)
    middle = np.array([50, 40])
    lengths = [np.linalg.norm(points - middle, axis=1) for points in (turned, straight)]
    np.testing.assert_allclose(*lengths, rtol=1e-5)


def test_yaw_moves_the_nose_further_than_the_eyes():
    shift = landmarks(LOOKS, Actions(), replace(FRONTAL, yaw=0.2)) - landmarks(
        LOOKS, Actions(), FRONTAL
    )
    assert shift[2, 0] > shift[:2, 0].max() > 0
