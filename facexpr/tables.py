"""CSV tables that stages hand on, and the index: one row a sample."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

import pandas as pd

from facexpr.errors import UserError

INDEX_COLUMNS = ["key", "split", "label", "row", "origin", "subject", "votes"]
# Text even where it looks like a number or like a missing value, such as the labels 0 and NA.
TEXT_COLUMNS = ("key", "split", "label", "origin", "subject", "votes", "status")


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a CSV; equal values give equal bytes."""
    table.to_csv(path, index=False, lineterminator="\n")


def read_table(
    path: Path | str, columns: Sequence[str], file: TextIO | None = None
) -> pd.DataFrame:
    """Read a CSV that has at least `columns`, one of them `key`; empty text stays text.

    file: where it is open already, and `path` no more than its name.

    Raises UserError when the file is missing, broken, lacks a column or repeats a key.
    """
    try:
        text = dict.fromkeys(TEXT_COLUMNS, str)
        table = pd.read_csv(file or path, dtype=text, keep_default_na=False, na_values=[""])
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run 'dvc repro' or 'dvc checkout'") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as CSV: {' '.join(str(error).split())}") from None
    missing = [column for column in columns if column not in table]
    if missing:
        raise UserError(f"{path}: columns missing: {', '.join(missing)}")
    twice = table["key"][table["key"].duplicated()]
    if len(twice):
        raise UserError(f"{path}: key {twice.iloc[0]} stands twice")
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
