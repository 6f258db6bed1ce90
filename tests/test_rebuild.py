"""The rebuild matrix: real DVC runs in a temporary clone; each edit reruns exactly what it must.

The README's table of edits is this module's EDITS; a test there holds one against the other.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from closure import ROOT

TINY = {
    "sample": {"train": 28, "val": 7, "test": 7, "scenes": 1},
    "detect": {"detector": "whole"},
    "predict": {"detector": "whole"},
    "align": {"px": 16},
    "train": {"epochs": 1, "batch": 14, "warmup_epochs": 0},
    "evaluate": {"bootstrap_draws": 100},
}
ALL = ["sample", "images", "audit", "detect", "align", "pack", "mean"]
ALL += ["train", "evaluate", "predict"]


def run(folder: Path, *command: str, **environment: str) -> str:
    """Run a command in the clone; its output, or a failed test that shows it."""
    bin_folder = str(Path(sys.executable).parent)
    settings = os.environ | {
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "FACEXPR_SCRATCH": str(folder.parent / "scratch"),
        **environment,
    }
    done = subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def repro(folder: Path, **environment: str) -> set[str]:
    """The stages that `dvc repro` runs."""
    output = run(folder, "dvc", "repro", **environment)
    return {name.rpartition(":")[2] for name in re.findall(r"Running stage '(.+?)'", output)}


def commit(folder: Path) -> None:
    run(folder, "git", "add", "--all")
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    run(folder, "git", *identity, "commit", "--quiet", "--message", "as built")


def tiny_clone(folder: Path) -> Path:
    """This project without tests and without what was built, with tiny parameters."""
    listing = ("git", "ls-files", "--cached", "--others", "--exclude-standard")
    for name in run(ROOT, *listing).splitlines():
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for lock in folder.rglob("dvc.lock"):
        lock.unlink()
    set_params(TINY)(folder)
    run(folder, "git", "init", "--quiet")
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A clone, made tiny, built from nothing, and committed with its dvc.lock."""
    folder = tiny_clone(tmp_path_factory.mktemp("rebuild") / "clone")
    assert repro(folder) == set(ALL)
    commit(folder)
    return folder


def set_params(changes: dict) -> Callable[[Path], None]:
    """An edit of params.yaml."""

    def edit(folder: Path) -> None:
        path = folder / "params.yaml"
        tree = yaml.safe_load(path.read_text())
        for section, values in changes.items():
            tree[section] |= values
        path.write_text(yaml.safe_dump(tree, sort_keys=False))

    return edit


def append(name: str, text: str = "# a comment\n") -> Callable[[Path], None]:
    """An edit of a file's end."""

    def edit(folder: Path) -> None:
        path = folder / name
        path.write_text(path.read_text() + text)

    return edit


def set_row(number: int, column: int, value: str) -> Callable[[Path], None]:
    """An edit of the source: one field of one row, the source being a file of the user's own."""

    def edit(folder: Path) -> None:
        path = folder / "data/raw/own.csv"
        rows = path.read_text().splitlines()
        fields = rows[number + 1].split(",")
        fields[column] = value if column != 1 else f"{value} {fields[1].partition(' ')[2]}"
        rows[number + 1] = ",".join(fields)
        path.write_text("\n".join(rows) + "\n")

    return edit


AFTER_DETECT = ALL[ALL.index("align") :]
# What is edited, how, and the stages that run. An edit whose outputs turn out byte-identical
# stops there: a comment, or a parameter that this data does not feel.
EDITS = {
    "sample.seed": (set_params({"sample": {"seed": 1}}), ALL),
    "data.seed (the data has a val split)": (set_params({"data": {"seed": 1}}), ["images"]),
    "data.relabel (disgust counts as angry)": (
        set_params(
            {
                "data": {
                    "relabel": {"disgust": "angry"},
                    "labels": ["angry", "fear", "happy", "sad", "surprise", "neutral"],
                }
            }
        ),
        ["images", "audit", "pack", "mean", "train", "evaluate", "predict"],
    ),
    "images.shard_samples": (
        set_params({"images": {"shard_samples": 5}}),
        ["images", "audit", "detect", "align", "pack"],
    ),
    "detect.haar_scale_factor (detector whole does not feel it)": (
        set_params({"detect": {"haar_scale_factor": 1.3}}),
        ["detect", "predict"],
    ),
    "audit.constant_range (the tables it writes stay as they were)": (
        set_params({"audit": {"constant_range": 255}}),
        ["audit"],
    ),
    "detect.min_face_px (detector whole does not feel it)": (
        set_params({"detect": {"min_face_px": 24}}),
        ["detect", "predict"],
    ),
    "align.px": (set_params({"align": {"px": 18}}), AFTER_DETECT),
    "data.fit, train.keep": (
        set_params({"data": {"fit": ["train", "val"]}, "train": {"keep": "last"}}),
        ["mean", "train", "evaluate", "predict"],
    ),
    "train.learning_rate": (
        set_params({"train": {"learning_rate": 0.03}}),
        ["train", "evaluate", "predict"],
    ),
    "evaluate.split, evaluate.views": (
        set_params({"evaluate": {"split": "val", "views": 10}}),
        ["evaluate"],
    ),
    "predict.min_score": (set_params({"predict": {"min_score": 0.5}}), ["predict"]),
    "a comment in stages/align.py": (append("stages/align.py"), ["align"]),
    "a comment in facexpr/align.py": (append("facexpr/align.py"), ["align", "evaluate", "predict"]),
    "a comment in facexpr/training.py": (append("facexpr/training.py"), ["train"]),
    "a comment in the network": (append("facexpr/networks/vgg_bn.py"), ["train"]),
    "another network": (append("facexpr/networks/fourconv.py"), []),
    "another detector": (append("facexpr/detectors/haar.py"), []),
    "a data set module": (append("facexpr/datasets/folder.py"), ["images"]),
    "facexpr/params.py, errors.py, stage.py": (append("facexpr/stage.py"), []),
    "a comment in params.yaml": (append("params.yaml"), []),
}


