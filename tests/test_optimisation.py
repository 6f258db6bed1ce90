from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from facexpr.optimisation import (
    Optimisation,
    has_stopped,
    make_loss,
    make_optimizer,
    plateau_rate,
)

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

HOW = Optimisation(
    optimizer="sgd",
    learning_rate=0.05,
    momentum=0.9,
    nesterov=True,
    weight_decay=0.0,
    ema=0.0,
    clip_norm=0.0,
    schedule="cosine",
    warmup_epochs=1,
    decay_factor=0.1,
    decay_at=(0.6, 0.85),
    decay_steps=10,
    plateau_epochs=2,
    stop_epochs=0,
    label_smoothing=0.0,
)


def rates(at, epochs=3, steps=10, **changes):
    """The learning rates at optimizer steps, counted from 0."""
    optimizer = make_optimizer(replace(HOW, **changes), epochs, steps)
    optimizer.build([keras.Variable(np.ones(1))])
    found = []
    for step in at:
        optimizer.iterations.assign(step)
        found.append(float(optimizer.learning_rate))
    return found


def test_the_rate_warms_up_and_falls_along_a_cosine():
    # 10 steps an epoch: one epoch of warm-up, two of cosine, so half way down after 20 steps.
    expected = [0, 0.025, 0.05, 0.025, 0]
    assert rates([0, 5, 10, 20, 30]) == pytest.approx(expected, abs=1e-7)


def test_without_a_warm_up_the_cosine_begins_at_the_top():
    assert rates([0, 15, 30], warmup_epochs=0) == pytest.approx([0.05, 0.025, 0], abs=1e-7)


def test_a_warm_up_longer_than_the_run_does_not_fail():
    assert rates([0, 25], warmup_epochs=5) == pytest.approx([0, 0.025])


@pytest.mark.parametrize("warmup", [0, 1])
def test_a_constant_rate_stays_after_its_warm_up(warmup):
    found = rates([0, 5, 10, 29], schedule="constant", warmup_epochs=warmup)
    assert found == pytest.approx([0, 0.025, 0.05, 0.05] if warmup else [0.05] * 4)


@pytest.mark.parametrize("warmup", [0, 1])
def test_steps_fall_at_fractions_of_all_epochs_whatever_the_warm_up(warmup):
    # 20 epochs of 10 steps: 60 % is step 120, the first of the lower rate; 85 % is step 170.
    found = rates([119, 120, 169, 170, 199], 20, schedule="steps", warmup_epochs=warmup)
    assert found == pytest.approx([0.05, 0.005, 0.005, 0.0005, 0.0005])


def test_the_order_in_which_steps_are_given_does_not_matter():
    found = rates([119, 120, 170], 20, schedule="steps", decay_at=(0.85, 0.6), warmup_epochs=0)
    assert found == pytest.approx([0.05, 0.005, 0.0005])


def test_an_exponential_rate_falls_continuously():
    found = rates([0, 5, 10, 20], schedule="exponential", decay_factor=0.25, warmup_epochs=0)
    assert found == pytest.approx([0.05, 0.025, 0.0125, 0.05 / 16])


@pytest.mark.parametrize(
    ("losses", "drops"),
    [
        ([], 0),
        ([1.0, 0.9], 0),
        ([1.0, 1.1], 0),
        ([1.0, 1.1, 1.0], 1),  # an equal loss is no new lowest
        ([1.0, 1.1, 1.2, 1.3], 1),
        ([1.0, 1.1, 1.2, 1.3, 1.4], 2),
        ([1.0, 1.1, 0.9, 1.1, 0.8], 0),
    ],
)
def test_a_plateau_rate_falls_after_epochs_without_a_lower_loss(losses, drops):
    assert plateau_rate(HOW, losses) == pytest.approx(0.05 * 0.1**drops)


def test_a_plateau_rate_warms_up_by_epochs():
    how = replace(HOW, warmup_epochs=4)
    found = [plateau_rate(how, list(range(9, 9 - count, -1))) for count in (0, 1, 3, 4)]
    assert found == pytest.approx([0.0125, 0.025, 0.05, 0.05])


