"""Write params.yaml from a recipe, or list the recipes.

After that all is plain DVC: `dvc repro`. Edits of params.yaml that git does not have are not
dropped without --force.
"""

import argparse
import difflib
import subprocess
from pathlib import Path

from facexpr import project, recipes
from facexpr.datasets import folder
from facexpr.errors import UserError
from facexpr.params import parse

PARAMS, RECIPES, RAW = Path("params.yaml"), Path("recipes"), Path("data/raw")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("name", nargs="?", help="recipe; without one, list them")
    parser.add_argument("--diff", action="store_true", help="only show what would change")
    parser.add_argument("--source", help="the data, where it does not lie under data/raw/")
    parser.add_argument("--force", action="store_true", help="drop uncommitted edits")


def run(args: argparse.Namespace) -> None:
    """List, compare or write."""
    project.enter_root()
    if args.name is None:
        for name in recipes.available(RECIPES):
            first = (RECIPES / f"{name}.yaml").read_text(encoding="utf-8").splitlines()[0]
            print(f"{name:12} {first.lstrip('# ')}")
        return
    text = compose(args.name, args.source)
    if args.diff:
        print(difference(text), end="")
        return
    if not args.force and edited(text):
        raise UserError(
            "params.yaml: has edits that git does not hold; commit them, or drop them with --force"
        )
    PARAMS.write_text(text, encoding="utf-8")
    print(f"params.yaml: recipe {args.name}; next: dvc repro")


def compose(name: str, source: str | None) -> str:
    """The recipe's text with the source that is there, and a folder's own labels."""
    import yaml

    text = recipes.build_recipe(RECIPES, name)
    data = yaml.safe_load(text)["data"]
    changes = {}
    if name != recipes.BASE:
        changes["source"] = source or locate(name, data["source"])
    if data["format"] == "folder":
        changes["labels"] = folder.find_labels(Path(changes["source"]))
    if changes:
        text = recipes.set_values(text, {"data": changes}, name)
    parse(yaml.safe_load(text), f"recipe {name}")
    return text


def locate(name: str, declared: str) -> str:
    """The path of the recipe's data under data/raw/, in whatever form; raises UserError."""
    found = recipes.find_source(RAW, Path(declared).name.split(".")[0])
    if found is None:
        raise UserError(
            f"recipe {name}: no data at {declared} (nor as .gz, .xz, .zip, .tar.gz, folder); "
            "put it there, see data/README.md, or name it with --source"
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
    """Whether params.yaml holds something that neither git nor the new text has."""
    if not PARAMS.is_file() or PARAMS.read_text(encoding="utf-8") == text:
        return False
    command = ["git", "diff", "--quiet", "HEAD", "--", str(PARAMS)]
    return subprocess.run(command, capture_output=True).returncode != 0
