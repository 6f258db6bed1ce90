"""AffectNet (Mollahosseini et al. 2017, doi:10.1109/TAFFC.2017.2740923), in two forms.

As handed out since 2021: `train_set/images/12.jpg` with `train_set/annotations/12_exp.npy`, and
`val_set` likewise. Or as before: `training.csv` and `validation.csv`, in the folder itself or in
`Manually_Annotated_file_lists`, which name pictures below `Manually_Annotated_Images`, that folder
in `Manually_Annotated`, or the folder itself. Codes 8 to 10 (no emotion, uncertain, no face) are
left out. The test set was never published, and what everybody reports was measured on the
validation set: here that is test. Only names are held in memory, and one picture at a time.
"""

import csv
import math
import os
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from facexpr.datasets import Sample, fer2013
from facexpr.errors import UserError
from facexpr.images import SUFFIXES, read_image

# The codes are positions here; those of LEFT_OUT follow.
LABELS = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt")
LEFT_OUT = ("none", "uncertain", "no face")

SETS = {"train_set": "train", "val_set": "test"}
ANNOTATION = "_exp.npy"
TABLES = {"training.csv": "train", "validation.csv": "test"}
TABLE_FOLDERS = (".", "Manually_Annotated_file_lists")
IMAGE_FOLDERS = ("Manually_Annotated_Images", "Manually_Annotated/Manually_Annotated_Images", ".")
PATH, EXPRESSION = "subDirectory_filePath", "expression"
COLUMNS = (PATH, "face_x", "face_y", "face_width", "face_height", "facial_landmarks", EXPRESSION)
COLUMNS += ("valence", "arousal")
LAYOUT = (
    "expected train_set/ and val_set/, or training.csv and validation.csv "
    "beside or above Manually_Annotated_Images/"
)


def read(source: Path, **_settings) -> Iterator[Sample]:
    """Stream the pictures, train first: by number, or in the order of the tables.

    Images are uint8 RGB (H, W, 3), or grey (H, W) where a picture is, whole: the tables' face
    boxes are not used. Rows count the samples that are given.

    Raises UserError for a layout other than these, and for anything wrong with a file.
    """
    if not source.is_dir():
        state = "not a folder" if source.exists() else "not found"
        raise UserError(f"{source}: {state}; {LAYOUT}")
    walk = _walk_sets if any((source / name).is_dir() for name in SETS) else _walk_tables
    row = -1
    for row, (split, label, origin, path) in enumerate(walk(source)):
        yield Sample(row, split, label, origin, partial(read_image, path))
    if row < 0:
        raise UserError(f"{source}: no picture with an expression; {LAYOUT}")


def _find_label(origin: str, text: str) -> str | None:
    """The label that a code stands for, None for one of LEFT_OUT."""
    try:
        code = float(text)
    except ValueError:
        code = math.nan
    if code not in range(len(LABELS) + len(LEFT_OUT)):
        last = len(LABELS) - 1
        others = ", ".join(f"{last + number} {name}" for number, name in enumerate(LEFT_OUT, 1))
        raise UserError(
            f"{origin}: expression {fer2013.shown(text)}, expected 0 to {last}, or {others}"
        )
    return LABELS[int(code)] if code < len(LABELS) else None


def _walk_sets(source: Path) -> Iterator[tuple[str, str, str, Path]]:
    """Find split, label, origin and path of the pictures of both sets, without opening them."""
    for name in SETS:
        if not (source / name).is_dir():
            raise UserError(f"{source / name}: not found; expected {' and '.join(SETS)}")
    names = {name: _find_pictures(source / name) for name in SETS}
    for set_name, split in SETS.items():
        for name in names[set_name]:
            number = Path(name).stem
            label = _read_annotation(source / set_name / "annotations" / f"{number}{ANNOTATION}")
            if label is not None:
                path = source / set_name / "images" / name
                yield split, label, f"{set_name}/images/{name}", path


def _find_pictures(folder: Path) -> list[str]:
    """The names of a set's pictures, by number; raises UserError unless each has an annotation."""
    names = [name for name in _names(folder / "images") if Path(name).suffix.lower() in SUFFIXES]
    pictures = {Path(name).stem: name for name in names}
    annotated = {
        name.removesuffix(ANNOTATION)
        for name in _names(folder / "annotations")
        if name.endswith(ANNOTATION)
    }
    if len(pictures) < len(names):
        twin = next(name for name in sorted(names) if pictures[Path(name).stem] != name)
        other = pictures[Path(twin).stem]
        raise UserError(f"{folder / 'images'}: holds {twin} and {other}, expected one a number")
    _check_pairs(folder, pictures, annotated)
    return [pictures[stem] for stem in sorted(pictures, key=_by_number)]


