"""faces.csv: the chosen face of every sample, or that there is none; detect writes, align reads."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from facexpr.detectors import BOX_COLUMNS, LANDMARK_COLUMNS, Face
from facexpr.tables import read_table

FACE_COLUMNS = ["key", "status", *BOX_COLUMNS, "score", *LANDMARK_COLUMNS, "faces"]


def read_faces(path: Path) -> dict[str, Face | None]:
    """Read faces.csv: the chosen face of each key, None where the detector found none."""
    table = read_table(path, FACE_COLUMNS)
    boxes = table[BOX_COLUMNS].to_numpy(np.float32)
    points = table[LANDMARK_COLUMNS].to_numpy(np.float32).reshape(-1, 5, 2)
    found = (table["status"] == "face").to_numpy()
    return {
        key: _face(box, score, landmarks) if has_face else None
        for key, box, score, landmarks, has_face in zip(
            table["key"], boxes, table["score"], points, found, strict=True
        )
    }


def _face(box: np.ndarray, score: float, landmarks: np.ndarray) -> Face:
    return Face(box, float(score), None if np.isnan(landmarks).all() else landmarks)


def faces_table(
    keys: Iterable[str], chosen: Iterable[Face | None], counts: Iterable[int]
) -> pd.DataFrame:
    """Build faces.csv; pixels are rounded to 1/1000 and scores to 1/100000, beyond any meaning."""
    rows = [_face_row(*one) for one in zip(keys, chosen, counts, strict=True)]
    return pd.DataFrame(rows, columns=FACE_COLUMNS)


def _face_row(key: str, face: Face | None, count: int) -> list:
    if face is None:
        return [key, "no_face", *[None] * 15, count]
    box = [round(float(value), 3) for value in face.box_xyxy]
    points = [None] * 10
    if face.landmarks is not None:
        points = [round(float(value), 3) for value in face.landmarks.ravel()]
    return [key, "face", *box, round(face.score, 5), *points, count]
