import keras
import numpy as np
import pytest

from facexpr import networks
from facexpr.errors import UserError


@pytest.mark.parametrize(("name", "count"), [("vgg_bn", 1_167_015), ("fourconv", 2_345_607)])
def test_parameters_are_as_many_as_documented(name, count):
    assert networks.build(name, (48, 48, 1), 7).count_params() == count


@pytest.mark.parametrize("name", networks.available())
def test_every_network_takes_faces_to_logits(name):
    network = networks.build(name, (48, 64, 1), 5)
    assert network.input_shape == (None, 48, 64, 1)
    assert network.output_shape == (None, 5)
    faces = np.random.default_rng(0).normal(size=(2, 48, 64, 1)).astype(np.float32)
    logits = keras.ops.convert_to_numpy(network(faces, training=False))
    assert logits.min() < 0  # which no probability is
    assert np.abs(logits.sum(axis=1) - 1).min() > 1e-3


@pytest.mark.parametrize("name", networks.available())
def test_every_network_has_stock_layers_only(name):
    for layer in networks.build(name, (48, 48, 1), 7).layers:
        assert type(layer).__module__.startswith("keras.")


def test_an_unknown_network_is_told_with_the_nearest_name():
    with pytest.raises(UserError) as caught:
        networks.build("vgg_bm", (48, 48, 1), 7)
    names = ", ".join(networks.available())
    assert str(caught.value) == (
        f"train.network: unknown 'vgg_bm'; available: {names}; did you mean 'vgg_bn'?"
    )
