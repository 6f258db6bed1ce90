"""Choosing and steadying what Keras computes on; call before anything imports Keras."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from facexpr.errors import UserError


def configure(
    backend: str = "tensorflow",
    device: str = "auto",
    precision: str = "float32",
    devices: int = 1,
) -> None:
    """Set Keras' backend, the device and the precision, and ask for reproducible arithmetic.

    device: "cpu" hides every accelerator, "gpu" must find one, "auto" takes what is there.
    devices: each batch is spread over so many, whose weights stay equal. Raises UserError for a
    backend that is not installed and for devices that it does not see, RuntimeError when Keras
    already runs on another backend.
    """
    check_backend(backend)
    if "keras" in sys.modules and sys.modules["keras"].backend.backend() != backend:
        raise RuntimeError(f"Keras was imported before its backend could be set to {backend}")
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_DETERMINISTIC_OPS", "1")
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        os.environ["JAX_PLATFORMS"] = "cpu"
    with silent_stderr():
        import keras
    if device == "gpu" and not keras.distribution.list_devices("gpu"):
        raise UserError(f"train.device: gpu, but {backend} sees none here; set it to auto or cpu")
    keras.mixed_precision.set_global_policy(precision)
    if devices > 1:
        _spread(backend, devices)


def _spread(backend: str, devices: int) -> None:
    """Have Keras spread each batch over devices, which it can with JAX alone."""
    import keras

    found = keras.distribution.list_devices()
    if len(found) < devices:
        raise UserError(f"train.devices: {devices}, but {backend} sees {len(found)} here")
    spread = keras.distribution.DataParallel(devices=found[:devices], auto_shard_dataset=False)
    keras.distribution.set_distribution(spread)


def check_backend(name: str) -> None:
    """Raise UserError unless the backend is installed."""
    if find_spec(name) is None:
        raise UserError(f"train.backend: {name} is not installed here; install it, or set another")


@contextmanager
def silent_stderr() -> Iterator[None]:
    """Drop what TensorFlow's native code writes while it is imported, whatever its log level."""
    sys.stderr.flush()
    kept = os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
