"""Write params.yaml from a recipe, or list the recipes.

The data are looked for first, as `facexpr check` does: params.yaml changes only if they are there.
After that all is plain DVC: `dvc repro`. Edits of params.yaml that git does not have are not
dropped without --force.
"""

import argparse
import difflib
import os
import subprocess
from pathlib import Path

from facexpr import project, recipes
from facexpr.commands.check import check_inputs, check_names
from facexpr.datasets import folder
from facexpr.errors import UserError
from facexpr.params import Params, parse

PARAMS, RECIPES, RAW = Path("params.yaml"), Path("recipes"), Path("data/raw")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("name", nargs="?", help="recipe; without one, list them")
    parser.add_argument("--diff", action="store_true", help="only show what would change")
    parser.add_argument("--source", help="the data, where it does not lie under data/raw/")
    parser.add_argument("--force", action="store_true", help="drop uncommitted edits")


def run(args: argparse.Namespace) -> None:
    """List, compare or write."""
    here = project.enter_root()
    if args.name is None:
        for name in recipes.available(RECIPES):
            first = (RECIPES / f"{name}.yaml").read_text(encoding="utf-8").splitlines()[0]
            print(f"{name:16} {first.lstrip('# ')}")
        return
    source = args.source and from_root(here / args.source)
    text, params = compose(args.name, source)
    if args.diff:
        print(difference(text), end="")
        return
    if not args.force and edited(text):
        raise UserError(
            "params.yaml: has edits that git does not hold; commit them, or drop them with --force"
        )
    check_names(params)
    check_inputs(params)
    PARAMS.write_text(text, encoding="utf-8")
    print(f"params.yaml: recipe {args.name}; next: dvc repro")


def from_root(path: Path) -> str:
    """A path as params.yaml should hold it: from the root if it lies below, absolute if not."""
    path, root = Path(os.path.normpath(path)), Path.cwd()
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def compose(name: str, source: str | None) -> tuple[str, Params]:
    """The recipe's text with the source that is there, and a folder's own labels and pictures."""
    import yaml

    text = recipes.build_recipe(RECIPES, name)
    data = yaml.safe_load(text)["data"]
    changes = {}
    if data["format"] == "folder":
        source = source or data["source"]
        labels = folder.find_labels(Path(source))
        changes = {"data": {"source": source, "labels": labels}}
        last = [*folder.find_splits(Path(source)).values()][-1]  # test, if it is there
        changes["predict"] = {"input": last.as_posix()}
    elif source or name != recipes.BASE:
        changes["data"] = {"source": source or locate(name, data["source"])}
    if changes:
        text = recipes.set_values(text, changes, name)
    return text, parse(yaml.safe_load(text), f"recipe {name}")


def locate(name: str, declared: str) -> str:
    """The path of the recipe's data under data/raw/, in whatever form; raises UserError."""
    found = recipes.find_source(RAW, Path(declared).name.split(".")[0])
    if found is None:
        other = " (nor as .gz, .xz, .zip, .tar.gz, folder)" if declared.endswith(".csv") else ""
        raise UserError(
            f"recipe {name}: no data at {declared}{other}; put it there, see data/README.md, "
            "or name it with --source"
        )
    return found.as_posix()


def difference(text: str) -> str:
    """A unified diff from params.yaml as it is."""
    now = PARAMS.read_text(encoding="utf-8") if PARAMS.is_file() else ""
    lines = difflib.unified_diff(
        now.splitlines(keepends=True), text.splitlines(keepends=True), "params.yaml", "recipe"
    )
    return "".join(lines)


def edited(text: str) -> bool:
    """Whether params.yaml holds something that neither git, the new text, nor a recipe has."""
    if not PARAMS.is_file():
        return False
    now = PARAMS.read_text(encoding="utf-8")
    try:
        held = subprocess.run(["git", "show", f"HEAD:./{PARAMS}"], capture_output=True).stdout
    except FileNotFoundError:  # no git, which then holds nothing
        held = b""
    return now not in (text, held.decode()) and not written_by_a_recipe(now)


def written_by_a_recipe(text: str) -> bool:
    """Whether some recipe, with the source that `text` names, makes exactly `text`."""
    import yaml

    try:
        source = yaml.safe_load(text)["data"]["source"]
    except (yaml.YAMLError, TypeError, KeyError):
        return False
    return any(text == made_by(name, source) for name in recipes.available(RECIPES))


def made_by(name: str, source: str) -> str | None:
    """What a recipe makes of a source, or None where it can make nothing of it."""
    try:
        return compose(name, None if name == recipes.BASE else source)[0]
    except UserError:
        return None
