"""Predict the faces of pictures, as `facexpr predict` does.

Reads: model, pictures. Writes: annotated pictures, predictions as JSON lines and CSV. Faces that
were found once are kept in the scratch folder, so that another model asks only what they express.
"""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from facexpr.annotation import annotate
from facexpr.backend import configure
from facexpr.detection import detection_work, remember
from facexpr.files import publish
from facexpr.model_file import read_card
from facexpr.params import load
from facexpr.pictures import find_pictures
from facexpr.prediction_files import (
    Outcome,
    predict_files,
    write_csv_head,
    write_csv_rows,
    write_json_lines,
)
from facexpr.predictor import Prediction, Predictor
from facexpr.scratch import RESULTS, scratch_root
from facexpr.stage import Report, run
from facexpr.store import Store


def main(report: Report) -> None:
    """Predict every picture; the first unreadable one ends the stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--input", type=Path, required=True, help="picture or folder")
    parser.add_argument("--out", type=Path, required=True, help="folder")
    args = parser.parse_args()
    params = load()
    read_card(args.model)  # a missing model is told before Keras takes its seconds
    configure(params.train.backend, params.train.device)
    detection = params.detection()
    work = detection_work(detection["detector"], detection)
    predictor = Predictor(args.model, detection)
    pictures = report.progress(find_pictures([args.input]))
    with publish(args.out) as (out,), Store(scratch_root() / RESULTS) as store:
        predictor.detector = remember(predictor.detector, store, work, report.note)
        predictors = {args.model.name: predictor}
        done = predict_files(predictors, pictures, params.predict.faces, out, draw)
        write(done, out, list(predictor.labels), report)
    store.tell(report.warn)


def draw(image: np.ndarray, told: Mapping[str, Sequence[Prediction]]) -> np.ndarray:
    """The picture with what its one model tells of it."""
    (predictions,) = told.values()
    return annotate(image, predictions, landmarks=True)


def write(done: Iterable[Outcome], out: Path, labels: Sequence[str], report: Report) -> None:
    """Write each picture's records; raises UserError for one that cannot be read."""
    with (
        (out / "predictions.jsonl").open("w", encoding="utf-8") as lines,
        (out / "predictions.csv").open("w", encoding="utf-8", newline="") as rows,
    ):
        write_csv_head(rows, labels)
        for outcome in done:
            if outcome.error:
                raise outcome.error
            write_json_lines(lines, outcome)
            write_csv_rows(rows, outcome, labels)
            report.note("faces" if outcome.records else "no face", len(outcome.records) or 1)


if __name__ == "__main__":
    run("predict", main)
