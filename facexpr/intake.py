"""Taking a data set in: its samples as shards and an index, each in the split where it belongs."""

import shutil
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from facexpr.datasets import Sample
from facexpr.images import encode_png, hash_image
from facexpr.records import ShardWriter, make_key, split_of
from facexpr.splits import divide, find_leaks, is_divisible
from facexpr.tables import INDEX_COLUMNS, TableWriter
from facexpr.workers import map_lists

SPLIT_COLUMNS = ["split", "label", "subject", "part", "hash"]
LEFT_OUT = ""  # in place of a split
LIST_SAMPLES = 32  # sent to a worker together: pictures may be photographs of many megabytes


def take_in(
    read: Callable[[], Iterable[Sample]],
    folder: Path,
    index: Path,
    shard_samples: int,
    *,
    val_fraction: float,
    test_fraction: float,
    seed: int,
    drop_copies: bool,
    whole: bool = True,
) -> Counter[str]:
    """Write the samples of `read()` to shards in `folder`, and the index; counts each split.

    Splits that the source lacks are carved from train as `divide` does it. drop_copies: leave out
    what `find_leaks` finds. No picture is kept in memory, so the source is read a second time where
    either changes something, which is known only after all samples have been seen. A part of the
    source for debugging (whole=False) is read once and taken as it is.

    Shards that a killed call left in `folder` are used; it must have had the same arguments.
    """
    passes = [folder / "first", folder / "second"]
    samples = _write(read(), passes[0], index, shard_samples, hashed=drop_copies)
    if whole and (drop_copies or is_divisible(samples)):
        samples = samples.astype(object)
        splits = divide(samples, val_fraction, test_fraction, seed)
        if drop_copies:
            splits[find_leaks(samples.assign(split=splits))] = LEFT_OUT
        if not splits.equals(samples["split"]):
            samples = _write(read(), passes[1], index, shard_samples, splits.to_list())
            passes.reverse()
    for shard in sorted(passes[0].glob("*.tar")):
        shard.replace(folder / shard.name)
    for one in passes:
        shutil.rmtree(one, ignore_errors=True)
    return Counter(samples["split"])


def _write(
    samples: Iterable[Sample],
    folder: Path,
    index: Path,
    shard_samples: int,
    splits: Sequence[str] | None = None,
    hashed: bool = False,
) -> pd.DataFrame:
    """Write the samples that are not left out, and the index; returns what `divide` looks at."""
    folder.mkdir(parents=True, exist_ok=True)
    seen = {name: Column() for name in SPLIT_COLUMNS}
    with ShardWriter(folder, shard_samples) as writer, TableWriter(index, INDEX_COLUMNS) as table:
        lists = _lists(_placed(samples, splits), writer, hashed)
        for placed, encoded in map_lists(encode, lists):
            table.write(pd.DataFrame(map(_index_row, placed), columns=INDEX_COLUMNS))
            for (key, sample), (png, digest) in zip(placed, encoded, strict=True):
                if png:
                    writer.write_png(key, png)
                about = (split_of(key), sample.label, sample.subject, sample.part, digest)
                for column, value in zip(seen.values(), about, strict=True):
                    column.append(value)
    return pd.DataFrame({name: column.values() for name, column in seen.items()})


class Column:
    """A column of few different values, in four bytes each."""

    def __init__(self):
        """Begin empty."""
        self._codes, self._known = array("i"), {}

    def append(self, value: str) -> None:
        """Put a value at the end."""
        self._codes.append(self._known.setdefault(value, len(self._known)))

    def values(self) -> pd.Categorical:
        """All values."""
        return pd.Categorical.from_codes(self._codes, list(self._known))


def _placed(
    samples: Iterable[Sample], splits: Sequence[str] | None
) -> Iterator[tuple[str, Sample]]:
    """Yield the key and the sample, in the splits given, or in its own, if it is not left out."""
    for number, sample in enumerate(samples):
        split = sample.split if splits is None else splits[number]
        if split != LEFT_OUT:
            yield make_key(split, sample.row), sample


def _lists(
    placed: Iterable[tuple[str, Sample]], writer: ShardWriter, hashed: bool
) -> Iterator[tuple[list, list]]:
    """Yield samples in lists, and what `encode` needs of them."""
    placed = iter(placed)
    while some := list(islice(placed, LIST_SAMPLES)):
        yield some, [(one.picture, not writer.skips(key), hashed) for key, one in some]


def encode(pictures: list[tuple]) -> list[tuple[bytes, str]]:
    """The PNG and the hash of each of (picture, whether to encode it, whether to hash it)."""
    encoded = []
    for picture, wanted, hashed in pictures:
        image = picture() if callable(picture) and (wanted or hashed) else picture
        encoded.append((encode_png(image) if wanted else b"", hash_image(image) if hashed else ""))
    return encoded


def _index_row(placed: tuple[str, Sample]) -> tuple:
    """A row of index.csv."""
    key, one = placed
    votes = " ".join(map(str, one.votes.values())) if one.votes else ""
    return key, split_of(key), one.label, one.row, one.origin, one.subject, votes


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
        image = one.image
        rows.append((one.row, one.split, one.label, one.subject, one.part, hash_image(image)))
        if wanted(number, one):
            taken.append((prepare(image), list(one.votes.values()) if one.votes else []))
    return pd.DataFrame(rows, columns=["row", *SPLIT_COLUMNS]), taken


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
