"""Recipes: params.yaml by name. sample.yaml is complete, the others hold their differences."""

import io
from itertools import takewhile
from pathlib import Path

from ruamel.yaml import YAML

from facexpr.errors import UserError, unknown_name

BASE = "sample"
# The forms in which a data set may lie under data/raw/, by recipe, in order of preference.
FORMS = (
    "{name}.csv",
    "{name}.csv.gz",
    "{name}.csv.xz",
    "{name}.zip",
    "{name}.csv.zip",
    "{name}.tar.gz",
    "{name}.tgz",
    "icml_face_data.csv",
    # What `kaggle competitions download` writes; it holds icml_face_data.csv among others.
    "challenges-in-representation-learning-facial-expression-recognition-challenge.zip",
    "{name}",
)


def available(folder: Path) -> list[str]:
    """Names of the recipes in a folder."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def build_recipe(folder: Path, name: str) -> str:
    """The text of params.yaml for a recipe: sample.yaml with the recipe's values, comments kept.

    A recipe's key `base` names another recipe that it changes instead of sample.yaml. Raises
    UserError for an unknown recipe, and for values that sample.yaml does not have.
    """
    if name not in available(folder):
        raise unknown_name("recipe", name, available(folder))
    path = folder / f"{name}.yaml"
    text = path.read_text(encoding="utf-8")
    if name == BASE:
        return text
    changes = _round_trip().load(text) or {}
    full = build_recipe(folder, changes.pop("base", BASE))
    full = set_values(full, changes, str(path))
    return (_head(text) or _head(full)) + full.removeprefix(_head(full))


def _head(text: str) -> str:
    """The comment lines that a recipe opens with, which say what it is."""
    lines = text.splitlines(keepends=True)
    return "".join(takewhile(lambda line: line.startswith("#"), lines))


def set_values(text: str, changes: dict, name: str) -> str:
    """Set `section: {key: value}` in a YAML text and keep its comments and layout."""
    yaml = _round_trip()
    tree = yaml.load(text)
    for section, values in changes.items():
        for key, value in values.items():
            if key not in tree.get(section, {}):
                raise UserError(f"{name}: {section}.{key}: not in {BASE}.yaml")
            tree[section][key] = value
    out = io.StringIO()
    yaml.dump(tree, out)
    return out.getvalue().removeprefix("%YAML 1.1\n---\n")


def _round_trip() -> YAML:
    """YAML 1.1 as PyYAML and DVC read it: 1e-5 and no must be written as 1.0e-5 and 'no'."""
    yaml = YAML()
    yaml.version = (1, 1)
    yaml.preserve_quotes = True
    yaml.width = 100
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def find_source(raw: Path, name: str) -> Path | None:
    """The form in which a data set lies in `raw`, or None."""
    # The names that Kaggle gave speak of FER2013, whatever data set they lie beside.
    forms = (form for form in FORMS if "{name}" in form or name == "fer2013")
    candidates = (raw / form.format(name=name) for form in forms)
    return next((path for path in candidates if path.exists()), None)
