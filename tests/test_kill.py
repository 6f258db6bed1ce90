"""Killed is not lost: what a kill at any moment leaves, and what the next run makes of it.

The moments are drawn anew in each run, so that many runs meet many. KILL_SEED, which a failed test
shows, draws the same again.
"""

import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from closure import ROOT
from test_rebuild import TINY, run, set_params

sys.path.insert(0, str(ROOT / "tests" / "stages"))

import program
from test_stages_rows import run_here

from facexpr import workers
from facexpr.errors import UserError
from facexpr.files import BrokenOffError, publish

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are found in /proc")
SEED = os.environ.get("KILL_SEED") or os.urandom(4).hex()
PATIENCE_SECONDS = 300


@pytest.fixture
def rng(request):
    """Draws the moments of a test."""
    print(f"KILL_SEED={SEED}")
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture(autouse=True)
def _hear_interrupts():
    """A shell starts its background jobs deaf to interrupts, and what they start inherits that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def start():
    """Start a command in a session of its own, so that all that it starts can be found."""
    started = []

    def start(folder, *command, **environment):
        settings = {"PYTHONDONTWRITEBYTECODE": "1", "FACEXPR_WORKERS": "1", **environment}
        settings["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        options = {"cwd": folder, "env": os.environ | settings, "start_new_session": True}
        with output_file(folder).open("w") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, **options)
        started.append(process)
        return process

    yield start
    for process in started:
        for left in living(process.pid):
            with suppress(ProcessLookupError):
                os.kill(left, signal.SIGKILL)
        process.wait()


def living(session):
    """The processes of a session that have not ended, with their command lines."""
    found = {}
    for about in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, its_session = (about / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(its_session) == session and state != "Z":
                found[int(about.name)] = (about / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue  # it has ended just now
    return found


def wait_until(happened, pause=0.001):
    """Wait for what must happen sooner or later."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < end
        time.sleep(pause)


def wait_for_end(process):
    """Wait until all has ended that a process has started; returns its exit code."""
    wait_until(lambda: process.poll() is not None)
    wait_until(lambda: not living(process.pid), pause=0.02)
    return process.returncode


def output_file(folder):
    return folder.with_name(f"{folder.name}.output")


def output_of(folder):
    """What was said by the last that was started there."""
    return output_file(folder).read_text()


# A stage alone, with rows enough, and shards small enough, that some are whole when it is killed.

