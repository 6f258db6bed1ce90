"""Any model file as a function from pictures to probabilities: one's own, Keras or ONNX."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from facexpr.align import Alignment, align_face, alignment_of
from facexpr.backend import configure
from facexpr.errors import UserError
from facexpr.images import to_grey, to_rgb
from facexpr.model_file import CARD, find_card, load_model

SCALES = {"raw": (1.0, 0.0), "unit": (1 / 255, 0.0), "signed": (1 / 127.5, -1.0)}
CHANNELS = (1, 3)
BATCH = 256
BACKENDS = ("tensorflow", "jax", "torch")  # of Keras, for those who name none


class Engine(NamedTuple):
    """A loaded model: arrays in its own layout and type in, its first output out.

    shape: of the input, with the batch first, None where it is open.
    """

    run: Callable[[np.ndarray], np.ndarray]
    shape: tuple[int | None, ...]
    dtype: str
    card: dict | None


@dataclass(frozen=True)
class Classifier:
    """A model that takes uint8 faces, grey (N, H, W) or RGB (N, H, W, 3), to probabilities.

    name: the file's path; side_hw: what it wants faces to be resized to, None for any; labels: None
    where the file does not tell; crop_px: the middle that it cuts out by itself, or 0; fit: what it
    was fitted on; detection: how faces are found for it, where the file tells, as
    `facexpr.predictor` takes it.
    """

    name: str
    predict: Callable[[np.ndarray], np.ndarray]
    side_hw: tuple[int, int] | None
    colour: bool
    labels: Sequence[str] | None
    alignment: Alignment | None
    crop_px: int
    fit: Sequence[str]
    detection: dict | None

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """A picture, grey or RGB, as a face that the model takes; nothing is detected in it."""
        if self.alignment:
            return align_face(image, None, self.alignment)
        image = to_rgb(image) if self.colour else to_grey(image)
        if self.side_hw is None or image.shape[:2] == self.side_hw:
            return image
        shrinks = image.shape[0] > self.side_hw[0] and image.shape[1] > self.side_hw[1]
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        return cv2.resize(image, self.side_hw[::-1], interpolation=how)


def load_classifier(path: Path, *, scale: str = "raw", logits: bool = False) -> Classifier:
    """Load a .keras or .onnx file; raises UserError when that cannot be done.

    scale: of what a model takes that wants floats: raw is 0 to 255, unit is 0 to 1, signed -1 to 1.
    logits: whether it ends without a softmax.
    """
    loaders = {".keras": _load_keras, ".onnx": _load_onnx}
    if path.suffix.lower() not in loaders:
        raise UserError(f"{path}: expected a model file, .keras or .onnx")
    engine = loaders[path.suffix.lower()](path)
    channels_first, side_hw, channels = _layout(engine.shape, path)

    def predict(faces: np.ndarray) -> np.ndarray:
        outputs = _run(engine, faces, channels_first, *SCALES[scale])
        return _as_probabilities(outputs, logits, path)

    card = engine.card or {}
    return Classifier(
        str(path),
        predict,
        side_hw,
        colour=channels == 3,
        labels=card.get("labels"),
        alignment=alignment_of(card["align"], path) if "align" in card else None,
        crop_px=card.get("crop_px", 0),
        fit=card.get("fit", ["train"]),
        detection=card.get("detect"),
    )


def _run(
    engine: Engine, faces: np.ndarray, channels_first: bool, factor: float, offset: float
) -> np.ndarray:
    """The outputs for uint8 faces, in batches, in the layout and type that the model takes."""
    faces = faces if faces.ndim == 4 else faces[..., None]
    faces = faces.transpose(0, 3, 1, 2) if channels_first else faces
    step = engine.shape[0] or BATCH
    parts = (faces[start : start + step] for start in range(0, len(faces), step))
    if engine.dtype != "uint8":
        parts = (
            (part * np.float32(factor) + np.float32(offset)).astype(engine.dtype) for part in parts
        )
    return np.concatenate([engine.run(part) for part in parts])


def _layout(shape: Sequence[int | None], path: Path) -> tuple[bool, tuple[int, int] | None, int]:
    """Whether channels come before the sides, the sides where they are given, the channels."""
    for first in (False, True):
        if len(shape) == 4 and shape[1 if first else 3] in CHANNELS:
            sides = tuple(shape[2:4] if first else shape[1:3])
            return first, None if None in sides else sides, shape[1 if first else 3]
    raise UserError(
        f"{path}: takes an input of shape {tuple(shape)}; expected one batch of pictures, "
        "(N, H, W, 1), (N, H, W, 3), (N, 1, H, W) or (N, 3, H, W)"
    )


def _as_probabilities(outputs: np.ndarray, logits: bool, path: Path) -> np.ndarray:
    """The outputs as float32 probabilities (N, classes); raises UserError where they are none."""
    if outputs.ndim != 2:
        raise UserError(
            f"{path}: its first output has shape {outputs.shape}, expected (N, classes)"
        )
    if logits:
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    if not (outputs.min() >= 0 and np.allclose(outputs.sum(axis=1), 1, atol=1e-2)):
        raise UserError(
            f"{path}: its first output holds no probabilities; expected rows that sum to 1; "
            "pass --logits if it ends without a softmax"
        )
    return outputs.astype(np.float32)


def _load_keras(path: Path) -> Engine:
    """Load a Keras archive in safe mode."""
    card = find_card(path)  # a missing model is told before Keras takes its seconds
    if find_spec("keras") is None:
        raise UserError(
            f"{path}: needs Keras, which the extras pipeline and cpu install; or name an "
            ".onnx file, which does without"
        )
    if "keras" not in sys.modules:
        installed = (name for name in BACKENDS if find_spec(name))
        configure(os.environ.get("KERAS_BACKEND") or next(installed, BACKENDS[0]))
    model = load_model(path)
    single = not isinstance(model.inputs, dict) and len(model.inputs) == 1
    if not single:
        raise UserError(f"{path}: takes {len(model.inputs)} inputs, expected one, the faces")

    def run(faces: np.ndarray) -> np.ndarray:
        outputs = model.predict_on_batch(faces)
        while isinstance(outputs, dict | list | tuple):
            outputs = next(iter(outputs.values())) if isinstance(outputs, dict) else outputs[0]
        return np.asarray(outputs)

    return Engine(run, model.inputs[0].shape, str(model.inputs[0].dtype), card)


def _load_onnx(path: Path) -> Engine:
    """Open an ONNX file with ONNX Runtime, on the CPU."""
    import onnxruntime  # late: only those who have such a file need it

    if not path.is_file():
        raise UserError(f"{path}: no such model")
    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except Exception as error:  # its classes derive from Exception alone
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: ONNX Runtime cannot load it: {reason}") from None
    if len(session.get_inputs()) != 1:
        raise UserError(f"{path}: takes {len(session.get_inputs())} inputs, expected one")
    entry = session.get_inputs()[0]
    shape = tuple(side if isinstance(side, int) else None for side in entry.shape)
    dtype = {"tensor(uint8)": "uint8", "tensor(float16)": "float16"}.get(entry.type, "float32")
    told = session.get_modelmeta().custom_metadata_map.get(CARD)

    def run(faces: np.ndarray) -> np.ndarray:
        return session.run(None, {entry.name: faces})[0]

    return Engine(run, shape, dtype, json.loads(told) if told else None)
