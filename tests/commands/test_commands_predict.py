"""`facexpr predict` with a tiny known model: what it prints, writes, and goes on from."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from tiny_model import ROOT, detection, expected, make_card, write_model

from facexpr.labels import FER2013
from facexpr.sample.scenes import draw_scene

BRIGHT, DARK = 200, 100  # the tiny model calls the one neutral, the other angry


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder: no project, two good pictures and a broken one, and a model."""
    monkeypatch.chdir(tmp_path)
    write_model(tmp_path / "model.onnx")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    cv2.imwrite(str(pictures / "a.png"), np.full((40, 50, 3), BRIGHT, np.uint8))
    cv2.imwrite(str(pictures / "c.jpg"), np.full((40, 50), DARK, np.uint8))
    (pictures / "b.png").write_bytes((pictures / "a.png").read_bytes()[:50])
    return tmp_path


@pytest.fixture
def predict(folder, call):
    """Call `facexpr predict` with that model."""

    def run(*words):
        return call("predict", *words, *([] if "--model" in words else ["--model", "model.onnx"]))

    return run


@pytest.fixture
def scene(folder):
    """scene.png with faces, how many, and a model that has them found: mtcnn.onnx."""
    write_model(folder / "mtcnn.onnx", make_card(detect=detection(detector="mtcnn")))
    image, faces = draw_scene(np.random.default_rng(0))
    cv2.imwrite("scene.png", image[..., ::-1])
    return len(faces)


def percent(grey: float, label: str) -> str:
    return f"{expected(grey)[FER2013.index(label)]:.0%}"


def rows_of(path: Path) -> list[dict]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_one_picture_is_told_in_a_table(predict):
    answer = predict("pictures/a.png")
    title, head, row = answer.out.splitlines()
    assert title == "pictures/a.png: 1 face"
    assert head.split() == ["label", *FER2013, "score", "box"]
    chances = [percent(BRIGHT, label) for label in FER2013]
    assert row.split() == ["1", "neutral", *chances, "1.00", "50x40", "at", "0,0"]
    assert answer.err == "pictures: 1, faces: 1 (neutral 1), no face: 0, failed: 0\n"
    assert answer.code == 0


def test_a_broken_picture_does_not_stop_the_rest(predict, folder):
    answer = predict("pictures", "missing.png")
    assert answer.code == 1
    assert answer.out.splitlines() == [
        f"pictures/a.png: neutral {percent(BRIGHT, 'neutral')}",
        f"pictures/c.jpg: angry {percent(DARK, 'angry')}",
    ]
    broken, missing, summary = answer.err.rpartition("\r")[2].splitlines()
    assert broken.startswith("facexpr: error: pictures/b.png: not a readable picture")
    assert missing.startswith("facexpr: error: missing.png: not found")
    assert summary == "pictures: 2, faces: 2 (neutral 1, angry 1), no face: 0, failed: 2"


def test_what_is_asked_for_is_written(predict, folder):
    files = ["--json", "new/out.jsonl", "--csv", "new/out.csv", "--out", "new/seen"]
    answer = predict("pictures", *files)
    assert (answer.code, answer.out) == (1, "")
    records = [json.loads(line) for line in Path("new/out.jsonl").read_text().splitlines()]
    assert [one["file"] for one in records] == ["pictures/a.png", "pictures/c.jpg"]
    assert records[0]["model"] == "model.onnx"
    assert records[0]["box_xyxy"] == [-0.5, -0.5, 49.5, 39.5]
    assert records[0]["landmarks"] is None
    assert list(records[0]["probabilities"]) == list(FER2013)
    found = list(records[0]["probabilities"].values())
    assert found == pytest.approx(expected(BRIGHT), abs=1e-5)
    rows = rows_of(Path("new/out.csv"))
    assert [row["status"] for row in rows] == ["face", "failed", "face"]
    assert [row["file"] for row in rows] == [
        f"pictures/{name}" for name in ("a.png", "b.png", "c.jpg")
    ]
    assert rows[0]["label"] == "neutral"
    assert float(rows[0]["neutral"]) == records[0]["probabilities"]["neutral"]
    assert [rows[0][name] for name in ("x1", "y1", "x2", "y2")] == ["-0.5", "-0.5", "49.5", "39.5"]
    assert {rows[0]["eye_left_x"], rows[1]["label"], rows[1]["happy"]} == {""}
    seen = sorted(path.name for path in Path("new/seen").iterdir())
    assert seen == ["a.faces.png", "c.faces.png"]
    assert cv2.imread("new/seen/a.faces.png").shape[0] >= 40


