"""Building, fitting and saving a model: Keras' own parts, put together reproducibly."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from keras import layers

from facexpr import networks
from facexpr.augment import Augmentation, MixUp, RandomCrop, augment
from facexpr.batches import Batches, HeldFaces
from facexpr.errors import UserError
from facexpr.mean import Mean
from facexpr.optimisation import (
    Optimisation,
    has_stopped,
    make_loss,
    make_optimizer,
    plateau_rate,
)
from facexpr.preprocess import centre_crop, normalise

# A probability below the smallest float32 would make a loss on val endless.
SMALLEST = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How long to fit and to what; the words are those of params.yaml's section train."""

    optimisation: Optimisation
    targets: str = "majority"
    epochs: int
    keep: str
    seed: int


def build_model(bare: keras.Model, px: int, mean: Mean, how: str) -> keras.Model:
    """Build the model to save: uint8 faces (None, px, px, 1) to probabilities.

    A network for smaller faces gets the middle of each. how: see `facexpr.preprocess.normalise`.
    """
    inputs = keras.Input((px, px, 1), dtype="uint8", name="faces")
    faces = normalise(inputs, mean, how)
    if bare.input_shape[1] < px:
        faces = centre_crop(faces, bare.input_shape[1])
    softmax = layers.Activation("softmax", dtype="float32", name="probabilities")
    return keras.Model(inputs, softmax(bare(faces)))


def build_fitted(
    bare: keras.Model,
    px: int,
    mean: Mean,
    how: str,
    augmentation: Augmentation,
    held: np.ndarray | None = None,
) -> keras.Model:
    """Build the model to fit: faces, varied, to logits, with the weights of `bare`.

    A network for smaller faces gets a random part of each. held: uint8 (N, px, px), to lie on the
    device, of which the model takes rows; without them it takes uint8 faces (None, px, px, 1).
    """
    if held is None:
        inputs = faces = keras.Input((px, px, 1), dtype="uint8", name="faces")
    else:
        inputs = keras.Input((), dtype="int32", name="faces")
        faces = HeldFaces(held)(inputs)
    x = normalise(augment(faces, augmentation), mean, how)
    if bare.input_shape[1] < px:
        x = RandomCrop(bare.input_shape[1], augmentation.seed + 100, dtype="float32")(x)
    if augmentation.mixup:
        share = keras.Input((), name="share")
        inputs, x = {"faces": inputs, "share": share}, MixUp(dtype="float32")(x, share)
    logits = layers.Activation("linear", dtype="float32", name="logits")
    return keras.Model(inputs, logits(bare(x)))


def build_network(name: str, side: int, classes: int, dropout_scale: float = 1.0) -> keras.Model:
    """Build a network for faces (side, side, 1), its dropout rates times `dropout_scale`.

    Raises UserError when the network does not fit the side, or a rate would reach 1.
    """
    try:
        bare = networks.build(name, (side, side, 1), classes)
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"train.network: '{name}' does not fit faces of {side} px: {reason}"
        ) from None
    for layer in bare.layers:
        if isinstance(layer, layers.Dropout):
            if layer.rate * dropout_scale >= 1:
                raise UserError(
                    f"train.dropout_scale: {dropout_scale} makes {name}'s dropout of {layer.rate} "
                    "drop everything; lower it"
                )
            layer.rate *= dropout_scale
    return bare


def compile_model(fitted: keras.Model, settings: Settings, steps: int) -> None:
    """Compile for epochs of `steps` batches."""
    how = settings.optimisation
    optimizer = make_optimizer(how, settings.epochs, steps)
    loss = make_loss(settings.targets, how.label_smoothing)
    fitted.compile(optimizer, loss, metrics=["accuracy"])
    # Or a resumed run could not restore its state; under float16 Keras has wrapped the optimizer.
    fitted.optimizer.build(fitted.trainable_variables)


