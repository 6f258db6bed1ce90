"""`facexpr release` on what a pipeline left in small: a tiny model, and drawn faces in LMDB."""

import json
from hashlib import md5

import numpy as np
import onnx
import pandas as pd
import pytest
import yaml

from facexpr.classifier import load_classifier
from facexpr.commands import release
from facexpr.errors import UserError
from facexpr.labels import FER2013
from facexpr.lmdb_store import load_records, write_records
from facexpr.model_file import read_card, save_model
from facexpr.params import leaves, load
from facexpr.results import KEYS
from facexpr.sample.table import drawn
from facexpr.tables import INDEX_COLUMNS, write_table

pytestmark = pytest.mark.filterwarnings("ignore")  # of TensorFlow's and tf2onnx's

FILES = {"model.keras", "model.onnx", "metrics.json", "CARD.md", "drawn.json", "drawn.png"}
COUNTS = {"train": 7, "val": 14, "test": 14}
FOUND = {
    "detector": "mtcnn",
    "min_score": 0.9,
    "found": 1.0,
    "extra_faces": 0,
    "sides": [{"side_px": 64, "n": 14, "found": 0.9, "accuracy": 0.5}],
}
SCENES = FOUND | {"n": 14, "accuracy": 0.5, "low": 0.2, "high": 0.8}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The bytes of a tiny untrained model in mixed precision, as `train` writes it."""
    import keras

    keras.utils.set_random_seed(0)
    inputs = keras.Input((48, 48, 1), dtype="uint8", name="faces")
    x = keras.layers.Rescaling(1 / 255, dtype="float32")(inputs)
    x = keras.layers.AveragePooling2D(8, dtype="float32")(x)
    x = keras.layers.Dense(7, dtype="mixed_bfloat16")(keras.layers.Flatten()(x))
    softmax = keras.layers.Activation("softmax", dtype="float32", name="probabilities")
    path = tmp_path_factory.mktemp("model") / "model.keras"
    align = load(release.project.find_root() / "recipes/sample.yaml").align.settings()
    card = {"labels": list(FER2013), "align": align, "crop_px": 0, "fit": ["train"]}
    save_model(path, keras.Model(inputs, softmax(x)), card)
    return path.read_bytes()


@pytest.fixture
def trained(project, change, model):
    """The project after `dvc repro train audit`, which found the first of train in val and test."""
    change(detect={"detector": "whole"})
    for folder in ("models", "metrics", "data/audit", "data/lmdb"):
        (project / folder).mkdir()
    (project / "models/model.keras").write_bytes(model)
    (project / "metrics/train.json").write_text(json.dumps({"epoch": 9}))
    faces = [(split, code, image) for split, code, image, _ in drawn(COUNTS, 5)]
    keys = [f"{split}-{row:07d}" for row, (split, *_) in enumerate(faces)]
    for name in ("val", "test"):
        records = ((key, one[2], one[1]) for key, one in zip(keys, faces, strict=True))
        mine = [record for record in records if record[0].startswith(name)]
        write_records(project / f"data/lmdb/{name}/data.mdb", mine)
    rows = [
        (key, split, FER2013[code], row, "", "", "")
        for row, (key, (split, code, _)) in enumerate(zip(keys, faces, strict=True))
    ]
    index = pd.DataFrame(rows, columns=INDEX_COLUMNS)
    write_table(project / "data/index.csv", index)
    groups = index.iloc[[0, 7, 21]].assign(group=0)
    for name in ("copies", "near"):
        write_table(project / f"data/audit/{name}.csv", groups)
    lock(project)
    return project


def lock(project):
    """Write dvc.lock for the model and the parameters as they are."""
    values = leaves(load())
    tracked = {leaf: values[leaf] for leaf in ("train.epochs", "train.network", "align.px")}
    digest = md5((project / "models/model.keras").read_bytes()).hexdigest()
    outs = [{"path": "models/model.keras", "md5": digest}]
    train = {"params": {"params.yaml": tracked}, "outs": outs}
    (project / "dvc.lock").write_text(yaml.safe_dump({"stages": {"train": train}}))


@pytest.fixture
def no_scenes(monkeypatch):
    """Nothing is detected, which takes a while."""
    monkeypatch.setattr(release, "predict_in_scenes", lambda *args: None)
    monkeypatch.setattr(release, "scene_figures", lambda *args, **how: dict(SCENES))


def contents(project):
    """The files of the release, by name."""
    return {path.name: path.read_bytes() for path in (project / "models/released/tiny").iterdir()}


def test_a_release_holds_two_models_and_what_is_to_be_said_of_them(trained, call):
    answer = call("release", "tiny", "--hardware", "An abacus")
    assert answer.code == 0, answer.err
    folder = trained / "models/released/tiny"
    assert set(contents(trained)) == FILES
    assert not [path for path in folder.parent.iterdir() if path.name != "tiny"]
    result = json.loads((folder / "metrics.json").read_text())
    assert tuple(result) == KEYS
    wanted = {"name": "tiny", "dataset": "fer2013", "split": "test", "track": "S", "views": 1}
    wanted |= {"n": 14, "std": None, "seeds": [0], "hardware": "An abacus", "commit": "unknown"}
    assert {key: result[key] for key in wanted} == wanted
    assert result["params"] == 7 * 36 + 7
    _, images, labels = load_records(trained / "data/lmdb/test/data.mdb")
    said = load_classifier(folder / "model.onnx").predict(images)
    right = (said.argmax(axis=1) == labels).mean()
    assert result["accuracy"] == pytest.approx(right, abs=1e-6)
    assert result["interval"][0] <= right <= result["interval"][1]
    assert "epoch 9 chosen on val" in result["settings"]
    assert "Without the 1 test images that have an equal one in Training" in result["note"]
    assert f"accuracy {right:.2%} of 14 images of test" in answer.out
    card = (folder / "CARD.md").read_text()
    assert f"{right:.2%} of the 14 images of PrivateTest" in " ".join(card.split())
    assert "fitted on the 7 images of Training" in " ".join(card.split())


def test_equal_weights_give_equal_bytes_that_carry_all_a_picture_needs(
    trained, call, no_scenes, change
):
    change(predict={"min_score": 0.75}, detect={"min_face_px": 31})
    assert call("release", "tiny").code == 0
    first = contents(trained)
    assert call("release", "tiny").code == 0
    assert contents(trained) == first
    folder = trained / "models/released/tiny"
    card = read_card(folder / "model.keras")
    told = {one.key: one.value for one in onnx.load(folder / "model.onnx").metadata_props}
    assert json.loads(told["facexpr.json"]) == card
    assert (card["name"], card["labels"], card["align"]["px"]) == ("tiny", list(FER2013), 48)
    found = dict(card["detect"])
    assert (found.pop("detector"), found.pop("min_score")) == ("mtcnn", 0.75)
    assert found["min_face_px"] == 31
    assert found["thresholds"] == [0.6, 0.7, 0.8]
    assert found.keys() == load().detect.settings().keys()


def test_an_older_release_survives_a_failure(trained, call, monkeypatch):
    folder = trained / "models/released/tiny"
    folder.mkdir(parents=True)
    (folder / "model.keras").write_text("older")

    def fail(*args):
        raise UserError("no detector here")

    monkeypatch.setattr(release, "predict_in_scenes", fail)
    assert call("release", "tiny").error == "no detector here"
    assert contents(trained) == {"model.keras": b"older"}
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]


def test_a_model_that_was_fitted_on_val_has_no_temperature(trained, call, change, no_scenes):
    path = trained / "models/model.keras"
    card = read_card(path) | {"fit": ["train", "val"]}
    from facexpr.model_file import load_model

    save_model(path, load_model(path), card)
    change(data={"fit": ["train", "val"]}, train={"keep": "last"})
    lock(trained)
    assert call("release", "tiny").code == 0
    before = load_classifier(path).predict(load_records(trained / "data/lmdb/val/data.mdb")[1])
    after = load_classifier(trained / "models/released/tiny/model.onnx")
    images = load_records(trained / "data/lmdb/val/data.mdb")[1]
    np.testing.assert_allclose(after.predict(images), before, atol=2e-2)  # bfloat16 before
    result = json.loads((trained / "models/released/tiny/metrics.json").read_text())
    assert (result["track"], result["note"][:22]) == ("F", "Without a temperature.")
    assert "in Training and PublicTest" in result["note"]


@pytest.mark.parametrize("name", ["FER", "../fer2013", "fer2013.1", "", ".fer", "a b"])
def test_a_name_that_is_no_folders(trained, call, name):
    message = call("release", name).error
    assert message == f"NAME: '{name}', expected lower-case letters, digits, - and _: fer2013"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"detect": {"detector": "mtcnn"}}, "detect.detector: mtcnn; a released model takes the"),
        ({"align": {"equalise": "clahe"}}, "align.equalise: clahe; a released model takes the"),
        ({"predict": {"detector": "whole"}}, "predict.detector: whole, which finds no face"),
        (
            {"train": {"epochs": 13}},
            "params.yaml: train.epochs is 13, and models/model.keras was trained with 12; run "
            "'dvc repro train audit'",
        ),
    ],
)
def test_parameters_that_a_released_model_cannot_have(trained, call, change, values, words):
    change(**values)
    assert call("release", "tiny").error.startswith(words)
    assert not (trained / "models/released").exists()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("models/model.keras", "models/model.keras: no such model; train one with 'dvc repro'"),
        ("metrics/train.json", "metrics/train.json: not found; run 'dvc repro train audit'"),
        ("dvc.lock", "dvc.lock: not found; run 'dvc repro train audit'"),
        ("data/lmdb/val/data.mdb", "data/lmdb/val/data.mdb: not found; run 'dvc repro pack' or"),
        ("data/lmdb/test/data.mdb", "data/lmdb/test/data.mdb: not found; run 'dvc repro pack' or"),
        ("data/index.csv", "data/index.csv: not found; run 'dvc repro' or 'dvc checkout'"),
        ("data/audit/near.csv", "data/audit/near.csv: not found; run 'dvc repro' or"),
    ],
)
def test_outputs_that_are_missing(trained, call, path, words):
    (trained / path).unlink()
    assert call("release", "tiny").error.startswith(words)
    assert not (trained / "models/released").exists()


def test_a_model_that_the_lock_does_not_tell_of(trained, call):
    with (trained / "models/model.keras").open("ab") as file:
        file.write(b" ")
    message = call("release", "tiny").error
    assert message.startswith("models/model.keras: not the one that dvc.lock tells of; run")
    (trained / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    assert call("release", "tiny").error == message


def test_faces_of_another_side_than_the_models(trained, call, change):
    path = trained / "data/lmdb/test/data.mdb"
    path.unlink()
    write_records(path, [("test-0000021", np.zeros((40, 40), np.uint8), 0)])
    message = call("release", "tiny").error
    assert message.startswith("data/lmdb/test: faces of 40 px, expected align.px, 48; run")


def test_settings_name_the_recipe_that_params_yaml_is_from(project, change):
    words = release.settings_of(load(), 9)
    assert words.startswith(
        "Recipe sample: vgg_bn on faces found by mtcnn and aligned by five_points"
    )
    change(train={"epochs": 13})
    assert release.settings_of(load(), 9).startswith("Parameters edited by hand: vgg_bn")
