import numpy as np

from facexpr.datasets import Sample
from facexpr.intake import select, take_in
from facexpr.records import read_shards
from facexpr.tables import INDEX_COLUMNS


def make_sample(row, split):
    image = np.full((3, 5), row, np.uint8)
    return Sample(row, split, "ab"[row % 2], f"data.csv row {row}", image)


class Source:
    """Counts how often it is read."""

    def __init__(self, *splits):
        self.splits = splits
        self.reads = 0

    def __call__(self):
        self.reads += 1
        return (make_sample(row, split) for row, split in enumerate(self.splits))


def check_shards_against_index(folder, index):
    """The shards hold exactly the index' keys, and under each the pixels of its row."""
    rows = dict(zip(index["key"], index["row"], strict=True))
    images = dict(read_shards(folder))
    assert images.keys() == rows.keys()
    for key, image in images.items():
        assert (image == rows[key]).all()


def test_a_source_with_val_is_read_once(tmp_path):
    source = Source("train", "val", "test", "train")
    index = take_in(source, tmp_path, 2, 0.1, seed=0)
    assert source.reads == 1
    assert list(index) == INDEX_COLUMNS
    assert index.to_numpy().tolist()[1] == ["val-0000001", "val", "b", 1, "data.csv row 1"]
    check_shards_against_index(tmp_path, index)


def test_a_source_without_val_is_read_twice_and_no_key_is_left_from_the_first_time(tmp_path):
    source = Source(*["train"] * 20, *["test"] * 4)
    index = take_in(source, tmp_path, 3, 0.2, seed=0)
    assert source.reads == 2
    assert index["split"].value_counts().to_dict() == {"train": 16, "val": 4, "test": 4}
    assert (index["key"].str.partition("-")[0] == index["split"]).all()
    assert index["row"].to_list() == list(range(24))
    check_shards_against_index(tmp_path, index)


def test_without_a_fraction_nothing_becomes_val(tmp_path):
    source = Source("train", "train", "train")
    index = take_in(source, tmp_path, 2, None, seed=0)
    assert source.reads == 1
    assert index["split"].to_list() == ["train"] * 3
    check_shards_against_index(tmp_path, index)


def test_taking_in_twice_gives_equal_files(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        take_in(Source(*["train"] * 8, "test"), tmp_path / name, 3, 0.2, seed=5)
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in "ab"
    )
    assert first == second


def test_select_limits_each_split():
    samples = Source("train", "train", "test", "train", "test")()
    assert [sample.row for sample in select(samples, 1, None)] == [0, 2]


def test_select_keys():
    keys = {"train-0000003", "test-0000002", "val-0000000"}
    samples = Source("train", "train", "test", "train", "test")()
    assert [sample.row for sample in select(samples, None, keys)] == [2, 3]


def test_select_everything():
    assert len(list(select(Source("train", "test")(), None, None))) == 2
