"""What every stage does around its work: lock, count, report, fail in one line.

Nothing here can change a byte of an output, so no stage depends on this module.
"""

import json
import os
import resource
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from tqdm import tqdm

from facexpr import workers
from facexpr.errors import UserError

LOGS = Path("logs")


def run(name: str, main: Callable[["Report"], None]) -> None:
    """Run a stage's main as a program: one at a time, one line for an expected error, exit 1.

    Prints the summary line, and writes it with time and peak memory to logs/<name>.json.
    """
    _die_with_parent()
    try:
        with _lock(name):
            with Report(name) as report:
                main(report)
            report.close()
    except UserError as error:
        sys.exit(f"{name}: error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        workers.end_processes()  # or a failure would wait for what they still work on


class Report:
    """Counts what a stage does and says so: a progress bar meanwhile, one line at the end.

    As a context manager it clears the bar away, or an error's line would begin behind it.
    """

    def __init__(self, name: str):
        """Start the clock of the stage `name`."""
        self.name = name
        self.items = 0
        self.notes: Counter[str] = Counter()
        self.bar: tqdm | None = None
        self._start = time.perf_counter()

    def progress(self, items: Iterable, total: int | None = None, unit: str = "img") -> Iterator:
        """Pass `items` on, counting them, with a progress bar on a terminal or in a log."""
        options = {"desc": self.name, "unit": unit, "mininterval": 0.5, "leave": False}
        self.bar = tqdm(items, total=total, **options)
        for item in self.bar:
            self.items += 1
            yield item

    def note(self, reason: str, count: int = 1) -> None:
        """Count something the summary should tell, such as images without a face."""
        self.notes[reason] += count

    def warn(self, text: str) -> None:
        """Say in one line what did not stop the stage, but what its user should know."""
        tqdm.write(f"{self.name}: warning: {text}", file=sys.stderr)

    def __enter__(self) -> "Report":
        """Return itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Clear away the last progress bar, if there was one."""
        if self.bar is not None:
            self.bar.close()

    def close(self) -> None:
        """Print the summary line and write the log."""
        seconds = time.perf_counter() - self._start
        peak_mib = peak_memory() / 2**20
        workers_mib = [round(peak / 2**20) for peak in workers.worker_peaks()]
        parts = [f"{self.items} items in {seconds:.1f} s", f"{self.items / seconds:.0f}/s"]
        parts += [f"{reason}: {count}" for reason, count in self.notes.items()]
        beside = f" + {len(workers_mib)} workers {sum(workers_mib)} MiB" if workers_mib else ""
        print(f"{self.name}: {', '.join(parts)}, peak {peak_mib:.0f} MiB{beside}")
        figures = {"items": self.items, "seconds": round(seconds, 2), "peak_mib": round(peak_mib)}
        figures |= {"workers": len(workers_mib), "workers_peak_mib": sum(workers_mib)}
        LOGS.mkdir(exist_ok=True)
        text = json.dumps({"stage": self.name, **figures, "notes": dict(self.notes)}, indent=1)
        (LOGS / f"{self.name}.json").write_text(text + "\n")


def peak_memory() -> int:
    """The most memory that this process has held, in bytes."""
    # On Linux getrusage counts what the parent held when it started this process.
    unit = 1 if sys.platform == "darwin" else 2**10
    usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return workers.peak_memory() or usage


@contextmanager
def _lock(name: str) -> Iterator[None]:
    """Wait until no other process runs this stage here: a killed dvc may leave one behind."""
    LOGS.mkdir(exist_ok=True)
    with (LOGS / f"{name}.lock").open("w") as file:
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            print(f"{name}: waiting for another run of this stage to end", file=sys.stderr)
            flock(file, LOCK_EX)
        yield


def _parents() -> list[int]:
    """The processes that a stage must not outlive: its parent and, where that is its shell, dvc.

    Not every shell gives its place to its one command: dash, Debian's sh, and fish do not.
    """
    parents = [os.getppid()]
    about = Path(f"/proc/{parents[0]}")
    try:
        if b"DVC_STAGE=" in (about / "environ").read_bytes():  # which dvc sets for a command
            lines = (about / "status").read_text().splitlines()
            parents += [int(line.split()[1]) for line in lines if line.startswith("PPid")]
    except OSError:  # it has ended, or this system has no /proc
        pass
    return parents


STARTED_BY = _parents()  # noted at once, since to import the libraries takes a second


def _die_with_parent() -> None:
    """End this process soon after its parent, so that a killed dvc leaves no writer behind."""

    def watch() -> None:
        while _parents() == STARTED_BY:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
