from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facexpr.errors import UserError
from facexpr.splits import carve_val

COUNTS = {"happy": 40, "sad": 20, "disgust": 3}


def make_data(counts=COUNTS):
    labels = [label for label, count in counts.items() for _ in range(count)]
    return ["train"] * len(labels) + ["test"] * 5, labels + ["happy"] * 5


def test_each_label_gives_its_share_and_at_least_one():
    splits, labels = make_data()
    carved = carve_val(splits, labels, 0.1, seed=0)
    pairs = zip(carved, labels, strict=True)
    assert Counter(label for split, label in pairs if split == "val") == {
        "happy": 4,
        "sad": 2,
        "disgust": 1,
    }


@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers(2, 12), min_size=1),
    st.floats(0.01, 0.5),
    st.integers(0, 2**32 - 1),
)
def test_only_train_samples_move_and_every_label_stays_in_both(counts, fraction, seed):
    splits, labels = make_data(counts)
    carved = carve_val(splits, labels, fraction, seed)
    moves = set(zip(splits, carved, strict=True))
    assert moves <= {("train", "train"), ("train", "val"), ("test", "test")}
    for split in ("train", "val"):
        assert {x for s, x in zip(carved, labels, strict=True) if s == split} >= set(counts)


def test_the_seed_decides_and_nothing_else():
    splits, labels = make_data()
    first = carve_val(splits, labels, 0.2, seed=1)
    assert carve_val(tuple(splits), iter(labels), 0.2, seed=1) == first
    assert carve_val(splits, labels, 0.2, seed=2) != first


def test_a_val_split_that_is_there_is_left_alone():
    splits, labels = make_data()
    splits[3] = "val"
    assert carve_val(splits, labels, 0.2, seed=1) == splits


@pytest.mark.parametrize(("there", "missing"), [("train", "test"), ("test", "train")])
def test_train_and_test_must_be_there(there, missing):
    with pytest.raises(UserError) as caught:
        carve_val([there] * 4, ["a", "b"] * 2, 0.1, seed=0)
    assert str(caught.value) == f"no sample in split '{missing}'; expected train, val, test"


def test_one_sample_cannot_be_divided():
    with pytest.raises(UserError) as caught:
        carve_val(*make_data({"happy": 9, "disgust": 1}), 0.1, seed=0)
    assert str(caught.value) == "label 'disgust' has 1 train sample: no val can be carved"
