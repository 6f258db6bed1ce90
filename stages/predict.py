"""Predict the faces of pictures, as `facexpr predict` does.

Reads: model, pictures. Writes: annotated pictures, predictions as JSON lines and CSV.
"""

import argparse
from pathlib import Path

from facexpr import detectors
from facexpr.backend import configure
from facexpr.errors import UserError
from facexpr.model_file import read_card
from facexpr.params import load
from facexpr.prediction_files import find_pictures, predict_files, write_csv, write_jsonl
from facexpr.predictor import Predictor
from facexpr.stage import Report, publish, run


def main(report: Report) -> None:
    """Predict every picture; the first unreadable one ends the stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--input", type=Path, required=True, help="picture or folder")
    parser.add_argument("--out", type=Path, required=True, help="folder")
    args = parser.parse_args()
    params = load()
    pictures = find_pictures([args.input])
    read_card(args.model)  # a missing model is told before Keras takes its seconds
    configure(params.train.backend, params.train.device)
    detector = detectors.load(params.detect.detector, **params.detect.settings())
    predictor = Predictor(args.model, detector, params.predict.min_score)
    with publish(args.out) as (out,):
        records = []
        done = predict_files(predictor, report.progress(pictures), params.predict.faces, out)
        for _, found in done:
            if isinstance(found, UserError):
                raise found
            records += found
            report.note("no face" if not found else "faces", len(found) or 1)
        write_jsonl(out / "predictions.jsonl", records)
        write_csv(out / "predictions.csv", records, predictor.labels)


if __name__ == "__main__":
    run("predict", main)
