from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facexpr.annotation import annotate, side_by_side
from facexpr.annotation_layout import enlargement, lay_out
from facexpr.detectors import Face
from facexpr.drawing import PAPER, enlarge, label_colour
from facexpr.labels import FER2013
from facexpr.predictor import Prediction

SPREAD = {"angry": 0.1, "disgust": 0.05, "fear": 0.05, "happy": 0.5, "sad": 0.1, "surprise": 0.15}
CHANCES = {**SPREAD, "neutral": 0.05}
EYES = [(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)]


def predict(*box_xyxy, label="happy", landmarks=None):
    """A prediction of that label; its chances and happy's are swapped."""
    chances = {**CHANCES, "happy": CHANCES[label], label: 0.5}
    points = None if landmarks is None else np.array(landmarks, np.float32)
    return Prediction(Face(np.array(box_xyxy, np.float32), 0.9, points), chances)


def with_eyes(*box_xyxy, label="happy"):
    x1, y1, x2, y2 = box_xyxy
    points = [(x1 + x * (x2 - x1), y1 + y * (y2 - y1)) for x, y in EYES]
    return predict(*box_xyxy, label=label, landmarks=points)


def picture(height, width):
    """Noise in greys, so that no mark has its colours."""
    grey = np.random.default_rng(0).integers(60, 200, (height, width, 1), np.uint8)
    return np.repeat(grey, 3, axis=2)


def plan(shape, predictions, **wanted):
    """The layout on a picture that needs no enlarging."""
    assert enlargement(shape) == 1
    chances = [one.probabilities for one in predictions]
    return lay_out(shape, [one.face for one in predictions], chances, **wanted)


def area(box, shape):
    """The part of a mask that a box covers."""
    mask = np.zeros(shape[:2], bool)
    x1, y1, x2, y2 = np.maximum(box, 0)
    mask[y1:y2, x1:x2] = True
    return mask


def overlap(one, other):
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0, width) * max(0, height)


def inside(box, height, width):
    return 0 <= box[0] < box[2] <= width and 0 <= box[1] < box[3] <= height


FOUR = [
    predict(60, 60, 160, 190, label="sad"),
    predict(420, 90, 520, 220),
    predict(200, 330, 310, 460, label="fear"),
    predict(640, 300, 720, 400, label="angry"),
]
CROWD = [
    predict(x, y, x + 60, y + 75, label=FER2013[(x + y) % 7])
    for y in range(30, 400, 90)
    for x in range(15, 640, 70)
]


def test_without_predictions_the_picture_comes_back_in_colour():
    grey = picture(20, 31)[..., 0]
    drawn = annotate(grey, [], emoji=True)
    assert drawn.shape == (20, 31, 3)
    assert (drawn == grey[..., None]).all()
    drawn[:] = 0
    assert grey.any()
    colour = picture(20, 31)
    annotate(colour, [])[:] = 0
    assert colour.any()


def test_grey_is_annotated_as_the_same_picture_in_colour():
    image = picture(300, 500)
    one = with_eyes(80, 60, 200, 210)
    wanted = {"landmarks": True, "eyes": True, "emoji": True}
    assert (annotate(image[..., 0], [one], **wanted) == annotate(image, [one], **wanted)).all()


def test_nothing_changes_but_where_the_layout_says():
    image = picture(480, 800)
    drawn = annotate(image, FOUR, emoji=True)
    layout = plan(image.shape, FOUR, emoji=True)
    assert drawn.shape == image.shape
    allowed = np.zeros(image.shape[:2], bool)
    for place in layout.places:
        x1, y1, x2, y2 = place.box
        line = area((x1 - 3, y1 - 3, x2 + 3, y2 + 3), image.shape)
        line &= ~area((x1 + 3, y1 + 3, x2 - 3, y2 - 3), image.shape)
        for mark in (place.tag, place.emoji, place.panel):
            allowed |= area(mark, image.shape)
        allowed |= line
    assert not (drawn != image).any(axis=2)[~allowed].any()


