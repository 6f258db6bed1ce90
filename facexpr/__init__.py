"""Facial-expression data sets to honestly measured models, as a DVC pipeline."""

__version__ = "0.1.0"
