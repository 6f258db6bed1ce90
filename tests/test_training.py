from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import layers

from facexpr import networks
from facexpr.augment import Augmentation
from facexpr.batches import Batches
from facexpr.errors import UserError
from facexpr.lmdb_store import StoredFaces, write_records
from facexpr.mean import compute_mean
from facexpr.optimisation import Optimisation
from facexpr.training import (
    Settings,
    best_epoch,
    build_fitted,
    build_model,
    build_network,
    fit,
    measure,
    weights_path,
)

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

OPTIMISATION = Optimisation(
    optimizer="sgd",
    learning_rate=0.05,
    momentum=0.9,
    nesterov=True,
    weight_decay=1e-3,
    clip_norm=0.0,
    ema=0.0,
    schedule="cosine",
    warmup_epochs=1,
    decay_factor=0.1,
    decay_at=(0.5,),
    decay_steps=10,
    plateau_epochs=1,
    stop_epochs=0,
    label_smoothing=0.1,
)
SETTINGS = Settings(optimisation=OPTIMISATION, epochs=3, keep="last", seed=3)
VARIED = Augmentation(flip=True, shift=0.1, rotation=20, zoom=0.1, seed=3)
PLAIN = Augmentation()
RNG = np.random.default_rng(0)
FACES = RNG.integers(0, 256, (18, 12, 12), np.uint8)
LABELS = np.arange(18) % 2 + 1  # of three classes the first never occurs
TARGETS = np.eye(3, dtype=np.float32)[LABELS]
MEAN = compute_mean(FACES)
VAL = Batches(FACES[14:], TARGETS[14:], 3)


def build_tiny(_name, input_shape, classes):
    """All kinds of state that a network may have, in little time."""
    inputs = x = keras.Input(input_shape)
    x = layers.Conv2D(4, 3, strides=2, use_bias=False, name="conv")(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.8, name="norm")(x))
    x = layers.Dropout(0.3, seed=5)(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(classes, name="last")(x))


def build(augmentation=PLAIN, how="mean_image", side=12, held=None):
    """The model to save, and the model to fit."""
    keras.utils.set_random_seed(3)
    faces = (build_tiny("tiny", (side, side, 1), 3), 12, MEAN, how)
    return build_model(*faces), build_fitted(*faces, augmentation, held)


def change(**values):
    """The settings with another value of the optimisation."""
    return replace(SETTINGS, optimisation=replace(OPTIMISATION, **values))


def train(settings, scratch, *callbacks, augmentation=PLAIN, **batching):
    """Build everything anew and fit; returns the model to save and the history."""
    model, fitted = build(replace(augmentation, mixup=batching.get("mixup", 0.0)))
    batches = Batches(FACES[:14], TARGETS[:14], 4, settings.seed, **batching)
    return model, fit(fitted, model, batches, VAL, settings, scratch, callbacks)


def check_equal_weights(model, weights):
    for found, expected in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(found, expected)


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


class KilledError(Exception):
    """Stands for whatever ends a run."""


class Kill(keras.callbacks.Callback):
    """Ends a run at the beginning or in the midst of an epoch, counted from 1."""

    def __init__(self, where, epoch):
        super().__init__()
        self.where, self.epoch = where, epoch

    def on_epoch_begin(self, epoch, logs=None):
        self.reached = epoch + 1 == self.epoch
        if self.reached and self.where == "begin":
            raise KilledError

    def on_train_batch_end(self, batch, logs=None):
        if self.reached and batch == 2:
            raise KilledError


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    model, history = train(SETTINGS, folder, augmentation=VARIED)
    return model.get_weights(), history


def test_the_history_has_a_row_an_epoch(unbroken):
    history = unbroken[1]
    assert set(history) == {"epoch", "loss", "accuracy", "val_loss", "val_accuracy"}
    assert history["epoch"].to_list() == [1, 2, 3]


def test_the_same_seed_gives_the_same_weights_and_history(unbroken, tmp_path):
    model, history = train(SETTINGS, tmp_path, augmentation=VARIED)
    check_equal_weights(model, unbroken[0])
    assert history.equals(unbroken[1])


