"""Lists in this process and in others. What other processes are to run, they find in this file."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from facexpr import workers
from facexpr.errors import UserError

PROC = Path("/proc/self/stat").exists()
PARENT = """
import os
from test_workers import note_and_sleep
from facexpr.workers import map_lists
list(map_lists(note_and_sleep, ((None, (os.environ["NOTES"], n)) for n in range(2))))
"""


def look(number):
    """Tell about the process; where MEET names a folder, lists 0 and 1 need a process each."""
    if number < 2 and (folder := os.environ.get("MEET")):
        (Path(folder) / str(number)).touch()
        wait_until(lambda: len(list(Path(folder).iterdir())) == 2)
    ignored = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    return SimpleNamespace(
        square=number**2,
        process=os.getpid(),
        ignores_ctrl_c=ignored,
        threads=os.environ.get("OMP_NUM_THREADS"),
        cores=workers.cores(),
    )


def fail_from_three(number):
    """List 3 fails later than those behind it."""
    time.sleep(0.3 if number == 3 else 0)
    if number >= 3:
        raise UserError(f"list {number} is broken")
    return number


def kill_itself(number):
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def note_and_sleep(task):
    folder, number = task
    (Path(folder) / str(number)).touch()
    time.sleep(600)


def wait_until(happened):
    """Wait for what must happen; much longer than it takes on any machine."""
    end = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.02)


class Counted:
    """Lists 0, 1, … with their names; counts how many have been taken."""

    def __init__(self, count):
        self.count, self.taken = count, 0

    def __iter__(self):
        for number in range(self.count):
            self.taken += 1
            yield f"list {number}", number


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in ("FACEXPR_WORKERS", "FACEXPR_SCHEDULER", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    workers.end_processes()  # those that other tests have started
    yield
    workers.end_processes()
    assert multiprocessing.active_children() == []


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What two processes give for twelve lists, and how far ahead these were taken at most."""
    workers.end_processes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEXPR_WORKERS", "2")
        patch.setenv("OMP_NUM_THREADS", "7")
        patch.setenv("MEET", str(tmp_path_factory.mktemp("meet")))
        lists, found, ahead = Counted(12), [], 0
        for about, result in workers.map_lists(look, lists):
            found.append((about, result))
            ahead = max(ahead, lists.taken - len(found))
        return SimpleNamespace(found=found, ahead=ahead, peaks=workers.worker_peaks())


def test_two_processes_give_what_one_gives_in_order(two, monkeypatch):
    monkeypatch.setenv("FACEXPR_WORKERS", "1")
    alone = list(workers.map_lists(look, Counted(12)))
    assert {result.process for _, result in alone} == {os.getpid()}
    squares = [(f"list {number}", number**2) for number in range(12)]
    for found in (two.found, alone):
        assert [(about, result.square) for about, result in found] == squares


def test_two_processes_share_the_cores_and_leave_ctrl_c_to_their_parent(two):
    results = [result for _, result in two.found]
    processes = {result.process for result in results}
    assert len(processes) == 2
    assert os.getpid() not in processes
    assert all(result.ignores_ctrl_c for result in results)
    assert {(result.threads, result.cores) for result in results} == {("3", 3)}  # of 7


@pytest.mark.skipif(not PROC, reason="the system does not tell what others hold")
def test_the_memory_of_each_process_is_known_afterwards(two):
    assert len(two.peaks) == 2
    assert all(2**20 < peak < 2**40 for peak in two.peaks)


@pytest.mark.parametrize("told", ["1", None])
def test_lists_are_taken_only_a_little_ahead(told, two, monkeypatch):
    assert two.ahead <= 2 * workers.AHEAD + 1
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    if told:
        monkeypatch.setenv("FACEXPR_WORKERS", told)
    lists = Counted(100)
    results = workers.map_lists(look, lists)
    for number in range(50):
        assert next(results)[1].square == number**2
        assert lists.taken <= number + 1


def test_processes_stay_for_the_next_call(monkeypatch):
    monkeypatch.setenv("FACEXPR_WORKERS", "1")
    list(workers.map_lists(look, Counted(5)))
    assert not multiprocessing.active_children()
    monkeypatch.setenv("FACEXPR_WORKERS", "2")
    results = workers.map_lists(look, Counted(100))
    assert next(results)[1].square == 0
    results.close()
    children = {child.pid for child in multiprocessing.active_children()}
    assert {result.process for _, result in workers.map_lists(look, Counted(5))} <= children