def test_json_lines_on_standard_output_and_nothing_else(predict):
    answer = predict("pictures/a.png", "--json", "-")
    assert json.loads(answer.out)["label"] == "neutral"
    assert answer.err == "pictures: 1, faces: 1 (neutral 1), no face: 0, failed: 0\n"


def test_quiet_tells_errors_alone(predict):
    answer = predict("pictures", "--quiet")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("facexpr: error: pictures/b.png: ")
    assert answer.err.count("\n") == 1
    answer = predict("pictures/a.png", "--quiet", "--csv", "a.csv")
    assert (answer.code, answer.out, answer.err) == (0, "", "")


def test_a_picture_without_a_face_is_told_and_recorded_and_no_failure(predict, folder):
    write_model(folder / "mtcnn.onnx", make_card(detect=detection(detector="mtcnn")))
    files = ["--model", "mtcnn.onnx", "--json", "a.jsonl", "--csv", "a.csv", "--out", "seen"]
    answer = predict("pictures/a.png", *files)
    assert answer.code == 0
    assert answer.out == "pictures/a.png: no face\n"
    assert answer.err == "pictures: 1, faces: 0, no face: 1, failed: 0\n"
    assert Path("a.jsonl").read_text() == ""
    (row,) = rows_of(Path("a.csv"))
    assert (row["file"], row["status"], row["label"]) == ("pictures/a.png", "no_face", "")
    assert Path("seen/a.faces.png").is_file()
    answer = predict("pictures/a.png", "pictures/c.jpg", "--model", "mtcnn.onnx")
    assert answer.out.splitlines() == ["pictures/a.png: no face", "pictures/c.jpg: no face"]


def test_standard_input_is_a_picture(predict, folder, monkeypatch):
    data = io.BytesIO((folder / "pictures/a.png").read_bytes())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=data))
    answer = predict("-", "--out", "seen", "--json", "-")
    assert json.loads(answer.out)["file"] == "-"
    assert [path.name for path in Path("seen").iterdir()] == ["stdin.faces.png"]


def test_models_stand_side_by_side_on_the_same_faces(predict, folder, scene):
    (folder / "mtcnn.onnx").rename("up.onnx")
    write_model(folder / "down.onnx", make_card(detect=None), slope=-0.05)
    models = ["--model", "up.onnx", "--model", "down.onnx"]
    answer = predict("scene.png", *models, "--json", "out.jsonl", "--out", "seen")
    records = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert len(records) == 2 * scene
    assert f"faces: {scene} (" in answer.err
    for first, second in zip(records[::2], records[1::2], strict=True):
        assert (first["model"], second["model"]) == ("up.onnx", "down.onnx")
        assert first["box_xyxy"] == second["box_xyxy"]
        assert {first["label"], second["label"]} == {"angry", "neutral"}
    head, *rows = answer.out.splitlines()[1:]
    assert head.split()[:2] == ["model", "label"]
    assert [row.split()[:2] for row in rows[:2]] == [
        ["1", "up.onnx"],
        ["down.onnx", records[1]["label"]],
    ]
    both = cv2.imread("seen/scene.faces.png")
    one = cv2.imread("scene.png")
    assert both.shape[1] > 1.9 * one.shape[1] or both.shape[0] > 1.9 * one.shape[0]
    lines = predict("scene.png", "pictures/a.png", *models).out.splitlines()
    assert lines[0].startswith("scene.png by up.onnx: ")
    assert lines[1].startswith("scene.png by down.onnx: ")


def test_the_score_that_a_face_needs_can_be_set(predict, scene):
    options = ["scene.png", "--model", "mtcnn.onnx", "--json", "-"]
    assert len(predict(*options).out.splitlines()) == scene
    assert len(predict(*options, "--faces", "largest").out.splitlines()) == 1
    assert predict(*options, "--min-score", "1").out == ""


