import pandas as pd
import pytest

from facexpr.errors import UserError
from facexpr.tables import INDEX_COLUMNS, check_same_keys, read_index, read_table, write_table

ROWS = [
    ("train-0000000", "train", "happy", 0, "fer2013.csv row 0", "S010", "0 7 3"),
    ("val-0000001", "val", "sad", 1, "a folder/with, a comma.png", "", ""),
]
NAMES = ("index.csv", "faces.csv")


def make_index(rows=ROWS):
    return pd.DataFrame(rows, columns=INDEX_COLUMNS)


def test_round_trip_and_equal_bytes(tmp_path):
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    write_table(first, make_index())
    write_table(second, make_index())
    assert first.read_bytes() == second.read_bytes()
    assert b"\r" not in first.read_bytes()
    assert list(read_index(first).itertuples(index=False, name=None)) == ROWS


@pytest.mark.parametrize("label", ["0", "007", "1e3", "NA", "None", "null", "nan", "True"])
def test_labels_stay_text_whatever_they_look_like(tmp_path, label):
    path = tmp_path / "index.csv"
    write_table(path, make_index([("train-0000000", "train", label, 0, "x", label, "")]))
    index = read_index(path)
    assert index["label"].to_list() == index["subject"].to_list() == [label]


@pytest.mark.parametrize("votes", ["", "7", "0 10 0"])
def test_votes_stay_text_and_nothing_stays_empty(tmp_path, votes):
    path = tmp_path / "index.csv"
    write_table(path, make_index([("train-0000000", "train", "a", 0, "x", "", votes)]))
    assert read_index(path)[["subject", "votes"]].to_numpy().tolist() == [["", votes]]


def test_empty_numbers_are_missing(tmp_path):
    path = tmp_path / "faces.csv"
    path.write_text("key,status,score\na,,\nb,face,0.5\n")
    table = read_table(path, ["key"])
    assert table["status"].to_list() == ["", "face"]
    assert table["score"].isna().to_list() == [True, False]


def test_rows_stay_numbers(tmp_path):
    path = tmp_path / "index.csv"
    write_table(path, make_index())
    assert read_index(path)["row"].to_list() == [0, 1]


def test_columns_that_nobody_asked_for_are_allowed(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("extra,key\n1,a\n")
    assert read_table(path, ["key"])["key"].to_list() == ["a"]


def test_missing_columns_are_all_named(tmp_path):
    path = tmp_path / "index.csv"
    write_table(path, make_index().drop(columns=["split", "row"]))
    with pytest.raises(UserError) as caught:
        read_index(path)
    assert str(caught.value) == f"{path}: columns missing: split, row"


def test_a_key_that_stands_twice_is_named(tmp_path):
    path = tmp_path / "index.csv"
    write_table(path, make_index([*ROWS, ROWS[1]]))
    with pytest.raises(UserError) as caught:
        read_index(path)
    assert str(caught.value) == f"{path}: key val-0000001 stands twice"


def test_a_missing_file_says_what_to_run(tmp_path):
    path = tmp_path / "index.csv"
    with pytest.raises(UserError) as caught:
        read_index(path)
    assert str(caught.value) == f"{path}: not found; run 'dvc repro' or 'dvc checkout'"


@pytest.mark.parametrize("content", [b"", b'key,split\n1,2,3,4\n5\n\x00,"', b"key\n\xff\xfe\n"])
def test_a_broken_file_is_told_in_one_line(tmp_path, content):
    path = tmp_path / "index.csv"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_index(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_equal_keys_in_any_order_pass():
    check_same_keys(["a", "b"], iter(["b", "a"]), NAMES)
    check_same_keys([], [], NAMES)


@pytest.mark.parametrize(
    ("left", "right", "text"),
    [
        ("ab", "abdc", "index.csv: lacks 2 keys of faces.csv, such as c"),
        ("abc", "ab", "faces.csv: lacks 1 keys of index.csv, such as c"),
    ],
)
def test_both_sides_are_checked(left, right, text):
    with pytest.raises(UserError) as caught:
        check_same_keys(left, right, NAMES)
    assert str(caught.value) == text
