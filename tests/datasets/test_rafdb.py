import cv2
import numpy as np
import pytest

from facexpr.datasets import rafdb
from facexpr.errors import UserError

LIST = "EmoLabel/list_patition_label.txt"
LINES = ["train_00001.jpg 5", "train_00002.jpg 1", "test_0001.jpg 7", "train_00003.jpg 4"]


def picture(value=100, height=40, width=60):
    """RGB, wider than high, of areas large enough that JPEG keeps their colours nearly."""
    image = np.full((height, width, 3), 20, np.uint8)
    image[:, : width // 2] = (value, 60, 160)
    return image


def add_picture(source, name, image=None):
    path = source / "Image" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = cv2.cvtColor(picture() if image is None else image, cv2.COLOR_RGB2BGR)
    assert cv2.imwrite(str(path), pixels, [cv2.IMWRITE_JPEG_QUALITY, 100])
    return path


def add_list(source, lines=LINES, end="\n"):
    path = source / LIST
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + end for line in lines), encoding="utf-8")
    return path


def build(source, lines=LINES, aligned=True):
    """A list and the pictures that it names."""
    for line in lines:
        stem = line.split(".")[0]
        add_picture(source, f"aligned/{stem}_aligned.jpg" if aligned else f"original/{stem}.jpg")
    return add_list(source, lines)


def read(source, images="aligned"):
    return list(rafdb.read(source, rafdb_images=images, ckplus_frames=("first",)))


def error_of(source, images="aligned"):
    with pytest.raises(UserError) as caught:
        read(source, images)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_order_labels_and_splits_are_those_of_the_list(tmp_path):
    build(tmp_path)
    samples = read(tmp_path)
    assert [(s.row, s.split, s.label, s.origin) for s in samples] == [
        (0, "train", "sad", "Image/aligned/train_00001_aligned.jpg"),
        (1, "train", "surprise", "Image/aligned/train_00002_aligned.jpg"),
        (2, "test", "neutral", "Image/aligned/test_0001_aligned.jpg"),
        (3, "train", "happy", "Image/aligned/train_00003_aligned.jpg"),
    ]
    assert {sample.subject for sample in samples} == {""}
    assert next(rafdb.read(tmp_path)).label == "sad"  # aligned is what it takes by default


def test_codes_of_all_labels(tmp_path):
    build(tmp_path, [f"train_{code}.jpg {code}" for code in range(1, 8)])
    assert [sample.label for sample in read(tmp_path)] == list(rafdb.LABELS)


def test_images_are_rgb_as_they_are(tmp_path):
    build(tmp_path, ["train_1.jpg 1"])
    image = picture(250, height=100, width=30)
    add_picture(tmp_path, "aligned/train_1_aligned.jpg", image)
    (sample,) = read(tmp_path)
    assert sample.image.dtype == np.uint8
    assert sample.image.shape == (100, 30, 3)
    assert np.abs(sample.image[50, 5].astype(int) - image[50, 5]).max() < 12


def test_original_images(tmp_path):
    build(tmp_path)
    build(tmp_path, aligned=False)
    origins = [sample.origin for sample in read(tmp_path, "original")]
    assert origins[0] == "Image/original/train_00001.jpg"
    assert len(origins) == 4


def test_spellings_of_the_list(tmp_path):
    build(tmp_path)
    wanted = [(s.label, s.origin) for s in read(tmp_path)]
    add_list(tmp_path, LINES, end="\r\n")
    assert [(s.label, s.origin) for s in read(tmp_path)] == wanted
    add_list(tmp_path, ["\ufeff" + LINES[0], "", *(f"{line} " for line in LINES[1:]), " "])
    assert [(s.label, s.origin) for s in read(tmp_path)] == wanted


def test_other_files_are_passed_over(tmp_path):
    build(tmp_path)
    for name in (".DS_Store", "Thumbs.db", "._train_00001_aligned.jpg", "readme.txt"):
        (tmp_path / "Image/aligned" / name).write_bytes(b"x")
    assert len(read(tmp_path)) == 4


def test_a_picture_is_read_only_when_asked_for(tmp_path):
    build(tmp_path)
    broken = tmp_path / "Image/aligned/test_0001_aligned.jpg"
    broken.write_bytes(b"no picture")
    samples = rafdb.read(tmp_path, rafdb_images="aligned")
    assert [next(samples).row, next(samples).row] == [0, 1]
    with pytest.raises(UserError) as caught:
        _ = next(samples).image
    assert str(caught.value).startswith(f"{broken}: not a readable picture")


