import numpy as np
import pandas as pd

from facexpr.audit import (
    count_findings,
    describe_images,
    find_copies,
    keys_with_copy_in,
)

# Images by letter: b stands in train and test, c twice in train with two labels, d in val and test.
ROWS = [
    ("train-0000000", "a", "train", "happy"),
    ("test-0000001", "b", "test", "sad"),
    ("train-0000002", "c", "train", "sad"),
    ("val-0000003", "d", "val", "fear"),
    ("train-0000004", "b", "train", "sad"),
    ("train-0000005", "c", "train", "happy"),
    ("test-0000006", "d", "test", "fear"),
    ("test-0000007", "e", "test", "sad"),
]


def make_table():
    table = pd.DataFrame(ROWS, columns=["key", "hash", "split", "label"])
    return table.assign(row=range(len(ROWS)), range=[255, 255, 9, 255, 0, 9, 10, 255])


def test_images_are_described_by_hash_and_range():
    wide = np.array([[5, 5, 9], [7, 255, 6]], np.uint8)
    flat = np.full((2, 3), 40, np.uint8)
    table = describe_images([("k", wide), ("l", flat), ("m", wide.copy())])
    assert list(table) == ["key", "hash", "range"]
    assert table["range"].to_list() == [250, 0, 250]
    assert table["hash"][0] == table["hash"][2] != table["hash"][1]


def test_copies_come_in_groups_numbered_by_their_first_row():
    copies = find_copies(make_table())
    assert list(copies) == ["group", "key", "split", "label", "row"]
    assert copies[["group", "row"]].to_numpy().tolist() == [
        [0, 1],
        [0, 4],
        [1, 2],
        [1, 5],
        [2, 3],
        [2, 6],
    ]


def test_the_order_of_the_table_does_not_matter():
    shuffled = make_table().sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(find_copies(shuffled), find_copies(make_table()))


def test_findings_are_counted():
    table = make_table()
    assert count_findings(table, find_copies(table), constant_range=9) == {
        "train": 4,
        "val": 1,
        "test": 3,
        "constant": 3,
        "copies": 6,
        "copy_groups": 3,
        "groups_across_splits": 2,
        "conflicting_groups": 1,
    }


def test_a_table_without_copies():
    table = make_table().drop_duplicates("hash")
    copies = find_copies(table)
    assert len(copies) == 0
    findings = count_findings(table, copies, constant_range=0)
    assert (findings["copies"], findings["copy_groups"], findings["conflicting_groups"]) == (0,) * 3
    assert keys_with_copy_in(copies, "test", ["train"]) == set()


def test_only_copies_in_fitted_splits_make_a_test_key_known():
    copies = find_copies(make_table())
    assert keys_with_copy_in(copies, "test", ["train"]) == {"test-0000001"}
    assert keys_with_copy_in(copies, "test", ("train", "val")) == {"test-0000001", "test-0000006"}
    assert keys_with_copy_in(copies, "val", iter(["train"])) == set()
