"""Where lists are worked on changes no byte: one process, two, or a Dask cluster."""

import sys
from importlib import import_module

import pytest
from cluster import dask_cluster
from program import ROOT, contents, make_project, outputs, run_well, set_params, stage_command

from facexpr import intake, records, reuse
from facexpr.sample import write_csv
from facexpr.stage import Report

STAGES = ("images", "detect", "align", "pack")
PARAMS = {
    "data": {"val_fraction": 0.25, "test_fraction": 0.25},
    "images": {"shard_samples": 4},
    "detect": {"detector": "mtcnn"},
}


def run_stages(folder, **environment):
    """Run the stages on 30 drawn faces, in lists of five; bytes of all that they write, and notes.

    Here and not as programs, so that the lists can be short.
    """
    notes = {}
    make_project(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(ROOT)
        for module in (intake, records, reuse):
            patch.setattr(module, "LIST_SAMPLES", 5)
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setenv("FACEXPR_SCRATCH", str(folder / "scratch"))
        (folder / "data/sample").mkdir(parents=True)
        source, landmarks = "data/sample/fer2013.csv", "landmarks.csv"
        write_csv(folder / source, folder / landmarks, {"train": 30, "val": 0, "test": 0}, seed=0)
        set_params(folder, PARAMS)
        for stage in STAGES:
            patch.setattr(sys, "argv", [stage, *stage_command(folder, stage)[3:]])
            with Report(stage) as report:
                import_module(f"stages.{stage}").main(report)
            notes[stage] = dict(report.notes)
    return contents(folder, *(name for stage in STAGES for name in outputs(stage))), notes


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return tmp_path_factory.mktemp("workers") / "alone"


@pytest.fixture(scope="module")
def alone(project):
    return run_stages(project, FACEXPR_WORKERS="1")


def test_two_processes_write_what_one_writes(alone, tmp_path):
    assert run_stages(tmp_path / "two", FACEXPR_WORKERS="2") == alone


def test_a_program_with_two_processes_writes_the_same(alone, project):
    more = [*("--out", "debug/aligned"), *("--metrics", "debug/a.json"), *("--view", "debug/a.png")]
    line = run_well(project, "align", *more, FACEXPR_WORKERS="2")
    assert " workers " in line
    found = contents(project, "debug/aligned")
    assert found == {
        f"debug/{name.removeprefix('data/')}": data
        for name, data in alone[0].items()
        if name.startswith("data/aligned/")
    }
    assert found


def loads():
    """How often a process has loaded a detector."""
    from facexpr.detection import _load

    return _load.cache_info().misses


def test_a_dask_cluster_writes_what_one_process_writes(alone, tmp_path):
    with dask_cluster() as cluster:
        found = run_stages(tmp_path / "cluster", FACEXPR_SCHEDULER=cluster.scheduler_address)
        with cluster.get_client() as client:
            loaded = client.run(loads)
    assert found == alone
    assert len(loaded) == 2
    assert set(loaded.values()) <= {0, 1}  # though there were several lists for each
    assert any(loaded.values())