def test_every_face_has_its_box_and_its_caption_in_its_colour():
    image = picture(480, 800)
    drawn = annotate(image, FOUR)
    for one, place in zip(FOUR, plan(image.shape, FOUR).places, strict=True):
        colour = label_colour(one.label)
        x1, y1, x2, y2 = place.box
        assert place.caption == f"{one.label} 50%"
        for line in (drawn[y2 - 1, x1:x2], drawn[y1:y2, x1], drawn[y1:y2, x2 - 1]):
            assert (line == colour).all()
        tag = drawn[place.tag[1] : place.tag[3], place.tag[0] : place.tag[2]]
        assert 0.4 < (tag == colour).all(axis=2).mean() < 0.97  # the rest is text


def test_bars_stand_right_of_the_box_or_left_without_room():
    for x, right in ((50, True), (640, False)):
        one = predict(x, 60, x + 130, 220)
        (place,) = plan((480, 800), [one]).places
        assert place.panel[0] > x + 130 if right else place.panel[2] < x


@pytest.mark.parametrize("emoji", [False, True])
@pytest.mark.parametrize("faces", [FOUR, FOUR[:1], CROWD, CROWD[:12]])
@pytest.mark.parametrize("shape", [(480, 800), (630, 760), (2000, 1500)])
def test_panels_hide_nothing(shape, faces, emoji):
    layout = plan(shape, faces, emoji=emoji)
    assert len(layout.places) == len(faces)
    panels = [place.panel for place in layout.places]
    assert all(inside(panel, layout.height, layout.width) for panel in panels)
    assert not any(overlap(*pair) for pair in combinations(panels, 2))
    marks = [mark for place in layout.places for mark in (place.box, place.tag, place.emoji)]
    for mark in filter(None, marks):
        assert inside(mark, *shape)
        assert not any(overlap(mark, panel) for panel in panels)


def test_no_bar_touches_a_pixel_of_a_face():
    image = picture(480, 800)
    with_bars, without = annotate(image, FOUR), annotate(image, FOUR, bars=False)
    assert with_bars.shape == without.shape
    for place in plan(image.shape, FOUR).places:
        x1, y1, x2, y2 = place.box
        assert (with_bars[y1:y2, x1:x2] == without[y1:y2, x1:x2]).all()


def test_faces_without_room_are_numbered_and_the_picture_grows():
    image = picture(480, 640)
    drawn, layout = annotate(image, CROWD), plan(image.shape, CROWD)
    assert drawn.shape == (layout.height, layout.width, 3)
    numbers = [int(place.caption.split()[0]) for place in layout.places]
    assert numbers == list(range(1, len(CROWD) + 1))
    panels = [place.panel for place in layout.places]
    assert all(x1 >= 640 or y1 >= 480 for x1, y1, _, _ in panels)
    rows = [(y1, x1) for x1, y1, _, _ in panels]
    assert rows == sorted(rows)  # read as a text is
    outside = np.ones(drawn.shape[:2], bool)
    outside[:480, :640] = False
    for panel in panels:
        outside &= ~area(panel, drawn.shape)
    assert (drawn[outside] == PAPER).all()


def test_the_picture_beside_a_strip_is_that_without_bars_but_for_the_numbers():
    image = picture(480, 640)
    drawn, plain = annotate(image, CROWD)[:480, :640], annotate(image, CROWD, bars=False)
    tags = np.zeros((480, 640), bool)
    for layout in (plan(image.shape, CROWD), plan(image.shape, CROWD, bars=False)):
        for place in layout.places:
            tags |= area(place.tag, image.shape)
    assert not (drawn != plain).any(axis=2)[~tags].any()


