"""Lists on a Dask cluster of two processes; needs the extra `dask`, and is skipped without."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from cluster import dask_cluster
from test_workers import fail_from_three

from facexpr import workers
from facexpr.errors import UserError

SCHEDULER = "FACEXPR_SCHEDULER"


def square(number):
    """The first lists take longer than the later ones."""
    time.sleep(0.02 * max(0, 4 - number))
    return number**2, os.getpid()


def kill_itself(number):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(scope="module")
def cluster():
    with dask_cluster() as cluster:
        yield cluster


@pytest.fixture
def address(cluster, monkeypatch):
    monkeypatch.setenv(SCHEDULER, cluster.scheduler_address)
    return cluster.scheduler_address


def numbered(count):
    return ((f"list {number}", number) for number in range(count))


def run(function, count=8):
    return list(workers.map_lists(function, numbered(count)))


def failure(function):
    with pytest.raises(UserError) as caught:
        run(function)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.usefixtures("address")
def test_a_cluster_gives_what_this_process_gives_in_order(monkeypatch):
    found = run(square, 20)
    monkeypatch.delenv(SCHEDULER)
    monkeypatch.setenv("FACEXPR_WORKERS", "1")
    alone = run(square, 20)
    for results in (found, alone):
        assert [(about, result[0]) for about, result in results] == [
            (f"list {number}", number**2) for number in range(20)
        ]
    assert os.getpid() not in {process for _, (_, process) in found}
    assert {process for _, (_, process) in alone} == {os.getpid()}


@pytest.mark.usefixtures("address")
def test_lists_are_taken_only_a_little_ahead():
    lists = numbered(100)
    results = workers.map_lists(square, lists)
    assert next(results)[1][0] == 0
    assert next(lists)[1] <= 2 * workers.AHEAD + 1
    results.close()


@pytest.mark.usefixtures("address")
def test_the_first_list_that_fails_is_told_after_the_results_before_it():
    found = []
    with pytest.raises(UserError, match=r"^list 3 is broken$"):
        found.extend(result for _, result in workers.map_lists(fail_from_three, numbered(8)))
    assert found == [0, 1, 2]


@pytest.mark.usefixtures("address")
def test_other_code_on_a_worker_is_told(monkeypatch):
    monkeypatch.setattr(workers, "code_fingerprint", lambda: "another")
    assert failure(square) == (
        f"Dask on {os.uname().nodename}: its facexpr differs from the one here; "
        "install the same version there, and start scheduler and workers again"
    )


def test_code_that_is_not_there_is_told(address, monkeypatch, tmp_path):
    """A module that only this process finds stands for a facexpr that workers lack."""
    (tmp_path / "only_here.py").write_text("def same_code(code, function, one): pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    import only_here

    monkeypatch.setattr(workers, "_same_code", only_here.same_code)
    text = failure(square)
    assert text.startswith(f"FACEXPR_SCHEDULER {address}: facexpr is not installed there: ")
    del sys.modules["only_here"]


def test_workers_that_die_are_told(address):
    text = failure(kill_itself)
    assert text.startswith(f"FACEXPR_SCHEDULER {address}: the scheduler or a worker died: ")


ALONE = """
from facexpr import workers
from facexpr.errors import UserError
workers.SCHEDULER_SECONDS = 0.5
try:
    list(workers.map_lists(abs, [(None, 1)]))
except UserError as error:
    print(error)
"""


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:{port}", "no address", "odd://a:1"])
def test_an_address_where_no_scheduler_is(address):
    """In a process of its own: Dask's clients that failed may hold up others of their process."""
    pytest.importorskip("distributed", reason="pip install 'facexpr[dask]'")
    with socket.socket() as taken:  # nobody listens at its port, and nobody else can
        taken.bind(("127.0.0.1", 0))
        address = address.format(port=taken.getsockname()[1])
        command, settings = [sys.executable, "-c", ALONE], os.environ | {SCHEDULER: address}
        done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=100)
    (text,) = done.stdout.splitlines()
    assert text.startswith(f"FACEXPR_SCHEDULER {address}: no Dask scheduler answers: ")
    assert text.endswith("; start 'dask scheduler' and 'dask worker', or unset it")


def test_a_scheduler_without_workers(monkeypatch):
    monkeypatch.setattr(workers, "SCHEDULER_SECONDS", 0.5)
    with dask_cluster(0) as cluster:
        monkeypatch.setenv(SCHEDULER, cluster.scheduler_address)
        assert failure(square) == (
            f"FACEXPR_SCHEDULER {cluster.scheduler_address}: the scheduler has no workers; "
            "start 'dask scheduler' and 'dask worker', or unset it"
        )
