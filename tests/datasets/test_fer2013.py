import gzip
import io
import lzma
import os
import tarfile
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from facexpr.datasets import fer2013
from facexpr.errors import UserError
from facexpr.images import encode_png
from facexpr.labels import FER2013

USAGES = ("Training", "PublicTest", "PrivateTest")
SPLITS = {"Training": "train", "PublicTest": "val", "PrivateTest": "test"}
HEADER = "emotion,pixels,Usage\n"
IMAGE = np.arange(2304, dtype=np.uint16).astype(np.uint8).reshape(48, 48)
WORDS = [str(value) for value in IMAGE.ravel().tolist()]
PIXELS = " ".join(WORDS)


def csv_text(rows=8):
    """A CSV whose images differ from row to row and together hold every pixel value."""
    lines = [
        f"{row % 7},{' '.join(map(str, np.roll(IMAGE, row).ravel().tolist()))},{USAGES[row % 3]}\n"
        for row in range(rows)
    ]
    return HEADER + "".join(lines)


def write(folder, text, name="fer2013.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def with_pixels(text, row=3):
    """A CSV with this text for the pixels of one row."""
    return HEADER + "".join(
        f"0,{text if number == row else PIXELS},Training\n" for number in range(5)
    )


def tar_bytes(**members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, text in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return stream.getvalue()


def zip_bytes(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return stream.getvalue()


def packed(text):
    """The text in every form, by file name."""
    data = text.encode()
    tar = tar_bytes(**{"fer2013/README": "hello", "fer2013/fer2013.csv": text})
    return {
        "fer2013.csv": data,
        "fer2013.csv.gz": gzip.compress(data),
        "fer2013.csv.xz": lzma.compress(data),
        "fer2013.zip": zip_bytes(**{"fer2013/fer2013.csv": text, "icml_face_data.csv": "x"}),
        "kaggle.zip": zip_bytes(**{"icml_face_data.csv": text, "train.csv": "emotion,pixels\n"}),
        "fer2013.tar.gz": tar,
        "FER2013.TGZ": tar,
    }


def read(path):
    return list(fer2013.read(path))


def error_of(path):
    with pytest.raises(UserError) as caught:
        content(read(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def content(samples):
    return [(s.row, s.split, s.label, s.image.shape, s.image.tobytes()) for s in samples]


def expected(rows=8):
    return [
        (row, SPLITS[USAGES[row % 3]], FER2013[row % 7], (48, 48), np.roll(IMAGE, row).tobytes())
        for row in range(rows)
    ]


# ------------------------------------------------------------------------- forms of the CSV


@pytest.mark.parametrize("name", packed(""))
def test_every_form_reads_to_the_same_samples(tmp_path, name):
    path = write(tmp_path, packed(csv_text())[name], name)
    samples = read(path)
    assert content(samples) == expected()
    assert samples[5].origin == f"{name} row 5"
    assert samples[5].image.dtype == np.uint8


def other_order():
    rows = (line.split(",") for line in csv_text().splitlines()[1:])
    lines = (f"{code}, {usage} , {pixels}" for code, pixels, usage in rows)
    return "\n".join(["emotion, Usage, pixels", *lines])


@pytest.mark.parametrize(
    "text",
    [
        other_order(),
        csv_text().replace("\n", "\r\n"),
        csv_text().replace("\n", "\n\n"),
        "\ufeff" + csv_text(),
        "\n".join(
            ",".join(f'"{cell}"' for cell in line.split(",")) for line in csv_text().splitlines()
        ),
        "\n".join(f"{number},{line}" for number, line in enumerate(csv_text().splitlines())),
    ],
    ids=["order", "crlf", "blank lines", "byte order mark", "quotes", "more columns"],
)
def test_spellings_of_the_csv(tmp_path, text):
    assert content(read(write(tmp_path, text))) == expected()


def test_reading_twice_gives_the_same(tmp_path):
    path = write(tmp_path, csv_text())
    assert content(read(path)) == content(read(path))


def test_rows_before_a_broken_part_are_given_first(tmp_path):
    good = csv_text(30)
    path = write(tmp_path, good + "0,oops,Training\n")
    samples = fer2013.read(path)
    assert [next(samples).row for _ in range(30)] == list(range(30))
    with pytest.raises(UserError, match="row 30: 1 pixels, expected 2304"):
        _ = next(samples).image


def test_archives_are_streamed(tmp_path):
    data = gzip.compress(csv_text(50).encode())
    path = write(tmp_path, data[:-100], "fer2013.csv.gz")
    samples = fer2013.read(path)
    assert next(samples).row == 0
    with pytest.raises(UserError, match="broken or truncated archive"):
        list(samples)


# ------------------------------------------------------------------------- properties


def as_csv(images):
    lines = (f"0,{' '.join(map(str, image.ravel().tolist()))},Training\n" for image in images)
    return HEADER + "".join(lines)


@settings(max_examples=20, deadline=None)
@given(images=arrays(np.uint8, st.tuples(st.integers(1, 4), st.just(48), st.just(48))))
def test_any_pixels_are_read_back_exactly(images):
    with tempfile.TemporaryDirectory() as folder:
        samples = read(write(Path(folder), as_csv(images)))
    np.testing.assert_array_equal([sample.image for sample in samples], images)


def drop(words, place, _):
    return words[:place] + words[place + 1 :]


def insert(words, place, _):
    return [*words[:place], "0", *words[place:]]


def spoil(words, place, bad):
    return [*words[:place], bad, *words[place + 1 :]]


BAD_WORDS = st.sampled_from(["12a", "1.0", "-1", "+1", "256", "65536", "4294967296", "1e2", "nan"])
BAD_WORDS |= st.sampled_from(["9" * 30, "0x1", "1_0", "²", "٣", "'1", "1;2", "\t1", "\x001", "é"])
BAD_WORDS |= st.integers(256).map(str) | st.integers(max_value=-1).map(str)


@settings(max_examples=60, deadline=None)
@given(
    row=st.integers(0, 4),
    place=st.integers(0, 2303),
    harm=st.sampled_from([drop, insert, spoil]),
    bad=BAD_WORDS,
)
def test_any_corruption_of_one_row_is_reported_with_its_number(row, place, harm, bad):
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), with_pixels(" ".join(harm(WORDS, place, bad)), row))
        message = error_of(path)
    what = "pixel value " if harm is spoil else f"{2303 if harm is drop else 2305} pixels"
    assert message.startswith(f"fer2013.csv row {row}: {what}")


@settings(max_examples=30, deadline=None)
@given(name=st.sampled_from(list(packed(""))[1:]), data=st.data())
def test_any_cut_of_an_archive_is_one_clear_error(name, data):
    archive = packed(csv_text(3))[name]
    end = data.draw(st.integers(1, len(archive) - 1))
    with tempfile.TemporaryDirectory() as folder:
        message = error_of(write(Path(folder), archive[:end], name))
    assert message.startswith(f"{name}: broken or truncated archive: ")
    assert message.endswith("; fetch it again")


# ------------------------------------------------------------------------- errors in rows


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (" ".join(WORDS[1:]), "2303 pixels, expected 2304 (48x48)"),
        (f"{PIXELS} 7", "2305 pixels, expected 2304 (48x48)"),
        ("", "0 pixels, expected 2304 (48x48)"),
        ("   ", "0 pixels, expected 2304 (48x48)"),
        (" ".join([*WORDS[1:], "256"]), "pixel value 256, expected 0 to 255"),
        (" ".join([*WORDS[1:], "12a"]), "pixel value 12a, expected 0 to 255"),
        (" ".join([*WORDS[1:], "-1"]), "pixel value -1, expected 0 to 255"),
        (" ".join([*WORDS[1:], "1.5"]), "pixel value 1.5, expected 0 to 255"),
        (" ".join([*WORDS[1:], "\t1"]), "pixel value '\\t1', expected 0 to 255"),
        (" ".join([*WORDS[1:], "1" * 40]), f"pixel value {'1' * 19}…, expected 0 to 255"),
    ],
)
def test_wrong_pixels(tmp_path, pixels, message):
    assert error_of(write(tmp_path, with_pixels(pixels))) == f"fer2013.csv row 3: {message}"


def test_surplus_blanks_between_pixels_are_no_error(tmp_path):
    samples = read(write(tmp_path, with_pixels(f"  {'  '.join(WORDS)} ")))
    np.testing.assert_array_equal(samples[3].image, IMAGE)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"9,{PIXELS},Training", "emotion 9, expected 0 to 6"),
        (f"-1,{PIXELS},Training", "emotion -1, expected 0 to 6"),
        (f",{PIXELS},Training", "emotion '', expected 0 to 6"),
        (f"happy,{PIXELS},Training", "emotion happy, expected 0 to 6"),
        (
            f"0,{PIXELS},Trainin",
            "Usage: unknown 'Trainin'; available: PrivateTest, PublicTest, Training; "
            "did you mean 'Training'?",
        ),
        (f"0,{PIXELS}", "2 fields, expected 3 (emotion, pixels, Usage); a broken line"),
        ("0,7 8 9", "2 fields, expected 3 (emotion, pixels, Usage); a broken line"),
        (
            f"0,{PIXELS},Training,1",
            "4 fields, expected 3 (emotion, pixels, Usage); a broken line",
        ),
        (
            f'0,"{"1 " * 99999}",Training',
            "not a line of CSV: field larger than field limit (131072)",
        ),
    ],
)
@pytest.mark.parametrize("row", [0, 4])
def test_wrong_rows(tmp_path, line, message, row):
    text = csv_text(row) + line + "\n" + csv_text(1).removeprefix(HEADER)
    assert error_of(write(tmp_path, text)) == f"fer2013.csv row {row}: {message}"


