"""A project folder to call commands in, without data, and a call that tells what was printed."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from facexpr.__main__ import main

ROOT = Path(__file__).parents[2]


@dataclass
class Answer:
    """What a call of the command line came to."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The message of a call that failed with one line on stderr."""
        assert self.code == 1
        assert self.out == ""
        assert self.err.count("\n") == 1, self.err
        line = self.err.rpartition("\r")[2]  # a progress bar was cleared away before it
        assert line.startswith("facexpr: error: ")
        return line.removeprefix("facexpr: error: ").strip()


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with the recipes and the sample's parameters, and the current folder."""
    folder = tmp_path.resolve() / "project"
    shutil.copytree(ROOT / "recipes", folder / "recipes")
    shutil.copy(ROOT / "dvc.yaml", folder)
    shutil.copy(folder / "recipes/sample.yaml", folder / "params.yaml")
    (folder / "data/raw").mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def call(capsys):
    """Call the command line, as a user does."""

    def run(*argv) -> Answer:
        capsys.readouterr()
        code = main([str(word) for word in argv])
        return Answer(code, *capsys.readouterr())

    return run


@pytest.fixture
def change(project):
    """Change values of the project's params.yaml."""

    def run(**sections) -> None:
        path = project / "params.yaml"
        tree = yaml.safe_load(path.read_text())
        for section, values in sections.items():
            tree[section] |= values
        path.write_text(yaml.safe_dump(tree))

    return run
