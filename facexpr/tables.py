"""CSV tables that stages hand on, and the index: one row a sample."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import pandas as pd

from facexpr.errors import UserError

INDEX_COLUMNS = ["key", "split", "label", "row", "origin", "subject", "votes"]
# Text even where it looks like a number or like a missing value, such as the labels 0 and NA.
TEXT_COLUMNS = ("key", "split", "label", "origin", "subject", "votes", "status")
READING = {
    "dtype": dict.fromkeys(TEXT_COLUMNS, str),
    "keep_default_na": False,
    "na_values": [""],
}
PART_ROWS = 2000


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a CSV; equal values give equal bytes."""
    table.to_csv(path, index=False, lineterminator="\n")


class TableWriter:
    """Writes a CSV part by part, in the bytes that `write_table` writes; a context manager."""

    def __init__(self, path: Path, columns: Sequence[str]):
        """Begin a file with these columns."""
        self._file = path.open("w", encoding="utf-8", newline="")
        self._columns = list(columns)

    def __enter__(self) -> "TableWriter":
        """Write the header."""
        pd.DataFrame(columns=self._columns).to_csv(self._file, index=False, lineterminator="\n")
        return self

    def write(self, rows: pd.DataFrame) -> None:
        """Append rows."""
        rows[self._columns].to_csv(self._file, index=False, header=False, lineterminator="\n")

    def __exit__(self, *_error: object) -> None:
        """Finish the file."""
        self._file.close()


def read_table(
    path: Path | str, columns: Sequence[str], file: TextIO | None = None
) -> pd.DataFrame:
    """Read a CSV that has at least `columns`, one of them `key`; empty text stays text.

    file: where it is open already, and `path` no more than its name.

    Raises UserError when the file is missing, broken, lacks a column or repeats a key.
    """
    with _told(path):
        table = pd.read_csv(file or path, **READING)
    table = _complete(table, columns, path)
    twice = table["key"][table["key"].duplicated()]
    if len(twice):
        raise UserError(f"{path}: key {twice.iloc[0]} stands twice")
    return table


def stream_table(path: Path, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
    """Read a CSV part by part, as `read_table` does; of each split the rows come by ascending keys.

    Raises UserError as `read_table`, and for keys in another order.
    """
    last: dict[str, str] = {}
    with _told(path), pd.read_csv(path, chunksize=PART_ROWS, **READING) as parts:
        for part in parts:
            part = _complete(part, columns, path)
            for key in part["key"].to_list():
                split = key.partition("-")[0]
                if key <= last.get(split, ""):
                    raise UserError(f"{path}: key {key} stands twice, or not in its place")
                last[split] = key
            yield part


def join(
    samples: Iterable,
    key_of: Callable[[Any], str],
    rows: Iterable[tuple[str, Any]],
    name: Path,
    stage: str,
) -> Iterator[tuple]:
    """Yield each sample with the value of its row; both stand in one order, rows may be more.

    Raises UserError where the table called `name`, which `stage` writes, lacks a key.
    """
    rows = iter(rows)
    for sample in samples:
        key = key_of(sample)
        for found, value in rows:
            if found == key:
                yield sample, value
                break
        else:
            raise UserError(f"{name}: lacks {key}; run 'dvc repro {stage}'")


@contextmanager
def _told(path: Path | str) -> Iterator[None]:
    """Raise UserError for a CSV that cannot be read."""
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run 'dvc repro' or 'dvc checkout'") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as CSV: {' '.join(str(error).split())}") from None


def _complete(table: pd.DataFrame, columns: Sequence[str], path: Path | str) -> pd.DataFrame:
    """The table with empty text as text; raises UserError where it lacks a column."""
    missing = [column for column in columns if column not in table]
    if missing:
        raise UserError(f"{path}: columns missing: {', '.join(missing)}")
    return table.fillna(dict.fromkeys(TEXT_COLUMNS, ""))


def read_index(path: Path) -> pd.DataFrame:
    """Read index.csv: a row a sample.

    key, split, label; row: of the source, from 0; origin: in words; subject: the person, or empty;
    votes: the taggers' counts in the order of data.labels with blanks between, or empty.
    """
    return read_table(path, INDEX_COLUMNS)


def check_same_keys(left: Iterable[str], right: Iterable[str], names: tuple[str, str]) -> None:
    """Raise UserError unless two files, called `names`, hold the same keys; both are checked."""
    left, right = set(left), set(right)
    for missing, name, other in ((right - left, *names), (left - right, *names[::-1])):
        if missing:
            example = min(missing)
            raise UserError(f"{name}: lacks {len(missing)} keys of {other}, such as {example}")
