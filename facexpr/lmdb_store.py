"""LMDB files of Caffe `Datum` records, which Caffe and NVIDIA DALI read by opening the folder.

Written without a lock file, in key order and in transactions of fixed length, so that equal
records give an equal file.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from threading import Lock

import lmdb
import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

from facexpr.errors import UserError

TRANSACTION_RECORDS = 1000
# LMDB reserves this much address space, not disk or memory; it must hold any data set.
MAP_BYTES = 1 << 38


@cache
def datum_class() -> type:
    """The message `Datum` of caffe.proto (BVLC/caffe, src/caffe/proto/caffe.proto)."""
    file = descriptor_pb2.FileDescriptorProto(name="facexpr_datum.proto", package="caffe")
    datum = file.message_type.add(name="Datum")
    kinds = descriptor_pb2.FieldDescriptorProto
    for name, number, kind in (
        ("channels", 1, kinds.TYPE_INT32),
        ("height", 2, kinds.TYPE_INT32),
        ("width", 3, kinds.TYPE_INT32),
        ("data", 4, kinds.TYPE_BYTES),
        ("label", 5, kinds.TYPE_INT32),
        ("encoded", 7, kinds.TYPE_BOOL),
    ):
        datum.field.add(name=name, number=number, type=kind, label=kinds.LABEL_OPTIONAL)
    datum.field.add(name="float_data", number=6, type=kinds.TYPE_FLOAT, label=kinds.LABEL_REPEATED)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("caffe.Datum"))


def to_datum(image: np.ndarray, label: int, votes: Sequence[float] = ()) -> bytes:
    """Serialise uint8 grey (H, W), raw pixels, with its class code.

    votes: of each class, where there are any; they go to float_data, which readers of `data` skip.
    """
    height, width = image.shape
    datum = datum_class()(channels=1, height=height, width=width, data=image.tobytes(), label=label)
    datum.float_data.extend(votes)
    return datum.SerializeToString(deterministic=True)


def from_datum(data: bytes) -> tuple[np.ndarray, int]:
    """Read a serialised Datum: uint8 grey (H, W), and its class code."""
    datum = datum_class().FromString(data)
    return np.frombuffer(datum.data, np.uint8).reshape(datum.height, datum.width), datum.label


def write_records(path: Path, records: Iterable[tuple]) -> int:
    """Write (key, image, label[, votes]) records, sorted by key, to LMDB; returns how many.

    path: the file, by LMDB's custom `<folder>/data.mdb`. Raises ValueError for unsorted keys.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"subdir": False, "lock": False, "map_size": MAP_BYTES, "metasync": False}
    records = iter(records)
    written = 0
    with lmdb.open(str(path), **options) as store:
        while part := list(islice(records, TRANSACTION_RECORDS)):
            with store.begin(write=True) as transaction:
                for key, *values in part:
                    if not transaction.put(key.encode(), to_datum(*values), append=True):
                        raise ValueError(f"keys must come sorted and once each, got {key}")
            written += len(part)
    return written


def read_records(path: Path) -> Iterator[tuple[str, np.ndarray, int]]:
    """Yield (key, image, label) of an LMDB file in key order.

    Raises UserError when the file is missing or broken.
    """
    for key, value in _read_values(path):
        try:
            yield (key.decode(), *from_datum(value))
        except (message.DecodeError, ValueError) as error:
            raise UserError(f"{path}: record {key!r} is no Datum: {error}") from None


def load_records(path: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Read a whole LMDB file: keys, uint8 images (N, H, W), int64 labels (N,)."""
    with _open(path) as store:
        total = store.stat()["entries"]
    if total == 0:
        raise UserError(f"{path}: holds no record")
    keys: list[str] = []
    images, labels = None, np.empty(total, np.int64)
    for index, (key, image, label) in enumerate(read_records(path)):
        if images is None:
            images = np.empty((total, *image.shape), np.uint8)
        keys.append(key)
        images[index], labels[index] = image, label
    return keys, images, labels


class StoredFaces:
    """The images of LMDB files, read from disk whenever some of them are asked for.

    keys, labels (int64): of all records, file by file in key order. Raises UserError as
    `read_records`, and when there is none.
    """

    def __init__(self, paths: Sequence[Path]):
        """Read keys and labels alone."""
        self._paths, self._lock = paths, Lock()
        found = [[(key, label) for key, _, label in read_records(path)] for path in paths]
        self.keys = [key for part in found for key, _ in part]
        self.labels = np.array([label for part in found for _, label in part], np.int64)
        self._file_of = np.repeat(np.arange(len(paths)), [len(part) for part in found])
        for path, part in zip(paths, found, strict=True):
            if not part:
                raise UserError(f"{path}: holds no record")

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.keys)

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """The images of rows (B,), uint8 (B, H, W)."""
        images = [np.empty(0)] * len(rows)
        for number, path in enumerate(self._paths):
            places = np.flatnonzero(self._file_of[rows] == number)
            # A process may have a file open only once.
            with self._lock, _open(path) as store, store.begin() as transaction:
                for place in places:
                    value = transaction.get(self.keys[rows[place]].encode())
                    images[place] = from_datum(value)[0]
        return np.stack(images)


def load_votes(path: Path, classes: int) -> np.ndarray:
    """The votes of each record, float32 (N, classes) in key order; zeros where there are none."""
    with _open(path) as store:
        votes = np.zeros((store.stat()["entries"], classes), np.float32)
    for row, (_, value) in zip(votes, _read_values(path), strict=True):
        found = datum_class().FromString(value).float_data
        row[:] = found if found else 0
    return votes


def _read_values(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values of an LMDB file in key order.

    Opened anew for every so many records: mapped pages that were read count as memory till then.
    """
    last = b""
    while True:
        with _open(path) as store, store.begin() as transaction, transaction.cursor() as cursor:
            if not cursor.set_range(last + b"\0"):
                return
            for last, value in islice(cursor, TRANSACTION_RECORDS):
                yield last, value


def _open(path: Path) -> lmdb.Environment:
    if not path.is_file():
        raise UserError(f"{path}: not found; run 'dvc repro pack' or 'dvc checkout'")
    try:
        store = lmdb.open(str(path), subdir=False, lock=False, readonly=True)
    except lmdb.Error as error:
        raise UserError(f"{path}: not an LMDB file: {error}; run 'dvc checkout'") from None
    # LMDB maps the file into memory: reading a page that is not there would kill the process.
    whole = (store.info()["last_pgno"] + 1) * store.stat()["psize"]
    if path.stat().st_size < whole:
        store.close()
        raise UserError(f"{path}: cut short, expected {whole} bytes; run 'dvc checkout'")
    return store
