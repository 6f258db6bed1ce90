"""faces.csv: the chosen face of every sample, or that there is none; detect writes, align reads."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from facexpr.detectors import BOX_COLUMNS, LANDMARK_COLUMNS, Face
from facexpr.tables import stream_table

FACE_COLUMNS = ["key", "status", *BOX_COLUMNS, "score", *LANDMARK_COLUMNS, "faces"]


def read_faces(path: Path) -> dict[str, Face | None]:
    """Read faces.csv: the chosen face of each key, None where the detector found none."""
    return dict(stream_faces(path))


def stream_faces(path: Path) -> Iterator[tuple[str, Face | None]]:
    """Read faces.csv row by row, in the order of the shards; raises UserError as `stream_table`."""
    for part in stream_table(path, FACE_COLUMNS):
        boxes = part[BOX_COLUMNS].to_numpy(np.float32)
        points = part[LANDMARK_COLUMNS].to_numpy(np.float32).reshape(-1, 5, 2)
        found = (part["status"] == "face").to_numpy()
        keys, scores = part["key"].to_list(), part["score"].to_list()
        rows = zip(keys, boxes, scores, points, found.tolist(), strict=True)
        for key, box, score, landmarks, has_face in rows:
            yield key, _face(box, score, landmarks) if has_face else None


def _face(box: np.ndarray, score: float, landmarks: np.ndarray) -> Face:
    return Face(box, float(score), None if np.isnan(landmarks).all() else landmarks)


def faces_table(
    keys: Iterable[str], chosen: Iterable[Face | None], counts: Iterable[int]
) -> pd.DataFrame:
    """Build faces.csv of the chosen face of each sample, and of how many it has."""
    rows = [face_row(*one) for one in zip(keys, chosen, counts, strict=True)]
    return pd.DataFrame(rows, columns=FACE_COLUMNS)


def face_row(key: str, face: Face | None, count: int) -> list:
    """A row of faces.csv; pixels are rounded to 1/1000, scores to 1/100000, beyond any meaning."""
    if face is None:
        return [key, "no_face", *[None] * 15, count]
    box = [round(float(value), 3) for value in face.box_xyxy]
    points = [None] * 10
    if face.landmarks is not None:
        points = [round(float(value), 3) for value in face.landmarks.ravel()]
    return [key, "face", *box, round(face.score, 5), *points, count]
