import numpy as np
import pytest

from facexpr import datasets
from facexpr.datasets import combined
from facexpr.errors import UserError
from facexpr.images import encode_png
from facexpr.labels import FER2013

PIXELS = " ".join(["7"] * 2304)
VOTES = "Usage,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n"


def put_table(folder, codes):
    folder.mkdir(parents=True)
    lines = [f"{code},{PIXELS},Training\n" for code in codes]
    (folder / "fer2013.csv").write_text("emotion,pixels,Usage\n" + "".join(lines))


def put_pictures(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(np.zeros((5, 8), np.uint8)))


@pytest.fixture
def source(tmp_path):
    """Two parts of votes and pictures; the second row of the first has no majority."""
    put_table(tmp_path / "all/ferplus", [3, 0, 4])
    lines = ["Training,0,9,0,0,0,0,0,0,0,1\n", "Training,5,5,0,0,0,0,0,0,0,0\n"]
    lines += ["Training,0,0,0,8,0,0,0,2,0,0\n"]
    (tmp_path / "all/ferplus/fer2013new.csv").write_text(VOTES + "".join(lines))
    names = ("train/happy/a.png", "train/zany/b.png", "test/happy/c.png")
    put_pictures(tmp_path / "all/folder", *names)
    (tmp_path / "all/.cache").mkdir()
    (tmp_path / "all/notes.txt").write_text("x")
    return tmp_path / "all"


def error_of(source):
    with pytest.raises(UserError) as caught:
        list(combined.read(source))
    with pytest.raises(UserError) as again:
        combined.find_labels(source)
    assert str(caught.value) == str(again.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_parts_follow_each_other_and_rows_count_on(source):
    samples = list(combined.read(source))
    assert [(s.row, s.part, s.label, s.split, s.origin) for s in samples] == [
        (0, "ferplus", "happy", "train", "ferplus/fer2013.csv row 0"),
        (2, "ferplus", "sad", "train", "ferplus/fer2013.csv row 2"),
        (3, "folder", "happy", "train", "folder/train/happy/a.png"),
        (4, "folder", "zany", "train", "folder/train/zany/b.png"),
        (5, "folder", "happy", "test", "folder/test/happy/c.png"),
    ]
    assert samples[0].votes["happy"] == 9
    assert samples[2].votes is None
    assert samples[2].image.shape == (5, 8)


def test_settings_reach_the_parts(source):
    samples = combined.read(source, ferplus_majority=0.4, ckplus_frames=("last",))
    assert [(s.row, s.label) for s in samples][:3] == [(0, "happy"), (1, "neutral"), (2, "sad")]


def test_labels_are_those_of_all_parts_in_order_of_appearance(source):
    assert combined.find_labels(source) == [*datasets.find("ferplus").LABELS, "zany"]


def test_classes_over_the_parts(source):
    labels = ["sad", "happy"]
    others = ("neutral", "surprise", "angry", "disgust", "fear")
    relabel = dict.fromkeys(others) | {"zany": "happy", "contempt": "sad"}
    samples = list(datasets.read("combined", source, labels, relabel))
    assert [s.label for s in samples] == ["happy", "sad", "happy", "happy", "happy"]
    assert [s.votes for s in samples][1:3] == [{"sad": 10, "happy": 0}, None]
    with pytest.raises(UserError, match=r"label 'contempt' is not in data.labels \(sad, happy\)"):
        datasets.read("combined", source, labels, dict.fromkeys((*others, "zany")))


def test_a_part_that_is_fer2013_in_a_folder(tmp_path):
    put_table(tmp_path / "fer2013", range(7))
    assert combined.find_labels(tmp_path) == list(FER2013)
    samples = list(combined.read(tmp_path))
    assert [s.origin for s in samples][6] == "fer2013/fer2013.csv row 6"


def test_a_subfolder_that_is_no_format(source):
    (source / "ferplsu").mkdir()
    message = error_of(source)
    assert message.startswith(f"{source / 'ferplsu'}: rename this folder: unknown 'ferplsu'; ")
    assert message.endswith("; did you mean 'ferplus'?")
    assert "combined" not in message


def test_combined_in_combined(source):
    (source / "combined").mkdir()
    assert error_of(source) == (
        f"{source / 'combined'}: one combined data set in another; move its folders up"
    )


def test_no_parts(tmp_path):
    (tmp_path / "fer2013.csv").write_text("x")
    assert error_of(tmp_path).startswith(f"{tmp_path}: no subfolders; expected some of ")
    missing = tmp_path / "none"
    assert error_of(missing).startswith(f"{missing}: not found; expected a folder of ")
    file = tmp_path / "fer2013.csv"
    assert error_of(file).startswith(f"{file}: not a folder; expected a folder of ")


def test_a_broken_part_names_its_own_place(source):
    (source / "folder/train/happy/a.png").write_bytes(b"x")
    with pytest.raises(UserError, match=r"a\.png: not a readable picture"):
        _ = [sample.image for sample in combined.read(source)]
