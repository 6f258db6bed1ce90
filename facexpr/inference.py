"""Class probabilities from a loaded model: the one way that evaluation and prediction share."""

import numpy as np


def probabilities(model, faces: np.ndarray, batch: int = 256) -> np.ndarray:
    """Class probabilities, float32 (N, classes), of aligned uint8 faces (N, H, W)."""
    parts = [faces[start : start + batch, ..., None] for start in range(0, len(faces), batch)]
    return np.concatenate([np.asarray(model.predict_on_batch(part)) for part in parts])
