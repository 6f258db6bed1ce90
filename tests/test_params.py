import copy
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from facexpr.align import Alignment
from facexpr.errors import UserError
from facexpr.params import Params, leaves, load, parse

SAMPLE = Path(__file__).parents[1] / "recipes" / "sample.yaml"
TREE = yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))


def changed(**changes):
    """The tree of sample.yaml with {"section__key": value} set."""
    tree = copy.deepcopy(TREE)
    for place, value in changes.items():
        section, key = place.split("__")
        tree[section][key] = value
    return tree


def problems_of(tree):
    with pytest.raises(UserError) as caught:
        parse(tree)
    head, *problems = str(caught.value).split("\n  ")
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    assert head == f"params.yaml: {count}"
    return problems


def as_yaml(value):
    return [as_yaml(entry) for entry in value] if isinstance(value, tuple) else value


def test_the_sample_recipe_holds_exactly_the_declared_keys_and_its_values_arrive():
    found = {place: as_yaml(value) for place, value in leaves(load(SAMPLE)).items()}
    expected = {
        f"{section}.{key}": value for section, keys in TREE.items() for key, value in keys.items()
    }
    assert found == expected


def test_every_problem_is_told_at_once_with_its_place():
    tree = changed(train__epochs="many", audit__constant_range=256, train__epoch=3)
    del tree["images"]["shard_samples"]
    tree["evalaute"] = {}
    assert problems_of(tree) == [
        "evalaute: unknown; did you mean 'evaluate'?",
        "images.shard_samples: missing; see recipes/sample.yaml",
        "audit.constant_range: 256, expected 0 to 255",
        "train.epoch: unknown; did you mean 'train.epochs'?",
        "train.epochs: 'many', expected a whole number",
    ]


def test_a_missing_section_and_one_that_is_none():
    tree = copy.deepcopy(TREE)
    del tree["audit"]
    tree["images"] = None
    assert problems_of(tree) == [
        "images: expected a section, got None",
        "audit: missing; see recipes/sample.yaml",
    ]


@pytest.mark.parametrize("tree", [None, [], "text", 3])
def test_a_file_that_holds_no_sections(tree):
    assert problems_of(tree) == [f"top level: expected a section, got {tree!r}"]


@pytest.mark.parametrize(
    ("text", "better"),
    [("1e-3", "1.0e-3"), ("2E5", "2.0e+5"), ("0.5", "0.5"), ("-1e-05", "-1.0e-5")],
)
def test_numbers_that_yaml_reads_as_text_come_with_a_spelling_that_works(text, better):
    (problem,) = problems_of(changed(train__learning_rate=text))
    assert problem == (
        f"train.learning_rate: {text!r}, expected a number; YAML reads it as text, write {better}"
    )
    assert yaml.safe_load(better) == float(text)


