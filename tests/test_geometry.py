import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from facexpr.geometry import cut, similarity, square_to, stretch_to, warp, whole_box, widen

PIXEL = st.floats(-200, 200, width=32)
POINTS = arrays(np.float64, (5, 2), elements=PIXEL)
TURNS = st.floats(-np.pi, np.pi)
SCALES = st.floats(0.05, 20)


def make_transform(turn, scale, shift):
    c, s = scale * np.cos(turn), scale * np.sin(turn)
    return np.array([[c, -s, shift[0]], [s, c, shift[1]]])


def apply(transform, points):
    return points @ transform[:, :2].T + transform[:, 2]


def spread_out(points):
    return np.ptp(points, axis=0).max() > 1


@given(POINTS, TURNS, SCALES, arrays(np.float64, 2, elements=PIXEL))
def test_similarity_recovers_turn_scale_and_shift(source, turn, scale, shift):
    assume(spread_out(source))
    expected = make_transform(turn, scale, shift)
    found = similarity(source, apply(expected, source))
    assert found.shape == (2, 3)
    np.testing.assert_allclose(apply(found, source), apply(expected, source), atol=1e-9)
    np.testing.assert_allclose(found[:, :2], expected[:, :2], atol=1e-9)


@given(POINTS, POINTS)
def test_similarity_is_the_least_squares_solution(source, target):
    assume(spread_out(source))
    # One row for each coordinate, unknowns a, b, x, y of [[a, -b, x], [b, a, y]].
    design = np.zeros((10, 4))
    design[0::2] = np.c_[source[:, 0], -source[:, 1], np.ones(5), np.zeros(5)]
    design[1::2] = np.c_[source[:, 1], source[:, 0], np.zeros(5), np.ones(5)]
    a, b, x, y = np.linalg.lstsq(design, target.ravel())[0]
    np.testing.assert_allclose(similarity(source, target), [[a, -b, x], [b, a, y]], atol=1e-6)


@given(POINTS, POINTS)
def test_similarity_never_mirrors(source, target):
    assume(spread_out(source))
    linear = similarity(source, target)[:, :2]
    assert np.linalg.det(linear) >= 0
    np.testing.assert_allclose(linear.T @ linear, np.eye(2) * np.linalg.det(linear), atol=1e-6)


def test_similarity_of_mirrored_points_does_not_mirror_them():
    source = np.array([[0, 0], [10, 0], [3, 7]], np.float32)
    found = similarity(source, source * [-1, 1])
    assert np.linalg.det(found[:, :2]) > 0


def test_similarity_agrees_with_opencv_on_noisy_points():
    rng = np.random.default_rng(1)
    source = rng.uniform(0, 90, (5, 2))
    target = apply(make_transform(0.3, 0.7, (5, -2)), source) + rng.normal(0, 0.5, (5, 2))
    # Its default refinement needs every point as an inlier to minimise the same sum.
    theirs, inliers = cv2.estimateAffinePartial2D(source, target, ransacReprojThreshold=50)
    assert inliers.all()
    np.testing.assert_allclose(similarity(source, target), theirs, atol=1e-3)


def test_similarity_of_points_to_themselves_is_the_identity():
    points = np.array([[1, 2], [30, 4], [5, 60]], np.float32)
    np.testing.assert_allclose(similarity(points, points), np.eye(2, 3), atol=1e-12)


def test_similarity_refuses_points_that_coincide():
    with pytest.raises(ValueError, match="coincide"):
        similarity(np.full((5, 2), 7.0), np.eye(5, 2))


@pytest.mark.parametrize(("left", "right"), [((5, 2), (4, 2)), ((5, 3), (5, 3)), ((4,), (4,))])
def test_similarity_refuses_wrong_shapes(left, right):
    with pytest.raises(ValueError, match="expected two"):
        similarity(np.zeros(left), np.zeros(right))


@given(PIXEL, PIXEL, st.floats(1, 300), st.floats(1, 300), st.integers(1, 300))
def test_square_to_keeps_aspect_and_centre_and_fits_the_longer_side(x, y, width, height, px):
    transform = square_to(np.array([x, y, x + width, y + height]), px)
    assert transform[0, 0] == transform[1, 1] == pytest.approx(px / max(width, height))
    assert transform[0, 1] == transform[1, 0] == 0
    corners = apply(transform, np.array([[x, y], [x + width, y + height]]))
    np.testing.assert_allclose(corners.mean(axis=0), (px - 1) / 2, atol=1e-6)
    np.testing.assert_allclose(np.ptp(corners, axis=0).max(), px, atol=1e-6)
    assert corners.min() == pytest.approx(-0.5, abs=1e-6)


