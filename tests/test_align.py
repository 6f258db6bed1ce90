import numpy as np
import pytest

from facexpr.align import align_face, scale_template, transform_for
from facexpr.detectors import Face
from facexpr.geometry import whole_box

TEMPLATE = ((16.46, 22.2), (31.56, 22.12), (24.06, 30.79), (17.86, 39.63), (30.36, 39.56))


def make_face(landmarks=None, box=(0, 0, 10, 10)):
    return Face(np.array(box, np.float32), 0.9, landmarks)


def turned_template(scale, turn, shift):
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return (np.array(TEMPLATE) @ spin.T * scale + shift).astype(np.float32)


def draw_dot(shape, point, radius):
    """A soft round dot, black on white, centred between pixels where the point lies."""
    yy, xx = np.indices(shape)
    inside = np.clip(radius + 0.5 - np.hypot(xx - point[0], yy - point[1]), 0, 1)
    return np.rint(255 * (1 - inside)).astype(np.uint8)


def find_dot(image):
    weight = 255.0 - image
    rows, columns = np.indices(image.shape)
    return np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()


@pytest.mark.parametrize("px", [48, 60])
@pytest.mark.parametrize(
    ("scale", "turn", "shift"), [(1.0, 0.0, (20, 8)), (4.3, 0.4, (120, 10)), (1.7, -0.7, (40, 70))]
)
def test_landmarks_land_on_the_template(px, scale, turn, shift):
    landmarks = turned_template(scale, turn, shift)
    for point, expected in zip(landmarks, scale_template(TEMPLATE, px), strict=True):
        image = draw_dot((300, 420), point, 2.5 * scale)
        found = align_face(image, make_face(landmarks), TEMPLATE, px)
        assert found.shape == (px, px)
        np.testing.assert_allclose(find_dot(found), expected, atol=0.15)


def test_without_a_face_an_image_of_the_right_side_is_returned_unchanged():
    image = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    np.testing.assert_array_equal(align_face(image, None, TEMPLATE, 48), image)


def test_without_a_face_a_wide_image_is_padded_and_not_squashed():
    image = np.random.default_rng(0).integers(0, 256, (20, 48), np.uint8)
    found = align_face(image, None, TEMPLATE, 48)
    np.testing.assert_array_equal(found[14:34], image)
    np.testing.assert_array_equal(found[:14], np.tile(image[0], (14, 1)))
    np.testing.assert_array_equal(found[34:], np.tile(image[-1], (14, 1)))


def test_without_landmarks_the_square_around_the_box_is_the_face():
    image = np.random.default_rng(0).integers(0, 256, (60, 100), np.uint8)
    # Columns 30 to 77 and rows 20 to 39: the square reaches rows 6 to 53.
    face = make_face(box=(29.5, 19.5, 77.5, 39.5))
    found = align_face(image, face, TEMPLATE, 48)
    np.testing.assert_array_equal(found, image[6:54, 30:78])


def test_a_box_around_everything_is_the_same_as_no_face():
    shape = (33, 71)
    face = make_face(box=whole_box(shape))
    np.testing.assert_array_equal(
        transform_for(shape, face, TEMPLATE, 40), transform_for(shape, None, TEMPLATE, 40)
    )


def test_colour_becomes_grey():
    image = np.full((30, 40, 3), (255, 0, 0), np.uint8)
    found = align_face(image, None, TEMPLATE, 48)
    assert found.shape == (48, 48)
    assert (found == 76).all()


def test_the_template_scales_about_pixel_edges():
    np.testing.assert_allclose(scale_template(TEMPLATE, 48), TEMPLATE)
    # The centre of a 48 px image is 23.5, that of a 96 px image 47.5; the corners are -0.5.
    points = scale_template([(23.5, 23.5), (-0.5, -0.5), (47.5, -0.5)], 96)
    np.testing.assert_array_equal(points, [(47.5, 47.5), (-0.5, -0.5), (95.5, -0.5)])
