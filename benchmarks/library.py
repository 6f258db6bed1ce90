"""The same way with what each library does best: whole columns, lists, few transactions.

Everything is held in memory, and one file of pickled PNG stands for the files of others. Each step
works in a folder that holds rows.csv, and returns how many images it saw.
"""

import pickle
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import lmdb
import numpy as np
import pandas as pd
from published import MAP_BYTES, SIDE, TEMPLATE, align_image

from facexpr.lmdb_store import from_datum, to_datum

LIST, TRANSACTION = 512, 1000


def encode(image: np.ndarray) -> bytes:
    """An image as PNG."""
    return cv2.imencode(".png", image)[1].tobytes()


def decode(png: bytes) -> np.ndarray:
    """A grey image of PNG."""
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)


def save(path: Path, pngs: list[bytes]) -> int:
    """Write PNG to one file; returns how many."""
    path.write_bytes(pickle.dumps(pngs))
    return len(pngs)


def read(path: Path) -> Iterator[np.ndarray]:
    """The images of such a file."""
    return map(decode, pickle.loads(path.read_bytes()))


def images(folder: Path) -> int:
    """All numbers in one call of numpy."""
    text = " ".join(pd.read_csv(folder / "rows.csv", usecols=["pixels"])["pixels"])
    pixels = np.fromstring(text, np.uint8, sep=" ").reshape(-1, SIDE, SIDE)
    return save(folder / "images", [encode(image) for image in pixels])


def lists(folder: Path) -> Iterator[list[np.ndarray]]:
    """The images with their border, in lists."""
    border = (12, 12, 12, 12, cv2.BORDER_REPLICATE)
    bordered = (cv2.copyMakeBorder(image, *border) for image in read(folder / "images"))
    while some := list(islice(bordered, LIST)):
        yield some


def load_detector(folder: Path):
    """The package's detector, which has seen its first list."""
    from detection import load_package

    find = load_package()
    find(next(lists(folder)))
    return find


def detect(folder: Path, find) -> int:
    """The landmarks of the first face of each image, NaN where there is none."""
    found = [faces for some in lists(folder) for faces in find(some)]
    points = [faces[0, 4:] - 12 if len(faces) else np.full(10, np.nan) for faces in found]
    np.save(folder / "points.npy", np.reshape(points, (-1, 5, 2)))
    return len(points)


def align(folder: Path) -> int:
    """The aligned faces, in memory until the last."""
    pairs = zip(read(folder / "images"), np.load(folder / "points.npy"), strict=True)
    faces = (
        align_image(image, points, TEMPLATE) if np.isfinite(points).all() else image
        for image, points in pairs
    )
    return save(folder / "aligned", [encode(face) for face in faces])


def pack(folder: Path) -> int:
    """Caffe's records in LMDB, 1,000 a transaction as Caffe's own tool commits them."""
    labels = pd.read_csv(folder / "rows.csv", usecols=["emotion"])["emotion"]
    records = enumerate(zip(read(folder / "aligned"), labels, strict=True))
    with lmdb.open(f"{folder}/lmdb", map_size=MAP_BYTES) as store:
        while part := list(islice(records, TRANSACTION)):
            with store.begin(write=True) as transaction:
                for number, (image, label) in part:
                    datum = to_datum(image, int(label))
                    transaction.put(f"{number:08d}".encode(), datum, append=True)
    return len(labels)


def mean(folder: Path) -> int:
    """The mean image of one array of all."""
    with lmdb.open(f"{folder}/lmdb", readonly=True) as store, store.begin() as transaction:
        faces = np.stack([from_datum(value)[0] for _, value in transaction.cursor()])
    np.save(folder / "mean.npy", faces.mean(axis=0))
    return len(faces)
