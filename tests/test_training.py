from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from facexpr import networks
from facexpr.batches import Batches
from facexpr.errors import UserError
from facexpr.mean import compute_mean
from facexpr.training import (
    Settings,
    augment,
    best_epoch,
    build_models,
    compile_model,
    fit,
    weights_path,
)

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SETTINGS = Settings(
    epochs=3,
    batch=4,
    learning_rate=0.05,
    schedule="cosine",
    warmup_epochs=1,
    momentum=0.9,
    weight_decay=1e-3,
    label_smoothing=0.1,
    flip=True,
    shift=0.1,
    rotation=20,
    zoom=0.1,
    keep="last",
    seed=3,
)
PLAIN = replace(SETTINGS, flip=False, shift=0, rotation=0, zoom=0)
RNG = np.random.default_rng(0)
FACES = RNG.integers(0, 256, (18, 12, 12), np.uint8)
LABELS = np.arange(18) % 2 + 1  # of three classes the first never occurs
MEAN = compute_mean(FACES)


def build_tiny(_name, input_shape, classes):
    """All kinds of state that a network may have, in little time."""
    inputs = x = keras.Input(input_shape)
    x = layers.Conv2D(4, 3, strides=2, use_bias=False, name="conv")(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.8, name="norm")(x))
    x = layers.Dropout(0.3, seed=5)(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(classes, name="last")(x))


@pytest.fixture(autouse=True)
def tiny_network(monkeypatch):
    monkeypatch.setattr(networks, "build", build_tiny)


def build(settings, subtract="image"):
    keras.utils.set_random_seed(settings.seed)
    return build_models("tiny", 12, 3, MEAN, subtract, settings)


def train(settings, scratch, *callbacks):
    """Build everything anew and fit; returns the model to save and the history."""
    model, fitted = build(settings)
    batches = Batches(FACES[:14], LABELS[:14], 3, settings.batch, settings.seed)
    val = Batches(FACES[14:], LABELS[14:], 3, 256, None)
    return model, fit(fitted, batches, val, settings, scratch, callbacks)


def check_equal_weights(model, weights):
    for found, expected in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(found, expected)


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


class KilledError(Exception):
    """Stands for whatever ends a run."""


class Kill(keras.callbacks.Callback):
    """Ends a run at an event of an epoch, counted from 1."""

    def __init__(self, event, epoch):
        super().__init__()
        setattr(self, event, self.kill_at(epoch))

    def kill_at(self, number):
        def kill(epoch, logs=None):
            if epoch + 1 == number:
                raise KilledError

        return kill


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "build", build_tiny)
        model, history = train(SETTINGS, tmp_path_factory.mktemp("unbroken"))
        return model.get_weights(), history


def test_the_history_has_a_row_an_epoch(unbroken):
    history = unbroken[1]
    assert set(history) == {"epoch", "loss", "accuracy", "val_loss", "val_accuracy"}
    assert history["epoch"].to_list() == [1, 2, 3]


def test_the_same_seed_gives_the_same_weights_and_history(unbroken, tmp_path):
    model, history = train(SETTINGS, tmp_path)
    check_equal_weights(model, unbroken[0])
    assert history.equals(unbroken[1])


@pytest.mark.parametrize("event", ["on_epoch_end", "on_epoch_begin"])
def test_a_run_killed_in_an_epoch_goes_on_as_if_nothing_had_happened(unbroken, tmp_path, event):
    epoch = 2 if event == "on_epoch_end" else 3
    with pytest.raises(KilledError):
        train(SETTINGS, tmp_path, Kill(event, epoch))
    weights_path(tmp_path, epoch - 1).write_bytes(b"half written")
    begun = []
    watch = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: begun.append(epoch + 1))
    model, history = train(SETTINGS, tmp_path, watch)
    assert begun == ([2, 3] if event == "on_epoch_end" else [3])
    check_equal_weights(model, unbroken[0])
    assert history.equals(unbroken[1])


def test_a_run_killed_after_its_last_epoch_has_nothing_left_to_do(tmp_path):
    first, history = train(PLAIN, tmp_path)
    second, again = train(PLAIN, tmp_path, Kill("on_epoch_begin", 3))
    check_equal_weights(second, first.get_weights())
    assert again.equals(history)


class Record(keras.callbacks.Callback):
    """Keeps the weights after each epoch, and spoils the last: all goes to the absent class."""

    def __init__(self):
        super().__init__()
        self.weights = []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(self.model.get_weights())

    def on_test_begin(self, logs=None):
        if len(self.weights) == PLAIN.epochs - 1:
            last = next(one for one in self.model.trainable_weights if one.path == "last/bias")
            last.assign([1e3, 0, 0])


@pytest.mark.parametrize("keep", ["best", "last"])
def test_the_weights_kept_are_those_of_the_best_or_of_the_last_epoch(tmp_path, keep):
    record = Record()
    model, history = train(replace(PLAIN, keep=keep), tmp_path, record)
    assert history["val_accuracy"].iloc[-1] == 0
    best = int(history["val_accuracy"].idxmax())
    assert best < PLAIN.epochs - 1
    check_equal_weights(model, record.weights[best if keep == "best" else -1])


