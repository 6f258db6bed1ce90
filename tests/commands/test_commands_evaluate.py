"""`facexpr evaluate` with a tiny model, and `facexpr compare` of what it wrote."""

import csv
import json

import numpy as np
import pandas as pd
import pytest

from facexpr.commands import evaluate
from facexpr.images import encode_png
from facexpr.labels import FER2013
from facexpr.params import load

pytestmark = pytest.mark.filterwarnings("ignore")  # of TensorFlow's, at its import


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A tiny untrained model as `train` writes it."""
    import keras

    from facexpr.model_file import save_model

    keras.utils.set_random_seed(0)
    inputs = keras.Input((48, 48, 1), dtype="uint8")
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    chances = keras.layers.Dense(7, activation="softmax")(x)
    path = tmp_path_factory.mktemp("model") / "model.keras"
    card = {"labels": list(FER2013), "align": load().align.settings(), "crop_px": 0}
    save_model(path, keras.Model(inputs, chances), card | {"fit": ["train"]})
    return path


@pytest.fixture
def table(project):
    """FER2013's form: of each class two images in train, and one in val and in test.

    The last of test shows the picture of the first of train.
    """
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (28, 48 * 48))
    pixels[27] = pixels[0]
    usage = ["Training"] * 14 + ["PublicTest"] * 7 + ["PrivateTest"] * 7
    rows = zip(list(range(7)) * 4, pixels, usage, strict=True)
    path = project / "faces.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["emotion", "pixels", "Usage"])
        writer.writerows([code, " ".join(map(str, row)), use] for code, row, use in rows)
    return path


def test_figures_for_people(call, model, table):
    answer = call("evaluate", model, table)
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert lines[0] == f"{model} on test of {table}, one view"
    assert lines[1].startswith("accuracy ")
    assert " of 7 images (95% interval " in lines[1]
    assert lines[2].endswith(" of the 6 without an equal image in train")
    assert [line.split()[0] for line in lines[5:]] == list(FER2013)
    assert "images went in whole" in answer.err


def test_figures_as_json_alone_on_standard_output(call, model, table):
    answer = call("evaluate", model, table, "--split", "val", "--views", "10", "--json", "-")
    figures = json.loads(answer.out)
    assert figures["n"] == 7
    assert (figures["split"], figures["views"]) == ("val", 10)
    assert 0 <= figures["accuracy"] <= 1
    assert sum(map(sum, figures["confusion"])) == 7
    assert set(figures["groups"]) == {"without_copies"}


def test_files_are_written_and_agree(call, model, table, project):
    call("evaluate", model, table, "--json", "out/figures.json", "--predictions", "new/p.csv")
    figures = json.loads((project / "out/figures.json").read_text())
    predictions = pd.read_csv(project / "new/p.csv")
    right = (predictions["label"] == predictions["predicted"]).mean()
    assert figures["accuracy"] == pytest.approx(right, abs=1e-6)
    assert predictions["key"].to_list() == [f"test-{row:07d}" for row in range(21, 28)]


def test_labels_of_the_data_set_are_merged_and_left_out(call, model, table):
    more = ["--relabel", "disgust=angry,neutral=", "--json", "-"]
    figures = json.loads(call("evaluate", model, table, *more).out)
    assert figures["n"] == 6
    support = {one["label"]: one["support"] for one in figures["classes"]}
    assert (support["angry"], support["disgust"], support["neutral"]) == (2, 0, 0)


def test_in_scenes_a_face_that_is_missed_is_wrong(call, model, table, monkeypatch):
    class Blind:
        labels = tuple(FER2013)

        def predict(self, image):
            assert image.shape == (480, 640, 3)
            return []

    monkeypatch.setattr(evaluate, "Predictor", lambda model, detection: Blind())
    answer = call("evaluate", model, table, "--scenes", "--json", "-")
    scenes = json.loads(answer.out)["in_scenes"]
    assert (scenes["n"], scenes["accuracy"], scenes["found"]) == (7, 0, 0)
    assert sum(side["n"] for side in scenes["sides"]) == 7
    answer = call("evaluate", model, table, "--scenes")
    assert "pasted into 640x480 pictures: 0.00% (95% interval 0.00% to 0.00%), -" in answer.out
    error = call("evaluate", model, table, "--scenes", "--labels", ", ".join(FER2013[::-1])).err
    assert "--labels: --scenes takes the labels that the model carries" in error


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--labels", "happy,sad"], "tells 7 classes, expected 2: happy, sad"),
        (["--labels", "a,b,c,d,e,f,g"], "knows a, b, c, d, e, f, g, and the data set has 'angry'"),
        (["--relabel", "happy"], "--relabel: 'happy', expected OLD=NEW"),
        (["--format", "fer2012"], "unknown 'fer2012'; available:"),
    ],
)
def test_what_does_not_fit(call, model, table, more, words):
    relabel = ["--relabel", "angry=,disgust=,fear=,surprise=,neutral="]
    more = more + relabel if "happy,sad" in more else more
    assert words in call("evaluate", model, table, *more).error


@pytest.mark.parametrize("option", ["--json", "--predictions"])
def test_a_folder_in_place_of_a_file_to_write(call, model, table, project, option):
    error = call("evaluate", model, table, option, "data").error
    assert error == f"{option} data: a folder; expected a file's name"


def test_data_that_is_not_there_or_not_told(call, model, project):
    error = call("evaluate", model, "nowhere.csv").error
    assert error == "nowhere.csv: not found; expected the file or folder of a data set"
    (project / "pictures").mkdir()
    error = call("evaluate", model, "pictures").error
    assert error.startswith("pictures: a folder; name its format with --format: affectnet, ")


def test_the_model_as_onnx_is_measured_alike(call, model, table, project):
    answer = call("onnx", "new/model.onnx", "--model", model)
    assert answer.out.startswith("onnx: new/model.onnx, 0.")
    figures = [
        json.loads(call("evaluate", path, table, "--json", "-").out)
        for path in (model, "new/model.onnx")
    ]
    assert figures[0]["confusion"] == figures[1]["confusion"]
    assert figures[0]["nll"] == pytest.approx(figures[1]["nll"], abs=1e-5)
    error = call("onnx", "model", "--model", model).error
    assert error == "model: expected a file's name that ends in .onnx"


def test_pictures_of_all_dimensions_need_a_model_of_fixed_input(call, project):
    import keras

    inputs = keras.Input((None, None, 1))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))
    model.save(project / "open.keras")
    for place in ("train/happy", "train/sad", "val/sad", "test/happy", "test/sad"):
        path = project / "pictures" / place / "a.png"
        path.parent.mkdir(parents=True)
        shape = (9, 40) if place == "test/sad" else (30, 20)
        path.write_bytes(encode_png(np.zeros(shape, np.uint8)))
    options = ("--format", "folder", "--scale", "unit")
    error = call("evaluate", "open.keras", "pictures", *options).err
    assert "takes pictures of any dimensions, and those of pictures differ" in error
    path.write_bytes(encode_png(np.zeros((30, 20), np.uint8)))
    assert "of 2 images" in call("evaluate", "open.keras", "pictures", *options).out


def predictions(path, predicted):
    labels = ["happy", "sad", "happy", "fear"]
    keys = [f"test-{row}" for row in range(4)]
    table = pd.DataFrame({"key": keys, "label": labels, "predicted": predicted})
    table.to_csv(path, index=False)


def test_two_tables_of_predictions_are_compared(call, project):
    predictions(project / "a.csv", ["happy", "happy", "happy", "happy"])
    predictions(project / "b.csv", ["happy", "sad", "happy", "fear"])
    lines = call("compare", "a.csv", "b.csv").out.splitlines()
    assert lines[0].split() == ["a.csv", "50.00%", "of", "4,", "alone", "right", "on", "0"]
    assert lines[1].split() == ["b.csv", "100.00%", "of", "4,", "alone", "right", "on", "2"]
    assert "+50.00 points" in lines[2]
    assert lines[3] == (
        "b.csv is 50.00 points ahead of a.csv, and on these 4 images that is no more than noise "
        "(p = 0.5)."
    )
    figures = json.loads(call("compare", "a.csv", "b.csv", "--json").out)
    assert figures["difference"] == 0.5


def test_runs_that_cannot_be_compared(call, project):
    predictions(project / "a.csv", ["happy"] * 4)
    table = pd.read_csv(project / "a.csv")
    table[:3].to_csv(project / "short.csv", index=False)
    error = call("compare", "a.csv", "short.csv").error
    assert error == "short.csv: lacks 1 keys of a.csv, such as test-3"
    table.assign(label="sad").to_csv(project / "other.csv", index=False)
    error = call("compare", "a.csv", "other.csv").error
    assert error.startswith("other.csv: key test-0 has another label than in a.csv")
    error = call("compare", "a.csv").error
    assert error.endswith("data/evaluation/test.csv: not found; run 'dvc repro' or 'dvc checkout'")
