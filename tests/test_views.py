import cv2
import numpy as np
import pytest

from facexpr.views import average_views, make_views, view_boxes

FACES = np.random.default_rng(0).integers(0, 256, (3, 48, 48), np.uint8)


def test_five_crops_lie_in_the_corners_and_the_middle():
    assert view_boxes(48, 42) == [(0, 0), (0, 6), (6, 0), (6, 6), (3, 3)]
    assert view_boxes(48, 48) == [(0, 0)] * 5


def test_one_view_is_the_faces_themselves():
    (view,) = make_views(FACES, 1, 0.875)
    assert view is FACES


def test_two_views_are_the_faces_and_their_mirrors():
    first, second = make_views(FACES, 2, 0.875)
    assert first is FACES
    np.testing.assert_array_equal(second, np.stack([cv2.flip(face, 1) for face in FACES]))


def test_ten_views_are_five_crops_resized_each_with_its_mirror():
    views = list(make_views(FACES, 10, 0.875))
    assert len(views) == 10
    for view, mirror, (y, x) in zip(views[::2], views[1::2], view_boxes(48, 42), strict=True):
        assert view.shape == FACES.shape
        crop = cv2.resize(FACES[1, y : y + 42, x : x + 42], (48, 48))
        np.testing.assert_array_equal(view[1], crop)
        np.testing.assert_array_equal(mirror, view[:, :, ::-1])


def test_crops_of_the_whole_side_are_the_faces():
    for view in list(make_views(FACES, 10, 1.0))[::2]:
        np.testing.assert_array_equal(view, FACES)


def test_the_crop_is_a_share_of_any_side():
    faces = np.zeros((1, 64, 64), np.uint8)
    faces[:, 56:, 56:] = 255  # outside the top-left crop of 56, inside the bottom-right one
    views = list(make_views(faces, 10, 0.875))
    assert views[0].max() == 0
    assert views[6].max() == 255


def test_one_view_is_exactly_what_the_model_says():
    answer = np.array([[0.0, 1.0]])
    assert average_views(lambda faces: answer, FACES[:1], 1, 0.875) is answer


def test_two_views_are_averaged_as_logarithms():
    answers = iter([np.array([[0.5, 0.4, 0.1]]), np.array([[0.2, 0.1, 0.7]])])
    found = average_views(lambda faces: next(answers), FACES[:1], 2, 0.875)
    means = np.sqrt([0.5 * 0.2, 0.4 * 0.1, 0.1 * 0.7])  # geometric, then normalised
    np.testing.assert_allclose(found, [means / means.sum()])


def test_a_class_ruled_out_in_one_view_stays_finite():
    answers = iter([np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]])])
    np.testing.assert_allclose(
        average_views(lambda _: next(answers), FACES[:1], 2, 0.9), [[0.5, 0.5]]
    )


@pytest.mark.parametrize("views", [2, 10])
def test_views_that_agree_change_nothing(views):
    answer = np.array([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]])
    np.testing.assert_allclose(average_views(lambda _: answer, FACES[:2], views, 0.875), answer)


@pytest.mark.parametrize("side", [42, 41])
def test_a_model_that_crops_by_itself_gets_its_own_corners_unresized(side):
    before = (48 - side) // 2
    views = list(make_views(FACES, 10, 0.5, crop_px=side))
    assert len(views) == 10
    for view, mirror, (y, x) in zip(views[::2], views[1::2], view_boxes(48, side), strict=True):
        seen = view[:, before : before + side, before : before + side]
        np.testing.assert_array_equal(seen, FACES[:, y : y + side, x : x + side])
        np.testing.assert_array_equal(mirror, view[:, :, ::-1])
    np.testing.assert_array_equal(views[8], FACES)  # the middle crop is the model as called
