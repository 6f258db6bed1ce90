"""train, evaluate and predict at a tiny size: what they write, and that they agree."""

import json
import shutil
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest
from program import ROOT, TINY, failure, outputs, run_well, set_params
from tiny_model import detection

from facexpr.__main__ import main
from facexpr.images import encode_png
from facexpr.labels import FER2013
from facexpr.lmdb_store import load_records
from facexpr.params import load
from facexpr.predictor import Predictor
from facexpr.sample import draw_scene


def metrics(project, name):
    return json.loads((project / f"metrics/{name}.json").read_text())


def model_project(trained, folder):
    """A new project that holds code, parameters and the model."""
    skipped = shutil.ignore_patterns("logs", "data", "metrics", "scratch")
    project = shutil.copytree(trained, folder / "project", symlinks=True, ignore=skipped)
    (project / "pictures").mkdir()
    set_params(project, {"predict": {"input": "pictures"}})
    return project


def test_train_writes_model_metrics_and_history(trained):
    figures = metrics(trained, "train")
    assert set(figures) == {
        *("trainable_parameters", "epoch"),
        *("train_loss", "train_accuracy", "val_loss", "val_accuracy"),
    }
    history = pd.read_csv(trained / "data/history.csv")
    assert set(history) == {"epoch", "loss", "accuracy", "val_loss", "val_accuracy"}
    assert history["epoch"].to_list() == [1] == list(range(1, TINY["train"]["epochs"] + 1))
    assert (trained / "models/model.keras").stat().st_size > 10_000
    assert json.loads((trained / "logs/train.json").read_text())["items"] == 12
    assert not list((trained / "scratch/train").iterdir())


def test_evaluate_counts_every_image_of_test(trained):
    figures = metrics(trained, "eval")
    assert set(figures) == {
        *("n", "accuracy", "low", "high", "accuracy_without_copies"),
        *("macro_f1", "ece", "ece_calibrated"),
    }
    assert all(isinstance(value, int | float) for value in figures.values())
    assert figures["n"] == 7
    assert figures["low"] <= figures["accuracy"] <= figures["high"]
    table = pd.read_csv(trained / "data/evaluation/test.csv")
    assert table["key"].to_list() == [f"test-{row:07d}" for row in range(21, 28)]
    assert table["label"].to_list() == list(FER2013)
    assert (table["label"] == table["predicted"]).mean() == pytest.approx(
        figures["accuracy"], abs=1e-6
    )
    assert len(pd.read_csv(trained / "data/evaluation/val.csv")) == 7
    views = pd.read_csv(trained / "data/evaluation/test-views.csv")
    assert list(views) == ["key", "label", "1", "2", "10"]
    assert views[["key", "label", "1"]].equals(
        table[["key", "label", "predicted"]].set_axis(["key", "label", "1"], axis=1)
    )
    assert len(pd.read_csv(trained / "data/plots/confusion.csv")) == 7


def test_evaluate_tells_the_rest_in_full(trained):
    figures = json.loads((trained / "data/evaluation/test.json").read_text())
    headline = metrics(trained, "eval")
    assert all(figures[name] == headline[name] for name in ("n", "accuracy", "macro_f1", "ece"))
    assert figures["split"] == "test"
    assert list(figures["by_views"]) == ["1", "2", "10"]
    assert figures["by_views"]["1"]["accuracy"] == figures["accuracy"]
    parts = {name: part["n"] for name, part in figures["groups"].items()}
    assert parts["without_copies"] == 6  # row 27 shows the picture of row 5
    assert parts["without_near_copies"] <= 6
    assert (parts["face_found"], parts["no_face"]) == (5, 2)  # rows 21 and 22 have none
    assert [one["support"] for one in figures["classes"]] == [1] * 7
    assert 0.05 <= figures["temperature"] <= 20
    val = json.loads((trained / "data/evaluation/val.json").read_text())
    assert list(val["by_views"]) == ["1"]
    assert val["temperature"] == figures["temperature"]
    assert val["calibrated"]["nll"] <= val["nll"]


def test_evaluate_leaves_pictures_to_look_at(trained):
    pictures = [*(trained / "data/plots").glob("*.png"), trained / "data/views/errors.png"]
    names = {"classes.png", "confusion.png", "curves.png", "reliability.png", "errors.png"}
    assert {path.name for path in pictures} == names
    for path in pictures:
        assert min(cv2.imread(str(path)).shape[:2]) > 100
    for name in outputs("evaluate"):
        assert (trained / name).exists()