# ------------------------------------------------------------------------- errors in files


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "fer2013.csv: empty file, expected the columns emotion, pixels, Usage"),
        ("\n \n", "fer2013.csv: empty file, expected the columns emotion, pixels, Usage"),
        (HEADER, "fer2013.csv: a header but no rows; expected a row an image"),
        (
            f"emotion,pixels\n0,{PIXELS}\n",
            "fer2013.csv: no column Usage in its first line, found emotion, pixels; "
            "expected emotion, pixels, Usage",
        ),
        (
            csv_text().removeprefix(HEADER),
            "fer2013.csv: no column emotion, pixels, Usage in its first line, "
            "found 0, '0 1 2 3 4 5 6 7 8 9…', Training; expected emotion, pixels, Usage",
        ),
        (b"\xff\xfe" + HEADER.encode("utf-16-le"), "invalid start byte"),
        ((HEADER + "0,1 2").encode() + b"\xe9,Training\n", "invalid continuation byte"),
    ],
)
def test_wrong_files(tmp_path, text, message):
    if isinstance(text, bytes):
        message = f"fer2013.csv: not UTF-8 text, or broken: {message}"
    assert error_of(write(tmp_path, text)) == message


@pytest.mark.parametrize("name", list(packed(""))[1:])
def test_a_file_that_is_not_what_its_suffix_says(tmp_path, name):
    message = error_of(write(tmp_path, csv_text(1), name))
    assert message.startswith(f"{name}: broken or truncated archive: ")


