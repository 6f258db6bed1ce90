import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from facexpr.comparison import compare, sentence


def make_runs(both, only_a, only_b, neither):
    """What two runs got right, with the four outcomes so often."""
    a = [True] * (both + only_a) + [False] * (only_b + neither)
    b = [True] * both + [False] * only_a + [True] * only_b + [False] * neither
    return np.array(a), np.array(b)


def test_the_difference_by_hand():
    found = compare(*make_runs(50, 10, 30, 10), draws=20_000, seed=0)
    assert (found.n, found.only_a, found.only_b) == (100, 10, 30)
    assert (found.accuracy_a, found.accuracy_b) == (0.6, 0.8)
    assert found.difference == pytest.approx(0.2)
    half = 1.96 * np.sqrt(0.1 + 0.3 - 0.2**2) / 10  # normal approximation of a paired difference
    assert (found.low, found.high) == pytest.approx((0.2 - half, 0.2 + half), abs=0.015)


def test_the_exact_test_by_hand():
    found = compare(*make_runs(0, 1, 5, 0), draws=100, seed=0)
    assert found.p_value == pytest.approx(2 * (1 + 6) / 2**6)  # as rare as 1 of 6 coins, both ways
    assert not found.is_more_than_noise


def test_the_exact_test_is_near_mcnemars_chi_square():
    found = compare(*make_runs(2000, 300, 240, 500), draws=100, seed=0)
    corrected = (abs(300 - 240) - 1) ** 2 / (300 + 240)
    assert found.p_value == pytest.approx(chi2.sf(corrected, 1), rel=0.02)
    assert found.is_more_than_noise


def test_the_same_answers_are_level():
    right = np.array([True, False, True])
    found = compare(right, right, draws=100, seed=0)
    assert (found.difference, found.low, found.high, found.p_value) == (0, 0, 0, 1)
    assert sentence(found, "a", "b") == "a and b are level on these 3 images."


counts = st.integers(0, 40)


@given(counts, counts, counts, st.integers(1, 40))
def test_swapping_the_runs_turns_the_difference_round(both, only_a, only_b, neither):
    a, b = make_runs(both, only_a, only_b, neither)
    found, turned = compare(a, b, 500, seed=0), compare(b, a, 500, seed=0)
    assert found.difference == pytest.approx(-turned.difference)
    assert found.p_value == pytest.approx(turned.p_value)
    assert found.low <= found.difference + 1e-12
    assert found.difference <= found.high + 1e-12


def test_sentences():
    better = compare(*make_runs(500, 20, 80, 400), draws=100, seed=0)
    assert sentence(better, "old", "new").startswith(
        "new is better than old by 6.00 points, and on these 1,000 images that is more than noise"
    )
    noise = compare(*make_runs(500, 25, 20, 455), draws=100, seed=0)
    assert sentence(noise, "old", "new") == (
        "old is 0.50 points ahead of new, and on these 1,000 images that is no more than noise "
        f"(p = {noise.p_value:.2g})."
    )
