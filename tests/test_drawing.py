import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facexpr.detectors import Face
from facexpr.drawing import (
    MARGIN,
    PALETTE,
    SKY_BLUE,
    TRACK,
    blend,
    box_on,
    contact_sheet,
    draw_bars,
    draw_face,
    enlarge,
    enlarge_face,
    fit,
    label_colour,
    measure_bars,
    rings,
    shorten,
    text_size,
    write,
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
    box = (50, 2, 85, 30)
    dots = changed(draw_face(image, face(*box)), draw_face(image, face(*box, landmarks=points)))
    assert dots.sum() == 5
    assert all(dots[int(y), int(x)] for x, y in points)


def test_landmarks_that_are_not_known_are_left_out():
    image = np.full((40, 90), 90, np.uint8)
    points = np.array([(60.5, 10.5), (70, 10), *[(np.nan, np.nan)] * 3])
    box = (50, 2, 85, 30)
    dots = changed(draw_face(image, face(*box)), draw_face(image, face(*box, landmarks=points)))
    assert np.argwhere(dots).tolist() == [[10, 60], [10, 70]]


def test_line_follows_the_picture_size():
    small, large = np.zeros((120, 200), np.uint8), np.zeros((1200, 2000), np.uint8)
    thin = changed(small, draw_face(small, face(50, 30, 150, 90)))[:, 100].sum()
    thick = changed(large, draw_face(large, face(500, 300, 1500, 900)))[:, 1000].sum()
    assert thin == 2
    assert thick >= 8


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([(1, 1), (5, 40), (40, 5), (48, 48, 3), (90, 160), (300, 200, 3)]),
    st.lists(st.one_of(st.floats(-400, 400), st.floats(width=32)), min_size=4, max_size=4),
)
def test_any_face_on_any_picture(shape, box):
    image = np.full(shape, 50, np.uint8)
    points = np.resize(np.array(box, np.float32), (5, 2))
    drawn = draw_face(image, Face(np.array(box, np.float32), 0.5, points))
    assert drawn.shape == (*shape[:2], 3)
    assert drawn.dtype == np.uint8
    assert (image == 50).all()


def test_a_face_grows_with_its_picture_pixel_by_pixel():
    image = np.zeros((9, 12), np.uint8)
    image[3:6, 4:10] = 255
    moved = enlarge_face(face(3.5, 2.5, 9.5, 5.5, landmarks=[(4, 3)] * 5), 10)
    x1, y1, x2, y2 = (moved.box_xyxy + 0.5).astype(int)  # from centres of pixels to their edges
    assert (x1, y1, x2, y2) == extent(enlarge(image, 10) > 0)
    assert moved.landmarks[0].tolist() == [44.5, 34.5]  # the middle of the square of 40 to 49
    assert enlarge_face(face(1, 2, 3, 4), 3).landmarks is None


def test_a_box_far_away_comes_nearer_and_one_upside_down_is_turned():
    assert box_on((40, 90), np.array([3.4, 4.6, 20.5, 30.5])) == (3, 5, 20, 30)
    assert box_on((40, 90), np.array([20, 30, 3, 5])) == (3, 5, 20, 30)
    x1, y1, x2, y2 = box_on((40, 90, 3), np.array([-1e30, -np.inf, np.inf, 1e30]))
    assert -200 < x1 < -40
    assert -200 < y1 < -40
    assert 130 < x2 < 400
    assert 80 < y2 < 400


@pytest.mark.parametrize("radius", [5, 40])
def test_rings_leave_what_they_surround_untouched(radius):
    canvas = np.full((200, 300, 3), 90, np.uint8)
    rings(canvas, np.array([(60, 100), (220, 90), (np.nan, 50), (310, 50)]), SKY_BLUE, radius)
    y, x = np.nonzero((canvas != 90).any(axis=2))
    away = np.minimum(np.hypot(x - 60, y - 100), np.hypot(x - 220, y - 90))
    assert abs(away - radius).max() < 5
    assert (x < 140).any()
    assert (x > 140).any()


