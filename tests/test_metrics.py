import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import balanced_accuracy_score, log_loss, top_k_accuracy_score

from facexpr.metrics import (
    accuracy,
    balanced_accuracy,
    bootstrap_interval,
    brier_score,
    class_table,
    confusion,
    expected_calibration_error,
    macro_f1,
    negative_log_likelihood,
    reliability,
    summary,
    top_accuracy,
    votes_divergence,
)

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


def some_predictions(n=500, classes=5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.full(classes, 0.5), n), rng.integers(0, classes, n)


def test_figures_agree_with_scikit_learn():
    chances, labels = some_predictions()
    codes = np.arange(5)
    assert negative_log_likelihood(chances, labels) == pytest.approx(
        log_loss(labels, chances, labels=codes)
    )
    assert top_accuracy(chances, labels) == top_k_accuracy_score(labels, chances, k=2, labels=codes)
    assert balanced_accuracy(chances, labels) == pytest.approx(
        balanced_accuracy_score(labels, chances.argmax(axis=1))
    )


def test_balanced_accuracy_leaves_out_classes_that_are_not_there():
    chances = np.eye(3)[[0, 0, 2, 1]]
    assert balanced_accuracy(chances, np.array([0, 0, 0, 1])) == pytest.approx((2 / 3 + 1) / 2)


def test_brier_score_by_hand():
    chances = np.array([[0.7, 0.2, 0.1], [0.0, 0.0, 1.0]])
    assert brier_score(chances, np.array([0, 2])) == pytest.approx((0.09 + 0.04 + 0.01) / 2)
    assert brier_score(np.eye(3)[[1]], np.array([0])) == 2


def test_a_label_ruled_out_costs_much_but_not_everything():
    found = negative_log_likelihood(np.array([[0.0, 1.0]]), np.array([0]))
    assert found == pytest.approx(-np.log(1e-12))


def test_top_two_of_equal_probabilities_are_the_first_two():
    chances = np.full((3, 3), 1 / 3)
    assert top_accuracy(chances, np.array([0, 1, 2])) == pytest.approx(2 / 3)


def test_reliability_by_hand():
    chances = np.array([[0.95, 0.05], [0.97, 0.03], [0.4, 0.6], [0.39, 0.61]])
    table = reliability(chances, np.array([0, 1, 1, 0]))
    assert table["n"].to_list() == [1, 1, 2]  # 0.6 closes the bin from 8/15
    assert table["confidence"].to_list() == pytest.approx([0.6, 0.61, 0.96])
    assert table["accuracy"].to_list() == [1, 0, 0.5]
    assert table["low"].to_list() == pytest.approx([8 / 15, 9 / 15, 14 / 15])
    assert table["high"].to_list() == pytest.approx([9 / 15, 10 / 15, 1])
    expected = (0.4 + 0.61 + 2 * 0.46) / 4
    found = expected_calibration_error(chances, np.array([0, 1, 1, 0]))
    assert found == pytest.approx(expected)


def test_probabilities_that_come_true_are_calibrated():
    rng = np.random.default_rng(0)
    chances = rng.dirichlet(np.ones(3), 100_000)
    labels = (chances.cumsum(axis=1) < rng.random((len(chances), 1))).sum(axis=1)
    assert expected_calibration_error(chances, labels) < 0.01
    always_right = expected_calibration_error(chances, chances.argmax(axis=1))
    assert always_right == pytest.approx(1 - chances.max(axis=1).mean())


@given(arrays(float, (20, 4), elements=st.floats(0.001, 1)), st.integers(0, 99))
def test_the_bins_hold_every_image(weights, seed):
    chances = weights / weights.sum(axis=1, keepdims=True)
    labels = np.random.default_rng(seed).integers(0, 4, 20)
    table = reliability(chances, labels)
    assert table["n"].sum() == 20
    assert np.average(table["accuracy"], weights=table["n"]) == pytest.approx(
        accuracy(chances, labels)
    )
    inside = table["confidence"].between(table["low"] - 1e-9, table["high"] + 1e-9)
    assert inside.all()


def test_divergence_to_votes_by_hand():
    chances = np.array([[0.5, 0.5, 0.0], [0.1, 0.1, 0.8], [0.2, 0.3, 0.5]])
    votes = np.array([[5, 5, 0], [0, 0, 0], [0, 0, 10]])
    assert votes_divergence(chances, votes) == pytest.approx((0 + np.log(2)) / 2)


def test_the_summary_tells_of_votes_only_where_there_are_any():
    chances, labels = some_predictions(30)
    figures = summary(chances, labels)
    assert list(figures) == [
        *("n", "accuracy", "balanced_accuracy", "macro_f1", "top2", "nll", "brier", "ece"),
    ]
    assert figures["n"] == 30
    assert summary(chances, labels, np.zeros((30, 5))) == figures
    assert "votes_divergence" in summary(chances, labels, np.ones((30, 5)))
