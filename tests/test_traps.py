"""The worst traps of docs/dvc-traps.md, sprung: this DVC prints what the page says.

One that no longer does is mended: take it from the page, and see what was built around it.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from closure import ROOT

SECTIONS = re.split(r"^### ", (ROOT / "docs/dvc-traps.md").read_text(), flags=re.MULTILINE)[1:]


def shown_as_pattern(shown: str) -> str:
    """A regular expression of what the page shows, where … stands for lines, or part of one."""
    lines = [".*".join(map(re.escape, line.split("…"))) for line in shown.splitlines()]
    return "".join(r"(?:.*\n)*?" if line == ".*" else f"{line}\n" for line in lines)


@pytest.mark.parametrize("number", [1, 2, 3, 8])
def test_listing_prints_what_the_page_shows(number, tmp_path):
    listing, shown = re.findall(r"^```(?:bash)?\n(.*?)^```$", SECTIONS[number - 1], re.M | re.S)
    bin_folder = str(Path(sys.executable).parent)
    path = f"{bin_folder}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", listing],
        cwd=tmp_path,
        env=os.environ | {"PATH": path, "DVC_TEST": "1"},  # no analytics, no look for updates
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert SECTIONS[number - 1].startswith(f"{number}. ")
    assert re.fullmatch(shown_as_pattern(shown), done.stdout), done.stdout