def test_names_that_are_odd_are_told_and_kept(predict, folder):
    odd = [os.fsdecode(name) for name in ("zürich.png".encode(), b"new\nline.png", b"not-\xff.png")]
    for name in odd:
        shutil.copy(folder / "pictures/a.png", name)
    answer = predict(*odd, "--json", "a.jsonl", "--csv", "a.csv", "--out", "seen")
    assert answer.code == 0
    names = [json.loads(line)["file"] for line in Path("a.jsonl").read_text("utf-8").splitlines()]
    assert names == odd
    assert len(rows_of(Path("a.csv"))) == 3
    assert len(list(Path("seen").iterdir())) == 3
    shown = predict(*odd).out.splitlines()
    assert [line.partition(".png")[0] for line in shown] == ["zürich", r"new\nline", r"not-\udcff"]


def test_what_was_done_before_an_interrupt_is_kept(predict, folder, monkeypatch):
    from facexpr import prediction_files

    read, seen = prediction_files.read_picture, []

    def read_one(path):
        if seen:
            raise KeyboardInterrupt
        seen.append(path)
        return read(path)

    monkeypatch.setattr(prediction_files, "read_picture", read_one)
    answer = predict("pictures", "--json", "out.jsonl")
    assert answer.code == 130
    assert answer.err.splitlines()[-1].endswith("failed: 0, stopped")
    assert len(Path("out.jsonl").read_text().splitlines()) == 1


def test_pictures_of_one_name_have_copies_of_their_own(predict, folder):
    (folder / "more").mkdir()
    for name in ("more/a.png", "more/A.JPG", f"more/{'long' * 60}.png"):
        shutil.copy(folder / "pictures/a.png", name)
    assert predict("pictures/a.png", "more", "--out", "seen").code == 0
    names = {path.name for path in Path("seen").iterdir()}
    assert len({name.casefold() for name in names}) == 4
    assert {"a.faces.png", "a-2.faces.png"} < {name.casefold() for name in names}


def test_copies_of_an_earlier_call_are_not_predicted(predict, folder):
    for _ in range(2):
        answer = predict("pictures/a.png", "pictures", "--out", "pictures/seen", "--quiet")
        assert answer.err.count("\n") == 1  # b.png is broken
    assert sorted(path.name for path in Path("pictures/seen").iterdir()) == [
        "a.faces.png",
        "c.faces.png",
    ]


@pytest.mark.parametrize("mark", ["--landmarks", "--eyes", "--emoji"])
def test_marks_are_drawn_when_asked_for(predict, scene, mark):
    predict("scene.png", "--model", "mtcnn.onnx", "--out", "plain")
    predict("scene.png", "--model", "mtcnn.onnx", "--out", "marked", mark)
    plain, marked = (cv2.imread(f"{name}/scene.faces.png") for name in ("plain", "marked"))
    assert plain.shape != marked.shape or (plain != marked).any()


def test_landmarks_stand_in_the_table(predict, scene):
    answer = predict("scene.png", "--model", "mtcnn.onnx", "--csv", "-", "--json", "a.jsonl")
    rows = list(csv.DictReader(io.StringIO(answer.out)))
    records = [json.loads(line) for line in Path("a.jsonl").read_text().splitlines()]
    assert len(rows) == len(records) == scene
    for row, record in zip(rows, records, strict=True):
        nose = [float(row["nose_x"]), float(row["nose_y"])]
        assert nose == record["landmarks"][2]


def test_files_may_have_any_name(predict, folder):
    assert predict("pictures/a.png", "--csv", "table", "--json", "/dev/null").code == 0
    assert len(rows_of(Path("table"))) == 1


def test_an_interrupt_elsewhere_is_no_traceback(predict, monkeypatch):
    from facexpr.commands import predict as command

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "find_pictures", interrupt)
    assert predict("pictures").code == 130


def test_a_reader_that_has_seen_enough_ends_it_silently(folder):
    command = [sys.executable, "-m", "facexpr", "predict", "pictures/a.png", "pictures/c.jpg"]
    words = " ".join([*command, "--model", "model.onnx"])
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        f"{words} | true", shell=True, capture_output=True, text=True, env=environment
    )
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_a_failure_leaves_an_older_file_as_it_was(predict, folder, monkeypatch):
    from facexpr.commands import predict as command

    Path("out.jsonl").write_text("old")

    def fail(*_):
        raise RuntimeError

    monkeypatch.setattr(command, "predict_files", fail)
    with pytest.raises(RuntimeError):
        predict("pictures/a.png", "--json", "out.jsonl")
    assert Path("out.jsonl").read_text() == "old"
    assert not list(folder.glob(".partial*"))