def test_little_work_stays_in_this_process(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr(workers, "PATIENCE_SECONDS", 1e9)
    results = [result for _, result in workers.map_lists(look, Counted(50))]
    assert {result.process for result in results} == {os.getpid()}
    assert [result.square for result in results] == [n**2 for n in range(50)]
    assert list(workers.map_lists(look, [])) == []


def test_what_takes_longer_goes_to_one_process_a_core(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr(workers, "PATIENCE_SECONDS", -1)
    first, *others = (result for _, result in workers.map_lists(look, Counted(20)))
    assert first.process == os.getpid()
    assert os.getpid() not in {result.process for result in others}
    assert [result.square for result in (first, *others)] == [n**2 for n in range(20)]
    assert {result.threads for result in others} == {"1"}


def test_on_one_core_there_are_no_other_processes(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(workers, "PATIENCE_SECONDS", -1)
    results = workers.map_lists(look, Counted(20))
    assert {result.process for _, result in results} == {os.getpid()}


@pytest.mark.parametrize("told", ["0", "-2", "2.5", "two", " "])
def test_a_number_of_processes_that_makes_no_sense(told, monkeypatch):
    monkeypatch.setenv("FACEXPR_WORKERS", told)
    with pytest.raises(UserError) as caught:
        list(workers.map_lists(look, Counted(1)))
    assert str(caught.value) == (
        f"FACEXPR_WORKERS: '{told}', expected a number of processes, such as 4; "
        "unset it for one a core"
    )


@pytest.mark.parametrize("processes", ["1", "2"])
def test_the_first_list_that_fails_is_told_after_the_results_before_it(processes, monkeypatch):
    monkeypatch.setenv("FACEXPR_WORKERS", processes)
    found = []
    with pytest.raises(UserError, match=r"^list 3 is broken$"):
        found.extend(result for _, result in workers.map_lists(fail_from_three, Counted(8)))
    assert found == [0, 1, 2]


def test_a_worker_that_is_killed_is_told(monkeypatch):
    monkeypatch.setenv("FACEXPR_WORKERS", "2")
    with pytest.raises(UserError) as caught:
        list(workers.map_lists(kill_itself, Counted(8)))
    assert str(caught.value).startswith("a worker process died, perhaps for want of memory; ")
    assert "\n" not in str(caught.value)


def living(session):
    """The processes of a session that have not ended."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, _group, its = path.read_text().rpartition(")")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(its) == session and state not in "ZX":
            found.append(int(path.parent.name))
    return found


@pytest.mark.skipif(not PROC, reason="the system does not list its processes")
def test_a_killed_parent_leaves_no_process(tmp_path):
    places = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    environment = {"FACEXPR_WORKERS": "2", "NOTES": str(tmp_path), "PYTHONPATH": places}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], env=os.environ | environment, start_new_session=True
    )
    try:
        wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
        assert len(living(parent.pid)) >= 3
        parent.kill()
        parent.wait()
        wait_until(lambda: not living(parent.pid))
    finally:
        for process in living(parent.pid):
            os.kill(process, signal.SIGKILL)


@pytest.mark.parametrize(("told", "count"), [("3", 3), ("0", None), ("many", None), ("", None)])
def test_cores_are_those_that_the_environment_allows(told, count, monkeypatch):
    here = workers.cores()
    assert here >= 1
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    assert workers.cores() == (here if count is None else count)


def test_memory_of_a_process_that_is_not_there():
    assert workers.peak_memory(0) == 0
    assert workers.peak_memory() > 2**20 or not PROC


def test_the_fingerprint_of_the_code_follows_every_file(monkeypatch, tmp_path):
    package = tmp_path / "facexpr"
    (package / "networks").mkdir(parents=True)
    (package / "workers.py").write_text("one = 1\n")
    monkeypatch.setattr(workers, "__file__", str(package / "workers.py"))
    names = set()

    def remember():
        names.add(workers.code_fingerprint.__wrapped__())

    remember()
    remember()
    (package / "notes.txt").write_text("no code")
    remember()
    assert len(names) == 1
    (package / "networks" / "new.py").write_text("")
    remember()
    (package / "workers.py").write_text("one = 2\n")
    remember()
    (package / "networks" / "new.py").rename(package / "new.py")
    remember()
    assert len(names) == 4


def test_a_scheduler_without_dask(monkeypatch):
    monkeypatch.setenv("FACEXPR_SCHEDULER", "tcp://127.0.0.1:8786")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UserError) as caught:
        list(workers.map_lists(look, Counted(1)))
    assert str(caught.value) == (
        "FACEXPR_SCHEDULER is set, but Dask is not installed; pip install 'facexpr[dask]'"
    )
