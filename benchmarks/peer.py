"""One way to predict expressions, measured in a process and an environment of its own.

    python -I peer.py WAY IMAGES.npy RESULT.json [--model model.onnx]

Loads, warms up, then times the work, preprocessing included, and tells the peak memory of this
process. `benchmarks/peers.py` starts it and does the scoring: no label comes in here. It runs in
environments without this project, so it imports late, and nothing from beside it.
"""

import argparse
import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np

# From uint8 grey images (n, 48, 48) to n labels, None where no face is found.
Predict = Callable[[np.ndarray], Sequence[str | None]]

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")  # of fer's networks
SIDE = 64  # of their input
ENLARGED = 4  # 48 to 192 pixels: what a user may do for a detector that wants larger faces


@dataclass(frozen=True, slots=True)
class Way:
    """A way to use a peer: `load` gives the function that is timed, on `batch` images a call.

    detects: whether it looks for a face first, and may find none.
    """

    peer: str
    title: str
    load: Callable[[Path | None], Predict]
    batch: int = 1
    detects: bool = False


def fer_call(enlarged: int = 1, whole: bool = False, **settings) -> Callable[..., Predict]:
    """fer's `detect_emotions` on a BGR image a call; of several faces the largest counts.

    enlarged: factor by which images are resized first. whole: the image is given as the rectangle
    of its only face, so nothing is detected. settings: those of FER().
    """

    def load(_model: Path | None) -> Predict:
        from fer.fer import FER

        logging.disable(logging.INFO)
        recogniser = FER(**settings)
        return lambda images: [_largest_face(recogniser, images[0], enlarged, whole)]

    return load


def _largest_face(recogniser, image: np.ndarray, enlarged: int, whole: bool) -> str | None:
    """The best-scored emotion of the largest face that fer finds."""
    if enlarged > 1:
        image = cv2.resize(image, None, fx=enlarged, fy=enlarged, interpolation=cv2.INTER_CUBIC)
    rectangles = [(0, 0, image.shape[1], image.shape[0])] if whole else None
    found = recogniser.detect_emotions(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), rectangles)
    if not found:
        return None
    largest = max(found, key=lambda face: face["box"][2] * face["box"][3])
    return max(largest["emotions"], key=largest["emotions"].get)


def _fer_inputs(images: np.ndarray) -> np.ndarray:
    """What fer's own code feeds its networks: 64x64, from -1 to 1, float32 (n, 64, 64, 1)."""
    resized = np.stack([cv2.resize(image, (SIDE, SIDE)) for image in images])
    return (resized[..., None].astype(np.float32) / 255 - 0.5) * 2


def fer_keras(_model: Path | None) -> Predict:
    """fer's Keras network, which FER(use_tflite=False) uses, without its detector."""
    import keras

    network = keras.models.load_model(files("fer") / "data" / "emotion_model.hdf5", compile=False)

    def predict(images: np.ndarray) -> list[str]:
        scores = np.asarray(network.predict_on_batch(_fer_inputs(images)))
        return [LABELS[code] for code in scores.argmax(axis=1)]

    return predict


def fer_tflite(_model: Path | None) -> Predict:
    """fer's TFLite network, its default, without its detector; it takes one face a call."""
    import tensorflow as tf

    path = files("fer") / "data" / "emotion_model_quantized.tflite"
    network = tf.lite.Interpreter(str(path))
    network.allocate_tensors()
    place = network.get_input_details()[0]["index"]
    result = network.get_output_details()[0]["index"]

    def predict(images: np.ndarray) -> list[str]:
        network.set_tensor(place, _fer_inputs(images))
        network.invoke()
        return [LABELS[network.get_tensor(result)[0].argmax()]]

    return predict


def facexpr_model(model_path: Path | None) -> Predict:
    """A model of this project on the data set's own images, resized where its input differs."""
    from facexpr.classifier import load_classifier

    model = load_classifier(model_path)

    def predict(images: np.ndarray) -> list[str]:
        if images.shape[1:] != model.side_hw:
            images = np.stack([cv2.resize(image, model.side_hw[::-1]) for image in images])
        return [model.labels[code] for code in model.predict(images).argmax(axis=1)]

    return predict


def facexpr_call(model_path: Path | None) -> Predict:
    """`Predictor().predict` on an enlarged image a call; of several faces the largest counts."""
    from facexpr import Predictor

    predictor, size = Predictor(model_path), (48 * ENLARGED, 48 * ENLARGED)

    def predict(images: np.ndarray) -> list[str | None]:
        image = cv2.resize(images[0], size, interpolation=cv2.INTER_CUBIC)
        return [one.label for one in predictor.predict(image, "largest")] or [None]

    return predict


LARGE = f"images enlarged to {ENLARGED * 48}x{ENLARGED * 48}"
WHOLE = "`FER()`, the whole image given as its face"
WAYS = {
    "haar": Way("fer", "`FER()`, its default call", fer_call(), detects=True),
    "haar-large": Way("fer", f"`FER()`, {LARGE}", fer_call(ENLARGED), detects=True),
    "mtcnn": Way("fer", "`FER(mtcnn=True)`", fer_call(mtcnn=True), detects=True),
    "mtcnn-large": Way(
        "fer", f"`FER(mtcnn=True)`, {LARGE}", fer_call(ENLARGED, mtcnn=True), detects=True
    ),
    "whole": Way("fer", WHOLE, fer_call(whole=True)),
    "tflite": Way("fer", "its TFLite network fed directly", fer_tflite),
    "keras": Way("fer", "its Keras network fed directly", fer_keras),
    "keras-batches": Way("fer", "its Keras network fed directly", fer_keras, batch=256),
    "predictor": Way("facexpr", f"`Predictor()`, {LARGE}", facexpr_call, detects=True),
    "model": Way("facexpr", "the model fed directly", facexpr_model),
    "model-batches": Way("facexpr", "the model fed directly", facexpr_model, batch=256),
}


def measure(predict: Predict, images: np.ndarray, batch: int) -> dict:
    """Predict all images, in batches; the labels, faces per second and the peak memory in bytes."""

    def work(images: np.ndarray) -> list[str | None]:
        starts = range(0, len(images), batch)
        return [label for start in starts for label in predict(images[start : start + batch])]

    # Of the last, smaller batch too: a network may be compiled for each shape.
    work(images[: max(batch, 32) + len(images) % batch])
    start = time.perf_counter()
    labels = work(images)
    seconds = time.perf_counter() - start
    return {"labels": labels, "rate": len(images) / seconds, "memory": peak_memory()}


def peak_memory() -> int:
    """The most memory that this process has held, in bytes, as Linux counts it."""
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) * 2**10


def main() -> None:
    """Measure the way named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("images", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("--model", type=Path)
    arguments = parser.parse_args()
    way = WAYS[arguments.way]
    result = measure(way.load(arguments.model), np.load(arguments.images), way.batch)
    arguments.result.write_text(json.dumps(result))


if __name__ == "__main__":
    main()