@pytest.mark.parametrize("name", ["fer2013.csv.gz", "fer2013.tar.gz"])
def test_a_changed_byte_is_found_by_the_checksum(tmp_path, name):
    data = bytearray(packed(csv_text())[name])
    data[-6] ^= 1
    message = error_of(write(tmp_path, bytes(data), name))
    assert message.startswith(f"{name}: broken or truncated archive: CRC check failed")


@pytest.mark.parametrize(
    ("name", "archive", "message"),
    [
        ("a.zip", zip_bytes(notes="hello"), "holds no fer2013.csv or icml_face_data.csv"),
        ("a.zip", zip_bytes(), "holds no fer2013.csv or icml_face_data.csv"),
        ("a.tar.gz", tar_bytes(notes="hello"), "holds no fer2013.csv or icml_face_data.csv"),
        (
            "a.zip",
            zip_bytes(**{"a/fer2013.csv": HEADER, "b/fer2013.csv": HEADER}),
            "holds a/fer2013.csv and b/fer2013.csv; keep one of them",
        ),
        ("a.zip", zip_bytes(**{"fer2013.csv": HEADER}), "a header but no rows"),
    ],
)
def test_archives_without_the_one_csv(tmp_path, name, archive, message):
    assert error_of(write(tmp_path, archive, name)).startswith(f"{name}: {message}")


def test_a_zip_with_a_password_says_so(tmp_path):
    data = bytearray(zip_bytes(**{"fer2013.csv": csv_text(1)}))
    directory = data.index(b"PK\x01\x02")
    data[6] |= 1
    data[directory + 8] |= 1
    message = error_of(write(tmp_path, bytes(data), "a.zip"))
    assert message.startswith("a.zip: cannot be unpacked: ")
    assert "encrypted" in message


@pytest.mark.parametrize("name", ["fer2013.csv", "fer2013"])
def test_missing_source(tmp_path, name):
    path = tmp_path / name
    assert error_of(path) == f"{path}: not found; see data/README.md for where it belongs"


