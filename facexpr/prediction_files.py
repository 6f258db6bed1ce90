"""Predicting picture files: annotated copies, JSON lines and a CSV."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np

from facexpr.detectors import BOX_COLUMNS, LANDMARK_COLUMNS
from facexpr.errors import UserError
from facexpr.files import publish
from facexpr.images import encode_png
from facexpr.pictures import read_picture
from facexpr.predictor import Prediction, Predictor

COPY = ".faces.png"  # how annotated copies' names end
Draw = Callable[[np.ndarray, Mapping[str, Sequence[Prediction]]], np.ndarray]


class Outcome(NamedTuple):
    """What came of a picture: a record for each face and model, or why there is none.

    path: None where there is not even a picture.
    """

    path: Path | None
    records: list[dict]
    error: UserError | None = None


def predict_files(
    predictors: Mapping[str, Predictor],
    pictures: Iterable[Path | UserError],
    faces: str,
    out: Path | None = None,
    draw: Draw | None = None,
) -> Iterator[Outcome]:
    """Predict pictures one by one, by models with a name each; a broken one does not stop the rest.

    Faces are found once, as the first model asks. What `draw` makes of a picture and its
    predictions by model is written to the folder `out`, under the picture's name and COPY.
    """
    taken: set[str] = set()
    for path in pictures:
        if isinstance(path, UserError):
            yield Outcome(None, [], path)
            continue
        try:
            image = read_picture(path)
        except UserError as error:
            yield Outcome(path, [], error)
            continue
        told = predict_by_all(predictors, image, faces)
        if out is not None and draw is not None:
            with publish(out / unused_name(path, taken)) as (fresh,):
                fresh.write_bytes(encode_png(draw(image, told)))
        by_face = zip(*told.values(), strict=True)
        pairs = (pair for each in by_face for pair in zip(told, each, strict=True))
        yield Outcome(path, [to_record(path, name, one) for name, one in pairs])


def predict_by_all(
    predictors: Mapping[str, Predictor], image: np.ndarray, faces: str
) -> dict[str, list[Prediction]]:
    """What each model tells of the same faces, those that the first one finds."""
    found = next(iter(predictors.values())).find_faces([image], faces)
    return {name: one.read_faces([image], found)[0] for name, one in predictors.items()}


def unused_name(path: Path, taken: set[str]) -> str:
    """A name for the annotated copy; pictures of one name in several folders get numbers."""
    # File systems take 255 bytes, and some do not tell upper from lower case.
    stem, number = "stdin" if str(path) == "-" else path.stem[:50], 1
    name = f"{stem}{COPY}"
    while name.casefold() in taken:
        number += 1
        name = f"{stem}-{number}{COPY}"
    taken.add(name.casefold())
    return name


def to_record(path: Path, model: str, prediction: Prediction) -> dict:
    """One face as a record: file, model, label, box, detector score, landmarks, probabilities."""
    face = prediction.face
    return {
        "file": str(path),
        "model": model,
        "label": prediction.label,
        "box_xyxy": [round(float(value), 2) for value in face.box_xyxy],
        "score": round(face.score, 5),
        "landmarks": None if face.landmarks is None else [*map(_point, face.landmarks)],
        "probabilities": {name: round(p, 5) for name, p in prediction.probabilities.items()},
    }


def _point(point: np.ndarray) -> list[float] | None:
    """A landmark with two decimals, or None where the detector does not tell it."""
    return None if np.isnan(point).any() else [round(float(value), 2) for value in point]


def write_json_lines(file: TextIO, outcome: Outcome) -> None:
    """Write one JSON object a line for each record; a picture without faces has none."""
    for record in outcome.records:
        file.write(json.dumps(record, ensure_ascii=False) + "\n")


def write_csv_head(file: TextIO, labels: Sequence[str]) -> None:
    """Write the columns' names: file, status, model, label, score, box, landmarks, classes."""
    named = ("file", "status", "model", "label", "score")
    _writer(file).writerow([*named, *BOX_COLUMNS, *LANDMARK_COLUMNS, *labels])


def write_csv_rows(file: TextIO, outcome: Outcome, labels: Sequence[str]) -> None:
    """Write a row for each record; of a picture without one, a row that says so.

    status: face, no_face or failed.
    """
    writer = _writer(file)
    for one in outcome.records:
        points = [point or (None, None) for point in one["landmarks"] or [None] * 5]
        row = [one["file"], "face", one["model"], one["label"], one["score"], *one["box_xyxy"]]
        row += [value for point in points for value in point]
        writer.writerow([*row, *map(one["probabilities"].get, labels)])
    if outcome.path and not outcome.records:
        status = "failed" if outcome.error else "no_face"
        blank = [None] * (3 + len(BOX_COLUMNS) + len(LANDMARK_COLUMNS) + len(labels))
        writer.writerow([outcome.path, status, *blank])


def _writer(file: TextIO):
    return csv.writer(file, lineterminator="\n")
