"""The parts of benchmarks/pipeline.py that measure nothing; no process is started here."""

import re
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml
from closure import ROOT

from facexpr.align import Alignment, align_face
from facexpr.datasets.fer2013 import parse_pixels, read_csv
from facexpr.detectors import Face
from facexpr.errors import UserError
from facexpr.mean import compute_mean

sys.path.insert(0, str(ROOT / "benchmarks"))

import csv_rows
import irreducible
import library
import pipeline
import published
from page import table
from pipeline_page import STEPS, WHOLE, describe, figure
from programs import COUNTING, stage_command

CHANCE = np.random.default_rng(0)
POINTS = np.array([[13.5, 18], [33, 16.5], [22, 29.5], [15, 38], [31.5, 36]], np.float32)


def draw_images(count: int) -> np.ndarray:
    """Blurred noise, whose greys lie apart less than an error of a pixel would move them."""
    noise = CHANCE.integers(0, 256, (count, 48, 48)).astype(np.uint8)
    return np.stack([cv2.GaussianBlur(one, (0, 0), 3) for one in noise])


def write_fer2013(path, images):
    """A CSV of the images, labels counted up, and splits in turn."""
    usages = ["Training", "PublicTest", "PrivateTest"]
    rows = [
        [str(row % 7), " ".join(map(str, image.ravel())), usages[row % 3]]
        for row, image in enumerate(images)
    ]
    csv_rows.write(path, rows)
    return path


def align(image, points, px=48):
    """This project's aligned face, as the recipe says."""
    settings = {"margin": 0.0, "square": "expand", "fill": -1, "equalise": "none"}
    settings |= {"method": "five_points", "interpolation": "linear"}
    alignment = Alignment(px=px, template=published.TEMPLATE, **settings)
    face = None if points is None else Face(np.zeros(4, np.float32), 1.0, points)
    return align_face(image, face, alignment)


def test_template_is_the_recipes():
    recipe = yaml.safe_load((ROOT / "recipes/fer2013.yaml").read_text())
    assert recipe["align"]["template"] == [*map(list, published.TEMPLATE)]


@pytest.mark.parametrize("shape", [(48, 48), (40, 60), (90, 52)])
def test_published_alignment_is_this_projects(shape):
    image = cv2.resize(draw_images(1)[0], shape[::-1])
    points = POINTS * np.float32(1.1) + np.float32([3, -2])
    theirs = published.align_image(image, points, published.TEMPLATE)
    assert np.abs(theirs.astype(int) - align(image, points)).max() <= 1
    assert np.abs(theirs.astype(int) - published.align_image(image, POINTS, POINTS)).max() > 10


def test_all_ways_write_the_same_images_faces_and_mean(tmp_path):
    """Landmarks are given, so that no detector is needed; the second image has no face."""
    images = draw_images(4)
    source = write_fer2013(tmp_path / "fer2013.csv", images)
    assert all((one.image == two).all() for one, two in zip(read_csv(source), images, strict=True))
    points = [POINTS, None, POINTS + 1, POINTS * np.float32(0.9)]
    wanted = [align(image, five) for image, five in zip(images, points, strict=True)]
    for way in (published, library, irreducible):
        folder = tmp_path / way.__name__
        folder.mkdir()
        (folder / "rows.csv").symlink_to(source)
        assert way.images(folder) == 4
        give_landmarks(folder, points)
        assert [way.align(folder), way.pack(folder), way.mean(folder)] == [4, 4, 4]
    assert irreducible.audit(folder) == 4
    for way in ("library", "irreducible"):
        assert (np.stack([*library.read(tmp_path / way / "images")]) == images).all()
    files = sorted((tmp_path / "published/images").iterdir())
    assert (np.stack([cv2.imread(str(one), 0) for one in files]) == images).all()
    aligned = np.stack([*library.read(tmp_path / "library/aligned")]).astype(int)
    assert np.abs(aligned - wanted).max() <= 1
    means = [np.load(tmp_path / way / "mean.npy") for way in ("published", "library")]
    assert np.allclose(*means)
    assert np.abs(means[0] - compute_mean(wanted).image).max() < 1


