from dataclasses import replace

import cv2
import numpy as np
import pytest

from facexpr.align import Alignment, align_face, equalise, placed_by, scale_template
from facexpr.detectors import Face
from facexpr.geometry import whole_box

TEMPLATE = ((16.46, 22.2), (31.56, 22.12), (24.06, 30.79), (17.86, 39.63), (30.36, 39.56))
PLAIN = Alignment(
    px=48,
    method="five_points",
    template=TEMPLATE,
    margin=0.0,
    square="expand",
    fill=-1,
    interpolation="linear",
    equalise="none",
)
NOISE = np.random.default_rng(0).integers(0, 256, (60, 100), np.uint8)


def make_face(landmarks=None, box=(0, 0, 10, 10)):
    return Face(np.array(box, np.float32), 0.9, landmarks)


def box_face(left, top, right, bottom):
    """A face whose box holds the pixels of columns left to right - 1 and rows top to bottom - 1."""
    return make_face(box=(left - 0.5, top - 0.5, right - 0.5, bottom - 0.5))


def align(image, face, **changes):
    return align_face(image, face, replace(PLAIN, **changes))


def turned_template(scale, turn, shift):
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return (np.array(TEMPLATE) @ spin.T * scale + shift).astype(np.float32)


def without(landmarks, *rows):
    landmarks = landmarks.copy()
    landmarks[list(rows)] = np.nan
    return landmarks


def draw_dot(shape, point, radius):
    """A soft round dot, black on white, centred between pixels where the point lies."""
    yy, xx = np.indices(shape)
    inside = np.clip(radius + 0.5 - np.hypot(xx - point[0], yy - point[1]), 0, 1)
    return np.rint(255 * (1 - inside)).astype(np.uint8)


def find_dot(image):
    weight = 255.0 - image
    rows, columns = np.indices(image.shape)
    return np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()


def fitted(landmarks, template):
    """The similarity by linear least squares, unknowns a, b, x, y of [[a, -b, x], [b, a, y]]."""
    x, y, one, zero = *np.asarray(landmarks, float).T, np.ones(5), np.zeros(5)
    rows = np.concatenate([np.c_[x, -y, one, zero], np.c_[y, x, zero, one]])
    a, b, x, y = np.linalg.lstsq(rows, np.asarray(template).T.ravel())[0]
    return np.array([[a, -b, x], [b, a, y]])


def sampled(image, matrix, px):
    """Bilinear samples of the grey image, averaged first over blocks if it shrinks."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
    block = int(1 / np.sqrt(matrix[0, 0] ** 2 + matrix[1, 0] ** 2) + 1e-9)
    if block > 1:
        grey = np.pad(grey, [(0, -side % block) for side in grey.shape], mode="edge")
        new_wh = (grey.shape[1] // block, grey.shape[0] // block)
        grey = cv2.resize(grey, new_wh, interpolation=cv2.INTER_AREA)
        shift = matrix[:, :2].sum(axis=1) * (block - 1) / 2
        matrix = np.c_[matrix[:, :2] * block, matrix[:, 2] + shift]
    return cv2.warpAffine(grey, matrix, (px, px), borderMode=cv2.BORDER_REPLICATE)


def squared(box, px):
    """Takes the box's centre to the middle, and its longer side to px."""
    x1, y1, x2, y2 = map(float, box)
    scale = px / max(x2 - x1, y2 - y1)
    shift = [(px - 1) / 2 - scale * (x1 + x2) / 2, (px - 1) / 2 - scale * (y1 + y2) / 2]
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])


@pytest.mark.parametrize("px", [33, 48, 100])
@pytest.mark.parametrize("shape", [(60, 100), (300, 170, 3), (17, 9)])
def test_plain_alignment_is_exactly_similarity_square_and_bilinear_samples(shape, px):
    rng = np.random.default_rng(px)
    image = rng.integers(0, 256, shape, np.uint8)
    for scale in (0.4, 1.0, 2.7, 5.2):
        points = turned_template(scale, rng.uniform(-1, 1), rng.uniform(-20, 60, 2))
        points += rng.normal(0, scale, (5, 2)).astype(np.float32)
        box = np.array([3.3, -7.1, 3.3 + 47 * scale, 20 + 30 * scale], np.float32)
        matrix = fitted(points, scale_template(TEMPLATE, px))
        found = align(image, make_face(points, box), px=px)
        np.testing.assert_array_equal(found, sampled(image, matrix, px))
        found = align(image, make_face(None, box), px=px)
        np.testing.assert_array_equal(found, sampled(image, squared(box, px), px))
    whole = squared((-0.5, -0.5, shape[1] - 0.5, shape[0] - 0.5), px)
    np.testing.assert_array_equal(align(image, None, px=px), sampled(image, whole, px))


