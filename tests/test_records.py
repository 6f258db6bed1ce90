import shutil
import tarfile
from operator import attrgetter
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from facexpr import records
from facexpr.errors import UserError
from facexpr.images import encode_png
from facexpr.records import (
    Member,
    ShardWriter,
    batches_of_one_shape,
    find_shards,
    images_of,
    lists_of,
    make_key,
    read_members,
    read_shards,
    split_of,
)


def noise(seed, shape=(5, 8)):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def write(folder, keys, shard_samples=1000):
    folder.mkdir(exist_ok=True)
    with ShardWriter(folder, shard_samples) as writer:
        for number, key in enumerate(keys):
            writer.write(key, noise(number))
    return folder


def keys_in(folder, **filters):
    return [key for key, _ in read_shards(folder, **filters)]


def names_in(path):
    with tarfile.open(path) as tar:
        return tar.getnames()


def keys_of(split, *rows):
    return [make_key(split, row) for row in rows]


@pytest.fixture
def shards(tmp_path):
    """Three splits, written interleaved, two samples a shard."""
    keys = [make_key(split, row) for row in range(5) for split in ("test", "train")]
    return write(tmp_path / "shards", [*keys, make_key("val", 9)], shard_samples=2)


def test_keys_name_split_and_row_and_sort_by_row():
    assert make_key("test", 12) == "test-0000012"
    assert split_of("test-0000012") == "test"
    assert sorted(make_key("val", row) for row in (100, 9, 20)) == keys_of("val", 9, 20, 100)


def test_members_are_named_as_webdataset_wants_and_interleaved_splits_roll_over(shards):
    assert {path.name: names_in(path) for path in shards.iterdir()} == {
        "test-00000.tar": ["test-0000000.png", "test-0000001.png"],
        "test-00001.tar": ["test-0000002.png", "test-0000003.png"],
        "test-00002.tar": ["test-0000004.png"],
        "train-00000.tar": ["train-0000000.png", "train-0000001.png"],
        "train-00001.tar": ["train-0000002.png", "train-0000003.png"],
        "train-00002.tar": ["train-0000004.png"],
        "val-00000.tar": ["val-0000009.png"],
    }


def test_a_full_last_shard_is_followed_by_none(tmp_path):
    folder = write(tmp_path / "shards", keys_of("train", 0, 1, 2, 3), shard_samples=2)
    assert [path.name for path in find_shards(folder)] == ["train-00000.tar", "train-00001.tar"]


def test_equal_images_give_equal_bytes(tmp_path):
    first, second = (write(tmp_path / name, keys_of("train", 0, 1, 2)) for name in "ab")
    assert (first / "train-00000.tar").read_bytes() == (second / "train-00000.tar").read_bytes()


@given(st.lists(st.one_of(*(arrays(np.uint8, shape) for shape in [(3, 7), (4, 2, 3)])), max_size=4))
def test_images_come_back_as_they_were(tmp_path_factory, images):
    folder = tmp_path_factory.mktemp("shards")
    with ShardWriter(folder, 3) as writer:
        for row, image in enumerate([noise(0), *images]):
            writer.write(make_key("val", row), image)
    found = list(read_shards(folder))
    assert [key for key, _ in found] == keys_of("val", *range(len(images) + 1))
    for (_, image), expected in zip(found[1:], images, strict=True):
        np.testing.assert_array_equal(image, expected)


def test_reading_goes_split_by_split_in_the_order_asked_for(shards):
    train, test = keys_of("train", *range(5)), keys_of("test", *range(5))
    assert keys_in(shards) == [*train, "val-0000009", *test]
    assert keys_in(shards, splits=["test", "val"]) == [*test, "val-0000009"]


def test_limit_is_a_number_of_images(shards):
    assert keys_in(shards, limit=3) == keys_of("train", 0, 1, 2)
    assert len(keys_in(shards, limit=99)) == 11


def test_only_wanted_keys_are_read(shards):
    wanted = {make_key("test", 1), make_key("train", 4)}
    assert keys_in(shards, keys=wanted) == ["train-0000004", "test-0000001"]
    assert wanted == {"train-0000004", "test-0000001"}  # the caller's set is left alone
    assert keys_in(shards, keys=set()) == []


