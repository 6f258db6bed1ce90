import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facexpr.detectors import Face
from facexpr.drawing import (
    MARGIN,
    ORANGE,
    PALETTE,
    SKY_BLUE,
    TRACK,
    contact_sheet,
    draw_face,
    enlarge,
    fit,
    label_colour,
    shorten,
)
from facexpr.labels import FER2013

UNIFORM = dict.fromkeys(FER2013, 1 / 7)


def face(*box_xyxy, landmarks=None):
    points = None if landmarks is None else np.array(landmarks, np.float32)
    return Face(np.array(box_xyxy, np.float32), 0.9, points)


def extent(mask):
    """Give x1, y1, x2, y2 of the smallest area that holds all set pixels, its end not included."""
    rows, columns = np.nonzero(mask)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def changed(image, drawn):
    before = image if image.ndim == 3 else image[..., None]
    return (drawn != before).any(axis=2)


def test_every_label_has_its_own_colour():
    assert len({label_colour(label) for label in (*FER2013, "contempt")}) == 8
    assert label_colour("Happy") == label_colour("happiness") == label_colour("happy")


def test_unknown_label_has_one_colour_of_the_palette():
    assert label_colour("smirk") == label_colour("smirk")
    assert label_colour("smirk") in PALETTE


def test_enlarge_makes_squares():
    image = np.array([[1, 2, 3]], np.uint8)
    assert enlarge(image, 2).tolist() == [[1, 1, 2, 2, 3, 3]] * 2


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 1), (112, 112)),
        ((48, 48), (96, 96)),
        ((5, 40, 3), (10, 80, 3)),
        ((100, 30), (100, 30)),
        ((112, 112), (112, 112)),
        ((448, 224, 3), (112, 56, 3)),
        ((200, 800), (28, 112)),
        ((1, 4000), (1, 112)),
    ],
)
def test_fit_keeps_the_aspect(shape, expected):
    assert fit(np.zeros(shape, np.uint8), 112).shape == expected


def test_fit_averages_when_shrinking():
    checkers = np.indices((64, 32)).sum(axis=0) % 2 * 255
    assert np.ptp(fit(checkers.astype(np.uint8), 16).astype(int) - 128) <= 1


def test_sheet_shows_pixels_unchanged_where_expected():
    wide = np.arange(12, dtype=np.uint8).reshape(2, 6) * 20
    sheet = contact_sheet([wide, wide.T], ["wide", "tall"], columns=2, tile_px=60)
    square = sheet[MARGIN : MARGIN + 60, MARGIN : MARGIN + 60]
    assert (square[20:40] == enlarge(wide, 10)[..., None]).all()
    assert (square[:20] == TRACK).all()
    assert (square[40:] == TRACK).all()


def test_sheet_rows_and_columns():
    tile = np.zeros((48, 48), np.uint8)
    heights, widths = zip(
        *(contact_sheet([tile] * n, [""] * n, columns=4).shape[:2] for n in (3, 4, 5, 8, 9)),
        strict=True,
    )
    assert widths[0] < widths[1] == widths[2] == widths[3] == widths[4]
    assert heights[0] == heights[1] < heights[2] == heights[3] < heights[4]


def test_sheet_mixes_grey_and_colour():
    tiles = [np.full((9, 4), 7, np.uint8), np.full((4, 9, 3), (200, 10, 30), np.uint8)]
    before = [tile.copy() for tile in tiles]
    sheet = contact_sheet(tiles, ["grey", "red"], title="Both")
    assert sheet.dtype == np.uint8
    assert (sheet == (200, 10, 30)).all(axis=2).sum() == (4 * 12) * (9 * 12)
    assert all((tile == copy).all() for tile, copy in zip(tiles, before, strict=True))


def test_empty_sheet_says_so():
    sheet = contact_sheet([], [])
    assert sheet.shape[0] < 100
    assert (sheet.min(axis=2) < 128).sum() > 100  # ink


def test_sheet_wants_a_caption_for_each_tile():
    with pytest.raises(ValueError, match="shorter"):
        contact_sheet([np.zeros((2, 2), np.uint8)] * 2, ["one"])


@settings(max_examples=30, deadline=None)
@given(st.text(), st.integers(1, 60))
def test_sheet_takes_any_caption(text, tile_px):
    sheet = contact_sheet([np.zeros((3, 5), np.uint8)], [text], tile_px=tile_px, title=text)
    ink = sheet[MARGIN:, :MARGIN], sheet[:, -MARGIN:]
    assert all((part == sheet[0, 0]).all() for part in ink)


def test_shorten_shows_the_cut():
    assert shorten("happy", 100, 0.4) == "happy"
    cut = shorten("happy and surprised", 60, 0.4)
    assert cut.endswith("..")
    assert "happy and surprised".startswith(cut[:-2])
    assert shorten("happy", 3, 0.4) == ""


def test_box_lies_on_its_outermost_pixels():
    image = np.full((60, 100), 90, np.uint8)
    drawn = draw_face(image, face(20, 10, 71, 33))
    mask = changed(image, drawn)
    assert drawn.shape == (60, 100, 3)
    assert extent(mask) == (20, 10, 71, 33)
    assert not mask[11:32, 21:70].any()
    assert mask[10, 20:71].all()
    assert mask[32, 20:71].all()
    assert mask[10:33, 20].all()
    assert mask[10:33, 70].all()


def test_box_of_the_whole_picture_is_visible():
    image = np.full((40, 90, 3), 90, np.uint8)
    mask = changed(image, draw_face(image, face(0, 0, 90, 40)))
    assert mask.sum() == 2 * 90 + 2 * 38