@pytest.mark.parametrize("where", ["midst", "begin"])
def test_a_run_killed_in_an_epoch_goes_on_as_if_nothing_had_happened(unbroken, tmp_path, where):
    epoch = 2 if where == "midst" else 3
    with pytest.raises(KilledError):
        train(SETTINGS, tmp_path, Kill(where, epoch), augmentation=VARIED)
    weights_path(tmp_path, epoch - 1).write_bytes(b"half written")
    begun = []
    watch = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: begun.append(epoch + 1))
    model, history = train(SETTINGS, tmp_path, watch, augmentation=VARIED)
    assert begun == ([2, 3] if where == "midst" else [3])
    check_equal_weights(model, unbroken[0])
    assert history.equals(unbroken[1])


def test_a_run_killed_after_its_last_epoch_has_nothing_left_to_do(tmp_path):
    first, history = train(SETTINGS, tmp_path)
    second, again = train(SETTINGS, tmp_path, Kill("begin", 3))
    check_equal_weights(second, first.get_weights())
    assert again.equals(history)


class Record(keras.callbacks.Callback):
    """Keeps the weights after each epoch, and spoils the last: all goes to the absent class."""

    def __init__(self):
        super().__init__()
        self.weights = []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(self.model.get_weights())

    def on_train_batch_end(self, batch, logs=None):
        if len(self.weights) == SETTINGS.epochs - 1:
            last = next(one for one in self.model.trainable_weights if one.path == "last/bias")
            last.assign([1e3, 0, 0])


@pytest.mark.parametrize("keep", ["best", "last"])
def test_the_weights_kept_are_those_of_the_best_or_of_the_last_epoch(tmp_path, keep):
    record = Record()
    model, history = train(replace(SETTINGS, keep=keep), tmp_path, record)
    assert history["val_accuracy"].iloc[-1] == 0
    best = int(history["val_accuracy"].idxmax())
    assert best < SETTINGS.epochs - 1
    check_equal_weights(model, record.weights[best if keep == "best" else -1])


def test_of_equally_good_epochs_the_first_is_best():
    assert best_epoch([{"val_accuracy": value} for value in (0.1, 0.5, 0.3, 0.5)]) == 1


def test_a_loss_that_is_no_number_is_told(tmp_path):
    with pytest.raises(UserError) as caught:
        train(change(learning_rate=1e30, schedule="constant"), tmp_path)
    assert str(caught.value) == "the loss is no longer a number; lower train.learning_rate"


@pytest.mark.parametrize("augmentation", [VARIED, PLAIN], ids=["augmented", "plain"])
@pytest.mark.parametrize("how", ["mean_image", "mean_scalar", "unit", "signed"])
@pytest.mark.parametrize("side", [12, 9])
def test_the_model_saved_and_the_model_fitted_say_the_same(augmentation, how, side):
    model, fitted = build(augmentation, how, side)
    assert model.input_shape == (None, 12, 12, 1)
    assert model.inputs[0].dtype == "uint8"
    chances, logits = (
        keras.ops.convert_to_numpy(one(FACES[..., None], training=False)) for one in (model, fitted)
    )
    assert (chances.dtype, chances.shape) == (np.float32, (18, 3))
    assert chances.min() >= 0
    np.testing.assert_allclose(chances.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(chances, softmax(logits), atol=1e-6)


def test_a_network_for_smaller_faces_sees_the_middle_of_each():
    model = build(side=8)[0]
    rimmed = FACES.copy()
    rimmed[:, :2] = rimmed[:, -2:] = rimmed[:, :, :2] = rimmed[:, :, -2:] = 0
    found, expected = (
        keras.ops.convert_to_numpy(model(faces[..., None])) for faces in (rimmed, FACES)
    )
    np.testing.assert_array_equal(found, expected)


def test_both_models_share_their_weights():
    model, fitted = build()
    last = [one for one in fitted.trainable_weights if one.path == "last/bias"]
    last[0].assign([50.0, 0, 0])
    chances = keras.ops.convert_to_numpy(model(FACES[:1, ..., None], training=False))
    assert chances[0, 0] > 0.99


def test_dropout_is_scaled_and_a_rate_of_one_refused(monkeypatch):
    monkeypatch.setattr(networks, "build", build_tiny)
    assert [rate(build_network("tiny", 12, 3, scale)) for scale in (1.0, 2.0, 0.0)] == [0.3, 0.6, 0]
    with pytest.raises(UserError) as caught:
        build_network("tiny", 12, 3, 10 / 3)
    assert str(caught.value) == (
        "train.dropout_scale: 3.3333333333333335 makes tiny's dropout of 0.3 drop everything; "
        "lower it"
    )


def rate(network):
    return next(layer.rate for layer in network.layers if isinstance(layer, layers.Dropout))


def test_dropout_scaled_to_nothing_makes_training_and_prediction_equal(monkeypatch):
    monkeypatch.setattr(networks, "build", build_tiny)
    network = build_network("tiny", 12, 3, 0.0)
    norm = network.get_layer("norm")
    norm.trainable = False
    faces = FACES[..., None].astype(np.float32)
    found, expected = (
        keras.ops.convert_to_numpy(network(faces, training=training)) for training in (True, False)
    )
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_network_that_does_not_fit_is_told():
    with pytest.raises(UserError) as caught:
        build_network("fourconv", 16, 7)
    message = str(caught.value)
    assert message.startswith("train.network: 'fourconv' does not fit faces of 16 px: ")
    assert "\n" not in message


def test_a_plateau_lowers_the_rate_and_a_resumed_run_does_the_same(tmp_path):
    settings = replace(change(schedule="plateau", warmup_epochs=0, learning_rate=1e-9), epochs=4)
    rates = []
    note = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda *_: rates.append(float(note.model.optimizer.learning_rate))
    )
    with pytest.raises(KilledError):
        train(settings, tmp_path, note, Kill("midst", 3))
    unbroken = len(rates)
    train(settings, tmp_path, note)
    assert unbroken == 3
    # At so small a rate only rounding moves the loss on val: fewer lowest losses than epochs.
    assert rates[2] == rates[3]
    assert rates[4] <= rates[2] <= rates[0] == pytest.approx(1e-9)


