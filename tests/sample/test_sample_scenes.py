from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from facexpr.images import read_image
from facexpr.labels import FER2013
from facexpr.sample import write_scenes
from facexpr.sample.scenes import draw_scene


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    assert write_scenes(folder / "pictures", folder / "points.csv", 4, seed=2) == 4
    return folder


def face_box(points):
    """Bound a face by its landmarks, widened by half the distance between the eyes."""
    margin = np.linalg.norm(points[1] - points[0]) / 2
    return (*points.min(0) - margin, *points.max(0) + margin)


def overlap(first, second):
    left, top = max(first[0], second[0]), max(first[1], second[1])
    right, bottom = min(first[2], second[2]), min(first[3], second[3])
    return left < right and top < bottom


def test_pictures_are_colour_not_square_and_listed(scenes):
    table = pd.read_csv(scenes / "points.csv")
    assert ",".join(table.columns) == "file,face,label,x1,y1,x2,y2,x3,y3,x4,y4,x5,y5"
    assert set(table["label"]) <= set(FER2013)
    names = [f"scene-{number:02d}.png" for number in range(4)]
    assert table["file"].unique().tolist() == names
    assert sorted(path.name for path in (scenes / "pictures").iterdir()) == names
    for name, rows in table.groupby("file"):
        image = read_image(scenes / "pictures" / name)
        assert image.shape[2] == 3
        assert image.shape[0] != image.shape[1]
        assert rows["face"].tolist() == list(range(len(rows)))


def test_two_to_five_faces_lie_inside_and_apart():
    for seed in range(8):
        picture, faces = draw_scene(np.random.default_rng(seed))
        assert 2 <= len(faces) <= 5
        boxes = [face_box(face.landmarks) for face in faces]
        assert not any(overlap(*pair) for pair in combinations(boxes, 2))
        assert min(min(box[:2]) for box in boxes) > 0
        assert all(box[2] < picture.shape[1] and box[3] < picture.shape[0] for box in boxes)


def test_equal_seeds_give_equal_bytes_whatever_the_count(scenes, tmp_path):
    write_scenes(tmp_path / "pictures", tmp_path / "points.csv", 2, seed=2)
    for path in sorted((tmp_path / "pictures").iterdir()):
        assert path.read_bytes() == (scenes / "pictures" / path.name).read_bytes()
    fewer, more = ((f / "points.csv").read_text() for f in (tmp_path, scenes))
    assert more.startswith(fewer)
