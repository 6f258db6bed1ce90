import json

import keras
import numpy as np
import onnx
import pytest

from facexpr import networks
from facexpr.classifier import load_classifier
from facexpr.mean import Mean
from facexpr.model_file import CARD
from facexpr.model_variants import with_temperature
from facexpr.onnx_file import _rename, save_onnx
from facexpr.training import build_model

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

FACES = np.random.default_rng(0).integers(0, 256, (300, 48, 48), np.uint8)
MEAN = Mean(np.random.default_rng(1).uniform(90, 160, (48, 48)), 60.0, 125.0, 10)


def make_model(how="mean_image", network="vgg_bn", side=48):
    keras.utils.set_random_seed(1)
    bare = networks.build(network, (side, side, 1), 3)
    return build_model(bare, 48, MEAN, how)


@pytest.mark.parametrize(
    ("how", "network", "side"),
    [("mean_image", "vgg_bn", 48), ("unit", "mini_xception", 48), ("mean_scalar", "kaist", 42)],
)
def test_it_says_what_the_model_says(tmp_path, how, network, side):
    model = make_model(how, network, side)
    card = {"labels": ["a", "b", "c"], "crop_px": 0, "fit": ["train"]}
    save_onnx(tmp_path / "model.onnx", model, card)
    read = load_classifier(tmp_path / "model.onnx")
    assert (read.side_hw, read.colour, read.labels) == ((48, 48), False, ["a", "b", "c"])
    expected = model.predict_on_batch(FACES[..., None])
    np.testing.assert_allclose(read.predict(FACES), expected, atol=1e-5)


def test_equal_models_give_equal_bytes(tmp_path):
    paths = [tmp_path / name / "model.onnx" for name in "ab"]
    for path in paths:
        path.parent.mkdir()
        save_onnx(path, make_model(), {"labels": ["a", "b", "c"]})
    assert paths[0].read_bytes() == paths[1].read_bytes()
    graph = onnx.load(paths[0]).graph
    assert [one.name for one in graph.input] == ["faces"]
    assert [one.name for one in graph.output] == ["probabilities"]


def test_a_temperature_rides_along(tmp_path):
    model = with_temperature(make_model(), 2.0)
    save_onnx(tmp_path / "model.onnx", model, {})
    expected = model.predict_on_batch(FACES[:5, ..., None])
    found = load_classifier(tmp_path / "model.onnx").predict(FACES[:5])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    told = {one.key: one.value for one in onnx.load(tmp_path / "model.onnx").metadata_props}
    assert json.loads(told[CARD]) == {}


def test_nodes_stand_in_an_order_that_their_names_do_not_change():
    def made(names):
        """Two branches that are added, written in the order of their names."""
        left, right, last = names
        nodes = [
            onnx.helper.make_node("Relu", ["x"], [left], left),
            onnx.helper.make_node("Neg", ["x"], [right], right),
        ]
        nodes = sorted(nodes, key=lambda node: node.name)
        nodes.append(onnx.helper.make_node("Add", [left, right], [last], last))
        x, y = (
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1])
            for name in ("x", last)
        )
        graph = onnx.helper.make_graph(nodes, "graph", [x], [y])
        _rename(graph)
        return graph.SerializeToString(deterministic=True)

    assert made(["n8", "n9", "n10"]) == made(["n9", "n10", "n11"])