def test_box_partly_outside_shows_the_edges_inside():
    image = np.full((40, 90), 90, np.uint8)
    mask = changed(image, draw_face(image, face(-30, -20, 50, 25)))
    assert mask[24, :50].all()
    assert mask[:25, 49].all()
    assert mask.sum() == 50 + 24


def test_box_outside_changes_nothing():
    image = np.full((40, 90), 90, np.uint8)
    assert not changed(image, draw_face(image, face(200, 100, 260, 170))).any()


def test_landmarks_are_x_then_y():
    image = np.full((40, 90), 90, np.uint8)
    points = [(60.5, 10.5), (70, 10), (65, 15), (61, 22), (70, 22)]
    marked = face(50, 2, 85, 30, landmarks=points)
    dots = changed(draw_face(image, marked, landmarks=False), draw_face(image, marked))
    assert dots.sum() == 5
    assert all(dots[int(y), int(x)] for x, y in points)


def test_landmarks_that_are_not_known_are_left_out():
    image = np.full((40, 90), 90, np.uint8)
    points = np.array([(60.5, 10.5), (70, 10), *[(np.nan, np.nan)] * 3])
    marked = face(50, 2, 85, 30, landmarks=points)
    dots = changed(draw_face(image, marked, landmarks=False), draw_face(image, marked))
    assert np.argwhere(dots).tolist() == [[10, 60], [10, 70]]


def test_line_follows_the_picture_size():
    small, large = np.zeros((120, 200), np.uint8), np.zeros((1200, 2000), np.uint8)
    thin = changed(small, draw_face(small, face(50, 30, 150, 90)))[:, 100].sum()
    thick = changed(large, draw_face(large, face(500, 300, 1500, 900)))[:, 1000].sum()
    assert thin == 2
    assert thick >= 8


@pytest.mark.parametrize("corner", [(-9, -9), (170, -9), (-9, 90), (170, 90), (120, 70)])
def test_caption_stays_whole_at_every_edge(corner):
    image = np.full((120, 200), 90, np.uint8)
    middle = draw_face(image, face(80, 40, 120, 80), "neutral 0.93")
    mask = changed(image, middle)
    mask[40:] = False
    x1, y1, x2, y2 = extent(mask)
    assert (x1, y2) == (80, 40)  # it stands on the box, its left end above that of the box
    width, height = x2 - x1, y2 - y1
    x, y = corner
    drawn = draw_face(image, face(x, y, x + 40, y + 40), "neutral 0.93")
    left, top = min(max(0, x), 200 - width), max(0, y - height)
    assert (drawn[top : top + height, left : left + width] == middle[y1:y2, x1:x2]).all()


def test_colour_is_that_of_the_most_probable_label():
    image = np.zeros((300, 500, 3), np.uint8)
    drawn = draw_face(image, face(50, 50, 150, 150), "?", UNIFORM | {"surprise": 0.5})
    assert tuple(drawn[149, 100]) == ORANGE
    assert tuple(draw_face(image, face(50, 50, 150, 150), "neutral 0.4")[149, 100]) == SKY_BLUE


def test_bars_stand_right_of_the_box_or_left_without_room():
    image = np.zeros((300, 500, 3), np.uint8)
    for left, right, side in ((50, 150, np.s_[:, 153:]), (350, 450, np.s_[:, :347])):
        mask = changed(image, draw_face(image, face(left, 60, right, 160), "", UNIFORM))
        mask[57:163, left - 3 : right + 3] = False  # the box, and the half of its line outside
        assert mask[side].sum() == mask.sum() > 5000


def test_bars_grow_with_the_probability():
    image = np.zeros((300, 500, 3), np.uint8)
    box = face(50, 60, 150, 160)
    areas = [
        (draw_face(image, box, "", {"sad": 0.9, "neutral": p})[:, 153:] == SKY_BLUE).all(axis=2)
        for p in (0.0, 0.25, 0.5)
    ]
    none, quarter, half = (area.sum() for area in areas)
    assert none == 0
    assert half == pytest.approx(2 * quarter, rel=0.1)


def test_bars_are_left_out_of_a_small_picture():
    image = np.zeros((48, 48), np.uint8)
    mask = changed(image, draw_face(image, face(10, 10, 40, 40), "", UNIFORM))
    assert extent(mask) == (10, 10, 40, 40)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([(1, 1), (5, 40), (40, 5), (48, 48, 3), (90, 160), (300, 200, 3)]),
    st.lists(st.floats(-400, 400, width=32), min_size=4, max_size=4),
    st.text(),
)
def test_any_face_on_any_picture(shape, box, caption):
    image = np.full(shape, 50, np.uint8)
    points = np.resize(np.array(box, np.float32), (5, 2))
    drawn = draw_face(image, Face(np.array(box, np.float32), 0.5, points), caption, UNIFORM)
    assert drawn.shape == (*shape[:2], 3)
    assert drawn.dtype == np.uint8
    assert (image == 50).all()


def test_captions_of_two_lines_make_room_for_both():
    tiles = [np.full((20, 30), 200, np.uint8)] * 3
    one = contact_sheet(tiles, ["a", "b", "c"], columns=2)
    two = contact_sheet(tiles, ["a", "b\nbelow", "c"], columns=2)
    assert two.shape[0] > one.shape[0]
    assert two.shape[1] == one.shape[1]
    alike = contact_sheet(tiles, ["a\n", "b\n", "c\n"], columns=2)
    assert alike.shape == two.shape
    assert (alike != two).any()
