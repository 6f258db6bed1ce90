from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from facexpr import intake
from facexpr.datasets import Sample
from facexpr.errors import UserError
from facexpr.intake import load_split, select, take_in
from facexpr.records import read_shards
from facexpr.tables import INDEX_COLUMNS, read_index


def make_sample(row, split, grey=None, **more):
    image = np.full((3, 5), row if grey is None else grey, np.uint8)
    return Sample(row, split, "ab"[row % 2], f"data.csv row {row}", image, **more)


class Source:
    """Counts how often it is read; one sample for each split named, others if given."""

    def __init__(self, *splits, samples=None):
        self.samples = samples or [make_sample(row, split) for row, split in enumerate(splits)]
        self.reads = 0

    def __call__(self):
        self.reads += 1
        return iter(self.samples)


def take(source, folder, shard_samples=2, **settings):
    defaults = {"val_fraction": 0.2, "test_fraction": 0.2, "seed": 0, "drop_copies": False}
    for shard in folder.glob("*.tar"):
        shard.unlink()
    index = folder / "index.csv"
    counts = take_in(source, folder, index, shard_samples, **defaults | settings)
    assert {path.suffix for path in folder.iterdir()} <= {".tar", ".csv"}
    table = read_index(index)
    assert counts == table["split"].value_counts().to_dict()
    return table


def check_shards_against_index(folder, index):
    """The shards hold exactly the index' keys, and under each the pixels of its row."""
    rows = dict(zip(index["key"], index["row"], strict=True))
    images = dict(read_shards(folder))
    assert images.keys() == rows.keys()
    for key, image in images.items():
        assert (image == rows[key]).all()


def test_a_source_with_all_splits_is_read_once(tmp_path):
    source = Source("train", "val", "test", "train")
    index = take(source, tmp_path)
    assert source.reads == 1
    assert list(index) == INDEX_COLUMNS
    row = ["val-0000001", "val", "b", 1, "data.csv row 1", "", ""]
    assert index.to_numpy().tolist()[1] == row
    check_shards_against_index(tmp_path, index)


def test_subjects_and_votes_stand_in_the_index(tmp_path):
    votes = {"b": 0, "a": 10, "c": 2}
    samples = [
        make_sample(0, "train", subject="S010", votes=votes),
        make_sample(4, "val", subject="0"),
        make_sample(5, "test", votes={"b": 3}),
    ]
    index = take(Source(samples=samples), tmp_path)
    assert index["subject"].to_list() == ["S010", "0", ""]
    assert index["votes"].to_list() == ["0 10 2", "", "3"]


@pytest.mark.parametrize(
    ("splits", "counts"),
    [
        (["train"] * 20 + ["test"] * 4, {"train": 16, "val": 4, "test": 4}),
        (["train"] * 20 + ["val"] * 4, {"train": 16, "val": 4, "test": 4}),
        (["train"] * 20, {"train": 12, "val": 4, "test": 4}),
    ],
)
def test_a_source_that_lacks_splits_is_read_twice_and_no_key_is_left(tmp_path, splits, counts):
    source = Source(*splits)
    index = take(source, tmp_path, 3)
    assert source.reads == 2
    assert index["split"].value_counts().to_dict() == counts
    assert (index["key"].str.partition("-")[0] == index["split"]).all()
    assert index["row"].to_list() == list(range(len(splits)))
    check_shards_against_index(tmp_path, index)


def test_parts_and_subjects_decide_what_is_carved(tmp_path):
    one = [make_sample(row, "train", subject=f"S{row // 2}", part="one") for row in range(20)]
    two = [make_sample(20, "train", part="two"), make_sample(21, "val", part="two")]
    two.append(make_sample(22, "test", part="two"))
    index = take(Source(samples=one + two), tmp_path)
    assert index["split"].to_list()[20:] == ["train", "val", "test"]
    splits = index[:20].groupby("subject")["split"]
    assert (splits.nunique() == 1).all()
    assert set(splits.first()) == {"train", "val", "test"}