@pytest.mark.parametrize(
    ("accuracies", "patience", "stopped"),
    [
        ([], 1, False),
        ([0.5], 1, False),
        ([0.5, 0.5], 1, True),
        ([0.5, 0.6], 1, False),
        ([0.5, 0.4, 0.4], 3, False),
        ([0.5, 0.4, 0.4, 0.5], 3, True),
        ([0.5] * 50, 0, False),
    ],
)
def test_a_run_stops_when_val_has_not_risen_for_so_long(accuracies, patience, stopped):
    assert has_stopped(replace(HOW, stop_epochs=patience), accuracies) is stopped


def step(gradients, **changes):
    """What one step at a constant rate of 0.05 makes of weights that are all 1."""
    how = replace(HOW, schedule="constant", warmup_epochs=0, **changes)
    variables = [keras.Variable(np.ones(2), name=name) for name in ("kernel", "bias")]
    optimizer = make_optimizer(how, 1, 1)
    optimizer.build(variables)
    optimizer.apply([np.asarray(one, np.float32) for one in gradients], variables)
    return [keras.ops.convert_to_numpy(one)[0] for one in variables]


def test_momentum_with_and_without_nesterov():
    # Nesterov's first step looks ahead: (1 + momentum) times the gradient.
    assert step([[1, 1], [0, 0]], nesterov=False) == pytest.approx([0.95, 1])
    assert step([[1, 1], [0, 0]], nesterov=True) == pytest.approx([1 - 0.05 * 1.9, 1])


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_adam_moves_by_the_rate_whatever_the_gradient(optimizer):
    found = step([[1e3, 1e3], [-1e-2, 0]], optimizer=optimizer)
    assert found == pytest.approx([0.95, 1.05], abs=1e-4)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_weight_decay_is_apart_from_the_gradient_and_spares_biases(optimizer):
    found = step([[0, 0], [0, 0]], optimizer=optimizer, weight_decay=0.5)
    assert found == pytest.approx([1 - 0.5 * 0.05, 1])


def test_weight_decay_spares_batch_normalisation():
    network = keras.Sequential([keras.Input((3,)), layers.Dense(2), layers.BatchNormalization()])
    how = replace(HOW, schedule="constant", warmup_epochs=0, weight_decay=0.5)
    optimizer = make_optimizer(how, 1, 1)
    variables = network.trainable_variables
    for variable in variables:
        variable.assign(np.ones(variable.shape))
    optimizer.apply([np.zeros(one.shape, np.float32) for one in variables], variables)
    means = {one.name: float(keras.ops.mean(one)) for one in variables}
    shrunk = pytest.approx(1 - 0.5 * 0.05)
    assert means == {"kernel": shrunk, "bias": 1, "gamma": 1, "beta": 1}


def test_gradients_are_clipped_by_their_norm_together():
    # The norm of (3, 0, 0, 4) is 5; clipped to 1 it is (0.6, 0, 0, 0.8).
    found = step([[3, 0], [0, 4]], clip_norm=1.0, momentum=0.0, nesterov=False)
    assert found == pytest.approx([1 - 0.05 * 0.6, 1])


def test_the_loss_of_one_target_is_cross_entropy_of_logits():
    logits = np.log(np.array([[0.7, 0.2, 0.1]], np.float32)) + 5
    targets = np.array([[0, 1, 0]], np.float32)
    assert float(make_loss("majority", 0.0)(targets, logits)) == pytest.approx(-np.log(0.2))
    smooth = -(0.9 * np.log(0.2) + 0.1 / 3 * np.log([0.7, 0.2, 0.1]).sum())
    assert float(make_loss("soft", 0.1)(targets, logits)) == pytest.approx(smooth, rel=1e-5)


def test_the_multi_target_loss_asks_for_any_allowed_class():
    logits = np.log(np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]], np.float32)) - 3
    allowed = np.array([[0, 1, 1], [1, 0, 1]], np.float32)
    found = keras.ops.convert_to_numpy(make_loss("multi", 0.0).call(allowed, logits))
    np.testing.assert_allclose(found, -np.log([0.3, 0.5]), rtol=1e-5)
    mean = float(make_loss("multi", 0.0)(allowed, logits))
    assert mean == pytest.approx(-np.log([0.3, 0.5]).mean(), rel=1e-5)
