"""Images in tar shards with WebDataset naming, `<key>.png`, so that others can read them too.

A key is `<split>-<row>`, the row of the source in seven digits, so sorting keys sorts rows.
"""

import io
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from facexpr.errors import UserError
from facexpr.images import decode, encode_png
from facexpr.labels import SPLITS


def make_key(split: str, row: int) -> str:
    """Name a sample: make_key("test", 12) is "test-0000012"."""
    return f"{split}-{row:07d}"


def split_of(key: str) -> str:
    """The split a key belongs to."""
    return key.partition("-")[0]


class ShardWriter:
    """Writes images into `<split>-00000.tar`, … of a folder; equal pixels give equal bytes.

    Use as a context manager. Samples of a split may come interleaved with those of another.
    """

    def __init__(self, folder: Path, shard_samples: int):
        """Write into an existing folder, at most `shard_samples` images a shard."""
        self._folder = folder
        self._shard_samples = shard_samples
        self._tars: dict[str, tarfile.TarFile] = {}
        self._counts: dict[str, int] = {}

    def __enter__(self) -> "ShardWriter":
        """Return itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Finish the open shards."""
        for tar in self._tars.values():
            tar.close()

    def write(self, key: str, image: np.ndarray) -> None:
        """Append uint8 grey (H, W) or RGB (H, W, 3) as `<key>.png`."""
        split = split_of(key)
        count = self._counts.get(split, 0)
        if count % self._shard_samples == 0:
            self._next_shard(split, count // self._shard_samples)
        self._counts[split] = count + 1
        data = encode_png(image)
        member = tarfile.TarInfo(f"{key}.png")  # time, owner and mode stay at fixed defaults
        member.size = len(data)
        self._tars[split].addfile(member, io.BytesIO(data))

    def _next_shard(self, split: str, number: int) -> None:
        if split in self._tars:
            self._tars[split].close()
        path = self._folder / f"{split}-{number:05d}.tar"
        self._tars[split] = tarfile.TarFile(path, "w", format=tarfile.USTAR_FORMAT)


def find_shards(folder: Path, splits: Sequence[str] = SPLITS) -> list[Path]:
    """The shards of a folder: splits in the order given, then by number.

    Raises UserError when there are none.
    """
    found = [path for split in splits for path in sorted(folder.glob(f"{split}-*.tar"))]
    if not found:
        raise UserError(
            f"{folder}: no shards such as train-00000.tar; run the stage that writes it"
        )
    return found


def read_shards(
    folder: Path,
    keys: set[str] | None = None,
    limit: int | None = None,
    splits: Sequence[str] = SPLITS,
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (key, image) from a folder of shards, in order.

    keys: only these. limit: only the first so many. splits: only these, in this order.

    Raises UserError for a broken shard or image, and for keys that no shard holds.
    """
    left = None if keys is None else set(keys)
    for count, (key, data) in enumerate(_members(folder, splits, left), start=1):
        yield key, decode(data, name=f"{folder}: {key}")
        if count == limit:
            return
    if left:
        raise UserError(f"{folder}: no image with key {', '.join(sorted(left))}")


def _members(
    folder: Path, splits: Sequence[str], left: set[str] | None
) -> Iterator[tuple[str, bytes]]:
    """Yield (key, bytes) of wanted members; found keys leave the set, an empty set ends it."""
    for path in find_shards(folder, splits):
        try:
            with tarfile.open(path, "r:") as tar:
                for member in tar:
                    key = member.name.removesuffix(".png")
                    if left is None or key in left:
                        yield key, tar.extractfile(member).read()
                        if left is not None:
                            left.remove(key)
                    if left is not None and not left:
                        return
                _check_end(tar)
        except (tarfile.ReadError, OSError) as error:
            raise UserError(f"{path}: broken shard: {error}; run 'dvc checkout'") from None


def _check_end(tar: tarfile.TarFile) -> None:
    """Raise ReadError unless an archive read to its end ends as it should, by two blocks of zeros.

    tarfile itself takes a broken or missing header for the end.
    """
    tar.fileobj.seek(tar.offset)
    if tar.fileobj.read(2 * tarfile.BLOCKSIZE) != bytes(2 * tarfile.BLOCKSIZE):
        raise tarfile.ReadError(f"cut short or damaged at byte {tar.offset}")


def batches_of_one_shape(
    images: Iterable[tuple[str, np.ndarray]], pixels: int
) -> Iterator[tuple[list[str], list[np.ndarray]]]:
    """Group consecutive images of one shape into lists of at most about `pixels` pixels."""
    keys: list[str] = []
    group: list[np.ndarray] = []
    for key, image in images:
        full = (len(group) + 1) * image.shape[0] * image.shape[1] > pixels
        if group and (full or image.shape != group[0].shape):
            yield keys, group
            keys, group = [], []
        keys.append(key)
        group.append(image)
    if group:
        yield keys, group