def test_no_list(tmp_path):
    message = f"{tmp_path / LIST}: not found; expected {LIST} and Image/ in data.source"
    assert error_of(tmp_path) == message
    add_picture(tmp_path, "aligned/train_00001_aligned.jpg")
    assert error_of(tmp_path) == message


def test_a_list_that_is_empty_or_no_text(tmp_path):
    path = build(tmp_path)
    path.write_text("\n \n")
    assert error_of(tmp_path) == f"{path}: empty; expected lines such as train_00001.jpg 5"
    path.write_bytes(b"train_\xff.jpg 1\n")
    assert error_of(tmp_path).startswith(f"{path}: cannot be read: ")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("train_00009.jpg", "train_00009.jpg"),
        ("train_00009.jpg 1 2", "'train_00009.jpg 1 2'"),
        ("val_00009.jpg 1", "'val_00009.jpg 1'"),
        ("train_00009 1", "'train_00009 1'"),
        ("train_../x.jpg 1", "'train_../x.jpg 1'"),
        ("00009.jpg,1", "00009.jpg,1"),
    ],
)
def test_a_malformed_line(tmp_path, line, found):
    path = build(tmp_path)
    add_list(tmp_path, [LINES[0], "", line, *LINES[1:]])
    assert error_of(tmp_path) == (
        f"{path} line 3: {found}, expected train_… or test_… and a code: train_00001.jpg 5"
    )


@pytest.mark.parametrize("code", ["0", "12", "-1", "1.0", "happy"])
def test_a_code_out_of_range(tmp_path, code):
    path = build(tmp_path)
    add_list(tmp_path, [*LINES, f"train_00009.jpg {code}"])
    assert error_of(tmp_path) == f"{path} line 5: code {code}, expected 1 to 7"


@pytest.mark.parametrize("code", ["8", "11"])
def test_a_code_of_the_compound_set(tmp_path, code):
    path = build(tmp_path)
    add_list(tmp_path, [f"train_00001.jpg {code}"])
    assert error_of(tmp_path) == (
        f"{path} line 1: code {code}, expected 1 to 7; "
        "for the compound set, set data.format: rafdb_compound"
    )


def test_a_picture_listed_twice(tmp_path):
    path = build(tmp_path)
    add_list(tmp_path, [*LINES, "train_00002.jpg 3"])
    assert error_of(tmp_path) == f"{path} line 5: train_00002.jpg stands in line 2 too; keep one"


def test_a_listed_picture_that_is_absent(tmp_path):
    build(tmp_path)
    path = tmp_path / "Image/aligned/train_00002_aligned.jpg"
    path.unlink()
    assert error_of(tmp_path) == f"{path}: not found, but {LIST} has it; unpack it again"
    (tmp_path / "Image/aligned/test_0001_aligned.jpg").unlink()
    message = f"{path}: not found (and 1 more), but {LIST} has it; unpack it again"
    assert error_of(tmp_path) == message


def test_a_picture_that_is_not_listed(tmp_path):
    build(tmp_path)
    path = add_picture(tmp_path, "aligned/train_00009_aligned.jpg")
    assert error_of(tmp_path) == f"{path}: not in {LIST}; add it, or take it away"
    add_picture(tmp_path, "aligned/train_00010_aligned.jpg")
    assert error_of(tmp_path) == f"{path}: not in {LIST} (and 1 more); add it, or take it away"


def test_the_other_kind_of_pictures_is_there(tmp_path):
    build(tmp_path)
    assert error_of(tmp_path, "original") == (
        f"{tmp_path / 'Image/original'}: not found, but Image/aligned is there; "
        "set data.rafdb_images: aligned"
    )


def test_no_pictures_at_all(tmp_path):
    add_list(tmp_path)
    expected = "not found; expected RAF-DB's pictures there"
    assert error_of(tmp_path) == f"{tmp_path / 'Image/aligned'}: {expected}"


def test_unknown_kind_of_pictures(tmp_path):
    build(tmp_path)
    assert error_of(tmp_path, "align") == (
        "data.rafdb_images: unknown 'align'; available: aligned, original; did you mean 'aligned'?"
    )
