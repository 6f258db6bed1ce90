"""Results kept between runs by what they follow from; the file may be deleted at any time.

One SQLite file in the scratch folder: safe against a kill at any moment and against two runs at
once. A broken file is replaced by an empty one, a broken result is computed anew.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN, flock
from pathlib import Path
from zlib import crc32

MOST_RESULTS = 2_000_000  # about 0.4 GB
WAIT_SECONDS = 60  # for another run that writes, which takes milliseconds
CHECK_BYTES = 4
# What SQLite says of a file that is no base, a broken one, or one with another table.
BROKEN = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR)
TABLE = """CREATE TABLE IF NOT EXISTS results
    (name BLOB PRIMARY KEY, day INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID"""
# In a broken file, columns may hold what they cannot.
FIND = """SELECT day, value FROM results
    WHERE name = ? AND typeof(day) = 'integer' AND typeof(value) = 'blob'"""
TRIM = "DELETE FROM results WHERE name IN (SELECT name FROM results ORDER BY day LIMIT ?)"


class Store:
    """Bytes by a digest of what they follow from; a context manager.

    Nothing here stops a run: where the file cannot be used, for want of space or rights, nothing is
    found and nothing kept, and `problem` says why.
    """

    def __init__(self, path: Path, most: int = MOST_RESULTS):
        """Name the file; it keeps at most `most` results, and the longest unused go first."""
        self.problem = ""
        self._path, self._most, self._added = path, most, 0
        self._today = int(time.time() // 86_400)
        self._base: sqlite3.Connection | None = None
        self._users = None  # a lock, shared by all who have the file open

    def __enter__(self) -> "Store":
        """Open or make the file."""
        with self._forgiving():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._users = self._path.with_suffix(".lock").open("w")
            flock(self._users, LOCK_SH)
            self._base = sqlite3.connect(self._path, timeout=WAIT_SECONDS)
            # What the system has taken survives a kill; a power failure may cost the file.
            self._base.execute("PRAGMA synchronous = OFF")
            self._base.execute(TABLE)
        return self

    def get(self, names: Sequence[bytes]) -> dict[bytes, bytes]:
        """The results that are there, of those named."""
        found, unused = {}, []
        with self._forgiving():
            for name in names if self._base else ():
                for day, value in self._base.execute(FIND, (name,)):
                    if value[:CHECK_BYTES] == _check(name, value[CHECK_BYTES:]):
                        found[name] = value[CHECK_BYTES:]
                        unused += [(self._today, name)] if day < self._today else []
            if unused:
                self._write("UPDATE results SET day = ? WHERE name = ?", unused)
        return found

    def put(self, results: Mapping[bytes, bytes]) -> None:
        """Keep results by their names."""
        rows = [(name, self._today, _check(name, value) + value) for name, value in results.items()]
        with self._forgiving():
            if self._base and rows:
                self._write("INSERT OR REPLACE INTO results VALUES (?, ?, ?)", rows)
                self._added += len(rows)

    def __exit__(self, *_error: object) -> None:
        """Forget what is too much, and close the file."""
        with self._forgiving():
            if self._base and self._added:
                (count,) = self._base.execute("SELECT COUNT(*) FROM results").fetchone()
                self._write(TRIM, [(max(0, count - self._most),)])
        self._close()
        if self._users is not None:
            self._users.close()

    def tell(self, warn: Callable[[str], None]) -> None:
        """Call `warn` with a line about the problem, if there was one."""
        if self.problem:
            warn(f"results are not kept for the next run: {self.problem}")

    def _write(self, statement: str, rows: Sequence[tuple]) -> None:
        """Run a statement for all rows, or for none."""
        with self._base:
            self._base.executemany(statement, rows)

    @contextmanager
    def _forgiving(self) -> Iterator[None]:
        """Turn errors of the file into a `problem`, and go on without the file."""
        try:
            yield
        except UnicodeDecodeError:  # in place of an error of SQLite that quotes from a broken file
            self._give_up("file is not a database", sqlite3.SQLITE_NOTADB)
        except (sqlite3.Error, OSError) as error:
            self._give_up(str(error), getattr(error, "sqlite_errorcode", 0))

    def _give_up(self, reason: str, code: int) -> None:
        """Go on without the file, and remove it if it is broken."""
        self.problem = f"{self._path}: {' '.join(reason.split())}"
        self._close()
        if code & 0xFF in BROKEN:  # the rest of a code tells more
            self._remove_broken()

    def _close(self) -> None:
        """Close the file, if it is open."""
        base, self._base = self._base, None
        if base is not None:
            base.close()

    def _remove_broken(self) -> None:
        """Delete the file, unless another run has it open too: the next one will then."""
        try:
            flock(self._users, LOCK_EX | LOCK_NB)
            self._path.unlink(missing_ok=True)
            flock(self._users, LOCK_UN)  # or the next one would wait for the end of this run
        except OSError:
            return
        self.problem += "; removed, what it held is computed anew"


def _check(name: bytes, value: bytes) -> bytes:
    """A checksum that goes before a value."""
    return crc32(name + value).to_bytes(CHECK_BYTES, "little")