def test_the_exponent_trap_is_met_when_read_from_yaml(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(SAMPLE.read_text().replace("learning_rate: 0.02", "learning_rate: 1e-3"))
    with pytest.raises(UserError, match=r"write 1\.0e-3$"):
        load(path)


def test_hints_fit_the_declared_kind():
    assert problems_of(changed(train__epochs="1e1", train__flip="1", train__batch="1.5")) == [
        "train.epochs: '1e1', expected a whole number; YAML reads it as text, write 10",
        "train.batch: '1.5', expected a whole number",
        "train.flip: '1', expected true or false",
    ]


def test_true_is_no_number_and_one_is_not_true():
    tree = changed(train__epochs=True, train__zoom=False, train__flip=1, evaluate__views=True)
    assert problems_of(tree) == [
        "train.epochs: True, expected a whole number",
        "train.flip: 1, expected true or false",
        "train.zoom: False, expected a number",
        "evaluate.views: True, expected one of: 1, 2, 10",
    ]


def test_a_whole_number_stands_for_a_float_and_becomes_one_but_not_the_other_way():
    value = parse(changed(train__rotation=10)).train.rotation
    assert (value, type(value)) == (10.0, float)
    tree = changed(train__epochs=3.0, evaluate__views=1.0)
    assert problems_of(tree) == [
        "train.epochs: 3.0, expected a whole number",
        "evaluate.views: 1.0, expected one of: 1, 2, 10",
    ]


@pytest.mark.parametrize("value", [0.0099, 0.51, float("nan"), float("inf")])
def test_numbers_out_of_range(value):
    (problem,) = problems_of(changed(data__val_fraction=value))
    assert problem == f"data.val_fraction: {value}, expected 0.01 to 0.5"


@pytest.mark.parametrize("value", [0.01, 0.5])
def test_ranges_are_inclusive(value):
    assert parse(changed(data__val_fraction=value)).data.val_fraction == value


def test_choices_list_what_is_allowed():
    assert problems_of(changed(detect__choose="biggest")) == [
        "detect.choose: 'biggest', expected one of: largest, best, central"
    ]


def test_lists_are_checked_entry_by_entry():
    tree = changed(
        data__labels=["a", False],  # what YAML makes of an unquoted no
        data__fit=["test"],
        detect__thresholds=[0.5, 1.5, "0.7"],
    )
    assert problems_of(tree) == [
        "data.labels[1]: False, expected text",
        "data.fit[0]: 'test', expected one of: train, val",
        "detect.thresholds[1]: 1.5, expected 0.0 to 1.0",
        "detect.thresholds[2]: '0.7', expected a number; YAML reads it as text, write 0.7",
    ]


def test_lists_of_a_wrong_length_or_none_at_all():
    tree = changed(detect__thresholds=[0.5], data__labels=[], data__fit="train")
    assert problems_of(tree) == [
        "data.labels: [], expected a list",
        "data.fit: 'train', expected a list",
        "detect.thresholds: 1 values, expected 3",
    ]


def test_values_that_contradict_each_other():
    tree = changed(
        data__labels=["a", "b", "a"],
        data__fit=["val"],
        align__template=[[1.0, 2.0]],
        train__keep="last",
    )
    assert problems_of(tree) == [
        "data.fit: ['val'], expected 'train' among them",
        "data.labels: a label stands twice",
        "align.template: 1 points, expected 5",
    ]
    assert problems_of(changed(data__fit=["train", "train"])) == ["data.fit: a split stands twice"]


def test_a_missing_file_says_how_to_write_one(tmp_path):
    path = tmp_path / "params.yaml"
    with pytest.raises(UserError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: not found; write one with 'facexpr recipe sample'"


@pytest.mark.parametrize("content", [b"a: [1", b"\xff\xfe\xfa"])
def test_a_file_that_is_no_yaml_is_told_in_one_line(tmp_path, content):
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError, match="not readable as YAML") as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_settings_are_the_keywords_of_what_they_are_handed_to():
    params = parse(TREE)
    assert params.detect.settings() == {
        "min_face_px": 20,
        "border_px": 12,
        "border_grey": -1,
        "scale_factor": 0.709,
        "thresholds": (0.6, 0.7, 0.8),
        "haar_cascade": "haarcascade_frontalface_default.xml",
        "haar_eyes": "",
        "haar_scale_factor": 1.1,
        "haar_min_neighbors": 5,
    }
    assert params.data.settings() == {
        "ckplus_frames": ("first", "middle", "last"),
        "ferplus_majority": 0.5,
        "rafdb_images": "aligned",
    }
    assert Alignment(**params.align.settings()).px == 48


@pytest.mark.parametrize("value", [{}, {"a": "b", "contempt": None}])
def test_a_mapping_of_labels(value):
    assert parse(changed(data__relabel=value)).data.relabel == value


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "data.relabel: None, expected a mapping such as {contempt: disgust}"),
        (["a"], "data.relabel: ['a'], expected a mapping such as {contempt: disgust}"),
        ({"a": 3}, "data.relabel: 'a': 3, expected text: text, or text: null"),
        ({True: "a"}, "data.relabel: True: 'a', expected text: text, or text: null"),
        ({"size": "a"}, "data.relabel: 'size' cannot be renamed here; rename it in the data"),
    ],
)
def test_a_mapping_of_labels_that_is_none(value, problem):
    assert problems_of(changed(data__relabel=value)) == [problem]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"train__crop_px": 49}, "train.crop_px: 49, expected at most align.px, 48"),
        (
            {"train__optimizer": "adam"},
            "train.weight_decay: optimizer adam takes none; set it to 0, or use adamw",
        ),
        (
            {"train__targets": "multi"},
            "train.label_smoothing: targets multi take none; set it to 0",
        ),
        (
            {"train__warmup_epochs": 13},
            "train.warmup_epochs: 13, expected at most train.epochs, 12",
        ),
        (
            {"train__batch": 65, "train__devices": 2, "train__backend": "jax"},
            "train.batch: 65, expected a multiple of train.devices, 2",
        ),
        ({"train__devices": 2}, "train.devices: 2, but only backend jax can use several"),
        (
            {"train__targets": "multi", "train__label_smoothing": 0.0, "train__mixup": 0.2},
            "train.mixup: targets multi take none; set it to 0",
        ),
        (
            {"train__targets": "multi", "train__label_smoothing": 0.0, "train__teacher": "a.csv"},
            "train.teacher: targets multi take none; set it to none",
        ),
        ({"data__labels": ["a"]}, "data.labels: one label, expected two or more"),
    ],
)
def test_settings_that_do_not_go_together(changes, problem):
    assert problems_of(changed(**changes)) == [problem]


@pytest.mark.parametrize("path", ['a"b', "a$b", "a`b", "a\\b", "a\nb"])
def test_a_path_that_a_shell_would_change(path):
    assert problems_of(changed(data__source=path)) == [
        f"data.source: {path!r} holds a character that a shell would read; rename it"
    ]
    parse(changed(data__source="data/raw/my pics (1) & more; it's"))


def test_nothing_goes_by_val_where_val_is_fitted():
    tree = changed(data__fit=["train", "val"], train__schedule="plateau", train__stop_epochs=3)
    assert problems_of(tree) == [
        "train.keep: best goes by val, which data.fit has",
        "train.schedule: plateau goes by val, which data.fit has",
        "train.stop_epochs: 3 goes by val, which data.fit has",
    ]
    parse(changed(data__fit=["train", "val"], train__keep="last"))


def test_no_parameter_has_a_name_that_the_run_cache_of_dvc_drops():
    # DVC leaves `size` and `nfiles` out of the run-cache key at any depth.
    names = {field.name for field in fields(Params)}
    names |= {place.rpartition(".")[2] for place in leaves(load(SAMPLE))}
    assert not names & {"size", "nfiles"}