def _check_pairs(folder: Path, pictures: dict[str, str], annotated: set[str]) -> None:
    """Raise UserError for pictures without annotation, and for annotations without picture."""
    bare = sorted(pictures.keys() - annotated, key=_by_number)
    if bare:
        path = folder / "images" / pictures[bare[0]]
        others = _count_others(bare)
        raise UserError(f"{path}: no annotations/{bare[0]}{ANNOTATION}{others}; unpack it again")
    lone = sorted(annotated - pictures.keys(), key=_by_number)
    if lone:
        path = folder / "annotations" / f"{lone[0]}{ANNOTATION}"
        others = _count_others(lone)
        raise UserError(f"{path}: no picture images/{lone[0]}.jpg{others}; unpack it again")


def _count_others(names: list[str]) -> str:
    """Say how many there are beside the first."""
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""


def _by_number(stem: str) -> tuple[bool, int, str]:
    """Sort 9 before 10, and names that are no numbers behind."""
    return not stem.isdecimal(), int(stem) if stem.isdecimal() else 0, stem


def _names(folder: Path) -> Iterator[str]:
    """The names in a folder, in no order; hidden ones (._12.jpg) are passed over."""
    if not folder.is_dir():
        raise UserError(f"{folder}: not found; expected images and annotations in each set")
    with os.scandir(folder) as entries:
        yield from (entry.name for entry in entries if entry.name[0] != ".")


def _read_annotation(path: Path) -> str | None:
    """The label in an annotation, a NumPy file of one number or text; None for one of LEFT_OUT."""
    try:
        with path.open("rb") as stream:
            array = np.lib.format.read_array(stream, allow_pickle=False)
        values = array.astype(str).ravel().tolist()
    except Exception:  # for a broken file NumPy raises anything from TokenError to SystemError
        raise UserError(
            f"{path}: broken, or no NumPy file of plain values; fetch it again"
        ) from None
    if len(values) != 1:
        raise UserError(f"{path}: {len(values)} values, expected one, the expression")
    return _find_label(str(path), values[0])


def _walk_tables(source: Path) -> Iterator[tuple[str, str, str, Path]]:
    """Find split, label, origin and path of the pictures of both tables, without opening them."""
    tables = {name: _find_table(source, name) for name in TABLES}
    if not any(tables.values()):
        raise UserError(f"{source}: neither form of AffectNet; {LAYOUT}")
    for name, table in tables.items():
        if table is None:
            raise UserError(f"{source}: no {name}; expected {' and '.join(TABLES)}")
    images = next(source / name for name in IMAGE_FOLDERS if (source / name).is_dir())
    for name, split in TABLES.items():
        for origin, picture, expression in _read_table(tables[name]):
            label = _find_label(origin, expression)
            if label is None:
                continue
            path = images / picture
            if not path.is_file():
                raise UserError(f"{origin}: {path} not found; unpack it, or take the row out")
            yield split, label, origin, path


def _find_table(source: Path, name: str) -> Path | None:
    """Where a table lies, or None."""
    places = (source / folder / name for folder in TABLE_FOLDERS)
    return next((place for place in places if place.is_file()), None)


def _read_table(table: Path) -> Iterator[tuple[str, str, str]]:
    """Stream origin, picture and expression of a table's rows, counted from 0 without header."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            lines = (cells for cells in csv.reader(stream) if cells)
            columns, lines = _find_columns(table, lines)
            places = columns.index(PATH), columns.index(EXPRESSION)
            for row, cells in enumerate(lines):
                origin = f"{table.name} row {row}"
                if len(cells) != len(columns):
                    raise UserError(f"{origin}: {len(cells)} fields, expected {len(columns)}")
                yield origin, *(cells[place].strip() for place in places)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{table}: cannot be read: {error}") from None


def _find_columns(table: Path, lines: Iterator[list[str]]) -> tuple[list[str], Iterator[list[str]]]:
    """The names of a table's columns, and its rows. Some copies of validation.csv have no names."""
    first = next(lines, [])
    columns = [cell.strip() for cell in first]
    if PATH not in columns and EXPRESSION not in columns and len(columns) == len(COLUMNS):
        return list(COLUMNS), chain([first], lines)
    for column in (PATH, EXPRESSION):
        if column not in columns:
            raise UserError(
                f"{table}: no column {column} in its first line; expected {','.join(COLUMNS)}"
            )
    return columns, lines
