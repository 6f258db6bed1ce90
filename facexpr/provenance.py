"""Where a result is from: the commit of the code, and the machine."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version

# What computes, beside params.yaml: an edit here makes a commit "dirty".
CODE = ("facexpr", "stages", "dvc.yaml", "data/cascades")
DISTRIBUTIONS = {"tensorflow": ("tensorflow_cpu", "tensorflow")}


def this_machine(backend: str) -> str:
    """Cores, architecture, and what Keras computes on."""
    cores = "1 core" if os.cpu_count() == 1 else f"{os.cpu_count()} cores"
    return f"{cores}, {platform.machine()}, {platform.system()}, {backend} {_version(backend)}"


def _version(backend: str) -> str:
    for name in DISTRIBUTIONS.get(backend, (backend,)):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "of unknown version"


def commit() -> str:
    """The short hash of git's HEAD, "-dirty" where the code was edited since; or "unknown"."""
    try:
        options = {"capture_output": True, "text": True, "check": True}
        head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], **options).stdout.strip()
        edited = subprocess.run(["git", "status", "--porcelain", "--", *CODE], **options).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):  # no git, or no repository
        return "unknown"
    return f"{head}-dirty" if edited else head
