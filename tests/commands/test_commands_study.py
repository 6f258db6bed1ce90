"""`facexpr study` around a `dvc repro` that only writes what evaluate would."""

import json

import pytest
import yaml

from facexpr.commands import study
from facexpr.results import KEYS, read_results, render

STUDY = """
tiny:
  recipe: sample
  seeds: [0, 3]
  split: test
tiny-f:
  recipe: sample
  seeds: [1]
  split: val
  set: {data: {fit: [train, val]}, train: {epochs: 2, ema: 0.9, keep: last}}
"""


@pytest.fixture
def asked(project, monkeypatch):
    """A study, and the parameters of each run that it asked dvc for."""
    (project / "studies").mkdir()
    (project / "studies/small.yaml").write_text(STUDY)
    for folder in ("data/audit", "data/evaluation", "metrics", "results"):
        (project / folder).mkdir(parents=True)
    (project / "data/audit/copies.csv").write_text(
        "group,key,split\n0,test-0000001,test\n0,train-0000000,train\n"
    )
    (project / "data/audit/near.csv").write_text("group,key,split\n")
    asked = []

    def reproduce():
        """Two images of each split; seed 3 is wrong about the second with one view."""
        params = yaml.safe_load((project / "params.yaml").read_text())
        split, seed = params["evaluate"]["split"], params["train"]["seed"]
        guess = "angry" if seed == 3 else "sad"
        (project / f"data/evaluation/{split}-views.csv").write_text(
            f"key,label,1,2,10\n{split}-0000001,sad,sad,sad,sad\n"
            f"{split}-0000002,sad,{guess},sad,sad\n"
        )
        (project / "metrics/train.json").write_text('{"trainable_parameters": 9, "epoch": 2}')
        asked.append(params)
        return 0

    monkeypatch.setattr(study, "reproduce", reproduce)
    return asked


def result(project, name):
    return json.loads((project / f"results/{name}.json").read_text())


def test_each_configuration_is_run_with_each_seed_and_written_by_views(project, call, asked):
    answer = call("study", "small", "--hardware", "an abacus")
    assert answer.code == 0, answer.err
    runs = [
        (one["train"]["seed"], one["data"]["fit"], one["train"]["epochs"], one["evaluate"]["split"])
        for one in asked
    ]
    both = ["train", "val"]
    assert runs == [(0, ["train"], 12, "test"), (3, ["train"], 12, "test"), (1, both, 2, "val")]
    assert sorted(path.name for path in (project / "results").iterdir()) == [
        *("tiny-10views.json", "tiny-1view.json", "tiny-f-10views.json", "tiny-f-1view.json")
    ]
    one = result(project, "tiny-1view")
    assert set(one) == set(KEYS)
    assert (one["accuracy"], one["n"], one["seeds"], one["views"]) == (0.75, 2, [0, 3], 1)
    assert (one["track"], one["split"], one["params"]) == ("S", "test", 9)
    assert one["hardware"] == "an abacus"
    assert one["settings"].startswith("Recipe sample: vgg_bn on faces found by mtcnn")
    assert one["note"] == (
        "By seed: 100.00%, 50.00%. Without the 1 images that have an exact copy in what was "
        "fitted: 50.00%. Without the 0 images that have a nearly equal one there: 75.00%."
    )
    assert result(project, "tiny-10views")["accuracy"] == 1
    full = result(project, "tiny-f-1view")
    assert (full["track"], full["split"], full["std"]) == ("F", "val", None)
    assert "weights averaged by 0.9 a batch" in full["settings"]
    assert "results/tiny-1view.json: 75.00% of 2" in answer.out
    assert "| tiny | fer2013" in render(read_results(project))


def test_one_configuration_alone(project, call, asked):
    assert call("study", "small", "--only", "tiny-f").code == 0
    assert len(asked) == 1
    message = call("study", "small", "--only", "tinny").error
    assert message.startswith("--only: unknown 'tinny'")


def test_a_run_that_fails_is_told_and_what_is_finished_is_kept(project, call, asked, monkeypatch):
    monkeypatch.setattr(study, "reproduce", lambda: 1)
    answer = call("study", "small")
    assert answer.code == 1
    assert answer.err.endswith(
        "tiny, seed 0: 'dvc repro evaluate' failed, its message stands above; what is finished is "
        "kept: run the study again\n"
    )
    assert not list((project / "results").iterdir())


def test_edits_are_not_dropped(project, call, asked, change):
    change(train={"epochs": 13})
    text = (project / "params.yaml").read_text()
    assert "params.yaml: has edits that git does not hold" in call("study", "small").error
    assert (project / "params.yaml").read_text() == text
    assert call("study", "small", "--force").code == 0


def test_a_run_of_the_study_that_was_interrupted_is_no_edit(project, call, asked):
    assert call("study", "small").code == 0
    assert call("study", "small").code == 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("recipe: sample", "recipe: smaple", "recipe: unknown 'smaple'"),
        ("epochs: 2", "epoch: 2", "train.epoch: not in sample.yaml"),
        ("epochs: 2", "epochs: 0", "epochs: 0, expected 1 to 10000"),
    ],
)
def test_mistakes_are_told_before_anything_runs(project, call, asked, old, new, message):
    path = project / "studies/small.yaml"
    path.write_text(STUDY.replace(old, new, 1))
    answer = call("study", "small")
    assert answer.code == 1
    assert message in answer.err
    assert not asked


def test_an_unknown_study(project, call, asked):
    assert call("study", "large").error == "study: unknown 'large'; available: small"