def test_a_run_that_no_longer_gets_better_stops(tmp_path):
    settings = replace(change(learning_rate=1e-9, stop_epochs=2), epochs=9)
    _, history = train(settings, tmp_path)
    assert history["val_accuracy"].nunique() == 1
    assert history["epoch"].to_list() == [1, 2, 3]
    assert len(train(settings, tmp_path)[1]) == 3


@pytest.mark.parametrize(
    "batching",
    [{"draw": True}, {"balance": "weights"}, {"balance": "oversample"}, {"mixup": 0.4}],
    ids=lambda batching: next(iter(batching)),
)
def test_every_way_of_batching_resumes_to_the_same_weights(tmp_path, batching):
    model, history = train(SETTINGS, tmp_path / "whole", **batching)
    with pytest.raises(KilledError):
        train(SETTINGS, tmp_path / "broken", Kill("begin", 3), **batching)
    again, resumed = train(SETTINGS, tmp_path / "broken", **batching)
    check_equal_weights(again, model.get_weights())
    assert resumed.equals(history)


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_half_precision_resumes_to_the_same_weights(tmp_path, ema):
    settings = change(ema=ema)
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model, history = train(settings, tmp_path / "whole")
        with pytest.raises(KilledError):
            train(settings, tmp_path / "broken", Kill("begin", 3))
        again, resumed = train(settings, tmp_path / "broken")
    finally:
        keras.mixed_precision.set_global_policy("float32")
    check_equal_weights(again, model.get_weights())
    assert resumed.equals(history)


def test_a_broken_state_is_told_with_its_folder(tmp_path):
    with pytest.raises(KilledError):
        train(SETTINGS, tmp_path, Kill("begin", 3))
    state = weights_path(tmp_path, 1)
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(UserError) as caught:
        train(SETTINGS, tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}: the state of an unfinished run is broken: ")
    assert message.endswith("; remove this folder")


def test_multi_targets_train(tmp_path):
    settings = replace(change(label_smoothing=0.0), targets="multi")
    _, history = train(settings, tmp_path)
    assert np.isfinite(history["loss"]).all()


class NoteWeights(keras.callbacks.Callback):
    """Keeps the trainable weights after each batch."""

    def __init__(self):
        super().__init__()
        self.weights = []

    def on_train_batch_end(self, batch, logs=None):
        self.weights.append([one.numpy() for one in self.model.trainable_variables])


def average(weights, momentum):
    """What averages become: they begin as the weights after the first batch."""
    means = weights[0]
    for some in weights[1:]:
        means = [
            momentum * mean + (1 - momentum) * one for mean, one in zip(means, some, strict=True)
        ]
    return means


