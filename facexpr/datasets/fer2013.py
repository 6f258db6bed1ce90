"""FER2013 (Goodfellow et al. 2013, arXiv:1307.0414), in all forms in which it is handed round.

As the CSV `emotion,pixels,Usage`, plain, compressed or in an archive (Kaggle's fer2013.tar.gz, and
icml_face_data.csv with its other order of columns), or in a folder under one of the names in FILES;
or as folders `train/<label>/`, `test/<label>/` of pictures whose names start with the Usage.
Everything is streamed: one row is in memory at a time, and no archive is unpacked. Lines are split
here and not by pandas, which takes twice the time, and takes a column that the header lacks for an
index.
"""

import csv
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np

from facexpr.datasets import Sample, folder
from facexpr.errors import UserError, unknown_name
from facexpr.labels import FER2013

LABELS = FER2013
SIDE = 48
COLUMNS = ("emotion", "pixels", "Usage")
USAGES = {"Training": "train", "PublicTest": "val", "PrivateTest": "test"}
SYNONYMS = {"anger": "angry", "happiness": "happy", "sadness": "sad"}
CODES = {str(code): label for code, label in enumerate(LABELS)}

CSV_NAMES = ("fer2013.csv", "icml_face_data.csv")
OPENERS = {".csv.gz": gzip.open, ".csv.xz": lzma.open, ".csv": open}
FORMS = (*OPENERS, ".zip", ".tar.gz", ".tgz")
# What the CSV is called in a folder, in order of preference.
FILES = (
    "fer2013.csv",
    *(f"fer2013{form}" for form in (".csv.gz", ".csv.xz", ".zip", ".csv.zip", ".tar.gz", ".tgz")),
    "icml_face_data.csv",
)
BROKEN = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError)
BROKEN += (zipfile.BadZipFile, tarfile.TarError)


def read(source: Path, **_settings) -> Iterator[Sample]:
    """Stream FER2013 from a CSV file, an archive of it, a folder that holds it, or picture folders.

    Images of the CSV are uint8 grey (48, 48), those of folders as they are. Raises UserError for
    anything wrong with the source.
    """
    if not source.is_dir():
        return read_csv(source)
    table = find_csv(source)
    return read_csv(table) if table else _read_folders(source)


def find_csv(source: Path) -> Path | None:
    """The first of FILES that a folder holds, or None."""
    return next((source / name for name in FILES if (source / name).is_file()), None)


def read_csv(source: Path) -> Iterator[Sample]:
    """Stream the CSV form: images uint8 grey (48, 48); raises UserError like `read`."""
    for row, (origin, cells) in enumerate(read_rows(source, COLUMNS)):
        emotion, pixels, usage = cells
        label = _find_label(origin, emotion.strip())
        split = _find_split(origin, usage.strip())
        yield Sample(row, split, label, origin, partial(parse_pixels, origin, pixels))


def _read_folders(source: Path) -> Iterator[Sample]:
    """Stream the folder form, where test holds two splits that names (PublicTest_1.jpg) tell."""
    pictures = (
        (USAGES.get(path.name.split("_")[0], split), label, path)
        for split, label, path in folder.walk(source, LABELS, SYNONYMS)
    )
    return folder.load(source, pictures)


