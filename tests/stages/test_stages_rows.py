"""Rows of the source: those whose picture is new are worked on, all others come from the store."""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from importlib import import_module

import pandas as pd
import pytest
from program import CHAIN, ROOT, contents, make_project, run_well, set_params, stage_command

from facexpr.stage import Report

ROWS = 40
SOURCE, STORE = "data/sample/fer2013.csv", "scratch/results.sqlite"
EARLY = ("images", "audit", "detect")
# Lists that are worked on together are short, or all rows would be in one.
SMALL_LISTS = {"facexpr.records.LIST_SAMPLES": 4, "facexpr.reuse.LIST_SAMPLES": 4}
SMALL_LISTS |= {"facexpr.reuse.MOST_KNOWN": 12}


def run_here(project, stage, **environment):
    """Run a stage in this process, to save its imports; returns the notes of its log."""
    settings = {"FACEXPR_SCRATCH": str(project / "scratch"), "FACEXPR_WORKERS": "1", **environment}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        patch.chdir(project)
        patch.setattr(sys, "argv", stage_command(project, stage)[2:])
        for name, value in settings.items():
            patch.setenv(name, value)
        for name, value in SMALL_LISTS.items():
            patch.setattr(name, value)
        with Report(stage) as report:
            import_module(f"stages.{stage}").main(report)
        report.close()
    return notes(project, stage)


def notes(project, stage):
    """What a stage's log says of the rows."""
    found = json.loads((project / f"logs/{stage}.json").read_text())["notes"]
    return {name: found[name] for name in ("new", "reused") if name in found}


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """A project whose store knows all rows, for reading only."""
    project = make_project(tmp_path_factory.mktemp("rows") / "project")
    splits = {"train": 26, "val": 7, "test": 7, "scenes": 1}
    set_params(project, {"sample": splits, "detect": {"detector": "mtcnn"}})
    for stage in ("sample", *EARLY):
        run_here(project, stage)
    assert pd.read_csv(project / SOURCE)["pixels"].nunique() == ROWS
    assert notes(project, "detect") == notes(project, "audit") == {"new": ROWS, "reused": 0}
    return project


@pytest.fixture
def project(known, tmp_path):
    """A copy of that project, to be changed."""
    return shutil.copytree(known, tmp_path / "project", symlinks=True)


def mirrored(pixels):
    """The picture's mirror image, as text."""
    values = pixels.split()
    return " ".join(value for row in range(48) for value in values[48 * row : 48 * row + 48][::-1])


def append(table, rng):
    some = table.sample(2, random_state=rng.randrange(99))
    return pd.concat([table, some.assign(pixels=some["pixels"].map(mirrored))])


def change_pixel(table, rng):
    row = rng.randrange(len(table))
    first, rest = table["pixels"].iloc[row].split(maxsplit=1)
    pixels = table["pixels"].to_list()
    pixels[row] = f"{255 - int(first)} {rest}"
    return table.assign(pixels=pixels)


def remove(table, rng):
    """In the middle, so that all keys behind shift."""
    return table.drop(table.index[rng.randrange(10, 25)])


def reorder(table, rng):
    return table.sample(frac=1, random_state=rng.randrange(99))


def repeat(table, rng):
    """A row stands twice, one behind the other."""
    row = rng.randrange(len(table))
    return pd.concat([table[: row + 1], table[row:]])


def swap_splits(table, rng):
    usage = table["Usage"].to_list()
    one, other = (rng.choice([n for n, u in enumerate(usage) if u == name]) for name in SWAPPED)
    usage[one], usage[other] = usage[other], usage[one]
    return table.assign(Usage=usage)


SWAPPED = ("Training", "PrivateTest")
# Each edit, and how many pictures it brings that were not there before.
EDITS = {append: 2, change_pixel: 1, remove: 0, reorder: 0, repeat: 0, swap_splits: 0}


def edit(project, *edits, seed=0):
    """Change the rows of the source; returns how many there are then, and how many are new."""
    rng, path = random.Random(seed), project / SOURCE
    before = table = pd.read_csv(path)
    for one in edits:
        table = one(table, rng).reset_index(drop=True)
    table.to_csv(path, index=False)
    new = table["pixels"][~table["pixels"].isin(before["pixels"])]
    assert new.is_unique  # or it would matter whether both copies are worked on together
    return len(table), len(new)


def forget(project):
    """Remove all but the source: as in a clone on another machine."""
    for name in ("scratch", "metrics", "logs"):
        shutil.rmtree(project / name)
    for path in (project / "data").iterdir():
        if path.name != "sample":
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def check_as_from_nothing(project, *stages):
    """What the project holds must be what the stages write without anything to be reused."""
    found = contents(project, "data", "metrics")
    forget(project)
    for stage in stages:
        run_here(project, stage)
    assert contents(project, "data", "metrics") == found


@pytest.mark.parametrize("change", EDITS)
def test_only_new_pictures_are_worked_on(project, change):
    before = contents(project, "data/images")
    rows, new = edit(project, change)
    assert new == EDITS[change]
    for stage in EARLY:
        told = run_here(project, stage)
        assert told == ({} if stage == "images" else {"new": new, "reused": rows - new})
    assert contents(project, "data/images") != before
    check_as_from_nothing(project, *EARLY)