@pytest.mark.parametrize(("faces", "shape"), [(FOUR, (480, 800)), (CROWD[:9], (480, 640))])
def test_every_panel_has_a_bar_of_each_class_as_long_as_it_is_probable(faces, shape):
    drawn, layout = annotate(picture(*shape), faces), plan(shape, faces)
    for one, place in zip(faces, layout.places, strict=True):
        x1, y1, x2, y2 = place.panel
        y1 += (y2 - y1) // 6 if layout.numbered else 0  # the heading has the label's colour, too
        panel = drawn[y1:y2, x1 + 5 : x2 - 5]  # an edge has it otherwise
        found = {label: (panel == label_colour(label)).all(axis=2).sum() for label in CHANCES}
        longest = max(found.values())
        assert longest == found[one.label]
        for label, count in found.items():
            assert count / longest == pytest.approx(one.probabilities[label] / 0.5, abs=0.06)


def test_a_single_face_without_room_gets_a_strip_and_no_number():
    (place,) = plan((400, 300), [predict(20, 30, 280, 380)]).places
    assert place.caption == "happy 50%"
    assert place.panel[0] >= 300
    (wide,) = plan((300, 900), [predict(100, -10, 820, 310)]).places
    assert wide.panel[1] >= 300


def test_without_bars_no_face_has_a_panel_or_a_number():
    layout = plan((480, 640), CROWD, bars=False)
    assert (layout.height, layout.width) == (480, 640)
    assert all(place.panel is None for place in layout.places)
    assert not any(place.caption[0].isdigit() for place in layout.places)


@pytest.mark.parametrize(
    ("shape", "factor"),
    [
        ((1, 1), 240),
        ((48, 48), 5),
        ((239, 300), 2),
        ((240, 240), 1),
        ((4000, 6000), 1),
        ((1, 4000), 1),
        ((100, 1500, 3), 2),
    ],
)
def test_a_small_picture_is_enlarged_by_a_whole_factor(shape, factor):
    assert enlargement(shape) == factor


def test_an_enlarged_picture_keeps_its_pixels_and_its_face_its_place():
    image = picture(48, 60)
    drawn = annotate(image, [predict(19.5, 9.5, 39.5, 39.5)], bars=False)
    assert drawn.shape == (240, 300, 3)
    large = enlarge(image, 5)
    assert (drawn[51:199, 101:199] == large[51:199, 101:199]).all()
    assert (drawn[210:] == large[210:]).all()
    assert (drawn[199, 100:200] == label_colour("happy")).all()
    assert (drawn[50:200, [100, 199]] == label_colour("happy")).all()


def test_text_and_lines_follow_picture_and_face():
    def place(shape, *box):
        (found,) = plan(shape, [predict(*box)]).places
        return found

    small = place((480, 640), 100, 100, 300, 350)
    large = place((4800, 6400), 1000, 1000, 3000, 3500)
    assert large.scale == pytest.approx(10 * small.scale)
    assert place((480, 640), 100, 100, 150, 160).scale < small.scale
    far = place((4800, 6400), 1000, 1000, 1060, 1080)
    assert small.scale < far.scale < large.scale  # it must be read in the picture made small
    drawn = annotate(np.zeros((2400, 3200, 3), np.uint8), [predict(500, 600, 2500, 2200)])
    assert (drawn[1900:2300, 1500] == label_colour("happy")).all(axis=1).sum() >= 8


@pytest.mark.parametrize("corner", [(-9, -9), (770, -9), (-9, 450), (770, 450), (400, 200)])
def test_caption_stays_whole_at_every_edge(corner):
    x, y = corner
    one = predict(x, y, x + 40, y + 40)
    (place,) = plan((480, 800), [one], bars=False).places
    assert inside(place.tag, 480, 800)
    (middle,) = plan((480, 800), [predict(400, 200, 440, 240)], bars=False).places
    width, height = np.subtract(middle.tag[2:], middle.tag[:2])
    assert np.subtract(place.tag[2:], place.tag[:2]).tolist() == [width, height]
    assert overlap(place.tag, place.box) == 0
    assert min(abs(place.tag[3] - y), abs(place.tag[1] - y - 40)) == 0  # on the box or under it


def test_captions_avoid_other_faces_and_each_other():
    above, below = predict(100, 60, 180, 150), predict(110, 155, 190, 240, label="sad")
    layout = plan((480, 640), [above, below], bars=False)
    tags, boxes = zip(*((place.tag, place.box) for place in layout.places), strict=True)
    assert not overlap(*tags)
    assert not any(overlap(tag, box) for tag in tags for box in boxes)


