"""Where lists of samples are worked on: in this process, in several, or on a Dask cluster.

FACEXPR_WORKERS: how many processes; 1 is this one alone; unset, one a core as soon as that is
worthwhile. FACEXPR_SCHEDULER: the address of a Dask scheduler, such as tcp://host:8786. Functions
are pure and results come in the order of their lists, so nothing here can change a byte of an
output, and no stage depends on this module.
"""

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from functools import cache, partial
from hashlib import sha256
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path

from facexpr.errors import UserError
from facexpr.files import BrokenOffError

PATIENCE_SECONDS = 1.0  # to start processes takes as long
AHEAD = 2  # lists under way for each worker: none is ever idle, and memory stays bounded
SCHEDULER_SECONDS = 15

_pools: dict[int, ThreadPoolExecutor] = {}  # by their number of processes
_started: list[multiprocessing.Process] = []
_own = threading.local()  # of a thread of a pool: the pipe to its process


def map_lists(function: Callable, lists: Iterable[tuple]) -> Iterator[tuple]:
    """Yield (about, function(one)) for each (about, one) of `lists`, in order; `about` stays here.

    function: a pure one of a module. `lists` is read a little ahead of the results. Raises
    UserError for settings that make no sense and for a scheduler that cannot be reached,
    BrokenOffError for a worker that died; what the function raises comes through.
    """
    workers, scheduler = _workers(), os.environ.get("FACEXPR_SCHEDULER")
    if scheduler:
        return _map(function, lists, _cluster(scheduler))
    if workers is None:
        return _here_first(function, iter(lists))
    if workers == 1:
        return ((about, function(one)) for about, one in lists)
    return _map(function, lists, _processes(workers))


def _here_first(function: Callable, lists: Iterator[tuple]) -> Iterator[tuple]:
    """Work in this process, and in one a core if it takes longer than to start those."""
    began = time.monotonic()
    for about, one in lists:
        yield about, function(one)
        if time.monotonic() - began > PATIENCE_SECONDS and cores() > 1:
            yield from _map(function, lists, _processes(cores()))


def cores() -> int:
    """How many threads this process should use: OMP_NUM_THREADS, or the cores it may run on."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    if told.isdecimal() and int(told):
        return int(told)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def peak_memory(process: int | str = "self") -> int:
    """The most memory that a process has held, in bytes; 0 where the system does not tell."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    lines = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return next((int(line.split()[1]) * 2**10 for line in lines), 0)


def _workers() -> int | None:
    """FACEXPR_WORKERS, None where it is not set."""
    told = os.environ.get("FACEXPR_WORKERS")
    if not told:
        return None
    if not told.isdecimal() or int(told) == 0:
        raise UserError(
            f"FACEXPR_WORKERS: '{told}', expected a number of processes, such as 4; "
            "unset it for one a core"
        )
    return int(told)


def _map(function: Callable, lists: Iterable[tuple], workers) -> Iterator[tuple]:
    """Go through `lists` with what the context `workers` gives: how to submit, how many ahead."""
    waiting: deque[tuple] = deque()
    with workers as (submit, ahead):
        try:
            for about, one in lists:
                waiting.append((about, submit(function, one)))
                if len(waiting) > ahead:
                    yield _result(waiting)
            while waiting:
                yield _result(waiting)
        finally:
            for _, future in waiting:
                future.cancel()


def _result(waiting: deque[tuple]) -> tuple:
    """The result of what has waited longest."""
    about, future = waiting.popleft()
    return about, future.result()


@contextmanager
def _processes(workers: int) -> Iterator[tuple[Callable, int]]:
    """Processes that share the cores; they stay for later calls, and end with this process."""
    try:
        yield partial(_pool(workers).submit, _elsewhere), AHEAD * workers
    except BrokenOffError:
        end_processes()
        raise


