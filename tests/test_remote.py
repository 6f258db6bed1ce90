"""Clones that share a DVC remote, here a folder: what they run, fetch and give back.

docs/remotes.md says it in words.
"""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from closure import ROOT
from test_rebuild import commit, run, set_params, tiny_clone

FETCH = ("--pull", "--allow-missing")
FIT = set_params({"data": {"fit": ["train", "val"]}, "train": {"keep": "last"}})
PX = set_params({"align": {"px": 18}})


def rebuild(folder: Path, *options: str) -> set[str]:
    """The stages that `dvc repro mean` runs; mean is the last one that needs no Keras."""
    output = run(folder, "dvc", "repro", *options, "mean")
    return {name.rpartition(":")[2] for name in re.findall(r"Running stage '(.+?)'", output)}


def share(folder: Path, store: Path) -> None:
    """What `dvc remote add --local --default store STORE` writes."""
    remote = f"[core]\n    remote = store\n['remote \"store\"']\n    url = {store}\n"
    (folder / ".dvc/config.local").write_text(remote)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A tiny project, built up to the mean image, committed, and pushed to a store beside it."""
    folder = tiny_clone(tmp_path_factory.mktemp("remote") / "built")
    assert "mean" in rebuild(folder)
    commit(folder)
    share(folder, folder.parent / "store")
    run(folder, "dvc", "push")
    return folder


def edited(built: Path, folder: Path, edit: Callable[[Path], None]) -> Path:
    """The first machine, with all that was built, after an edit and its build."""
    shutil.copytree(built, folder)
    edit(folder)
    rebuild(folder)
    return folder


def clone(folder: Path, to: Path, store: Path) -> Path:
    """Another machine: what git has, a remote, and an empty cache of its own."""
    run(folder, "git", "clone", "--quiet", ".", str(to))
    share(to, store)
    return to


def outputs(folder: Path, stages: list[str] | None = None) -> dict[str, str]:
    """The MD5 of each output that dvc.lock names, of all or of some stages."""
    built = yaml.safe_load((folder / "dvc.lock").read_text())["stages"]
    return {out["path"]: out["md5"] for name in stages or built for out in built[name]["outs"]}


def objects(folder: Path, md5s: list[str]) -> set[str]:
    """What the cache holds of some outputs: a file's object, or a folder's list and its files'."""
    cache = folder / ".dvc/cache/files/md5"
    lists = [cache / md5[:2] / md5[2:] for md5 in md5s if md5.endswith(".dir")]
    return {file["md5"] for path in lists for file in json.loads(path.read_text())} | set(md5s)


def held(folder: Path) -> set[str]:
    """Every object of a clone's own cache."""
    return {file.parent.name + file.name for file in folder.glob(".dvc/cache/files/md5/*/*")}


def assert_equal_and_lean(built, first, worker, stages: list[str], needed: list[str]) -> None:
    """A worker built what the first machine did, and fetched of older outputs only those needed."""
    assert (worker / "dvc.lock").read_bytes() == (first / "dvc.lock").read_bytes()
    before, made = outputs(built), outputs(first, stages)
    fetched = objects(built, [before[path] for path in needed])
    assert held(worker) == fetched | objects(first, list(made.values()))
    data = {path for path in before if path.startswith("data/")}
    assert {path for path in data if (worker / path).exists()} == (data & made.keys()) | {*needed}


def test_unchanged_clone_runs_nothing_and_fetches_nothing(built, tmp_path):
    worker = clone(built, tmp_path / "worker", built.parent / "store")
    assert rebuild(worker, *FETCH) == set()
    assert held(worker) == set()
    assert not (worker / "data/index.csv").exists()


def test_edited_clone_fetches_what_its_stages_read_and_gives_back_what_they_wrote(built, tmp_path):
    store = shutil.copytree(built.parent / "store", tmp_path / "store")
    worker = clone(built, tmp_path / "worker", store)
    FIT(worker)
    assert rebuild(worker, *FETCH) == {"mean"}
    first = edited(built, tmp_path / "first", FIT)
    needed = ["data/lmdb/train", "data/lmdb/val"]
    assert_equal_and_lean(built, first, worker, ["mean"], needed)
    assert "2 files pushed" in run(worker, "dvc", "push")  # the mean image, and it as a picture
    commit(worker)
    other = clone(worker, tmp_path / "other", store)
    run(other, "dvc", "pull", "mean")
    assert (other / "data/mean.npz").read_bytes() == (first / "data/mean.npz").read_bytes()
    assert held(other) == objects(first, list(outputs(first, ["mean"]).values()))


def test_shared_run_cache_restores_stages_without_metrics_in_git(built, tmp_path):
    """The worker has not the first machine's dvc.lock; align, which has metrics, runs again."""
    first = edited(built, tmp_path / "first", PX)
    share(first, tmp_path / "store")
    run(first, "dvc", "push", "--run-cache")
    worker = clone(built, tmp_path / "worker", tmp_path / "store")
    PX(worker)
    assert rebuild(worker, *FETCH) == {"align"}
    needed = ["data/faces.csv", "data/images", "data/index.csv"]
    assert_equal_and_lean(built, first, worker, ["align", "pack", "mean"], needed)


def test_no_dependency_lies_inside_a_folder_that_a_stage_writes():
    """DVC sees no change of such a file while the folder is missing, as in a clone."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].values()
    folders = [f"{out}/" for stage in stages for out in stage.get("outs", [])]
    assert not [dep for stage in stages for dep in stage["deps"] if dep.startswith(tuple(folders))]
