import keras
import numpy as np
import pytest

from facexpr import networks
from facexpr.calibration import apply_temperature
from facexpr.model_file import load_model, save_model
from facexpr.model_variants import as_float32, with_temperature

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_a_temperature_is_a_stock_layer_before_the_softmax(tmp_path):
    path = tmp_path / "model.keras"
    inputs = keras.Input((4,))
    logits = keras.layers.Dense(3)(inputs)
    softmax = keras.layers.Activation("softmax", name="probabilities")
    model = keras.Model(inputs, softmax(logits))
    save_model(path, with_temperature(model, 2.5), {})
    values = np.random.default_rng(0).normal(0, 3, (20, 4)).astype(np.float32)
    chances = keras.ops.convert_to_numpy(model(values))
    loaded = keras.ops.convert_to_numpy(load_model(path)(values))
    np.testing.assert_allclose(loaded, apply_temperature(chances, 2.5), atol=1e-5)
    assert load_model(path).layers[-1].name == "probabilities"


def test_a_model_without_a_softmax_takes_no_temperature():
    with pytest.raises(ValueError, match="expected a layer that is a softmax"):
        with_temperature(networks.build("vgg_bn", (16, 16, 1), 2), 2.0)


def test_mixed_precision_becomes_float32():
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = networks.build("vgg_bn", (16, 16, 1), 2)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    plain = as_float32(model)
    policies = {one.dtype_policy.name for one in plain._flatten_layers()}
    assert not any("mixed" in name for name in policies)
    for one, other in zip(plain.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
