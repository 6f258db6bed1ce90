from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facexpr.errors import UserError
from facexpr.splits import divide, find_leaks

COUNTS = {"happy": 40, "sad": 20, "disgust": 3}
TOO_FEW = "add some, or leave the label out with data.relabel"


def make(rows, **columns):
    """A table of (split, label) pairs, each of which may stand for several with a count."""
    table = pd.DataFrame(rows, columns=["split", "label"])
    return table.assign(**({"subject": "", "part": ""} | columns))


def make_train(counts=COUNTS, **columns):
    return make([("train", label) for label, n in counts.items() for _ in range(n)], **columns)


def with_split(table, *splits):
    """The table with one more sample in each of these splits."""
    more = make([(split, table["label"].iloc[0]) for split in splits])
    return pd.concat([table, more], ignore_index=True)


def run(table, val_fraction=0.1, test_fraction=0.1, seed=0):
    return table.assign(split=divide(table, val_fraction, test_fraction, seed))


def counts_of(table, split, column="label"):
    return Counter(table.loc[table["split"] == split, column])


def error_of(table):
    with pytest.raises(UserError) as caught:
        run(table)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ------------------------------------------------------------------------- samples


def test_each_label_gives_its_share_and_at_least_one():
    divided = run(with_split(make_train(), "test"))
    assert counts_of(divided, "val") == {"happy": 4, "sad": 2, "disgust": 1}
    assert counts_of(divided, "test") == {"happy": 1}


def test_test_comes_first_and_val_from_what_remains():
    divided = run(make_train(), val_fraction=0.5, test_fraction=0.25)
    assert counts_of(divided, "test") == {"happy": 10, "sad": 5, "disgust": 1}
    assert counts_of(divided, "val") == {"happy": 15, "sad": 8, "disgust": 1}
    assert counts_of(divided, "train") == {"happy": 15, "sad": 7, "disgust": 1}


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers(3, 12), min_size=1),
    st.floats(0.01, 0.5),
    st.floats(0.01, 0.5),
    st.integers(0, 2**32 - 1),
)
def test_every_label_is_in_every_split(counts, val_fraction, test_fraction, seed):
    divided = run(make_train(counts), val_fraction, test_fraction, seed)
    for split in ("train", "val", "test"):
        assert set(counts_of(divided, split)) == set(counts)
    assert divided["label"].to_list() == make_train(counts)["label"].to_list()


def test_the_seed_decides_and_nothing_else():
    first = run(make_train(), seed=1)
    assert run(make_train(), seed=1).equals(first)
    assert not run(make_train(), seed=2).equals(first)
    with_test = run(with_split(make_train(), "test"), seed=1)
    assert counts_of(with_test, "val") == {"happy": 4, "sad": 2, "disgust": 1}


@pytest.mark.parametrize("there", [("val", "test"), ("test", "val", "test")])
def test_splits_that_are_there_are_left_alone(there):
    table = with_split(make_train(), *there)
    assert run(table).equals(table)


@pytest.mark.parametrize(("there", "missing"), [("val", "test"), ("test", "val")])
def test_only_train_gives_to_a_missing_split(there, missing):
    table = with_split(make_train(), there, there)
    divided = run(table)
    moved = table["split"] != divided["split"]
    assert set(table["split"][moved]) == {"train"}
    assert set(divided["split"][moved]) == {missing}
    assert counts_of(divided, there) == {"happy": 2}


def test_train_must_be_there():
    message = error_of(make([("test", "a"), ("val", "a")]))
    assert message == "no sample in split 'train'; expected train, val, test"


@pytest.mark.parametrize(
    ("count", "there", "missing"), [(2, [], "test and val"), (1, ["test"], "val")]
)
def test_a_label_of_too_few_samples(count, there, missing):
    table = with_split(make_train({"happy": 9, "disgust": count}), *there)
    assert error_of(table) == (
        f"label 'disgust': too few samples in train to carve {missing} from; {TOO_FEW}"
    )


