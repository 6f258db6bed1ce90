"""Giving a data set without a val split one: seeded, stratified, from train."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from facexpr.errors import UserError
from facexpr.labels import SPLITS


def carve_val(
    splits: Sequence[str], labels: Sequence[str], fraction: float, seed: int
) -> list[str]:
    """Move `fraction` of each label's train samples, at least one, to val where there is none.

    Raises UserError when train or test is empty, or a label has fewer than two train samples
    to divide.
    """
    table = pd.DataFrame({"split": list(splits), "label": list(labels)})
    for split in ("train", "test"):
        if not (table["split"] == split).any():
            raise UserError(f"no sample in split '{split}'; expected {', '.join(SPLITS)}")
    if (table["split"] == "val").any():
        return list(splits)
    rng = np.random.default_rng(seed)
    for label, rows in table[table["split"] == "train"].groupby("label").groups.items():
        if len(rows) < 2:
            raise UserError(f"label '{label}' has {len(rows)} train sample: no val can be carved")
        count = max(1, round(fraction * len(rows)))
        table.loc[rng.permutation(rows)[:count], "split"] = "val"
    return table["split"].to_list()
