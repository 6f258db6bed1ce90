import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from facexpr.errors import UserError
from facexpr.params import parse
from facexpr.recipes import build_recipe, set_values
from facexpr.study import Configuration, correctness, figures, note, read_study

ROOT = Path(__file__).parents[1]
STUDIES = sorted(path.stem for path in (ROOT / "studies").glob("*.yaml"))
WHOLE = """
wide:
  recipe: release-fer2013
  seeds: [0, 2]
  split: test
wide-f:
  recipe: release-fer2013
  seeds: [0]
  split: test
  set: {data: {fit: [train, val]}, train: {epochs: 3}}
"""


def test_a_study_names_configurations_with_their_changes(tmp_path):
    (tmp_path / "fer2013.yaml").write_text(WHOLE)
    found = read_study(tmp_path, "fer2013")
    assert found["wide"] == Configuration("release-fer2013", [0, 2], "test", {})
    assert found["wide"].changes(2) == {"train": {"seed": 2}, "evaluate": {"split": "test"}}
    assert found["wide-f"].changes(0) == {
        "data": {"fit": ["train", "val"]},
        "train": {"epochs": 3, "seed": 0},
        "evaluate": {"split": "test"},
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  seeds: [0, 2]\n", "", "wide: expected recipe, seeds: [0, …], split, and perhaps set"),
        ("recipe: release-fer2013", "recipes: x", "wide: expected recipe, seeds"),
        ("[0, 2]", "[]", "wide: seeds: [], expected different whole numbers"),
        ("[0, 2]", "[1, 1]", "wide: seeds: [1, 1], expected different whole numbers"),
        ("[0, 2]", "[1, a]", "wide: seeds: [1, 'a'], expected different whole numbers"),
        ("split: test", "split: tset", "wide: split: tset, expected one of: train, val, test"),
    ],
)
def test_what_is_wrong_in_a_study_is_told(tmp_path, old, new, message):
    (tmp_path / "fer2013.yaml").write_text(WHOLE.replace(old, new, 1))
    with pytest.raises(UserError) as caught:
        read_study(tmp_path, "fer2013")
    assert str(caught.value).startswith(f"{tmp_path / 'fer2013.yaml'}: {message}")


def test_an_unknown_study_is_told_with_those_there(tmp_path):
    (tmp_path / "fer2013.yaml").write_text(WHOLE)
    with pytest.raises(UserError, match="unknown 'fer2012'; available: fer2013"):
        read_study(tmp_path, "fer2012")


def test_what_each_seed_got_right_by_views():
    rows = {"key": ["a", "b", "c"], "label": ["sad", "sad", "happy"]}
    tables = [
        pd.DataFrame(rows | {"1": ["sad", "happy", "happy"], "10": ["sad", "sad", "sad"]}),
        pd.DataFrame(rows | {"1": ["happy", "happy", "happy"], "10": ["sad", "sad", "happy"]}),
    ]
    assert correctness(tables, 1).tolist() == [[True, False, True], [False, False, True]]
    assert correctness(tables, 10).tolist() == [[True, True, False], [True, True, True]]


def test_accuracy_is_a_mean_over_seeds_with_their_deviation():
    correct = np.array([[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0]], bool)
    found = figures(correct, 2000, 0)
    assert (found["n"], found["accuracy"]) == (4, 0.5)
    assert found["std"] == pytest.approx(0.25)  # of .75, .5 and .25, by n - 1
    low, high = found["interval"]
    assert 0 <= low < 0.5 < high <= 1


def test_one_seed_has_no_deviation_and_the_binomial_interval():
    correct = np.arange(1000)[None] < 700
    found = figures(correct, 20_000, 0)
    assert found["std"] is None
    spread = 1.96 * np.sqrt(0.7 * 0.3 / 1000)
    assert found["interval"] == pytest.approx([0.7 - spread, 0.7 + spread], abs=0.002)


def test_equal_seeds_make_no_narrower_interval_than_one():
    correct = np.arange(1000)[None] < 700
    one, three = figures(correct, 20_000, 0), figures(np.repeat(correct, 3, 0), 20_000, 0)
    assert three["interval"] == one["interval"]
    assert three["std"] == 0


def test_the_note_has_each_seed_and_each_part():
    correct = np.array([[1, 1, 0, 0], [1, 0, 0, 0]], bool)
    words = note(correct, {"have a copy": np.array([True, True, True, False])})
    assert words == "By seed: 50.00%, 25.00%. Without the 1 images that have a copy: 50.00%."


@pytest.mark.parametrize("name", STUDIES)
def test_the_studies_of_this_project_can_be_run(name):
    for result, configuration in read_study(ROOT / "studies", name).items():
        text = build_recipe(ROOT / "recipes", configuration.recipe)
        for seed in configuration.seeds:
            changed = set_values(text, configuration.changes(seed), result)
            params = parse(yaml.safe_load(changed), result)
            assert params.train.keep == "last"
            assert params.train.seed == seed


def test_the_protocol_declares_every_study():
    declared = re.findall(r"^\| `([\w-]+)` \|", (ROOT / "PROTOCOL.md").read_text(), re.M)
    assert sorted(set(declared)) == STUDIES
