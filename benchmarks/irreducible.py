"""What no way can leave out, in bare loops of one thread: bytes, parsing, PNG, warps, pages.

Detection is its networks and has no such part. Nothing is checked, named or counted here. Each step
works in a folder that holds rows.csv, and returns how many images it saw.
"""

from itertools import islice
from pathlib import Path

import cv2
import lmdb
import numpy as np
from library import TRANSACTION, encode, read, save
from published import MAP_BYTES, SIDE

cv2.setNumThreads(1)


def images(folder: Path) -> int:
    """Read the CSV, parse its numbers, encode PNG."""
    pngs = []
    with (folder / "rows.csv").open("rb") as lines:
        for line in islice(lines, 1, None):
            pixels = np.fromstring(line.split(b",")[1], np.uint8, sep=" ")
            pngs.append(encode(pixels.reshape(SIDE, SIDE)))
    return save(folder / "images", pngs)


def align(folder: Path) -> int:
    """Decode, warp, encode."""
    matrix = np.array([[1, 0, 0.5], [0, 1, 0.5]])
    faces = (cv2.warpAffine(image, matrix, (SIDE, SIDE)) for image in read(folder / "images"))
    return save(folder / "aligned", [encode(face) for face in faces])


def pack(folder: Path) -> int:
    """Decode, and write the bare pixels to LMDB."""
    faces, count = enumerate(read(folder / "aligned")), 0
    with lmdb.open(f"{folder}/lmdb", map_size=MAP_BYTES) as store:
        while part := list(islice(faces, TRANSACTION)):
            with store.begin(write=True) as transaction:
                for number, face in part:
                    transaction.put(f"{number:08d}".encode(), face.tobytes(), append=True)
            count += len(part)
    return count


def mean(folder: Path) -> int:
    """Read the pages of LMDB and sum the pixels."""
    total, count = np.zeros(SIDE * SIDE, np.uint64), 0
    with lmdb.open(f"{folder}/lmdb", readonly=True) as store, store.begin(buffers=True) as all_of:
        for _, value in all_of.cursor():
            total += np.frombuffer(value, np.uint8)
            count += 1
    return count


def audit(folder: Path) -> int:
    """Decode."""
    return sum(1 for _ in read(folder / "images"))
