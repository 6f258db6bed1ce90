import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facexpr.metrics import accuracy, bootstrap_interval, class_table, confusion, macro_f1

# Labels and predictions of three classes; the third is never predicted.
LABELS = np.array([0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 1, 1, 0, 0])
PROBABILITIES = np.eye(3)[PREDICTED] * 0.5 + 0.1
F1 = [2 * 2 / (4 + 3), 2 * 1 / (2 + 2), 0]  # 2 hits / (times predicted + times there)


def test_accuracy_by_hand():
    assert accuracy(PROBABILITIES, LABELS) == 3 / 6


def test_confusion_has_labels_in_rows_and_predictions_in_columns():
    expected = [[2, 1, 0], [1, 1, 0], [1, 0, 0]]
    np.testing.assert_array_equal(confusion(PROBABILITIES, LABELS), expected)


def test_macro_f1_by_hand():
    assert macro_f1(PROBABILITIES, LABELS) == pytest.approx(sum(F1) / 3)


def test_a_class_that_is_nowhere_counts_as_zero_without_a_warning():
    wider = np.c_[PROBABILITIES, np.zeros(6)]
    assert macro_f1(wider, LABELS) == pytest.approx(sum(F1) / 4)
    assert confusion(wider, LABELS).shape == (4, 4)


def test_class_table_by_hand():
    table = class_table(PROBABILITIES, LABELS, ["a", "b", "c"])
    assert list(table) == ["label", "precision", "recall", "f1", "support"]
    assert table["label"].to_list() == ["a", "b", "c"]
    assert table["precision"].to_list() == [0.5, 0.5, 0]
    assert table["recall"].to_list() == [0.666667, 0.5, 0]
    assert table["f1"].to_list() == pytest.approx(F1, abs=1e-6)
    assert table["support"].to_list() == [3, 2, 1]


def make_correct(n, share):
    return np.arange(n) < round(share * n)


@given(st.lists(st.booleans(), min_size=1, max_size=300), st.integers(0, 99))
def test_the_interval_contains_the_accuracy_and_stays_in_range(correct, seed):
    low, high = bootstrap_interval(np.array(correct), 1000, seed)
    assert 0 <= low <= np.mean(correct) <= high <= 1


@pytest.mark.parametrize(("n", "share"), [(3589, 0.7), (400, 0.5), (1000, 0.9)])
def test_the_interval_is_near_the_normal_approximation(n, share):
    correct = make_correct(n, share)
    half = 1.96 * np.sqrt(share * (1 - share) / n)
    low, high = bootstrap_interval(correct, 20_000, seed=0)
    assert (low, high) == pytest.approx((share - half, share + half), abs=0.06 * half + 1 / n)


def test_the_interval_agrees_with_drawing_images():
    correct = make_correct(200, 0.8)
    drawn = np.random.default_rng(1).choice(correct, (20_000, 200)).mean(axis=1)
    expected = np.quantile(drawn, [0.025, 0.975])
    assert bootstrap_interval(correct, 20_000, seed=0) == pytest.approx(expected, abs=1 / 200)


def test_the_interval_narrows_with_more_images():
    widths = [
        np.ptp(bootstrap_interval(make_correct(n, 0.6), 5000, seed=0)) for n in (100, 1000, 10_000)
    ]
    assert widths[0] > 2.5 * widths[1] > 6 * widths[2]


def test_the_interval_depends_on_the_seed_alone():
    correct = make_correct(3589, 0.7)
    first = bootstrap_interval(correct, 1000, seed=0)
    assert bootstrap_interval(correct[::-1], 1000, seed=0) == first
    assert bootstrap_interval(correct, 1000, seed=1) != first


def test_all_right_and_all_wrong():
    assert bootstrap_interval(np.ones(5, bool), 100, seed=0) == (1, 1)
    assert bootstrap_interval(np.zeros(5, bool), 100, seed=0) == (0, 0)