def test_wanted_keys_that_no_shard_holds_are_named(shards):
    with pytest.raises(UserError) as caught:
        keys_in(shards, keys={"train-0000001", "val-0000008", "val-0000007"})
    assert str(caught.value) == f"{shards}: no image with key val-0000007, val-0000008"


def test_wanted_keys_of_a_split_that_is_not_read_are_missing(shards):
    with pytest.raises(UserError, match="no image with key val-0000009"):
        keys_in(shards, keys={"val-0000009"}, splits=["train"])


def test_a_folder_without_shards(tmp_path):
    with pytest.raises(UserError) as caught:
        keys_in(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: no shards such as train-00000.tar; run the stage that writes it"
    )


def test_a_shard_cut_anywhere_is_an_error_and_never_a_shorter_data_set(tmp_path):
    folder = write(tmp_path / "shards", keys_of("train", *range(3)))
    path = folder / "train-00000.tar"
    data = path.read_bytes()
    end = 3 * 2 * tarfile.BLOCKSIZE  # a header and a block of data for each image
    for length in range(0, end + tarfile.BLOCKSIZE, 100):
        path.write_bytes(data[:length])
        with pytest.raises(UserError) as caught:
            keys_in(folder)
        text = str(caught.value)
        assert text.startswith(f"{path}: broken shard: ")
        assert text.endswith("; run 'dvc checkout'")
        assert "\n" not in text


def test_a_damaged_header_is_an_error(tmp_path):
    folder = write(tmp_path / "shards", keys_of("train", *range(3)))
    path = folder / "train-00000.tar"
    data = bytearray(path.read_bytes())
    data[2 * tarfile.BLOCKSIZE + 100] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(UserError, match="broken shard: cut short or damaged at byte 1024"):
        keys_in(folder)


def test_a_member_that_is_no_picture_is_named(tmp_path):
    folder = write(tmp_path / "shards", keys_of("train", 0))
    path = folder / "train-00000.tar"
    data = path.read_bytes()
    path.write_bytes(data[:512] + b"x" * 8 + data[520:])
    with pytest.raises(UserError) as caught:
        keys_in(folder)
    assert str(caught.value).startswith(f"{folder}: train-0000000: not a readable picture")


SHAPES = st.sampled_from([(4, 6), (6, 4), (4, 6, 3), (1, 1)])


@given(st.lists(SHAPES, max_size=20), st.integers(1, 100))
def test_batches_hold_one_shape_keep_the_order_and_the_limit(shapes, pixels):
    images = [(str(number), np.zeros(shape, np.uint8)) for number, shape in enumerate(shapes)]
    batches = list(batches_of_one_shape(images, pixels))
    assert [key for keys, _ in batches for key in keys] == [key for key, _ in images]
    for keys, group in batches:
        assert {image.shape for image in group} == {shapes[int(keys[0])]}
        assert len(group) == 1 or sum(image.shape[0] * image.shape[1] for image in group) <= pixels


def test_batches_are_as_long_as_the_limit_lets_them():
    images = [(str(number), np.zeros((4, 6), np.uint8)) for number in range(7)]
    assert [len(keys) for keys, _ in batches_of_one_shape(images, 72)] == [3, 3, 1]


def test_members_are_the_samples_not_decoded(shards):
    members = list(read_members(shards, limit=2))
    assert [member.key for member in members] == keys_of("train", 0, 1)
    assert members[0].png == encode_png(noise(1))
    np.testing.assert_array_equal(images_of(members), [noise(1), noise(3)])


def test_a_broken_member_is_named_when_it_is_decoded():
    with pytest.raises(UserError, match=r"^data/images: train-0000007: "):
        Member("train-0000007", b"\x89PNG", "data/images").image()


@pytest.mark.parametrize("lengths", [[], [5] * 7, [9, 9, 1, 30, 2, 2, 2, 2], [10, 10, 10]])
def test_lists_are_cut_by_number_and_by_bytes(lengths):
    samples = [Member(f"train-{n:07d}", bytes(length), "") for n, length in enumerate(lengths)]
    with patch.multiple(records, LIST_SAMPLES=3, LIST_BYTES=10):
        lists = list(lists_of(samples, attrgetter("png")))
    assert [one for some in lists for one in some] == samples
    sizes = [[len(one.png) for one in some] for some in lists]
    for some in sizes:
        assert 1 <= len(some) <= 3
        assert sum(some[:-1]) < 10  # no list goes on behind the sample that fills it
    for some in sizes[:-1]:
        assert len(some) == 3 or sum(some) >= 10


