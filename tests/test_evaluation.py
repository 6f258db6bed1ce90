import json

import numpy as np
import pandas as pd
import pytest

from facexpr.evaluation import (
    by_face,
    describe,
    headline,
    predict_views,
    prediction_table,
    surest_errors,
    without_copies,
)

NAMES = ["happy", "sad", "fear"]
LABELS = np.array([0, 0, 1, 1, 2, 2])
CHANCES = np.array(
    [
        [0.8, 0.1, 0.1],
        [0.3, 0.4, 0.3],
        [0.1, 0.8, 0.1],
        [0.9, 0.05, 0.05],
        [0.2, 0.2, 0.6],
        [0.0, 0.6, 0.4],
    ]
)


def test_all_figures_and_json_takes_them():
    figures = describe({1: CHANCES, 2: CHANCES[:, ::-1]}, 1, LABELS, NAMES, temperature=2.0)
    assert json.loads(json.dumps(figures)) == figures
    assert figures["n"] == 6
    assert figures["views"] == 1
    assert figures["accuracy"] == 0.5
    assert figures["low"] < 0.5 < figures["high"]
    assert figures["confusion"] == [[1, 1, 0], [1, 1, 0], [0, 1, 1]]
    assert [one["label"] for one in figures["classes"]] == NAMES
    assert [one["recall"] for one in figures["classes"]] == [0.5, 0.5, 0.5]
    assert figures["by_views"]["1"]["accuracy"] == 0.5
    # Of the mirrored classes only the sad image 2 is still right.
    assert figures["by_views"]["2"]["accuracy"] == pytest.approx(1 / 6, abs=1e-6)
    assert figures["temperature"] == 2.0
    assert figures["calibrated"]["nll"] != figures["nll"]
    assert figures["groups"] == {}


def test_parts_are_summed_up_by_themselves_and_empty_ones_left_out():
    groups = {"first": LABELS == 0, "none": LABELS == 7}
    figures = describe({1: CHANCES}, 1, LABELS, NAMES, groups=groups)
    assert set(figures["groups"]) == {"first"}
    assert figures["groups"]["first"]["n"] == 2
    assert figures["groups"]["first"]["accuracy"] == 0.5


def test_votes_are_told_of_everywhere():
    votes = np.eye(3)[LABELS] * 10
    figures = describe({1: CHANCES}, 1, LABELS, NAMES, votes=votes, groups={"a": LABELS < 2})
    assert figures["votes_divergence"] == pytest.approx(figures["nll"], abs=1e-6)
    assert "votes_divergence" in figures["groups"]["a"]
    assert "votes_divergence" in figures["by_views"]["1"]


def test_the_headline_has_eight_figures_at_most():
    groups = {"without_copies": LABELS < 2, "face_found": LABELS < 1}
    figures = describe({1: CHANCES}, 1, LABELS, NAMES, groups=groups, temperature=1.5)
    found = headline(figures)
    assert list(found) == [
        *("n", "accuracy", "low", "high", "macro_f1", "ece"),
        *("ece_calibrated", "accuracy_without_copies"),
    ]
    assert found["accuracy_without_copies"] == figures["groups"]["without_copies"]["accuracy"]
    bare = headline(describe({1: CHANCES}, 1, LABELS, NAMES))
    assert len(bare) == 6  # neither a temperature nor a part without copies


def test_the_interval_depends_on_the_seed_alone():
    first, again, other = (
        describe({1: CHANCES}, 1, LABELS, NAMES, seed=seed, draws=500) for seed in (0, 0, 1)
    )
    assert first == again
    assert {**first, "low": 0, "high": 0} == {**other, "low": 0, "high": 0}


def test_images_with_a_copy_in_what_was_fitted_are_left_out():
    copies = pd.DataFrame(
        [
            (0, "test-1", "test"),
            (0, "train-9", "train"),
            (1, "test-2", "test"),
            (1, "val-8", "val"),
        ],
        columns=["group", "key", "split"],
    )
    keys = ["test-1", "test-2", "test-3"]
    groups = without_copies(keys, "test", ["train"], {"copies": copies, "near": copies[:0]})
    assert groups["without_copies"].tolist() == [False, True, True]
    assert groups["without_near"].tolist() == [True, True, True]
    both = without_copies(keys, "test", ["train", "val"], {"copies": copies})
    assert both["without_copies"].tolist() == [False, False, True]


def test_images_by_whether_their_face_was_found():
    groups = by_face(["a", "b"], {"a": True, "b": False, "other": True})
    assert groups["face_found"].tolist() == [True, False]
    assert groups["no_face"].tolist() == [False, True]


def test_each_number_of_views_is_predicted():
    faces = np.random.default_rng(0).integers(0, 256, (4, 8, 8), np.uint8)

    def left_brightness(images):
        left = images[:, :, :4].mean(axis=(1, 2)) / 256
        return np.stack([left, 1 - left], axis=1)

    found = predict_views(left_brightness, faces, (1, 2), 0.9, 0)
    assert list(found) == [1, 2]
    np.testing.assert_array_equal(found[1], left_brightness(faces))
    assert not np.allclose(found[1], found[2])


def test_the_table_of_predictions():
    table = prediction_table(list("abcdef"), LABELS, CHANCES, NAMES)
    assert list(table) == ["key", "label", "predicted", *NAMES]
    assert table["predicted"].to_list() == ["happy", "sad", "sad", "happy", "fear", "sad"]
    assert table["happy"].to_list() == CHANCES[:, 0].tolist()


def test_errors_come_surest_first():
    assert surest_errors(LABELS, CHANCES).tolist() == [3, 5, 1]
    assert surest_errors(LABELS[:1], CHANCES[:1]).tolist() == []
