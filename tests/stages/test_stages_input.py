"""A broken CSV or archive: one line that says what, where and expected, and nothing touched."""

import gzip
import io
import lzma
import tarfile
import zipfile

import numpy as np
import pytest
from program import failure, make_project, run_well, set_params

from facexpr.images import encode_png

HEADER = "emotion,pixels,Usage"
PIXELS = " ".join(str(number % 256) for number in range(2304))
ROWS = [f"{row % 7},{PIXELS},{('Training', 'PrivateTest')[row % 2]}" for row in range(28)]
LABELS = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]


def table(row=3, line=None, header=HEADER):
    """A sound CSV, or one with another line in place of a row."""
    lines = [line if line is not None and number == row else one for number, one in enumerate(ROWS)]
    return "\n".join([header, *lines, ""]).encode()


def tar(data, name="fer2013/fer2013.csv"):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def zipped(data, name="fer2013.csv"):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return stream.getvalue()


def random_table():
    """A CSV that compression cannot make so small that half of it holds everything."""
    images = np.random.default_rng(0).integers(0, 256, (28, 2304))
    lines = [f"0,{' '.join(map(str, image))},Training" for image in images]
    return "\n".join([HEADER, *lines, ""]).encode()


@pytest.fixture
def project(tmp_path):
    """A project in which nothing has run."""
    return make_project(tmp_path / "project")


def fail_on(project, name, data):
    source = project / "raw" / name
    source.parent.mkdir()
    source.write_bytes(data)
    set_params(project, {"data": {"source": f"raw/{name}"}})
    return failure(project, "images")


BROKEN_TABLES = {
    "missing column": (
        table(header="emotion,pixels,Split"),
        ["fer2013.csv", "no column Usage", "found emotion, pixels, Split"],
    ),
    "pixel count": (
        table(line=f"3,{PIXELS} 7,Training"),
        ["fer2013.csv row 3", "2305 pixels, expected 2304 (48x48)"],
    ),
    "value over 255": (
        table(line=f"3,{PIXELS.replace('200', '256')},Training"),
        ["fer2013.csv row 3", "pixel value 256, expected 0 to 255"],
    ),
    "negative value": (
        table(line=f"3,{PIXELS.replace('200', '-20')},Training"),
        ["fer2013.csv row 3", "pixel value -20, expected 0 to 255"],
    ),
    "not a number": (
        table(line=f"3,{PIXELS.replace('200', 'x2')},Training"),
        ["fer2013.csv row 3", "pixel value x2, expected 0 to 255"],
    ),
    "unknown label": (
        table(line=f"7,{PIXELS},Training"),
        ["fer2013.csv row 3", "emotion 7, expected 0 to 6"],
    ),
    "unknown usage": (
        table(line=f"3,{PIXELS},Trainning"),
        ["fer2013.csv row 3: Usage", "unknown 'Trainning'", "did you mean 'Training'?"],
    ),
    "missing field": (
        table(line=f"3,{PIXELS}"),
        ["fer2013.csv row 3", "2 fields, expected 3 (emotion, pixels, Usage)"],
    ),
    "empty file": (b"", ["fer2013.csv: empty file", "expected the columns emotion, pixels, Usage"]),
    "no rows": (f"{HEADER}\n".encode(), ["fer2013.csv", "a header but no rows"]),
    "another encoding": (
        table(line=f"3,{PIXELS},Träning").decode().encode("latin-1"),
        ["fer2013.csv: not UTF-8 text"],
    ),
    "no train": (
        table().replace(b"Training", b"PublicTest"),
        ["fer2013.csv: train has no pictures of 'angry'", "take it out of data.labels"],
    ),
    "a label without train": (
        table().replace(f"2,{PIXELS},Training".encode(), f"2,{PIXELS},PrivateTest".encode()),
        ["fer2013.csv: train has no pictures of 'fear'"],
    ),
    "too few to carve test and val from": (
        "\n".join([HEADER, *(f"{row % 7},{PIXELS},Training" for row in range(14)), ""]).encode(),
        ["label 'angry': too few samples in train to carve test and val from"],
    ),
}


@pytest.mark.parametrize("case", BROKEN_TABLES)
def test_a_broken_table(project, case):
    data, words = BROKEN_TABLES[case]
    message = fail_on(project, "fer2013.csv", data)
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("fer2013.csv.gz", gzip.compress),
        ("fer2013.csv.xz", lzma.compress),
        ("fer2013.zip", zipped),
        ("fer2013.tar.gz", tar),
    ],
)
def test_a_truncated_archive(project, name, pack):
    data = pack(random_table())
    message = fail_on(project, name, data[: len(data) * 2 // 3])
    assert message.startswith(f"{name}: broken or truncated archive: ")
    assert message.endswith("; fetch it again")


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("fer2013.zip", zipped(table(), "other.csv"), ["holds no fer2013.csv"]),
        ("fer2013.tar.gz", tar(table(), "other.csv"), ["holds no fer2013.csv"]),
        ("fer2013.parquet", b"PAR1", ["unknown form", ".csv.xz", ".tar.gz"]),
    ],
)
def test_an_archive_of_something_else(project, name, data, words):
    message = fail_on(project, name, data)
    for word in [name, *words]:
        assert word in message


def test_a_missing_source(project):
    set_params(project, {"data": {"source": "data/raw/fer2013.csv"}})
    message = failure(project, "images")
    assert message == "data/raw/fer2013.csv: not found; see data/README.md for where it belongs"


def test_unknown_names_in_the_parameters(project):
    set_params(project, {"data": {"format": "fer2012"}})
    message = failure(project, "images")
    assert message.startswith("data.format: unknown 'fer2012'; available: ")
    assert message.endswith("did you mean 'fer2013'?")
    set_params(project, {"data": {"format": "fer2013", "labels": ["happy", "anger"]}})
    message = failure(project, "images")
    assert message.startswith("data.labels: unknown 'anger'; available: angry, ")
    set_params(project, {"data": {"labels": LABELS, "relabel": {"anger": "angry"}}})
    message = failure(project, "images")
    assert message.startswith("data.relabel: unknown 'anger'; available: angry, ")


def test_a_label_that_the_parameters_leave_out(project):
    set_params(project, {"data": {"labels": LABELS[:-1]}})
    message = fail_on(project, "fer2013.csv", table())
    assert message.startswith("fer2013.csv row 6: label 'neutral' is not in data.labels (angry,")
    assert message.endswith("or leave it out with data.relabel: {'neutral': null}")


def test_a_key_that_the_source_lacks(project):
    run_well(project, "sample")
    message = failure(project, "images", "--keys", "train-0000000,test-0000000,test-0000021")
    assert message == "data/sample/fer2013.csv: no sample with key test-0000000"


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", b"no picture"])
def test_an_unreadable_picture_in_a_folder(project, data):
    for split in ("train", "test"):
        for name in ("angry/a", "happy/a", "happy/b"):
            path = project / f"pictures/{split}/{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_png(np.zeros((20, 20), np.uint8)))
    path.write_bytes(data)
    wanted = {"format": "folder", "source": "pictures", "labels": ["happy", "angry"]}
    set_params(project, {"data": wanted})
    message = failure(project, "images")
    assert message.startswith("pictures/test/happy/b.png: ")
    assert "picture" in message


def test_a_folder_of_another_layout(project):
    (project / "pictures/happy").mkdir(parents=True)
    wanted = {"format": "folder", "source": "pictures", "labels": ["happy", "angry"]}
    set_params(project, {"data": wanted})
    message = failure(project, "images")
    assert message.startswith("pictures: no folder train, found happy; expected <split>/<label>/")
