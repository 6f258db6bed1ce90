"""Where unfinished work waits: outside the pipeline's outputs, which DVC removes before a run."""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import file_digest, sha256
from pathlib import Path

import platformdirs

from facexpr.errors import UserError


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

    Raises UserError for an input that is not there.
    """
    digest = sha256(json.dumps(values, sort_keys=True).encode())
    for path in files:
        if not path.is_file():
            raise UserError(f"{path}: not found; run 'dvc repro' or 'dvc checkout'")
        with path.open("rb") as file:
            digest.update(file_digest(file, "sha256").digest())
    return digest.hexdigest()[:20]
