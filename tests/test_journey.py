import numpy as np
import pandas as pd
import pytest

from facexpr.detectors import Face
from facexpr.journey import copies_of, mark, near_keys, seen, votes_of
from facexpr.mean import Mean
from facexpr.tables import write_table

BOX = np.array([-0.5, 9.5, 29.5, 39.5], np.float32)
EYES = np.array([(8, 20), (21, 19), *[(np.nan, np.nan)] * 3], np.float32)


def test_a_face_of_two_eyes_is_marked_like_one_of_two_dots():
    image = np.full((48, 60), 120, np.uint8)
    box_only, eyes = mark(image, Face(BOX, 0.9)), mark(image, Face(BOX, 0.9, EYES))
    assert eyes.shape == (384, 480, 3)  # eight times as large
    dots = (box_only != eyes).any(axis=2)
    rows, columns = np.nonzero(dots)
    for x, y in EYES[:2]:
        near = np.hypot(columns - 8 * x, rows - 8 * y) < 24
        assert near.sum() > 4
        rows, columns = rows[~near], columns[~near]
    assert rows.size == 0


@pytest.mark.parametrize("face", [None, Face(BOX, 0.9), Face(BOX, 0.9, EYES)])
def test_marking_leaves_the_picture_itself_alone(face):
    image = np.full((700, 500, 3), 120, np.uint8)
    assert mark(image, face).shape == image.shape
    assert (image == 120).all()


def test_near_keys_are_those_of_the_same_row():
    keys = pd.Index(["train-0000012", "val-0000112", "test-0000013"])
    assert near_keys("test-0000012", keys) == ["train-0000012"]
    assert near_keys("test-0000099", keys) == []


def test_what_the_network_sees_is_grey_where_the_face_is_as_the_mean():
    aligned = np.array([[10, 20, 30], [40, 50, 60]], np.uint8)
    mean = Mean(np.array([[10.0, 10, 30], [40, 50, 90]]), 10.0, 35.0, 4)
    np.testing.assert_array_equal(seen(aligned, mean, "unit"), aligned)
    expected = [[128, 170, 128], [128, 128, 1]]  # a spread is 127 / 3 grey levels
    np.testing.assert_array_equal(seen(aligned, mean, "mean_image"), expected)
    assert seen(aligned, mean, "mean_scalar")[1, 0] == 149  # half a spread


def test_votes_are_told_by_label_without_those_that_nobody_gave():
    assert votes_of("0 7 0 3", ["a", "b", "c", "d"]) == ["votes: b 7, d 3"]
    assert votes_of("", ["a", "b"]) == []


def write_groups(path, **groups):
    """A table of audit: groups of keys, all with the label "sad"."""
    rows = [
        (number, key, "sad") for number, keys in enumerate(groups.values()) for key in keys.split()
    ]
    write_table(path, pd.DataFrame(rows, columns=["group", "key", "label"]))


def test_equal_images_are_not_told_again_as_nearly_equal(tmp_path):
    write_groups(tmp_path / "copies.csv", first="a b")
    assert copies_of("a", tmp_path) == ["equal images: b (sad)"]  # of an audit without near.csv
    write_groups(tmp_path / "near.csv", first="a b c", second="d e")
    assert copies_of("a", tmp_path) == ["equal images: b (sad)", "nearly equal images: c (sad)"]
    assert copies_of("c", tmp_path) == [
        "no equal image",
        "nearly equal images: a (sad), b (sad)",
    ]
    assert copies_of("f", tmp_path) == ["no equal image", "no nearly equal image"]


def test_copies_are_not_spoken_of_before_audit_has_run(tmp_path):
    assert copies_of("a", tmp_path / "audit") == []
