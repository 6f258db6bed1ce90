"""The stages before training, one after the other on good input: what they write, and twice."""

import json
import re
import shutil

import cv2
import numpy as np
import pandas as pd
import pytest
from program import CHAIN, STAGES, contents, outputs, run_well, set_params

from facexpr.lmdb_store import load_records
from facexpr.mean import load_mean
from facexpr.records import read_shards

COUNTS = {"train": 14, "val": 7, "test": 7}
KEYS = [f"{'train' if n < 14 else 'val' if n < 21 else 'test'}-{n:07d}" for n in range(28)]
DROPPED = KEYS[:2]


def metrics(project, name):
    return json.loads((project / f"metrics/{name}.json").read_text())


def test_everything_that_dvc_expects_is_there_and_nothing_else(chain):
    expected = {name for stage in ("sample", *CHAIN) for name in outputs(stage)}
    written = {name for name in contents(chain) if name.startswith(("data/", "metrics/"))}
    for name in expected:
        assert any(file == name or file.startswith(f"{name}/") for file in written), name
    for file in written:
        assert any(file == name or file.startswith(f"{name}/") for name in expected), file


def test_images_are_those_of_the_source_under_their_keys(chain):
    source = pd.read_csv(chain / "data/sample/fer2013.csv")
    images = dict(read_shards(chain / "data/images"))
    assert list(images) == KEYS
    for image, text in zip(images.values(), source["pixels"], strict=True):
        assert (image == np.array(text.split(), np.uint8).reshape(48, 48)).all()
    assert {path.name for path in (chain / "data/images").iterdir()} == {
        *(f"train-0000{n}.tar" for n in range(3)),
        *(f"{split}-0000{n}.tar" for split in ("val", "test") for n in range(2)),
    }


def test_the_index_tells_label_row_and_origin(chain):
    index = pd.read_csv(chain / "data/index.csv")
    assert list(index) == ["key", "split", "label", "row", "origin", "subject", "votes"]
    assert index[["subject", "votes"]].isna().all(axis=None)
    assert index["key"].to_list() == KEYS
    assert index["split"].value_counts().to_dict() == COUNTS
    assert index["row"].to_list() == list(range(28))
    assert index["label"].value_counts().to_dict() == dict.fromkeys(index["label"][:7], 4)
    assert index["origin"][27] == "fer2013.csv row 27"


def test_audit_finds_what_was_put_in(chain):
    assert metrics(chain, "data") == COUNTS | {
        "suspects": 1,
        "copy_groups": 2,
        "near_groups": 2,
        "groups_across_splits": 1,
        "conflicting_groups": 2,
    }
    copies = pd.read_csv(chain / "data/audit/copies.csv")
    assert copies["key"].to_list() == [KEYS[row] for row in (4, 10, 5, 27)]
    assert copies["group"].to_list() == [0, 0, 1, 1]
    assert copies["label"].to_list() == ["sad", "happy", "surprise", "neutral"]
    pd.testing.assert_frame_equal(pd.read_csv(chain / "data/audit/near.csv"), copies)
    suspects = pd.read_csv(chain / "data/audit/suspects.csv")
    assert suspects.to_numpy().tolist() == [[KEYS[3], "train", "happy", 3, "constant"]]
    classes = pd.read_csv(chain / "data/audit/classes.csv")
    assert classes[["train", "val", "test"]].to_numpy().tolist() == [[2, 1, 1]] * 7
    votes = (chain / "data/audit/votes.csv").read_text()
    assert votes == "split,label,n,agree,tied,share\n"  # these data have none


def test_audit_finds_what_is_nearly_equal_broken_or_blank(project):
    """Row 20, of val, is row 6 of train, paler; 8 is cut short, and most of 9 is of one grey."""
    source = pd.read_csv(project / "data/sample/fer2013.csv")
    pictures = [np.array(text.split(), np.uint8).reshape(48, 48) for text in source["pixels"]]
    pictures[20] = np.rint(0.8 * pictures[6] + 40).astype(np.uint8)
    pictures[8][40:] = 128
    pictures[9][:, 20:] = 30
    source["pixels"] = [" ".join(map(str, one.ravel())) for one in pictures]
    source.to_csv(project / "data/sample/fer2013.csv", index=False)
    run_well(project, "images")
    line = run_well(project, "audit")
    assert "constant: 1, broken: 1, blank: 1, copy groups: 2, near groups: 3" in line
    assert "test images equal to train or val: 1" in line
    assert metrics(project, "data") == COUNTS | {
        "suspects": 3,
        "copy_groups": 2,
        "near_groups": 3,
        "groups_across_splits": 2,
        "conflicting_groups": 2,
    }
    near = pd.read_csv(project / "data/audit/near.csv")
    assert near["row"].to_list() == [4, 10, 5, 27, 6, 20]
    assert near["group"].to_list() == [0, 0, 1, 1, 2, 2]
    suspects = pd.read_csv(project / "data/audit/suspects.csv")
    assert suspects[["row", "reason"]].to_numpy().tolist() == [
        [3, "constant"],
        [8, "broken"],
        [9, "blank"],
    ]
    set_params(project, {"audit": {"near_correlation": 1.0, "flat_rows": 0.2, "flat_pixels": 0.9}})
    run_well(project, "audit")
    counts = metrics(project, "data")
    assert (counts["near_groups"], counts["suspects"]) == (2, 1)


