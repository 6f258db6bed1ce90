import keras
import numpy as np
import pytest
from keras import layers

from facexpr.inference import probabilities

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.mark.parametrize("count", [1, 4, 5])
def test_faces_go_through_in_batches_and_come_back_in_order(count):
    inputs = keras.Input((4, 6, 1), dtype="uint8")
    x = layers.Flatten()(layers.Rescaling(1 / 255)(inputs))
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(x))
    faces = np.random.default_rng(0).integers(0, 256, (count, 4, 6), np.uint8)
    found = probabilities(model, faces, batch=2)
    assert (found.shape, found.dtype) == ((count, 3), np.float32)
    expected = keras.ops.convert_to_numpy(model(faces[..., None]))
    np.testing.assert_allclose(found, expected, atol=1e-6)
