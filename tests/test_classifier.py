import json

import keras
import numpy as np
import onnx
import pytest
from keras import layers
from onnx import TensorProto, helper

from facexpr.align import align_face
from facexpr.classifier import load_classifier
from facexpr.errors import UserError
from facexpr.model_file import CARD, save_model
from facexpr.params import load

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

FACES = np.random.default_rng(0).integers(0, 256, (5, 6, 4), np.uint8)


def keras_file(path, dtype="float32", channels=1, sides=(6, 4), last="softmax"):
    """A model of one's own, without a card: class 0 likes brightness."""
    inputs = keras.Input((*sides, channels), dtype=dtype)
    x = layers.GlobalAveragePooling2D()(layers.Rescaling(1.0)(inputs))
    x = layers.Dense(2, kernel_initializer="ones")(x)
    x = layers.Rescaling([1.0, 0.0])(x)
    x = layers.Activation(last)(x)
    keras.Model(inputs, x).save(path)
    return path


def softmax_of(brightness):
    """Probabilities of such a model for a mean input."""
    return np.stack([1 / (1 + np.exp(-brightness)), 1 / (1 + np.exp(brightness))], axis=1)


@pytest.mark.parametrize(
    ("scale", "factor", "offset"), [("unit", 1 / 255, 0), ("signed", 1 / 127.5, -1)]
)
def test_a_keras_file_of_ones_own(tmp_path, scale, factor, offset):
    model = load_classifier(keras_file(tmp_path / "own.keras"), scale=scale)
    assert (model.side_hw, model.colour, model.labels) == ((6, 4), False, None)
    expected = softmax_of((FACES * factor + offset).mean(axis=(1, 2)))
    np.testing.assert_allclose(model.predict(FACES), expected, atol=1e-5)


def test_faces_are_resized_to_the_input_and_take_its_colours(tmp_path):
    picture = np.random.default_rng(1).integers(0, 256, (30, 50, 3), np.uint8)
    grey = load_classifier(keras_file(tmp_path / "grey.keras"))
    assert grey.prepare(picture).shape == (6, 4)
    colour = load_classifier(keras_file(tmp_path / "colour.keras", channels=3), scale="unit")
    assert colour.colour
    face = colour.prepare(picture[:, :, 0])
    assert face.shape == (6, 4, 3)
    assert (face[..., 0] == face[..., 2]).all()
    assert colour.predict(face[None]).shape == (1, 2)


def test_an_open_input_takes_pictures_as_they_are(tmp_path):
    model = load_classifier(keras_file(tmp_path / "open.keras", sides=(None, None)), scale="unit")
    assert model.side_hw is None
    assert model.prepare(np.zeros((7, 9), np.uint8)).shape == (7, 9)
    assert model.predict(FACES).shape == (5, 2)


def test_a_model_that_ends_without_softmax(tmp_path):
    path = keras_file(tmp_path / "logits.keras", last="linear")
    with pytest.raises(UserError, match=r"holds no probabilities; .* pass --logits"):
        load_classifier(path).predict(FACES)
    model = load_classifier(path, scale="unit", logits=True)
    expected = softmax_of((FACES / 255).mean(axis=(1, 2)))
    np.testing.assert_allclose(model.predict(FACES), expected, atol=1e-5)


def test_a_model_of_this_project_tells_all_by_itself(tmp_path):
    inputs = keras.Input((48, 48, 1), dtype="uint8")
    outputs = layers.Dense(2, activation="softmax")(
        layers.Flatten()(layers.Rescaling(0.01)(inputs))
    )
    card = {"labels": ["sad", "happy"], "align": load().align.settings()}
    path = tmp_path / "ours.keras"
    save_model(path, keras.Model(inputs, outputs), card | {"crop_px": 42, "fit": ["train", "val"]})
    model = load_classifier(path)
    assert (model.labels, model.crop_px, model.fit) == (["sad", "happy"], 42, ["train", "val"])
    picture = np.random.default_rng(1).integers(0, 256, (30, 50, 3), np.uint8)
    expected = align_face(picture, None, model.alignment)
    np.testing.assert_array_equal(model.prepare(picture), expected)
    save_model(path, keras.Model(inputs, outputs), card | {"align": {"px": 48}})
    with pytest.raises(UserError, match="its alignment does not fit this version"):
        load_classifier(path)


