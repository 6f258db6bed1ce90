import keras
import numpy as np
import pytest

from facexpr.mean import Mean, compute_mean
from facexpr.preprocess import centre_crop, normalise

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

FACES = np.random.default_rng(0).integers(0, 256, (6, 5, 8), np.uint8)
MEAN = compute_mean(FACES)
PIXELS = FACES.astype(np.float64)
EXPECTED = {
    "mean_image": (PIXELS - PIXELS.mean(axis=0)) / MEAN.std,
    "mean_scalar": (PIXELS - PIXELS.mean()) / MEAN.std,
    "unit": PIXELS / 255,
    "signed": PIXELS / 128 - 1,
}


def run(how, mean=MEAN):
    inputs = keras.Input((5, 8, 1), dtype="uint8")
    model = keras.Model(inputs, normalise(inputs, mean, how))
    found = keras.ops.convert_to_numpy(model(FACES[..., None]))
    return model, found


@pytest.mark.parametrize("how", EXPECTED)
def test_the_layers_compute_what_numpy_does(how):
    found = run(how)[1]
    assert (found.shape, found.dtype) == ((6, 5, 8, 1), np.float32)
    np.testing.assert_allclose(found[..., 0], EXPECTED[how], atol=2e-6)


@pytest.mark.parametrize("how", EXPECTED)
def test_nothing_in_it_is_trained(how):
    model, before = run(how)
    assert model.trainable_variables == []
    model(FACES[:2, ..., None], training=True)
    after = keras.ops.convert_to_numpy(model(FACES[..., None], training=True))
    np.testing.assert_array_equal(after, before)


def test_a_small_spread_is_divided_by_all_the_same():
    faces = np.array([np.full((5, 8), 100), np.full((5, 8), 101)], np.uint8)
    mean = compute_mean(faces)
    assert mean.std == pytest.approx(0.5)
    np.testing.assert_allclose(
        run("mean_image", mean)[1][..., 0], (PIXELS - 100.5) / 0.5, rtol=1e-5
    )


@pytest.mark.parametrize("how", EXPECTED)
def test_it_stays_in_float32_when_training_is_in_less(how):
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        found = run(how)[1]
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[..., 0], EXPECTED[how], atol=2e-6)


def test_the_mean_image_keeps_its_rows_and_columns():
    image = np.arange(40.0).reshape(5, 8)
    found = run("mean_image", Mean(image, 1.0, image.mean(), 1))[1]
    np.testing.assert_allclose(found[0, ..., 0], PIXELS[0] - image, atol=1e-4)


@pytest.mark.parametrize(
    ("side", "rows", "columns"), [(3, slice(1, 4), slice(2, 5)), (4, slice(0, 4), slice(2, 6))]
)
def test_the_middle_of_a_face_is_cut_out(side, rows, columns):
    inputs = keras.Input((5, 8, 1))
    model = keras.Model(inputs, centre_crop(inputs, side))
    found = keras.ops.convert_to_numpy(model(PIXELS[..., None]))
    np.testing.assert_array_equal(found[..., 0], FACES[:, rows, columns])
