import lzma
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facexpr import datasets
from facexpr.datasets import ferplus
from facexpr.datasets.ferplus import CHOICES, LABELS, drop_single_votes, find_majority
from facexpr.errors import UserError

USAGES = ("Training", "PublicTest", "PrivateTest")
HEADER = (
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
)
HAPPY, SAD = [1, 8, 0, 1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 10, 0, 0, 0, 0, 0, 0]
# An emotion with half of the votes, and no more.
HALF = [5, 5, 0, 0, 0, 0, 0, 0, 0, 0]
# Four of seven once single votes are gone: more than half, less than .6.
FOUR_OF_SEVEN = [1, 1, 1, 0, 4, 3, 0, 0, 0, 0]
NO_FACE = [0] * 9 + [10]


def image_of(row):
    return (np.arange(2304) + row).astype(np.uint8).reshape(48, 48)


def images_csv(usages):
    lines = [
        f"{row % 7},{' '.join(map(str, image_of(row).ravel().tolist()))},{usage}\n"
        for row, usage in enumerate(usages)
    ]
    return "emotion,pixels,Usage\n" + "".join(lines)


def votes_csv(usages, votes):
    pairs = enumerate(zip(usages, votes, strict=True))
    lines = [
        f"{usage},fer{row:07d}.png,{','.join(map(str, counts))}\n" for row, (usage, counts) in pairs
    ]
    return "\n".join([HEADER, "".join(lines)])


@pytest.fixture
def make(tmp_path):
    """Write the folder, with other text in place of either file where given."""

    def write(votes, usages=None, images=None, text=None):
        usages = usages or ["Training"] * len(votes)
        (tmp_path / "fer2013.csv").write_text(images or images_csv(usages))
        (tmp_path / "fer2013new.csv").write_text(text or votes_csv(usages, votes))
        return tmp_path

    return write


def error_of(source, **settings):
    with pytest.raises(UserError) as caught:
        _ = [sample.image for sample in ferplus.read(source, **settings)]
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ------------------------------------------------------------------------- the rule


def test_labels_are_in_the_order_of_ferplus():
    assert LABELS == (
        "neutral",
        "happy",
        "surprise",
        "sad",
        "angry",
        "disgust",
        "fear",
        "contempt",
    )
    assert ",".join(CHOICES) == HEADER.removeprefix("Usage,Image name,")


def test_single_votes_count_as_none():
    assert drop_single_votes([1, 8, 0, 1, 2, 10]) == [0, 8, 0, 0, 2, 10]


@pytest.mark.parametrize(
    ("votes", "share", "label"),
    [
        ([0, 8, 0, 0, 0, 0, 0, 0, 0, 0], 0.5, "happy"),
        ([0, 0, 0, 0, 0, 0, 0, 2, 0, 0], 0.5, "contempt"),
        (HALF, 0.5, None),  # more than half, not half
        ([0, 6, 0, 0, 0, 0, 0, 0, 4, 0], 0.5, "happy"),
        ([0, 5, 0, 0, 0, 0, 0, 0, 3, 2], 0.5, None),  # unknown and NF are votes too
        ([0, 0, 0, 0, 0, 0, 0, 0, 8, 2], 0.5, None),
        (NO_FACE, 0.5, None),
        ([0] * 10, 0.5, None),
        ([0] * 10, 0.0, None),
        ([0, 0, 0, 0, 4, 3, 0, 0, 0, 0], 0.57, "angry"),
        ([0, 0, 0, 0, 4, 3, 0, 0, 0, 0], 0.58, None),
        ([0, 0, 0, 3, 0, 3, 0, 0, 2, 0], 0.3, "sad"),  # of equals the first
        ([0, 0, 0, 0, 0, 5, 0, 0, 5, 0], 0.3, "disgust"),
        ([0, 0, 0, 0, 0, 4, 0, 0, 0, 5], 0.3, None),
        (SAD, 1.0, None),
    ],
)
def test_majority(votes, share, label):
    assert find_majority(votes, share) == label


@given(st.lists(st.integers(0, 10), min_size=10, max_size=10), st.floats(0.5, 1.0))
def test_over_half_of_the_votes_can_be_but_one(votes, share):
    label = find_majority(votes, share)
    rest = [LABELS[i] for i in range(8) if votes[i] > share * sum(votes)]
    assert [label] == (rest or [None])


# ------------------------------------------------------------------------- reading


def test_rows_labels_votes_and_images_belong_together(make):
    source = make([HAPPY, NO_FACE, SAD, HALF, FOUR_OF_SEVEN])
    samples = list(ferplus.read(source))
    assert [(s.row, s.label, s.split, s.origin) for s in samples] == [
        (0, "happy", "train", "fer2013.csv row 0"),
        (2, "sad", "train", "fer2013.csv row 2"),
        (4, "angry", "train", "fer2013.csv row 4"),
    ]
    for sample in samples:
        np.testing.assert_array_equal(sample.image, image_of(sample.row))
    assert samples[0].votes == dict.fromkeys(LABELS, 0) | {"happy": 8}
    assert samples[2].votes == dict.fromkeys(LABELS, 0) | {"angry": 4, "disgust": 3}
    assert list(samples[2].votes) == list(LABELS)


