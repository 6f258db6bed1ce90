import numpy as np
import pandas as pd
import pytest

from facexpr.errors import UserError
from facexpr.sample import write_csv

COUNTS = {"train": 15, "val": 7, "test": 8}


def written(folder, counts, seed=5):
    folder.mkdir(exist_ok=True)
    faces, points = folder / "faces.csv", folder / "points.csv"
    number = write_csv(faces, points, counts, seed)
    assert number == sum(counts.values())
    return faces, points


def test_the_table_has_the_format_of_fer2013(tmp_path):
    faces, points = written(tmp_path, COUNTS)
    table = pd.read_csv(faces)
    assert list(table.columns) == ["emotion", "pixels", "Usage"]
    usages = ["Training"] * 15 + ["PublicTest"] * 7 + ["PrivateTest"] * 8
    assert table["Usage"].tolist() == usages
    assert table["emotion"].tolist() == [i % 7 for n in (15, 7, 8) for i in range(n)]
    pixels = np.array([[int(value) for value in text.split(" ")] for text in table["pixels"]])
    assert pixels.shape == (30, 2304)
    assert pixels.min() >= 0
    assert pixels.max() <= 255
    assert len(np.unique(pixels, axis=0)) == 30
    assert b"\r" not in faces.read_bytes() + points.read_bytes()


def test_every_row_has_its_landmarks(tmp_path):
    _, points = written(tmp_path, COUNTS)
    table = pd.read_csv(points)
    assert ",".join(table.columns) == "row,x1,y1,x2,y2,x3,y3,x4,y4,x5,y5"
    assert table["row"].tolist() == list(range(30))
    assert table.iloc[:, 1:].to_numpy().min() > 0
    assert table.iloc[:, 1:].to_numpy().max() < 47
    assert all(
        len(cell.split(".")[1]) == 3 for cell in points.read_text().split()[1].split(",")[1:]
    )


def test_equal_arguments_give_equal_bytes_and_another_seed_does_not(tmp_path):
    first = [p.read_bytes() for p in written(tmp_path / "a", COUNTS)]
    assert first == [p.read_bytes() for p in written(tmp_path / "b", COUNTS)]
    assert first != [p.read_bytes() for p in written(tmp_path / "c", COUNTS, seed=6)]


def test_changing_one_count_leaves_every_other_drawing_as_it_was(tmp_path):
    few = written(tmp_path / "few", COUNTS)[0].read_text().splitlines()
    more = written(tmp_path / "more", COUNTS | {"train": 20})[0].read_text().splitlines()
    assert more[:16] == few[:16]
    assert more[21:] == few[16:]


def test_an_unknown_split_is_refused(tmp_path):
    with pytest.raises(UserError, match="did you mean 'train'"):
        write_csv(tmp_path / "faces.csv", tmp_path / "points.csv", {"trian": 3}, 0)