def test_three_samples_are_enough_whatever_the_fractions():
    divided = run(make_train({"happy": 3}), 0.5, 0.5)
    assert counts_of(divided, "test") == counts_of(divided, "val") == {"happy": 1}


# ------------------------------------------------------------------------- parts


def test_each_part_is_divided_as_if_it_were_alone():
    alone = make_train({"happy": 30, "sad": 10}, part="one")
    complete = with_split(make_train({"happy": 8}), "val", "test").assign(part="two")
    lacking = with_split(make_train({"angry": 20}), "test").assign(part="three")
    table = pd.concat([alone, complete, lacking], ignore_index=True)
    divided = run(table)
    assert divided["split"].to_list() == [
        *run(alone)["split"],
        *complete["split"],
        *run(lacking)["split"],
    ]
    assert counts_of(divided[divided["part"] == "one"], "test") == {"happy": 3, "sad": 1}
    assert counts_of(divided[divided["part"] == "three"], "val") == {"angry": 2}


def test_a_part_without_train_has_nothing_to_give():
    table = pd.concat(
        [make_train(part="a"), make([("test", "happy")], part="b")], ignore_index=True
    )
    assert run(table).iloc[-1].to_list() == ["test", "happy", "", "b"]


def test_a_label_too_rare_in_a_part_names_the_part():
    parts = [make_train({"sad": 9}, part="a"), make_train({"sad": 1}, part="b")]
    message = error_of(pd.concat(parts, ignore_index=True))
    assert message.startswith("b: label 'sad': too few samples in train to carve test and val")


# ------------------------------------------------------------------------- subjects


def people(count, seed=0):
    """Persons with some of eight labels, three frames each, as CK+ has them."""
    rng = np.random.default_rng(seed)
    shown = [("happy", 0.6), ("surprise", 0.7), ("sad", 0.25), ("contempt", 0.15)]
    rows = [
        (f"S{person:03d}", label)
        for person in range(count)
        for label, share in shown
        if rng.random() < share
        for label in ["neutral", label, label]
    ]
    table = pd.DataFrame(rows, columns=["subject", "label"])
    return table.assign(split="train", part="")


def subject_splits(table):
    return table.groupby("subject")["split"].nunique()


@pytest.mark.parametrize("seed", range(5))
def test_no_subject_stands_in_two_splits_and_shares_come_near(seed):
    divided = run(people(120), val_fraction=0.2, test_fraction=0.1, seed=seed)
    assert (subject_splits(divided) == 1).all()
    totals = counts_of(divided.assign(split="all"), "all")
    test, val = counts_of(divided, "test"), counts_of(divided, "val")
    for label, total in totals.items():
        assert test[label] == pytest.approx(0.1 * total, abs=4)
        assert val[label] == pytest.approx(0.2 * (total - test[label]), abs=4)


def test_the_seed_draws_the_subjects():
    table = people(60)
    splits = [run(table, seed=seed) for seed in (3, 3, 4)]
    assert splits[0].equals(splits[1])
    first, other = (set(counts_of(one, "test", "subject")) for one in splits[1:])
    assert len(first & other) < len(first)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcdefghij"), st.sampled_from("xy")), min_size=1),
    st.floats(0.01, 0.5),
    st.integers(0, 2**32 - 1),
)
def test_subjects_move_whole_whoever_shows_what(pairs, fraction, seed):
    every = [(subject, label) for subject in "klmno" for label in "xy"]
    table = pd.DataFrame(pairs + every, columns=["subject", "label"])
    divided = run(table.assign(split="train", part=""), fraction, fraction, seed)
    assert (subject_splits(divided) == 1).all()
    for split in ("train", "val", "test"):
        assert set(counts_of(divided, split)) == {"x", "y"}


def test_a_sample_without_a_subject_is_a_subject_of_its_own():
    told = people(20)
    untold = make_train({"happy": 40, "sad": 40})
    divided = run(pd.concat([told, untold], ignore_index=True), test_fraction=0.25)
    alone = divided[divided["subject"] == ""]
    assert (subject_splits(divided[divided["subject"] != ""]) == 1).all()
    assert set(alone["split"]) == {"train", "val", "test"}


