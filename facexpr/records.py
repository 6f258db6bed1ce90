"""Images in tar shards with WebDataset naming, `<key>.png`, so that others can read them too.

A key is `<split>-<row>`, the row of the source in seven digits, so sorting keys sorts rows.
"""

import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from facexpr.errors import UserError
from facexpr.images import decode, encode_png
from facexpr.labels import SPLITS

# What is worked on together, and sent to a worker: so many samples, or so many bytes of PNG.
LIST_SAMPLES = 500
LIST_BYTES = 2**22
UNFINISHED = ".tar.part"


class Member(NamedTuple):
    """One sample of a shard: its key, the bytes of its PNG, and the folder they are from."""

    key: str
    png: bytes
    folder: str

    def image(self) -> np.ndarray:
        """Decode it: uint8 grey (H, W) or RGB (H, W, 3); raises UserError where it is broken."""
        return decode(self.png, name=f"{self.folder}: {self.key}")


def make_key(split: str, row: int) -> str:
    """Name a sample: make_key("test", 12) is "test-0000012"."""
    return f"{split}-{row:07d}"


def split_of(key: str) -> str:
    """The split a key belongs to."""
    return key.partition("-")[0]


def images_of(members: list[Member]) -> list[np.ndarray]:
    """The decoded images of samples."""
    return [member.image() for member in members]


class ShardWriter:
    """Writes images into `<split>-00000.tar`, … of a folder; equal pixels give equal bytes.

    Use as a context manager. Samples of a split may come interleaved with those of another. Where
    a killed run has left whole shards in the folder they stay: ask `skips` before each sample.
    """

    def __init__(self, folder: Path, shard_samples: int):
        """Write into an existing folder, at most `shard_samples` images a shard."""
        self._folder = folder
        self._shard_samples = shard_samples
        self._shards: dict[str, BinaryIO] = {}
        self._counts: dict[str, int] = {}
        self._finished = _finished_keys(folder)

    def __enter__(self) -> "ShardWriter":
        """Return itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Finish the open shards, unless the work was broken off."""
        for shard in self._shards.values():
            self._finish(shard, whole=_error[0] is None)

    def skips(self, key: str) -> bool:
        """Whether a whole shard holds the next sample of a split already, which then counts."""
        if key not in self._finished:
            return False
        self._counts[split_of(key)] = self._counts.get(split_of(key), 0) + 1
        return True

    def write(self, key: str, image: np.ndarray) -> None:
        """Append uint8 grey (H, W) or RGB (H, W, 3) as `<key>.png`."""
        self.write_png(key, encode_png(image))

    def write_png(self, key: str, png: bytes) -> None:
        """Append an image that is encoded already."""
        split = split_of(key)
        count = self._counts.get(split, 0)
        if count % self._shard_samples == 0:
            self._next_shard(split, count // self._shard_samples)
        self._counts[split] = count + 1
        member = tarfile.TarInfo(f"{key}.png")  # time, owner and mode stay at fixed defaults
        member.size = len(png)
        shard = self._shards[split]
        shard.write(member.tobuf(tarfile.USTAR_FORMAT) + png)
        shard.write(bytes(-len(png) % tarfile.BLOCKSIZE))

    def _next_shard(self, split: str, number: int) -> None:
        if full := self._shards.pop(split, None):
            self._finish(full, whole=True)
        path = self._folder / f"{split}-{number:05d}{UNFINISHED}"
        self._shards[split] = path.open("wb")

    @staticmethod
    def _finish(shard: BinaryIO, whole: bool) -> None:
        """Close a shard, and give it its name if all that belongs into it is there."""
        end = shard.tell() + 2 * tarfile.BLOCKSIZE
        shard.write(bytes(2 * tarfile.BLOCKSIZE + -end % tarfile.RECORDSIZE))
        shard.close()
        if whole:
            path = Path(shard.name)
            path.replace(path.with_name(path.name.removesuffix(UNFINISHED) + ".tar"))


def _finished_keys(folder: Path) -> set[str]:
    """The keys in the whole shards of a folder; those broken or behind a gap are removed."""
    keys: set[str] = set()
    for split in SPLITS:
        intact = True
        for number, path in enumerate(sorted(folder.glob(f"{split}-*.tar"))):
            try:
                intact = intact and path.name == f"{split}-{number:05d}.tar"
                names = [name for name, _ in _read_tar(path)] if intact else []
            except (tarfile.ReadError, OSError):
                intact = False
            if intact:
                keys.update(name.removesuffix(".png") for name in names)
            else:
                path.unlink()
    return keys


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
    """Yield (key, image) from a folder of shards; arguments and errors as for `read_members`.

    Raises UserError for a broken image, too.
    """
    for member in read_members(folder, keys, limit, splits):
        yield member.key, member.image()


def read_members(
    folder: Path,
    keys: set[str] | None = None,
    limit: int | None = None,
    splits: Sequence[str] = SPLITS,
) -> Iterator[Member]:
    """Yield the samples of a folder of shards, in order, not decoded.

    keys: only these. limit: only the first so many. splits: only these, in this order.

    Raises UserError for a broken shard, and for keys that no shard holds.
    """
    left = None if keys is None else set(keys)
    for count, (key, png) in enumerate(_members(folder, splits, left), start=1):
        yield Member(key, png, str(folder))
        if count == limit:
            return
    if left:
        raise UserError(f"{folder}: no image with key {', '.join(sorted(left))}")


def lists_of(samples: Iterable, png: Callable[[Any], bytes]) -> Iterator[list]:
    """Cut samples into lists that are worked on together; `png` gives the bytes of one of them."""
    some, filled = [], 0
    for sample in samples:
        some.append(sample)
        filled += len(png(sample))
        if len(some) == LIST_SAMPLES or filled >= LIST_BYTES:
            yield some
            some, filled = [], 0
    if some:
        yield some


def _members(
    folder: Path, splits: Sequence[str], left: set[str] | None
) -> Iterator[tuple[str, bytes]]:
    """Yield (key, bytes) of wanted members; found keys leave the set, an empty set ends it."""
    for path in find_shards(folder, splits):
        try:
            for name, png in _read_tar(path):
                key = name.removesuffix(".png")
                if left is None or key in left:
                    yield key, png
                    if left is not None:
                        left.remove(key)
                if left is not None and not left:
                    return
        except (tarfile.TarError, OSError) as error:
            raise UserError(f"{path}: broken shard: {error}; run 'dvc checkout'") from None


def _read_tar(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of the plain files of an archive such as ShardWriter writes.

    TarFile would take a broken or missing header for the end. Raises TarError unless the archive
    ends as it should, by two blocks of zeros.
    """
    with path.open("rb") as file:
        while (header := file.read(tarfile.BLOCKSIZE)).strip(b"\0"):
            at = file.tell() - len(header)
            try:
                member = tarfile.TarInfo.frombuf(header, "utf-8", "strict")
            except (tarfile.HeaderError, UnicodeDecodeError):
                raise _damaged(at) from None
            data = file.read(member.size + -member.size % tarfile.BLOCKSIZE)
            if len(data) < member.size:
                raise _damaged(at)
            yield member.name, data[: member.size]
        if len(header + file.read(tarfile.BLOCKSIZE)) < 2 * tarfile.BLOCKSIZE:
            raise _damaged(file.tell())


def _damaged(at: int) -> tarfile.ReadError:
    return tarfile.ReadError(f"cut short or damaged at byte {at}")


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
