"""Facial-expression data sets to honestly measured models, as a DVC pipeline."""

import os
from importlib import import_module

__version__ = "0.1.0"

# A broken picture is an error of one line here; OpenCV, imported later, need not add its own.
os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
# OpenCV refuses what is larger by its header; the largest still take 0.6 GB, some 1.9 GB.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", "100000000")


# The library's front door, by the module that each stands in. It opens late, since a stage that
# imports facexpr.errors needs no detector.
PUBLIC = {
    "Prediction": "facexpr.predictor",
    "Predictor": "facexpr.predictor",
    "UserError": "facexpr.errors",
    "annotate": "facexpr.annotation",
    "read_image": "facexpr.images",
}


def __getattr__(name: str):
    """Import what `from facexpr import name` asks for."""
    if name in PUBLIC:
        return getattr(import_module(PUBLIC[name]), name)
    raise AttributeError(f"module 'facexpr' has no attribute '{name}'")
