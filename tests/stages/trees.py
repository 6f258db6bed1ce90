"""Small made-up data sets in the exact layouts of those that need a licence."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np

from facexpr.datasets.ferplus import CHOICES
from facexpr.images import encode_png

RNG = np.random.default_rng(0)
NUMBERS = count()


def put(path: Path, shape: tuple[int, ...] = (30, 24)) -> None:
    """A picture of noise, another one each time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png(RNG.integers(0, 256, shape, np.uint8)))


def put_text(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def make_ckplus(source: Path) -> None:
    """Six persons, each with a sequence of four frames for each of the seven emotions."""
    for person in range(6):
        for code in range(1, 8):
            place = f"S{person:03}/{code:03}"
            name = f"S{person:03}_{code:03}"
            for frame in range(1, 5):
                put(source / f"cohn-kanade-images/{place}/{name}_{frame:08}.png", (30, 40))
            put_text(
                source / f"Emotion/{place}/{name}_{4:08}_emotion.txt", f"   {code}.0000000e+00"
            )


def make_ckplus48(source: Path) -> None:
    """Five persons with a picture of each emotion."""
    for label in ["anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise"]:
        for person in range(5):
            put(source / f"{label}/S{person:03}_001_{next(NUMBERS):08}.png", (48, 48))


def make_rafdb(source: Path, codes: int = 7) -> None:
    """Of each code four pictures for train and two for test."""
    lines = []
    for split, each in (("train", 4), ("test", 2)):
        for number in range(codes * each):
            name = f"{split}_{number + 1:05}"
            lines.append(f"{name}.jpg {number % codes + 1}")
            put(source / f"Image/aligned/{name}_aligned.jpg", (50, 50, 3))
    put_text(source / "EmoLabel/list_patition_label.txt", *lines)


def make_rafdb_compound(source: Path) -> None:
    make_rafdb(source, codes=11)


def make_affectnet(source: Path) -> None:
    """The form of 2021: of each code four for train and two for validation, and one "none"."""
    for folder, each in (("train_set", 4), ("val_set", 2)):
        annotations = source / folder / "annotations"
        annotations.mkdir(parents=True)
        for number in range(8 * each + 1):
            code = 8 if number == 8 * each else number % 8
            put(source / f"{folder}/images/{number}.jpg", (44, 56, 3))
            np.save(annotations / f"{number}_exp.npy", str(code))


def make_affectnet_tables(source: Path) -> None:
    """The older form, with the same numbers of pictures."""
    columns = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,"
    for name, each in (("training", 4), ("validation", 2)):
        rows = [columns + "expression,valence,arousal"]
        for number in range(8 * each + 1):
            code = 8 if number == 8 * each else number % 8
            picture = f"{number}/{name}-{number}.jpg"
            put(source / f"Manually_Annotated_Images/{picture}", (44, 56, 3))
            rows.append(f"{picture},1,2,30,31,1.5;2.5,{code},0.1,-0.2")
        put_text(source / f"Manually_Annotated_file_lists/{name}.csv", *rows)


def make_ferplus(source: Path) -> None:
    """Of each emotion three images for Training and one for each other split; one undecided."""
    table = ["emotion,pixels,Usage"]
    votes = ["Usage,Image name," + ",".join(CHOICES)]
    for usage, each in (("Training", 3), ("PublicTest", 1), ("PrivateTest", 1)):
        for number in range(8 * each + 1):
            pixels = " ".join(map(str, RNG.integers(0, 256, 48 * 48)))
            table.append(f"{number % 7},{pixels},{usage}")
            cells = [0] * len(CHOICES)
            if number == 8 * each:
                cells[0] = cells[1] = 5  # no majority
            else:
                cells[number % 8], cells[(number + 1) % 8] = 7, 3
            votes.append(f"{usage},fer{number:07}.png,{','.join(map(str, cells))}")
    put_text(source / "fer2013.csv", *table)
    put_text(source / "fer2013new.csv", *votes)


def make_combined(source: Path) -> None:
    make_ferplus(source / "ferplus")
    make_affectnet(source / "affectnet")
    make_ckplus(source / "ckplus")


MAKERS: dict[str, Callable[[Path], None]] = {
    name.removeprefix("make_"): maker
    for name, maker in list(globals().items())
    if name.startswith("make_")
}
