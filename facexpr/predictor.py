"""From a picture to the expressions of its faces: detect, align, classify."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facexpr import detectors
from facexpr.align import align_face
from facexpr.backend import configure
from facexpr.classifier import load_classifier
from facexpr.detectors import Detector, Face
from facexpr.errors import UserError
from facexpr.face_choice import choose_face
from facexpr.model_file import read_card


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """A face and the probability of each label, in the model's order of labels."""

    face: Face
    probabilities: dict[str, float]

    @property
    def label(self) -> str:
        """The most probable label."""
        return max(self.probabilities, key=self.probabilities.get)


def load_predictor(
    model_path: Path, *, backend: str, device: str, detector: str, settings: dict, min_score: float
) -> "Predictor":
    """Load a model and a detector by name; raises UserError when that cannot be done."""
    if model_path.suffix != ".onnx":  # which needs no Keras
        read_card(model_path)  # a missing model is told before Keras takes its seconds
        configure(backend, device)
    return Predictor(model_path, detectors.load(detector, **settings), min_score)


class Predictor:
    """Predicts the faces of pictures with a saved model, which says how faces are aligned."""

    def __init__(self, model_path: Path, detector: Detector, min_score: float = 0.0):
        """Load the model; raises UserError when that cannot be done.

        min_score: faces that the detector scores lower are left out.
        """
        model = load_classifier(model_path)
        if model.labels is None or model.alignment is None:
            raise UserError(f"{model_path}: carries no labels or alignment; expected one that does")
        self.labels, self._alignment, self.classify = model.labels, model.alignment, model.predict
        self._detector, self._min_score = detector, min_score

    def predict(self, image: np.ndarray, faces: str = "all") -> list[Prediction]:
        """Predict uint8 grey (H, W) or RGB (H, W, 3); faces: "all", "largest" or "best".

        Returns one prediction a face, from left to right; none when no face is found.
        """
        found = [face for face in self._detector([image])[0] if face.score >= self._min_score]
        if faces != "all":
            found = [face for face in [choose_face(found, image.shape, faces)] if face]
        if not found:
            return []
        found.sort(key=lambda face: tuple(face.box_xyxy.tolist()))
        crops = [align_face(image, face, self._alignment) for face in found]
        rows = self.classify(np.stack(crops))
        return [
            Prediction(face, dict(zip(self.labels, map(float, row), strict=True)))
            for face, row in zip(found, rows, strict=True)
        ]
