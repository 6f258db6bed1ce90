"""Colour pictures of several people side by side, with the landmarks of every face."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facexpr.images import encode_png
from facexpr.labels import FER2013, SPLITS
from facexpr.sample.actions import random_actions
from facexpr.sample.canvas import Canvas
from facexpr.sample.drawing import develop, fill_background
from facexpr.sample.face import Pose, landmarks, random_looks
from facexpr.sample.person import Person
from facexpr.sample.render import draw_person
from facexpr.sample.table import LANDMARK_COLUMNS, landmark_cells, open_table

SIZES = ((640, 480), (800, 450), (720, 480), (480, 640))
SUPERSAMPLING = 2
# Stands where the number of a split stands for single faces, so that nothing is drawn alike.
SCENES = len(SPLITS)
FACE_SIZES = (60.0, 180.0)
# A face from hair to chin, and the room for hair and ears beside it, in distances between the eyes.
FACE_LENGTH = 2.9
ROOM = 3.5


@dataclass(frozen=True)
class DrawnFace:
    """A face of a scene: its class, and its landmarks, float32 (5, 2), x, y in pixels."""

    label: str
    landmarks: np.ndarray


def write_scenes(folder: Path, landmarks_path: Path, count: int, seed: int) -> int:
    """Write `count` pictures of 2 to 5 people as scene-00.png, …, and all landmarks as CSV.

    The columns are file, face (from 0, in the order of x), label, x1, y1, …, x5, y5 in pixels.
    Gives the number of pictures. Scene i depends on `seed` and i alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open_table(landmarks_path) as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["file", "face", "label", *LANDMARK_COLUMNS])
        for index in range(count):
            picture, faces = draw_scene(np.random.default_rng([seed, SCENES, index]))
            name = f"scene-{index:02d}.png"
            (folder / name).write_bytes(encode_png(picture))
            for number, face in enumerate(faces):
                table.writerow([name, number, face.label, *landmark_cells(face.landmarks)])
    return count


def draw_scene(rng: np.random.Generator) -> tuple[np.ndarray, list[DrawnFace]]:
    """Draw 2 to 5 people: uint8 RGB (H, W, 3), not square, and their faces from left to right."""
    width, height = SIZES[rng.integers(len(SIZES))]
    canvas = Canvas(height, width, SUPERSAMPLING, grey=False)
    fill_background(canvas, rng)
    people = []
    for pose in arrange(width, height, int(rng.integers(2, 6)), rng):
        label = FER2013[rng.integers(len(FER2013))]
        actions, looks = random_actions(label, rng), random_looks(rng)
        people.append((label, Person(canvas, looks, actions, pose)))
    # Whoever's shoulders start higher up stands further back.
    for _, person in sorted(
        people, key=lambda pair: pair[1].pose.y + 2 * pair[1].pose.eye_distance
    ):
        draw_person(person)
    faces = [DrawnFace(label, landmarks(p.looks, p.actions, p.pose)) for label, p in people]
    return develop(canvas.picture(), rng), faces


def arrange(width: int, height: int, count: int, rng: np.random.Generator) -> list[Pose]:
    """Place `count` heads of different sizes beside each other, none before another."""
    sizes = rng.uniform(*FACE_SIZES, count)
    room = sizes * (ROOM / FACE_LENGTH)
    if room.sum() > width:
        sizes = np.maximum(sizes * (width / room.sum()), FACE_SIZES[0])
        room = sizes * (ROOM / FACE_LENGTH)
    gaps = rng.dirichlet(np.ones(count + 1)) * max(0.0, width - room.sum())
    lefts = np.cumsum(gaps[:-1]) + np.concatenate([[0.0], np.cumsum(room)[:-1]])
    poses = []
    for left, size, space in zip(lefts, sizes, room, strict=True):
        unit = size / FACE_LENGTH
        lowest = min(height - 2.6 * unit, 0.72 * height)
        # Nobody is seen down to the knees.
        y = rng.uniform(min(max(2.1 * unit, height - 11 * unit), lowest), lowest)
        poses.append(scene_pose(left + space / 2, y, unit, rng))
    return poses


def scene_pose(x: float, y: float, eye_distance: float, rng: np.random.Generator) -> Pose:
    """Hold a head at a place in a scene."""
    roll, yaw, pitch = np.radians(rng.uniform((-18, -10, -6), (18, 10, 6))).tolist()
    return Pose(float(x) - 0.6 * eye_distance * np.sin(roll), y, eye_distance, roll, yaw, pitch)
