import lmdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from facexpr import lmdb_store
from facexpr.errors import UserError
from facexpr.lmdb_store import (
    StoredFaces,
    from_datum,
    load_records,
    load_votes,
    read_records,
    to_datum,
    write_records,
)

TINY = np.array([[1, 2, 3], [4, 5, 255]], np.uint8)


def make_records(count, shape=(5, 8)):
    rng = np.random.default_rng(0)
    for row in range(count):
        yield f"train-{row:07d}", rng.integers(0, 256, shape, np.uint8), row % 7


@pytest.fixture
def path(tmp_path):
    return tmp_path / "train" / "data.mdb"


def test_the_bytes_of_a_datum_are_those_of_the_protobuf_encoding():
    # A tag is number << 3 | kind, kind 0 a varint, 2 a length and bytes.
    by_hand = bytes([1 << 3, 1, 2 << 3, 2, 3 << 3, 3, 4 << 3 | 2, 6, 1, 2, 3, 4, 5, 255, 5 << 3, 4])
    assert to_datum(TINY, 4) == by_hand
    image, label = from_datum(by_hand)
    np.testing.assert_array_equal(image, TINY)
    assert label == 4


def test_votes_go_to_float_data_behind_the_label():
    # Kind 5 is four bytes; 3.0 is 0x40400000, least byte first; proto2 packs no repeated field.
    tag = 6 << 3 | 5
    expected = to_datum(TINY, 4) + bytes([tag, 0, 0, 0x40, 0x40, tag, 0, 0, 0, 0])
    assert to_datum(TINY, 4, [3, 0]) == expected
    image, label = from_datum(expected)
    np.testing.assert_array_equal(image, TINY)
    assert label == 4


def test_votes_come_back_in_key_order_and_are_zero_where_there_are_none(path):
    given = {"train-0000000": [3, 0, 7], "train-0000001": (), "train-0000002": [0, 10, 0]}
    records = ((key, TINY, 1, votes) for key, votes in given.items())
    assert write_records(path, records) == 3
    votes = load_votes(path, 3)
    assert votes.dtype == np.float32
    np.testing.assert_array_equal(votes, [[3, 0, 7], [0, 0, 0], [0, 10, 0]])
    assert load_records(path)[2].tolist() == [1, 1, 1]


def test_label_zero_is_written_out_as_caffe_does():
    assert to_datum(TINY, 0).endswith(bytes([5 << 3, 0]))


@given(
    arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=20)), st.integers(0, 2**31 - 1)
)
def test_datum_round_trip(image, label):
    found, code = from_datum(to_datum(image, label))
    np.testing.assert_array_equal(found, image)
    assert (found.dtype, code) == (np.uint8, label)


def test_a_slice_of_an_image_is_written_in_its_own_order():
    image = np.arange(24, dtype=np.uint8).reshape(4, 6)[:, ::2]
    np.testing.assert_array_equal(from_datum(to_datum(image, 1))[0], image)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 6, 7])
def test_no_record_is_lost_or_repeated_where_the_file_is_opened_anew(path, monkeypatch, count):
    write_records(path, make_records(count))
    monkeypatch.setattr(lmdb_store, "TRANSACTION_RECORDS", 3)
    assert [key for key, _, _ in read_records(path)] == [key for key, *_ in make_records(count)]


def test_records_come_back_in_key_order(path):
    assert write_records(path, make_records(10)) == 10
    for found, expected in zip(read_records(path), make_records(10), strict=True):
        assert (found[0], found[2]) == (expected[0], expected[2])
        np.testing.assert_array_equal(found[1], expected[1])
    keys, images, labels = load_records(path)
    assert keys == [key for key, _, _ in make_records(10)]
    assert (images.shape, images.dtype, labels.dtype) == ((10, 5, 8), np.uint8, np.int64)
    np.testing.assert_array_equal(labels, [0, 1, 2, 3, 4, 5, 6, 0, 1, 2])
    np.testing.assert_array_equal(images, [image for _, image, _ in make_records(10)])