def test_lists_are_given_before_more_is_read():
    taken = iter(range(100))
    with patch.multiple(records, LIST_SAMPLES=4):
        first = next(lists_of(taken, lambda _: b""))
    assert first == [0, 1, 2, 3]
    assert next(taken) == 4


# Samples of three splits as a source may give them, and how many of each a shard holds.
TURN = ["train", "test", "train", "train", "val", "test"]
MIXED = [(split, row) for row, split in enumerate(TURN * 4)]
SHARD = 3


class KilledError(Exception):
    """Stands for the end of a process."""


def write_mixed(folder, killed_at=None):
    """Write MIXED as the stages do; returns the keys that were not there yet."""
    folder.mkdir(exist_ok=True)
    written = []
    with ShardWriter(folder, SHARD) as writer:
        for count, (split, row) in enumerate(MIXED):
            if count == killed_at:
                raise KilledError
            key = make_key(split, row)
            if not writer.skips(key):
                writer.write(key, noise(row))
                written.append(key)
    return written


def shards_in(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """The shards of MIXED, written at once."""
    folder = tmp_path_factory.mktemp("mixed") / "shards"
    assert len(write_mixed(folder)) == len(MIXED)
    return folder


@pytest.mark.parametrize("killed_at", range(len(MIXED) + 1))
def test_shards_go_on_behind_those_that_a_killed_run_has_left(unbroken, tmp_path, killed_at):
    folder = tmp_path / "shards"
    if killed_at < len(MIXED):
        with pytest.raises(KilledError):
            write_mixed(folder, killed_at)
        assert all(path.suffix in (".tar", ".part") for path in folder.iterdir())
    else:
        write_mixed(folder)
    left = {path.name for path in folder.glob("*.tar")}
    there = {key for path in folder.glob("*.tar") for key in map(stem, names_in(path))}
    for split in ("train", "val", "test"):
        seen = sum(one == split for one, _ in MIXED[:killed_at])
        full = {f"{split}-{number:05d}.tar" for number in range((seen - 1) // SHARD)}
        assert full <= left  # all but the shard that was being written
    written = write_mixed(folder)
    assert [make_key(*one) for one in MIXED if make_key(*one) not in there] == written
    assert shards_in(folder) == shards_in(unbroken)


def stem(name):
    return name.removesuffix(".png")


def test_shards_can_be_gone_on_with_again_and_again(unbroken, tmp_path):
    folder = tmp_path / "shards"
    for killed_at in (7, 2, 13, 13, 20):
        with pytest.raises(KilledError):
            write_mixed(folder, killed_at)
    write_mixed(folder)
    assert shards_in(folder) == shards_in(unbroken)


@pytest.mark.parametrize("number", range(4))
def test_a_shard_behind_a_gap_is_not_used(unbroken, tmp_path, number):
    folder = tmp_path / "shards"
    shutil.copytree(unbroken, folder)
    (folder / f"train-{number:05d}.tar").unlink()
    train = [make_key(*one) for one in MIXED if one[0] == "train"]
    assert write_mixed(folder) == train[number * SHARD :]
    assert shards_in(folder) == shards_in(unbroken)


@pytest.mark.parametrize("length", [0, 100, 512, 1000, 1024, 2048, 3000, 3072, 3600, 4000])
def test_a_broken_shard_is_not_used_nor_those_behind_it(unbroken, tmp_path, length):
    folder = tmp_path / "shards"
    shutil.copytree(unbroken, folder)
    path = folder / "train-00001.tar"
    path.write_bytes(path.read_bytes()[:length])
    train = [make_key(*one) for one in MIXED if one[0] == "train"]
    assert write_mixed(folder) == train[SHARD:]
    assert shards_in(folder) == shards_in(unbroken)


@pytest.mark.parametrize("place", [0, 150, 1024 + 4, 2048 + 150])
def test_a_shard_with_a_damaged_header_is_not_used(unbroken, tmp_path, place):
    folder = tmp_path / "shards"
    shutil.copytree(unbroken, folder)
    data = bytearray((folder / "test-00000.tar").read_bytes())
    data[place] ^= 0xFF
    (folder / "test-00000.tar").write_bytes(data)
    assert write_mixed(folder) == [make_key(*one) for one in MIXED if one[0] == "test"]
    assert shards_in(folder) == shards_in(unbroken)