def test_dots_and_eyes_are_drawn_where_they_are_known():
    image = picture(480, 640)
    one = with_eyes(100, 100, 260, 300)
    plain = annotate(image, [one])
    dots = (annotate(image, [one], landmarks=True) != plain).any(axis=2)
    for x, y in one.face.landmarks.round().astype(int):
        assert dots[y, x]
    assert dots.sum() < 5 * 15**2
    rows, columns = np.nonzero((annotate(image, [one], eyes=True) != plain).any(axis=2))
    eyes = one.face.landmarks[:2]
    away = np.hypot(columns - eyes[:, :1], rows - eyes[:, 1:])  # (2, N)
    radius = 0.28 * (eyes[1, 0] - eyes[0, 0])
    assert abs(away.min(axis=0) - radius).max() < 5
    assert all((near < radius + 5).any() for near in away)


def test_a_lone_eye_is_ringed_as_large_as_the_box_suggests():
    image = picture(480, 640)
    unknown = (np.nan, np.nan)
    for points, middle in (
        ([(150, 180), *[unknown] * 4], (150, 180)),
        ([unknown, (210, 180), *[unknown] * 3], (210, 180)),
    ):
        one = predict(100, 100, 260, 300, landmarks=points)
        changed = (annotate(image, [one], eyes=True) != annotate(image, [one])).any(axis=2)
        rows, columns = np.nonzero(changed)
        away = np.hypot(columns - middle[0], rows - middle[1])
        assert 160 / 12 < away.min() <= away.max() < 160 / 5


def test_without_landmarks_no_eyes_and_no_dots():
    image = picture(480, 640)
    for points in (None, np.full((5, 2), np.nan)):
        one = predict(100, 100, 260, 300, landmarks=points)
        marked = annotate(image, [one], eyes=True, landmarks=True)
        assert (marked == annotate(image, [one])).all()


def test_emoji_sit_at_a_corner_scaled_to_the_face_and_cover_no_caption():
    shape = (900, 1400)
    faces = [predict(100, 100, 200, 230), predict(600, 100, 900, 500), predict(-20, 700, 90, 950)]
    layout = plan(shape, faces, emoji=True)
    tags = [place.tag for place in layout.places]
    for place in layout.places:
        x1, y1, x2, y2 = place.emoji
        assert x2 - x1 == y2 - y1
        assert inside(place.emoji, *shape)
        assert not any(overlap(place.emoji, tag) for tag in tags)
        assert overlap(place.emoji, place.box) > 0
    small, large = (place.emoji[2] - place.emoji[0] for place in layout.places[:2])
    assert large == pytest.approx(3 * small, abs=3)
    assert 0.3 < small / 100 < 0.6


def test_an_emoji_is_the_labels():
    image = picture(480, 640)
    (place,) = plan(image.shape, [predict(100, 100, 260, 300)], emoji=True).places
    x1, y1, x2, y2 = place.emoji
    happy, sad = (
        annotate(image, [predict(100, 100, 260, 300, label=label)], emoji=True)[y1:y2, x1:x2]
        for label in ("happy", "sad")
    )
    assert (happy != sad).any(axis=2).mean() > 0.5
    assert (happy[0, 0] == image[y1, x1]).all() or (happy[-1, -1] == image[y2 - 1, x2 - 1]).all()


