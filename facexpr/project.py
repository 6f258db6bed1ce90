"""Finding the project that a command is called in."""

import os
from pathlib import Path

from facexpr.errors import UserError


def find_root(start: Path | None = None) -> Path:
    """The nearest folder upwards, from the current one, that holds dvc.yaml and recipes/."""
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / "dvc.yaml").is_file() and (folder / "recipes").is_dir():
            return folder
    raise UserError(f"{start}: not inside a facexpr project (no dvc.yaml with recipes/ upwards)")


def enter_root() -> Path:
    """Make the project's root the current folder; returns the folder the user called from."""
    called_from = Path.cwd()
    os.chdir(find_root())
    return called_from
