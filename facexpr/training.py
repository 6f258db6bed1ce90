"""Building, fitting and saving a model: Keras' own parts, put together reproducibly."""

import json
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from keras import layers

from facexpr import networks
from facexpr.batches import Batches
from facexpr.errors import UserError
from facexpr.mean import Mean
from facexpr.preprocess import normalise


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to fit; the words are those of params.yaml's section train."""

    epochs: int
    batch: int
    learning_rate: float
    schedule: str
    warmup_epochs: float
    momentum: float
    weight_decay: float
    label_smoothing: float
    flip: bool
    shift: float
    rotation: float
    zoom: float
    keep: str
    seed: int


def build_models(
    network: str, px: int, classes: int, mean: Mean, subtract: str, settings: Settings
) -> tuple[keras.Model, keras.Model]:
    """Build the model to save and the model to fit, which share all weights.

    The first takes uint8 faces (None, px, px, 1) to probabilities; the second augments the faces
    and ends in logits.
    """
    bare = networks.build(network, (px, px, 1), classes)
    inputs = keras.Input((px, px, 1), dtype="uint8", name="faces")
    softmax = layers.Activation("softmax", dtype="float32", name="probabilities")
    model = keras.Model(inputs, softmax(bare(normalise(inputs, mean, subtract))))
    augmented = augment(inputs, settings)
    logits = layers.Activation("linear", dtype="float32", name="logits")
    fitted = keras.Model(inputs, logits(bare(normalise(augmented, mean, subtract))))
    return model, fitted


def augment(x: keras.KerasTensor, settings: Settings) -> keras.KerasTensor:
    """Random flip, shift, rotation and zoom of faces, in training only; ranges as fractions.

    rotation is in degrees; what comes in from outside repeats the border.
    """
    seed, kind = settings.seed, {"dtype": "float32"}
    if settings.flip:
        x = layers.RandomFlip("horizontal", seed=seed, **kind)(x)
    if settings.shift:
        x = layers.RandomTranslation(
            settings.shift, settings.shift, fill_mode="nearest", seed=seed + 1, **kind
        )(x)
    if settings.rotation:
        turn = settings.rotation / 360
        x = layers.RandomRotation(turn, fill_mode="nearest", seed=seed + 2, **kind)(x)
    if settings.zoom:
        x = layers.RandomZoom(settings.zoom, fill_mode="nearest", seed=seed + 3, **kind)(x)
    return x


def compile_model(fitted: keras.Model, settings: Settings, steps: int) -> None:
    """Compile with SGD and Nesterov momentum; decay spares biases and batch normalisation."""
    rate = settings.learning_rate
    if settings.schedule == "cosine":
        warmup = round(settings.warmup_epochs * steps)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else rate,
            max(settings.epochs * steps - warmup, 1),
            warmup_target=rate if warmup else None,
            warmup_steps=warmup,
        )
    optimizer = keras.optimizers.SGD(
        rate, settings.momentum, nesterov=True, weight_decay=settings.weight_decay or None
    )
    if settings.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    loss = keras.losses.CategoricalCrossentropy(True, label_smoothing=settings.label_smoothing)
    fitted.compile(optimizer, loss, metrics=["accuracy"])
    optimizer.build(fitted.trainable_variables)  # or a resumed run could not restore its state


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
    history has epoch (from 1), accuracy, loss, val_accuracy and val_loss. Raises UserError when
    the loss is no longer a number.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    compile_model(fitted, settings, len(train))
    history = restore(fitted, scratch)
    for epoch in range(len(history), settings.epochs):
        start_epoch(fitted, train, settings.seed, epoch)
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


def start_epoch(fitted: keras.Model, train: Batches, seed: int, epoch: int) -> None:
    """Set all that is random in an epoch from (seed, epoch): order, augmentation, dropout.

    So an epoch is the same whether a run came to it or began with it after a kill.
    """
    train.start_epoch(epoch)
    states = [one for one in fitted.variables if one.name == "seed_generator_state"]
    for number, state in enumerate(states):
        state.assign(np.random.SeedSequence([seed, epoch, number]).generate_state(2))


def best_epoch(history: list[dict[str, float]]) -> int:
    """The first epoch, from 0, of the highest accuracy on val."""
    return int(np.argmax([epoch["val_accuracy"] for epoch in history]))


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
    history = json.loads(path.read_text(encoding="utf-8"))
    fitted.load_weights(weights_path(scratch, len(history) - 1))
    return history
