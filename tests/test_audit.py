import numpy as np
import pandas as pd
import pytest

from facexpr.audit import (
    count_classes,
    count_findings,
    count_votes,
    find_copies,
    find_near_copies,
    find_suspects,
    keys_with_copy_in,
    near_candidates,
    worst_conflicts,
    worst_near,
)
from facexpr.errors import UserError

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


def groups_of(table):
    """Rows by group, and that the groups are numbered in order."""
    assert list(table) == ["group", "key", "split", "label", "row"]
    return table.groupby("group")["row"].apply(list).to_list()


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


def test_near_candidates_are_one_of_each_picture_that_is_not_constant():
    """Row 5 repeats 2, row 6 repeats 3, row 4 repeats 1; 2 and 4 are constant."""
    table = make_table()
    assert near_candidates(table, constant_range=9).tolist() == [0, 1, 3, 7]
    assert near_candidates(table, constant_range=-1).tolist() == [0, 1, 2, 3, 7]


def test_near_groups_hold_the_copies_of_their_members_too():
    """a is near e, and b near c: with their copies two groups; d has an equal one alone."""
    near = find_near_copies(make_table(), np.array([(0, 7), (1, 2)]))
    assert groups_of(near) == [[0, 7], [1, 2, 4, 5], [3, 6]]


def test_near_groups_are_linked_by_what_is_between():
    near = find_near_copies(make_table(), np.array([(0, 3), (3, 7)]))
    assert groups_of(near) == [[0, 3, 6, 7], [1, 4], [2, 5]]


def test_without_pairs_near_groups_are_the_copies():
    table = make_table()
    near = find_near_copies(table, np.empty((0, 2), int))
    pd.testing.assert_frame_equal(near, find_copies(table))


def test_suspects_are_named_with_the_first_reason_that_holds():
    table = make_table().assign(
        flat_rows=[0, 0.125, 0, 0.12, 1, 0, 0, 0], flat_pixels=[0.1, 0.9, 0.9, 0.1, 1, 0.4, 0.5, 0]
    )
    suspects = find_suspects(table.sample(frac=1, random_state=1), 8, 0.125, 0.5)
    assert list(suspects) == ["key", "split", "label", "row", "reason"]
    assert suspects[["row", "reason"]].to_numpy().tolist() == [
        [1, "broken"],
        [2, "blank"],
        [4, "constant"],
        [6, "blank"],
    ]


def test_classes_are_counted_by_split_in_the_order_of_the_labels():
    classes = count_classes(make_table(), ["sad", "contempt", "happy", "fear"])
    assert list(classes) == ["label", "train", "val", "test"]
    assert classes.to_numpy().tolist() == [
        ["sad", 2, 0, 2],
        ["contempt", 0, 0, 0],
        ["happy", 2, 0, 0],
        ["fear", 0, 1, 1],
    ]


def test_votes_agree_are_tied_or_stand_against_the_label():
    """Train, sad: 6 of 10 agree, 5 to 5 is tied, 1 of 10 is against; the fourth has no votes."""
    votes = ["6 4", "5 5", "1 9", "0 0", "10 0", ""]
    table = pd.DataFrame({"key": list("abcdef"), "votes": votes})
    table["split"] = ["train"] * 4 + ["test", "val"]
    table["label"] = ["sad"] * 4 + ["happy", "sad"]
    found = count_votes(table, ["sad", "happy"])
    assert list(found) == ["split", "label", "n", "agree", "tied", "share"]
    assert found.to_numpy().tolist() == [
        ["train", "sad", 3, 0.3333, 0.3333, 0.4],
        ["test", "happy", 1, 0, 0, 0],
    ]


def test_votes_for_two_other_labels_are_a_tie_too():
    table = pd.DataFrame({"key": ["a"], "split": ["val"], "label": ["x"], "votes": ["2 4 4"]})
    found = count_votes(table, ["x", "y", "z"])
    assert found.to_numpy().tolist() == [["val", "x", 1, 0, 1, 0.2]]


