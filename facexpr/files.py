"""Writing files so that nothing half-written is ever seen, and nothing older lost to a failure.

Nothing here can change a byte of an output, so no stage depends on this module.
"""

import glob
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facexpr.errors import UserError

HEX = "[0-9a-f]" * 20  # a fingerprint, as a pattern


class BrokenOffError(UserError):
    """Work that came to no end through no fault of its own; what is finished stays."""


@contextmanager
def publish(*paths: Path, files: bool = False, work: str = "") -> Iterator[list[Path]]:
    """Give a fresh path beside each of `paths`, and rename them into place when all went well.

    A path with a suffix is meant as a file, one without as a folder, which is made; with `files`
    all are files. On failure the half-written ones are removed and what stood at `paths` before is
    left as it was.

    work: a fingerprint (`scratch.fingerprint`) of exactly this work. A folder that a killed run of
    the same work has left, or one that was interrupted or broken off, is then given as it was left.
    """
    fresh = [partial(path, work) for path in paths]
    for path, new in zip(paths, fresh, strict=True):
        is_folder = not (files or path.suffix)
        for left in (*path.parent.glob(f".partial-{HEX}-{glob.escape(path.name)}"), partial(path)):
            if not (work and is_folder and left == new):
                _remove(left)
        (new if is_folder else path.parent).mkdir(parents=True, exist_ok=True)
    try:
        yield fresh
        for new, path in zip(fresh, paths, strict=True):
            if new.is_dir():
                _remove(path)
            new.replace(path)
    except (KeyboardInterrupt, BrokenOffError):
        fresh = [path for path in fresh if not (work and path.is_dir())]
        raise
    finally:
        for path in fresh:
            _remove(path)


def partial(path: Path, work: str = "") -> Path:
    """Where `path` is while it is being written."""
    return path.with_name(f".partial-{work}-{path.name}" if work else f".partial-{path.name}")


def write_json(path: Path, values: dict) -> None:
    """Write a small metrics file, the same bytes for the same values."""
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def _remove(path: Path) -> None:
    """Remove a file or a folder, if there is one."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
