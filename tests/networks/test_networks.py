from importlib import import_module
from math import prod

import keras
import numpy as np
import pytest

from facexpr import networks
from facexpr.errors import UserError

# At the published face side and number of classes: all parameters, and those that training changes.
COUNTS = {
    "fiveclass": ((48, 48, 1), 5, 1_004_805, 1_003_013),
    "fourconv": ((48, 48, 1), 7, 2_345_607, 2_345_607),
    "gudi": ((48, 48, 1), 7, 56_883_015, 56_883_015),
    "kaist": ((42, 42, 1), 7, 5_452_967, 5_452_711),
    "mini_xception": ((64, 64, 1), 7, 58_423, 56_951),
    "se_resnet18": ((48, 48, 1), 7, 11_269_951, 11_260_351),
    "shortcut": ((64, 64, 1), 8, 1_085_976, 1_085_976),
    "shortcut_as_coded": ((64, 64, 1), 8, 86_800, 86_800),
    "vgg_bn": ((48, 48, 1), 7, 1_167_015, 1_165_159),
    "vgg_wide": ((44, 44, 1), 7, 1_821_647, 1_819_327),
}


def shapes_only(name: str, shape: tuple[int, int, int], classes: int) -> keras.Model:
    """A network without values in its weights, which takes no time and no memory."""
    with keras.StatelessScope(initialize_variables=False):
        return networks.build(name, shape, classes)


def outputs(network: keras.Model, kind: type) -> list[tuple[int, int, int]]:
    """What the layers of one kind give out for one face."""
    return [layer.output.shape[1:] for layer in network.layers if isinstance(layer, kind)]


def dropouts(network: keras.Model) -> list[float]:
    return [one.rate for one in network.layers if isinstance(one, keras.layers.Dropout)]


def sources(network: keras.Model, name: str) -> set[str]:
    """The names of the layers that a layer takes its input from."""
    tensors = keras.tree.flatten(network.get_layer(name).input)
    return {tensor._keras_history.operation.name for tensor in tensors}


@pytest.mark.parametrize("name", networks.available())
def test_parameters_are_as_many_as_published(name):
    shape, classes, total, trainable = COUNTS[name]
    network = shapes_only(name, shape, classes)
    assert network.count_params() == total
    assert sum(prod(weight.shape) for weight in network.trainable_weights) == trainable


@pytest.mark.parametrize("name", networks.available())
def test_a_docstring_names_its_source_and_its_count(name):
    text = import_module(f"facexpr.networks.{name}").__doc__
    assert text.splitlines()[0].endswith(".")
    assert f"{COUNTS[name][2]:,}" in text.split()
    assert "/" in text or "arXiv:" in text
    assert "|---|" in text


@pytest.mark.parametrize("name", networks.available())
def test_every_network_takes_faces_to_logits(name):
    network = networks.build(name, (48, 64, 1), 5)
    assert network.name == name
    assert network.input_shape == (None, 48, 64, 1)
    assert network.output_shape == (None, 5)
    glaring = 1e6 * np.random.default_rng(0).normal(size=(2, 48, 64, 1)).astype(np.float32)
    logits = keras.ops.convert_to_numpy(network(glaring, training=False))
    assert np.abs(logits).max() > 1  # which no probability is


@pytest.mark.filterwarnings("ignore")  # of TensorFlow's, at its first gradient
@pytest.mark.parametrize("name", networks.available())
def test_every_network_fits(name):
    shape, classes, *_ = COUNTS[name]
    network = networks.build(name, shape, classes)
    before = [weight.numpy() for weight in network.trainable_weights[-2:]]
    network.compile("sgd", keras.losses.SparseCategoricalCrossentropy(True), run_eagerly=True)
    faces = np.random.default_rng(0).normal(size=(3, *shape)).astype(np.float32)
    assert np.isfinite(network.train_on_batch(faces, np.array([0, 1, 4])))
    for old, weight in zip(before, network.trainable_weights[-2:], strict=True):
        assert np.abs(weight.numpy() - old).max() > 0


@pytest.mark.parametrize("name", networks.available())
def test_every_network_has_stock_layers_only(name):
    for layer in shapes_only(name, (48, 48, 1), 7).layers:
        assert type(layer).__module__.startswith("keras.")


@pytest.mark.parametrize("px", [1, 3, 16, 17, 31])
@pytest.mark.parametrize("name", networks.available())
def test_a_small_or_odd_side_fits_or_is_a_value_error(name, px):
    try:
        network = shapes_only(name, (px, px, 1), 7)
    except ValueError:
        assert px < 48
    else:
        assert network.output_shape == (None, 7)


@pytest.mark.parametrize(("name", "least"), [("fiveclass", 46), ("fourconv", 24), ("vgg_bn", 8)])
def test_the_least_side_of_a_network_that_narrows(name, least):
    assert shapes_only(name, (least, least, 1), 7).output_shape == (None, 7)
    with pytest.raises(ValueError, match="size"):
        shapes_only(name, (least - 1, least - 1, 1), 7)