def test_detect_has_a_row_for_every_image(chain):
    faces = pd.read_csv(chain / "detected.csv")
    assert faces["key"].to_list() == KEYS
    assert (faces["status"] == "face").all()
    assert metrics(chain, "detect") == {
        "images": 28,
        "no_face": 0,
        "several_faces": 0,
        **dict.fromkeys(("found_train", "found_val", "found_test"), 1.0),
    }


def test_images_without_a_face_are_dropped_from_train_only(chain):
    assert metrics(chain, "align") == {
        "landmarks": 22,
        "eyes": 0,
        "box": 1,
        "whole": 3,
        "dropped": 2,
    }
    aligned = dict(read_shards(chain / "data/aligned"))
    assert list(aligned) == [key for key in KEYS if key not in DROPPED]
    assert {image.shape for image in aligned.values()} == {(16, 16)}
    packed = {split: load_records(chain / f"data/lmdb/{split}/data.mdb")[0] for split in COUNTS}
    assert {split: len(keys) for split, keys in packed.items()} == COUNTS | {"train": 12}
    assert packed["test"] == KEYS[21:]


def test_whole_keeps_every_image(project):
    set_params(project, {"align": {"no_face": "whole"}})
    run_well(project, "align")
    assert metrics(project, "align") == {
        "landmarks": 22,
        "eyes": 0,
        "box": 1,
        "whole": 5,
        "dropped": 0,
    }
    assert [key for key, _ in read_shards(project / "data/aligned")] == KEYS


@pytest.mark.parametrize(("method", "counts"), [("eyes", (0, 20, 3)), ("box", (0, 0, 23))])
def test_another_method_and_a_margin_cut_faces_otherwise(project, method, counts):
    faces = pd.read_csv(project / "data/faces.csv")
    faces.loc[4, "nose_x":"mouth_right_y"] = None  # the eyes alone, enough for them
    faces.loc[[5, 6], "eye_left_x"] = None
    faces.to_csv(project / "data/faces.csv", index=False)
    before = dict(read_shards(project / "data/aligned"))
    set_params(project, {"align": {"method": method, "margin": 0.2, "square": "pad", "fill": 7}})
    run_well(project, "align")
    names = ("landmarks", "eyes", "box")
    assert metrics(project, "align") == {
        **dict(zip(names, counts, strict=True)),
        "whole": 3,
        "dropped": 2,
    }
    after = dict(read_shards(project / "data/aligned"))
    assert list(after) == list(before)
    unchanged = [key for key in after if np.array_equal(after[key], before[key])]
    assert unchanged == [KEYS[row] for row in (14, 21, 22)]  # whole, and square as they are


def test_pack_holds_the_aligned_faces_with_the_codes_of_their_labels(chain):
    aligned = dict(read_shards(chain / "data/aligned"))
    for split in COUNTS:
        keys, images, codes = load_records(chain / f"data/lmdb/{split}/data.mdb")
        assert keys == [key for key in aligned if key.startswith(split)]
        for key, image, code in zip(keys, images, codes, strict=True):
            assert (image == aligned[key]).all()
            first_row = {"train": 0, "val": 14, "test": 21}[split]
            assert code == (int(key[-7:]) - first_row) % 7


@pytest.mark.parametrize("fit", [["train"], ["train", "val"]])
def test_mean_is_over_what_training_fits(project, fit):
    set_params(project, {"data": {"fit": fit}, "train": {"keep": "last"}})
    run_well(project, "mean")
    aligned = read_shards(project / "data/aligned", splits=fit)
    images = np.stack([image for _, image in aligned]).astype(float)
    mean = load_mean(project / "data/mean.npz")
    assert mean.count == len(images) == {1: 12, 2: 19}[len(fit)]
    assert np.allclose(mean.image, images.mean(axis=0), rtol=0, atol=1e-9)
    assert mean.std == pytest.approx((images - images.mean(axis=0)).std())


def test_sheets_are_pictures(chain):
    sheets = [name for stage in CHAIN for name in outputs(stage) if name.endswith(".png")]
    assert len(sheets) == 7
    for name in sheets:
        picture = cv2.imread(str(chain / name), cv2.IMREAD_UNCHANGED)
        assert picture is not None, name
        assert min(picture.shape[:2]) >= 16
        assert np.ptp(picture) > 0


