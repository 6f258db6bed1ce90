"""A small training run, on the backend and the number of devices asked; prints what it measured.

    python backend_run.py jax 2 FOLDER

The first run in a folder leaves the weights that it began with, from which the others begin.
"""

import json
import sys
from pathlib import Path

import numpy as np

from facexpr.backend import configure

RNG = np.random.default_rng(0)
FACES = RNG.integers(0, 256, (30, 12, 12), np.uint8)
TARGETS = np.eye(3, dtype=np.float32)[np.arange(30) % 3]
FITTED = 22


class WithoutTensorFlow:
    """Finds everything but TensorFlow, as on a machine that has none."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "tensorflow":
            raise ModuleNotFoundError(name)


class KilledError(Exception):
    """Stands for whatever ends a run."""


def main() -> None:
    """Fit without a break, and with one."""
    backend, devices, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    if backend != "tensorflow":
        sys.meta_path.insert(0, WithoutTensorFlow())
    configure(backend, "cpu", devices=devices)
    whole = fit(folder, folder / f"{backend}-{devices}-whole", devices)
    scratch = folder / f"{backend}-{devices}-broken"
    try:
        fit(folder, scratch, devices, kill_after=2)
    except KilledError:
        resumed = fit(folder, scratch, devices)
    print(json.dumps({"history": whole.to_dict("list"), "resumed": bool(resumed.equals(whole))}))


def fit(folder: Path, scratch: Path, devices: int, kill_after: int = 0):
    """Four epochs with all that needs no random numbers of the backend's own."""
    import keras
    from test_training import MEAN, change  # Keras' backend must be set before
    from test_training import build_tiny as build

    from facexpr.augment import Augmentation
    from facexpr.batches import Batches
    from facexpr.training import build_fitted, build_model
    from facexpr.training import fit as fit_model

    def on_epoch_begin(epoch: int, _: dict) -> None:
        if epoch and epoch == kill_after:
            raise KilledError

    bare = build("tiny", (12, 12, 1), 3)
    bare.get_layer(index=-2).rate = 0.0
    begin(bare, folder / "weights.npz")
    settings = change(ema=0.8, learning_rate=0.02)
    settings = type(settings)(**vars(settings) | {"epochs": 4})
    train = Batches(
        np.arange(FITTED, dtype=np.int32), TARGETS[:FITTED], 8, 3, mixup=0.4, devices=devices
    )
    val = Batches(FACES[FITTED:], TARGETS[FITTED:], 6, devices=devices)
    model = build_model(bare, 12, MEAN, "mean_image")
    varied = Augmentation(mixup=0.4)
    fitted = build_fitted(bare, 12, MEAN, "mean_image", varied, FACES[:FITTED])
    kill = keras.callbacks.LambdaCallback(on_epoch_begin=on_epoch_begin)
    return fit_model(fitted, model, train, val, settings, scratch, (kill,))


def begin(bare, path: Path) -> None:
    """Begin from the weights of a file, which is made where it is missing."""
    if not path.is_file():
        np.savez(path, *[one for one in bare.get_weights() if one.dtype == np.float32])
    kept = np.load(path)
    weights = [one for one in bare.weights if one.dtype == "float32"]
    for variable, name in zip(weights, kept.files, strict=True):
        variable.assign(kept[name])


if __name__ == "__main__":
    main()
