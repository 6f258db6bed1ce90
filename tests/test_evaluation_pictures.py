import cv2
import numpy as np
import pandas as pd
import pytest

from facexpr.evaluation import describe
from facexpr.evaluation_pictures import (
    draw_classes,
    draw_confusion,
    draw_reliability,
    error_sheet,
)

NAMES = ["happy", "sad", "fear"]
LABELS = np.array([0, 0, 1, 1, 2])
CHANCES = np.array([[0.8, 0.1, 0.1], [0.3, 0.4, 0.3], [0.1, 0.8, 0.1], [0.9, 0.1, 0], [0, 0, 1]])
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 20, 20), np.uint8)
NO_VOTES = np.zeros((5, 3))


@pytest.fixture
def figures():
    return describe({1: CHANCES}, 1, LABELS, NAMES)


def test_the_confusion_has_a_row_an_image(figures, tmp_path):
    draw_confusion(tmp_path, figures, "test, n = 5")
    table = pd.read_csv(tmp_path / "confusion.csv")
    found = sorted(map(tuple, table[["actual", "predicted"]].to_numpy()))
    predicted = [NAMES[code] for code in CHANCES.argmax(axis=1)]
    assert found == sorted(zip([NAMES[code] for code in LABELS], predicted, strict=True))
    assert cv2.imread(str(tmp_path / "confusion.png")) is not None


def test_the_classes_as_picture_and_table(figures, tmp_path):
    draw_classes(tmp_path, figures)
    table = pd.read_csv(tmp_path / "classes.csv")
    assert table["label"].to_list() == NAMES
    assert table["support"].to_list() == [2, 2, 1]
    assert cv2.imread(str(tmp_path / "classes.png")) is not None


def test_reliability_before_and_after(tmp_path):
    for temperature in (None, 1.7):
        draw_reliability(tmp_path, CHANCES, LABELS, temperature, "test")
        table = pd.read_csv(tmp_path / "reliability.csv")
        assert table["n"].sum() == 5
        picture = (tmp_path / "reliability.png").read_bytes()
        assert cv2.imread(str(tmp_path / "reliability.png")) is not None
    draw_reliability(tmp_path, CHANCES, LABELS, None, "test")
    assert (tmp_path / "reliability.png").read_bytes() != picture


def test_the_sheet_shows_the_errors_alone():
    sheet = error_sheet(IMAGES, LABELS, NO_VOTES, CHANCES, NAMES, "test")
    assert sheet.dtype == np.uint8
    assert sheet.shape[2] == 3
    right = error_sheet(IMAGES[:1], LABELS[:1], NO_VOTES[:1], CHANCES[:1], NAMES, "test")
    assert right.shape[0] < sheet.shape[0]


def test_votes_make_the_captions_longer():
    with_votes = error_sheet(IMAGES, LABELS, np.eye(3)[LABELS] * 10, CHANCES, NAMES, "test")
    without = error_sheet(IMAGES, LABELS, NO_VOTES, CHANCES, NAMES, "test")
    assert with_votes.shape[0] > without.shape[0]