def fit(
    fitted: keras.Model,
    model: keras.Model,
    train: Batches,
    val: Batches,
    settings: Settings,
    scratch: Path,
    callbacks: tuple[keras.callbacks.Callback, ...] = (),
) -> pd.DataFrame:
    """Fit from where `scratch` says an earlier, killed run stopped; returns the history.

    Leaves in both models, which share them, the weights that settings.keep asks for: of the epoch
    best on val, or of the last; with settings.optimisation.ema their averages. The history has
    epoch (from 1), accuracy, loss, and of `model`, as it would be saved, val_accuracy and
    val_loss, its cross-entropy; it is shorter than asked where val has not risen for so long that
    the run stops. Raises UserError when the loss is no longer a number.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    compile_model(fitted, settings, len(train))
    epochs = Epochs(model, train, val, settings, scratch, restore(fitted, scratch))
    history = epochs.history
    if not epochs.are_over():
        fitted.fit(
            train,
            initial_epoch=len(history),
            epochs=settings.epochs,
            shuffle=False,  # Batches does it; Keras would draw from Python's global generator
            verbose=0,
            callbacks=[epochs, *callbacks],
        )
    kept = best_epoch(history) if settings.keep == "best" else len(history) - 1
    fitted.load_weights(weights_path(scratch, kept))
    fitted.optimizer.finalize_variable_values(fitted.trainable_variables)
    table = pd.DataFrame(history)
    table.insert(0, "epoch", range(1, len(table) + 1))
    return table


class Epochs(keras.callbacks.Callback):
    """Begins each epoch as any run would, and ends it with a measurement and a saved state."""

    def __init__(
        self,
        model: keras.Model,
        train: Batches,
        val: Batches,
        settings: Settings,
        scratch: Path,
        history: list[dict[str, float]],
    ):
        """Go on after `history`."""
        super().__init__()
        self.measured, self.train, self.val = model, train, val
        self.settings, self.scratch, self.history = settings, scratch, history

    def are_over(self) -> bool:
        """Whether no epoch is left to run."""
        stopped = has_stopped(self.settings.optimisation, column(self.history, "val_accuracy"))
        return stopped or len(self.history) == self.settings.epochs

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Set all that is random in an epoch from (seed, epoch): order, augmentation, dropout.

        So an epoch is the same whether a run came to it or began with it after a kill. For the
        same reason the rate that falls on a plateau follows from the history.
        """
        how = self.settings.optimisation
        self.train.start_epoch(epoch)
        states = [one for one in self.model.variables if one.name == "seed_generator_state"]
        for number, state in enumerate(states):
            entropy = np.random.SeedSequence([self.settings.seed, epoch, number])
            state.assign(entropy.generate_state(2))
        if how.schedule == "plateau":
            rate = plateau_rate(how, column(self.history, "val_loss"))
            self.model.optimizer.learning_rate = rate

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        """Measure on val, for those who look at `logs` too, and save; stop if it is time."""
        if not np.isfinite(logs["loss"]):
            raise UserError("the loss is no longer a number; lower train.learning_rate")
        with averaged(self.model) if self.settings.optimisation.ema else nullcontext():
            logs |= measure(self.measured, self.val)
        self.history.append({name: float(value) for name, value in logs.items()})
        save(self.model, self.scratch, self.history)
        self.model.stop_training = self.are_over()


@contextmanager
def averaged(fitted: keras.Model) -> Iterator[None]:
    """Put the averages of the weights in their place for a while."""
    swap = keras.callbacks.SwapEMAWeights()
    swap.set_model(fitted)
    swap.on_test_begin()
    yield
    swap.on_test_end()


def measure(model: keras.Model, val: Batches) -> dict[str, float]:
    """The accuracy and the cross-entropy (in nats) of a model's probabilities on all of val."""
    chances = model.predict(val, verbose=0)[: len(val.targets)]
    of_label = (chances * val.targets).sum(axis=1, dtype=np.float64)
    return {
        "val_accuracy": float(np.mean(chances.argmax(axis=1) == val.labels)),
        "val_loss": float(-np.log(np.maximum(of_label, SMALLEST)).mean()),
    }


def column(history: Sequence[dict[str, float]], name: str) -> list[float]:
    """One value of each epoch."""
    return [epoch[name] for epoch in history]


def best_epoch(history: list[dict[str, float]]) -> int:
    """The first epoch, from 0, of the highest accuracy on val."""
    return int(np.argmax(column(history, "val_accuracy")))


def weights_path(scratch: Path, epoch: int) -> Path:
    """Where the weights and optimizer state after an epoch are kept."""
    return scratch / f"epoch-{epoch:05d}.weights.h5"


def save(fitted: keras.Model, scratch: Path, history: list[dict[str, float]]) -> None:
    """Keep the state after the last epoch and after the best; a kill at any moment loses neither.

    history.json names the last epoch and is renamed into place after that epoch's weights.
    """
    last = len(history) - 1
    fitted.save_weights(weights_path(scratch, last))
    fresh = scratch / "history.json.partial"
    fresh.write_text(json.dumps(history), encoding="utf-8")
    fresh.replace(scratch / "history.json")
    kept = {weights_path(scratch, last), weights_path(scratch, best_epoch(history))}
    for path in set(scratch.glob("*.weights.h5")) - kept:
        path.unlink()


def restore(fitted: keras.Model, scratch: Path) -> list[dict[str, float]]:
    """Load the state of an unfinished run, if there is one; returns its history so far."""
    path = scratch / "history.json"
    if not path.is_file():
        return []
    try:
        history = json.loads(path.read_text(encoding="utf-8"))
        fitted.load_weights(weights_path(scratch, len(history) - 1))
    except (OSError, ValueError) as error:  # such as after a full disk or a power cut
        reason = str(error).splitlines()[0]
        raise UserError(
            f"{scratch}: the state of an unfinished run is broken: {reason}; remove this folder"
        ) from None
    return history
