"""What another model says of the images that training fits, to learn from it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from facexpr.errors import UserError
from facexpr.tables import read_table


def read_teacher(path: Path, keys: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    """Probabilities, float32 (N, classes), for `keys` in their order.

    path: a CSV with key and a column for each label, as evaluate writes them. Raises UserError
    where a key, a label or a number is missing, or probabilities do not add up to 1.
    """
    table = read_table(path, ["key", *labels]).set_index("key")
    missing = sorted(set(keys) - set(table.index))
    if missing:
        raise UserError(f"{path}: lacks {len(missing)} keys that are fitted, such as {missing[0]}")
    try:
        chances = table.loc[list(keys), list(labels)].to_numpy(np.float32)
    except ValueError as error:
        raise UserError(f"{path}: not probabilities: {error}") from None
    wrong = ~np.isclose(chances.sum(axis=1), 1, atol=1e-3) | (chances < 0).any(axis=1)
    if wrong.any():
        key = keys[int(wrong.argmax())]
        raise UserError(f"{path}: key {key}: expected probabilities that add up to 1")
    return chances
