"""Taking a data set in: its samples as shards and an index, each in the split where it belongs."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from facexpr.datasets import Sample
from facexpr.images import hash_image
from facexpr.records import ShardWriter, make_key
from facexpr.splits import divide, find_leaks
from facexpr.tables import INDEX_COLUMNS

SPLIT_COLUMNS = ["key", "split", "label", "row", "subject", "part", "hash"]
LEFT_OUT = ""  # in place of a split


def take_in(
    read: Callable[[], Iterable[Sample]],
    folder: Path,
    shard_samples: int,
    *,
    val_fraction: float,
    test_fraction: float,
    seed: int,
    drop_copies: bool,
    whole: bool = True,
) -> pd.DataFrame:
    """Write the samples of `read()` to shards in `folder`; returns the index.

    Splits that the source lacks are carved from train as `divide` does it. drop_copies: leave out
    what `find_leaks` finds. Only the index is kept in memory, so the source is read a second time
    where either changes something, which is known only after all samples have been seen. A part of
    the source for debugging (whole=False) is read once and taken as it is.
    """
    samples = _write(read(), folder, shard_samples, hashed=drop_copies)
    if not whole:
        return samples[INDEX_COLUMNS]
    splits = divide(samples, val_fraction, test_fraction, seed)
    if drop_copies:
        splits[find_leaks(samples.assign(split=splits))] = LEFT_OUT
    if not splits.equals(samples["split"]):
        for shard in folder.glob("*.tar"):
            shard.unlink()
        samples = _write(read(), folder, shard_samples, splits=splits.to_list())
    return samples[INDEX_COLUMNS]


def _write(
    samples: Iterable[Sample],
    folder: Path,
    shard_samples: int,
    splits: Sequence[str] | None = None,
    hashed: bool = False,
) -> pd.DataFrame:
    """Write samples as they come, in splits[i] if given; returns the index, with part and hash."""
    rows = []
    with ShardWriter(folder, shard_samples) as writer:
        for number, sample in enumerate(samples):
            split = sample.split if splits is None else splits[number]
            if split == LEFT_OUT:
                continue
            key = make_key(split, sample.row)
            writer.write(key, sample.image)
            votes = " ".join(map(str, sample.votes.values())) if sample.votes else ""
            indexed = (key, split, sample.label, sample.row, sample.origin, sample.subject, votes)
            rows.append((*indexed, sample.part, hash_image(sample.image) if hashed else ""))
    return pd.DataFrame(rows, columns=[*INDEX_COLUMNS, "part", "hash"])


def load_split(
    read: Callable[[], Iterable[Sample]],
    split: str,
    prepare: Callable[[np.ndarray], np.ndarray],
    *,
    val_fraction: float,
    test_fraction: float,
    seed: int,
) -> tuple[pd.DataFrame, list[np.ndarray], list[Sequence[int]]]:
    """Take one split into memory: a table of all samples, and the split's images and votes.

    Images come as `prepare` makes them, votes are empty where there are none. The table: key,
    split, label, row, subject, part, hash. Splits that the source lacks are carved as `take_in`
    does it; only then is the source read twice.
    """
    samples, taken = _gather(read(), prepare, lambda number, sample: sample.split == split)
    splits = divide(samples, val_fraction, test_fraction, seed)
    if not splits.equals(samples["split"]):
        chosen = (splits == split).to_numpy()
        samples, taken = _gather(read(), prepare, lambda number, sample: chosen[number])
        samples["split"] = splits
    samples["key"] = list(map(make_key, samples["split"], samples["row"]))
    return samples, [image for image, _ in taken], [votes for _, votes in taken]


def _gather(
    samples: Iterable[Sample],
    prepare: Callable[[np.ndarray], np.ndarray],
    wanted: Callable[[int, Sample], bool],
) -> tuple[pd.DataFrame, list[tuple[np.ndarray, list[int]]]]:
    """A row of every sample, and the prepared image and the votes of the wanted ones."""
    rows, taken = [], []
    for number, one in enumerate(samples):
        about = (one.split, one.label, one.row, one.subject, one.part, hash_image(one.image))
        rows.append(("", *about))
        if wanted(number, one):
            taken.append((prepare(one.image), list(one.votes.values()) if one.votes else []))
    return pd.DataFrame(rows, columns=SPLIT_COLUMNS), taken


def select(samples: Iterable[Sample], limit: int | None, keys: set[str] | None) -> Iterator[Sample]:
    """For debugging: only samples with these keys, and only so many of each split.

    Splits, and keys, are the source's own: what is carved from train still counts as train here.
    """
    seen: dict[str, int] = {}
    for sample in samples:
        if keys is not None and make_key(sample.split, sample.row) not in keys:
            continue
        seen[sample.split] = seen.get(sample.split, 0) + 1
        if limit is None or seen[sample.split] <= limit:
            yield sample