def _pool(workers: int) -> ThreadPoolExecutor:
    """Threads that have a process each to work for them.

    Not concurrent.futures' pool of processes: these share their pipes, and where one is killed
    while it writes a result, all wait for ever.
    """
    if workers not in _pools:
        threads = max(1, cores() // workers)
        _pools[workers] = ThreadPoolExecutor(workers, "worker", _start_process, (threads,))
    return _pools[workers]


def _start_process(threads: int) -> None:
    """Start the process of this thread; not forked, as there are threads."""
    resource_tracker.ensure_running()  # which would unblock what is blocked here
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # as it is then in the process, too
    context = multiprocessing.get_context("spawn")
    _own.pipe, its_end = context.Pipe()
    process = context.Process(target=_work, args=(its_end, threads), daemon=True)
    process.start()
    its_end.close()  # or nobody would notice that the process has closed it
    _started.append(process)


def _elsewhere(function: Callable, one: object) -> object:
    """What `function` gives in the process of this thread."""
    try:
        _own.pipe.send((function, one))
        result, error = _own.pipe.recv()
    except (EOFError, OSError):
        raise BrokenOffError(
            "a worker process died, perhaps for want of memory; what is finished stays: "
            "run it again, with FACEXPR_WORKERS=1 if it happens again"
        ) from None
    if error is not None:
        raise error
    return result


def end_processes() -> None:
    """End the processes that were started here, also in the midst of their work."""
    ending = [_pools.pop(workers) for workers in list(_pools)]
    for pool in ending:
        pool.shutdown(wait=False, cancel_futures=True)
    _terminate()
    for pool in ending:
        pool.shutdown()  # the threads end with their processes
    _terminate()  # those that a thread was just starting


def _terminate() -> None:
    """End all processes that are known."""
    while _started:
        process = _started.pop()
        process.terminate()
        process.join()


def worker_peaks() -> list[int]:
    """The most memory that each process started here has held, in bytes."""
    return [peak_memory(child.pid) for child in multiprocessing.active_children()]


def _work(pipe: Connection, threads: int) -> None:
    """Be a worker: do what comes through the pipe, until its other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    os.environ["OMP_NUM_THREADS"] = str(threads)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        parent.join()  # who is killed needs no more results
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    with suppress(EOFError, ConnectionError):
        while True:
            function, one = pipe.recv()
            try:
                answer = function(one), None
            except Exception as error:
                if not isinstance(error, UserError):
                    error.add_note(traceback.format_exc())  # which a pipe does not carry
                answer = None, error
            pipe.send(answer)


@contextmanager
def _cluster(address: str) -> Iterator[tuple[Callable, int]]:
    """The workers of a Dask cluster that runs already."""
    try:
        from distributed import CancelledError, Client, KilledWorker
    except ImportError:
        raise UserError(
            "FACEXPR_SCHEDULER is set, but Dask is not installed; pip install 'facexpr[dask]'"
        ) from None
    try:
        client = Client(address, timeout=SCHEDULER_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise _no_cluster(address, f"no Dask scheduler answers: {error}") from None
    with closing(client):
        try:
            client.wait_for_workers(1, timeout=SCHEDULER_SECONDS)
        except TimeoutError:
            raise _no_cluster(address, "the scheduler has no workers") from None
        code = code_fingerprint()

        def submit(function: Callable, one: object):
            return client.submit(_same_code, code, function, one, pure=False)

        _check_cluster(client, address, code)
        try:
            yield submit, AHEAD * sum(client.nthreads().values())
        except (CancelledError, KilledWorker) as error:
            reason = f"the scheduler or a worker died: {error}"
            raise BrokenOffError(str(_no_cluster(address, reason))) from None


def _check_cluster(client, address: str, code: str) -> None:
    """Raise UserError unless scheduler and workers have the code that is here.

    A worker or scheduler that cannot import what it is sent would say nothing, and never answer.
    """
    try:
        for ask in (client.run_on_scheduler, client.run):
            ask(_same_code, code, bool, None)
    except UserError:
        raise
    except Exception as error:  # as Dask hands on an ImportError
        raise _no_cluster(address, f"facexpr is not installed there: {error}") from None


def _no_cluster(address: str, reason: str) -> UserError:
    """Say that a cluster cannot be used."""
    reason = " ".join(reason.split())
    return UserError(
        f"FACEXPR_SCHEDULER {address}: {reason}; start 'dask scheduler' and 'dask worker', "
        "or unset it"
    )


def _same_code(code: str, function: Callable, one: object) -> object:
    """Run `function` on a machine of a cluster; raises UserError where other code is installed."""
    if code_fingerprint() != code:
        raise UserError(
            f"Dask on {os.uname().nodename}: its facexpr differs from the one here; "
            "install the same version there, and start scheduler and workers again"
        )
    return function(one)


@cache
def code_fingerprint() -> str:
    """A hash of all code of the package, as it is installed here."""
    folder, digest = Path(__file__).parent, sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