def test_unknown_suffix(tmp_path):
    path = write(tmp_path, HEADER, "fer2013.parquet")
    assert error_of(path) == (
        f"{path}: unknown form; expected a folder or .csv.gz, .csv.xz, .csv, .zip, .tar.gz, .tgz"
    )


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all files")
def test_unreadable_source(tmp_path):
    path = write(tmp_path, HEADER)
    path.chmod(0)
    assert error_of(path) == f"{path}: cannot be read: Permission denied"


# ------------------------------------------------------------------------- folders


def picture_tree(folder, names):
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(np.roll(IMAGE, number)))


def test_file_names_tell_the_splits_of_the_folder_form(tmp_path):
    names = ["train/happy/Training_1.png", "train/happy/other.png", "train/angry/Training_2.png"]
    names += ["test/happy/PrivateTest_3.png", "test/happy/PublicTest_4.png", "test/angry/x.png"]
    picture_tree(tmp_path, names)
    samples = read(tmp_path)
    assert [(s.row, s.origin, s.split, s.label) for s in samples] == [
        (0, "train/angry/Training_2.png", "train", "angry"),
        (1, "train/happy/Training_1.png", "train", "happy"),
        (2, "train/happy/other.png", "train", "happy"),
        (3, "test/angry/x.png", "test", "angry"),
        (4, "test/happy/PrivateTest_3.png", "test", "happy"),
        (5, "test/happy/PublicTest_4.png", "val", "happy"),
    ]
    np.testing.assert_array_equal(samples[0].image, np.roll(IMAGE, 2))


def test_other_spellings_of_label_folders(tmp_path):
    picture_tree(
        tmp_path,
        ["train/anger/1.png", "train/happiness/2.png", "test/sadness/3.png", "train/sad/4.png"],
    )
    samples = read(tmp_path)
    assert [(s.origin, s.label) for s in samples] == [
        ("train/anger/1.png", "angry"),
        ("train/happiness/2.png", "happy"),
        ("train/sad/4.png", "sad"),
        ("test/sadness/3.png", "sad"),
    ]


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_label_folder_that_fer2013_does_not_have(tmp_path, split):
    picture_tree(tmp_path, ["train/happy/1.png", "test/happy/1.png", f"{split}/hapy/1.png"])
    assert error_of(tmp_path) == (
        f"{tmp_path / split / 'hapy'}: rename this folder: unknown 'hapy'; available: "
        "angry, disgust, fear, happy, neutral, sad, surprise; did you mean 'happy'?"
    )


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("fer2013.csv", "fer2013.csv"),
        ("fer2013.csv.gz", "fer2013.csv.gz"),
        ("fer2013.csv.xz", "fer2013.csv.xz"),
        ("fer2013.zip", "fer2013.zip"),
        ("fer2013.csv.zip", "kaggle.zip"),
        ("fer2013.tar.gz", "fer2013.tar.gz"),
        ("fer2013.tgz", "fer2013.tar.gz"),
        ("icml_face_data.csv", "fer2013.csv"),
    ],
)
def test_a_folder_that_holds_the_csv(tmp_path, name, form):
    write(tmp_path, packed(csv_text())[form], name)
    write(tmp_path, "Usage,Image name\n", "fer2013new.csv")
    assert fer2013.find_csv(tmp_path) == tmp_path / name
    assert content(read(tmp_path)) == expected()
    write(tmp_path, csv_text(3))
    assert content(read(tmp_path)) == expected(3)  # the unpacked one comes first


def test_a_folder_without_the_csv(tmp_path):
    assert fer2013.find_csv(tmp_path) is None
    (tmp_path / "fer2013.csv").mkdir()
    assert fer2013.find_csv(tmp_path) is None
    assert error_of(tmp_path).startswith(
        f"{tmp_path}: no folder train, found fer2013.csv; expected"
    )


# ------------------------------------------------------------------------- the real data


def test_real_data_has_the_published_counts():
    name = os.environ.get("FACEXPR_FER2013")
    if not name:
        pytest.skip("needs FER2013: set FACEXPR_FER2013 to the path of its CSV or an archive of it")
    splits, labels = Counter(), Counter()
    for sample in fer2013.read(Path(name)):
        splits[sample.split] += 1
        labels[sample.label] += 1
    assert splits == {"train": 28709, "val": 3589, "test": 3589}
    counts = (4953, 547, 5121, 8989, 6077, 4002, 6198)
    assert labels == dict(zip(FER2013, counts, strict=True))
