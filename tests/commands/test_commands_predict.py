"""`facexpr predict` with a tiny untrained model: what it prints, writes, and goes on from."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from facexpr.labels import FER2013
from facexpr.mean import Mean
from facexpr.params import load

pytestmark = pytest.mark.filterwarnings("ignore")  # of TensorFlow's, at its import


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model file as `train` writes it."""
    from facexpr.model_file import save_model
    from facexpr.training import Augmentation, build_models, build_network

    align = load(Path(__file__).parents[2] / "recipes/sample.yaml").align
    mean = Mean(np.full((16, 16), 120.0), 50.0, 120.0, 2)
    network = build_network("vgg_bn", 16, 7)
    model, _ = build_models(network, 16, mean, "mean_image", Augmentation())
    path = tmp_path_factory.mktemp("model") / "model.keras"
    save_model(path, model, {"labels": list(FER2013), "align": align.settings() | {"px": 16}})
    return path


@pytest.fixture
def pictures(project, change, model):
    """A project with a model, no detector, and a folder of two good pictures and a broken one."""
    change(predict={"detector": "whole"})
    (project / "models").mkdir()
    (project / "models/model.keras").write_bytes(model.read_bytes())
    folder = project / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a.png", "c.jpg"):
        cv2.imwrite(str(folder / name), rng.integers(0, 256, (40, 50, 3), np.uint8))
    (folder / "b.png").write_bytes((folder / "a.png").read_bytes()[:200])
    return folder


