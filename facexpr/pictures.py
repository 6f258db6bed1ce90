"""The pictures that a user names on the command line: files, folders, patterns, standard input."""

import glob
import io
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from facexpr.errors import UserError
from facexpr.images import SUFFIXES, printable, read_image, read_stream

# Standard input; a file of that name is given with its folder, ./-, and found as an absolute path.
STDIN = Path("-")
EXPECTED = f"expected files such as {', '.join(sorted(SUFFIXES))}"


def find_pictures(paths: Sequence[str | Path]) -> list[Path | UserError]:
    """The pictures that `paths` name, in their order, each file once; errors stand among them.

    A path is a file, whatever its suffix; a folder, searched for files of `SUFFIXES` with all that
    lies in it but hidden files and linked folders; a pattern such as "**/*.jpg"; or "-", standard
    input. One that gives no picture, and a folder that may not be read, gives a UserError.
    """
    found: dict[str, Path | UserError] = {}
    for path in paths:
        for entry in _expand(str(path)):
            is_file = isinstance(entry, Path) and entry != STDIN
            found.setdefault(os.path.realpath(entry) if is_file else str(entry), entry)
    return list(found.values())


def read_picture(path: Path) -> np.ndarray:
    """Read a picture as uint8 grey (H, W) or RGB (H, W, 3), of `Path("-")` from standard input.

    Raises UserError as `images.read_image` does.
    """
    if path != STDIN:
        return read_image(path)
    return read_stream(sys.stdin.buffer if sys.stdin else io.BytesIO(), "standard input")


def _expand(text: str) -> list[Path | UserError]:
    """The pictures of one path or pattern, or why there are none."""
    if text == str(STDIN):
        return [STDIN]
    if glob.escape(text) == text or os.path.lexists(text):
        return _search(text)
    matches = _match(Path(text))
    if not matches:
        return [UserError(f"{printable(text)}: nothing has this name or fits this pattern")]
    return [entry for match in matches for entry in _search(match)]


def _match(pattern: Path) -> list[str]:
    """What fits a pattern, sorted; links to folders are not followed for its `**`.

    glob.glob(…, recursive=True) follows them: for hours where two of them lead upwards.
    """
    parts = pattern.parts
    if "**" not in parts:
        return sorted(glob.glob(str(pattern)))  # noqa: PTH207 (Path.glob finds hidden files, too)
    first = parts.index("**")
    starts, rest = _match(Path(*parts[:first])), Path(*parts[first + 1 :])
    if not rest.parts:
        return [*filter(os.path.isdir, starts)]  # they are searched through anyway
    folders = {folder for start in starts for folder, _ in _walk(start)}
    return sorted({name for folder in folders for name in _match(glob.escape(folder) / rest)})


def _search(text: str) -> list[Path | UserError]:
    """A file itself, or the pictures in a folder; an error where there are none."""
    name, path = printable(text), Path(text)
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return [UserError(f"{name}: not found; expected a picture or a folder of pictures")]
    except OSError as error:
        return [UserError(f"{name}: cannot be read: {error.strerror}")]
    if is_folder:
        return _search_folder(text) or [UserError(f"{name}: no picture in this folder; {EXPECTED}")]
    return [path.absolute() if path == STDIN else path]


def _search_folder(folder: str) -> list[Path | UserError]:
    """The pictures in a folder and below it, sorted, then an error for each that is closed."""
    closed: list[OSError] = []
    pictures = [
        Path(place, name)
        for place, names in _walk(folder, closed.append)
        for name in names
        if Path(name).suffix.lower() in SUFFIXES
    ]
    errors = [UserError(f"{printable(e.filename)}: cannot be read: {e.strerror}") for e in closed]
    return [*sorted(pictures), *errors]


def _walk(
    top: str, onerror: Callable[[OSError], object] | None = None
) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder from `top` down with its files' names, hidden ones and links left out."""
    for place, folders, names in os.walk(top, onerror=onerror):
        folders[:] = sorted(folder for folder in folders if folder[0] != ".")
        yield place, [name for name in names if name[0] != "."]