def test_a_folder_that_cannot_be_made_is_told_in_one_line(predict, folder):
    answer = predict("pictures/a.png", "--csv", "model.onnx/a.csv")
    assert answer.code == 1
    assert answer.err.startswith("facexpr: error: model.onnx")
    assert answer.err.count("\n") == 1


def test_the_pictures_themselves_are_never_overwritten(predict, folder):
    before = sorted((folder / "pictures").iterdir())
    message = predict("pictures", "--out", "pictures").error
    assert message == "--out pictures: holds pictures to predict; name another folder"
    assert sorted((folder / "pictures").iterdir()) == before


def test_nothing_to_predict(predict, folder):
    (folder / "empty").mkdir()
    answer = predict("nowhere.png", "empty", "*.bmp")
    assert answer.code == 1
    *errors, summary = answer.err.rpartition("\r")[2].splitlines()
    assert [line.split(":")[2].strip() for line in errors] == ["nowhere.png", "empty", "*.bmp"]
    assert summary == "pictures: 0, faces: 0, no face: 0, failed: 3"


def test_a_missing_or_broken_model(predict, folder):
    message = predict("pictures/a.png", "--model", "other.onnx").error
    assert message == "other.onnx: no such model"
    message = predict("pictures/a.png", "--model", "other.keras").error
    assert message == "other.keras: no such model; train one with 'dvc repro'"
    (folder / "other.keras").write_text("text")
    message = predict("pictures/a.png", "--model", "other.keras").error
    assert message == "other.keras: not a Keras model file; run 'dvc checkout'"
    assert "unknown 'other'; available: " in predict("a.png", "--model", "other").error


def test_a_model_that_does_not_tell_how_faces_are_found_asks_the_project(predict, project, change):
    write_model(project / "own.onnx", make_card(detect=None))
    cv2.imwrite("a.png", np.full((40, 50), BRIGHT, np.uint8))
    change(predict={"detector": "whole"})
    assert predict("a.png", "--model", "own.onnx").out.startswith("a.png: 1 face")
    (project / "dvc.yaml").unlink()
    message = predict("a.png", "--model", "own.onnx").error
    assert message.startswith(
        "own.onnx: does not carry how faces are found, and no project tells: "
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--json", "pictures"], "--json pictures: a folder; expected a file's name"),
        (["--csv", "a.JPG"], "--csv a.JPG: a picture's name; expected such as faces.csv"),
        (["--csv", "a", "--json", "a"], "--json a: the same as --csv; expected another"),
        (["--csv", "pictures"], "--csv pictures: a folder; expected a file's name"),
        (["--out", "model.onnx"], "--out model.onnx: a file; expected a folder's name"),
        (["--emoji"], "--emoji: is drawn on pictures; name a folder for them with --out"),
        (["--min-score", "7"], "--min-score 7.0: expected a number from 0 to 1"),
    ],
)
def test_options_that_make_no_sense_are_told_before_the_work(predict, words, message):
    assert predict("pictures", *words).error == message


def test_a_plain_install_predicts(folder, scene):
    """Only what pyproject.toml names as dependencies may be imported, and what these need."""
    script = """
import sys
from importlib.abc import MetaPathFinder
HEAVY = {"keras", "tensorflow", "dvc", "yaml", "pandas", "lmdb", "matplotlib", "scipy", "sklearn",
         "ruamel", "platformdirs", "tf2onnx"}
class Absent(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in HEAVY:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from facexpr.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}

    def call(*words):
        command = [sys.executable, "-c", script, *words]
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    options = ["--model", "mtcnn.onnx", "--csv", "a.csv", "--out", "seen", "--emoji"]
    done = call("predict", "scene.png", *options)
    assert (done.returncode, done.stderr.count("\n")) == (0, 1), done.stderr
    assert len(rows_of(Path("a.csv"))) == scene
    write_model(folder / "silent.onnx", make_card(detect=None))
    done = call("predict", "scene.png", "--model", "silent.onnx")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    done = call("evaluate", "model.onnx", "a.csv")
    assert done.returncode == 1
    assert done.stderr.startswith("facexpr: error: evaluate: needs ")
    assert "install facexpr with its extras pipeline and cpu" in done.stderr
    assert call("--help").returncode == 0
