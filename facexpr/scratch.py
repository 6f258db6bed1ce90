"""Where unfinished work waits: outside the pipeline's outputs, which DVC removes before a run."""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import file_digest, sha256
from importlib.metadata import distributions
from pathlib import Path

import platformdirs

from facexpr.errors import UserError

RESULTS = "results.sqlite"  # the store of results, in the scratch folder


def scratch_root() -> Path:
    """FACEXPR_SCRATCH, or the user's cache folder; experiments and worktrees share it."""
    named = os.environ.get("FACEXPR_SCRATCH")
    return Path(named) if named else platformdirs.user_cache_path("facexpr")


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Have a scratch folder alone; who comes second, such as another experiment, waits."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def fingerprint(values: dict, files: Iterable[Path]) -> str:
    """A short name for exactly this work: parameters, code and the content of inputs.

    Raises UserError for an input that is not there or cannot be read.
    """
    digest = sha256(json.dumps(values, sort_keys=True).encode())
    for path in files:
        digest.update(_digest_file(path))
    return digest.hexdigest()[:20]


def tree_fingerprint(top: Path) -> str:
    """A short name for what a file, or a folder with all below it, holds under which names.

    Raises UserError as `fingerprint`; what is not there at all has a name too.
    """
    digest = sha256()
    if top.is_file():
        digest.update(_digest_file(top))
    for folder, subfolders, names in os.walk(top):
        subfolders.sort()  # which os.walk then follows
        for path in (Path(folder) / name for name in sorted(names)):
            digest.update(os.fsencode(path.relative_to(top)) + b"\0" + _digest_file(path))
    return digest.hexdigest()[:20]


def versions(*beginnings: str) -> dict[str, str]:
    """Versions of the installed packages whose names begin so: builds have names of their own."""
    names = {one.name: one.version for one in distributions() if one.name}
    return {name: names[name] for name in sorted(names) if name.lower().startswith(beginnings)}


def _digest_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").digest()
    except (FileNotFoundError, IsADirectoryError):
        raise UserError(f"{path}: not found; run 'dvc repro' or 'dvc checkout'") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
