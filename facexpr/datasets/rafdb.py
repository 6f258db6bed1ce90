"""RAF-DB, the basic set (Li, Deng and Du 2017, doi:10.1109/CVPR.2017.277): seven emotions.

`EmoLabel/list_patition_label.txt`, spelt so by its owners, has lines such as `train_00001.jpg 5`.
The pictures are `Image/aligned/train_00001_aligned.jpg`, faces of 100x100, or the photographs that
they are cut from, `Image/original/train_00001.jpg`. The name tells the split, train or test.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from facexpr.datasets import Sample, fer2013, folder
from facexpr.errors import UserError, unknown_name
from facexpr.images import read_image

# The codes of the list are positions here, counted from 1.
LABELS = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")
COMPOUND_CODES = 11

LIST = "EmoLabel/list_patition_label.txt"
NAME_ENDS = {"aligned": "_aligned", "original": ""}
NAME = re.compile(r"(train|test)_[\w-]+\.\w+")


class Entry(NamedTuple):
    """What a line of the list says of a picture."""

    line: int  # counted from 1, as editors do
    split: str
    code: int


def read(source: Path, rafdb_images: str = "aligned", **_settings) -> Iterator[Sample]:
    """Stream the pictures in the order of the list.

    rafdb_images: aligned, the faces cut out and 100x100, or original, the photographs.
    Images are uint8 RGB (H, W, 3), or grey (H, W) where a picture is.

    Raises UserError for anything wrong with the list, and for pictures and list that differ.
    """
    return load(source, read_list(source, len(LABELS)), LABELS, rafdb_images)


def read_list(source: Path, codes: int) -> dict[str, Entry]:
    """What the list says of each picture, by its name, in the order of the list.

    codes: how many the set has. Raises UserError for a list that is missing or empty, and for a
    line that is malformed, has another code, or names a picture again.
    """
    path = source / LIST
    entries: dict[str, Entry] = {}
    for number, line in enumerate(_read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        place = f"{path} line {number}"
        name, entry = _parse_line(place, number, line, codes)
        if name in entries:
            raise UserError(f"{place}: {name} stands in line {entries[name].line} too; keep one")
        entries[name] = entry
    if not entries:
        raise UserError(f"{path}: empty; expected lines such as train_00001.jpg 5")
    return entries


def load(
    source: Path, entries: Mapping[str, Entry], labels: Sequence[str], images: str
) -> Iterator[Sample]:
    """Stream the pictures that `entries` name, of the kind `images`; codes count from 1.

    Raises UserError, before any sample, where pictures and entries differ.
    """
    place = _find_folder(source, images)
    names = [f"{Path(name).stem}{NAME_ENDS[images]}{Path(name).suffix}" for name in entries]
    _check_pictures(place, names)
    for row, (name, entry) in enumerate(zip(names, entries.values(), strict=True)):
        path = place / name
        origin = path.relative_to(source).as_posix()
        yield Sample(row, entry.split, labels[entry.code - 1], origin, partial(read_image, path))


def _read_text(path: Path) -> str:
    """The text of the list."""
    if not path.is_file():
        raise UserError(f"{path}: not found; expected {LIST} and Image/ in data.source")
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from None


def _parse_line(place: str, number: int, line: str, codes: int) -> tuple[str, Entry]:
    """The picture that a line names, and what it says of it."""
    cells = line.split()
    match = NAME.fullmatch(cells[0])
    if len(cells) != 2 or match is None:
        found = fer2013.shown(line.strip())
        raise UserError(
            f"{place}: {found}, expected train_… or test_… and a code: train_00001.jpg 5"
        )
    code = {str(code): code for code in range(1, COMPOUND_CODES + 1)}.get(cells[1])
    if code is None or code > codes:
        hint = "; for the compound set, set data.format: rafdb_compound" if code else ""
        raise UserError(f"{place}: code {fer2013.shown(cells[1])}, expected 1 to {codes}{hint}")
    return cells[0], Entry(number, match[1], code)


def _find_folder(source: Path, images: str) -> Path:
    """The folder of a kind of pictures; raises UserError where it is missing."""
    if images not in NAME_ENDS:
        raise unknown_name("data.rafdb_images", images, NAME_ENDS)
    place = source / "Image" / images
    if place.is_dir():
        return place
    for other in NAME_ENDS:
        if (source / "Image" / other).is_dir():
            raise UserError(
                f"{place}: not found, but Image/{other} is there; set data.rafdb_images: {other}"
            )
    raise UserError(f"{place}: not found; expected RAF-DB's pictures there")


def _check_pictures(place: Path, names: Sequence[str]) -> None:
    """Raise UserError unless a folder holds pictures of exactly these names."""
    present = {path.name for path in folder.picture_files(place)}
    absent = [name for name in names if name not in present]
    if absent:
        more = f" (and {len(absent) - 1} more)" if len(absent) > 1 else ""
        raise UserError(f"{place / absent[0]}: not found{more}, but {LIST} has it; unpack it again")
    unlisted = sorted(present.difference(names))
    if unlisted:
        more = f" (and {len(unlisted) - 1} more)" if len(unlisted) > 1 else ""
        raise UserError(f"{place / unlisted[0]}: not in {LIST}{more}; add it, or take it away")