def test_the_same_again_gives_the_same_bytes(project):
    before = contents(project)
    edited = (project / "data/faces.csv").read_bytes()
    shutil.rmtree(project / "metrics")
    for stage in CHAIN:
        run_well(project, stage)
        if stage == "detect":
            detected = (project / "data/faces.csv").read_bytes()
            assert detected == (project / "detected.csv").read_bytes()
            (project / "data/faces.csv").write_bytes(edited)
    assert contents(project) == before


def test_every_stage_says_what_it_did_and_how_fast(chain):
    for stage in ("sample", *CHAIN):
        log = json.loads((chain / f"logs/{stage}.json").read_text())
        assert log["stage"] == stage
        assert log["items"] == (12 if stage == "mean" else 26 if stage == "pack" else 28)
        assert log["seconds"] >= 0
        assert 10 < log["peak_mib"] < 2000
    notes = json.loads((chain / "logs/align.json").read_text())["notes"]
    assert notes == {
        "landmarks": 22,
        "eyes": 0,
        "box": 1,
        "whole": 3,
        "dropped": 2,
    }


DEBUG = {
    "images": ("--out", "debug/images", "--index", "debug/index.csv"),
    "detect": ("--out", "debug/faces.csv", "--metrics", "debug/detect.json"),
    "align": ("--out", "debug/aligned", "--metrics", "debug/align.json"),
}


@pytest.mark.parametrize("stage", DEBUG)
@pytest.mark.parametrize(
    ("option", "rows"),
    [(("--limit", "3"), [0, 1, 2]), (("--keys", "test-0000025,train-0000004"), [4, 25])],
)
def test_a_part_of_the_images_goes_elsewhere(project, stage, option, rows):
    before = contents(project, "data", "metrics")
    view = ("--view", f"debug/{stage}.png")
    line = run_well(project, stage, *DEBUG[stage], *view, *option)
    if option[0] == "--limit" and stage == "images":
        rows = [0, 1, 2, 14, 15, 16, 21, 22, 23]  # so many of each split
    assert re.match(rf"{stage}: {len(rows)} items in [\d.]+ s, \d+/s, .*peak \d+ MiB\n$", line)
    assert contents(project, "data", "metrics") == before
    keys = [KEYS[row] for row in rows]
    if stage == "detect":
        assert pd.read_csv(project / "debug/faces.csv")["key"].to_list() == keys
    else:
        kept = [key for key in keys if stage == "images" or key not in DROPPED]
        assert [key for key, _ in read_shards(project / DEBUG[stage][1])] == kept


def test_a_source_without_val_is_counted_and_shown_once(project):
    source = project / "data/sample/fer2013.csv"
    source.write_text(source.read_text().replace("PublicTest", "Training"))
    set_params(project, {"data": {"val_fraction": 0.2}})
    assert "images: 28 items" in run_well(project, "images")
    index = pd.read_csv(project / "data/index.csv")
    assert index["split"].value_counts().to_dict() == {"train": 14, "val": 7, "test": 7}
    run_well(project, "images", "--limit", "3")
    assert pd.read_csv(project / "data/index.csv")["row"].to_list() == [0, 1, 2, 21, 22, 23]


def test_a_source_without_val_and_test_gets_both(project):
    source = project / "data/sample/fer2013.csv"
    source.write_text(re.sub("PublicTest|PrivateTest", "Training", source.read_text()))
    assert "images: 28 items" in run_well(project, "images")
    index = pd.read_csv(project / "data/index.csv")
    assert index["split"].value_counts().to_dict() == {"train": 14, "val": 7, "test": 7}


def test_labels_left_out_and_copies_dropped_are_counted(project):
    """Row 5 stands in test too, as row 27; rows 4 and 10 are equal, but both train."""
    labels = ["angry", "fear", "happy", "sad", "surprise", "neutral"]
    wanted = {"labels": labels, "relabel": {"disgust": None}, "drop_copies": True}
    set_params(project, {"data": wanted})
    line = run_well(project, "images")
    assert line.startswith("images: 24 items")
    assert "left out: 4, train: 11, val: 6, test: 6, copies dropped: 1" in line
    index = pd.read_csv(project / "data/index.csv")
    assert index["row"].to_list() == [row for row in range(28) if row % 7 != 1 and row != 5]
    assert list(index["key"]) == [key for key, _ in read_shards(project / "data/images")]
    set_params(project, {"data": {"drop_copies": False}})
    line = run_well(project, "images")
    assert "left out: 4, train: 12, val: 6, test: 6, peak" in line


def test_the_commands_name_every_output_of_dvc_yaml(chain):
    for stage, about in STAGES.items():
        for name in outputs(stage):
            named = {name, name.rpartition("/")[0]} if stage in ("audit", "pack") else {name}
            assert named & set(about["cmd"].split()), (stage, name)
