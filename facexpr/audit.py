"""What is suspicious in a data set: constant images, equal images, labels that contradict."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from facexpr.images import hash_image


def describe_images(images: Iterable[tuple[str, np.ndarray]]) -> pd.DataFrame:
    """One row an image: key, a hash of its shape and pixels, and its range of values."""
    rows = [(key, hash_image(image), int(np.ptp(image))) for key, image in images]
    return pd.DataFrame(rows, columns=["key", "hash", "range"])


def find_copies(table: pd.DataFrame) -> pd.DataFrame:
    """The images that are exactly equal to another: group, key, split, label, row.

    table: key, hash, split, label, row. Groups are numbered from 0 by their first row.
    """
    copies = table[table.duplicated("hash", keep=False)].sort_values(["row", "key"])
    group = pd.factorize(copies["hash"])[0]
    copies = copies.assign(group=group).sort_values(["group", "row", "key"])
    return copies[["group", "key", "split", "label", "row"]].reset_index(drop=True)


def count_findings(table: pd.DataFrame, copies: pd.DataFrame, constant_range: int) -> dict:
    """Headline counts: images a split, constant ones, and what `find_copies` found.

    constant: images whose values span at most `constant_range`; groups_across_splits: groups
    with members in more than one split; conflicting_groups: with more than one label.
    """
    groups = copies.groupby("group")
    return {
        **{split: int((table["split"] == split).sum()) for split in ("train", "val", "test")},
        "constant": int((table["range"] <= constant_range).sum()),
        "copies": len(copies),
        "copy_groups": groups.ngroups,
        "groups_across_splits": int((groups["split"].nunique() > 1).sum()),
        "conflicting_groups": int((groups["label"].nunique() > 1).sum()),
    }


def keys_with_copy_in(copies: pd.DataFrame, split: str, fit: Iterable[str]) -> set[str]:
    """Keys of `split` that have an exact copy in one of the splits that training fits."""
    fitted = set(copies.loc[copies["split"].isin(list(fit)), "group"])
    mine = (copies["split"] == split) & copies["group"].isin(fitted)
    return set(copies.loc[mine, "key"])