@pytest.mark.parametrize("seed", range(2))
def test_several_edits_at_once(project, seed):
    rows, new = edit_at_random(project, seed)
    for stage in EARLY[1:]:
        assert run_here(project, "images") == {}
        assert run_here(project, stage) == {"new": new, "reused": rows - new}
    check_as_from_nothing(project, *EARLY)


def edit_at_random(project, seed):
    """All edits, in an order drawn at random, each of rows drawn at random."""
    changes = list(EDITS)
    random.Random(seed).shuffle(changes)
    rows, new = edit(project, *changes, seed=seed)
    assert rows == ROWS + 2
    assert new >= 2
    return rows, new


def test_the_chain_with_the_store_writes_what_programs_write_from_nothing(project):
    rows, new = edit_at_random(project, seed=3)
    for stage in CHAIN:
        run_here(project, stage)
    assert notes(project, "detect") == notes(project, "audit") == {"new": new, "reused": rows - new}
    found = contents(project, "data", "metrics")
    forget(project)
    for stage in CHAIN:
        run_well(project, stage)
    assert contents(project, "data", "metrics") == found
    assert notes(project, "detect") == notes(project, "audit") == {"new": rows, "reused": 0}


def spoil(damage):
    """A change of the store's file."""

    def change(path):
        path.write_bytes(damage(path.read_bytes()))

    return change


LOSSES = {
    "deleted": lambda path: path.unlink(),
    "the whole folder deleted": lambda path: shutil.rmtree(path.parent),
    "emptied": spoil(lambda data: b""),
    "garbage": spoil(lambda data: random.Random(0).randbytes(len(data))),
    "cut": spoil(lambda data: data[: len(data) // 2]),
    "garbage behind the header": spoil(lambda data: data[:4096] + b"\xa5" * (len(data) - 4096)),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_lost_store_changes_nothing_but_the_counts(project, loss):
    before = contents(project, "data", "metrics")
    LOSSES[loss](project / STORE)
    for stage in ("detect", "audit", "detect", "audit"):
        told = run_here(project, stage)
        assert sum(told.values()) == ROWS
        assert contents(project, "data", "metrics") == before
    for stage in ("detect", "audit"):  # at the latest now it is whole again
        assert run_here(project, stage) == {"new": 0, "reused": ROWS}


def test_other_settings_of_the_detector_are_other_results(project):
    before = contents(project, "data", "metrics")
    for smallest, told in ((24, (ROWS, 0)), (20, (0, ROWS)), (24, (0, ROWS))):
        set_params(project, {"detect": {"min_face_px": smallest}})
        assert run_here(project, "detect") == dict(zip(("new", "reused"), told, strict=True))
        assert (contents(project, "data", "metrics") == before) == (smallest == 20)
    check_as_from_nothing(project, *EARLY)


def test_to_choose_another_face_finds_none_anew(project):
    for choice in ("best", "central"):
        set_params(project, {"detect": {"choose": choice}})
        assert run_here(project, "detect") == {"new": 0, "reused": ROWS}
    check_as_from_nothing(project, *EARLY)


SLOW_DETECT = """
import runpy, time
from facexpr import records, store

def put(self, results):
    keep(self, results)
    time.sleep(0.1)

records.LIST_SAMPLES = 4
keep, store.Store.put = store.Store.put, put
runpy.run_module("stages.detect", run_name="__main__", alter_sys=True)
"""


def start_detect(project, workers):
    """Start detect as a program, with short lists, and with time to kill it between two."""
    command = [sys.executable, "-c", SLOW_DETECT, *stage_command(project, "detect")[3:]]
    settings = {"FACEXPR_SCRATCH": str(project / "scratch"), "FACEXPR_WORKERS": str(workers)}
    return subprocess.Popen(command, cwd=project, env=os.environ | settings)


def count_kept(project):
    """How many results of detect the store holds; None while it cannot be read."""
    try:
        with closing(sqlite3.connect(f"file:{project / STORE}?mode=ro", uri=True)) as base:
            return base.execute("SELECT COUNT(*) FROM results").fetchone()[0]
    except sqlite3.OperationalError:
        return None


@pytest.mark.parametrize("workers", [1, 2])
def test_detect_killed_and_run_again_finds_only_what_is_missing(project, workers):
    before = contents(project, "data", "metrics")
    (project / STORE).unlink()
    process = start_detect(project, workers)
    while process.poll() is None and (count_kept(project) or 0) < 8:
        time.sleep(0.01)
    process.kill()
    process.wait()
    with closing(sqlite3.connect(project / STORE)) as base:
        kept = base.execute("SELECT COUNT(*) FROM results").fetchone()[0]
    assert 8 <= kept <= ROWS
    assert run_here(project, "detect") == {"new": ROWS - kept, "reused": kept}
    assert contents(project, "data", "metrics") == before
    assert not list(project.rglob(".partial-*"))


def test_two_workers_write_what_one_writes(project):
    before = contents(project, "data", "metrics")
    for name in ("data/faces.csv", "data/views/detect.png", "metrics/detect.json", STORE):
        (project / name).unlink()
    assert start_detect(project, workers=2).wait() == 0
    assert notes(project, "detect") == {"new": ROWS, "reused": 0}
    assert json.loads((project / "logs/detect.json").read_text())["workers"] == 2
    assert contents(project, "data", "metrics") == before
