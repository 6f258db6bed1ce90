"""The detector mtcnn finds the drawn faces, and its landmarks are near the true ones."""

import numpy as np

from facexpr import detectors
from facexpr.labels import FER2013
from facexpr.sample import draw_face, draw_scene

FOUND = 0.95
# In distances between the eyes; measured: 0.040 for single faces, 0.043 in scenes.
MEAN_ERROR = 0.06


def load(border_px):
    settings = {"min_face_px": 20, "scale_factor": 0.709, "thresholds": (0.6, 0.7, 0.8)}
    return detectors.load("mtcnn", border_px=border_px, border_grey=-1, **settings)


def errors(found, true):
    """Give the distances of landmarks (5, 2), in distances between the true eyes: (5,)."""
    return np.linalg.norm(found - true, axis=1) / np.linalg.norm(true[1] - true[0])


def test_single_faces_are_found_where_they_are():
    images, landmarks = zip(
        *(draw_face(FER2013[i % 7], np.random.default_rng([11, i])) for i in range(140)),
        strict=True,
    )
    found = load(border_px=12)(images)
    distances = [
        errors(max(faces, key=lambda face: face.score).landmarks, points)
        for faces, points in zip(found, landmarks, strict=True)
        if faces
    ]
    assert len(distances) >= FOUND * len(images)
    assert np.mean(distances) < MEAN_ERROR
    assert np.mean(distances, axis=0).max() < 0.08


def test_faces_of_scenes_are_found_where_they_are():
    distances, total, detect = [], 0, load(border_px=0)
    for seed in range(8):
        picture, faces = draw_scene(np.random.default_rng([5, seed]))
        found = detect([picture])[0]
        total += len(faces)
        for face in faces:
            near = min((errors(one.landmarks, face.landmarks) for one in found), key=np.mean)
            distances += [near] if near.mean() < 0.5 else []
    assert len(distances) >= FOUND * total
    assert np.mean(distances) < MEAN_ERROR
