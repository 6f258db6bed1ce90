"""Temperature scaling: one number, fitted on val, that makes probabilities mean what they say.

Guo et al. 2017, On Calibration of Modern Neural Networks. It never changes which class is first.
"""

import numpy as np
from scipy.optimize import minimize_scalar

from facexpr.metrics import FLOOR, negative_log_likelihood

COLDEST, HOTTEST = 0.05, 20.0


def apply_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Softmax of the logits divided by `temperature`; probabilities (N, classes).

    The logarithm of a softmax is the logits but for a constant, which softmax does not see.
    """
    logits = np.log(np.clip(probabilities, FLOOR, 1)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The temperature, between 0.05 and 20, of least negative log-likelihood."""

    def loss(logarithm: float) -> float:
        return negative_log_likelihood(apply_temperature(probabilities, np.exp(logarithm)), labels)

    found = minimize_scalar(loss, bounds=np.log([COLDEST, HOTTEST]), method="bounded")
    return float(np.exp(found.x))
