"""The settings and coordinates of the MTCNN module; a stand-in takes the place of the package."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facexpr import detectors
from facexpr.detectors.mtcnn import pyramid
from facexpr.sample import draw_scene

SETTINGS = {
    "min_face_px": 24,
    "scale_factor": 0.7,
    "thresholds": (0.5, 0.6, 0.7),
    "haar_cascade": "another detector's",
}
# Image, x1, y1, x2, y2, score, five x, five y, in the image with its border.
ROW = [1, 12, 14, 40, 50, 0.9, 20, 30, 25, 21, 31, 25, 26, 30, 40, 41]


@pytest.fixture
def calls(monkeypatch):
    """What the package is called with."""
    calls = []

    class Network:
        def detect_faces(self, images, **settings):
            calls.append((images, settings))
            return np.array([ROW], np.float32)

    monkeypatch.setitem(sys.modules, "mtcnn", SimpleNamespace(MTCNN=Network))
    stages = SimpleNamespace(stage_pnet=SimpleNamespace())
    monkeypatch.setitem(sys.modules, "mtcnn.stages", stages)
    return calls


def load(**settings):
    return detectors.load("mtcnn", **SETTINGS, **settings)


def test_faces_are_told_in_the_image_without_its_border(calls):
    images = [np.zeros((30, 60), np.uint8), np.zeros((30, 60), np.uint8)]
    nothing, (face,) = load(border_px=12, border_grey=-1)(images)
    assert nothing == []
    np.testing.assert_array_equal(face.box_xyxy, [0, 2, 28, 38])
    np.testing.assert_array_equal(face.landmarks, [[8, 13], [18, 14], [13, 18], [9, 28], [19, 29]])
    assert (face.box_xyxy.dtype, face.landmarks.dtype) == (np.float32, np.float32)
    assert face.score == pytest.approx(0.9)


@pytest.mark.parametrize("grey", [-1, 0, 200])
def test_the_border_is_a_grey_level_or_the_edge_repeated(calls, grey):
    image = np.random.default_rng(0).integers(1, 200, (30, 60), np.uint8)
    load(border_px=5, border_grey=grey)([image, image])
    bordered = calls[0][0][1]
    assert bordered.shape == (40, 70, 3)
    np.testing.assert_array_equal(bordered[5:35, 5:65, 0], image)
    edge = np.pad(image, 5, mode="edge") if grey < 0 else np.pad(image, 5, constant_values=grey)
    np.testing.assert_array_equal(bordered, edge[..., None].repeat(3, axis=2))


def test_settings_reach_the_package(calls):
    load(border_px=0, border_grey=-1)([np.zeros((30, 60), np.uint8)] * 2)
    settings = calls[0][1]
    assert (settings["min_face_size"], settings["scale_factor"]) == (24, 0.7)
    names = ("threshold_pnet", "threshold_rnet", "threshold_onet")
    assert [settings[name] for name in names] == [0.5, 0.6, 0.7]


@given(st.integers(12, 3000), st.integers(12, 3000), st.integers(12, 200), st.floats(0.5, 0.95))
def test_the_pyramid_goes_from_the_smallest_face_to_the_whole_image(width, height, face, step):
    scales = pyramid(width, height, face, step)
    shorter = min(width, height)
    if shorter < face:
        assert len(scales) == 0
        return
    assert scales[0] == pytest.approx(12 / face)
    np.testing.assert_allclose(scales[1:] / scales[:-1], step)
    assert shorter * scales[-1] >= 12 * (1 - 1e-6)
    assert shorter * scales[-1] * step < 12


@pytest.mark.filterwarnings("ignore")  # of TensorFlow's, at its import
@pytest.mark.parametrize(("face", "step"), [(24, 0.709), (30, 0.85), (20, 0.8)])
def test_faces_are_found_whatever_the_pyramid(face, step):
    scene, faces = draw_scene(np.random.default_rng(0))
    settings = {"thresholds": (0.6, 0.7, 0.8), "border_px": 0, "border_grey": -1}
    find = detectors.load("mtcnn", min_face_px=face, scale_factor=step, **settings)
    assert len(find([scene])[0]) == len(faces)
