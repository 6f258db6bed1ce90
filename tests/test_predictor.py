from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny_model import PX, detection, expected, make_card, write_model

import facexpr
from facexpr import Predictor, detectors
from facexpr.classifier import load_classifier
from facexpr.detectors import Face
from facexpr.errors import UserError
from facexpr.labels import FER2013

LEFT, RIGHT = (slice(5, 25), slice(2, 22)), (slice(8, 18), slice(40, 50))


@pytest.fixture
def model(tmp_path):
    return write_model(tmp_path / "model.onnx")


def picture(left=200, right=60):
    """A picture (30, 60) with a large face, scored lower, on the left, and a small one."""
    image = np.empty((30, 60), np.uint8)
    image[:, :30], image[:, 30:] = left, right
    return image


def box(place):
    rows, columns = place
    return np.array([columns.start, rows.start, columns.stop, rows.stop], np.float32) - 0.5


@pytest.fixture
def two_faces(monkeypatch):
    """A detector that tells where the two faces of `picture` are, the better one first."""
    calls = []

    def load(name, **settings):
        assert name == "two_faces"

        def detect(images):
            calls.append(len(images))
            faces = [Face(box(RIGHT), 0.9), Face(box(LEFT), 0.6)]
            return [faces if image.shape[1] == 60 else [] for image in images]

        return detect

    monkeypatch.setattr(detectors, "load", load)
    return calls


def test_a_picture_is_found_aligned_and_read_from_left_to_right(model, two_faces):
    predictor = Predictor(model, detection(detector="two_faces", min_score=0.5))
    left, right = predictor.predict(picture())
    assert predictor.labels == list(FER2013)
    np.testing.assert_array_equal(left.face.box_xyxy, box(LEFT))
    assert list(left.probabilities) == list(FER2013)
    np.testing.assert_allclose(list(left.probabilities.values()), expected(200), atol=1e-5)
    np.testing.assert_allclose(list(right.probabilities.values()), expected(60), atol=1e-5)
    assert (left.label, right.label) == (FER2013[-1], FER2013[0])
    colour = np.stack([picture()] * 3, axis=2)
    assert predictor.predict(colour)[0].probabilities == left.probabilities


@pytest.mark.parametrize(("rule", "place"), [("largest", LEFT), ("best", RIGHT)])
def test_one_face_may_be_asked_for(model, two_faces, rule, place):
    (one,) = Predictor(model, detection(detector="two_faces", min_score=0.5)).predict(
        picture(), rule
    )
    np.testing.assert_array_equal(one.face.box_xyxy, box(place))


def test_faces_of_a_low_score_are_left_out(model, two_faces):
    (one,) = Predictor(model, detection(detector="two_faces", min_score=0.7)).predict(picture())
    assert one.face.score == 0.9
    assert Predictor(model, detection(detector="two_faces", min_score=1.0)).predict(picture()) == []


def test_a_batch_says_what_single_pictures_say_and_looks_at_equal_shapes_together(model, two_faces):
    predictor = Predictor(model, detection(detector="two_faces", min_score=0.5))
    pictures = [
        picture(),
        np.zeros((10, 20), np.uint8),
        picture(90, 250),
        np.stack([picture()] * 3, 2),
    ]
    batch = predictor.predict_batch(pictures)
    assert two_faces == [2, 1, 1]
    assert [len(found) for found in batch] == [2, 0, 2, 2]
    for image, found in zip(pictures, batch, strict=True):
        single = predictor.predict(image)
        assert [one.probabilities for one in single] == [one.probabilities for one in found]
    assert predictor.predict_batch([]) == []


def test_the_detector_is_the_one_that_the_model_carries(tmp_path):
    model = write_model(tmp_path / "model.onnx")
    (one,) = Predictor(model).predict(picture())
    np.testing.assert_array_equal(one.face.box_xyxy, [-0.5, -0.5, 59.5, 29.5])
    silent = write_model(tmp_path / "silent.onnx", make_card(detect=None))
    with pytest.raises(
        UserError,
        match=r"silent.onnx: does not carry how faces are found, .*'min_score' is missing",
    ):
        Predictor(silent)
    assert len(Predictor(silent, detection()).predict(picture())) == 1


def test_single_values_of_what_the_model_carries_may_be_set(model):
    assert Predictor(model, {"min_score": 1.0}).predict(picture()) != []  # whole scores 1
    with pytest.raises(UserError, match=r"not all of it .*missing 7 required"):
        Predictor(write_model(model, make_card(detect=None)), {"detector": "haar", "min_score": 0})


def test_an_unknown_rule_is_told(model):
    with pytest.raises(ValueError, match="'biggest', expected one of all, largest, best"):
        Predictor(model).predict(picture(), "biggest")


def test_a_batch_is_a_list(model):
    for wrong in ("a.png", np.zeros((2, 10, 10), np.uint8)):
        with pytest.raises(ValueError, match="expected a list of pictures"):
            Predictor(model).predict_batch(wrong)


def test_a_path_is_read(model, tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), picture())
    predictor = Predictor(str(model))
    expected_ones = [one.probabilities for one in predictor.predict(picture())]
    for path in (tmp_path / "a.png", str(tmp_path / "a.png")):
        assert [one.probabilities for one in predictor.predict(path)] == expected_ones
    with pytest.raises(UserError, match=r"b.png: cannot be read: No such file"):
        predictor.predict("b.png")


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 5, 4), np.uint8),
        np.zeros((4, 5), np.float32),
        np.zeros((0, 5), np.uint8),
        np.zeros(5, np.uint8),
        [[1, 2], [3, 4]],
        None,
    ],
)
def test_what_is_no_picture_is_told(model, image):
    with pytest.raises(ValueError, match=r"expected uint8, grey \(H, W\) or RGB \(H, W, 3\)"):
        Predictor(model).predict(image)


def test_a_model_without_labels_or_alignment_is_told(tmp_path):
    for name in ("labels", "align"):
        path = write_model(tmp_path / f"{name}.onnx", make_card(**{name: None}))
        with pytest.raises(UserError, match="carries no labels or alignment"):
            Predictor(path)


def test_a_model_of_another_version_is_told_in_one_line(tmp_path):
    align = make_card()["align"]
    del align["margin"]
    path = write_model(tmp_path / "old.onnx", make_card(align=align))
    with pytest.raises(UserError) as caught:
        Predictor(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: its alignment does not fit this version of facexpr: ")
    assert "'margin'" in message
    assert "\n" not in message


def test_classify_is_the_function_that_evaluation_measures(model):
    faces = np.random.default_rng(0).integers(0, 256, (9, PX, PX), np.uint8)
    found = Predictor(model).classify(faces)
    np.testing.assert_array_equal(found, load_classifier(model).predict(faces))


def test_the_front_door_has_what_it_says():
    stub = (Path(facexpr.__file__).parent / "__init__.pyi").read_text().split()
    for name in facexpr.PUBLIC:
        assert getattr(facexpr, name).__name__ == name
        assert name in stub
    with pytest.raises(AttributeError, match="no attribute 'Predicter'"):
        _ = facexpr.Predicter