def test_averages_of_the_weights_are_measured_and_saved_but_not_trained(tmp_path):
    note, plain = NoteWeights(), NoteWeights()
    model, history = train(change(ema=0.8), tmp_path / "averaged", note)
    train(SETTINGS, tmp_path / "plain", plain)
    for found, expected in zip(note.weights[-1], plain.weights[-1], strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    last = average(note.weights, 0.8)
    for found, expected in zip(model.trainable_variables, last, strict=True):
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)
    measured = measure(model, VAL)
    assert measured["val_loss"] == pytest.approx(history["val_loss"].iloc[-1], abs=1e-6)


def test_averages_resume_to_the_same_weights(tmp_path):
    settings = change(ema=0.8)
    model, history = train(settings, tmp_path / "whole", augmentation=VARIED)
    with pytest.raises(KilledError):
        train(settings, tmp_path / "broken", Kill("begin", 2), augmentation=VARIED)
    again, resumed = train(settings, tmp_path / "broken", augmentation=VARIED)
    check_equal_weights(again, model.get_weights())
    assert resumed.equals(history)


def test_the_best_epoch_of_averages_is_kept_as_averages(tmp_path):
    settings = replace(change(ema=0.8), keep="best")
    model, history = train(settings, tmp_path, Record())
    assert measure(model, VAL)["val_accuracy"] == history["val_accuracy"].max()


def test_val_is_measured_as_the_probabilities_say():
    model = build()[0]
    chances = keras.ops.convert_to_numpy(model(FACES[14:, ..., None], training=False))
    measured = measure(model, VAL)
    right = chances[np.arange(4), LABELS[14:]]
    assert measured["val_loss"] == pytest.approx(-np.log(right).mean(), abs=1e-6)
    assert measured["val_accuracy"] == np.mean(chances.argmax(axis=1) == LABELS[14:])


def test_a_label_held_impossible_costs_much_but_not_everything():
    def predict(val, verbose):
        return np.array([[1, 0, 0]] * 4, np.float32)

    measured = measure(SimpleNamespace(predict=predict), VAL)
    assert measured == {"val_accuracy": 0, "val_loss": pytest.approx(126 * np.log(2))}


def test_faces_held_on_the_device_train_as_faces_that_are_handed_over(unbroken, tmp_path):
    model, fitted = build(VARIED, held=FACES)
    batches = Batches(np.arange(14, dtype=np.int32), TARGETS[:14], 4, SETTINGS.seed)
    history = fit(fitted, model, batches, VAL, SETTINGS, tmp_path)
    check_equal_weights(model, unbroken[0])
    assert history.equals(unbroken[1])
    assert weights_path(tmp_path, 2).stat().st_size < 100_000  # the faces are not saved


def test_faces_streamed_from_lmdb_train_as_faces_in_memory(unbroken, tmp_path):
    for name, part in {"train": slice(14), "val": slice(14, 18)}.items():
        rows = zip(range(18)[part], FACES[part], LABELS[part], strict=True)
        records = ((f"{name}-{row:07d}", face, int(label)) for row, face, label in rows)
        write_records(tmp_path / name / "data.mdb", records)
    model, fitted = build(VARIED)
    faces, seen = (StoredFaces([tmp_path / name / "data.mdb"]) for name in ("train", "val"))
    batches = Batches(faces, TARGETS[:14], 4, SETTINGS.seed)
    val = Batches(seen, TARGETS[14:], 3)
    history = fit(fitted, model, batches, val, SETTINGS, tmp_path / "scratch")
    check_equal_weights(model, unbroken[0])
    assert history.equals(unbroken[1])


def test_mixed_faces_and_their_targets_are_mixed_alike():
    # A model of which the logits are the mean grey value, and faces that are it all over.
    faces = np.arange(0, 60, 10, dtype=np.uint8)[:, None, None] * np.ones((1, 12, 12), np.uint8)
    batches = Batches(faces, np.eye(6, dtype=np.float32), 4, 3, mixup=0.4)
    inputs = keras.Input((12, 12, 1))
    pool = keras.Model(inputs, layers.GlobalAveragePooling2D()(inputs))
    fitted = build_fitted(pool, 12, MEAN, "unit", Augmentation(mixup=0.4))
    for index in range(2):
        mixed, targets = batches[index]
        greys = keras.ops.convert_to_numpy(fitted(mixed, training=True))[:, 0] * 255
        np.testing.assert_allclose(greys, targets @ np.arange(0, 60, 10), rtol=1e-5, atol=1e-4)
