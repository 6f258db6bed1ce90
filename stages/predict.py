"""Predict the faces of pictures, as `facexpr predict` does.

Reads: model, pictures. Writes: annotated pictures, predictions as JSON lines and CSV.
"""

import argparse
from pathlib import Path

from facexpr.errors import UserError
from facexpr.params import load
from facexpr.prediction_files import find_pictures, predict_files, write_csv, write_jsonl
from facexpr.predictor import load_predictor
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
    predictor = load_predictor(
        args.model,
        backend=params.train.backend,
        device=params.train.device,
        detector=params.predict.detector,
        settings=params.detect.settings(),
        min_score=params.predict.min_score,
    )
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
