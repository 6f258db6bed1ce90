"""Data sets that need a licence, on made-up trees in their layout, through the pipeline."""

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from program import CHAIN, failure, make_project, run_well, set_params
from trees import MAKERS

from facexpr.datasets import affectnet, ckplus, ferplus, rafdb, rafdb_compound
from facexpr.lmdb_store import load_records, load_votes
from facexpr.model_file import read_card

WITHOUT_NEUTRAL = [label for label in ckplus.LABELS if label != "neutral"]
# Format, labels, and how many samples train, val and test get of each label, where that is the
# same for all.
SETS = {
    "ckplus": ("ckplus", ckplus.LABELS, None),
    "ckplus48": ("ckplus", WITHOUT_NEUTRAL, (3, 1, 1)),
    "rafdb": ("rafdb", rafdb.LABELS, (3, 1, 2)),
    "rafdb_compound": ("rafdb_compound", rafdb_compound.LABELS, (3, 1, 2)),
    "affectnet": ("affectnet", affectnet.LABELS, (3, 1, 2)),
    "affectnet_tables": ("affectnet", affectnet.LABELS, (3, 1, 2)),
    "ferplus": ("ferplus", ferplus.LABELS, (3, 1, 1)),
}


def make(folder, name, form, labels, **changes):
    """A project with the made-up data set `name`."""
    project = make_project(folder / "project")
    MAKERS[name](project / "raw")
    data = {"format": form, "source": "raw", "labels": list(labels)}
    set_params(project, {"data": data | changes.pop("data", {}), **changes})
    return project


def check_subjects(index):
    """No person stands in two splits."""
    told = index[index["subject"] != ""]
    assert (told.groupby("subject")["split"].nunique() == 1).all()
    return len(told)


@pytest.mark.parametrize("name", SETS)
def test_a_data_set_comes_through_to_what_training_reads(tmp_path, name):
    form, labels, each = SETS[name]
    project = make(tmp_path, name, form, labels)
    for stage in CHAIN:
        run_well(project, stage)
    index = pd.read_csv(project / "data/index.csv", keep_default_na=False)
    counts = Counter(zip(index["split"], index["label"], strict=True))
    for number, split in enumerate(("train", "val", "test")):
        keys, images, codes = load_records(project / f"data/lmdb/{split}/data.mdb")
        here = index[index["split"] == split].sort_values("key")
        assert keys == here["key"].to_list()
        assert images.shape == (len(keys), 16, 16)
        assert [labels[code] for code in codes] == here["label"].to_list()
        for label in labels:
            assert counts[split, label] == each[number] if each else counts[split, label] > 0
    assert check_subjects(index) == (len(index) if form == "ckplus" else 0)
    assert json.loads((project / "metrics/data.json").read_text())["copy_groups"] == 0


def test_the_votes_of_ferplus_lie_beside_their_images(tmp_path):
    project = make(tmp_path, "ferplus", "ferplus", ferplus.LABELS)
    for stage in CHAIN:
        run_well(project, stage)
    votes = load_votes(project / "data/lmdb/train/data.mdb", 8)
    codes = load_records(project / "data/lmdb/train/data.mdb")[2]
    assert (votes[np.arange(len(votes)), codes] == 7).all()
    assert (votes[np.arange(len(votes)), (codes + 1) % 8] == 3).all()
    assert (votes.sum(axis=1) == 10).all()
    audited = pd.read_csv(project / "data/audit/votes.csv")
    assert audited[["split", "n"]].to_numpy().tolist() == [
        *[["train", 3]] * 8,
        *[["val", 1]] * 8,
        *[["test", 1]] * 8,
    ]
    assert (audited[["agree", "tied", "share"]] == [1, 0, 0.7]).all(axis=None)


def test_several_data_sets_go_through_the_whole_pipeline_as_one(tmp_path):
    labels = ["neutral", "happy", "sad", "surprise", "angry"]
    project = make(
        tmp_path,
        *("combined", "combined", labels),
        data={"relabel": {"fear": "surprise", "disgust": None, "contempt": None}},
        train={"targets": "soft", "balance": "oversample", "network": "fiveclass"},
        align={"px": 48},
    )
    for stage in (*CHAIN, "train", "evaluate"):
        run_well(project, stage)
    index = pd.read_csv(project / "data/index.csv", keep_default_na=False)
    assert set(index["label"]) == set(labels)
    parts = index["origin"].str.partition("/")[0]
    assert set(parts) == {"affectnet", "ckplus", "ferplus"}
    assert index.groupby(parts)["split"].nunique().to_dict() == dict.fromkeys(set(parts), 3)
    assert check_subjects(index) == (parts == "ckplus").sum()
    merged = index[(parts == "ferplus") & (index["label"] == "surprise")]
    # Surprise has its own 7 votes and 3 of happy, or 3 of sad; fear has 7, and 3 of contempt.
    assert set(merged["votes"]) == {"0 0 3 7 0", "0 0 0 7 0"}
    figures = json.loads((project / "metrics/eval.json").read_text())
    assert figures["n"] == (index["split"] == "test").sum()
    assert read_card(project / "models/model.keras")["labels"] == labels


def test_votes_are_asked_for_where_there_are_none(tmp_path):
    project = make(tmp_path, "rafdb", "rafdb", rafdb.LABELS, train={"targets": "soft"})
    for stage in CHAIN:
        run_well(project, stage)
    assert failure(project, "train").endswith(
        "train.targets: soft, but data/lmdb/train/data.mdb holds no votes; expected a data set "
        "with votes, such as ferplus, or targets: majority"
    )


def test_copies_leave_train_and_val_if_asked(tmp_path):
    project = make(tmp_path, "rafdb", "rafdb", rafdb.LABELS, data={"drop_copies": True})
    pictures = project / "raw/Image/aligned"
    picture = (pictures / "test_00001_aligned.jpg").read_bytes()
    (pictures / "train_00001_aligned.jpg").write_bytes(picture)
    assert "copies dropped: 1" in run_well(project, "images")
    index = pd.read_csv(project / "data/index.csv")
    assert (index["split"] == "test").sum() == 14
    assert "train_00001.jpg" not in " ".join(index["origin"])
    run_well(project, "audit")
    assert json.loads((project / "metrics/data.json").read_text())["copy_groups"] == 0


@pytest.mark.parametrize(
    ("labels", "relabel", "words"),
    [
        (WITHOUT_NEUTRAL, {}, "label 'neutral' is not in data.labels"),
        ([*ckplus.LABELS, "bored"], {}, "data.labels: unknown 'bored'"),
        (ckplus.LABELS, {"contemt": None}, "data.relabel: unknown 'contemt'"),
        (WITHOUT_NEUTRAL, {"neutral": "sadd"}, "data.relabel: neutral: unknown 'sadd'"),
    ],
)
def test_labels_that_do_not_fit_the_data(tmp_path, labels, relabel, words):
    project = make(tmp_path, "ckplus", "ckplus", labels, data={"relabel": relabel})
    assert words in failure(project, "images")


def test_an_image_that_is_named_but_absent(tmp_path):
    project = make(tmp_path, "rafdb", "rafdb", rafdb.LABELS)
    (project / "raw/Image/aligned/test_00003_aligned.jpg").unlink()
    assert "test_00003_aligned.jpg" in failure(project, "images")
