"""What is suspicious in a data set: equal and nearly equal images, contradicting labels, no photo.

How nearly equal images are found is in `facexpr.perceptual_hash`.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from facexpr.errors import UserError
from facexpr.labels import SPLITS

MEMBER = ["key", "split", "label", "row"]


def find_copies(table: pd.DataFrame) -> pd.DataFrame:
    """The images that are exactly equal to another: group, key, split, label, row.

    table: key, hash, split, label, row. Groups are numbered from 0 by their first row.
    """
    return _members(table, table["hash"])


def near_candidates(table: pd.DataFrame, constant_range: int) -> np.ndarray:
    """Rows of the table, int64, to compare: one of each picture, constant ones left out.

    Without contrast every image looks like every other; they are equal exactly or not at all.
    """
    varied = table["range"] > constant_range
    return np.flatnonzero(varied & ~table["hash"].duplicated())


def find_near_copies(table: pd.DataFrame, pairs: np.ndarray) -> pd.DataFrame:
    """The images that are equal or nearly equal to another, in the form of `find_copies`.

    pairs: int (P, 2), rows of the table that are nearly equal. Groups are connected by them and by
    equal hashes, so that two members of a group may be alike only by way of a third.
    """
    pictures, names = pd.factorize(table["hash"])
    left, right = pictures[pairs].T
    links = coo_array((np.ones(len(pairs), bool), (left, right)), shape=(len(names),) * 2)
    return _members(table, connected_components(links, directed=False)[1][pictures])


def _members(table: pd.DataFrame, groups: Sequence) -> pd.DataFrame:
    """The images of groups of at least two, ordered and numbered by the groups' first rows."""
    table = table.assign(group=groups)
    found = table[table.duplicated("group", keep=False)].sort_values(["row", "key"])
    found["group"] = pd.factorize(found["group"])[0]
    found = found.sort_values(["group", "row", "key"])
    return found[["group", *MEMBER]].reset_index(drop=True)


def find_suspects(
    table: pd.DataFrame, constant_range: int, most_rows: float, most_pixels: float
) -> pd.DataFrame:
    """The images that are hardly photos: key, split, label, row, reason, by rows.

    reason: constant, values that span at most `constant_range`; broken, at least the share
    `most_rows` of the rows, at the bottom, of one value; blank, at least `most_pixels` of all
    pixels of one grey level. The first that holds counts.
    """
    reasons = {
        "constant": table["range"] <= constant_range,
        "broken": table["flat_rows"] >= most_rows,
        "blank": table["flat_pixels"] >= most_pixels,
    }
    reason = np.select(list(reasons.values()), list(reasons), default="")
    found = table.assign(reason=reason)[reason != ""].sort_values(["row", "key"])
    return found[[*MEMBER, "reason"]].reset_index(drop=True)


def count_classes(table: pd.DataFrame, labels: Sequence[str]) -> pd.DataFrame:
    """Images of each label, in the order of `labels`, and split: label, train, val, test."""
    counts = pd.crosstab(table["label"], table["split"])
    counts = counts.reindex(index=list(labels), columns=list(SPLITS), fill_value=0)
    return counts.rename_axis(index="label", columns=None).reset_index()


def count_votes(table: pd.DataFrame, labels: Sequence[str]) -> pd.DataFrame:
    """How the taggers' votes agree with the labels, by split and label; empty without votes.

    split, label, n: images that have votes; agree: share of them whose label has more votes than
    any other; tied: share whose most votes are those of several labels; share: mean share of an
    image's votes that its label has.

    Raises UserError for votes that are not as many as labels, and for a label not among them.
    """
    voted = table[table["votes"].str.contains("[1-9]", regex=True)]
    votes = _votes(voted, labels)
    codes = pd.Index(labels).get_indexer(voted["label"])
    mine, most = votes[np.arange(len(votes)), codes], votes.max(axis=1, initial=0)
    tied = (votes == most[:, None]).sum(axis=1) > 1
    found = voted[["split", "label"]].assign(
        n=1, agree=(mine == most) & ~tied, tied=tied, share=mine / votes.sum(axis=1)
    )
    means = {"n": "sum", "agree": "mean", "tied": "mean", "share": "mean"}
    found = found.groupby(["split", "label"]).agg(means).round(4)
    order = [(split, label) for split in SPLITS for label in labels]
    return found.loc[[place for place in order if place in found.index]].reset_index()


def _votes(table: pd.DataFrame, labels: Sequence[str]) -> np.ndarray:
    """The votes of the index as counts (N, labels), checked."""
    counts = [text.split() for text in table["votes"]]
    for key, label, given in zip(table["key"], table["label"], counts, strict=True):
        if len(given) != len(labels) or label not in labels:
            raise UserError(
                f"{key}: label '{label}', {len(given)} votes; expected one vote for each of the "
                f"{len(labels)} of data.labels; run 'dvc repro images'"
            )
    return np.array(counts, float).reshape(len(counts), len(labels))


def count_findings(
    table: pd.DataFrame, copies: pd.DataFrame, near: pd.DataFrame, suspects: pd.DataFrame
) -> dict[str, int]:
    """Headline counts: images a split, suspects, and groups.

    copy_groups: of equal images; near_groups: of equal or nearly equal ones, of which
    groups_across_splits have members in more than one split and conflicting_groups more than one
    label.
    """
    groups = near.groupby("group")
    return {
        **{split: int((table["split"] == split).sum()) for split in SPLITS},
        "suspects": len(suspects),
        "copy_groups": copies["group"].nunique(),
        "near_groups": groups.ngroups,
        "groups_across_splits": int((groups["split"].nunique() > 1).sum()),
        "conflicting_groups": int((groups["label"].nunique() > 1).sum()),
    }


def worst_conflicts(near: pd.DataFrame, tiles: int, tiles_of_group: int) -> pd.DataFrame:
    """Rows to show of groups with more than one label, those with most labels first.

    Of equally many labels the larger group comes first. A group shows each label once.
    """
    labels, members = (near.groupby("group")["label"].transform(how) for how in ("nunique", "size"))
    found = near.assign(labels=labels, members=members)[labels > 1]
    found = found.drop_duplicates(["group", "label"]).sort_values(
        ["labels", "members", "group", "row"], ascending=[False, False, True, True]
    )
    return found.groupby("group", sort=False).head(tiles_of_group).head(tiles)[near.columns]


def worst_near(
    near: pd.DataFrame, copies: pd.DataFrame, tiles: int, tiles_of_group: int
) -> pd.DataFrame:
    """Rows to show of groups of nearly equal images, those across splits first.

    A group shows different pictures, first one of each split; `copies` tells which are equal.
    """
    picture = near["key"].map(copies.set_index("key")["group"]).astype(object)
    found = near.assign(picture=picture.fillna(near["key"]))
    pictures, splits = (
        found.groupby("group")[name].transform("nunique") for name in ("picture", "split")
    )
    found = found.assign(across=splits > 1, more=found.duplicated(["group", "split"]))[pictures > 1]
    found = found.sort_values(
        ["across", "group", "more", "row"], ascending=[False, True, True, True]
    ).drop_duplicates(["group", "picture"])
    return found.groupby("group", sort=False).head(tiles_of_group).head(tiles)[near.columns]


def keys_with_copy_in(copies: pd.DataFrame, split: str, fit: Iterable[str]) -> set[str]:
    """Keys of `split` that have a copy in one of the splits that training fits."""
    fitted = set(copies.loc[copies["split"].isin(list(fit)), "group"])
    mine = (copies["split"] == split) & copies["group"].isin(fitted)
    return set(copies.loc[mine, "key"])
