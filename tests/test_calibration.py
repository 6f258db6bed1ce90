import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from facexpr.calibration import apply_temperature, fit_temperature

LOGITS = np.random.default_rng(0).normal(0, 3, (400, 5))


def drawn_from(chances, seed=1):
    """Labels that come as often as `chances` say."""
    rng = np.random.default_rng(seed)
    return (chances.cumsum(axis=1) < rng.random((len(chances), 1))).sum(axis=1)


@given(st.floats(0.1, 10))
def test_a_temperature_divides_the_logits(temperature):
    found = apply_temperature(softmax(LOGITS, axis=1), temperature)
    np.testing.assert_allclose(found, softmax(LOGITS / temperature, axis=1), atol=1e-6)


def test_temperature_one_changes_nothing_and_none_the_first_class():
    chances = softmax(LOGITS, axis=1)
    np.testing.assert_allclose(apply_temperature(chances, 1.0), chances, atol=1e-9)
    cold, hot = apply_temperature(chances, 0.3), apply_temperature(chances, 4.0)
    assert (cold.argmax(axis=1) == chances.argmax(axis=1)).all()
    assert (hot.argmax(axis=1) == chances.argmax(axis=1)).all()
    assert cold.max(axis=1).mean() > chances.max(axis=1).mean() > hot.max(axis=1).mean()


@pytest.mark.parametrize("truth", [0.5, 1.0, 2.5])
def test_the_temperature_that_labels_were_drawn_with_is_found(truth):
    logits = np.random.default_rng(2).normal(0, 2, (60_000, 4))
    labels = drawn_from(softmax(logits / truth, axis=1))
    assert fit_temperature(softmax(logits, axis=1), labels) == pytest.approx(truth, rel=0.03)


def test_a_class_ruled_out_stays_finite():
    chances = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert np.isfinite(fit_temperature(chances, np.array([0, 1, 1])))
    assert np.isfinite(apply_temperature(chances, 0.05)).all()


def test_a_model_that_is_always_right_gets_the_coldest():
    chances = np.array([[0.6, 0.4], [0.3, 0.7]])
    assert fit_temperature(chances, np.array([0, 1])) == pytest.approx(0.05, rel=0.01)
