"""The programs that `benchmarks/pipeline.py` clocks: stages, steps of other ways, and DVC."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import yaml
from pipeline_page import STEPS

from facexpr.errors import UserError
from facexpr.recipes import build_recipe, set_values

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
# What the stages and DVC need of this checkout; a copy of it is what runs.
CODE = ("facexpr", "stages", "dvc.yaml", "data/cascades", "data/teachers")
CODE += ("data/sample/dvc.yaml", ".dvc/config")
CODE += (".dvcignore", ".gitignore")
SOURCE = "data/raw/fer2013.csv"
COUNTING = re.compile(rb"train:[^\r\n]*\| *[1-9]\d*/")  # training's bar, no longer at 0


def make_project(folder: Path, csv: Path, **changes: dict) -> Path:
    """A project of the recipe fer2013 on a CSV; each stage has been started once, for bytecode."""
    for name in CODE:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    recipe = build_recipe(ROOT / "recipes", "fer2013")
    (folder / "params.yaml").write_text(set_values(recipe, changes, "params.yaml"))
    (folder / SOURCE).parent.mkdir()
    os.link(csv, folder / SOURCE)
    for stage in STEPS:
        run(["python", "-m", f"stages.{stage}", "--help"], folder)
    return folder


def run_stage(project: Path, stage: str, workers: str = "", fresh: bool = True) -> dict:
    """Run a stage as DVC would; fresh: with empty scratch.

    seconds are with its start, work without; peak_mib is of the stage and its workers.
    """
    if fresh:
        shutil.rmtree(project.parent / "scratch", ignore_errors=True)
    settings = {"FACEXPR_WORKERS": workers} if workers else {}
    seconds = clock(stage_command(stage), project, **settings)
    log = json.loads((project / f"logs/{stage}.json").read_text())
    told = {"work": log["seconds"], "peak_mib": log["peak_mib"] + log["workers_peak_mib"]}
    return {"seconds": seconds, "images": log["items"], "notes": log["notes"], **told}


def run_step(way: str, step: str, folder: Path) -> dict:
    """Run a step of another way; what step.py tells of it, seconds without its start."""
    return json.loads(run([sys.executable, HERE / "step.py", way, step, folder], ROOT))


def stage_command(stage: str) -> list[str]:
    """The stage's command, as dvc.yaml has it."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    return shlex.split(stages[stage]["cmd"].replace("${data.source}", SOURCE))


def run(command: Sequence[str | Path], folder: Path, **settings: str) -> str:
    """Run a program in a folder; its output, or a UserError with its last words."""
    options = {"cwd": folder, "env": environment(folder, **settings), "text": True}
    ended = subprocess.run(command, capture_output=True, check=False, **options)
    if ended.returncode:
        words = (ended.stderr or ended.stdout).strip().splitlines() or ["no word"]
        raise UserError(f"{' '.join(map(str, command))}: failed: {words[-1]}")
    return ended.stdout


def clock(command: Sequence[str | Path], folder: Path, **settings: str) -> float:
    """Seconds that a program takes, its start included."""
    began = time.perf_counter()
    run(command, folder, **settings)
    return time.perf_counter() - began


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """This Python first, scratch beside the folder, no GPU, workers as by default."""
    left_out = {"FACEXPR_WORKERS", "PYTHONDONTWRITEBYTECODE"}
    own = {name: value for name, value in os.environ.items() if name not in left_out}
    own["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{own.get('PATH', '')}"
    own |= {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    return own | {"FACEXPR_SCRATCH": str(folder.parent / "scratch"), **settings}


def clock_first_batch(project: Path, learning_rate: float) -> float:
    """Seconds of `dvc repro train` after an edit until its bar counts images; then it is killed.

    The bar is drawn anew once a second at most, so the figure may be a second too high.
    """
    params = project / "params.yaml"
    changes = {"train": {"learning_rate": learning_rate}}
    params.write_text(set_values(params.read_text(), changes, "params.yaml"))
    began, seen = time.perf_counter(), b""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "start_new_session": True}
    command, settings = ["dvc", "repro", "train"], environment(project)
    with subprocess.Popen(command, cwd=project, env=settings, **options) as process:
        try:
            while not COUNTING.search(seen):
                if not (more := os.read(process.stdout.fileno(), 2**16)):
                    raise UserError("dvc repro train: ended before its first batch")
                seen += more
            return time.perf_counter() - began
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.stdout.read()  # until the last of them has gone
