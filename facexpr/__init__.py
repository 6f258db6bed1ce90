"""Facial-expression data sets to honestly measured models, as a DVC pipeline."""

import os

__version__ = "0.1.0"

# A broken picture is an error of one line here; OpenCV, imported later, need not add its own.
os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