def test_whole_box_spans_the_pixel_edges_of_a_wide_image():
    box = whole_box((40, 90, 3))
    assert box.dtype == np.float32
    np.testing.assert_array_equal(box, [-0.5, -0.5, 89.5, 39.5])


@given(PIXEL, PIXEL, st.floats(1, 300), st.floats(1, 300), st.integers(1, 300))
def test_stretch_to_takes_the_corners_of_a_box_to_those_of_the_image(x, y, width, height, px):
    transform = stretch_to(np.array([x, y, x + width, y + height]), px)
    assert transform[0, 1] == transform[1, 0] == 0
    corners = apply(transform, np.array([[x, y], [x + width, y + height]]))
    np.testing.assert_allclose(corners, [[-0.5, -0.5], [px - 0.5, px - 0.5]], atol=1e-6)


@given(arrays(np.float64, 2, elements=PIXEL), st.integers(1, 300))
def test_stretch_to_and_square_to_agree_about_a_square(corner, px):
    box = np.concatenate([corner, corner + 37])
    np.testing.assert_allclose(stretch_to(box, px), square_to(box, px), rtol=1e-6, atol=1e-9)


def test_widen_moves_every_side_by_a_share_of_width_or_height():
    box = np.array([10, 20, 50, 30], np.float32)
    np.testing.assert_array_equal(widen(box, 0.5), [-10, 15, 70, 35])
    np.testing.assert_array_equal(widen(box, -0.25), [20, 22.5, 40, 27.5])
    np.testing.assert_array_equal(widen(box, 0.0), box)
    np.testing.assert_array_equal(box, [10, 20, 50, 30])


@pytest.mark.parametrize(
    ("box", "rows", "columns", "origin"),
    [
        ((9.5, 4.5, 29.5, 14.5), (5, 15), (10, 30), (10, 5)),
        ((9.9, 4.1, 29.1, 14.9), (5, 15), (10, 30), (10, 5)),  # nearest edges of pixels
        ((-20, -3, 29.5, 14.5), (0, 15), (0, 30), (0, 0)),
        ((60.5, 30.5, 99, 99), (31, 40), (61, 70), (61, 31)),
        ((29.8, 19.9, 30.2, 20.1), (20, 21), (30, 31), (30, 20)),
        ((-30, -30, -10, -10), (0, 1), (0, 1), (0, 0)),
        ((100, 100, 130, 130), (39, 40), (69, 70), (69, 39)),
    ],
)
@pytest.mark.parametrize("shape", [(40, 70), (40, 70, 3)])
def test_cut_gives_the_pixels_in_a_box_and_the_box_as_it_lies_in_them(
    box, rows, columns, origin, shape
):
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    inside, moved = cut(image, np.array(box, np.float32))
    np.testing.assert_array_equal(inside, image[slice(*rows), slice(*columns)])
    np.testing.assert_allclose(moved, np.array(box) - np.tile(origin, 2), atol=1e-5)