@pytest.mark.parametrize(
    ("name", "rates"),
    [
        ("fiveclass", [0.3, 0.25]),
        ("fourconv", [0.25, 0.25, 0.5]),
        ("gudi", [0.7]),  # TFLearn's keep of .3
        ("kaist", [0.4, 0.4]),
        ("mini_xception", []),
        ("se_resnet18", [0.3]),
        ("shortcut", [0.3, 0.5, 0.5]),
        ("shortcut_as_coded", [0.3, 0.5, 0.5]),
    ],
)
def test_dropout_is_as_published(name, rates):
    shape, classes, *_ = COUNTS[name]
    assert dropouts(shapes_only(name, shape, classes)) == rates


def test_kaist_pools_to_the_published_sides():
    network = shapes_only("kaist", (42, 42, 1), 7)
    assert outputs(network, keras.layers.Conv2D) == [(42, 42, 32), (20, 20, 32), (10, 10, 64)]
    assert outputs(network, keras.layers.MaxPooling2D) == [(21, 21, 32), (10, 10, 32), (5, 5, 64)]


def test_kaist_pools_as_caffe_does():
    """Caffe's windows begin at the first pixel, and the last one hangs over the edge."""
    rows = np.arange(42 * 42, dtype=np.float32).reshape(1, 42, 42, 1)
    network = shapes_only("kaist", (42, 42, 1), 7)
    pool = next(one for one in network.layers if isinstance(one, keras.layers.MaxPooling2D))
    pooled = keras.ops.convert_to_numpy(
        keras.layers.MaxPooling2D.from_config(pool.get_config())(rows)
    )
    last = np.minimum(np.arange(21) * 2 + 2, 41)  # values rise, so a window's last is its largest
    assert np.array_equal(pooled[0, ..., 0], rows[0, ..., 0][np.ix_(last, last)])


def test_fiveclass_normalises_after_its_relu():
    network = shapes_only("fiveclass", (48, 48, 1), 5)
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds[:5] == ["InputLayer", "Conv2D", "ReLU", "BatchNormalization", "MaxPooling2D"]
    assert kinds[5:9] == ["Conv2D", "Dropout", "ReLU", "BatchNormalization"]


@pytest.mark.parametrize(("name", "ways"), [("shortcut", 2), ("shortcut_as_coded", 1)])
def test_dropout_between_the_blocks_feeds_both_ways_or_the_shortcut_alone(name, ways):
    network = shapes_only(name, (64, 64, 1), 8)
    (dropout,) = [one.name for one in network.layers if getattr(one, "rate", 0) == 0.3]
    fed = [one for one in network.layers[1:] if dropout in sources(network, one.name)]
    assert len(fed) == ways
    assert (4, 4) in [one.strides for one in fed]


@pytest.mark.parametrize("shape", [(64, 48, 1), (63, 45, 1)])
@pytest.mark.parametrize("name", ["shortcut", "shortcut_as_coded"])
def test_a_shortcut_and_its_block_meet_on_any_side(name, shape):
    first, second = outputs(shapes_only(name, shape, 8), keras.layers.Add)
    assert first == (16, 12, 16)
    assert second == (4, 3, 64)


def test_mini_xceptions_blocks_halve_the_side():
    sums = outputs(shapes_only("mini_xception", (64, 48, 1), 7), keras.layers.Add)
    assert sums == [(30, 22, 16), (15, 11, 32), (8, 6, 64), (4, 3, 128)]


def test_se_resnet18_keeps_the_side_up_to_its_second_stage():
    sums = outputs(shapes_only("se_resnet18", (48, 64, 1), 7), keras.layers.Add)
    stages = [(48, 64, 64), (24, 32, 128), (12, 16, 256), (6, 8, 512)]
    assert sums == [stage for stage in stages for _ in range(2)]


def test_excitation_weighs_each_channel_between_nought_and_one():
    network = networks.build("se_resnet18", (24, 16, 1), 7)
    weighing = next(one for one in network.layers if isinstance(one, keras.layers.Multiply))
    features, weights = keras.Model(network.input, weighing.input)(np.ones((1, 24, 16, 1)))
    assert features.shape == (1, 24, 16, 64)
    assert weights.shape == (1, 1, 1, 64)
    assert 0 < float(keras.ops.min(weights)) <= float(keras.ops.max(weights)) < 1


def test_an_unknown_network_is_told_with_the_nearest_name():
    with pytest.raises(UserError) as caught:
        networks.build("vgg_bm", (48, 48, 1), 7)
    names = ", ".join(networks.available())
    assert str(caught.value) == (
        f"train.network: unknown 'vgg_bm'; available: {names}; did you mean 'vgg_bn'?"
    )
