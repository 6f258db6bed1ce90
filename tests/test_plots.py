import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from facexpr.images import read_image
from facexpr.labels import FER2013
from facexpr.plots import (
    FIRST,
    SECOND,
    THIRD,
    _mark_best,
    save_class_bars,
    save_confusion,
    save_history,
    save_journey,
)

HISTORY = {
    "epoch": [1, 2, 3],
    "loss": [1.8, 1.2, 0.9],
    "val_loss": [1.7, 1.3, 1.4],
    "accuracy": [0.3, 0.5, 0.6],
    "val_accuracy": [0.3, 0.45, 0.44],
}
UNIFORM = dict.fromkeys(FER2013, 1 / 7)


def pixels_of(image, colour):
    rgb = [int(colour[start : start + 2], 16) for start in (1, 3, 5)]
    return (image == rgb).all(axis=2)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "chart.png"


def test_importing_plots_needs_neither_opencv_nor_pyplot():
    code = "import facexpr.plots, sys; print({'cv2', 'matplotlib.pyplot'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_confusion_shades_rows_actual_and_columns_predicted(path):
    counts = np.zeros((3, 3), int)
    counts[0, 2] = 50
    save_confusion(path, counts, ["a", "b", "c"], "one cell")
    image = read_image(path).astype(int)
    height, width = image.shape[:2]
    rows, columns = np.nonzero((image[..., 2] - image[..., 0] > 40)[:, : width // 2])
    assert rows.mean() < 0.45 * height
    assert columns.mean() > 0.3 * width


def test_confusion_at_eight_classes_with_an_empty_one(path):
    counts = np.arange(64).reshape(8, 8) * 100
    counts[3] = 0
    before = counts.copy()
    save_confusion(path, counts, [*FER2013, "contempt"], "test split")
    height, width = read_image(path).shape[:2]
    assert 1000 < width < 2000
    assert 500 < height < 1000
    assert (counts == before).all()


def test_confusion_of_nothing(path):
    save_confusion(path, np.zeros((2, 2), int), ["a", "b"], "")
    assert read_image(path).ndim == 3


def test_history_marks_the_best_epoch_only_if_there_is_one(path):
    stars = []
    for best in (None, 2, 9):
        save_history(path, HISTORY, best)
        stars.append(pixels_of(read_image(path), THIRD).sum())
    assert stars[0] == stars[2] == 0
    assert stars[1] > 100


def test_best_epoch_is_looked_up_by_its_number():
    axes = Figure().subplots()
    _mark_best(axes, [3, 4, 5], [0.1, 0.2, 0.3], 4)
    star = axes.get_lines()[-1]
    assert star.get_xydata().tolist() == [[4, 0.2]]
    assert star.get_label() == "best: epoch 4, 0.2000"


@pytest.mark.parametrize(
    "history",
    [
        {},
        {"epoch": [], "loss": [], "accuracy": [], "learning_rate": []},
        {"loss": [1.0], "accuracy": [0.5]},
        {"epoch": [1, 2], "val_loss": [np.nan, 1.0], "learning_rate": [0.0, 0.0]},
        HISTORY | {"learning_rate": np.array([1e-3, 1e-3, 5e-4])},
    ],
)
def test_history_with_other_columns(path, history):
    save_history(path, history, 1)
    assert read_image(path).shape[0] == 380


def test_history_has_a_panel_for_the_learning_rate(path):
    widths = []
    for history in (HISTORY, HISTORY | {"learning_rate": [1e-3, 1e-3, 1e-4]}):
        save_history(path, history, None)
        widths.append(read_image(path).shape[1])
    assert widths == [920, 1380]


def test_class_bars_are_as_long_as_their_values(path):
    save_class_bars(path, ["a", "b"], [1.0, np.nan], [0.5, 0.0], [0.25, np.nan], [10, 0])
    image = read_image(path)[60:]  # below the legend
    long, middle, short = (
        pixels_of(image, colour).any(axis=0).sum() for colour in (FIRST, SECOND, THIRD)
    )
    assert middle == pytest.approx(long / 2, abs=3)
    assert short == pytest.approx(long / 4, abs=3)


def test_class_bars_want_one_value_for_each_label(path):
    with pytest.raises(ValueError, match=r"shape|argument|length"):
        save_class_bars(path, ["a", "b"], [1, 1], [1, 1], [1, 1], [10])


def test_journey_shows_panels_beside_each_other(path):
    red = np.full((20, 60, 3), (255, 0, 0), np.uint8)
    tall = np.full((60, 20, 3), (0, 0, 255), np.uint8)
    save_journey(path, [("wide", red), ("tall", tall)], UNIFORM, ["row 5", "split: val"])
    image = read_image(path)
    reds, blues = pixels_of(image, "#FF0000"), pixels_of(image, "#0000FF")
    assert np.nonzero(reds)[1].max() < np.nonzero(blues)[1].min()
    assert reds.any(axis=0).sum() == pytest.approx(3 * reds.any(axis=1).sum(), rel=0.05)
    assert 3 * blues.any(axis=0).sum() == pytest.approx(blues.any(axis=1).sum(), rel=0.05)


def test_journey_shows_grey_as_it_is(path):
    save_journey(path, [("mid-grey", np.full((8, 8), 130, np.uint8))], None, [])
    assert pixels_of(read_image(path), "#828282").sum() > 200 * 200


def test_journey_grows_with_its_facts(path):
    heights = []
    for facts in ([], ["one"], ["one", "two", "three"], ["word " * 200]):
        save_journey(path, [("grey", np.zeros((4, 9), np.uint8))], None, facts)
        heights.append(read_image(path).shape[0])
    assert heights[0] == heights[1] < heights[2] < heights[3]


def test_journey_without_pictures(path):
    save_journey(path, [], None, ["status: no picture"])
    assert read_image(path).shape[1] > 300


@settings(max_examples=5, deadline=None)
@given(st.text(max_size=30))
def test_any_text_is_drawn_as_it_stands(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("text") / "chart.png"
    panel = (f"{text} $x^", np.zeros((2, 3), np.uint8))
    save_journey(path, [panel], {f"{text} \n$\\frac$": 0.5}, [text, "日本 $\\bad{$ \\$"])
    assert read_image(path).ndim == 3


def test_same_input_gives_same_bytes(tmp_path):
    panels = [("source", np.arange(48, dtype=np.uint8).reshape(6, 8))]
    for name in ("first", "second"):
        save_confusion(tmp_path / f"confusion_{name}", np.eye(7, dtype=int), FER2013, "title")
        save_history(tmp_path / f"history_{name}", HISTORY, 2)
        save_class_bars(tmp_path / f"bars_{name}", ["a"], [0.5], [0.5], [0.5], [3])
        save_journey(tmp_path / f"journey_{name}", panels, UNIFORM, ["fact"])
    for chart in ("confusion", "history", "bars", "journey"):
        data = (tmp_path / f"{chart}_first").read_bytes()
        assert data == (tmp_path / f"{chart}_second").read_bytes()
        assert data.startswith(b"\x89PNG")
        assert b"matplotlib" not in data.lower()