@pytest.mark.parametrize(
    ("majority", "rows"), [(0.5, [0, 1, 2]), (0.6, [1, 2]), (0.4, [0, 1, 2, 3])]
)
def test_the_majority_is_for_train_alone(make, majority, rows):
    votes = [FOUR_OF_SEVEN, FOUR_OF_SEVEN, FOUR_OF_SEVEN, HALF, HALF, HALF]
    source = make(votes, ["Training", "PublicTest", "PrivateTest", "Training", *USAGES[1:]])
    samples = list(ferplus.read(source, ferplus_majority=majority, other_setting=3))
    assert [sample.row for sample in samples] == rows
    assert [s.split for s in samples if s.row in (1, 2)] == ["val", "test"]


def test_columns_in_another_order_and_a_packed_fer2013(make):
    source = make([HAPPY, SAD])
    path = source / "fer2013new.csv"
    lines = [",".join(reversed(line.split(","))) for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")
    plain = source / "fer2013.csv"
    (source / "fer2013.csv.xz").write_bytes(lzma.compress(plain.read_bytes()))
    plain.unlink()
    samples = list(ferplus.read(source))
    assert [(sample.label, sample.origin) for sample in samples] == [
        ("happy", "fer2013.csv.xz row 0"),
        ("sad", "fer2013.csv.xz row 1"),
    ]


def test_names_of_images_are_not_looked_at(make):
    """In the published file four repeat and 173 are empty."""
    text = votes_csv(["Training"] * 2, [HAPPY, SAD]).replace("fer0000001.png", "")
    assert len(list(ferplus.read(make([HAPPY, SAD], text=text)))) == 2


def test_both_files_are_streamed(make):
    source = make([HAPPY] * 30, text=votes_csv(["Training"] * 30, [*[HAPPY] * 29, ["x"] * 10]))
    samples = ferplus.read(source)
    assert [next(samples).row for _ in range(29)] == list(range(29))
    with pytest.raises(UserError, match="row 29: column neutral"):
        next(samples)


# ------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (2, "fer2013new.csv: ends before row 2, which fer2013.csv has"),
        (4, "fer2013.csv: ends before row 3, which fer2013new.csv has"),
    ],
)
def test_one_file_is_longer(make, rows, message):
    text = votes_csv(["Training"] * rows, [SAD] * rows)
    assert error_of(make([SAD] * 3, text=text)) == (
        f"{message}; expected a row of votes for every image; fetch the shorter file again"
    )


@pytest.mark.parametrize("usage", ["PublicTest", "Trainign"])
def test_rows_of_other_usage(make, usage):
    text = votes_csv(["Training", usage], [SAD, SAD])
    assert error_of(make([SAD, SAD], text=text)) == (
        f"fer2013new.csv row 1: Usage {usage}, but fer2013.csv row 1 has Training; "
        "both files must hold the same rows in the same order"
    )


@pytest.mark.parametrize(
    ("cell", "shown"), [("11", "11"), ("-1", "-1"), ("2.0", "2.0"), ("", "''"), ("two", "two")]
)
@pytest.mark.parametrize("column", CHOICES)
def test_wrong_votes(make, cell, shown, column):
    counts = [*SAD]
    counts[CHOICES.index(column)] = cell
    text = votes_csv(["Training"] * 2, [SAD, counts])
    assert error_of(make([SAD, SAD], text=text)) == (
        f"fer2013new.csv row 1: column {column}: {shown}, expected 0 to 10 votes"
    )


def test_a_broken_line_of_votes(make):
    text = votes_csv(["Training"] * 2, [SAD, SAD[:-1]])
    message = error_of(make([SAD, SAD], text=text))
    assert message.startswith("fer2013new.csv row 1: 11 fields, expected 12 (Usage, Image name, ")


@pytest.mark.parametrize("column", ["Usage", "fear", "NF"])
def test_a_missing_column(make, column):
    text = votes_csv(["Training"], [SAD]).replace(column, "other", 1)
    message = error_of(make([SAD], text=text))
    assert message.startswith(f"fer2013new.csv: no column {column} in its first line, found ")
    assert message.endswith(f"; expected Usage, {', '.join(CHOICES)}")


def test_a_broken_image_is_told_as_fer2013_tells_it(make):
    images = images_csv(["Training"] * 2).replace(" 9 ", " 999 ", 1)
    message = error_of(make([SAD, SAD], images=images))
    assert message == "fer2013.csv row 0: pixel value 999, expected 0 to 255"


def test_missing_files(make, tmp_path):
    message = error_of(tmp_path)
    assert message.startswith(
        f"{tmp_path}: no FER2013 here; expected a folder with fer2013new.csv "
    )
    assert "fer2013.csv, fer2013.csv.gz" in message
    source = make([SAD])
    (source / "fer2013new.csv").unlink()
    assert error_of(source) == (
        f"{source / 'fer2013new.csv'}: not found; FER+'s votes, from github.com/microsoft/FERPlus, "
        "belong beside fer2013.csv"
    )
    assert error_of(source / "fer2013.csv").startswith(f"{source / 'fer2013.csv'}: no FER2013 here")


# ------------------------------------------------------------------------- the real data


def test_real_data_has_the_published_counts():
    name = os.environ.get("FACEXPR_FER2013")
    if not name or not (Path(name).parent / "fer2013new.csv").is_file():
        pytest.skip("needs FER+: set FACEXPR_FER2013 to a CSV that fer2013new.csv lies beside")
    splits = Counter()
    for sample in datasets.read("ferplus", Path(name).parent, LABELS, {}, ferplus_majority=0.5):
        splits[sample.split] += 1
        assert max(sample.votes, key=sample.votes.get) == sample.label
    assert splits == {"train": 25060, "val": 3199, "test": 3153}