# Where the finished shards of its last pass through the rows wait, in its unfinished folder.
SHARDED = {"images": "first", "images, val carved": "second", "align": ""}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A project of 840 rows after `mean`, for reading only."""
    project = program.make_project(tmp_path_factory.mktemp("kill") / "project")
    program.set_params(project, {"images": {"shard_samples": 20}})
    run_here(project, "sample")
    grow(project / "data/sample/fer2013.csv")
    for stage in program.CHAIN:
        run_here(project, stage)
    return project


def grow(path):
    """Make 30 rows of each, shifted and with noise."""
    noise, table = np.random.default_rng(0), pd.read_csv(path)
    table = table.loc[table.index.repeat(30)]
    pixels = [np.array(text.split(), int).reshape(48, 48) for text in table["pixels"]]
    shifted = [np.roll(one, noise.integers(48, size=2), axis=(0, 1)) for one in pixels]
    noisy = [np.clip(one + noise.integers(-9, 10, one.shape), 0, 255) for one in shifted]
    table["pixels"] = [" ".join(map(str, one.ravel())) for one in noisy]
    table.to_csv(path, index=False)


class Victim:
    """A project that lacks what one stage writes, and how to run that stage."""

    def __init__(self, case, undisturbed, folder, start):
        self.stage, self.start = case.partition(",")[0], start
        ignored = shutil.ignore_patterns("logs", "scratch")
        self.project = shutil.copytree(undisturbed, folder / "at", symlinks=True, ignore=ignored)
        if "carved" in case:
            source = self.project / "data/sample/fer2013.csv"
            source.write_text(source.read_text().replace("PublicTest", "Training"))
            run_here(self.project, self.stage)
        self.expected = program.contents(self.project, "data", "metrics")
        outputs = [self.project / name for name in program.outputs(self.stage)]
        for path in outputs:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.out, self.last_pass = outputs[0], SHARDED.get(case)
        self.seconds = json.loads((undisturbed / f"logs/{self.stage}.json").read_text())["seconds"]

    def run_until(self, moment, kill, **environment):
        """Kill the stage at a moment; returns its exit code, or None if it was through by then."""
        shutil.rmtree(self.project / "logs", ignore_errors=True)
        settings = {"FACEXPR_SCRATCH": str(self.project / "scratch"), **environment}
        command = program.stage_command(self.project, self.stage)
        process = self.start(self.project, *command, **settings)
        lock = self.project / f"logs/{self.stage}.lock"  # there as soon as all is imported
        wait_until(lambda: lock.exists() or process.poll() is not None)
        moment(process)
        kill(process)
        code = wait_for_end(process)
        return None if self.out.exists() else code

    def of_out(self, name):
        return (self.project / name).is_relative_to(self.out)

    def whole_shards(self, below="**"):
        """The finished shards in unfinished folders, of one pass or of all."""
        try:
            return list(self.out.parent.glob(f".partial-*-{self.out.name}/{below}/*.tar"))
        except FileNotFoundError:  # the folder has its name just now
            return []

    def some_shards(self, rng):
        """A moment at which more shards are whole than now."""
        passes = 2 if self.last_pass == "second" else 1
        total = passes * sum(name.endswith(".tar") for name in self.expected if self.of_out(name))
        count = rng.randint(min(len(self.whole_shards()) + 1, total), total)

        def wait(process):
            wait_until(lambda: len(self.whole_shards()) >= count or process.poll() is not None)
            time.sleep(rng.uniform(0, 0.005))

        return wait

    def identities(self):
        """Which files the whole shards of the last pass are; none while they are being moved."""
        moved = self.last_pass and self.whole_shards(".")
        return {} if moved else identities(self.whole_shards(self.last_pass or "."))

    def finish(self, written=()):
        """Run the stage to its end; it writes what it must, and what is `written` not anew."""
        run_here(self.project, self.stage)
        assert program.contents(self.project, "data", "metrics") == self.expected
        assert dict(written).items() <= identities(self.out.glob("*.tar")).items()


def identities(paths):
    """Of each file, by name, what another one of the same bytes would not have."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in paths}


def send(number):
    return lambda process: process.send_signal(number)


@pytest.mark.parametrize("case", SHARDED)
def test_a_stage_that_is_killed_keeps_its_finished_shards(undisturbed, tmp_path, rng, start, case):
    victim, written = Victim(case, undisturbed, tmp_path, start), {}
    for number in rng.sample((signal.SIGINT, signal.SIGKILL), 2):
        code = victim.run_until(victim.some_shards(rng), send(number))
        if code is None:
            written = {}
            break
        assert code == (130 if number == signal.SIGINT else -number), output_of(victim.project)
        assert victim.whole_shards()
        found = victim.identities()
        assert not found or written.items() <= found.items()
        written = found
    victim.finish(written)


@pytest.mark.parametrize("case", ["audit", "pack", "mean"])
def test_a_stage_that_is_killed_runs_again(undisturbed, tmp_path, rng, start, case):
    victim = Victim(case, undisturbed, tmp_path, start)
    delay = rng.uniform(0, victim.seconds)
    code = victim.run_until(lambda _: time.sleep(delay), send(signal.SIGKILL))
    assert code in (None, -signal.SIGKILL)
    victim.finish()


def test_a_dead_worker_costs_no_finished_shard(undisturbed, tmp_path, rng, start):
    def kill_worker(process):
        found = [one for one, command in living(process.pid).items() if "spawn_main" in command]
        if found:
            with suppress(ProcessLookupError):
                os.kill(rng.choice(found), signal.SIGKILL)

    victim = Victim("images", undisturbed, tmp_path, start)
    code = victim.run_until(victim.some_shards(rng), kill_worker, FACEXPR_WORKERS="2")
    if code is not None:
        assert code == 1
        last = output_of(victim.project).splitlines()[-1]
        assert last.rpartition("\r")[2].startswith("images: error: a worker process died")
        assert victim.whole_shards()
    victim.finish(victim.identities())


