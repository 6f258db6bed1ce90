"""MTCNN's networks as ONNX models; tests/detectors/test_mtcnn.py compares with the package."""

import numpy as np
import pytest
from onnx import checker

from facexpr import mtcnn_networks
from facexpr.errors import UserError
from facexpr.mtcnn_networks import build, load_network

SIDES = {"pnet": 31, "rnet": 24, "onet": 48}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", SIDES)
def test_models_are_sound_and_end_in_probabilities(name, channels):
    checker.check_model(build(name, channels), full_check=True)
    images = np.random.default_rng(0).normal(size=(5, channels, SIDES[name], SIDES[name]))
    moves, *landmarks, scores = load_network(name, channels)(images.astype(np.float32))
    # 31 pixels are 29, 15, 13, 11 behind P-Net's layers.
    assert moves.shape[:2] == (5, 4)
    assert scores.shape == ((5, 2, 11, 11) if name == "pnet" else (5, 2))
    assert [one.shape for one in landmarks] == ([(5, 10)] if name == "onet" else [])
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("name", SIDES)
def test_a_grey_image_is_three_equal_channels(name):
    grey = np.random.default_rng(1).normal(size=(3, 1, SIDES[name], SIDES[name]))
    grey = grey.astype(np.float32)
    outputs = zip(
        load_network(name, 1)(grey), load_network(name, 3)(grey.repeat(3, 1)), strict=True
    )
    for one, three in outputs:
        np.testing.assert_allclose(one, three, atol=1e-4)


@pytest.mark.parametrize("slopes", [[0.3, -0.2, 1.0], [0.3, -0.2, 1.7]])
def test_prelu_is_the_value_or_its_slope_times_it(slopes):
    import onnxruntime

    graph = mtcnn_networks._Graph()
    output = graph.prelu("images", np.float32(slopes))
    model = graph.model((None, 3), [output], 2).SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    values = np.float32([[2, 2, 2], [-2, -2, -2], [0, 0, 0]])
    expected = np.where(values > 0, values, values * np.float32(slopes))
    np.testing.assert_allclose(session.run(None, {"images": values})[0], expected, rtol=1e-6)


def test_a_missing_package_is_told(monkeypatch):
    monkeypatch.setattr(mtcnn_networks, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install mtcnn==1\.0\.0"):
        load_network("pnet", 3)
