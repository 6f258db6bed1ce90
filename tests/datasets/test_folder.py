import numpy as np
import pytest

from facexpr.datasets import folder
from facexpr.errors import UserError
from facexpr.images import encode_png

GREY = np.arange(48 * 48, dtype=np.uint16).astype(np.uint8).reshape(48, 48)
RGB = np.dstack([np.full((60, 100), value, np.uint8) for value in (200, 30, 90)])
LAYOUT = "expected <split>/<label>/<picture>, with the splits train, test and, if there is one, val"
NAMES = ("train/angry/a.png", "train/happy/b.png", "test/angry/c.png", "test/happy/d.png")


def add(source, *names, image=GREY):
    for name in names:
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(image))


def origins(source):
    return [sample.origin for sample in folder.read(source)]


def error_of(source):
    with pytest.raises(UserError) as caught:
        list(folder.read(source))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_order_is_split_then_label_then_name(tmp_path):
    add(tmp_path, "test/happy/1.png", "val/angry/1.png", "train/angry/b.png", "train/angry/a.png")
    add(tmp_path, "train/happy/z.png", "train/angry/C.png")
    samples = list(folder.read(tmp_path))
    assert [(s.row, s.split, s.label, s.origin) for s in samples] == [
        (0, "train", "angry", "train/angry/C.png"),
        (1, "train", "angry", "train/angry/a.png"),
        (2, "train", "angry", "train/angry/b.png"),
        (3, "train", "happy", "train/happy/z.png"),
        (4, "val", "angry", "val/angry/1.png"),
        (5, "test", "happy", "test/happy/1.png"),
    ]
    assert {(s.subject, s.part, s.votes) for s in samples} == {("", "", None)}
    assert origins(tmp_path) == [sample.origin for sample in samples]


@pytest.mark.parametrize("name", ["val", "valid", "validation", "Validation"])
def test_names_of_the_val_folder(tmp_path, name):
    add(tmp_path, *NAMES, f"{name}/happy/1.png")
    samples = list(folder.read(tmp_path))
    assert [s.origin for s in samples if s.split == "val"] == [f"{name}/happy/1.png"]


def test_images_are_passed_as_they_are(tmp_path):
    add(tmp_path, "train/angry/1.png")
    add(tmp_path, "train/happy/1.png", image=RGB)
    grey, colour = folder.read(tmp_path)
    np.testing.assert_array_equal(grey.image, GREY)
    np.testing.assert_array_equal(colour.image, RGB)
    assert grey.image.dtype == colour.image.dtype == np.uint8


def test_suffixes_in_any_case_and_other_files_ignored(tmp_path):
    add(tmp_path, *NAMES, "train/angry/D.PNG", "train/angry/e.Jpeg", "train/angry/f.bmp")
    for name in (".DS_Store", "Thumbs.db", "notes.txt", "._a.png", "a.png.part"):
        (tmp_path / "train/angry" / name).write_bytes(b"x")
    (tmp_path / "train/readme.txt").write_bytes(b"x")
    (tmp_path / "readme.txt").write_bytes(b"x")
    (tmp_path / "train/.ipynb_checkpoints").mkdir()
    (tmp_path / "__MACOSX").mkdir()
    found = [origin for origin in origins(tmp_path) if origin.startswith("train/angry")]
    names = ("D.PNG", "a.png", "e.Jpeg", "f.bmp")
    assert found == [f"train/angry/{name}" for name in names]


def test_a_picture_is_read_only_when_asked_for(tmp_path):
    add(tmp_path, *NAMES)
    broken = tmp_path / "test/happy/d.png"
    broken.write_bytes(b"no picture")
    samples = folder.read(tmp_path)
    assert next(samples).origin == "train/angry/a.png"
    with pytest.raises(UserError, match="not a readable picture") as caught:
        _ = [sample.image for sample in samples]
    assert str(caught.value).startswith(f"{broken}: ")


def test_find_labels_of_all_splits(tmp_path):
    add(tmp_path, *NAMES, "train/bored/1.png", "test/other/1.png", "validation/Zen/1.png")
    (tmp_path / "train/.cache").mkdir()
    (tmp_path / "train/empty").mkdir()
    assert folder.find_labels(tmp_path) == ["Zen", "angry", "bored", "happy", "other"]
    assert {sample.label for sample in folder.read(tmp_path)} == set(folder.find_labels(tmp_path))


@pytest.mark.parametrize("names", [["train"], ["train/happy", "train/angry", "test/happy"]])
def test_no_pictures(tmp_path, names):
    for name in names:
        (tmp_path / name).mkdir(parents=True)
    message = f"{tmp_path / 'train'}: no label folders with pictures; {LAYOUT}"
    assert error_of(tmp_path) == message
    with pytest.raises(UserError) as caught:
        folder.find_labels(tmp_path)
    assert str(caught.value) == message


def test_source_missing_or_a_file(tmp_path):
    path = tmp_path / "faces"
    assert error_of(path) == f"{path}: not found; {LAYOUT}"
    path.write_bytes(b"x")
    assert error_of(path) == f"{path}: not a folder; {LAYOUT}"


def test_no_split_folders(tmp_path):
    assert error_of(tmp_path) == f"{tmp_path}: no folder train, found nothing; {LAYOUT}"
    add(tmp_path, "happy/1.png", "angry/1.png")
    assert error_of(tmp_path) == f"{tmp_path}: no folder train, found angry, happy; {LAYOUT}"
    add(tmp_path, *(f"label{number}/1.png" for number in range(9)))
    names = "angry, happy, label0, label1, label2, label3, label4, label5, …"
    assert error_of(tmp_path) == f"{tmp_path}: no folder train, found {names}; {LAYOUT}"


def test_two_folders_for_one_split(tmp_path):
    add(tmp_path, *NAMES, "val/happy/1.png", "valid/happy/1.png")
    assert error_of(tmp_path) == f"{tmp_path}: both val and valid mean val; keep one"


@pytest.mark.parametrize("name", ["train/x.png", "test/x.jpg", "train/a/person1/x.png"])
def test_a_picture_at_another_depth_is_not_passed_over(tmp_path, name):
    for good in ("train/a/1.png", "test/a/1.png", name):
        path = tmp_path / good
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(np.zeros((5, 8), np.uint8)))
    with pytest.raises(UserError) as caught:
        list(folder.read(tmp_path))
    assert str(caught.value) == (
        f"{tmp_path / name}: not in a label folder; {folder.LAYOUT}; move it there"
    )
