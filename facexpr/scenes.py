"""A data set's faces as a user's pictures hold them: small, somewhere, to be found and framed.

The accuracy on a data set's own images says nothing about detecting and framing. Here its images
are pasted into larger pictures, and whatever the full path of prediction makes of these is compared
with what was pasted. A face that is not found is wrong.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import cv2
import numpy as np
import pandas as pd

from facexpr.errors import UserError
from facexpr.evaluation import rounded
from facexpr.metrics import bootstrap_interval
from facexpr.predictor import Prediction, Predictor

SCENE_WH = (640, 480)
SIDES_PX = (64, 96, 128, 160)
# Around each face at least this much background: a detector wants to see where a face ends.
GAP_PX = 16
SMALLEST_PX = 12  # no detector here finds less: MTCNN's smallest window
GREYS = (80, 176)  # of the background's corners: mid greys, so that no edge stands out


@dataclass(frozen=True, slots=True, eq=False)
class PastedFace:
    """A face of a scene.

    index: of its image among those given, from 0; side_px: its longer side; box_xyxy: float32 (4,),
    the pixel edges of the pasted image.
    """

    index: int
    side_px: int
    box_xyxy: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A picture, uint8 RGB (480, 640, 3), and the faces that were pasted into it."""

    image: np.ndarray
    faces: Sequence[PastedFace]


@dataclass(frozen=True, slots=True, eq=False)
class ScenePredictions:
    """What prediction made of pasted images.

    probabilities: float64 (N, classes), a row an image as given, NaN where its face was not found;
    sides_px: int (N,), the side it was pasted at; extra: how many faces were found that belong to
    no pasted image, or are a second one to it.
    """

    probabilities: np.ndarray
    sides_px: np.ndarray
    extra: int

    @property
    def found(self) -> np.ndarray:
        """Whether each image's face was found, bool (N,)."""
        return ~np.isnan(self.probabilities).any(axis=1)


def make_scenes(
    images: Iterable[np.ndarray], sides_px: Sequence[int] = SIDES_PX, seed: int = 0
) -> Iterator[Scene]:
    """Paste uint8 grey images (H, W) into scenes, each once, in order; memory holds one scene.

    A scene is a grid of equal cells with one image in each, its longer side one of `sides_px`, its
    place in the cell random: no two overlap. Scene i depends on its images, `seed` and i alone.
    Raises UserError, before any scene, for sides that do not fit.
    """
    cells = _cells(sides_px)
    return _fill_scenes(enumerate(images), cells, sides_px, seed)


def _cells(sides_px: Sequence[int]) -> list[tuple[int, int, int, int]]:
    """The cells of the grid, left, top, width and height, with room for the longest side."""
    limit = min(SCENE_WH) - 2 * GAP_PX
    for side in sides_px or [0]:
        if not SMALLEST_PX <= side <= limit:
            raise UserError(f"sides of faces: {side} px, expected {SMALLEST_PX} to {limit}")
    columns, rows = (length // (max(sides_px) + 2 * GAP_PX) for length in SCENE_WH)
    width, height = SCENE_WH[0] // columns, SCENE_WH[1] // rows
    return [(x * width, y * height, width, height) for y in range(rows) for x in range(columns)]


def _fill_scenes(
    images: Iterator[tuple[int, np.ndarray]], cells: Sequence, sides_px: Sequence[int], seed: int
) -> Iterator[Scene]:
    """Yield scenes until the images, which come with their indices, are used up."""
    number = 0
    while batch := list(islice(images, len(cells))):
        rng = np.random.default_rng([seed, number])
        picture = _background(rng)
        places = rng.permutation(len(cells))
        faces = [
            _paste(picture, index, image, cells[place], int(rng.choice(sides_px)), rng)
            for (index, image), place in zip(batch, places, strict=False)
        ]
        yield Scene(np.repeat(picture[..., None], 3, axis=2), faces)
        number += 1


def _background(rng: np.random.Generator) -> np.ndarray:
    """A gradient between four random greys, uint8 (480, 640): nothing that looks like a face."""
    corners = rng.uniform(*GREYS, (2, 2))
    return cv2.resize(corners, SCENE_WH, interpolation=cv2.INTER_LINEAR).round().astype(np.uint8)


def _paste(
    picture: np.ndarray,
    index: int,
    image: np.ndarray,
    cell: tuple[int, int, int, int],
    side_px: int,
    rng: np.random.Generator,
) -> PastedFace:
    """Paste an image, resized, at a random place of a cell."""
    face = _resize(image, side_px)
    height, width = face.shape
    left, top, cell_width, cell_height = cell
    x = left + int(rng.integers(GAP_PX, cell_width - width - GAP_PX, endpoint=True))
    y = top + int(rng.integers(GAP_PX, cell_height - height - GAP_PX, endpoint=True))
    picture[y : y + height, x : x + width] = face
    box = np.float32([x, y, x + width, y + height]) - np.float32(0.5)
    return PastedFace(index, side_px, box)


def _resize(image: np.ndarray, side_px: int) -> np.ndarray:
    """Resize an image to that longer side; what shrinks is averaged, so no pixel is skipped."""
    factor = side_px / max(image.shape)
    width_height = [max(1, round(length * factor)) for length in image.shape[::-1]]
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, width_height, interpolation=how)