def test_evaluate_leaves_test_closed_while_val_is_asked(trained, tmp_path):
    project = shutil.copytree(trained, tmp_path / "project", symlinks=True)
    set_params(project, {"evaluate": {"split": "val"}, "data": {"fit": ["train", "val"]}})
    set_params(project, {"train": {"keep": "last"}})
    shutil.rmtree(project / "data/lmdb/test")
    assert "evaluate: 7 items" in run_well(project, "evaluate")
    assert {path.name for path in (project / "data/evaluation").iterdir()} == {
        "val.csv",
        "val-views.csv",
        "val.json",
    }
    figures = metrics(project, "eval")
    assert figures["n"] == 7
    assert "ece_calibrated" not in figures  # a model is too sure of what it was fitted on


def test_the_report_shows_all_of_it(trained, tmp_path, monkeypatch, capsys):
    project = shutil.copytree(trained, tmp_path / "project", symlinks=True)
    (project / "recipes").mkdir()
    (project / "dvc.yaml").touch()
    monkeypatch.chdir(project)
    assert main(["report", "--out", "out/page.html"]) == 0
    assert capsys.readouterr().out == "report: out/page.html\n"
    page = (project / "out/page.html").read_text()
    figures = metrics(project, "eval")
    assert f"{figures['accuracy']:.2%} of all 7 images of test with one view" in page
    assert page.count("<img") >= 9
    assert "without near copies" in page
    assert main(["report", "--out", "page"]) == 1
    assert "--out page: expected a file's name that ends in .html" in capsys.readouterr().err
    (project / "data/evaluation/test.json").write_text("{")
    assert main(["report"]) == 1
    assert "data/evaluation/test.json: not readable as JSON" in capsys.readouterr().err
    shutil.rmtree(project / "data/evaluation")
    assert main(["report"]) == 1
    assert capsys.readouterr().err.startswith(
        "facexpr: error: data/evaluation/test.json: not found"
    )


@pytest.mark.filterwarnings("ignore")  # of TensorFlow's, at its import
def test_evaluation_and_prediction_agree_to_the_last_bit(trained):
    predictor = Predictor(trained / "models/model.keras", detection())
    assert tuple(predictor.labels) == tuple(FER2013)
    for split in ("val", "test"):
        keys, images, _ = load_records(trained / f"data/lmdb/{split}/data.mdb")
        table = pd.read_csv(trained / f"data/evaluation/{split}.csv", index_col="key")
        written = table.loc[keys, list(FER2013)].to_numpy(np.float32)
        assert (predictor.classify(images).round(6) == written).all()


def test_predict_finds_the_faces_of_a_scene_and_none_on_a_wall(trained, tmp_path):
    project = model_project(trained, tmp_path)
    set_params(project, {"predict": {"detector": "mtcnn"}})
    scene, faces = draw_scene(np.random.default_rng(0))
    (project / "pictures/scene.png").write_bytes(encode_png(scene))
    wall = np.full((120, 160, 3), (200, 190, 180), np.uint8)  # blue, green, red, as OpenCV has it
    (project / "pictures/wall.bmp").write_bytes(cv2.imencode(".bmp", wall)[1].tobytes())
    (project / "pictures/notes.txt").write_text("not a picture, and passed over")
    summary = run_well(project, "predict")
    assert summary.startswith("predict: 2 items in ")
    assert f"faces: {len(faces)}, no face: 1" in summary
    out = project / "data/predictions"
    names = {"predictions.jsonl", "predictions.csv", "scene.faces.png", "wall.faces.png"}
    assert {path.name for path in out.iterdir()} == names
    records = [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]
    assert [record["file"] for record in records] == ["pictures/scene.png"] * len(faces)
    for record, face in zip(records, faces, strict=True):
        assert set(record["probabilities"]) == set(FER2013)
        assert record["label"] == max(record["probabilities"], key=record["probabilities"].get)
        assert sum(record["probabilities"].values()) == pytest.approx(1, abs=1e-4)
        x1, y1, x2, y2 = record["box_xyxy"]
        x, y = face.landmarks.mean(axis=0)
        assert x1 < x < x2
        assert y1 < y < y2
    table = pd.read_csv(out / "predictions.csv")
    assert table["status"].to_list() == ["face"] * len(faces) + ["no_face"]
    assert table["label"].to_list()[:-1] == [record["label"] for record in records]
    assert (cv2.imread(str(out / "wall.faces.png")) == wall).all()
    height, width = scene.shape[:2]  # bars may stand in a strip beside or below the scene
    drawn = cv2.imread(str(out / "scene.faces.png"))[:height, :width, ::-1]
    assert 0.005 < (drawn != scene).any(axis=2).mean() < 0.5