@pytest.mark.parametrize(("x", "y"), [(3, 2), (-2, -1), (8, 4), (20, 20), (-9, 0), (0, -50)])
def test_blending_cuts_off_what_lies_beyond_the_canvas(x, y):
    picture = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    alpha = np.full((4, 5), 255, np.uint8)
    alpha[0, 0], alpha[3, 4] = 0, 51
    canvas = np.full((6, 10, 3), 200, np.uint8)
    blend(canvas, picture, alpha, x, y)
    for row, column in np.ndindex(6, 10):
        inside = 0 <= row - y < 4 and 0 <= column - x < 5
        share = alpha[row - y, column - x] / 255 if inside else 0
        over = picture[row - y, column - x] if inside else 0
        assert canvas[row, column] == pytest.approx(share * over + (1 - share) * 200, abs=0.51)


def test_text_keeps_to_its_measure():
    canvas = np.full((100, 400, 3), 255, np.uint8)
    width, height = text_size("Hxk 87%", 0.5)
    write(canvas, "Hxk 87%", 30, 20, 0.5)
    x1, y1, x2, y2 = extent(canvas[..., 0] < 200)
    assert 30 <= x1 < 34
    assert 30 + width - 4 < x2 <= 30 + width
    assert 19 <= y1 < 23
    assert 20 + height - 3 < y2 <= 20 + height + 3


def test_text_thickens_steadily_with_its_scale():
    def ink(scale):
        canvas = np.zeros((80, 400, 3), np.uint8)
        write(canvas, "happy", 5, 5, scale, (255, 255, 255))
        return canvas.sum() / scale**2

    shares = [ink(scale) for scale in (0.55, 0.7, 0.85, 1.0, 1.15)]
    assert max(shares) < 1.25 * min(shares)


def test_bars_grow_with_the_probability():
    width, height = measure_bars(("sad", "neutral"), 0.6)
    areas = []
    for p in (0.0, 0.25, 0.5, np.nan):
        panel = np.full((height, width, 3), 100, np.uint8)
        draw_bars(panel, {"sad": 0.9, "neutral": p}, 0.6)
        areas.append((panel == SKY_BLUE).all(axis=2).sum())
    assert areas[0] == areas[3] == 0
    assert areas[2] == pytest.approx(2 * areas[1], rel=0.1)


def test_every_class_has_a_bar_of_its_colour_and_text_beside_it():
    width, height = measure_bars(FER2013, 0.6)
    panel = np.zeros((height, width, 3), np.uint8)
    draw_bars(panel, UNIFORM, 0.6)
    tops = []
    for label in FER2013:
        x1, y1, x2, y2 = extent((panel == label_colour(label)).all(axis=2))
        tops.append(y1)
        paper = panel[y1:y2].astype(int).sum(axis=2) > 600
        assert not paper[:, : x1 - 2].all()
        assert not paper[:, x2 + 80 :].all()
    assert tops == sorted(tops)


def test_long_names_of_classes_do_not_push_the_bars_out():
    usual = measure_bars(FER2013, 0.5)[0]
    width, height = measure_bars(["happily_disgusted_or_otherwise_at_a_loss" * 3, "sad"], 0.5)
    assert width < 2 * usual
    panel = np.zeros((height, width, 3), np.uint8)
    draw_bars(panel, {"happily_disgusted_or_otherwise_at_a_loss" * 3: 0.5, "sad": 0.5}, 0.5)
    assert (panel == label_colour("sad")).all(axis=2).any()


def test_captions_of_two_lines_make_room_for_both():
    tiles = [np.full((20, 30), 200, np.uint8)] * 3
    one = contact_sheet(tiles, ["a", "b", "c"], columns=2)
    two = contact_sheet(tiles, ["a", "b\nbelow", "c"], columns=2)
    assert two.shape[0] > one.shape[0]
    assert two.shape[1] == one.shape[1]
    alike = contact_sheet(tiles, ["a\n", "b\n", "c\n"], columns=2)
    assert alike.shape == two.shape
    assert (alike != two).any()