def test_of_equally_good_epochs_the_first_is_best():
    assert best_epoch([{"val_accuracy": value} for value in (0.1, 0.5, 0.3, 0.5)]) == 1


def test_a_loss_that_is_no_number_is_told(tmp_path):
    settings = replace(PLAIN, learning_rate=1e30, schedule="constant")
    with pytest.raises(UserError) as caught:
        train(settings, tmp_path)
    assert str(caught.value) == "the loss is no longer a number; lower train.learning_rate"


@pytest.mark.parametrize("settings", [SETTINGS, PLAIN], ids=["augmented", "plain"])
@pytest.mark.parametrize("subtract", ["image", "scalar", "none"])
def test_the_model_saved_and_the_model_fitted_say_the_same(settings, subtract):
    model, fitted = build(settings, subtract)
    assert model.input_shape == (None, 12, 12, 1)
    assert model.inputs[0].dtype == "uint8"
    chances, logits = (
        keras.ops.convert_to_numpy(one(FACES[..., None], training=False)) for one in (model, fitted)
    )
    assert (chances.dtype, chances.shape) == (np.float32, (18, 3))
    assert chances.min() >= 0
    np.testing.assert_allclose(chances.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(chances, softmax(logits), atol=1e-6)


def test_both_models_share_their_weights():
    model, fitted = build(PLAIN)
    last = [one for one in fitted.trainable_weights if one.path == "last/bias"]
    last[0].assign([50.0, 0, 0])
    chances = keras.ops.convert_to_numpy(model(FACES[:1, ..., None], training=False))
    assert chances[0, 0] > 0.99


def augmented(settings, faces, training=True):
    inputs = keras.Input((12, 12, 1), dtype="uint8")
    model = keras.Model(inputs, augment(inputs, settings))
    return keras.ops.convert_to_numpy(model(faces[..., None], training=training))[..., 0]


def test_without_augmentation_faces_pass_as_they_are():
    np.testing.assert_array_equal(augmented(PLAIN, FACES), FACES)


def test_augmentation_is_for_training_only():
    np.testing.assert_array_equal(augmented(SETTINGS, FACES, training=False), FACES)
    assert (augmented(SETTINGS, FACES) != FACES).any(axis=(1, 2)).mean() > 0.8


def test_a_flip_mirrors_left_and_right_of_some_faces():
    found = augmented(replace(PLAIN, flip=True), FACES)
    mirrored = (found == FACES[:, :, ::-1]).all(axis=(1, 2))
    kept = (found == FACES).all(axis=(1, 2))
    assert (mirrored | kept).all()
    assert 0 < mirrored.sum() < len(FACES)


@pytest.mark.parametrize("change", [{"shift": 0.3}, {"rotation": 40}, {"zoom": 0.4}])
def test_what_comes_in_from_outside_repeats_the_border(change):
    faces = np.full((8, 12, 12), 200, np.uint8)
    np.testing.assert_allclose(augmented(replace(PLAIN, **change), faces), 200, atol=1e-3)


def rates(settings, steps, at):
    fitted = build(settings)[1]
    compile_model(fitted, settings, steps)
    found = []
    for step in at:
        fitted.optimizer.iterations.assign(step)
        found.append(float(fitted.optimizer.learning_rate))
    return found


def test_the_rate_warms_up_and_falls_along_a_cosine():
    # 10 steps an epoch: one epoch of warm-up, two of cosine, so half way down after 20 steps.
    found = rates(PLAIN, 10, [0, 5, 10, 20, 30])
    assert found == pytest.approx([0, 0.025, 0.05, 0.025, 0], abs=1e-7)


def test_without_a_warm_up_the_cosine_begins_at_the_top():
    found = rates(replace(PLAIN, warmup_epochs=0), 10, [0, 15, 30])
    assert found == pytest.approx([0.05, 0.025, 0], abs=1e-7)


def test_a_warm_up_longer_than_the_run_does_not_fail():
    assert rates(replace(PLAIN, warmup_epochs=5), 10, [0, 25]) == pytest.approx([0, 0.025])


def test_a_constant_rate_stays():
    assert rates(replace(PLAIN, schedule="constant"), 10, [0, 29]) == pytest.approx([0.05, 0.05])


@pytest.mark.parametrize("decay", [0, 0.5])
def test_weight_decay_spares_biases_and_batch_normalisation(decay):
    fitted = build(PLAIN)[1]
    compile_model(fitted, replace(PLAIN, weight_decay=decay, schedule="constant"), 1)
    variables = fitted.trainable_variables
    for variable in variables:
        variable.assign(np.ones(variable.shape))
    fitted.optimizer.apply([np.zeros(one.shape, np.float32) for one in variables], variables)
    means = {one.path: float(keras.ops.mean(one)) for one in variables}
    shrunk = pytest.approx(1 - decay * 0.05)
    assert means == {
        "conv/kernel": shrunk,
        "norm/gamma": 1,
        "norm/beta": 1,
        "last/kernel": shrunk,
        "last/bias": 1,
    }