def match(
    faces: Sequence[PastedFace], predictions: Sequence[Prediction]
) -> list[Prediction | None]:
    """For each pasted face the prediction that belongs to it, or None; each belongs to one at most.

    Its box's centre lies in the pasted image; of several it is the one with the largest overlap,
    as a share of the union.
    """
    return [_find(face.box_xyxy, predictions) for face in faces]


def _find(pasted_xyxy: np.ndarray, predictions: Sequence[Prediction]) -> Prediction | None:
    """The prediction that belongs to what was pasted there, or None; of equals the first."""
    inside = [one for one in predictions if _holds(pasted_xyxy, one.face.box_xyxy)]
    return max(inside, key=lambda one: _overlap(pasted_xyxy, one.face.box_xyxy), default=None)


def _holds(outer_xyxy: np.ndarray, box_xyxy: np.ndarray) -> bool:
    """Whether the centre of a box lies in another."""
    centre = box_xyxy.reshape(2, 2).mean(axis=0)
    return bool((outer_xyxy[:2] <= centre).all() and (centre < outer_xyxy[2:]).all())


def _overlap(one_xyxy: np.ndarray, other_xyxy: np.ndarray) -> float:
    """Area that two boxes share, as a fraction of the area that they cover."""
    low, high = np.maximum(one_xyxy, other_xyxy)[:2], np.minimum(one_xyxy, other_xyxy)[2:]
    shared = float(np.prod(np.maximum(high - low, 0)))
    areas = [float(np.prod(box[2:] - box[:2])) for box in (one_xyxy, other_xyxy)]
    return shared / (sum(areas) - shared)


def predict_in_scenes(
    predictor: Predictor,
    images: Iterable[np.ndarray],
    sides_px: Sequence[int] = SIDES_PX,
    seed: int = 0,
) -> ScenePredictions:
    """Predict uint8 grey images (H, W) where `make_scenes` pastes them, as `facexpr predict` does.

    Raises UserError for sides that do not fit.
    """
    rows, sides, extra = [], [], 0
    for scene in make_scenes(images, sides_px, seed):
        predictions = predictor.predict(scene.image)
        matched = match(scene.faces, predictions)
        rows += [_row(one, predictor.labels) for one in matched]
        sides += [face.side_px for face in scene.faces]
        extra += len(predictions) - sum(one is not None for one in matched)
    shape = (len(rows), len(predictor.labels))
    return ScenePredictions(np.array(rows, float).reshape(shape), np.array(sides, int), extra)


def _row(prediction: Prediction | None, labels: Sequence[str]) -> list[float]:
    """A prediction's probabilities in the order of the labels, or NaN for none."""
    if prediction is None:
        return [np.nan] * len(labels)
    return [prediction.probabilities[label] for label in labels]


def is_correct(predicted: ScenePredictions, labels: np.ndarray) -> np.ndarray:
    """Whether each image's face was found and its most probable class is the label; bool (N,).

    labels: the codes of the classes, int (N,).
    """
    # The most probable class of a row of NaN would be the first: a miss must not pass for it.
    return predicted.found & (predicted.probabilities.argmax(axis=1) == labels)


def side_table(predicted: ScenePredictions, labels: np.ndarray) -> pd.DataFrame:
    """A row a side, ascending: side_px, n, and the shares found and correct."""
    columns = {"found": predicted.found, "accuracy": is_correct(predicted, labels)}
    table = pd.DataFrame({"side_px": predicted.sides_px, "n": 1, **columns})
    shares = {"n": "size", "found": "mean", "accuracy": "mean"}
    return table.groupby("side_px").agg(shares).reset_index().round(6)


def scene_figures(
    found: ScenePredictions, labels: np.ndarray, *, draws: int, seed: int
) -> dict[str, object]:
    """What is said of predictions in scenes, as JSON takes it; labels: codes (N,).

    draws, seed: of the bootstrap.
    """
    correct = is_correct(found, labels)
    low, high = bootstrap_interval(correct, draws, seed)
    figures = {"n": len(labels), "accuracy": float(correct.mean()), "low": low, "high": high}
    figures |= {"found": float(found.found.mean()), "extra_faces": found.extra}
    return rounded(figures | {"sides": side_table(found, labels).to_dict("records")})
