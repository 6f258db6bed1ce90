"""Building, fitting and saving a model: Keras' own parts, put together reproducibly."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from keras import layers

from facexpr import networks
from facexpr.augment import Augmentation, RandomCrop, augment
from facexpr.batches import Batches
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


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How long to fit and to what; the words are those of params.yaml's section train."""

    optimisation: Optimisation
    targets: str = "majority"
    epochs: int
    keep: str
    seed: int


def build_models(
    bare: keras.Model, px: int, mean: Mean, how: str, augmentation: Augmentation
) -> tuple[keras.Model, keras.Model]:
    """Build the model to save and the model to fit around a bare network, whose weights they share.

    The first takes uint8 faces (None, px, px, 1) to probabilities; the second augments the faces
    and ends in logits. A network for smaller faces gets the middle of each, and in training a
    random part. how: see `facexpr.preprocess.normalise`.
    """
    side = bare.input_shape[1]
    inputs = keras.Input((px, px, 1), dtype="uint8", name="faces")
    faces = normalise(inputs, mean, how)
    varied = normalise(augment(inputs, augmentation), mean, how)
    if side < px:
        faces = centre_crop(faces, side)
        varied = RandomCrop(side, augmentation.seed + 100, dtype="float32")(varied)
    softmax = layers.Activation("softmax", dtype="float32", name="probabilities")
    logits = layers.Activation("linear", dtype="float32", name="logits")
    return keras.Model(inputs, softmax(bare(faces))), keras.Model(inputs, logits(bare(varied)))


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
    train: Batches,
    val: Batches,
    settings: Settings,
    scratch: Path,
    callbacks: tuple[keras.callbacks.Callback, ...] = (),
) -> pd.DataFrame:
    """Fit from where `scratch` says an earlier, killed run stopped; returns the history.

    Leaves the weights that settings.keep asks for: the epoch best on val, or the last. The
    history has epoch (from 1), accuracy, loss, val_accuracy and val_loss; it is shorter than
    asked where val has not risen for so long that the run stops. Raises UserError when the loss
    is no longer a number.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    compile_model(fitted, settings, len(train))
    history = restore(fitted, scratch)
    while len(history) < settings.epochs:
        if has_stopped(settings.optimisation, column(history, "val_accuracy")):
            break
        epoch = len(history)
        start_epoch(fitted, train, settings, history)
        # One call an epoch, so that state is saved between calls, whole, under our own names.
        result = fitted.fit(
            train,
            validation_data=val,
            initial_epoch=epoch,
            epochs=epoch + 1,
            shuffle=False,  # Batches does it; Keras would draw from Python's global generator
            verbose=0,
            callbacks=list(callbacks),
        )
        history.append({name: float(values[0]) for name, values in result.history.items()})
        if not np.isfinite(history[-1]["loss"]):
            raise UserError("the loss is no longer a number; lower train.learning_rate")
        save(fitted, scratch, history)
    if settings.keep == "best":
        fitted.load_weights(weights_path(scratch, best_epoch(history)))
    table = pd.DataFrame(history)
    table.insert(0, "epoch", range(1, len(table) + 1))
    return table


def start_epoch(
    fitted: keras.Model, train: Batches, settings: Settings, history: list[dict[str, float]]
) -> None:
    """Set all that is random in an epoch from (seed, epoch): order, augmentation, dropout.

    So an epoch is the same whether a run came to it or began with it after a kill. For the same
    reason the rate that falls on a plateau follows from the history.
    """
    epoch, how = len(history), settings.optimisation
    train.start_epoch(epoch)
    states = [one for one in fitted.variables if one.name == "seed_generator_state"]
    for number, state in enumerate(states):
        state.assign(np.random.SeedSequence([settings.seed, epoch, number]).generate_state(2))
    if how.schedule == "plateau":
        fitted.optimizer.learning_rate = plateau_rate(how, column(history, "val_loss"))


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
