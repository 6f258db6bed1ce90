"""A released model: the trained one in float32 and calibrated, in two formats that agree, measured.

`facexpr.model_card` says in words what is found out here.
"""

from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from facexpr.calibration import apply_temperature, fit_temperature
from facexpr.classifier import BATCH, Classifier, load_classifier
from facexpr.errors import UserError
from facexpr.evaluation import CALIBRATED, describe, predict_views, rounded, without_copies
from facexpr.files import write_json
from facexpr.images import encode_png
from facexpr.metrics import summary
from facexpr.model_file import save_model
from facexpr.model_variants import as_float32, with_temperature
from facexpr.onnx_file import save_onnx
from facexpr.sample.table import drawn

KERAS, ONNX = "model.keras", "model.onnx"
TOLERANCE = 1e-4
DRAWN, DRAWN_SEED = 14, 2013


class Split(NamedTuple):
    """A split as LMDB holds it: keys, uint8 faces (N, H, W), class codes (N,)."""

    keys: list[str]
    images: np.ndarray
    labels: np.ndarray


def calibrate(model, val: Split | None) -> tuple:
    """The model in float32, with the temperature fitted on val; returns both.

    val: None where the model was fitted on it, too sure of it: then there is no temperature. It is
    rounded to four digits, so that the one told is the one in the file.
    """
    model = as_float32(model)
    if val is None:
        return model, None
    chances = model.predict(val.images[..., None], batch_size=BATCH, verbose=0)
    temperature = round(fit_temperature(chances, val.labels), 4)
    calibrated = with_temperature(model, temperature)
    calibrated.name = model.name  # Keras would count on within the process, and bytes would differ
    return calibrated, temperature


def write_models(folder: Path, model, card: dict) -> None:
    """Write model.keras and model.onnx; equal weights and card give equal bytes."""
    save_model(folder / KERAS, model, card)
    save_onnx(folder / ONNX, model, card)


def count_parameters(model) -> int:
    """The parameters that were trained."""
    return sum(prod(weight.shape) for weight in model.trainable_weights)


def measure(
    folder: Path,
    splits: Mapping[str, Split],
    copies: Mapping[str, pd.DataFrame],
    temperature: float | None,
    *,
    draws: int,
    seed: int,
) -> dict[str, dict]:
    """The figures of each split by model.keras with one view, as `facexpr evaluate` has them.

    copies: tables of audit (group, key, split) by name; draws, seed: of the bootstrap. With a
    temperature "uncalibrated" tells what calibration was without it. Raises UserError where
    model.onnx says otherwise of val than model.keras.
    """
    model = load_classifier(folder / KERAS)
    chances = {
        name: predict_views(model.predict, split.images, (1,), 1.0, model.crop_px)
        for name, split in splits.items()
    }
    check_alike(chances["val"][1], load_classifier(folder / ONNX).predict(splits["val"].images))
    figures = {}
    for name, split in splits.items():
        groups = without_copies(split.keys, name, model.fit, copies)
        of = chances[name], 1, split.labels, model.labels
        figures[name] = describe(*of, groups=groups, draws=draws, seed=seed)
        if temperature:
            before = summary(apply_temperature(chances[name][1], 1 / temperature), split.labels)
            figures[name]["uncalibrated"] = rounded({key: before[key] for key in CALIBRATED})
    return figures


def check_alike(by_keras: np.ndarray, by_onnx: np.ndarray) -> None:
    """Raise UserError unless two arrays of probabilities agree within 1e-4."""
    gap = float(np.abs(by_keras - by_onnx).max())
    if not gap <= TOLERANCE:
        raise UserError(
            f"{ONNX}: on val its probabilities differ from those of {KERAS} by {gap:.2g}, expected "
            f"at most {TOLERANCE:g}; other versions of keras, tf2onnx or onnxruntime may agree"
        )


def drawn_faces() -> np.ndarray:
    """Two drawn faces of each of FER2013's labels, in its order twice; uint8 (14, 48, 48)."""
    return np.stack([image for _, _, image, _ in drawn({"test": DRAWN}, DRAWN_SEED)])


def write_drawn(folder: Path) -> None:
    """Write drawn.png, the drawn faces one below the other, and what model.keras says of them.

    The faces themselves are kept, as a drawing may differ in a grey level between processors.
    """
    faces, model = drawn_faces(), load_classifier(folder / KERAS)
    (folder / "drawn.png").write_bytes(encode_png(faces.reshape(-1, faces.shape[2])))
    record = {
        "labels": list(model.labels),
        "faces": "drawn.png, of facexpr.release.drawn_faces()",
        "probabilities": classify_drawn(model, faces).round(5).tolist(),
    }
    write_json(folder / "drawn.json", record)


def classify_drawn(model: Classifier, faces: Sequence[np.ndarray]) -> np.ndarray:
    """Probabilities, float64 (N, classes), of faces that are each resized to the model's side."""
    return model.predict(np.stack([model.prepare(face) for face in faces])).astype(np.float64)
