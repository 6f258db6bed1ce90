"""Scoring and the table of benchmarks/peers.py; no environment is made here."""

import math
import sys

import numpy as np
import pytest
from closure import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))

from peer import LABELS, WAYS, Way, measure
from peer_table import COLUMNS, render, row, score

from facexpr.labels import FER2013

TRUTH = ["happy", "sad", "happy", "fear"]
DETECTOR = Way("fer", "default", load=lambda _model: None, detects=True)
DIRECT = Way("fer", "network", load=lambda _model: None, batch=256)
RESULT = {"rate": 2000.0, "memory": 3 * 2**20}


def test_an_image_without_a_face_is_wrong_and_told():
    scored = score(["happy", None, None, "sad"], TRUTH)
    assert (scored.accuracy, scored.found, scored.among_found) == (1 / 4, 1 / 2, 1 / 2)
    assert scored.interval[0] <= 1 / 4 <= scored.interval[1]


def test_no_face_at_all_scores_zero():
    scored = score([None] * 4, TRUTH)
    assert (scored.accuracy, scored.interval, scored.found) == (0, (0, 0), 0)
    assert math.isnan(scored.among_found)


def test_predictions_must_be_as_many_as_labels():
    with pytest.raises(ValueError, match="argument 2 is longer"):
        score(["happy"], TRUTH)


def test_a_row_of_a_detector():
    cells = row(DETECTOR, score(["happy", None, "happy", "sad"], TRUTH), RESULT, 5 * 2**20)
    assert cells[:4] == ["fer", "default", "1", "50.0%"]
    assert cells[5:] == ["75.0%", "66.7%", "2,000", "0.50", "3 MiB", "5 MiB"]


def test_the_rate_of_a_way_that_found_nothing_is_not_shown():
    cells = row(DETECTOR, score([None] * 4, TRUTH), RESULT, 0)
    assert cells[3:9] == ["0.0%", "0.0% to 0.0%", "0.0%", "-", "-", "-"]


def test_a_network_fed_directly_finds_no_faces():
    cells = row(DIRECT, score(TRUTH, TRUTH), RESULT, 0)
    assert cells[2:9] == ["256", "100.0%", "100.0% to 100.0%", "-", "-", "2,000", "0.50"]


def test_every_line_of_the_table_has_the_columns():
    lines = render([row(DIRECT, score(TRUTH, TRUTH), RESULT, 0)]).splitlines()
    assert [line.count("|") for line in lines] == [len(COLUMNS) + 1] * 3


@pytest.mark.parametrize("batch", [1, 3])
def test_measure_predicts_every_image_once_in_order(batch):
    images = np.arange(40, dtype=np.uint8)[:, None, None]
    result = measure(lambda part: [str(image[0, 0]) for image in part], images, batch)
    assert result["labels"] == [str(number) for number in range(40)]
    assert result["rate"] > 0
    assert result["memory"] > 2**20


def test_the_labels_of_both_sides_are_spelled_alike():
    assert LABELS == FER2013
    assert {way.peer for way in WAYS.values()} == {"fer", "facexpr"}
