"""Predicting picture files: annotated copies, JSON lines and a CSV."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from facexpr.drawing import draw_face
from facexpr.errors import UserError
from facexpr.images import SUFFIXES, encode_png, read_image, to_rgb
from facexpr.predictor import Prediction, Predictor


def find_pictures(paths: Sequence[Path]) -> list[Path]:
    """The pictures among `paths`, folders searched through; raises UserError if there are none."""
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise UserError(f"{path}: not found; expected a picture or a folder of pictures")
        if path.is_dir():
            found += sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
        else:
            found.append(path)  # named by the user, whatever its suffix
    if not found:
        names = ", ".join(map(str, paths))
        raise UserError(
            f"{names}: no picture; expected files such as {', '.join(sorted(SUFFIXES))}"
        )
    return found


def predict_files(
    predictor: Predictor, pictures: Iterable[Path], faces: str, out: Path | None = None
) -> Iterator[tuple[Path, list[dict] | UserError]]:
    """Yield each picture with its faces' records, or with the error that made it unreadable.

    With a folder `out`, annotated copies are written there as <name>.png.
    """
    taken: set[str] = set()
    for path in pictures:
        try:
            image = read_image(path)
        except UserError as error:
            yield path, error
            continue
        predictions = predictor.predict(image, faces)
        if out is not None:
            annotated = annotate(image, predictions)
            (out / unused_name(path, taken)).write_bytes(encode_png(annotated))
        yield path, [to_record(path, prediction) for prediction in predictions]


def annotate(image: np.ndarray, predictions: Sequence[Prediction]) -> np.ndarray:
    """Mark every face, RGB (H, W, 3); a single one gets bars of all classes beside it."""
    image = to_rgb(image)
    for one in predictions:
        caption = f"{one.label} {one.probabilities[one.label]:.0%}"
        bars = one.probabilities if len(predictions) == 1 else None
        image = draw_face(image, one.face, caption, bars)
    return image


def unused_name(path: Path, taken: set[str]) -> str:
    """A PNG name for the annotated copy; pictures of one name in several folders get numbers."""
    name, number = f"{path.stem}.png", 1
    while name in taken:
        number += 1
        name = f"{path.stem}-{number}.png"
    taken.add(name)
    return name


def to_record(path: Path, prediction: Prediction) -> dict:
    """One face as a flat record: file, label, box, detector score, landmarks, probabilities."""
    face = prediction.face
    return {
        "file": str(path),
        "label": prediction.label,
        "box_xyxy": [round(float(value), 2) for value in face.box_xyxy],
        "score": round(face.score, 5),
        "landmarks": None if face.landmarks is None else [*map(_point, face.landmarks)],
        "probabilities": {name: round(p, 5) for name, p in prediction.probabilities.items()},
    }


def _point(point: np.ndarray) -> list[float] | None:
    """A landmark with two decimals, or None where the detector does not tell it."""
    return None if np.isnan(point).any() else [round(float(value), 2) for value in point]


def write_jsonl(path: Path, records: Iterable[dict]) -> None:
    """Write one JSON object a line, a line a face."""
    lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records]
    path.write_text("".join(lines), encoding="utf-8")


def write_csv(path: Path, records: Sequence[dict], labels: Sequence[str]) -> None:
    """Write a table, a row a face: file, label, score, x1, y1, x2, y2, a column a class."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["file", "label", "score", "x1", "y1", "x2", "y2", *labels])
        for record in records:
            chances = [record["probabilities"][label] for label in labels]
            writer.writerow(
                [record["file"], record["label"], record["score"], *record["box_xyxy"], *chances]
            )