def test_ctrl_c_ends_workers_and_says_nothing(undisturbed, tmp_path, rng, start):
    """As a terminal sends it, to all processes; also to those that are just starting."""
    victim = Victim("images", undisturbed, tmp_path, start)
    delay = rng.uniform(0, 1.5)

    def press(process):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)

    code = victim.run_until(lambda _: time.sleep(delay), press, FACEXPR_WORKERS="2")
    if code is not None:
        assert code == 130
        assert "Traceback" not in output_of(victim.project)
    victim.finish()


def die_while_answering(_):
    """As a worker: be killed when half of the answer is written."""

    def send(self, data):
        os.write(self.fileno(), data[: len(data) // 2])
        os.kill(os.getpid(), signal.SIGKILL)

    Connection._send = send


def test_a_worker_killed_in_the_midst_of_its_answer_is_told(monkeypatch):
    monkeypatch.setenv("FACEXPR_WORKERS", "2")
    with pytest.raises(BrokenOffError, match="a worker process died"):
        list(workers.map_lists(die_while_answering, ((number, number) for number in range(8))))
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(("error", "left"), [(UserError, False), (BrokenOffError, True)])
def test_only_work_that_was_broken_off_stays(tmp_path, error, left):
    out, work = tmp_path / "shards", "0" * 20

    def fail():
        with publish(out, tmp_path / "view.png", work=work) as (new, view):
            (new / "train-00000.tar").touch()
            view.touch()
            raise error

    with pytest.raises(error):
        fail()
    assert [path.name for path in tmp_path.rglob("*.tar")] == ["train-00000.tar"] * left
    assert not list(tmp_path.rglob("*view.png"))
    with publish(out, work=work) as (new,):
        assert (new / "train-00000.tar").exists() == left


def test_training_that_is_through_forgets_its_history_first(undisturbed, tmp_path, monkeypatch):
    """Or a kill while its state is removed would leave a history without weights: an error."""
    project = shutil.copytree(undisturbed, tmp_path / "at", symlinks=True)
    history = pd.DataFrame({name: [0.5] for name in ("loss", "accuracy", "val_loss")})
    history = history.assign(val_accuracy=0.5, epoch=1)

    def fit(args, params, scratch, report):
        for name in ("epoch-00000.weights.h5", "history.json"):
            (scratch / name).touch()
        return None, history, 1

    class KilledError(Exception):
        pass

    def rmtree(folder):
        assert [path.name for path in folder.iterdir()] == ["epoch-00000.weights.h5"]
        raise KilledError

    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.setattr("stages.train.fit", fit)
    monkeypatch.setattr("stages.train.save_model", lambda path, *_: path.touch())
    monkeypatch.setattr("stages.train.shutil", type("shutil", (), {"rmtree": rmtree}))
    with pytest.raises(KilledError):
        run_here(project, "train")


# What DVC starts must not outlive it.

DEMO = """
import os, time
from pathlib import Path

Path("begun").touch()
while not Path("imported").exists():  # as libraries that take long
    time.sleep(0.01)
from facexpr.stage import run

def main(report):
    Path("working").touch()
    time.sleep(600)

run("demo", main)
"""
STAGE = [sys.executable, "-m", "stages.demo"]
BELOW_A_SHELL = ["env", "DVC_STAGE=demo", "/bin/sh", "-c", f"{' '.join(STAGE)}; true"]


@pytest.fixture
def demo(tmp_path):
    """A project with a stage that would never end."""
    (tmp_path / "facexpr").symlink_to(ROOT / "facexpr")
    (tmp_path / "stages").mkdir()
    shutil.copy(ROOT / "stages/__init__.py", tmp_path / "stages")
    (tmp_path / "stages/demo.py").write_text(DEMO)
    return tmp_path


@pytest.mark.parametrize("command", [STAGE, BELOW_A_SHELL], ids=["python", "a shell"])
@pytest.mark.parametrize("moment", ["begun", "working"])
def test_a_stage_ends_with_what_started_it(demo, start, command, moment):
    """Also if that ended while the stage still imported, and not only with its shell."""
    if moment == "working":
        (demo / "imported").touch()
    parent = start(demo, sys.executable, "-c", f"import subprocess; subprocess.run({command})")
    wait_until((demo / moment).exists)
    parent.kill()
    parent.wait()
    (demo / "imported").touch()
    assert wait_for_end(parent) == -signal.SIGKILL


# All stages before evaluate, under DVC.

STAGES = ("sample", "images", "audit", "detect", "align", "pack", "mean", "train")
SECONDS = dict.fromkeys(STAGES, 2.0) | {"train": 10.0}  # about; that moments fall into all of them
KILLS = 4
LOCKS = ("dvc.lock", "data/sample/dvc.lock")
SHELLS = [shell for shell in ("/bin/sh", "/bin/bash") if Path(shell).exists()]
# DVC writes these in place; what a kill has cut it refuses, and says so.
TORN = re.compile(r"'(?:\./)?([^']*(?:dvc\.lock|rwlock))'.*(?:failed|corrupted|error)")


@pytest.fixture
def clones(tmp_path):
    """Two equal clones of the project, made tiny, where nothing has run yet."""
    first, second = (tmp_path / name / "clone" for name in ("first", "second"))
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in names.splitlines():
        if (ROOT / name).is_file() and not name.startswith("tests/") and "dvc.lock" not in name:
            (first / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, first / name)
    set_params(TINY)(first)
    set_params({"train": {"epochs": 2}})(first)
    run(first, "git", "init", "--quiet")
    return first, shutil.copytree(first, second)


def names_in(text, what):
    """The stages of which DVC's output says something."""
    return {name.rpartition(":")[2] for name in re.findall(rf"{what} '(.+?)'", text)}


def finished_stages(clone):
    """The stages that the lock files hold."""
    texts = [(clone / name).read_text() for name in LOCKS if (clone / name).exists()]
    return {name for text in texts for name in re.findall(r"^  (\w+):$", text, re.MULTILINE)}


def await_stage(clone, process, stage, rng):
    """Wait until DVC is at this stage or at a later one, and then for a part of its time."""
    later = set(STAGES[STAGES.index(stage) :])
    wait_until(
        lambda: process.poll() is not None or later & names_in(output_of(clone), "Running stage")
    )
    end = time.monotonic() + rng.uniform(0, SECONDS[stage])
    wait_until(lambda: process.poll() is not None or time.monotonic() > end)


def kill_some(process, rng):
    """Kill DVC alone or the stage alone, or press Ctrl-C."""
    found = living(process.pid).items()
    stages = [one for one, command in found if re.search(r"^\S+ -m stages\.", command)]
    how = rng.choice(["dvc", "stage", "ctrl-c"])
    with suppress(ProcessLookupError):
        if how == "ctrl-c":
            os.killpg(process.pid, signal.SIGINT)
        else:
            os.kill(stages[0] if stages and how == "stage" else process.pid, signal.SIGKILL)


def mend(clone):
    """Remove a file that DVC was killed while it wrote it; says whether there was one."""
    torn = TORN.search(output_of(clone))
    if torn:
        (clone / torn[1]).unlink()
    return bool(torn)


def test_dvc_killed_again_and_again_writes_what_it_writes_undisturbed(clones, rng, start):
    reference, clone = clones

    def repro(clone):
        settings = {"FACEXPR_SCRATCH": str(clone.parent / "scratch"), "SHELL": rng.choice(SHELLS)}
        return start(clone, "dvc", "repro", "audit", "train", **settings)

    undisturbed, finished = repro(reference), set()
    for stage in [*sorted(rng.choices(STAGES, k=KILLS), key=STAGES.index), None, None, None]:
        process = repro(clone)
        if stage:
            await_stage(clone, process, stage, rng)
            kill_some(process, rng)
        code = wait_for_end(process)
        assert not finished & names_in(output_of(clone), "Running stage"), output_of(clone)
        finished |= finished_stages(clone)
        if code == 0:
            break
        assert mend(clone) or stage, output_of(clone)
    assert wait_for_end(undisturbed) == 0, output_of(reference)
    for name in LOCKS:
        assert (clone / name).read_bytes() == (reference / name).read_bytes()
    assert written(clone) == written(reference)


def written(clone):
    """All that the stages have written, and the names of what is in the scratch folder."""
    scratch = clone.parent / "scratch"
    names = sorted(str(path.relative_to(scratch)) for path in scratch.rglob("*"))
    return program.contents(clone, "data", "metrics", "models"), names
