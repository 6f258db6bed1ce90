"""Optimizers, learning-rate schedules and losses, in Keras' own parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops
from keras.optimizers import schedules


@dataclass(frozen=True, kw_only=True)
class Optimisation:
    """How weights are found; the words are those of params.yaml's section train."""

    optimizer: str
    learning_rate: float
    momentum: float
    nesterov: bool
    weight_decay: float
    clip_norm: float
    ema: float
    schedule: str
    warmup_epochs: float
    decay_factor: float
    decay_at: Sequence[float]
    decay_steps: int
    plateau_epochs: int
    stop_epochs: int
    label_smoothing: float


def make_optimizer(how: Optimisation, epochs: int, steps: int) -> keras.optimizers.Optimizer:
    """The optimizer of a run of `epochs` of `steps`.

    Weight decay is decoupled from the gradient (Loshchilov & Hutter 2019, arXiv:1711.05101), also
    for SGD, and spares biases and batch normalisation.
    """
    shared = {
        "learning_rate": learning_rate(how, epochs, steps),
        "weight_decay": how.weight_decay or None,
        "global_clipnorm": how.clip_norm or None,
        "use_ema": how.ema > 0,
        "ema_momentum": how.ema,
    }
    if how.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(momentum=how.momentum, nesterov=how.nesterov, **shared)
    else:  # AdamW is Adam with weight decay, but cannot be had with none
        optimizer = keras.optimizers.Adam(**shared)
    if how.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def learning_rate(
    how: Optimisation, epochs: int, steps: int
) -> float | schedules.LearningRateSchedule:
    """The learning rate: a number, or a schedule over optimizer steps after a linear warm-up.

    For `plateau` it is the number to start from: `plateau_rate` lowers it between epochs.
    """
    rate, warmup = how.learning_rate, round(how.warmup_epochs * steps)
    rest = max(epochs * steps - warmup, 1)
    if how.schedule == "plateau":
        return rate
    if how.schedule == "constant":
        return WarmUp(lambda _: rate, warmup) if warmup else rate
    if how.schedule == "cosine":
        schedule = schedules.CosineDecay(rate, rest)
    elif how.schedule == "steps":
        at = [round(fraction * epochs * steps) - warmup for fraction in sorted(how.decay_at)]
        rates = [rate * how.decay_factor**drops for drops in range(len(at) + 1)]
        # Keras keeps a rate up to and with its boundary.
        schedule = schedules.PiecewiseConstantDecay([step - 1 for step in at], rates)
    else:
        schedule = schedules.ExponentialDecay(rate, how.decay_steps, how.decay_factor)
    return WarmUp(schedule, warmup) if warmup else schedule


class WarmUp(schedules.LearningRateSchedule):
    """A schedule, or any function of the step, delayed by a linear rise to its first value."""

    def __init__(self, schedule: Callable, steps: int):
        """Rise over `steps`, from 0 at the first of them, as Keras' own warm-up does."""
        super().__init__()
        self.schedule, self.steps = schedule, steps

    def __call__(self, step: keras.KerasTensor) -> keras.KerasTensor:
        """The learning rate of a step, counted from 0."""
        step = ops.cast(step, "float32")
        share = ops.minimum(step / self.steps, 1.0)
        return share * self.schedule(ops.maximum(step - self.steps, 0.0))


def plateau_rate(how: Optimisation, losses: Sequence[float]) -> float:
    """The rate of the epoch that follows epochs with these losses on val.

    It falls by decay_factor whenever plateau_epochs epochs brought no new lowest loss, and rises
    over warmup_epochs, by whole epochs, at first.
    """
    rate, lowest, waited = how.learning_rate, np.inf, 0
    for loss in losses:
        waited = 0 if loss < lowest else waited + 1
        lowest = min(lowest, loss)
        if waited == how.plateau_epochs:
            rate, waited = rate * how.decay_factor, 0
    return rate * min(1.0, (len(losses) + 1) / max(how.warmup_epochs, 1.0))


def has_stopped(how: Optimisation, accuracies: Sequence[float]) -> bool:
    """Whether val accuracy has not risen for stop_epochs epochs; 0 never stops."""
    return 0 < how.stop_epochs <= len(accuracies) - 1 - int(np.argmax(accuracies or [0]))


def make_loss(targets: str, label_smoothing: float) -> keras.losses.Loss:
    """The loss between target shares (N, classes) and logits, by the kind of targets."""
    if targets == "multi":
        return MultiTargetLoss()
    return keras.losses.CategoricalCrossentropy(True, label_smoothing=label_smoothing)


class MultiTargetLoss(keras.losses.Loss):
    """-log of the highest probability among the allowed classes (Barsoum et al. 2016)."""

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """The loss (N,) of logits; y_true is above 0 for each class that counts as right."""
        logs = ops.log_softmax(ops.cast(y_pred, "float32"))
        return -ops.max(ops.where(y_true > 0, logs, -1e9), axis=-1)