numbers = st.one_of(st.floats(-300, 900), st.floats(width=32))


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from([(1, 1), (2, 90, 3), (48, 48), (300, 200, 3), (250, 700), (3, 4100)]),
    st.lists(
        st.tuples(
            st.lists(numbers, min_size=4, max_size=4),
            st.none() | st.lists(numbers, min_size=10, max_size=10),
            st.dictionaries(st.text(max_size=30), st.floats(0, 1), min_size=1, max_size=4),
        ),
        max_size=5,
    ),
    st.tuples(*[st.booleans()] * 4),
)
def test_any_faces_on_any_picture(shape, found, wanted):
    image = np.full(shape, 50, np.uint8)
    predictions = [
        Prediction(
            Face(
                np.float32(box), 0.5, None if points is None else np.float32([points]).reshape(5, 2)
            ),
            chances,
        )
        for box, points, chances in found
    ]
    names = ("bars", "landmarks", "eyes", "emoji")
    drawn = annotate(image, predictions, **dict(zip(names, wanted, strict=True)))
    assert drawn.dtype == np.uint8
    assert drawn.ndim == 3
    assert all(now >= before for now, before in zip(drawn.shape, shape[:2], strict=False))
    assert (image == 50).all()


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(240, 900), st.integers(240, 900)),
    st.lists(
        st.tuples(st.integers(-60, 900), st.integers(-60, 900), st.integers(1, 400)),
        min_size=1,
        max_size=6,
    ),
    st.booleans(),
)
def test_bars_hide_no_face_wherever_the_faces_are(shape, corners, emoji):
    faces = [predict(x, y, x + side, y + 1.25 * side) for x, y, side in corners]
    layout = plan(shape, faces, emoji=emoji)
    panels = [place.panel for place in layout.places]
    seen = [
        (*np.maximum(place.box[:2], 0), *np.minimum(place.box[2:], shape[::-1]))
        for place in layout.places
    ]
    labels = [mark for place in layout.places for mark in (place.tag, place.emoji) if mark]
    assert all(inside(panel, layout.height, layout.width) for panel in panels)
    assert all(inside(mark, *shape) for mark in labels)
    assert not any(overlap(*pair) for pair in combinations(panels, 2))
    assert not any(overlap(panel, mark) for panel in panels for mark in (*seen, *labels))


def sized(height, width, red):
    return np.full((height, width, 3), (red, 0, 0), np.uint8)


def extents(sheet, reds):
    """Give x1, y1, x2, y2 of each picture of one red."""
    for red in reds:
        rows, columns = np.nonzero((sheet == (red, 0, 0)).all(axis=2))
        yield columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_side_by_side_keeps_sizes_in_a_row_under_titles():
    pictures = [sized(300, 400, 91), sized(380, 400, 92), sized(300, 520, 93)]
    sheet = side_by_side(pictures, ["one.keras", "two.onnx", "three"])
    found = list(extents(sheet, (91, 92, 93)))
    for image, (x1, y1, x2, y2) in zip(pictures, found, strict=True):
        assert (y2 - y1, x2 - x1) == image.shape[:2]
        title = sheet[:y1, x1:x2]
        assert (title.max(axis=2) < 100).any()
        assert (sheet[y2:, x1:x2] == PAPER).all()
    assert {y1 for _, y1, _, _ in found} == {found[0][1]}
    assert all(left[2] < right[0] for left, right in pairwise(found))


def test_side_by_side_stacks_pictures_that_would_make_a_very_wide_row():
    sheet = side_by_side([sized(200, 700, red) for red in (91, 92)], ["a", "b"])
    (x, _, _, end), (x_below, start, _, _) = extents(sheet, (91, 92))
    assert x == x_below
    assert start > end


def test_side_by_side_takes_grey_tiny_pictures_and_any_title():
    sheet = side_by_side([np.full((1, 1), 91, np.uint8)] * 2, ["model", "x" * 500])
    assert ((sheet == 91).all(axis=2)).sum() >= 2
    assert sheet.shape[1] < 600


def test_side_by_side_wants_a_title_for_each_picture():
    with pytest.raises(ValueError, match="shorter"):
        side_by_side([sized(30, 30, 91)] * 2, ["one"])
    with pytest.raises(ValueError, match="empty"):
        side_by_side([], [])


@pytest.mark.parametrize("image", [np.zeros((4, 5), float), np.zeros((4, 5, 4), np.uint8), "a.png"])
def test_what_is_no_picture_is_told(image):
    with pytest.raises(ValueError, match=r"expected uint8, grey \(H, W\) or RGB \(H, W, 3\)"):
        annotate(image, [])