@pytest.mark.parametrize("shape", [(31, 31), (31, 31, 3)])
def test_warp_by_the_identity_returns_the_same_pixels(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    np.testing.assert_array_equal(warp(image, np.eye(2, 3), 31), image)


def test_warp_shifts_a_wide_image_by_whole_pixels_and_repeats_its_border():
    image = np.random.default_rng(0).integers(0, 256, (20, 50), np.uint8)
    found = warp(image, np.array([[1.0, 0, -10], [0, 1, 5]]), 30)
    np.testing.assert_array_equal(found[5:25], image[:, 10:40])
    np.testing.assert_array_equal(found[:5], np.tile(image[0, 10:40], (5, 1)))
    np.testing.assert_array_equal(found[25:], np.tile(image[-1, 10:40], (5, 1)))


@pytest.mark.parametrize("scale", [0.5, 0.49, 0.4, 1 / 3, 0.25, 0.21, 1 / 49])
def test_shrinking_a_checkerboard_by_two_or_more_leaves_mid_grey(scale):
    board = (np.indices((196, 392)).sum(axis=0) % 2 * 255).astype(np.uint8)
    found = warp(board, np.array([[scale, 0, 0], [0, scale, 0]]), int(196 * scale) - 1)
    blocks = int(1 / scale + 1e-9)
    # Blocks of an odd side hold one pixel more of one kind.
    assert np.abs(found.astype(float) - 127.5).max() <= 127.5 / blocks**2 + 1


@pytest.mark.parametrize("factor", [2, 3, 4, 7])
def test_shrinking_by_a_whole_factor_is_the_average_of_each_block(factor):
    image = np.random.default_rng(factor).integers(0, 256, (8 * factor, 12 * factor), np.uint8)
    # Pixel edges onto pixel edges: x_new = (x + 0.5) / factor - 0.5.
    shift = 0.5 / factor - 0.5
    transform = np.array([[1 / factor, 0, shift], [0, 1 / factor, shift]])
    blocks = image.reshape(8, factor, 12, factor).mean(axis=(1, 3))
    assert np.abs(warp(image, transform, 8) - blocks[:, :8]).max() <= 0.5


def test_shrinking_a_turned_image_keeps_places():
    yy, xx = np.indices((150, 240))
    image = (np.hypot(xx - 100, yy - 60) < 20).astype(np.uint8) * 255
    transform = make_transform(0.5, 0.23, (12, -1))
    found = warp(image, transform, 48).astype(float)
    rows, columns = np.indices(found.shape)
    centre = np.array([(found * columns).sum(), (found * rows).sum()]) / found.sum()
    np.testing.assert_allclose(centre, apply(transform, np.array([100, 60])), atol=0.1)


def test_shrinking_pads_sides_that_the_factor_does_not_divide():
    image = np.full((50, 101), 90, np.uint8)
    assert (warp(image, square_to(whole_box(image.shape), 33), 33) == 90).all()


@pytest.mark.parametrize("fill", [0, 200])
def test_warp_fills_what_lies_outside_with_a_grey_level(fill):
    image = np.random.default_rng(0).integers(0, 256, (20, 50, 3), np.uint8)
    found = warp(image, np.array([[1.0, 0, -30], [0, 1, 5]]), 30, fill)
    np.testing.assert_array_equal(found[5:25, :20], image[:, 30:])
    assert (found[:5] == fill).all()
    assert (found[25:] == fill).all()
    assert (found[:, 20:] == fill).all()


def test_shrinking_averages_the_fill_into_blocks_that_the_image_does_not_fill():
    image = np.full((20, 43), 100, np.uint8)  # of the last block of 4 columns, 3 are the image's
    found = warp(image, np.array([[0.25, 0, -0.375], [0, 0.25, -0.375]]), 12, fill=200)
    assert (found[:5, :10] == 100).all()
    assert (found[:5, 10] == 125).all()
    assert (found[5:] == 200).all()
    assert (found[:, 11] == 200).all()


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
@pytest.mark.parametrize(("across", "down"), [(4, 1), (1, 3), (2, 5)])
def test_each_axis_is_averaged_by_its_own_factor(across, down, interpolation):
    image = np.random.default_rng(0).integers(0, 256, (8 * down, 11 * across), np.uint8)
    scale = np.array([1 / across, 1 / down])
    transform = np.c_[np.diag(scale), scale / 2 - 0.5]
    blocks = image.reshape(8, down, 11, across).mean(axis=(1, 3))
    found = warp(image, transform, 8, interpolation=interpolation)
    assert np.abs(found - blocks[:, :8]).max() <= 0.5


def test_an_axis_that_grows_is_not_averaged():
    stripes = np.tile(np.array([0, 200], np.uint8)[:, None], (6, 40))  # a line black, a line white
    found = warp(stripes, np.array([[0.25, 0, -0.375], [0, 2, 0.5]]), 10)
    assert np.ptp(found[:, 4].astype(int)) == 150  # a quarter of the way into the next line


def test_cubic_is_the_cubic_of_opencv():
    image = np.random.default_rng(0).integers(0, 256, (20, 30), np.uint8)
    transform = np.array([[2, 0, 0.5], [0, 2, 0.5]])
    found = warp(image, transform, 40, interpolation="cubic")
    expected = cv2.resize(image, (60, 40), interpolation=cv2.INTER_CUBIC)[:, :40]
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert np.abs(found.astype(int) - warp(image, transform, 40)).max() > 10
