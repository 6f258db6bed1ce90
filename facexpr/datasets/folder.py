"""Any data set that lies as pictures in `<split>/<label>/` folders.

Splits are train, test and, where there is one, val (also valid, validation); label folders are the
classes. Only files with a picture's suffix count: .DS_Store, Thumbs.db or notes are passed over.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

from facexpr.datasets import Sample
from facexpr.errors import UserError, unknown_name
from facexpr.images import SUFFIXES, read_image
from facexpr.labels import SPLITS

SPLIT_NAMES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
LAYOUT = "expected <split>/<label>/<picture>, with the splits train, test and, if there is one, val"
SHOWN_NAMES = 8


def read(source: Path, **_settings) -> Iterator[Sample]:
    """Stream the pictures by split, then by label, then by file name.

    Labels are the names of the label folders. Images are uint8 grey (H, W) or RGB (H, W, 3), each
    of its own size. Raises UserError for a layout other than this, and for a picture that cannot
    be read.
    """
    yield from load(source, walk(source, find_labels(source)))


def find_labels(source: Path) -> list[str]:
    """The names of the label folders with pictures, of all splits, sorted.

    Raises UserError for a wrong layout, and when there are none.
    """
    splits = find_splits(source)
    folders = chain.from_iterable(map(subfolders, splits.values()))
    labels = sorted({folder.name for folder in folders if any(picture_files(folder))})
    if not labels:
        raise UserError(f"{splits['train']}: no label folders with pictures; {LAYOUT}")
    return labels


def walk(
    source: Path, labels: Sequence[str], synonyms: Mapping[str, str] | None = None
) -> Iterator[tuple[str, str, Path]]:
    """Find the split, label and path of every picture, in the order of `labels`, unopened.

    `synonyms` maps other spellings of label folders to labels. Raises UserError for a wrong
    layout before the first picture is given; an empty folder may have any name.
    """
    found = {
        split: _label_folders(folder, labels, synonyms or {})
        for split, folder in find_splits(source).items()
    }
    for split, folders in found.items():
        for label in labels:
            for folder in folders.get(label, []):
                for path in sorted(picture_files(folder)):
                    yield split, label, path


def load(source: Path, pictures: Iterable[tuple[str, str, Path]]) -> Iterator[Sample]:
    """Read pictures given as split, label and path below `source`; rows count from 0."""
    for row, (split, label, path) in enumerate(pictures):
        origin = path.relative_to(source).as_posix()
        yield Sample(row, split, label, origin, partial(read_image, path))


def find_splits(source: Path) -> dict[str, Path]:
    """The folder of each split that is there, train first; raises UserError without train."""
    if not source.is_dir():
        state = "not a folder" if source.exists() else "not found"
        raise UserError(f"{source}: {state}; {LAYOUT}")
    splits: dict[str, Path] = {}
    for folder in subfolders(source):
        split = SPLIT_NAMES.get(folder.name.lower())
        if split in splits:
            raise UserError(
                f"{source}: both {splits[split].name} and {folder.name} mean {split}; keep one"
            )
        if split:
            splits[split] = folder
    if "train" not in splits:
        raise UserError(f"{source}: no folder train, found {_contents(source)}; {LAYOUT}")
    return {split: splits[split] for split in SPLITS if split in splits}


def _label_folders(
    split_folder: Path, labels: Sequence[str], synonyms: Mapping[str, str]
) -> dict[str, list[Path]]:
    """Map labels to their folders in a split; raises UserError for a folder that is no label."""
    folders: dict[str, list[Path]] = {}
    _refuse_pictures(split_folder)
    for folder in subfolders(split_folder):
        for deeper in subfolders(folder):
            _refuse_pictures(deeper)
        label = synonyms.get(folder.name, folder.name)
        if label not in labels and any(picture_files(folder)):
            raise unknown_name(f"{folder}: rename this folder", label, labels)
        folders.setdefault(label, []).append(folder)
    return folders


def _refuse_pictures(folder: Path) -> None:
    """Raise UserError for pictures at a depth where they have no label, or would be passed over."""
    lost = min(picture_files(folder), default=None)
    if lost:
        raise UserError(f"{lost}: not in a label folder; {LAYOUT}; move it there")


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder by name; hidden ones (.ipynb_checkpoints) are passed over."""
    return sorted(path for path in folder.iterdir() if path.name[0] != "." and path.is_dir())


def picture_files(folder: Path) -> Iterator[Path]:
    """The picture files in a folder; "._a.png" is what macOS leaves beside "a.png"."""
    paths = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    return (path for path in paths if path.name[0] != ".")


def _contents(folder: Path) -> str:
    """Say what lies in a folder, in a few words."""
    names = sorted(path.name for path in folder.iterdir())
    more = ", …" if len(names) > SHOWN_NAMES else ""
    return ", ".join(names[:SHOWN_NAMES]) + more or "nothing"