def test_second_run_runs_nothing(built):
    assert repro(built) == set()


def test_environment_settings_run_nothing(built):
    elsewhere = {"FACEXPR_WORKERS": "1", "FACEXPR_SCRATCH": str(built.parent / "other")}
    assert repro(built, **elsewhere) == set()


@pytest.mark.parametrize("name", EDITS)
def test_edit_runs_exactly(built, name):
    edit, expected = EDITS[name]
    try:
        edit(built)
        assert repro(built) == set(expected)
    finally:
        restore(built)


def restore(folder: Path) -> None:
    """The documented way back: the parameters and code as committed, then `dvc checkout`."""
    run(folder, "git", "checkout", "--quiet", ".")
    run(folder, "dvc", "checkout", "--quiet")


def test_restored_is_clean(built):
    assert "up to date" in run(built, "dvc", "status")


# Edits of one field of the first row of a source of the user's own. A changed label does not
# detect or align again; a changed pixel does.
ROW_EDITS = {
    "a pixel of one row of the source": (1, "7", ALL[1:]),
    "the label of one row of the source": (
        *(0, "3"),
        ["images", "audit", "pack", "mean", "train", "evaluate", "predict"],
    ),
}


@pytest.mark.parametrize("name", ROW_EDITS)
def test_edit_of_one_source_row_runs_exactly(built, name):
    column, value, expected = ROW_EDITS[name]
    try:
        (built / "data/raw").mkdir(exist_ok=True)
        shutil.copy(built / "data/sample/fer2013.csv", built / "data/raw/own.csv")
        set_params({"data": {"source": "data/raw/own.csv"}})(built)
        repro(built)
        set_row(0, column, value)(built)
        assert repro(built) == set(expected)
    finally:
        restore(built)


def test_two_builds_from_an_empty_cache_give_the_same_lock(built, tmp_path):
    """Byte-identical dvc.lock means byte-identical outputs, the trained model among them."""
    again = tmp_path / "again"
    run(built, "git", "clone", "--quiet", ".", str(again))
    for lock in again.rglob("dvc.lock"):
        lock.unlink()
    assert repro(again, FACEXPR_SCRATCH=str(tmp_path / "scratch")) == set(ALL)
    for lock in ("dvc.lock", "data/sample/dvc.lock"):
        assert (again / lock).read_bytes() == (built / lock).read_bytes()


def test_failed_run_leaves_a_way_back(built):
    """A stage that fails has lost its outputs; params restored, `dvc checkout` brings them."""
    model = built / "models/model.keras"
    before = model.read_bytes()
    try:
        set_params({"train": {"network": "fourconv"}})(built)  # too deep for faces of 16 px
        failed = subprocess.run(
            [sys.executable, "-m", "dvc", "repro"], cwd=built, capture_output=True, text=True
        )
        assert failed.returncode != 0
        assert not model.exists()
    finally:
        restore(built)
    assert model.read_bytes() == before
    assert repro(built) == set()


def test_two_commits_are_compared_in_figures_plots_and_images(built, tmp_path):
    """What the README shows: dvc metrics diff, dvc plots diff, facexpr compare."""
    commits = tmp_path / "commits"
    run(built, "git", "clone", "--quiet", ".", str(commits))
    shutil.copytree(built / ".dvc/cache", commits / ".dvc/cache")
    run(commits, "dvc", "checkout")
    set_params({"evaluate": {"views": 2}})(commits)
    assert repro(commits) == {"evaluate"}
    commit(commits)
    metrics = json.loads(run(commits, "dvc", "metrics", "diff", "HEAD~1", "HEAD", "--json"))
    assert "ece" in metrics["metrics/eval.json"]
    run(commits, "dvc", "plots", "diff", "HEAD~1", "HEAD", "--out", "compared")
    page = (commits / "compared/index.html").read_text()
    for plot in ("loss", "accuracy", "confusion", "reliability", "recall", "f1"):
        assert plot in page
    compared = run(commits, sys.executable, "-m", "facexpr", "compare", "HEAD~1", "HEAD")
    assert "on these 7 images" in compared
    again = run(commits, sys.executable, "-m", "facexpr", "compare", "HEAD")  # and the workspace
    assert "HEAD and workspace are level on these 7 images." in again
    shutil.rmtree(commits / ".dvc/cache/files")  # as in a fresh clone
    command = [sys.executable, "-m", "facexpr", "compare", "HEAD~1"]
    lost = subprocess.run(command, cwd=commits, capture_output=True, text=True)
    assert lost.returncode == 1
    assert lost.stderr.startswith(
        "facexpr: error: HEAD~1: no such CSV, and as a revision it has no"
    )
    assert lost.stderr.count("\n") == 1
