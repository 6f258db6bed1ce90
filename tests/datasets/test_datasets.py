"""What is done alike for all data sets: the user's classes made of the data set's labels."""

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from facexpr import datasets
from facexpr.datasets import fer2013, folder
from facexpr.errors import UserError
from facexpr.images import encode_png
from facexpr.labels import FER2013

PIXELS = " ".join(["7"] * 2304)
WITHOUT_FEAR = [label for label in FER2013 if label != "fear"]


@pytest.fixture
def table(tmp_path):
    """FER2013 with two rows of each label, the first seven of them train."""
    lines = [
        f"{row % 7},{PIXELS},{'Training' if row < 7 else 'PrivateTest'}\n" for row in range(14)
    ]
    path = tmp_path / "fer2013.csv"
    path.write_text("emotion,pixels,Usage\n" + "".join(lines))
    return path


@pytest.fixture
def pictures(tmp_path):
    """Folders happy, sad and hapy in train, happy and odd in test."""
    for name in ("train/happy", "train/sad", "train/hapy", "test/happy", "test/odd"):
        path = tmp_path / "pictures" / name / "a.png"
        path.parent.mkdir(parents=True)
        path.write_bytes(encode_png(np.zeros((5, 8), np.uint8)))
    return tmp_path / "pictures"


def read(name, source, labels, relabel=None, **more):
    return list(datasets.read(name, source, labels, relabel or {}, **more))