def test_a_broken_picture_does_not_stop_the_rest(pictures, project, call):
    answer = call("predict", "pictures", "--json", "out.jsonl", "--csv", "out.csv", "--out", "seen")
    assert answer.code == 1
    assert answer.err.splitlines() == [
        "facexpr: error: pictures/b.png: not a readable picture (broken or not an image)",
        "pictures: 2, faces: 2, no face: 0, failed: 1",
    ]
    assert [line.partition(": ")[0] for line in answer.out.splitlines()] == ["a.png", "c.jpg"]
    assert all(line.endswith("%") for line in answer.out.splitlines())
    records = [json.loads(line) for line in (project / "out.jsonl").read_text().splitlines()]
    assert [record["file"] for record in records] == ["pictures/a.png", "pictures/c.jpg"]
    assert list(records[0]["probabilities"]) == list(FER2013)
    with (project / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == [record["label"] for record in records]
    assert {path.name for path in (project / "seen").iterdir()} == {"a.png", "c.png"}


def test_json_lines_on_standard_output_and_nothing_else(pictures, call):
    answer = call("predict", "pictures/a.png", "--json", "-")
    assert answer.code == 0
    assert answer.err == "pictures: 1, faces: 1, no face: 0, failed: 0\n"
    (line,) = answer.out.splitlines()
    record = json.loads(line)
    assert record["box_xyxy"] == [-0.5, -0.5, 49.5, 39.5]
    assert record["landmarks"] is None


def test_paths_are_meant_from_where_the_user_stands(pictures, project, call, monkeypatch):
    monkeypatch.chdir(pictures)
    model = ["--model", "../models/model.keras"]
    answer = call("predict", "a.png", "../pictures/c.jpg", "--json", "new/a.jsonl", *model)
    assert answer.code == 0
    assert len((pictures / "new/a.jsonl").read_text().splitlines()) == 2
    monkeypatch.chdir(pictures)
    assert call("predict", "a.png", "--csv", "tables/a.csv", "--out", "seen").code == 0
    assert (pictures / "tables/a.csv").is_file()
    assert (pictures / "seen/a.png").is_file()


def test_the_pictures_themselves_are_never_overwritten(pictures, call):
    before = (pictures / "a.png").read_bytes()
    message = call("predict", "pictures", "--out", "pictures").error
    assert message.startswith("pictures: holds pictures to predict; name another folder")
    assert (pictures / "a.png").read_bytes() == before


def test_nothing_to_predict(pictures, project, call):
    message = call("predict", "nowhere").error
    assert message.endswith("nowhere: not found; expected a picture or a folder of pictures")
    (project / "empty").mkdir()
    assert "empty: no picture; expected files such as .bmp" in call("predict", "empty").error


def test_a_missing_model(pictures, project, call):
    (project / "models/model.keras").unlink()
    message = call("predict", "pictures").error
    assert message == "models/model.keras: no such model; train one with 'dvc repro'"
    message = call("predict", "pictures", "--model", "other.keras").error
    assert message.endswith("other.keras: no such model; train one with 'dvc repro'")
    (project / "other.keras").write_text("text")
    message = call("predict", "pictures", "--model", "other.keras").error
    assert message.endswith("other.keras: not a Keras model file; run 'dvc checkout'")


def test_points_that_a_detector_does_not_tell_are_null_in_json():
    from facexpr.detectors import Face
    from facexpr.prediction_files import to_record
    from facexpr.predictor import Prediction

    points = np.array([(8.004, 20), (21, 19.5), *[(np.nan, np.nan)] * 3], np.float32)
    face = Face(np.array([0, 1, 30, 41], np.float32), 0.9, points)
    record = json.loads(json.dumps(to_record(Path("a.png"), Prediction(face, {"a": 1.0}))))
    assert record["landmarks"] == [[8.0, 20.0], [21.0, 19.5], None, None, None]


def test_an_onnx_file_predicts_alike_without_keras(pictures, project, model, call):
    call("onnx", "model.onnx", "--model", model)
    call("predict", "pictures/a.png", "--json", "keras.jsonl")
    script = "import sys; from facexpr.__main__ import main; main(sys.argv[1:])\n"
    script += "print(sorted({'keras', 'tensorflow'} & set(sys.modules)))"
    options = ["predict", "pictures/a.png", "--model", "model.onnx", "--json", "onnx.jsonl"]
    command = [sys.executable, "-c", script, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=project)
    assert done.stdout.splitlines()[-1] == "[]"
    first, second = (
        json.loads((project / name).read_text()) for name in ("keras.jsonl", "onnx.jsonl")
    )
    assert first["box_xyxy"] == second["box_xyxy"]
    assert first["probabilities"] == pytest.approx(second["probabilities"], abs=1e-5)


def test_a_model_without_labels_is_told(tmp_path):
    import keras

    from facexpr.errors import UserError
    from facexpr.predictor import Predictor

    inputs = keras.Input((8, 8, 1))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))
    model.save(tmp_path / "own.keras")
    with pytest.raises(UserError, match="carries no labels or alignment"):
        Predictor(tmp_path / "own.keras", lambda _: [])


def test_a_model_of_another_version_is_told_in_one_line(model, tmp_path):
    import zipfile

    from facexpr.errors import UserError
    from facexpr.predictor import Predictor

    path = tmp_path / "old.keras"
    with zipfile.ZipFile(model) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            data = json.loads(old.read(name)) if name == "facexpr.json" else old.read(name)
            if name == "facexpr.json":
                del data["align"]["margin"]
                data = json.dumps(data)
            new.writestr(name, data)
    with pytest.raises(UserError) as caught:
        Predictor(path, lambda _: [])
    message = str(caught.value)
    assert message.startswith(f"{path}: its alignment does not fit this version of facexpr: ")
    assert "'margin'" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("option", "name", "words"),
    [
        ("--json", "pictures", "--json pictures: a folder; expected a file's name"),
        ("--csv", "pictures", "--csv pictures: a folder; expected a file's name"),
        ("--out", "params.yaml", "--out params.yaml: a file; expected a folder's name"),
    ],
)
def test_an_output_that_cannot_be_written_is_told_before_the_work(
    pictures, call, option, name, words
):
    assert call("predict", "pictures", option, name).error == words
