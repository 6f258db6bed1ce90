"""CK+, the extended Cohn-Kanade set (Lucey et al. 2010, doi:10.1109/CVPRW.2010.5543262).

In one of two forms. As its owners hand it out: sequences of frames from a neutral face to the peak
of an expression, `cohn-kanade-images/S005/001/S005_001_00000011.png`, and for 327 of the 593 an
emotion, `Emotion/S005/001/S005_001_00000011_emotion.txt`; the others are passed over. Or as CK+48,
peak frames alone in folders of labels, `anger/S010_004_00000017.png`. Neither has splits: all is
train, with the subject (S005), so that what is carved from it keeps people apart.
"""

import math
import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from facexpr.datasets import Sample, fer2013, folder
from facexpr.errors import UserError, unknown_name
from facexpr.images import read_image

# The codes of the emotion files are positions here.
LABELS = ("neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise")
LABEL_FOLDERS = {label: label for label in LABELS} | {"anger": "angry", "sadness": "sad"}
CHOICES = ("first", "middle", "last", "last_three")

IMAGES, EMOTIONS = "cohn-kanade-images", "Emotion"
EXAMPLE = "S005_001_00000011"
STEM = re.compile(r"(S\d+)_(\d+)_(\d+)", re.ASCII)
LAYOUT = (
    f"expected CK+ ({IMAGES}/S005/001/{EXAMPLE}.png and {EMOTIONS}/S005/001/{EXAMPLE}_emotion.txt) "
    "or CK+48 (<label>/S010_004_00000017.png)"
)


def read(
    source: Path, ckplus_frames: Sequence[str] = ("first", "middle", "last"), **_settings
) -> Iterator[Sample]:
    """Stream the chosen frames by subject and sequence, or CK+48's by label and file name.

    ckplus_frames: of each sequence, any of CHOICES. The first frame counts as neutral, the others
    as the emotion; a frame that is chosen twice comes once. CK+48 does not ask.
    Images are uint8 grey (H, W) or RGB (H, W, 3): some sequences are in colour.

    Raises UserError for a layout other than these, and for anything wrong with a file.
    """
    for choice in ckplus_frames:
        if choice not in CHOICES:
            raise unknown_name("data.ckplus_frames", choice, CHOICES)
    in_sequences = _has_sequences(source)
    frames = _walk_sequences(source, ckplus_frames) if in_sequences else _walk_labels(source)
    row = -1
    for row, (label, subject, path) in enumerate(frames):
        origin = path.relative_to(source).as_posix()
        yield Sample(row, "train", label, origin, partial(read_image, path), subject=subject)
    if row < 0:
        what = "sequence with an emotion file" if in_sequences else "picture in a folder of a label"
        raise UserError(f"{source}: no {what}; {LAYOUT}")


def _has_sequences(source: Path) -> bool:
    """Whether a folder holds CK+, not CK+48; raises UserError where it holds neither, or half."""
    if not source.is_dir():
        state = "not a folder" if source.exists() else "not found"
        raise UserError(f"{source}: {state}; {LAYOUT}")
    names = {path.name for path in folder.subfolders(source)}
    absent = [name for name in (IMAGES, EMOTIONS) if name not in names]
    if len(absent) == 1:
        raise UserError(f"{source / absent[0]}: not found; CK+ needs {IMAGES}/ and {EMOTIONS}/")
    if absent and not any(name.lower() in LABEL_FOLDERS for name in names):
        raise UserError(f"{source}: neither CK+ nor CK+48; {LAYOUT}")
    return not absent


def _walk_sequences(source: Path, choices: Sequence[str]) -> Iterator[tuple[str, str, Path]]:
    """Find label, subject and path of the chosen frames, without opening them."""
    for person in folder.subfolders(source / EMOTIONS):
        for sequence in folder.subfolders(person):
            file = _find_emotion_file(sequence)
            if file is None:
                continue
            label = _read_emotion(file)
            frames = _find_frames(file, source / IMAGES / person.name / sequence.name)
            for path, shown in choose_frames(frames, label, choices):
                yield shown, person.name, path


def choose_frames(
    frames: Sequence[Path], emotion: str, choices: Sequence[str]
) -> list[tuple[Path, str]]:
    """The chosen frames of a sequence, in their order and each once, with their labels.

    The frame in the middle of an even number is the later one. A sequence of one frame is a peak
    and has no first.
    """
    last = len(frames) - 1
    places = {
        "middle": [len(frames) // 2],
        "last": [last],
        "last_three": [last - 2, last - 1, last],
    }
    labels = {place: emotion for choice in choices for place in places.get(choice, [])}
    if "first" in choices and last > 0:
        labels[0] = "neutral"
    return [(frames[place], labels[place]) for place in sorted(labels) if place >= 0]


def _find_emotion_file(sequence: Path) -> Path | None:
    """The text in a sequence's folder below Emotion, which most leave empty."""
    paths = sorted(path for path in sequence.glob("*.txt") if path.name[0] != ".")
    if len(paths) > 1:
        names = " and ".join(path.name for path in paths[:2])
        raise UserError(f"{sequence}: holds {names}, expected one emotion file; keep one of them")
    return paths[0] if paths else None


def _read_emotion(file: Path) -> str:
    """The label in an emotion file, which holds its code as a float: "   3.0000000e+00"."""
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: cannot be read: {error}") from None
    try:
        code = float(text)
    except ValueError:
        code = math.nan
    if code not in range(len(LABELS)):
        codes = ", ".join(f"{code} {label}" for code, label in enumerate(LABELS))
        raise UserError(f"{file}: emotion {fer2013.shown(text)}, expected one of {codes}")
    return LABELS[int(code)]


def _find_frames(file: Path, sequence: Path) -> list[Path]:
    """The pictures of a sequence by frame number, among them the one that an emotion file names."""
    labelled = file.name.removesuffix("_emotion.txt")
    start = f"{sequence.parent.name}_{sequence.name}_"
    if labelled == file.name or not _is_frame(labelled, start):
        raise UserError(f"{file}: expected a name such as {start}00000011_emotion.txt")
    if not sequence.is_dir():
        raise UserError(f"{sequence}: not found, but {file} labels it; unpack {IMAGES} again")
    frames = list(folder.picture_files(sequence))
    for path in frames:
        if not _is_frame(path.stem, start):
            raise UserError(f"{path}: expected a name such as {start}00000011.png")
    if labelled not in {path.stem for path in frames}:
        raise UserError(
            f"{sequence}: no picture {labelled}, but {file} labels it; unpack {IMAGES} again"
        )
    return sorted(frames, key=lambda path: (int(path.stem.removeprefix(start)), path.name))


def _is_frame(stem: str, start: str) -> bool:
    """Whether a name is that of a frame, and of the sequence whose frames start so."""
    return STEM.fullmatch(stem) is not None and stem.startswith(start)


def _walk_labels(source: Path) -> Iterator[tuple[str, str, Path]]:
    """Find label, subject and path of CK+48's pictures, without opening them."""
    found: dict[str, list[Path]] = {label: [] for label in LABELS}
    for path in folder.subfolders(source):
        label = LABEL_FOLDERS.get(path.name.lower())
        if label:
            found[label].append(path)
        elif any(folder.picture_files(path)):
            raise unknown_name(f"{path}: rename this folder", path.name, LABEL_FOLDERS)
    for label, folders in found.items():
        for path in (path for place in folders for path in sorted(folder.picture_files(place))):
            match = STEM.fullmatch(path.stem)
            if match is None:
                raise UserError(f"{path}: expected a name such as S010_004_00000017.png")
            yield label, match[1], path