def test_splits_of_the_source_keep_their_subjects():
    table = people(40)
    tested = table["subject"].isin([f"S{person:03d}" for person in range(10)])
    table.loc[tested, "split"] = "test"
    divided = run(table)
    assert (divided["split"] == "test").equals(tested)
    assert (subject_splits(divided) == 1).all()
    assert counts_of(divided, "val")


@pytest.mark.parametrize(("part", "place"), [("", ""), ("ckplus", "ckplus: ")])
def test_a_subject_that_stands_in_two_splits_of_the_source(part, place):
    table = people(10).assign(part=part)
    table.loc[table["subject"] == "S003", "split"] = ["test"] + ["train"] * (
        (table["subject"] == "S003").sum() - 1
    )
    assert error_of(table) == (
        f"{place}subject 'S003' stands in train and in test; "
        "expected each person in one split; move the images of one of them"
    )


def test_subjects_of_equal_name_in_two_parts_are_two_persons():
    one, two = people(30).assign(part="one"), people(30).assign(part="two", split="test")
    divided = run(pd.concat([one, two], ignore_index=True))
    assert set(divided.loc[divided["part"] == "two", "split"]) == {"test"}


def test_a_label_of_too_few_subjects():
    table = people(40)
    table.loc[table["subject"].isin(["S001", "S002"]), "label"] = "bored"
    assert error_of(table) == (
        f"label 'bored': too few subjects in train to carve test and val from; {TOO_FEW}"
    )


def test_subjects_that_cannot_be_divided_as_each_is_some_labels_last():
    rows = [("one", "a"), ("one", "b"), ("two", "b"), ("two", "c"), ("six", "c"), ("six", "a")]
    table = pd.DataFrame(rows, columns=["subject", "label"]).assign(split="train", part="")
    assert "too few subjects in train to carve test and val from" in error_of(table)


def test_the_last_subject_of_a_label_stays_in_train():
    """Half of the label's ten samples is asked for; one person has nine of them."""
    rows = [("many", "a")] * 9 + [("few", "a")]
    table = pd.DataFrame(rows, columns=["subject", "label"]).assign(split="train", part="")
    table = pd.concat([table, make([("val", "a")])], ignore_index=True)
    divided = run(table, test_fraction=0.5)
    assert counts_of(divided, "test", "subject") == {"few": 1}
    assert counts_of(divided, "train", "subject") == {"many": 9}


# ------------------------------------------------------------------------- leaks


def leaks(text, labels=None):
    """Keys such as a1 for what must go; text: an image's letter for each split in turn."""
    rows = [(split, letter) for split, word in text.items() for letter in word]
    table = pd.DataFrame(rows, columns=["split", "hash"])
    table["label"] = labels or "x"
    gone = table[find_leaks(table)]
    return [f"{row.split} {row.hash}" for row in gone.itertuples()]


def test_images_of_train_go_where_val_or_test_has_them_and_of_val_where_test_has():
    found = leaks({"train": "aabcdz", "val": "bcy", "test": "ccdx"})
    assert found == ["train b", "train c", "train d", "val c"]


def test_copies_inside_a_split_stay():
    assert leaks({"train": "aab", "val": "cc", "test": "ddd"}) == []


def test_no_val_is_none_that_could_be_emptied():
    assert leaks({"train": "ab", "test": "ac"}) == ["train a"]


def test_leaks_that_leave_nothing():
    hint = "expected splits of different images; mend the source, or set it to false"
    with pytest.raises(UserError) as caught:
        leaks({"train": "abc", "val": "dd", "test": "d"})
    assert str(caught.value) == (
        f"data.drop_copies: every image of val stands in a later split too; {hint}"
    )
    with pytest.raises(UserError) as caught:
        leaks({"train": "abc", "val": "d", "test": "ce"}, labels=["x", "x", "y", "x", "y", "x"])
    assert str(caught.value) == (
        f"data.drop_copies: every image of label 'y' in train stands in a later split too; {hint}"
    )
