"""`facexpr check`: what would make `dvc repro` fail is told before anything is touched."""

import pytest

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
    ("section", "key", "value", "hint"),
    [
        ("train", "network", "vgg", "available: fourconv, vgg_bn; did you mean 'vgg_bn'?"),
        ("detect", "detector", "mtcn", "available: mtcnn, whole; did you mean 'mtcnn'?"),
        ("data", "format", "fer2012", "available: fer2013, folder; did you mean 'fer2013'?"),
    ],
)
def test_unknown_modules(project, call, change, section, key, value, hint):
    change(**{section: {key: value}})
    assert call("check").error == f"{section}.{key}: unknown '{value}'; {hint}"


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
    (project / "data/raw/images/train/happy").mkdir(parents=True)
    change(data={"format": "folder", "source": "data/raw/images", "labels": ["hapy"]})
    message = call("check").error
    assert "unknown 'happy'; available: hapy; did you mean 'hapy'?" in message
    assert "data/raw/images/train/happy" in message


def test_it_works_from_a_folder_below(project, call, monkeypatch):
    monkeypatch.chdir(project / "data/raw")
    assert call("check").code == 0