def give_landmarks(folder, points):
    """What `detect` of published and library write, each in its own form."""
    known = [five is not None for five in points]
    flat = [five.ravel() if five is not None else np.full(10, np.nan) for five in points]
    np.save(folder / "points.npy", np.reshape(flat, (-1, 5, 2)))
    faces = pd.DataFrame({"name": [f"{row:05d}.png" for row in range(len(points))]})
    faces["faces"] = np.array(known).astype(int)
    faces = pd.concat([faces, pd.DataFrame(flat)], axis=1)
    faces.to_csv(folder / "faces.csv", index=False)


def test_published_parsing_is_this_projects():
    text = " ".join(map(str, [*range(256)] * 9))
    assert (published.to_image(text) == parse_pixels("row", text)).all()


def test_perturbed_images_keep_their_range_and_most_pixels():
    for image in (
        np.zeros((48, 48), np.uint8),
        np.full((40, 60), 255, np.uint8),
        draw_images(1)[0],
    ):
        changed = csv_rows.perturb(image, CHANCE)
        moved = np.abs(changed.astype(int) - image)
        assert changed.dtype == np.uint8
        assert (moved > 0).sum() == csv_rows.CHANGED_PIXELS
        assert moved.max() <= 2


def test_perturbed_rows_are_distinct_also_of_equal_images(tmp_path):
    images = np.repeat(draw_images(1), 50, axis=0)
    source = write_fer2013(tmp_path / "fer2013.csv", images)
    rows = [row for seed in (0, 1) for row in csv_rows.perturbed(source, seed)]
    assert len({pixels for _, pixels, _ in rows}) == 100
    assert rows == [row for seed in (0, 1) for row in csv_rows.perturbed(source, seed)]
    more = [*csv_rows.perturbed(source, seed=2, every=20)]
    assert [(label, usage) for label, _, usage in more] == [
        ("0", "Training"),
        ("6", "PrivateTest"),
        ("5", "PublicTest"),
    ]  # rows 0, 20 and 40
    csv_rows.write(source, more, mode="a")
    assert len([*read_csv(source)]) == 53


def test_part_of_the_rows_is_taken_evenly(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_rows, "ROWS", 7)
    source = write_fer2013(tmp_path / "fer2013.csv", draw_images(7))
    csv_rows.unpack(tmp_path, tmp_path / "part.csv", rows=3)
    assert [sample.label for sample in read_csv(tmp_path / "part.csv")] == ["angry", "fear", "sad"]
    csv_rows.unpack(source, tmp_path / "all.csv", rows=7)
    assert (tmp_path / "all.csv").read_bytes() == source.read_bytes()


def test_faces_are_compared_row_by_row(tmp_path):
    (tmp_path / "data").mkdir()
    own = {"train-0000002": 1, "train-0000000": 2, "val-0000001": 0, "test-0000003": 4}
    own = pd.DataFrame({"key": own.keys(), "faces": own.values()})
    own.to_csv(tmp_path / "data/faces.csv", index=False)
    pd.DataFrame({"faces": [1, 0, 1]}).to_csv(tmp_path / "faces.csv", index=False)
    compared = pipeline.compare_faces(tmp_path, tmp_path)
    assert compared == {"images": 3, "same": 2, "published": 2, "project": 2}


def test_commands_are_those_of_dvc():
    for stage in STEPS:
        command = stage_command(stage)
        assert command[:3] == ["python", "-m", f"stages.{stage}"]
        assert not any("$" in word for word in command)
    assert "data/raw/fer2013.csv" in stage_command("images")


def test_training_counts_when_its_bar_has_left_zero():
    assert not COUNTING.search(b"\rtrain:   0%|          | 0/28709 [00:00<?, ?img/s]")
    assert COUNTING.search("\rtrain:   1%|▏         | 192/28709 [00:01<02:30]".encode())
    assert not COUNTING.search(b"detect:  10%|#         | 300/3000\rtrain:   0%|     | 0/9")


def test_missing_data_are_told(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["pipeline.py", "--data", str(tmp_path / "fer2013.csv")])
    with pytest.raises(UserError, match=r"fer2013\.csv: not found; name FER2013's CSV with --data"):
        pipeline.parse()


