"""`facexpr export` and `facexpr show`, on what the stages leave behind."""

import cv2
import numpy as np
import pandas as pd
import pytest

from facexpr.detectors import Face
from facexpr.faces import faces_table
from facexpr.mean import Mean, save_mean
from facexpr.records import ShardWriter, read_shards
from facexpr.tables import INDEX_COLUMNS, write_table

SAMPLES = [
    ("train-0000000", "train", "happy", 0, "fer2013.csv row 0", "", ""),
    ("train-0000001", "train", "sad", 1, "fer2013.csv row 1", "", ""),
    ("val-0000002", "val", "sad", 2, "fer2013.csv row 2", "", ""),
    ("test-0000003", "test", "happy", 3, "fer2013.csv row 3", "", ""),
]
POINTS = np.float32([[15, 20], [33, 20], [24, 28], [17, 37], [31, 37]])


@pytest.fixture
def data(project):
    """What the stages `images` to `evaluate` would have left, in small."""
    folder = project / "data"
    rng = np.random.default_rng(0)
    for name, px in (("images", 48), ("aligned", 16)):
        (folder / name).mkdir()
        with ShardWriter(folder / name, 2) as writer:
            for key, *_ in SAMPLES:
                writer.write(key, rng.integers(0, 256, (px, px), np.uint8))
    write_table(folder / "index.csv", pd.DataFrame(SAMPLES, columns=INDEX_COLUMNS))
    box = np.float32([5, 5, 43, 45])
    faces = [Face(box, 0.987, POINTS), None, Face(box, 0.9), Face(box, 1.0, POINTS)]
    write_table(
        folder / "faces.csv", faces_table([key for key, *_ in SAMPLES], faces, [1, 0, 1, 2])
    )
    save_mean(folder / "mean.npz", Mean(np.full((16, 16), 120.0), 50.0, 120.0, 2))
    copies = pd.DataFrame(SAMPLES, columns=INDEX_COLUMNS).iloc[[1, 3]].assign(group=0)
    (folder / "audit").mkdir()
    write_table(folder / "audit/copies.csv", copies[["group", "key", "split", "label", "row"]])
    (folder / "evaluation").mkdir()
    chances = pd.DataFrame(
        [("test-0000003", "happy", "sad", 0.25, 0.75)],
        columns=["key", "label", "predicted", "happy", "sad"],
    )
    write_table(folder / "evaluation/test.csv", chances)
    return folder


def test_export_writes_a_tree(data, project, call):
    answer = call("export", "data/images", "tree")
    assert (answer.code, answer.out) == (0, "export: 4 images in tree\n")
    files = sorted(path for path in (project / "tree").rglob("*") if path.is_file())
    wanted = sorted(
        project / f"tree/{split}/{label}/{key}.png" for key, split, label, *_ in SAMPLES
    )
    assert files == wanted
    images = dict(read_shards(data / "images"))
    for path in files:
        assert (cv2.imread(str(path), cv2.IMREAD_UNCHANGED) == images[path.stem]).all()


def test_export_from_a_folder_below(data, project, call, monkeypatch):
    monkeypatch.chdir(data)
    answer = call("export", "aligned", "../trees/aligned")
    assert (answer.code, answer.out) == (0, "export: 4 images in ../trees/aligned\n")
    assert (project / "trees/aligned/test/happy/test-0000003.png").is_file()


def test_export_takes_an_empty_folder_and_no_other(data, project, call):
    (project / "tree").mkdir()
    assert call("export", "data/images", "tree").code == 0
    before = sorted(project.rglob("*"))
    assert call("export", "data/images", "tree").error == (
        "tree: exists and is not an empty folder; name a new one"
    )
    assert call("export", "data/images", "params.yaml").error.startswith("params.yaml: exists")
    assert sorted(project.rglob("*")) == before


def test_export_of_what_is_no_folder_of_shards(data, project, call):
    message = call("export", "data/image", "tree").error
    assert message.endswith(
        "data/image: no shards such as train-00000.tar; run the stage that writes it"
    )
    assert not (project / "tree").exists()


def test_export_with_an_index_that_lacks_a_key(data, project, call):
    index = pd.DataFrame(SAMPLES[:1], columns=INDEX_COLUMNS)
    write_table(data / "index.csv", index)
    message = call("export", "data/images", "tree").error
    assert message == "data/index.csv: lacks train-0000001; run 'dvc repro images'"
    assert not list(project.glob("*tree*"))


def test_export_into_a_folder_with_a_dot_in_its_name(data, project, call):
    assert call("export", "data/images", "tree.v1").code == 0
    assert (project / "tree.v1/test/happy/test-0000003.png").is_file()


def test_show_draws_the_journey_and_tells_it(data, project, call):
    answer = call("show", "test-0000003")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines() == [
        "test-0000003: happy, from fer2013.csv row 3",
        "face found, score 1.000",
        "equal images: train-0000001 (sad)",
        "  debug/show/test-0000003.png",
    ]
    picture = cv2.imread(str(project / "debug/show/test-0000003.png"))
    assert picture.shape[1] > 5 * 100  # five panels: source, face, aligned, network, votes
    assert np.ptp(picture) == 255


def test_show_several_and_where_to(data, project, call):
    answer = call("show", "train-0000000", "train-0000001", "val-0000002", "--out", "looks")
    assert answer.code == 0
    assert "no face found" in answer.out
    assert answer.out.count("no equal image") == 2
    names = {path.name for path in (project / "looks").iterdir()}
    assert names == {"train-0000000.png", "train-0000001.png", "val-0000002.png"}


def test_show_from_a_folder_below(data, project, call, monkeypatch):
    monkeypatch.chdir(data)
    assert call("show", "train-0000000").out.endswith("  debug/show/train-0000000.png\n")
    assert (data / "debug/show/train-0000000.png").is_file()


def test_show_before_later_stages_have_run(data, project, call):
    for name in ("faces.csv", "mean.npz", "audit/copies.csv", "evaluation/test.csv"):
        (data / name).unlink()
    for path in (data / "aligned").iterdir():
        path.unlink()
    answer = call("show", "test-0000003")
    assert answer.out.splitlines() == [
        "test-0000003: happy, from fer2013.csv row 3",
        "  debug/show/test-0000003.png",
    ]


def test_show_an_unknown_key_names_near_ones(data, project, call):
    message = call("show", "train-0000003").error
    assert message == (  # the same row, under the split that it is in
        "key: unknown 'train-0000003'; available: test-0000003; did you mean 'test-0000003'?"
    )
    message = call("show", "happy").error
    assert message == ("key: unknown 'happy'; available: train-0000000, train-0000001, val-0000002")
    assert not (project / "debug").exists()


def test_show_a_sample_that_was_not_evaluated(data, project, call):
    path = data / "evaluation/test.csv"
    path.write_text(path.read_text().replace("test-0000003", "test-0000009"))
    answer = call("show", "test-0000003")
    assert (answer.code, answer.err) == (0, "")


def test_show_without_an_index(project, call):
    message = call("show", "test-0000003").error
    assert message == "data/index.csv: not found; run 'dvc repro' or 'dvc checkout'"
