import numpy as np
import pytest

from facexpr.sample.canvas import Canvas, ellipse, ribbon

SQUARE = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
WHITE = np.array([255.0, 255.0, 255.0])


def centre_of_mass(picture):
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    return (picture * x).sum() / picture.sum(), (picture * y).sum() / picture.sum()


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("place", [(10.0, 12.0), (9.3, 14.6)])
def test_shapes_land_where_the_pixel_convention_says(scale, place):
    canvas = Canvas(24, 32, scale, grey=True)
    canvas.paint([ellipse(*place, 5, 4)], WHITE)
    assert centre_of_mass(canvas.picture()) == pytest.approx(place, abs=0.1)


def test_colours_turn_grey_by_their_luma():
    grey, colour = (Canvas(8, 8, 2, grey=grey) for grey in (True, False))
    for canvas in (grey, colour):
        canvas.paint([SQUARE * 20 + 4], np.array([200.0, 100.0, 50.0]))
    np.testing.assert_allclose(grey.picture(), 200 * 0.299 + 100 * 0.587 + 50 * 0.114, rtol=1e-4)
    np.testing.assert_allclose(colour.picture()[3, 3], [200, 100, 50], rtol=1e-4)


def test_paint_stays_within_and_only_what_covers_is_counted():
    canvas = Canvas(20, 20, 4, grey=True)
    canvas.paint([SQUARE * 16 + 10], WHITE, within=[SQUARE * 6 + 10])
    assert canvas.picture()[4, 4] == 0
    assert canvas.picture()[10, 10] == 255
    assert not canvas.coverage.any()
    canvas.paint([SQUARE * 6 + 10], WHITE, covers=True)
    assert canvas.coverage[40, 40] == 1


def test_overlapping_shapes_leave_no_hole_and_shapes_outside_do_no_harm():
    canvas = Canvas(20, 20, 4, grey=True)
    canvas.paint([SQUARE * 8 + 10, SQUARE * 6 + 10], WHITE)
    assert canvas.picture()[10, 10] == 255
    canvas.paint([SQUARE + 500], WHITE, blur=1.0)
    canvas.paint([SQUARE - 500], WHITE)


def test_a_ribbon_is_as_wide_as_asked():
    outline = ribbon(np.stack([np.arange(5.0), np.zeros(5)], 1), 0.5)
    assert outline.shape == (10, 2)
    assert np.ptp(outline[:, 1]) == pytest.approx(0.5)
