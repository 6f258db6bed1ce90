"""Stages as the programs that dvc.yaml runs, in a small project folder of their own."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
STAGES = {
    stage: about
    for name in ("dvc.yaml", "data/sample/dvc.yaml")
    for stage, about in yaml.safe_load((ROOT / name).read_text())["stages"].items()
}
CHAIN = ("images", "audit", "detect", "align", "pack", "mean")
TINY = {
    "sample": {"train": 14, "val": 7, "test": 7, "scenes": 1},
    "images": {"shard_samples": 5},
    "detect": {"detector": "whole"},
    "align": {"px": 16},
    "predict": {"detector": "whole"},
    "train": {"epochs": 1, "batch": 7},
    "evaluate": {"bootstrap_draws": 100},
}


def set_params(project: Path, changes: dict[str, dict]) -> None:
    """Change values of the project's params.yaml, which begins as the sample recipe."""
    path = project / "params.yaml"
    tree = yaml.safe_load((path if path.exists() else ROOT / "recipes/sample.yaml").read_text())
    for section, values in changes.items():
        tree[section] |= values
    path.write_text(yaml.safe_dump(tree))


def make_project(folder: Path) -> Path:
    """A folder in which stages run: the code, and parameters for a tiny run."""
    folder.mkdir(exist_ok=True)
    for name in ("facexpr", "stages"):
        (folder / name).symlink_to(ROOT / name)
    set_params(folder, TINY)
    return folder


def stage_command(project: Path, stage: str) -> list[str]:
    """The command of dvc.yaml with the project's values in it."""
    params = yaml.safe_load((project / "params.yaml").read_text())
    text = STAGES[stage]["cmd"]
    for name in ("data.source", "predict.input"):
        section, key = name.split(".")
        text = text.replace(f"${{{name}}}", params[section][key])
    return [sys.executable, *shlex.split(text)[1:]]


def run_stage(
    project: Path, stage: str, *more: str, **environment: str
) -> subprocess.CompletedProcess:
    """Run a stage as dvc would; of an option given again in `more`, that one counts."""
    settings = os.environ | {"FACEXPR_SCRATCH": str(project / "scratch")} | environment
    command = [*stage_command(project, stage), *more]
    done = subprocess.run(command, cwd=project, env=settings, capture_output=True, timeout=300)
    # Not text=True, which would turn the carriage returns of progress bars into line ends.
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    return done


def run_well(project: Path, stage: str, *more: str, **environment: str) -> str:
    """Run a stage that must succeed; returns its standard output."""
    done = run_stage(project, stage, *more, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def outputs(stage: str) -> list[str]:
    """The paths that dvc.yaml says a stage writes."""
    groups = [STAGES[stage].get(kind, []) for kind in ("outs", "metrics", "plots")]
    return [one if isinstance(one, str) else next(iter(one)) for group in groups for one in group]


def contents(project: Path, *names: str) -> dict[str, bytes]:
    """Path and bytes of every file under `names`, or of all but logs and the scratch folder."""
    tops = [project / name for name in names] or [
        path
        for path in project.iterdir()
        if not path.is_symlink() and path.name not in ("logs", "scratch")
    ]
    files = [file for top in tops for file in ([top] if top.is_file() else top.rglob("*"))]
    return {str(path.relative_to(project)): path.read_bytes() for path in files if path.is_file()}


def put_old_outputs(project: Path, stage: str) -> None:
    """Where an output of the stage is not there yet, put something that stands for an old one."""
    for name in outputs(stage):
        path = project / name
        if not path.exists():
            file = path if path.suffix else path / "old.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("old")


def failure(project: Path, stage: str, *more: str) -> str:
    """Run a stage that must fail: exit code 1, one line, no trace left; returns the line."""
    put_old_outputs(project, stage)
    before = contents(project)
    done = run_stage(project, stage, *more)
    assert done.returncode == 1, done.stderr
    assert contents(project) == before
    assert not list(project.rglob(".partial-*"))
    # What a progress bar leaves stands before a carriage return, which overwrites it.
    lines = [line.rpartition("\r")[2].strip() for line in done.stderr.split("\n")]
    lines = [line for line in lines if line]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith(f"{stage}: error: "), done.stderr
    return lines[0].removeprefix(f"{stage}: error: ")
