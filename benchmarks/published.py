"""From FER2013's CSV to LMDB and mean image as published projects go, image by image.

Written after what they do, none of it copied: pandas and `iterrows` as in
Michaelunkai/windowsforcepurge (convert_fer2013_to_images.py); PNG files, the package mtcnn on one
image a call and a least-squares similarity as in isthatyoung/Face-emotion-recognition; one LMDB
transaction a record as the tutorial on deepdish.io had it (uchicago-cs/deepdish, issue 6); the mean
by a loop over the records as in BillGrieser-GW/Final-Project-Group-7 (preprocessing.py).
isthatyoung packs and averages by Caffe's tools, which commit every 1,000 records.

Each step works in a folder that holds rows.csv, and returns how many images it saw.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import lmdb
import numpy as np
import pandas as pd

from facexpr.lmdb_store import from_datum, to_datum

SIDE = 48
TEMPLATE = ((14.65, 17.60), (32.35, 17.60), (23.50, 28.00), (16.15, 37.15), (30.85, 37.15))
MAP_BYTES = 1 << 40


def to_image(pixels: str) -> np.ndarray:
    """Written numbers as an image, uint8 (48, 48)."""
    return np.array(pixels.split(), "uint8").reshape(SIDE, SIDE)


def images(folder: Path) -> int:
    """One PNG file a row."""
    table = pd.read_csv(folder / "rows.csv")
    (folder / "images").mkdir()
    for number, row in table.iterrows():
        cv2.imwrite(f"{folder}/images/{number:05d}.png", to_image(row["pixels"]))
    return len(table)


def read_bordered(path: Path) -> np.ndarray:
    """A file as the detector gets it: RGB, with a border of 12 pixels as in this project."""
    image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    return cv2.copyMakeBorder(image, 12, 12, 12, 12, cv2.BORDER_REPLICATE)


def load_detector(folder: Path):
    """The package's detector, which has seen its first image."""
    from detection import load_package

    find = load_package()
    find([read_bordered(min((folder / "images").iterdir()))])
    return find


def detect(folder: Path, find) -> int:
    """Number of faces, and the landmarks of the first, in faces.csv."""
    rows = []
    for path in sorted((folder / "images").iterdir()):
        faces = find([read_bordered(path)])[0]
        points = faces[0, 4:] - 12 if len(faces) else [None] * 10
        rows.append([path.name, len(faces), *points])
    columns = ["name", "faces", *map(str, range(10))]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "faces.csv", index=False)
    return len(rows)


def align_image(image: np.ndarray, points: np.ndarray, template: Sequence) -> np.ndarray:
    """Bring five points (5, 2) onto the template by the similarity of least squares."""
    rows = [row for x, y in points for row in ((x, -y, 1, 0), (y, x, 0, 1))]
    a, b, x, y = np.linalg.lstsq(np.array(rows), np.ravel(template), rcond=None)[0]
    matrix = np.array([[a, -b, x], [b, a, y]])
    return cv2.warpAffine(image, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)


def align(folder: Path) -> int:
    """One PNG file an aligned face; an image without a face is kept whole."""
    table = pd.read_csv(folder / "faces.csv")
    (folder / "aligned").mkdir()
    for _, row in table.iterrows():
        image = cv2.imread(f"{folder}/images/{row['name']}", cv2.IMREAD_GRAYSCALE)
        if row["faces"]:
            image = align_image(image, row.iloc[2:].to_numpy(float).reshape(5, 2), TEMPLATE)
        cv2.imwrite(f"{folder}/aligned/{row['name']}", image)
    return len(table)


def pack(folder: Path) -> int:
    """Caffe's records in LMDB, each in a transaction of its own."""
    labels = pd.read_csv(folder / "rows.csv")["emotion"]
    with lmdb.open(f"{folder}/lmdb", map_size=MAP_BYTES) as store:
        for number, label in enumerate(labels):
            image = cv2.imread(f"{folder}/aligned/{number:05d}.png", cv2.IMREAD_GRAYSCALE)
            with store.begin(write=True) as transaction:
                transaction.put(f"{number:08d}".encode(), to_datum(image, int(label)))
    return len(labels)


def mean(folder: Path) -> int:
    """The mean image, summed up record by record."""
    total, count = np.zeros((SIDE, SIDE)), 0
    with lmdb.open(f"{folder}/lmdb", readonly=True) as store, store.begin() as transaction:
        for _, value in transaction.cursor():
            total += from_datum(value)[0]
            count += 1
    np.save(folder / "mean.npy", total / count)
    return count