def test_caffe_opens_the_folder(path):
    write_records(path, make_records(3))
    assert [file.name for file in path.parent.iterdir()] == ["data.mdb"]
    with lmdb.open(str(path.parent), readonly=True, lock=False) as store, store.begin() as reader:
        image, _ = next(make_records(1))[1:]
        assert bytes(reader.get(b"train-0000000")) == to_datum(image, 0)
        assert [bytes(key) for key, _ in reader.cursor()][2] == b"train-0000002"


@pytest.mark.parametrize("records", [7, 8])
def test_equal_records_give_equal_files_over_several_transactions(tmp_path, monkeypatch, records):
    monkeypatch.setattr(lmdb_store, "TRANSACTION_RECORDS", 4)
    paths = [tmp_path / name / "data.mdb" for name in "ab"]
    for path in paths:
        assert write_records(path, make_records(records)) == records
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert len(list(read_records(paths[0]))) == records


def test_reading_changes_no_byte_and_leaves_no_file(path):
    write_records(path, make_records(5))
    before = path.read_bytes()
    load_records(path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["data.mdb"]


@pytest.mark.parametrize("keys", ["ba", "aa"])
def test_keys_must_come_sorted_and_once_each(path, keys):
    with pytest.raises(ValueError, match=f"keys must come sorted and once each, got {keys[1]}$"):
        write_records(path, [(key, TINY, 0) for key in keys])


def test_a_missing_file_says_what_to_run(path):
    with pytest.raises(UserError) as caught:
        load_records(path)
    assert str(caught.value) == f"{path}: not found; run 'dvc repro pack' or 'dvc checkout'"


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(UserError, match="not found"):
        load_records(tmp_path)


@pytest.mark.parametrize("content", [b"", b"hello", bytes(20_000)])
def test_a_file_that_is_no_lmdb(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        load_records(path)
    assert str(caught.value).startswith(f"{path}: not an LMDB file: ")
    assert str(caught.value).endswith("; run 'dvc checkout'")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.99])
def test_a_file_cut_short_is_an_error_and_does_not_kill_the_process(path, share):
    write_records(path, make_records(50, (48, 48)))
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(UserError) as caught:
        load_records(path)
    assert str(caught.value) == (
        f"{path}: cut short, expected {len(data)} bytes; run 'dvc checkout'"
    )


@pytest.mark.parametrize("value", [b"no datum", to_datum(TINY, 1)[:-4]])
def test_a_record_that_is_no_datum_is_named(path, value):
    path.parent.mkdir()
    options = {"subdir": False, "lock": False}
    with lmdb.open(str(path), **options) as store, store.begin(write=True) as writer:
        writer.put(b"test-1", value)
    with pytest.raises(UserError, match=r"record b'test-1' is no Datum: "):
        load_records(path)


def test_an_empty_store_is_an_error_when_loaded(path):
    assert write_records(path, []) == 0
    with pytest.raises(UserError, match=r"data\.mdb: holds no record$"):
        load_records(path)


def test_faces_are_read_when_they_are_asked_for(tmp_path):
    paths = [tmp_path / name / "data.mdb" for name in ("train", "val")]
    first, second = (list(make_records(count)) for count in (5, 3))
    for path, records in zip(paths, (first, second), strict=True):
        write_records(path, records)
    faces = StoredFaces(paths)
    assert len(faces) == 8
    assert faces.keys == [key for key, *_ in first + second]
    assert (faces.labels.tolist(), faces.labels.dtype) == ([0, 1, 2, 3, 4, 0, 1, 2], np.int64)
    rows = np.array([7, 0, 4, 5, 0])
    found = faces[rows]
    assert (found.shape, found.dtype) == ((5, 5, 8), np.uint8)
    images = [image for _, image, _ in first + second]
    np.testing.assert_array_equal(found, [images[row] for row in rows])


def test_stored_faces_of_an_empty_file_are_an_error(tmp_path):
    path = tmp_path / "data.mdb"
    write_records(path, [])
    with pytest.raises(UserError, match=r"data\.mdb: holds no record$"):
        StoredFaces([path])