def error_of(*args, **more):
    """The message of an error that comes before the first sample is asked for."""
    with pytest.raises(UserError) as caught:
        datasets.read(*args, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def late_error_of(*args, **more):
    samples = datasets.read(*args, **more)
    with pytest.raises(UserError) as caught:
        list(samples)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ------------------------------------------------------------------------- names


def test_every_module_is_a_data_set():
    assert {"fer2013", "folder", "ferplus", "combined"} <= set(datasets.available())
    for name in datasets.available():
        module = datasets.find(name)
        assert callable(module.read)
        assert hasattr(module, "LABELS") != hasattr(module, "find_labels")


def test_an_unknown_format(table):
    assert error_of("fer2012", table, FER2013, {}).startswith(
        "data.format: unknown 'fer2012'; available: "
    )


def test_own_labels_are_fixed_or_found(table, pictures):
    assert datasets.own_labels(fer2013, table) == list(FER2013)
    assert datasets.own_labels(folder, pictures) == ["happy", "hapy", "odd", "sad"]


# ------------------------------------------------------------------------- classes


def test_labels_pass_unchanged(table):
    samples = read("fer2013", table, FER2013)
    assert [sample.label for sample in samples] == [*FER2013, *FER2013]
    assert [sample.row for sample in samples] == list(range(14))


def test_merged_and_left_out_labels(table):
    noted = []
    classes = ["bad", "happy", "surprise", "neutral"]
    relabel = {"angry": "bad", "disgust": "bad", "sad": "bad", "fear": None}
    samples = read("fer2013", table, classes, relabel, note=noted.append)
    found = [(sample.row, sample.label) for sample in samples]
    first = [(0, "bad"), (1, "bad"), (3, "happy"), (4, "bad"), (5, "surprise"), (6, "neutral")]
    assert found == first + [(row + 7, label) for row, label in first]
    assert noted == ["left out"] * 2
    assert samples[2].origin == "fer2013.csv row 3"


def test_labels_can_swap_their_names(table):
    swap = {"happy": "sad", "sad": "happy"}
    labels = [sample.label for sample in read("fer2013", table, FER2013, swap)][:7]
    assert labels == ["angry", "disgust", "fear", "sad", "happy", "surprise", "neutral"]


def test_settings_reach_the_module(monkeypatch, table):
    seen = {}

    def spy(source, **settings):
        seen.update(settings)
        return fer2013.read_csv(source)

    monkeypatch.setattr(fer2013, "read", spy)
    read("fer2013", table, FER2013, one=1, two=("a", "b"))
    assert seen == {"one": 1, "two": ("a", "b")}


def voting_samples(*votes):
    for row, counts in enumerate(votes):
        image = np.zeros((4, 6), np.uint8)
        label = max(counts, key=counts.get)
        yield datasets.Sample(row, "train", label, f"row {row}", image, votes=counts)


def test_votes_follow_their_labels(monkeypatch):
    votes = [{"happy": 5, "fear": 4, "sad": 1}, {"angry": 6, "sad": 2, "disgust": 2}]
    monkeypatch.setattr(fer2013, "read", lambda *_, **__: voting_samples(*votes))
    relabel = {"angry": "bad", "sad": "bad", "disgust": "bad", "fear": None}
    samples = read(
        "fer2013", Path("nowhere.csv"), ["neutral", "surprise", "bad", "happy"][2:], relabel
    )
    assert [list(sample.votes.items()) for sample in samples] == [
        [("bad", 1), ("happy", 5)],
        [("bad", 10), ("happy", 0)],
    ]


def test_samples_are_streamed(monkeypatch):
    """A hundred images of 1 MB pass, and far less than that is held."""

    def many(*_args, **_settings):
        for row in range(100):
            image = np.full((1000, 1000), row, np.uint8)
            yield datasets.Sample(row, "train", FER2013[row % 7], f"row {row}", image)

    monkeypatch.setattr(fer2013, "read", many)
    tracemalloc.start()
    assert sum(1 for _ in datasets.read("fer2013", Path("nowhere.csv"), FER2013, {})) == 100
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


# ------------------------------------------------------------------------- what cannot be


def test_a_label_to_rename_that_the_data_do_not_have(table):
    assert error_of("fer2013", table, FER2013, {"hapy": None}) == (
        "data.relabel: unknown 'hapy'; available: angry, disgust, fear, happy, neutral, sad, "
        "surprise; did you mean 'happy'?"
    )


def test_a_new_name_that_is_not_declared(table):
    assert error_of("fer2013", table, WITHOUT_FEAR, {"fear": "suprise"}) == (
        "data.relabel: fear: unknown 'suprise'; available: angry, disgust, happy, neutral, sad, "
        "surprise; did you mean 'surprise'?"
    )


@pytest.mark.parametrize(
    ("labels", "relabel", "message"),
    [
        (
            [*FER2013, "contempt"],
            {},
            "unknown 'contempt'; available: angry, disgust, fear, happy, neutral, sad, surprise",
        ),
        (
            FER2013,  # nothing is fear any more
            {"fear": "sad"},
            "unknown 'fear'; available: angry, disgust, happy, neutral, sad, surprise",
        ),
        (
            FER2013,
            {"fear": None},
            "unknown 'fear'; available: angry, disgust, happy, neutral, sad, surprise",
        ),
    ],
)
def test_a_class_that_no_label_counts_as(table, labels, relabel, message):
    assert error_of("fer2013", table, labels, relabel) == f"data.labels: {message}"


def test_a_class_that_the_folders_do_not_have(pictures):
    labels = ["happy", "hapy", "odd", "angry"]
    assert error_of("folder", pictures, labels, {"sad": None}) == (
        "data.labels: unknown 'angry'; available: happy, hapy, odd"
    )


def test_all_labels_unchanged_keep_the_order_of_their_codes(table):
    other = ["disgust", "angry", *FER2013[2:]]
    assert error_of("fer2013", table, other, {}) == (
        "data.labels: disgust, angry, fear, happy, sad, surprise, neutral; expected FER2013's "
        "order: angry, disgust, fear, happy, sad, surprise, neutral"
    )
    fewer = ["neutral", *FER2013[:2], *FER2013[3:6]]
    assert len(read("fer2013", table, fewer, {"fear": None})) == 12


def test_classes_of_folders_may_have_any_order(pictures):
    labels = ["sad", "odd", "hapy", "happy"]
    with pytest.raises(UserError, match="train has no pictures of 'odd'"):
        read("folder", pictures, labels)
    assert len(read("folder", pictures, ["sad", "happy"], {"hapy": "happy", "odd": None})) == 4


def test_a_label_that_is_neither_declared_nor_left_out(table):
    samples = datasets.read("fer2013", table, WITHOUT_FEAR, {})
    assert [next(samples).label for _ in range(2)] == ["angry", "disgust"]
    with pytest.raises(UserError) as caught:
        next(samples)
    assert str(caught.value) == (
        "fer2013.csv row 2: label 'fear' is not in data.labels (angry, disgust, happy, sad, "
        "surprise, neutral); add it there, or leave it out with data.relabel: {'fear': null}"
    )


def test_a_label_folder_that_is_neither_declared_nor_left_out(pictures):
    assert error_of("folder", pictures, ["happy", "sad"], {"odd": None}) == (
        f"{pictures}: label 'hapy' is not in data.labels (happy, sad); "
        "add it there, or leave it out with data.relabel: {'hapy': null}"
    )


def test_a_class_without_a_train_sample(table, pictures):
    message = "train has no pictures of 'odd'; add some, or take it out of data.labels"
    labels = ["odd", "happy", "sad"]
    assert late_error_of("folder", pictures, labels, {"hapy": None}) == f"{pictures}: {message}"
    text = table.read_text().replace(f"2,{PIXELS},Training", f"3,{PIXELS},Training")
    table.write_text(text)
    message = "train has no pictures of 'fear'; add some, or take it out of data.labels"
    assert late_error_of("fer2013", table, FER2013, {}) == f"{table}: {message}"
    merged = read("fer2013", table, WITHOUT_FEAR, {"fear": "sad"})
    assert len(merged) == 14


def test_to_measure_a_model_train_need_not_have_every_class(pictures, table):
    found = read("folder", pictures, ["odd", "happy", "sad"], {"hapy": None}, complete=False)
    assert sorted((one.split, one.label) for one in found) == [
        *(("test", "happy"), ("test", "odd"), ("train", "happy"), ("train", "sad")),
    ]


def test_an_empty_label_folder_is_no_class(pictures):
    (pictures / "train/bored").mkdir()
    labels = ["happy", "hapy", "sad", "bored"]
    assert error_of("folder", pictures, labels, {"odd": None}) == (
        "data.labels: unknown 'bored'; available: happy, hapy, sad"
    )


def test_a_source_that_is_not_there(tmp_path):
    missing = tmp_path / "faces"
    assert error_of("folder", missing, ["a"], {}).startswith(f"{missing}: not found; expected")
    message = late_error_of("fer2013", missing, FER2013, {})
    assert message == f"{missing}: not found; see data/README.md for where it belongs"


def make_tree(folder):
    for name in ("train/happy/a.png", "train/sad/b.png", "test/sad/c.png"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(np.zeros((5, 8), np.uint8)))
    return folder


def test_a_link_to_a_folder_in_the_source_is_refused_since_dvc_does_not_look_behind_it(tmp_path):
    source = make_tree(tmp_path / "source")
    (tmp_path / "elsewhere").mkdir()
    (source / "train/happy").rename(tmp_path / "elsewhere/happy")
    (source / "train/happy").symlink_to(tmp_path / "elsewhere/happy")
    with pytest.raises(UserError) as caught:
        datasets.read("folder", source, ["happy", "sad"], {})
    assert str(caught.value) == (
        f"{source}/train/happy: a link to a folder, behind which DVC sees no change; "
        "expected the folder itself, or links to its files"
    )


def test_the_source_itself_and_files_in_it_may_be_links(tmp_path):
    tree = make_tree(tmp_path / "tree")
    (tree / "train/sad/b.png").rename(tmp_path / "elsewhere.png")
    (tree / "train/sad/b.png").symlink_to(tmp_path / "elsewhere.png")
    (tmp_path / "link").symlink_to(tree)
    assert len(list(datasets.read("folder", tmp_path / "link", ["happy", "sad"], {}))) == 3


def test_a_name_that_is_not_utf_8_is_told_before_anything_is_read(tmp_path):
    source = make_tree(tmp_path / "source")
    odd = os.fsdecode(b"caf\xe9.png")
    (source / "train/sad/b.png").rename(source / "train/sad" / odd)
    (source / "train/happy/a.png").rename(source / "train/happy/smörgås.png")  # which is
    with pytest.raises(UserError) as caught:
        datasets.read("folder", source, ["happy", "sad"], {})
    assert str(caught.value) == (
        f"{source}/train/sad: the name b'caf\\xe9.png' is not UTF-8; rename that file"
    )
