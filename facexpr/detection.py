"""Finding faces in lists of encoded images, as a worker does it, and keeping what was found."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from inspect import signature
from pathlib import Path
from threading import Lock

import numpy as np

from facexpr import detectors
from facexpr.detectors import Detector, Face
from facexpr.images import hash_image
from facexpr.records import Member, batches_of_one_shape
from facexpr.scratch import fingerprint, versions
from facexpr.store import Store

BATCH_PIXELS = 512 * 48 * 48  # a list of 512 FER2013 images; photographs go one by one
NUMBERS = 15  # of a face: its box, its score, five points
# What a face follows from, beside pixels and settings; tests/test_detection.py looks that no module
# is missing.
CODE = ("detection", "geometry", "images", "mtcnn_boxes", "mtcnn_networks", "records")
LIBRARIES = ("mtcnn", "numpy", "onnxruntime", "opencv")
CASCADES = Path(__file__).parents[1] / "data" / "cascades"

_one_at_a_time = Lock()  # a worker may have threads, a detector need not bear them


def used_settings(name: str, settings: Mapping) -> dict:
    """The settings that the detector `name` looks at; raises UserError for an unknown name."""
    named = signature(detectors.find(name).load).parameters
    return {key: value for key, value in settings.items() if key in named}


def detection_work(name: str, settings: Mapping) -> str:
    """A fingerprint of all that the faces of an image follow from, but for its pixels."""
    here = Path(__file__).parent
    code = [here / f"{module}.py" for module in CODE]
    code += [here / "detectors" / "__init__.py", here / "detectors" / f"{name}.py"]
    values = {"detector": name, **used_settings(name, settings)}
    values |= versions(*LIBRARIES)
    return fingerprint(values, [*code, *sorted(CASCADES.glob("*.xml"))])


def find_faces(task: tuple[tuple[str, str], list[Member]]) -> list[bytes]:
    """What is found in each image, packed; a task is (detector, settings as JSON), and a list."""
    how, members = task
    packed: list[bytes] = []
    images = ((member.key, member.image()) for member in members)
    with _one_at_a_time:
        for _, group in batches_of_one_shape(images, BATCH_PIXELS):
            found = _load(*how)(group)
            shapes = (image.shape[:2] for image in group)
            packed += map(pack, shapes, found)
    return packed


@cache
def _load(name: str, settings: str) -> Detector:
    """Load a detector, once in a process."""
    return detectors.load(name, **json.loads(settings))


def remember(
    detector: Detector, store: Store, work: str, note: Callable[[str, int], None]
) -> Detector:
    """A detector that finds the same faces, but none twice: it looks into the store first.

    work: a fingerprint of the detector, from `detection_work`. note: told of how many pictures are
    "new" and "reused".
    """

    def detect(images: Sequence[np.ndarray]) -> list[list[Face]]:
        names = [sha256(work.encode() + bytes.fromhex(hash_image(one))).digest() for one in images]
        known = store.get(names)
        new = {name: one for name, one in zip(names, images, strict=True) if name not in known}
        found = dict(zip(new, detector(list(new.values())), strict=True))
        store.put({name: pack(new[name].shape[:2], faces) for name, faces in found.items()})
        note("new", len(new)), note("reused", len(images) - len(new))
        return [found[name] if name in found else unpack(known[name])[1] for name in names]

    return detect


def pack(shape: tuple[int, int], faces: Sequence[Face]) -> bytes:
    """An image's (H, W) and its faces as float64; points that are not known are NaN."""
    rows = np.full((len(faces), NUMBERS), np.nan)
    for row, face in zip(rows, faces, strict=True):
        row[:4], row[4] = face.box_xyxy, face.score
        if face.landmarks is not None:
            row[5:] = face.landmarks.ravel()
    return np.float64(shape).tobytes() + rows.tobytes()


def unpack(data: bytes) -> tuple[tuple[int, int], list[Face]]:
    """What `pack` packed; where no point is known, landmarks are None."""
    values = np.frombuffer(data)
    faces = [
        Face(
            row[:4].astype(np.float32),
            float(row[4]),
            None if np.isnan(row[5:]).all() else row[5:].reshape(5, 2).astype(np.float32),
        )
        for row in values[2:].reshape(-1, NUMBERS)
    ]
    return (int(values[0]), int(values[1])), faces