@pytest.mark.parametrize("px", [48, 60])
@pytest.mark.parametrize(
    ("scale", "turn", "shift"), [(1.0, 0.0, (20, 8)), (4.3, 0.4, (120, 10)), (1.7, -0.7, (40, 70))]
)
def test_landmarks_land_on_the_template(px, scale, turn, shift):
    landmarks = turned_template(scale, turn, shift)
    for point, expected in zip(landmarks, scale_template(TEMPLATE, px), strict=True):
        image = draw_dot((300, 420), point, 2.5 * scale)
        found = align(image, make_face(landmarks), px=px)
        assert found.shape == (px, px)
        np.testing.assert_allclose(find_dot(found), expected, atol=0.15)


@pytest.mark.parametrize("known", ["all", "eyes"])
def test_eyes_land_on_the_template_whatever_the_other_points_say(known):
    landmarks = turned_template(2.4, 0.5, (90, 40))
    landmarks[2:] += np.float32([30, -12])
    if known == "eyes":
        landmarks = without(landmarks, 2, 3, 4)
    for point, expected in zip(landmarks[:2], TEMPLATE[:2], strict=True):
        found = align(draw_dot((260, 330), point, 6), make_face(landmarks), method="eyes")
        np.testing.assert_allclose(find_dot(found), expected, atol=0.15)


POINTS = turned_template(1.2, 0.2, (30, 5))


@pytest.mark.parametrize(
    ("landmarks", "five_points", "eyes"),
    [
        (POINTS, "landmarks", "eyes"),
        (without(POINTS, 2, 3, 4), "box", "eyes"),
        (without(POINTS, 4), "box", "eyes"),
        (without(POINTS, 1), "box", "box"),
        (without(POINTS, 0, 1, 2, 3, 4), "box", "box"),
        (None, "box", "box"),
    ],
)
def test_what_is_missing_falls_back_to_the_box(landmarks, five_points, eyes):
    face = make_face(landmarks, (29.5, 19.5, 77.5, 39.5))
    by_box = align(NOISE, make_face(None, face.box_xyxy))
    for method, expected in {"five_points": five_points, "eyes": eyes, "box": "box"}.items():
        assert placed_by(face, method) == expected
        assert placed_by(None, method) == "whole"
        found = align(NOISE, face, method=method)
        assert np.array_equal(found, by_box) == (expected == "box")


def test_without_a_face_an_image_of_the_right_side_is_returned_unchanged():
    image = NOISE[:48, :48]
    np.testing.assert_array_equal(align(image, None), image)


def test_without_a_face_a_wide_image_is_padded_and_not_squashed():
    image = NOISE[:20, :48]
    found = align(image, None)
    np.testing.assert_array_equal(found[14:34], image)
    np.testing.assert_array_equal(found[:14], np.tile(image[0], (14, 1)))
    np.testing.assert_array_equal(found[34:], np.tile(image[-1], (14, 1)))


def test_expand_takes_the_square_around_the_box_from_the_image():
    # Columns 30 to 77 and rows 20 to 39: the square reaches rows 6 to 53.
    found = align(NOISE, box_face(30, 20, 78, 40))
    np.testing.assert_array_equal(found, NOISE[6:54, 30:78])


@pytest.mark.parametrize("square", ["expand", "pad"])
def test_fill_is_what_lies_outside_the_image(square):
    found = align(NOISE, box_face(80, 40, 128, 88), square=square, fill=200)
    np.testing.assert_array_equal(found[:20, :20], NOISE[40:, 80:])
    assert (found[20:] == 200).all()
    assert (found[:, 20:] == 200).all()


def test_pad_shows_the_box_alone():
    face = box_face(30, 20, 50, 68)  # rows 60 to 67 lie below the image
    found = align(NOISE, face, square="pad", fill=9)
    np.testing.assert_array_equal(found[:40, 14:34], NOISE[20:60, 30:50])
    assert (found[:, :14] == 9).all()
    assert (found[:, 34:] == 9).all()
    assert (found[40:] == 9).all()


def test_pad_can_repeat_the_edge_of_the_box():
    found = align(NOISE, box_face(30, 20, 78, 40), square="pad")
    np.testing.assert_array_equal(found[14:34], NOISE[20:40, 30:78])
    np.testing.assert_array_equal(found[:14], np.tile(NOISE[20, 30:78], (14, 1)))
    np.testing.assert_array_equal(found[34:], np.tile(NOISE[39, 30:78], (14, 1)))


@pytest.mark.parametrize("box", [(-30, -40, -10, -5), (120, 10, 140, 30), (99.6, 59.6, 99.8, 80)])
def test_a_box_beside_the_image_still_gives_a_face(box):
    for square in ("expand", "pad", "stretch"):
        assert align(NOISE, make_face(box=box), square=square, fill=3).shape == (48, 48)


def test_stretch_averages_the_side_that_shrinks_and_squashes_the_box():
    image = np.random.default_rng(1).integers(0, 256, (70, 200), np.uint8)
    found = align(image, box_face(21, 10, 165, 58), square="stretch")
    expected = image[10:58, 21:165].reshape(48, 48, 3).mean(axis=2)
    assert np.abs(found - expected).max() <= 0.5
    tall = align(image.T, box_face(10, 21, 58, 165), square="stretch")
    np.testing.assert_array_equal(tall, found.T)