@pytest.mark.parametrize("votes", ["", "0 0"])
def test_no_votes_make_an_empty_table(votes):
    table = make_table().assign(votes=votes)
    assert len(count_votes(table, ["sad", "happy", "fear"])) == 0


@pytest.mark.parametrize(("votes", "labels"), [("1 2 3", ["sad", "fear"]), ("1 2", ["x", "y"])])
def test_votes_that_do_not_fit_the_labels(votes, labels):
    table = pd.DataFrame({"key": ["k"], "split": ["val"], "label": ["sad"], "votes": [votes]})
    with pytest.raises(UserError, match=r"^k: label 'sad', . votes; expected one vote for each"):
        count_votes(table, labels)


def test_findings_are_counted():
    table = make_table()
    near = find_near_copies(table, np.array([(0, 7)]))
    assert count_findings(table, find_copies(table), near, table.head(2)) == {
        "train": 4,
        "val": 1,
        "test": 3,
        "suspects": 2,
        "copy_groups": 3,
        "near_groups": 4,
        "groups_across_splits": 3,
        "conflicting_groups": 2,
    }


def test_a_table_without_copies():
    table = make_table().drop_duplicates("hash")
    copies = find_copies(table)
    assert len(copies) == 0
    findings = count_findings(table, copies, copies, copies)
    assert list(findings.values()) == [2, 1, 2, 0, 0, 0, 0, 0]
    assert keys_with_copy_in(copies, "test", ["train"]) == set()
    assert len(worst_conflicts(copies, 64, 4)) == len(worst_near(copies, copies, 64, 4)) == 0


def make_groups(*groups):
    """A table of groups of members such as "train sad"."""
    rows = [(group, *one.split()) for group, members in enumerate(groups) for one in members]
    table = pd.DataFrame(rows, columns=["group", "split", "label"])
    return table.assign(key=[f"k{row}" for row in range(len(rows))], row=range(len(rows)))


def test_worst_conflicts_have_most_labels_then_most_members():
    near = make_groups(
        ["train sad", "train sad"],  # 0, 1: no conflict
        ["train sad", "test fear"],  # 2, 3
        ["train sad", "train sad", "val happy"],  # 4, 5, 6
        ["train sad", "train fear", "train happy"],  # 7, 8, 9
    )
    shown = worst_conflicts(near, tiles=64, tiles_of_group=2)
    assert shown["row"].to_list() == [7, 8, 4, 6, 2, 3]
    assert list(shown) == list(near)
    assert worst_conflicts(near, tiles=3, tiles_of_group=4)["row"].to_list() == [7, 8, 9]


def test_worst_near_groups_stand_across_splits_and_show_different_pictures():
    near = make_groups(
        ["train sad", "test sad"],  # 0, 1: equal, so not shown
        ["train sad", "train sad"],  # 2, 3
        ["train sad", "train sad", "train sad", "val sad"],  # 4 to 7, of which 4 and 5 are equal
    )
    copies = near.iloc[[0, 1, 4, 5]].assign(group=[0, 0, 1, 1])
    assert worst_near(near, copies, 64, 4)["row"].to_list() == [4, 7, 6, 2, 3]
    assert worst_near(near, copies, 64, 2)["row"].to_list() == [4, 7, 2, 3]
    assert worst_near(near, copies, 3, 2)["row"].to_list() == [4, 7, 2]


def test_only_copies_in_fitted_splits_make_a_test_key_known():
    copies = find_copies(make_table())
    assert keys_with_copy_in(copies, "test", ["train"]) == {"test-0000001"}
    assert keys_with_copy_in(copies, "test", ("train", "val")) == {"test-0000001", "test-0000006"}
    assert keys_with_copy_in(copies, "val", iter(["train"])) == set()


def test_a_near_copy_makes_a_test_key_known_too():
    near = find_near_copies(make_table(), np.array([(0, 7)]))
    assert keys_with_copy_in(near, "test", ["train"]) == {"test-0000001", "test-0000007"}
