"""From a picture to the expressions of its faces: detect, align, classify."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facexpr import detectors
from facexpr.align import align_face
from facexpr.classifier import Classifier, load_classifier
from facexpr.detectors import Face
from facexpr.errors import UserError
from facexpr.face_choice import choose_face
from facexpr.images import check_picture, read_image
from facexpr.released import DEFAULT, find_model

RULES = ("all", "largest", "best")  # which of a picture's faces are predicted


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """A face and the probability of each label, in the model's order of labels."""

    face: Face
    probabilities: dict[str, float]

    @property
    def label(self) -> str:
        """The most probable label."""
        return max(self.probabilities, key=self.probabilities.get)


class Predictor:
    """Finds the faces of pictures and predicts their expressions, as the model's file says.

    labels: of the classes, in the model's order. detector: from a list of pictures of one shape to
    the faces of each; it may be exchanged. classify: uint8 faces (N, px, px) that are aligned
    already to probabilities (N, classes); evaluation measures that same function.
    """

    def __init__(self, model: str | Path | Classifier = DEFAULT, detection: Mapping | None = None):
        """Load a released model by its name, or a .keras or .onnx file.

        detection: values instead of those that the model carries: the name of a "detector", its
        settings, and "min_score": faces that it scores lower are left out. Raises UserError for a
        model that cannot be loaded, or does not carry what is needed.
        """
        if not isinstance(model, Classifier):
            model = load_classifier(find_model(model))
        if model.labels is None or model.alignment is None:
            raise UserError(f"{model.name}: carries no labels or alignment; expected one that does")
        settings = {**(model.detection or {}), **(detection or {})}
        try:
            self._min_score, name = settings.pop("min_score"), settings.pop("detector")
            self.detector = detectors.load(name, **settings)
        except (KeyError, TypeError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else error
            raise UserError(
                f"{model.name}: does not carry how faces are found, or not all of it ({reason}); "
                "give it as `detection`"
            ) from None
        self.labels, self._alignment, self.classify = model.labels, model.alignment, model.predict

    def predict(self, image: np.ndarray | str | Path, faces: str = "all") -> list[Prediction]:
        """Predict a picture: uint8 grey (H, W) or RGB (H, W, 3), or the path of a file.

        faces: "all", "largest" or "best". Returns one prediction a face, from left to right; none
        when no face is found. Raises UserError for a file that holds no picture, ValueError for an
        array of another kind.
        """
        return self.predict_batch([image], faces)[0]

    def predict_batch(
        self, images: Sequence[np.ndarray | str | Path], faces: str = "all"
    ) -> list[list[Prediction]]:
        """Predict a list of pictures, as `predict` does each; those of one shape go faster."""
        if not isinstance(images, list | tuple):
            raise ValueError(f"a {type(images).__name__}; expected a list of pictures")
        pictures = [_pixels(image) for image in images]
        return self.read_faces(pictures, self.find_faces(pictures, faces))

    def find_faces(self, images: Sequence[np.ndarray], faces: str = "all") -> list[list[Face]]:
        """The faces of each picture, from left to right."""
        if faces not in RULES:
            raise ValueError(f"faces: '{faces}', expected one of {', '.join(RULES)}")
        found: list[list[Face]] = [[] for _ in images]
        for shape in dict.fromkeys(image.shape for image in images):
            rows = [row for row, image in enumerate(images) if image.shape == shape]
            for row, seen in zip(rows, self.detector([images[row] for row in rows]), strict=True):
                found[row] = self._choose(seen, shape, faces)
        return found

    def _choose(self, seen: Sequence[Face], shape: tuple[int, ...], rule: str) -> list[Face]:
        good = [face for face in seen if face.score >= self._min_score]
        if rule != "all":
            good = [face for face in [choose_face(good, shape, rule)] if face]
        return sorted(good, key=lambda face: tuple(face.box_xyxy.tolist()))

    def read_faces(
        self, images: Sequence[np.ndarray], found: Sequence[Sequence[Face]]
    ) -> list[list[Prediction]]:
        """Predict faces that were found in pictures, by this predictor or another."""
        crops = [
            align_face(image, face, self._alignment)
            for image, faces in zip(images, found, strict=True)
            for face in faces
        ]
        rows = iter(self.classify(np.stack(crops)).tolist() if crops else ())
        return [
            [Prediction(face, dict(zip(self.labels, next(rows), strict=True))) for face in faces]
            for faces in found
        ]


def _pixels(image: np.ndarray | str | Path) -> np.ndarray:
    """The picture as an array; raises ValueError for an array that is none."""
    if isinstance(image, str | Path):
        return read_image(image)
    return check_picture(image)
