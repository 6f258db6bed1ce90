"""What the pages of all benchmarks share: tables, and on what machine with what they were made."""

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 2) -> str:
    """A Markdown table; all columns but the first `texts` hold numbers, which go to the right."""
    rule = ["---"] * texts + ["---:"] * (len(columns) - texts)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (columns, rule, *rows))


def processor() -> str:
    """The processor's name, as Linux tells it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def installed(packages: Sequence[str]) -> list[str]:
    """Name and version of those packages that are installed."""
    return [f"{name} {found}" for name in packages if (found := _version(name))]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
