"""What a release is made of, on tiny models; and the models in models/released/ as they are."""

import json
import os
from math import prod
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from closure import ROOT

from facexpr.calibration import apply_temperature
from facexpr.classifier import load_classifier
from facexpr.datasets import fer2013
from facexpr.errors import UserError
from facexpr.images import read_image
from facexpr.labels import FER2013
from facexpr.metrics import negative_log_likelihood, summary
from facexpr.model_file import load_model, read_card, save_model
from facexpr.release import (
    Split,
    calibrate,
    check_alike,
    classify_drawn,
    drawn_faces,
    measure,
    write_drawn,
    write_models,
)
from facexpr.results import KEYS
from facexpr.sample.drawing import draw_face

# Of tf2onnx, at the import of numpy's old names.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

RELEASED = sorted(path.parent for path in (ROOT / "models/released").glob("[a-z]*/metrics.json"))
NONE = [pytest.param(None, marks=pytest.mark.skip(reason="no model is released yet"))]
CARD = {"labels": list(FER2013[:3]), "crop_px": 0, "fit": ["train"]}


def make_model(sharpness=1.0, dtype="float32"):
    """A model of 6 x 5 px faces that is `sharpness` times as sure as another of equal weights."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((6, 5, 1), dtype="uint8")
    x = keras.layers.Flatten()(keras.layers.Rescaling(sharpness / 255, dtype="float32")(inputs))
    x = keras.layers.Dense(3, use_bias=False, dtype=dtype)(x)
    return keras.Model(inputs, keras.layers.Activation("softmax", dtype="float32")(x))


def make_split(name, count=60):
    """Noise, with labels that a model of sharpness 1 would give, drawn by its probabilities."""
    rng = np.random.default_rng(len(name))
    images = rng.integers(0, 256, (count, 6, 5), np.uint8)
    chances = make_model().predict_on_batch(images[..., None])
    labels = np.array([rng.choice(3, p=row / row.sum()) for row in chances.astype(float)])
    return Split([f"{name}-{row:07d}" for row in range(count)], images, labels)


def test_a_model_that_is_too_sure_gets_the_temperature_of_least_likelihood():
    val, sure = make_split("val", 2000), make_model(sharpness=4.0)
    before = sure.predict_on_batch(val.images[..., None])
    model, temperature = calibrate(sure, val)
    assert temperature == pytest.approx(4.0, rel=0.25)
    assert temperature == round(temperature, 4)
    losses = {
        degree: negative_log_likelihood(apply_temperature(before, degree), val.labels)
        for degree in (temperature * 0.97, temperature, temperature * 1.03)
    }
    assert min(losses, key=losses.get) == temperature
    after = model.predict_on_batch(val.images[..., None])
    np.testing.assert_allclose(after, apply_temperature(before, temperature), atol=1e-5)


def test_without_val_there_is_no_temperature_and_mixed_precision_ends_all_the_same():
    trained, split = make_model(dtype="mixed_bfloat16"), make_split("val")
    model, temperature = calibrate(trained, None)
    assert temperature is None
    assert {layer.compute_dtype for layer in model.layers[1:]} == {"float32"}
    expected = make_model().predict_on_batch(split.images[..., None])
    np.testing.assert_allclose(model.predict_on_batch(split.images[..., None]), expected, atol=1e-6)


def test_figures_are_of_the_files_and_of_what_calibration_was_before(tmp_path):
    splits = {name: make_split(name) for name in ("val", "test")}
    sure = make_model(sharpness=4.0)
    model, temperature = calibrate(sure, splits["val"])
    write_models(tmp_path, model, CARD)
    rows = [(0, "train-0000100", "train"), (0, "test-0000007", "test"), (1, "test-0000003", "test")]
    rows += [(1, "val-0000003", "val")]
    copies = {"copies": pd.DataFrame(rows, columns=["group", "key", "split"])}
    figures = measure(tmp_path, splits, copies, temperature, draws=100, seed=0)
    test = splits["test"]
    raw = sure.predict_on_batch(test.images[..., None])
    expected = summary(raw, test.labels)
    assert figures["test"]["accuracy"] == pytest.approx(expected["accuracy"], abs=1e-6)
    for name in ("ece", "nll", "brier"):
        assert figures["test"]["uncalibrated"][name] == pytest.approx(expected[name], abs=1e-4)
    after = summary(apply_temperature(raw, temperature), test.labels)
    assert figures["test"]["nll"] == pytest.approx(after["nll"], abs=1e-4)
    # One of test has a copy in train; the other's is in val, which was not fitted.
    assert figures["test"]["groups"]["without_copies"]["n"] == 59
    assert figures["val"]["groups"]["without_copies"]["n"] == 60


def test_files_that_disagree_are_refused(tmp_path):
    splits = {"val": make_split("val")}
    write_models(tmp_path, make_model(), CARD)
    other = tmp_path / "other"
    other.mkdir()
    write_models(other, make_model(sharpness=1.1), CARD)
    (other / "model.onnx").replace(tmp_path / "model.onnx")
    with pytest.raises(UserError, match=r"model\.onnx: on val its probabilities differ .* 0\.0001"):
        measure(tmp_path, splits, {}, None, draws=100, seed=0)


@pytest.mark.parametrize("value", [0.5002, np.nan])
def test_how_far_two_files_may_differ(value):
    check_alike(np.array([[0.5, 0.5]]), np.array([[0.50009, 0.49991]]))
    with pytest.raises(UserError, match=r"expected at most 0\.0001"):
        check_alike(np.array([[0.5, 0.5]]), np.array([[value, 0.5]]))


def test_equal_weights_give_equal_bytes(tmp_path):
    trained = tmp_path / "trained.keras"
    save_model(trained, make_model(2.0, dtype="mixed_bfloat16"), CARD)
    for name in "ab":
        (tmp_path / name).mkdir()
        write_models(tmp_path / name, calibrate(load_model(trained), make_split("val"))[0], CARD)
    for file in ("model.keras", "model.onnx"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_drawn_faces_are_two_of_each_label_and_kept_beside_what_is_said_of_them(tmp_path):
    faces = drawn_faces()
    assert (faces.shape, faces.dtype) == ((14, 48, 48), np.uint8)
    np.testing.assert_array_equal(faces, drawn_faces())
    ninth, _ = draw_face("disgust", np.random.default_rng([2013, 2, 8]))
    np.testing.assert_array_equal(faces[8], ninth)
    write_models(tmp_path, make_model(), CARD)
    write_drawn(tmp_path)
    np.testing.assert_array_equal(read_drawn(tmp_path)[0], faces)
    labels, rows = read_drawn(tmp_path)[1:]
    assert labels == CARD["labels"]
    small = load_classifier(tmp_path / "model.keras").prepare(faces[8])
    said = make_model().predict_on_batch(small[None, ..., None])[0]
    np.testing.assert_allclose(rows[8], said, atol=1e-5)


def read_drawn(folder: Path):
    """The drawn faces of a release, its labels, and the probabilities that it recorded."""
    record = json.loads((folder / "drawn.json").read_text())
    faces = read_image(folder / "drawn.png").reshape(-1, 48, 48)
    return faces, record["labels"], np.array(record["probabilities"])


@pytest.mark.parametrize("folder", RELEASED or NONE, ids=lambda folder: folder and folder.name)
def test_released_models_give_their_recorded_probabilities(folder):
    result = json.loads((folder / "metrics.json").read_text())
    faces, labels, recorded = read_drawn(folder)
    for name in ("model.keras", "model.onnx"):
        model = load_classifier(folder / name)  # Keras' safe mode
        assert list(model.labels) == labels
        np.testing.assert_allclose(classify_drawn(model, faces), recorded, atol=1e-4)
    if result["dataset"] == "fer2013":
        assert tuple(labels) == FER2013
    model = load_model(folder / "model.keras")
    assert sum(prod(weight.shape) for weight in model.trainable_weights) <= result["params"]
    assert set(result) == set(KEYS)
    assert (result["name"], result["split"], result["views"]) == (folder.name, "test", 1)
    assert read_card(folder / "model.keras")["name"] == folder.name
    accuracy = f"{result['accuracy']:.2%} of the {result['n']:,} images"
    assert accuracy in " ".join((folder / "CARD.md").read_text().split())


@pytest.mark.parametrize("folder", RELEASED or NONE, ids=lambda folder: folder and folder.name)
def test_released_models_have_their_recorded_accuracy(folder):
    result = json.loads((folder / "metrics.json").read_text())
    source = os.environ.get("FACEXPR_FER2013")
    if not source or result["dataset"] != "fer2013":
        pytest.skip("needs FER2013: set FACEXPR_FER2013 to the path of its CSV or an archive of it")
    model = load_classifier(folder / "model.onnx")
    samples = [one for one in fer2013.read(Path(source)) if one.split == "test"]
    said = model.predict(np.stack([model.prepare(one.image) for one in samples])).argmax(axis=1)
    right = sum(model.labels[code] == one.label for code, one in zip(said, samples, strict=True))
    assert len(samples) == result["n"]
    # The last bits of a sum differ between processors: one image may fall on the other side.
    assert abs(right - round(result["accuracy"] * result["n"])) <= 1