def test_copies_are_dropped_after_carving(tmp_path):
    """Every image of b stands twice in train; one of each pair that carving parts must go."""
    samples = [make_sample(row, "train", grey=row // 4 * 2 + row % 2) for row in range(40)]
    source = Source(samples=samples)
    index = take(source, tmp_path, drop_copies=True)
    assert source.reads == 2
    kept = index.assign(grey=[samples[row].image[0, 0] for row in index["row"]])
    assert (kept.groupby("grey")["split"].nunique() == 1).all()
    carved = take(source, tmp_path)["split"]
    assert (kept["split"] == "test").sum() == (carved == "test").sum() == 8
    assert 20 <= len(kept) < 40
    assert {key for key, _ in read_shards(tmp_path)} == set(take(source, tmp_path)["key"])


def test_copies_of_the_sources_own_splits_are_dropped(tmp_path):
    splits = ["train", "train", "train", "train", "val", "val", "test", "test"]
    greys = [10, 11, 12, 13, 12, 21, 13, 21]
    pairs = enumerate(zip(splits, greys, strict=True))
    samples = [make_sample(row, split, grey) for row, (split, grey) in pairs]
    for wanted, rows in ((True, [0, 1, 4, 6, 7]), (False, list(range(8)))):
        source = Source(samples=samples)
        index = take(source, tmp_path, drop_copies=wanted)
        assert index["row"].to_list() == rows
        assert source.reads == 1 + wanted
        assert [key for key, _ in read_shards(tmp_path)] == index["key"].to_list()


def test_without_copies_the_source_is_read_once(tmp_path):
    source = Source("train", "train", "val", "test")
    index = take(source, tmp_path, drop_copies=True)
    assert source.reads == 1
    check_shards_against_index(tmp_path, index)


def test_a_part_for_debugging_is_taken_as_it_is(tmp_path):
    samples = [make_sample(0, "train", grey=7), make_sample(1, "test", grey=7)]
    source = Source(samples=samples)
    index = take(source, tmp_path, whole=False, drop_copies=True)
    assert source.reads == 1
    assert index["split"].to_list() == ["train", "test"]
    empty = take(lambda: iter(()), tmp_path, whole=False)
    assert list(empty) == INDEX_COLUMNS
    assert len(empty) == 0


def test_nothing_to_take_in(tmp_path):
    with pytest.raises(UserError, match="no sample in split 'train'"):
        take(lambda: iter(()), tmp_path)


def test_taking_in_twice_gives_equal_files(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        take(Source(*["train"] * 8, "test"), tmp_path / name, 3, seed=5)
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in "ab"
    )
    assert first == second


KILLED = 24  # samples of the sources that are killed
SOURCES = {
    "read once": (["train", "val", "test", "train"] * 6, False),
    "carved": (["train"] * KILLED, False),
    "copies dropped": (["train", "train", "val", "test"] * 6, True),
    "carved, copies dropped": (["train"] * KILLED, True),
}


class Mortal:
    """Reads pictures lazily and counts that by row; dies after so many samples, if told."""

    def __init__(self, splits, dies_after=None):
        self.splits, self.left = splits, dies_after
        self.pictures, self.reads = Counter(), 0

    def __call__(self):
        self.reads += 1
        for row, split in enumerate(self.splits):
            if self.left == 0:
                raise KeyboardInterrupt
            self.left = None if self.left is None else self.left - 1
            picture = partial(self.draw, row)
            yield Sample(row, split, "ab"[row % 2], f"row {row}", picture)

    def draw(self, row):
        """Rows 0 and 9, 1 and 10 … up to 8 and 17 are equal: copies, also across splits."""
        self.pictures[row] += 1
        return np.full((3, 5), row % 9 if row < 18 else row, np.uint8)


@pytest.fixture
def short_lists(monkeypatch):
    """Lists of two, in this process, so that a sample is written soon after it is read."""
    monkeypatch.setattr(intake, "LIST_SAMPLES", 2)
    monkeypatch.setenv("FACEXPR_WORKERS", "1")


def take_whole(source, folder, drop_copies):
    """Take in as a stage does, with what is left in the folder; all that it leaves."""
    settings = {"val_fraction": 0.2, "test_fraction": 0.2, "seed": 0, "drop_copies": drop_copies}
    folder.mkdir(exist_ok=True)
    index = folder.with_suffix(".csv")
    take_in(source, folder, index, 2, **settings)
    return [(path.name, path.read_bytes()) for path in [index, *sorted(folder.iterdir())]]


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.usefixtures("short_lists")
def test_a_killed_run_that_is_run_again_gives_equal_files(tmp_path, kind):
    splits, drop_copies = SOURCES[kind]
    source = Mortal(splits)
    expected = take_whole(source, tmp_path / "data", drop_copies)
    assert source.reads == 1 + (kind != "read once")
    samples = len(splits) * source.reads
    for dies_after in range(2, samples, 5):
        folder = tmp_path / f"killed{dies_after}" / "data"
        folder.mkdir(parents=True)
        for killed in (dies_after // 3, dies_after):
            with pytest.raises(KeyboardInterrupt):
                take_whole(Mortal(splits, killed), folder, drop_copies)
        assert take_whole(Mortal(splits), folder, drop_copies) == expected


@pytest.mark.parametrize("kind", ["read once", "carved, copies dropped"])
@pytest.mark.parametrize("moved", [0, 1, 5])
@pytest.mark.usefixtures("short_lists")
def test_a_run_killed_while_it_moves_its_shards(tmp_path, monkeypatch, kind, moved):
    splits, drop_copies = SOURCES[kind]
    expected = take_whole(Mortal(splits), tmp_path / "data", drop_copies)
    folder, replace, moves = tmp_path / "killed" / "data", Path.replace, iter(range(moved))
    folder.mkdir(parents=True)

    def die(path, target):
        if target.parent == folder and next(moves, None) is None:
            raise KeyboardInterrupt
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        take_whole(Mortal(splits), folder, drop_copies)
    monkeypatch.setattr(Path, "replace", replace)
    assert len(list(folder.glob("*.tar"))) == moved
    assert take_whole(Mortal(splits), folder, drop_copies) == expected


@pytest.mark.usefixtures("short_lists")
def test_pictures_of_finished_shards_are_not_read_again(tmp_path):
    splits = ["train"] * KILLED
    whole = Mortal(splits)
    expected = take_whole(whole, tmp_path / "data", False)
    assert whole.pictures == dict.fromkeys(range(KILLED), 2)  # once for each pass
    first = Mortal(splits, 13)
    folder = tmp_path / "killed" / "data"
    folder.mkdir(parents=True)
    with pytest.raises(KeyboardInterrupt):
        take_whole(first, folder, False)
    assert first.pictures == dict.fromkeys(range(12), 1)  # in six shards, the last unfinished
    second = Mortal(splits, KILLED + 13)
    with pytest.raises(KeyboardInterrupt):
        take_whole(second, folder, False)
    again = Counter(dict.fromkeys(range(10, KILLED), 1))
    assert second.pictures == again + Counter(range(12))
    third = Mortal(splits)
    assert take_whole(third, folder, False) == expected
    read = sorted(third.pictures)
    assert third.pictures == dict.fromkeys(read, 1)  # in the second pass alone
    assert read[-12:] == list(range(12, KILLED))
    assert len(read) <= 12 + 2 * 3  # the last shard of each split was not finished


def test_select_limits_each_split():
    samples = Source("train", "train", "test", "train", "test")()
    assert [sample.row for sample in select(samples, 1, None)] == [0, 2]


def test_select_keys():
    keys = {"train-0000003", "test-0000002", "val-0000000"}
    samples = Source("train", "train", "test", "train", "test")()
    assert [sample.row for sample in select(samples, None, keys)] == [2, 3]


def test_select_everything():
    assert len(list(select(Source("train", "test")(), None, None))) == 2


def load(source, split, prepare=lambda image: image, seed=0):
    fractions = {"val_fraction": 0.2, "test_fraction": 0.2}
    return load_split(source, split, prepare, **fractions, seed=seed)


def test_a_split_that_the_source_has_is_read_once():
    votes = {"a": 2, "b": 8}
    samples = [make_sample(0, "train"), make_sample(1, "val"), make_sample(4, "test", votes=votes)]
    samples.append(make_sample(5, "test", grey=0))
    source = Source(samples=samples)
    table, images, votes = load(source, "test", lambda image: image[:2])
    assert source.reads == 1
    assert table["key"].to_list() == [
        *("train-0000000", "val-0000001", "test-0000004", "test-0000005"),
    ]
    assert [image.shape for image in images] == [(2, 5), (2, 5)]
    assert images[0][0, 0] == 4
    assert votes == [[2, 8], []]
    assert table["hash"][0] == table["hash"][3] != table["hash"][1]


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_split_that_is_carved_is_the_one_that_take_in_carves(split, tmp_path):
    source = Source(*["train"] * 30)
    table, images, _ = load(source, split, seed=3)
    assert source.reads == 2
    index = take(source, tmp_path, seed=3)
    assert table["key"].to_list() == index["key"].to_list()
    rows = index["row"][index["split"] == split]
    assert [image[0, 0] for image in images] == rows.to_list()