def test_predict_names_an_unreadable_picture(trained, tmp_path):
    project = model_project(trained, tmp_path)
    (project / "pictures/a.png").write_bytes(encode_png(np.zeros((30, 30), np.uint8)))
    (project / "pictures/b.jpg").write_bytes(b"\xff\xd8\xff\xe0 no JPEG")
    message = failure(project, "predict")
    assert message.startswith("pictures/b.jpg: not a readable picture")


def test_predict_without_pictures(trained, tmp_path):
    project = model_project(trained, tmp_path)
    message = failure(project, "predict")
    assert message.startswith("pictures: no picture in this folder; expected files such as .bmp")
    message = failure(project, "predict", "--input", "elsewhere")
    assert message == "elsewhere: not found; expected a picture or a folder of pictures"


@pytest.mark.parametrize("stage", ["evaluate", "predict"])
def test_without_a_model(project, stage):
    message = failure(project, stage)
    assert message == "models/model.keras: no such model; train one with 'dvc repro'"
    (project / "models").mkdir()
    (project / "models/model.keras").write_bytes(b"no model")
    message = failure(project, stage)
    assert message == "models/model.keras: not a Keras model file; run 'dvc checkout'"
    shutil.copy(project / "data/mean.npz", project / "models/model.keras")
    message = failure(project, stage)
    assert message.startswith("models/model.keras: has no facexpr.json")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("data/audit/copies.csv", "data/audit/copies.csv: not found; run 'dvc repro'"),
        ("data/audit/near.csv", "data/audit/near.csv: not found; run 'dvc repro'"),
        ("data/faces.csv", "data/faces.csv: not found; run 'dvc repro'"),
        ("data/history.csv", "data/history.csv: not found; run 'dvc repro'"),
    ],
)
def test_evaluate_without_a_table(trained, tmp_path, name, words):
    project = shutil.copytree(trained, tmp_path / "project", symlinks=True)
    (project / name).unlink()
    assert words in failure(project, "evaluate")
    (project / name).write_text("wrong,columns\n1,2\n")
    assert failure(project, "evaluate").startswith(name)


@pytest.mark.parametrize("name", ["data/lmdb/val/data.mdb", "data/mean.npz"])
def test_train_without_an_input(project, name):
    (project / name).unlink()
    assert failure(project, "train").startswith(f"{name}: not found; run 'dvc repro")


def test_train_from_a_stream_writes_the_same_model_and_curves_for_tensorboard(trained, tmp_path):
    project = shutil.copytree(trained, tmp_path / "project", symlinks=True)
    set_params(project, {"train": {"feed": "stream"}})
    curves = {"FACEXPR_TENSORBOARD": "curves"} if find_spec("tensorboard") else {}
    run_well(project, "train", **curves)
    for name in ("models/model.keras", "data/history.csv", "metrics/train.json"):
        assert (project / name).read_bytes() == (trained / name).read_bytes()
    assert bool(curves) == bool(list(project.rglob("events.out.tfevents.*")))


@pytest.mark.skipif(find_spec("tensorboard"), reason="tensorboard is installed here")
def test_curves_without_tensorboard(project, monkeypatch):
    monkeypatch.setenv("FACEXPR_TENSORBOARD", "curves")
    message = failure(project, "train")
    assert message == "FACEXPR_TENSORBOARD: needs tensorboard, which is not installed here"


def test_targets_are_mixed_with_what_a_teacher_says(trained, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    train = import_module("stages.train")
    monkeypatch.chdir(trained)
    keys, _, labels = load_records(Path("data/lmdb/train/data.mdb"))
    said = np.full((len(keys), 7), 0.1)
    said[:, 3] = 0.4
    table = pd.DataFrame(said, columns=list(FER2013))
    table.insert(0, "key", keys)
    table.sample(frac=1, random_state=0).to_csv(tmp_path / "all.csv", index=False)
    params = load()
    taught = replace(params.train, teacher="all.csv", teacher_share=0.25)
    args = SimpleNamespace(lmdb=Path("data/lmdb"), teachers=tmp_path)
    fitting, _, _ = train.load_batches(args, replace(params, train=taught))
    np.testing.assert_allclose(fitting.targets, 0.75 * np.eye(7)[labels] + 0.25 * said, atol=1e-6)


def test_train_without_its_teacher(project):
    set_params(project, {"train": {"teacher": "nobody.csv"}})
    message = failure(project, "train")
    assert message.startswith("data/teachers/nobody.csv: not found")
