import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from facexpr.errors import UserError
from facexpr.params import parse
from facexpr.published import SYSTEMS
from facexpr.recipes import FORMS, available, build_recipe, find_source, set_values

RECIPES = Path(__file__).parents[1] / "recipes"
BASE = """\
# What this is.

data:
  source: a.csv      # a file or a folder
  labels: [a, b]     # codes are positions

train:
  epochs: 12         # passes
  learning_rate: 5.0e-4
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sample.yaml").write_text(BASE)
    return tmp_path


def add_recipe(folder, text):
    (folder / "other.yaml").write_text(text)
    return build_recipe(folder, "other")


def test_the_base_recipe_is_its_own_text(folder):
    assert build_recipe(folder, "sample") == BASE


def test_differences_are_set_and_all_else_is_kept(folder):
    text = add_recipe(folder, "train:\n  epochs: 300  # more\ndata:\n  source: 'b.csv'\n")
    assert yaml.safe_load(text) == yaml.safe_load(BASE) | {
        "data": {"source": "b.csv", "labels": ["a", "b"]},
        "train": {"epochs": 300, "learning_rate": 5e-4},
    }
    for kept in ("# What this is.", "# a file or a folder", "# passes", "learning_rate: 5.0e-4"):
        assert kept in text
    assert text.startswith("# What this is.\n\ndata:\n")


def test_the_comment_a_recipe_opens_with_replaces_the_base_one(folder):
    text = add_recipe(folder, "# Three hundred passes.\ntrain:\n  epochs: 300\n")
    assert text.startswith("# Three hundred passes.\n\ndata:\n")


@pytest.mark.parametrize("spelt", ["1.0e-5", "0.00001", "1.0E-05"])
def test_small_numbers_stay_numbers_for_yaml_1_1(folder, spelt):
    text = add_recipe(folder, f"train:\n  learning_rate: {spelt}\n")
    assert yaml.safe_load(text)["train"]["learning_rate"] == 1e-5


LEAVES = st.one_of(
    st.text("abno yes1e-.:~#'é", max_size=6),
    st.sampled_from(["no", "yes", "on", "NULL", "~", "0", "0x1F", "1e-5", "1.0e-5", "1:30", "NA"]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(),
    st.booleans(),
)


@given(st.one_of(LEAVES, st.lists(LEAVES, min_size=1, max_size=4)))
def test_any_value_that_is_set_is_read_back_by_yaml_1_1(value):
    found = yaml.safe_load(set_values(BASE, {"data": {"labels": value}}, "x"))
    assert found["data"] == {"source": "a.csv", "labels": value}
    assert found["train"] == {"epochs": 12, "learning_rate": 5e-4}


def test_setting_values_twice_is_setting_them_once():
    once = set_values(BASE, {"train": {"epochs": 3}}, "x")
    assert set_values(once, {"train": {"epochs": 3}}, "x") == once


@pytest.mark.parametrize(
    ("text", "place"), [("train:\n  epoch: 3\n", "train.epoch"), ("trian:\n  a: 1\n", "trian.a")]
)
def test_values_that_the_base_does_not_have_are_refused(folder, text, place):
    with pytest.raises(UserError) as caught:
        add_recipe(folder, text)
    assert str(caught.value) == f"{folder}/other.yaml: {place}: not in sample.yaml"


def test_a_recipe_without_differences_is_the_base(folder):
    assert yaml.safe_load(add_recipe(folder, "# nothing yet\n")) == yaml.safe_load(BASE)


def test_a_recipe_may_change_another_one(folder):
    add_recipe(folder, "# Other.\ntrain:\n  epochs: 300\n  learning_rate: 1.0e-3\n")
    (folder / "third.yaml").write_text("base: other\ntrain:\n  epochs: 301\n")
    text = build_recipe(folder, "third")
    assert yaml.safe_load(text)["train"] == {"epochs": 301, "learning_rate": 1e-3}
    assert text.startswith("# Other.\n")
    assert "# a file or a folder" in text


def test_an_unknown_base_is_told(folder):
    with pytest.raises(UserError, match="recipe: unknown 'nothing'; available: other, sample"):
        add_recipe(folder, "base: nothing\n")


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_published_system_opens_with_its_source_its_claim_and_what_was_measured(name):
    system = SYSTEMS[name]
    head = [line for line in (RECIPES / f"{name}.yaml").read_text().splitlines() if line[:1] == "#"]
    text = " ".join(line.lstrip("# ") for line in head)
    assert f"Source: {system.source}." in text
    assert f"Claimed: {system.claim}, {system.how}." in text
    measured = RECIPES.parent / f"results/{name}.json"
    if measured.exists():
        result = json.loads(measured.read_text())
        assert f"Measured: {result['accuracy']:.2%}" in text
        assert f"results/{name}.json" in text
    else:
        assert f"Measured: {system.unmeasured}." in text


def test_an_unknown_recipe_is_told_with_the_nearest_name(folder):
    with pytest.raises(UserError) as caught:
        build_recipe(folder, "sampel")
    assert str(caught.value) == (
        "recipe: unknown 'sampel'; available: sample; did you mean 'sample'?"
    )


@pytest.mark.parametrize("name", available(RECIPES))
def test_every_recipe_of_the_project_gives_valid_parameters(name):
    parse(yaml.safe_load(build_recipe(RECIPES, name)), name)


@pytest.mark.parametrize("form", FORMS)
def test_a_source_is_found_in_each_of_its_forms(tmp_path, form):
    path = tmp_path / form.format(name="fer2013")
    path.touch()
    assert find_source(tmp_path, "fer2013") == path


@pytest.mark.parametrize("form", [form for form in FORMS if "{name}" not in form])
def test_fer2013_beside_another_data_set_does_not_stand_for_it(tmp_path, form):
    (tmp_path / form).touch()
    assert find_source(tmp_path, "rafdb") is None
    (tmp_path / "rafdb").mkdir()
    assert find_source(tmp_path, "rafdb") == tmp_path / "rafdb"


def test_of_several_forms_the_first_and_of_none_nothing(tmp_path):
    assert find_source(tmp_path, "fer2013") is None
    (tmp_path / "fer2013").mkdir()
    (tmp_path / "fer2013.csv").touch()
    assert find_source(tmp_path, "fer2013") == tmp_path / "fer2013.csv"
    assert find_source(tmp_path / "missing", "fer2013") is None