def test_results_are_kept_for_the_same_data_and_settings(tmp_path):
    source = write_fer2013(tmp_path / "fer2013.csv", draw_images(1))
    arguments = {"data": source, "rows": 10, "published_rows": 5}
    name = pipeline.name_run(SimpleNamespace(**arguments))
    assert name == pipeline.name_run(SimpleNamespace(**arguments, rounds=2))
    assert name != pipeline.name_run(SimpleNamespace(**arguments | {"rows": 9}))
    write_fer2013(source, draw_images(1))
    assert name != pipeline.name_run(SimpleNamespace(**arguments))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *[(0, "0"), (0.01234, "0.0123"), (0.9996, "1.00"), (9.876, "9.88"), (12.34, "12.3")],
        *[(99.96, "100"), (123.4, "123"), (35887, "35,887"), (float("nan"), "-")],
    ],
)
def test_figures_have_three_digits(value, text):
    assert figure(value) == text


def test_table_puts_numbers_to_the_right():
    assert table(("a", "b"), [["x", "1"]], texts=1) == "| a | b |\n| --- | ---: |\n| x | 1 |\n"


def make_round(scale: float) -> dict:
    """Milliseconds an image: published 40, library 4, project 2, alone 3, irreducible 1."""
    ms = {"published": 40, "library": 4, "irreducible": 1}
    steps = {}
    for step in STEPS:
        ways = ms if step in WHOLE else {"irreducible": 1}
        ways = ways | {"one process": 3, "project": 2}
        steps[step] = {
            way: {"seconds": scale * one, "images": 1000, "peak_mib": 10 * one, "notes": {}}
            for way, one in ways.items()
        }
    del steps["detect"]["irreducible"]
    faces = {"images": 50, "same": 49, "published": 43, "project": 44}
    return {"load": scale, "steps": steps, "faces": faces}


def test_page_of_given_figures():
    parts = {f"round-{turn}": make_round(scale) for turn, scale in enumerate((9.0, 1.0, 0.5))}
    page = describe(parts, 1000)
    assert "| CSV to LMDB and mean | 200 | 20.0 | 15.0 | 10.0 | 20.0 | 2.00 | - |\n" in page
    assert "| images | 40.0 | 4.00 | 3.00 | 2.00 | 20.0 | 2.00 | 3.00 |\n" in page
    assert "| detect | 40.0 | 4.00 | 3.00 | 2.00 | 20.0 | 2.00 | - |\n" in page
    assert "| audit | - | - | 3.00 | 2.00 | - | - | 3.00 |\n" in page
    assert "| images | 3.00 | 333 | 2.00 | 500 | 1.00 |\n" in page
    assert "| images | 400 | 40.0 | 30.0 | 20.0 |\n" in page
    assert "Medians of 3. FER2013, 1,000 rows; the published way on the first 50 of them." in page
    assert "a face in 43 and this project in 44, the same number in 49 images" in page
    assert "0.5 to 9.0; Python" in page
    assert re.findall("^## .*", page, re.MULTILINE) == []


def test_page_of_the_other_parts():
    runs = {
        name: {"seconds": seconds, "images": 101, "peak_mib": 1, "notes": notes}
        for name, seconds, notes in [
            ("from nothing", 20, {"new": 100}),
            ("1 % new", 2, {"new": 1, "reused": 100}),
        ]
    }
    ten = {stage: {"seconds": 22, "images": 10_000, "peak_mib": 25} for stage in WHOLE}
    others = {
        "starts": {"seconds": {"`dvc repro`": [1.0, 3.0, 1.5]}},
        "rows-1": {"runs": runs},
        "ten-times": {"stages": ten},
    }
    parts = {"round-1": make_round(1.0)} | {
        name: one | {"load": 1.0} for name, one in others.items()
    }
    page = describe(parts, 1000)
    assert "| `dvc repro` | 1.50 |\n" in page
    assert "| from nothing | 20.0 | 100 | - |\n| 1 % new | 2.00 | 1 | 100 |\n" in page
    assert "| pack | 22.0 | 11.0 | 25.0 | 1.25 |\n" in page
