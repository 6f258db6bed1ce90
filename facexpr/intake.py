"""Taking a data set in: its samples as shards and an index, with a val split where it has none."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pandas as pd

from facexpr.datasets import Sample
from facexpr.records import ShardWriter, make_key
from facexpr.splits import carve_val
from facexpr.tables import INDEX_COLUMNS


def take_in(
    read: Callable[[], Iterable[Sample]],
    folder: Path,
    shard_samples: int,
    val_fraction: float | None,
    seed: int,
) -> pd.DataFrame:
    """Write the samples of `read()` to shards in `folder`; returns the index.

    The source is read once, and only the index is kept in memory. A source without val is read
    twice: which samples become val is known only after all labels have been seen. With a
    val_fraction of None it is read once, and stays without.
    """
    index = pd.DataFrame(_write(read(), folder, shard_samples, None), columns=INDEX_COLUMNS)
    if val_fraction is None:
        return index
    splits = carve_val(index["split"], index["label"], val_fraction, seed)
    if splits == index["split"].to_list():
        return index
    for shard in folder.glob("*.tar"):
        shard.unlink()
    rows = _write(read(), folder, shard_samples, splits)
    return pd.DataFrame(rows, columns=INDEX_COLUMNS)


def _write(
    samples: Iterable[Sample], folder: Path, shard_samples: int, splits: list[str] | None
) -> list[tuple]:
    """Write samples as they come, in splits[i] if given; returns the rows of the index."""
    rows = []
    with ShardWriter(folder, shard_samples) as writer:
        for number, sample in enumerate(samples):
            split = splits[number] if splits else sample.split
            key = make_key(split, sample.row)
            writer.write(key, sample.image)
            rows.append((key, split, sample.label, sample.row, sample.origin))
    return rows


def select(samples: Iterable[Sample], limit: int | None, keys: set[str] | None) -> Iterator[Sample]:
    """For debugging: only samples with these keys, and only so many of each split."""
    seen: dict[str, int] = {}
    for sample in samples:
        if keys is not None and make_key(sample.split, sample.row) not in keys:
            continue
        seen[sample.split] = seen.get(sample.split, 0) + 1
        if limit is None or seen[sample.split] <= limit:
            yield sample
