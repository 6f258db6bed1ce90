"""Writing files so that nothing half-written is ever seen, and nothing older lost to a failure.

Nothing here can change a byte of an output, so no stage depends on this module.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def publish(*paths: Path, files: bool = False) -> Iterator[list[Path]]:
    """Give a fresh path beside each of `paths`, and rename them into place when all went well.

    A path with a suffix is meant as a file, one without as a folder, which is made; with `files`
    all are files. On failure the half-written ones are removed and what stood at `paths` before is
    left as it was.
    """
    fresh = [path.with_name(f".partial-{path.name}") for path in paths]
    try:
        for path in fresh:
            _remove(path)
            (path.parent if files or path.suffix else path).mkdir(parents=True, exist_ok=True)
        yield fresh
        for new, path in zip(fresh, paths, strict=True):
            if new.is_dir():
                _remove(path)
            new.replace(path)
    finally:
        for path in fresh:
            _remove(path)


def write_json(path: Path, values: dict) -> None:
    """Write a small metrics file, the same bytes for the same values."""
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def _remove(path: Path) -> None:
    """Remove a file or a folder, if there is one."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
