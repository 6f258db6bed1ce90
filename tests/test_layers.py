"""The table of layers in ARCHITECTURE.md against the imports."""

import re
from fnmatch import fnmatch

from closure import ROOT, file_of, imported_modules

FOLDERS = ("facexpr/**/*.py", "stages/*.py")
FILES = [file.relative_to(ROOT) for folder in FOLDERS for file in sorted(ROOT.glob(folder))]
DOORS = {"facexpr/__init__.py", "facexpr/__main__.py"}  # they know the whole house
ROW = re.compile(r"^\| (\d) \| (.+?)(?::.*)? \|$", re.MULTILINE)


def path_of(name: str) -> str:
    """A name in the table as the pattern of a path without its suffix."""
    return name if name.startswith(("facexpr/", "stages/")) else f"facexpr/{name}"


def layers() -> dict[str, list[int]]:
    """The layers in which each file stands."""
    rows = ROW.findall((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    named = [(path_of(name), int(at)) for at, cell in rows for name in re.findall("`(.+?)`", cell)]
    return {
        file.as_posix(): [
            at for name, at in named if fnmatch(file.with_suffix("").as_posix(), name)
        ]
        for file in FILES
    }


def test_every_module_stands_in_one_layer():
    odd = {file: at for file, at in layers().items() if len(at) != 1 and file not in DOORS}
    assert odd == {}


def test_no_import_goes_upwards():
    found = layers()
    for file in (name for name in found if name not in DOORS):
        for target in filter(None, map(file_of, imported_modules(ROOT / file))):
            assert target in DOORS or found[target] <= found[file], f"{file} imports {target}"
