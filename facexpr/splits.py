"""Splits that a data set lacks, carved from train, and copies that stand in two splits."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from facexpr.errors import UserError
from facexpr.labels import SPLITS


def is_divisible(samples: pd.DataFrame) -> bool:
    """Whether `divide` might do anything with these samples but leave them as they are."""
    pairs = samples[["part", "split"]].drop_duplicates()
    complete = len(pairs) == len(SPLITS) * max(1, pairs["part"].nunique())
    return not complete or bool((samples["subject"] != "").any())


def divide(
    samples: pd.DataFrame, val_fraction: float, test_fraction: float, seed: int
) -> pd.Series:
    """The split of each sample, with a test and a val split for every part that has train.

    samples: split, label, subject, part. What a part lacks is carved from its train samples, test
    before val: that fraction of each label, at least one sample, drawn at random. Where the part
    tells subjects they move whole, and shares come as near to that as persons let them.

    Raises UserError without train, for a subject in two splits, and for a label with too few
    samples or subjects to divide.
    """
    if not (samples["split"] == "train").any():
        raise UserError(f"no sample in split 'train'; expected {', '.join(SPLITS)}")
    _check_subjects(samples)
    splits = samples["split"].copy()
    fractions = {"test": test_fraction, "val": val_fraction}
    for name, there in samples.groupby("part")["split"].unique().items():
        lacking = [split for split in fractions if split not in there]
        part = samples[samples["part"] == name] if lacking else None
        # From the seed anew: what one part becomes does not depend on the others.
        rng = np.random.default_rng(seed)
        for number, split in enumerate(lacking):
            train = part[splits[part.index] == "train"]
            draw = _draw_subjects if (train["subject"] != "").any() else _draw_samples
            splits[draw(train, fractions[split], rng, lacking[number:])] = split
    return splits


def find_leaks(samples: pd.DataFrame) -> pd.Series:
    """Which samples must go so that no image stands in two splits: bool, one a sample.

    samples: split, label, hash (of the image). Of equal images those of train go where val or test
    has one, and those of val where test has one. Test stays complete.

    Raises UserError where that would leave val, or a label in train, without any.
    """
    held = {split: samples["hash"][samples["split"] == split] for split in SPLITS}
    in_test, in_val = samples["hash"].isin(held["test"]), samples["hash"].isin(held["val"])
    train, val = samples["split"] == "train", samples["split"] == "val"
    copies = (train & (in_val | in_test)) | (val & in_test)
    if val.any() and not (val & ~copies).any():
        raise _nothing_left("of val")
    for label in samples["label"][train].unique():
        if not (train & ~copies & (samples["label"] == label)).any():
            raise _nothing_left(f"of label '{label}' in train")
    return copies


def _nothing_left(what: str) -> UserError:
    """Say that leaving out copies would leave nothing."""
    return UserError(
        f"data.drop_copies: every image {what} stands in a later split too; "
        "expected splits of different images; mend the source, or set it to false"
    )


def _check_subjects(samples: pd.DataFrame) -> None:
    """Raise UserError for a subject of one part that stands in two splits."""
    told = samples[samples["subject"] != ""]
    for (part, subject), splits in told.groupby(["part", "subject"])["split"]:
        found = [split for split in SPLITS if split in set(splits)]
        if len(found) > 1:
            raise UserError(
                f"{_place(part)}subject '{subject}' stands in {' and in '.join(found)}; "
                "expected each person in one split; move the images of one of them"
            )


def _place(part: str) -> str:
    """Where an error lies: the part's name, if it has one."""
    return f"{part}: " if part else ""


def _draw_samples(
    train: pd.DataFrame, fraction: float, rng: np.random.Generator, lacking: Sequence[str]
) -> list[int]:
    """Draw that fraction of each label's samples, at least one; returns their index.

    One for each of the `lacking` splits to come, and one for train, is left.
    """
    drawn: list[int] = []
    for label, rows in train.groupby("label").groups.items():
        most = len(rows) - len(lacking)
        if most < 1:
            raise _too_few("samples", label, train, lacking)
        drawn += rng.permutation(rows)[: min(most, max(1, round(fraction * len(rows))))].tolist()
    return drawn


def _draw_subjects(
    train: pd.DataFrame, fraction: float, rng: np.random.Generator, lacking: Sequence[str]
) -> list[int]:
    """Draw subjects until they hold that fraction of each label's samples; returns their index.

    The rarest label is filled first, since its subjects bring others along. Of the subjects that
    have it, the one that fills other labels least beyond their share is taken, at random among
    equals. Of each label as many subjects are left as `_draw_samples` leaves samples.
    """
    subjects = _number_subjects(train["subject"])
    counts = pd.crosstab(subjects, train["label"])  # samples of each subject and label
    wanted = (fraction * counts.sum()).round().clip(lower=1)
    left, taken = counts.iloc[rng.permutation(len(counts))], 0 * wanted
    for label in counts.sum().sort_values(kind="stable").index:
        while taken[label] < wanted[label]:
            spared = ((left == 0) | ((left > 0).sum() > len(lacking))).all(axis=1)
            able = left[spared & (left[label] > 0)]
            if able.empty:
                break
            subject = (taken + able - wanted).clip(lower=0).sum(axis=1).idxmin()
            taken, left = taken + left.loc[subject], left.drop(subject)
        if not taken[label]:
            raise _too_few("subjects", label, train, lacking)
    return train.index[~np.isin(subjects, left.index)].to_list()


def _number_subjects(subjects: pd.Series) -> np.ndarray:
    """A number for each subject; a sample that tells none has a number of its own."""
    numbers, names = pd.factorize(subjects)
    untold = (subjects == "").to_numpy()
    numbers[untold] = len(names) + np.arange(untold.sum())
    return numbers


def _too_few(kind: str, label: str, train: pd.DataFrame, lacking: Sequence[str]) -> UserError:
    """Say that a label cannot be divided."""
    return UserError(
        f"{_place(train['part'].iloc[0])}label '{label}': too few {kind} in train to carve "
        f"{' and '.join(lacking)} from; add some, or leave the label out with data.relabel"
    )
