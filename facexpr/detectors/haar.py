"""Cascades of Haar-like features (Viola and Jones 2001, CVPR, 1:511) as OpenCV runs them.

Any cascade file will do: one that OpenCV ships, or one's own, put into data/cascades.
"""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import cv2
import numpy as np

from facexpr.backend import silent_stderr
from facexpr.detectors import Detector, Face
from facexpr.errors import UserError
from facexpr.images import to_grey, with_border

FOLDERS = (Path(__file__).parents[2] / "data" / "cascades", Path(cv2.data.haarcascades))
EYES_SHARE = 0.6  # of a face's height, from its top: where eyes are searched
EYES_SEARCH = {"scaleFactor": 1.1, "minNeighbors": 5}
SMALLEST_EYE = 8  # no eye is narrower than this fraction, an eighth, of its face


def load(
    *,
    min_face_px: int,
    border_px: int,
    border_grey: int,
    haar_scale_factor: float,
    haar_min_neighbors: int,
    haar_cascade: str,
    haar_eyes: str,
    **_settings,
) -> Detector:
    """Load a cascade for faces and, unless haar_eyes is empty, one for the eyes in them.

    haar_scale_factor: step of the image pyramid, above 1. haar_min_neighbors: finds that must
    overlap to make a face. The score of n such finds is n / (n + 1): a ranking, no probability.
    Raises UserError for a step of 1 or less and for a cascade that cannot be had.
    """
    if haar_scale_factor <= 1:
        raise UserError(
            f"detect.haar_scale_factor: {haar_scale_factor}, expected more than 1, such as 1.1"
        )
    faces = load_cascade("detect.haar_cascade", haar_cascade)
    eyes = load_cascade("detect.haar_eyes", haar_eyes) if haar_eyes else None
    search = {
        "scaleFactor": haar_scale_factor,
        "minNeighbors": haar_min_neighbors,
        "minSize": (min_face_px, min_face_px),
    }

    def detect_one(image: np.ndarray) -> list[Face]:
        grey = with_border(to_grey(image), (border_px,) * 4, border_grey)
        found = zip(*faces.detectMultiScale2(grey, **search), strict=True)
        # In a fixed order: OpenCV's own depends on its threads.
        rectangles = sorted((*map(int, rectangle), int(count)) for rectangle, count in found)
        return [_to_face(grey, rectangle, eyes, border_px) for rectangle in rectangles]

    return lambda images: [detect_one(image) for image in images]


def _to_face(grey: np.ndarray, found: Sequence[int], eyes, border_px: int) -> Face:
    """Make a face of x, y, width, height and number of finds in the image with its border."""
    x, y, width, height, count = found
    box = np.float32([x, y, x + width, y + height]) - np.float32(border_px + 0.5)
    landmarks = None
    if eyes is not None:
        landmarks = find_eyes(grey[y : y + round(EYES_SHARE * height), x : x + width], eyes)
    if landmarks is not None:
        landmarks += np.float32([x - border_px, y - border_px])
    return Face(box, count / (count + 1), landmarks)


def find_eyes(upper_face: np.ndarray, cascade: cv2.CascadeClassifier) -> np.ndarray | None:
    """Find the centres of both eyes: float32 (5, 2), the other points NaN.

    None unless exactly one is found in each half. A face whose eyes may be smaller than the
    cascade's window is enlarged: no eye of a 48 px face would be found otherwise.
    """
    wanted_px = SMALLEST_EYE * cascade.getOriginalWindowSize()[0]
    factor = max(1, -(-wanted_px // upper_face.shape[1]))
    grown = cv2.resize(upper_face, None, fx=factor, fy=factor)
    width = grown.shape[1]
    found = cascade.detectMultiScale(grown, minSize=(width // SMALLEST_EYE,) * 2, **EYES_SEARCH)
    centres = sorted((x + w / 2, y + h / 2) for x, y, w, h in found)
    if [x < width / 2 for x, _ in centres] != [True, False]:
        return None
    landmarks = np.full((5, 2), np.nan, np.float32)
    landmarks[:2] = np.array(centres) / factor - 0.5
    return landmarks


def load_cascade(place: str, name: str) -> cv2.CascadeClassifier:
    """Load the cascade of that file name in FOLDERS, where DVC sees it change.

    Raises UserError, naming the parameter `place`, when there is none or it is no cascade.
    """
    paths = [folder / name for folder in FOLDERS if Path(name).name == name]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise _missing(place, name)
    cascade = cv2.CascadeClassifier()
    try:
        with silent_stderr():
            loaded = cascade.load(str(path))
    except cv2.error:
        loaded = False
    if not loaded:
        raise UserError(f"{place}: {path} holds no cascade that OpenCV can read; expected its XML")
    return cascade


def _missing(place: str, name: str) -> UserError:
    names = {path.name for folder in FOLDERS for path in folder.glob("*.xml")}
    near = get_close_matches(Path(name).name, sorted(names))
    hint = f"; did you mean {' or '.join(near)}?" if near else "; put it into data/cascades"
    places = ", ".join(map(str, FOLDERS))
    return UserError(f"{place}: no cascade '{name}' in {places}{hint}")
