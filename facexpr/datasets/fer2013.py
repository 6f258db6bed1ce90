"""FER2013 (Goodfellow et al. 2013, arXiv:1307.0414), in all forms in which it is handed round.

As the CSV `emotion,pixels,Usage`, plain, compressed or in an archive (Kaggle's fer2013.tar.gz, and
icml_face_data.csv with its other order of columns); or as folders `train/<label>/`,
`test/<label>/` of pictures whose names start with the Usage. Everything is streamed: one row is in
memory at a time, and no archive is unpacked. Lines are split here and not by pandas, which takes
twice the time, and takes a column that the header lacks for an index.
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
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np

from facexpr.datasets import Sample, folder
from facexpr.errors import UserError, unknown_name
from facexpr.labels import FER2013

SIDE = 48
COLUMNS = ("emotion", "pixels", "Usage")
USAGES = {"Training": "train", "PublicTest": "val", "PrivateTest": "test"}
SYNONYMS = {"anger": "angry", "happiness": "happy", "sadness": "sad"}
CODES = {str(code): label for code, label in enumerate(FER2013)}

CSV_NAMES = ("fer2013.csv", "icml_face_data.csv")
OPENERS = {".csv.gz": gzip.open, ".csv.xz": lzma.open, ".csv": open}
FORMS = (*OPENERS, ".zip", ".tar.gz", ".tgz")
BROKEN = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError)
BROKEN += (zipfile.BadZipFile, tarfile.TarError)


def read(source: Path, labels: Sequence[str]) -> Iterator[Sample]:
    """Stream FER2013 from a CSV file, an archive of it, or folders.

    Images of the CSV are uint8 grey (48, 48), those of folders as they are. Raises UserError for
    labels other than FER2013's in its order, and for anything wrong with the source.
    """
    _check_labels(labels)
    if source.is_dir():
        return _read_folders(source, labels)
    return _read_csv(source, labels)


def _check_labels(labels: Sequence[str]) -> None:
    """Raise UserError unless `labels` are FER2013's, in the order of its codes."""
    for label in labels:
        if label not in FER2013:
            raise unknown_name("data.labels", label, FER2013)
    if list(labels) != [label for label in FER2013 if label in labels]:
        raise UserError(
            f"data.labels: {', '.join(labels)}; expected FER2013's order: {', '.join(FER2013)}"
        )


def _read_folders(source: Path, labels: Sequence[str]) -> Iterator[Sample]:
    """Stream the folder form, where test holds two splits that names (PublicTest_1.jpg) tell."""
    pictures = (
        (USAGES.get(path.name.split("_")[0], split), label, path)
        for split, label, path in folder.walk(source, labels, SYNONYMS)
    )
    return folder.load(source, pictures)


def _read_csv(source: Path, labels: Sequence[str]) -> Iterator[Sample]:
    """Stream the rows of the CSV form, counted from 0 without header and blank lines."""
    lines = (line for line in _read_lines(source) if not line.isspace())
    columns = _find_columns(source.name, next(lines, ""))
    row = -1
    for row, line in enumerate(lines):
        origin = f"{source.name} row {row}"
        cells = _split_line(origin, line)
        if len(cells) != len(columns):
            wanted = f"expected {len(columns)} ({', '.join(columns)})"
            raise UserError(f"{origin}: {len(cells)} fields, {wanted}; a broken line")
        emotion, pixels, usage = (cells[columns.index(column)] for column in COLUMNS)
        label = _find_label(origin, emotion.strip(), labels)
        split = _find_split(origin, usage.strip())
        yield Sample(row, split, label, origin, parse_pixels(origin, pixels))
    if row < 0:
        raise UserError(f"{source.name}: a header but no rows; expected a row an image")


def _find_columns(name: str, header: str) -> list[str]:
    """The names of the columns; raises UserError where one of COLUMNS is missing."""
    if not header:
        raise UserError(f"{name}: empty file, expected the columns {', '.join(COLUMNS)}")
    columns = [column.strip() for column in _split_line(f"{name} header", header)]
    missing = [column for column in COLUMNS if column not in columns]
    if missing:
        found = ", ".join(map(_shown, columns))
        raise UserError(
            f"{name}: no column {', '.join(missing)} in its first line, found {found}; "
            f"expected {', '.join(COLUMNS)}"
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


def _find_label(origin: str, code: str, labels: Sequence[str]) -> str:
    """Turn a class code into its label; raises UserError when the user did not declare it."""
    label = CODES.get(code)
    if label is None:
        raise UserError(f"{origin}: emotion {_shown(code)}, expected 0 to {len(FER2013) - 1}")
    if label not in labels:
        declared = f"data.labels ({', '.join(labels)})"
        raise UserError(f"{origin}: label '{label}' is not in {declared}; add it there")
    return label


def _find_split(origin: str, usage: str) -> str:
    """Turn a Usage into the split that it stands for."""
    if usage not in USAGES:
        raise unknown_name(f"{origin}: Usage", _shown(usage), USAGES)
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
    return UserError(f"{origin}: pixel value {_shown(wrong)}, expected 0 to 255")


def _is_pixel(value: str) -> bool:
    """Whether a word is a whole number from 0 to 255."""
    digits = value.lstrip("0")
    return value.isascii() and value.isdigit() and len(digits) <= 3 and int(digits or 0) <= 255


def _shown(text: str) -> str:
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
