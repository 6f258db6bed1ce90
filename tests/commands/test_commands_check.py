"""`facexpr check`: what would make `dvc repro` fail is told before anything is touched."""

import numpy as np
import pytest

from facexpr import datasets, detectors, networks
from facexpr.images import encode_png

PIXELS = " ".join(["0"] * 2304)


def put_table(project, row=f"3,{PIXELS},Training"):
    (project / "data/raw/fer2013.csv").write_text(f"emotion,pixels,Usage\n{row}\n")


def test_the_sample_is_ready_before_it_is_drawn(project, call):
    answer = call("check")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == "params.yaml: ok (fer2013 from data/sample/fer2013.csv)\n"


def test_a_source_that_is_there(project, call, change):
    put_table(project)
    change(data={"source": "data/raw/fer2013.csv"})
    assert call("check").out == "params.yaml: ok (fer2013 from data/raw/fer2013.csv)\n"


@pytest.mark.parametrize(
    ("section", "key", "value", "package", "near"),
    [
        ("train", "network", "vgg", networks, "vgg_bn"),
        ("detect", "detector", "mtcn", detectors, "mtcnn"),
        ("predict", "detector", "hair", detectors, "haar"),
        ("data", "format", "fer2012", datasets, "fer2013"),
    ],
)
def test_unknown_modules(project, call, change, section, key, value, package, near):
    change(**{section: {key: value}})
    names = ", ".join(package.available())
    assert call("check").error == (
        f"{section}.{key}: unknown '{value}'; available: {names}; did you mean '{near}'?"
    )


@pytest.mark.parametrize("key", ["haar_cascade", "haar_eyes"])
@pytest.mark.parametrize("section", ["detect", "predict"])
def test_a_cascade_that_is_not_there_is_told_where_it_is_used(project, call, change, section, key):
    change(detect={key: "haarcascade_frontalface_defualt.xml"})
    assert call("check").code == 0
    change(**{section: {"detector": "haar"}})
    message = call("check").error
    assert message.startswith(f"detect.{key}: no cascade 'haarcascade_frontalface_defualt.xml' in ")
    assert "did you mean haarcascade_frontalface_default.xml" in message


def test_a_teacher_that_is_not_there(project, call, change):
    change(train={"teacher": "large.csv"})
    message = call("check").error
    assert message == "train.teacher: data/teachers/large.csv not found; expected a CSV, or none"
    (project / "data/teachers").mkdir()
    (project / "data/teachers/large.csv").touch()
    assert call("check").code == 0


@pytest.mark.parametrize(("section", "key"), [("data", "source"), ("predict", "input")])
def test_missing_inputs(project, call, change, section, key):
    change(**{section: {key: "data/raw/elsewhere"}})
    message = call("check").error
    assert message == (
        f"{section}.{key}: data/raw/elsewhere not found; see data/README.md for where it belongs"
    )


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (f"3,{PIXELS} 0,Training", "row 0: 2305 pixels, expected 2304"),
        (f"3,{PIXELS},training", "row 0: Usage: unknown 'training'"),
        ("", "a header but no rows"),
    ],
)
def test_a_first_row_that_is_broken(project, call, change, row, words):
    put_table(project, row)
    change(data={"source": "data/raw/fer2013.csv"})
    message = call("check").error
    assert message.startswith("fer2013.csv")
    assert words in message


def test_labels_that_the_folders_do_not_have(project, call, change):
    for name in ("train/happy", "train/sad", "test/odd"):
        path = project / "data/raw/images" / name / "a.png"
        path.parent.mkdir(parents=True)
        path.write_bytes(encode_png(np.zeros((5, 8), np.uint8)))
    folder = {"format": "folder", "source": "data/raw/images"}
    change(data=folder | {"labels": ["hapy", "sad"]})
    assert call("check").error == (
        "data.labels: unknown 'hapy'; available: happy, odd, sad; did you mean 'happy'?"
    )
    change(data={"labels": ["happy", "sad"]})
    assert call("check").error == (
        "data/raw/images: label 'odd' is not in data.labels (happy, sad); "
        "add it there, or leave it out with data.relabel: {'odd': null}"
    )
    change(data={"relabel": {"odd": None}})
    assert call("check").out == "params.yaml: ok (folder from data/raw/images)\n"


def test_a_first_row_whose_label_is_left_out(project, call, change):
    put_table(project, f"3,{PIXELS},Training\n0,oops,Training")
    labels = ["angry", "disgust", "fear", "sad", "surprise", "neutral"]
    wanted = {"source": "data/raw/fer2013.csv", "labels": labels, "relabel": {"happy": None}}
    change(data=wanted)
    assert call("check").error.startswith("fer2013.csv row 1: 1 pixels")


def test_it_works_from_a_folder_below(project, call, monkeypatch):
    monkeypatch.chdir(project / "data/raw")
    assert call("check").code == 0