def read_rows(source: Path, wanted: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Stream the rows of a CSV in any of FORMS: where each stands, and its cells of `wanted`.

    Rows count from 0 without header and blank lines. Raises UserError for a file that cannot be
    read, without a row or one of the columns, and for a row of another length than the header.
    """
    lines = (line for line in _read_lines(source) if not line.isspace())
    columns = _find_columns(source.name, next(lines, ""), wanted)
    places = [columns.index(column) for column in wanted]
    row = -1
    for row, line in enumerate(lines):
        origin = f"{source.name} row {row}"
        cells = _split_line(origin, line)
        if len(cells) != len(columns):
            expected = f"expected {len(columns)} ({', '.join(columns)})"
            raise UserError(f"{origin}: {len(cells)} fields, {expected}; a broken line")
        yield origin, [cells[place] for place in places]
    if row < 0:
        raise UserError(f"{source.name}: a header but no rows; expected a row an image")


def _find_columns(name: str, header: str, wanted: Sequence[str]) -> list[str]:
    """The names of the columns; raises UserError where one of `wanted` is missing."""
    if not header:
        raise UserError(f"{name}: empty file, expected the columns {', '.join(wanted)}")
    columns = [column.strip() for column in _split_line(f"{name} header", header)]
    missing = [column for column in wanted if column not in columns]
    if missing:
        found = ", ".join(map(shown, columns))
        raise UserError(
            f"{name}: no column {', '.join(missing)} in its first line, found {found}; "
            f"expected {', '.join(wanted)}"
        )
    return columns


def _split_line(origin: str, line: str) -> list[str]:
    """Split a line at its commas; only quotes, which few copies have, need the csv module."""
    if '"' not in line:
        return line.rstrip("\n").split(",")
    try:
        return next(csv.reader([line]))
    except csv.Error as error:
        raise UserError(f"{origin}: not a line of CSV: {error}") from None


def _find_label(origin: str, code: str) -> str:
    """Turn a class code into its label."""
    if code not in CODES:
        raise UserError(f"{origin}: emotion {shown(code)}, expected 0 to {len(LABELS) - 1}")
    return CODES[code]


def _find_split(origin: str, usage: str) -> str:
    """Turn a Usage into the split that it stands for."""
    if usage not in USAGES:
        raise unknown_name(f"{origin}: Usage", shown(usage), USAGES)
    return USAGES[usage]


def parse_pixels(origin: str, text: str) -> np.ndarray:
    """Turn 2304 written numbers into an image, uint8 (48, 48); raises UserError for other text."""
    data = text.encode()
    # Only digits and blanks may reach fromstring: what it makes of other text depends on numpy's
    # version. A number too long for int64 becomes the largest; narrower types would wrap around.
    if data.translate(None, b"0123456789 ") or not data.strip():
        raise _pixel_error(origin, text)
    values = np.fromstring(data, np.int64, sep=" ")
    if values.size != SIDE * SIDE or values.max() > 255:
        raise _pixel_error(origin, text)
    return values.astype(np.uint8).reshape(SIDE, SIDE)


def _pixel_error(origin: str, text: str) -> UserError:
    """Find what is wrong with the text of an image."""
    values = [value for value in text.split(" ") if value]
    if len(values) != SIDE * SIDE:
        expected = f"{SIDE * SIDE} ({SIDE}x{SIDE})"
        return UserError(f"{origin}: {len(values)} pixels, expected {expected}")
    wrong = next(value for value in values if not _is_pixel(value))
    return UserError(f"{origin}: pixel value {shown(wrong)}, expected 0 to 255")


def _is_pixel(value: str) -> bool:
    """Whether a word is a whole number from 0 to 255."""
    digits = value.lstrip("0")
    return value.isascii() and value.isdigit() and len(digits) <= 3 and int(digits or 0) <= 255


def shown(text: str) -> str:
    """Text of the data for a message of one line: cut short, and quoted if it could mislead."""
    cut = text if len(text) <= 20 else f"{text[:19]}…"
    return cut if cut.isprintable() and cut.split() == [cut] else repr(cut)


def _read_lines(source: Path) -> Iterator[str]:
    """Stream the lines of the CSV in a source; raises UserError where it is missing or broken."""
    try:
        # "utf-8-sig" drops the byte order mark that spreadsheets write.
        with _open(source) as stream, io.TextIOWrapper(stream, encoding="utf-8-sig") as text:
            yield from text
    except BROKEN as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{source.name}: broken or truncated archive: {reason}; fetch it again"
        ) from None
    except RuntimeError as error:  # a zip with a password, or of a kind that zipfile cannot read
        raise UserError(f"{source.name}: cannot be unpacked: {error}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{source.name}: not UTF-8 text, or broken: {error.reason}") from None
    except OSError as error:
        raise UserError(f"{source}: cannot be read: {error.strerror or error}") from None


@contextmanager
def _open(source: Path) -> Iterator[BinaryIO]:
    """Open the CSV in a source of any of FORMS as a stream of bytes."""
    if not source.exists():
        raise UserError(f"{source}: not found; see data/README.md for where it belongs")
    form = next((form for form in FORMS if source.name.lower().endswith(form)), None)
    if form is None:
        raise UserError(f"{source}: unknown form; expected a folder or {', '.join(FORMS)}")
    if form in OPENERS:
        with OPENERS[form](source, "rb") as stream:
            yield stream
    elif form == ".zip":
        with zipfile.ZipFile(source) as archive, _open_in_zip(source, archive) as stream:
            yield stream
    else:
        with tarfile.open(source, "r:gz") as archive, _open_in_tar(source, archive) as stream:
            yield stream
            while archive.fileobj.read(2**16):
                pass  # the checksum lies at the very end, behind the CSV


def _open_in_zip(source: Path, archive: zipfile.ZipFile) -> BinaryIO:
    """Open the one CSV of FER2013 in a zip, fer2013.csv before icml_face_data.csv."""
    members = archive.namelist()
    for csv_name in CSV_NAMES:
        found = [member for member in members if PurePosixPath(member).name == csv_name]
        if len(found) > 1:
            raise UserError(f"{source.name}: holds {' and '.join(found)}; keep one of them")
        if found:
            break
    else:
        raise UserError(f"{source.name}: holds no {' or '.join(CSV_NAMES)}")
    return archive.open(found[0])


def _open_in_tar(source: Path, archive: tarfile.TarFile) -> BinaryIO:
    """Open fer2013.csv in a tar: the first, as going through all would unpack it twice."""
    for member in archive:
        if member.isfile() and PurePosixPath(member.name).name in CSV_NAMES:
            return archive.extractfile(member)
    raise UserError(f"{source.name}: holds no {' or '.join(CSV_NAMES)}")