def test_stretch_enlarges_each_side_by_its_own_factor():
    found = align(NOISE, box_face(10, 20, 34, 32), square="stretch")
    expected = cv2.resize(NOISE[:, 10:34], (48, 240), interpolation=cv2.INTER_LINEAR)[80:128]
    # The first and last columns mix with the box's neighbours here, and with themselves there.
    assert np.abs(found[:, 1:-1].astype(int) - expected[:, 1:-1]).max() <= 2


def test_stretch_squashes_a_whole_image_too():
    board = np.repeat([[10, 20], [30, 40]], 30, axis=0).repeat(48, axis=1).astype(np.uint8)
    found = align(board, None, square="stretch", px=30)
    assert [found[y, x] for y in (0, 29) for x in (0, 29)] == [10, 20, 30, 40]


# The box has 40 columns, 30 to 69, and 20 rows, 20 to 39.
@pytest.mark.parametrize(("margin", "box"), [(0.25, (20, 15, 80, 45)), (-0.25, (40, 25, 60, 35))])
@pytest.mark.parametrize("square", ["expand", "pad", "stretch"])
def test_margin_moves_each_side_by_a_share_of_the_box(margin, box, square):
    found = align(NOISE, box_face(30, 20, 70, 40), margin=margin, square=square)
    np.testing.assert_array_equal(found, align(NOISE, box_face(*box), square=square))


def test_margin_changes_neither_landmarks_nor_a_whole_image():
    marked = make_face(POINTS)
    for face, method in ((marked, "five_points"), (marked, "eyes"), (None, "box")):
        found = align(NOISE, face, method=method, margin=0.6)
        np.testing.assert_array_equal(found, align(NOISE, face, method=method))


def test_margin_widens_a_box_around_everything():
    shape = NOISE.shape
    face = make_face(box=whole_box(shape))
    np.testing.assert_array_equal(align(NOISE, face, px=40), align(NOISE, None, px=40))
    found = align(NOISE, face, px=100, margin=0.25, fill=0)
    assert (found[:, :16] == 0).all()
    assert (found[:, 84:] == 0).all()


def test_cubic_overshoots_at_an_edge_and_linear_does_not():
    image = np.full((20, 30), 100, np.uint8)
    image[:, 15:] = 150
    linear = align(image, box_face(10, 5, 20, 15))
    cubic = align(image, box_face(10, 5, 20, 15), interpolation="cubic")
    assert (linear.min(), linear.max()) == (100, 150)
    assert cubic.min() < 100
    assert cubic.max() > 150


def test_cubic_leaves_whole_pixels_alone_and_averages_before_it_shrinks():
    found = align(NOISE, box_face(30, 6, 78, 54), interpolation="cubic")
    np.testing.assert_array_equal(found, NOISE[6:54, 30:78])
    board = (np.indices((96, 192)).sum(axis=0) % 2 * 255).astype(np.uint8)
    found = align(board, box_face(40, 0, 136, 96), interpolation="cubic")
    assert np.abs(found.astype(float) - 127.5).max() <= 1


def test_equalise_spreads_the_levels_of_the_aligned_face_alone():
    image = np.full((60, 100), 250, np.uint8)
    image[6:54, 30:78] = np.random.default_rng(2).integers(100, 108, (48, 48))
    face = box_face(30, 6, 78, 54)
    plain, spread = align(image, face), align(image, face, equalise="histogram")
    assert (plain.min(), plain.max()) == (100, 107)
    assert (spread.min(), spread.max()) == (0, 255)
    order = np.argsort(plain, axis=None, kind="stable")
    assert (np.diff(spread.ravel()[order].astype(int)) >= 0).all()


@pytest.mark.parametrize("px", [16, 17, 48, 200])
def test_clahe_spreads_the_dark_half_and_the_bright_half_each_by_itself(px):
    noise = np.random.default_rng(0).integers(0, 20, (px, px))
    image = (noise + np.where(np.arange(px) < px // 2, 20, 200)).astype(np.uint8)
    found = equalise(image, "clahe")
    assert (found.shape, found.dtype) == ((px, px), np.uint8)
    for part in (slice(0, px // 3), slice(px - px // 3, px)):
        assert found[:, part].std() > 1.4 * image[:, part].std()


@pytest.mark.parametrize("how", ["none", "histogram", "clahe"])
def test_equalise_of_a_face_of_one_grey_gives_one_grey(how):
    assert np.ptp(equalise(np.full((48, 48), 90, np.uint8), how)) == 0


def test_colour_becomes_grey():
    image = np.full((30, 40, 3), (255, 0, 0), np.uint8)
    found = align(image, None)
    assert found.shape == (48, 48)
    assert (found == 76).all()


def test_the_template_scales_about_pixel_edges():
    np.testing.assert_allclose(scale_template(TEMPLATE, 48), TEMPLATE)
    # The centre of a 48 px image is 23.5, that of a 96 px image 47.5; the corners are -0.5.
    points = scale_template([(23.5, 23.5), (-0.5, -0.5), (47.5, -0.5)], 96)
    np.testing.assert_array_equal(points, [(47.5, 47.5), (-0.5, -0.5), (95.5, -0.5)])
