import math
from itertools import count, pairwise

import numpy as np
import pandas as pd
import pytest

from facexpr import tables
from facexpr.errors import UserError
from facexpr.tables import (
    INDEX_COLUMNS,
    TableWriter,
    check_same_keys,
    join,
    read_index,
    read_table,
    stream_table,
    write_table,
)

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


COLUMNS = ["key", "label", "x1", "score", "faces"]
ODD_ROWS = [
    ("train-0000000", "happy", 0.1, 1.0, 1),
    ("train-0000001", 'says "so", twice', 1e-7, 1 / 3, 0),
    ("train-0000002", "", None, None, 2),
    ("train-0000003", "two\nlines", math.nan, 12345678.9, 3),
    ("train-0000004", "007", -3.25, 0.0, 10),
    ("train-0000005", "1e3", None, None, 0),
    ("train-0000006", "é, ß", None, np.float32(0.5), 0),
    ("train-0000007", "NA", 48.0, None, 0),
]


@pytest.mark.parametrize("cuts", [[], [3], [2, 3, 3, 6], range(1, 8), [0, 8]])
def test_parts_give_the_bytes_of_the_whole(tmp_path, cuts):
    whole, parts = tmp_path / "whole.csv", tmp_path / "parts.csv"
    write_table(whole, pd.DataFrame(ODD_ROWS, columns=COLUMNS))
    with TableWriter(parts, COLUMNS) as table:
        for start, end in zip([0, *cuts], [*cuts, len(ODD_ROWS)], strict=True):
            table.write(pd.DataFrame(ODD_ROWS[start:end], columns=COLUMNS))
    assert parts.read_bytes() == whole.read_bytes()


def test_a_table_without_rows_has_its_header(tmp_path):
    with TableWriter(tmp_path / "a.csv", INDEX_COLUMNS):
        pass
    write_table(tmp_path / "b.csv", make_index([]))
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert len(read_index(tmp_path / "a.csv")) == 0


def test_columns_are_written_in_the_order_of_the_header(tmp_path):
    with TableWriter(tmp_path / "a.csv", ["key", "row"]) as table:
        table.write(pd.DataFrame({"row": [3], "more": [0], "key": ["val-0000003"]}))
    assert (tmp_path / "a.csv").read_bytes() == b"key,row\nval-0000003,3\n"


def make_keys(*rows, split="train"):
    return [f"{split}-{row:07d}" for row in rows]


def write_keys(path, keys):
    rows = [(key, key.partition("-")[0], "0", n, "", "", "") for n, key in enumerate(keys)]
    write_table(path, make_index(rows))
    return path


@pytest.mark.parametrize("rows", [1, 3, 100])
def test_a_table_is_read_in_parts_as_it_is_read_at_once(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(tables, "PART_ROWS", rows)
    path = tmp_path / "index.csv"
    table = make_index(
        [(f"train-{n:07d}", "train", label, n, "", "", "0 7") for n, label in enumerate("0N1e")]
    )
    table.loc[2, "subject"] = "007"
    write_table(path, table)
    parts = list(stream_table(path, INDEX_COLUMNS))
    assert [len(part) for part in parts] == {1: [1] * 4, 3: [3, 1], 100: [4]}[rows]
    pd.testing.assert_frame_equal(pd.concat(parts), read_index(path))


def test_splits_may_be_interleaved_while_each_ascends(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "PART_ROWS", 2)
    keys = [*make_keys(5), *make_keys(1, split="val"), *make_keys(7), *make_keys(2, split="val")]
    parts = stream_table(write_keys(tmp_path / "index.csv", keys), INDEX_COLUMNS)
    assert [key for part in parts for key in part["key"]] == keys


@pytest.mark.parametrize("part_rows", [1, 2, 100])
@pytest.mark.parametrize("rows", [(0, 1, 1), (0, 5, 3), (2, 1, 3)])
def test_keys_that_do_not_ascend_are_told(tmp_path, monkeypatch, rows, part_rows):
    monkeypatch.setattr(tables, "PART_ROWS", part_rows)
    path = write_keys(tmp_path / "index.csv", make_keys(*rows))
    bad = next(after for before, after in pairwise(rows) if after <= before)
    with pytest.raises(UserError) as caught:
        list(stream_table(path, INDEX_COLUMNS))
    assert str(caught.value) == f"{path}: key train-{bad:07d} stands twice, or not in its place"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "not found; run 'dvc repro' or 'dvc checkout'"),
        (b"", "not readable as CSV: No columns to parse from file"),
        (b"key,split\n", "columns missing: label, row, origin, subject, votes"),
        (b"key,split\na,b\n", "columns missing: label, row, origin, subject, votes"),
        (b"key\n1,2\n3,4,5,6\n", "not readable as CSV: "),
        (b"key\n\xff\xfe\n", "not readable as CSV: "),
    ],
)
def test_what_is_wrong_with_a_table_is_told_as_when_it_is_read_at_once(tmp_path, content, text):
    path = tmp_path / "index.csv"
    if content is not None:
        path.write_bytes(content)
    for read in (read_index, lambda path: list(stream_table(path, INDEX_COLUMNS))):
        with pytest.raises(UserError) as caught:
            read(path)
        assert str(caught.value).startswith(f"{path}: {text}")
        assert "\n" not in str(caught.value)


def joined(keys, rows):
    return join(keys, str.upper, rows, "data/faces.csv", "detect")


def test_join_gives_each_sample_its_row_and_passes_over_the_others():
    rows = list(zip("ABCDE", count(), strict=False))
    assert list(joined("abcde", rows)) == list(zip("abcde", count(), strict=False))
    assert list(joined("bd", iter(rows))) == [("b", 1), ("d", 3)]
    assert list(joined("", rows)) == []


def test_join_takes_no_more_rows_than_it_needs():
    rows = ((letter, None) for letter in "ABCDE")
    assert [key for key, _ in joined("ac", rows)] == ["a", "c"]
    assert next(rows)[0] == "D"


@pytest.mark.parametrize(("keys", "rows"), [("abc", "AB"), ("axc", "ABC"), ("a", ""), ("ba", "AB")])
def test_join_tells_the_key_that_a_table_lacks(keys, rows):
    lacking = {"abc": "C", "axc": "X", "a": "A", "ba": "A"}[keys]
    with pytest.raises(UserError) as caught:
        list(joined(keys, [(key, None) for key in rows]))
    assert str(caught.value) == f"data/faces.csv: lacks {lacking}; run 'dvc repro detect'"