def onnx_file(path, kind, shape, pooled, card=None):
    """An ONNX model: mean over the `pooled` axes, class 1 the rest to one."""
    faces = helper.make_tensor_value_info("faces", kind, shape)
    chances = helper.make_tensor_value_info("chances", TensorProto.FLOAT, [None, 2])
    nodes = [
        helper.make_node("Cast", ["faces"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["floats", "factor"], ["scaled"]),
        helper.make_node("ReduceMean", ["scaled", "axes"], ["means"], keepdims=0),
        helper.make_node("Slice", ["means", "zero", "one", "one"], ["first"]),
        helper.make_node("Sub", ["unit", "first"], ["second"]),
        helper.make_node("Concat", ["first", "second"], ["chances"], axis=1),
    ]
    factor = 1 / 255 if kind == TensorProto.UINT8 else 1.0
    given = [
        helper.make_tensor("factor", TensorProto.FLOAT, [], [factor]),
        helper.make_tensor("unit", TensorProto.FLOAT, [], [1.0]),
        helper.make_tensor("axes", TensorProto.INT64, [2], pooled),
        helper.make_tensor("zero", TensorProto.INT64, [1], [0]),
        helper.make_tensor("one", TensorProto.INT64, [1], [1]),
    ]
    graph = helper.make_graph(nodes, "brightness", [faces], [chances], given)
    # "Slice" takes the axis 1 as its last input: from 0 to 1 of the channels.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    if card:
        helper.set_model_props(model, {CARD: json.dumps(card)})
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def test_an_onnx_file_with_channels_first(tmp_path):
    path = onnx_file(tmp_path / "first.onnx", TensorProto.FLOAT, [None, 3, 6, 4], [2, 3])
    model = load_classifier(path, scale="unit")
    assert (model.side_hw, model.colour) == ((6, 4), True)
    faces = np.random.default_rng(2).integers(0, 256, (300, 6, 4, 3), np.uint8)
    expected = faces[..., 0].mean(axis=(1, 2)) / 255
    np.testing.assert_allclose(model.predict(faces)[:, 0], expected, atol=1e-5)


def test_an_onnx_file_of_bytes_one_face_a_call_with_a_card(tmp_path):
    card = {"labels": ["a", "b"], "fit": ["train"]}
    path = onnx_file(tmp_path / "ours.onnx", TensorProto.UINT8, [1, 6, 4, 1], [1, 2], card)
    model = load_classifier(path)
    assert (model.side_hw, model.colour, model.labels) == ((6, 4), False, ["a", "b"])
    expected = FACES.mean(axis=(1, 2)) / 255
    np.testing.assert_allclose(model.predict(FACES)[:, 0], expected, atol=1e-5)


def test_what_is_no_model(tmp_path):
    with pytest.raises(UserError, match=r"expected a model file, \.keras or \.onnx"):
        load_classifier(tmp_path / "model.pt")
    for name in ("none.keras", "none.onnx"):
        with pytest.raises(UserError, match="no such model"):
            load_classifier(tmp_path / name)
        (tmp_path / name).write_bytes(b"no model")
    with pytest.raises(UserError, match="not a Keras model file"):
        load_classifier(tmp_path / "none.keras")
    with pytest.raises(UserError, match="ONNX Runtime cannot load it"):
        load_classifier(tmp_path / "none.onnx")


def test_inputs_and_outputs_that_do_not_fit(tmp_path):
    flat = keras.Sequential([keras.Input((24,)), layers.Dense(2, activation="softmax")])
    flat.save(tmp_path / "flat.keras")
    with pytest.raises(UserError, match=r"takes an input of shape \(None, 24\); expected"):
        load_classifier(tmp_path / "flat.keras")
    left, right = keras.Input((6, 4, 1)), keras.Input((6, 4, 1))
    keras.Model([left, right], layers.add([left, right])).save(tmp_path / "two.keras")
    with pytest.raises(UserError, match="takes 2 inputs, expected one"):
        load_classifier(tmp_path / "two.keras")
    whole = keras.Input((6, 4, 1))
    keras.Model(whole, layers.Rescaling(1.0)(whole)).save(tmp_path / "picture.keras")
    with pytest.raises(UserError, match=r"first output has shape \(5, 6, 4, 1\), expected"):
        load_classifier(tmp_path / "picture.keras").predict(FACES)


def test_of_several_outputs_the_first_counts(tmp_path):
    inputs = keras.Input((6, 4, 1))
    x = layers.GlobalAveragePooling2D()(inputs)
    first, second = layers.Dense(2, activation="softmax")(x), layers.Dense(3)(x)
    keras.Model(inputs, [first, second]).save(tmp_path / "several.keras")
    assert load_classifier(tmp_path / "several.keras", scale="unit").predict(FACES).shape == (5, 2)
