import numpy as np
import pytest

from facexpr.errors import UserError
from facexpr.teacher import read_teacher

LABELS = ["happy", "sad"]
TABLE = "key,label,happy,sad\na,sad,0.25,0.75\nb,happy,1.0,0.0\nc,sad,0.5,0.5\n"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "teacher.csv"
    path.write_text(TABLE)
    return path


def test_probabilities_come_by_key_in_the_order_of_keys_and_labels(path):
    chances = read_teacher(path, ["c", "a"], LABELS)
    assert chances.dtype == np.float32
    np.testing.assert_array_equal(chances, [[0.5, 0.5], [0.25, 0.75]])
    np.testing.assert_array_equal(read_teacher(path, ["a"], LABELS[::-1]), [[0.75, 0.25]])


@pytest.mark.parametrize(
    ("old", "new", "keys", "message"),
    [
        ("", "", ["a", "x", "y"], "lacks 2 keys that are fitted, such as x"),
        ("0.75", "0.74", ["c", "a"], "key a: expected probabilities that add up to 1"),
        ("0.25,0.75", "-0.25,1.25", ["a"], "key a: expected probabilities that add up to 1"),
        ("0.25", "", ["a"], "key a: expected probabilities that add up to 1"),
        ("0.25", "much", ["a"], "not probabilities: could not convert string to float: 'much'"),
        ("label,happy", "label,glad", ["a"], "columns missing: happy"),
    ],
)
def test_what_is_wrong_is_told(path, old, new, keys, message):
    path.write_text(TABLE.replace(old, new))
    with pytest.raises(UserError) as caught:
        read_teacher(path, keys, LABELS)
    assert str(caught.value) == f"{path}: {message}"


def test_a_table_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UserError, match="not found"):
        read_teacher(tmp_path / "teacher.csv", ["a"], LABELS)
