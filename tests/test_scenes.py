import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facexpr.detectors import Face
from facexpr.errors import UserError
from facexpr.predictor import Prediction
from facexpr.scenes import (
    GAP_PX,
    PastedFace,
    ScenePredictions,
    is_correct,
    make_scenes,
    match,
    predict_in_scenes,
    side_table,
)

LABELS = ("angry", "happy")
SIDES = (20, 60, 100)


def make_images(count, height=6, width=10):
    """Images of one grey level each, by which they can be told in a scene."""
    return [np.full((height, width), 250 - index, np.uint8) for index in range(count)]


def all_faces(scenes):
    return [face for scene in scenes for face in scene.faces]


def pixels(scene, face):
    """The part of a scene that a pasted face covers."""
    left, top, right, bottom = np.round(face.box_xyxy + 0.5).astype(int)
    return scene.image[top:bottom, left:right]


def gap_between(one, other):
    """Background between two boxes, along the axis where there is more."""
    low, high = np.maximum(one, other)[:2], np.minimum(one, other)[2:]
    return (low - high).max()


def make_prediction(box, happy=0.5):
    face = Face(np.array(box, np.float32), 0.9)
    return Prediction(face, {"angry": 1 - happy, "happy": happy})


def make_face(box, index=0):
    return PastedFace(index, 100, np.array(box, np.float32))


# A hundred pixels from 100 to 199, a hundred from 300 to 399, in the same rows.
LEFT, RIGHT = make_face((99.5, 99.5, 199.5, 199.5)), make_face((299.5, 99.5, 399.5, 199.5), 1)


class StubPredictor:
    """Finds faces where `find` says so: a function of a scene's pasted faces."""

    labels = LABELS

    def __init__(self, scenes, find):
        self._scenes, self._find = iter(scenes), find

    def predict(self, image):
        scene = next(self._scenes)
        assert np.array_equal(image, scene.image)
        return self._find(scene.faces)


def run(count, find, **settings):
    images = make_images(count)
    predictor = StubPredictor(make_scenes(images, **settings), find)
    return predict_in_scenes(predictor, images, **settings)


def test_a_scene_is_a_picture_of_640_by_480_whose_grey_never_nears_black_or_white():
    (scene,) = make_scenes(make_images(1), SIDES)
    assert scene.image.shape == (480, 640, 3)
    assert scene.image.dtype == np.uint8
    assert (scene.image == scene.image[..., :1]).all()
    background = scene.image[(scene.image != 250).all(axis=2)]
    assert background.min() >= 80
    assert background.max() <= 176


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(0, 25),
    sides=st.lists(st.integers(12, 448), min_size=1, max_size=4),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    seed=st.integers(0, 1000),
)
def test_each_image_is_pasted_once_whole_and_apart_from_the_others(
    count, sides, height, width, seed
):
    images = make_images(count, height, width)
    scenes = list(make_scenes(images, sides, seed))
    assert [face.index for face in all_faces(scenes)] == list(range(count))
    for scene in scenes:
        boxes = [face.box_xyxy for face in scene.faces]
        for number, (face, box) in enumerate(zip(scene.faces, boxes, strict=True)):
            assert face.side_px in sides
            assert (box[:2] >= GAP_PX - 0.5).all()
            assert (box[2:] <= np.array([640, 480]) - GAP_PX - 0.5).all()
            assert (pixels(scene, face) == 250 - face.index).all()
            assert all(gap_between(box, other) >= 2 * GAP_PX for other in boxes[:number])


def test_images_that_are_not_square_keep_their_shape_and_the_longer_side_is_the_one_drawn():
    wide, high = make_images(1, 6, 10)[0], make_images(1, 10, 6)[0]
    faces = all_faces(make_scenes([wide, high], (100,)))
    assert [(face.box_xyxy[2:] - face.box_xyxy[:2]).tolist() for face in faces] == [
        [100, 60],
        [60, 100],
    ]


def test_a_box_holds_exactly_the_pasted_pixels():
    (scene,) = make_scenes(make_images(1), (100,))
    pasted = np.argwhere((scene.image == 250).all(axis=2))
    corners = [*(pasted.min(axis=0)[::-1] - 0.5), *(pasted.max(axis=0)[::-1] + 0.5)]
    assert scene.faces[0].box_xyxy.tolist() == corners


def test_an_image_is_pasted_upright_and_not_mirrored():
    image = np.array([[0, 60], [120, 240]], np.uint8)
    (scene,) = make_scenes([np.kron(image, np.ones((10, 10), np.uint8))], (100,))
    quarters = pixels(scene, scene.faces[0])[[[10], [90]], [10, 90], 0]
    assert np.abs(quarters.astype(int) - image).max() <= 1


def test_shrinking_averages_so_that_no_pixel_is_lost():
    stripes = np.tile(np.array([0, 200], np.uint8), (40, 20))
    (scene,) = make_scenes([stripes], (20,))
    assert (pixels(scene, scene.faces[0]) == 100).all()


def test_scenes_depend_on_the_seed_and_nothing_else():
    images = make_images(14)
    once, again, other = (list(make_scenes(images, SIDES, seed)) for seed in (3, 3, 4))
    assert all(np.array_equal(a.image, b.image) for a, b in zip(once, again, strict=True))
    assert not np.array_equal(once[0].image, other[0].image)
    more = next(make_scenes(images + images, SIDES, 3))
    assert np.array_equal(once[0].image, more.image)


def test_faces_stand_at_several_places_and_at_every_side():
    faces = all_faces(make_scenes(make_images(120), SIDES))
    assert {face.side_px for face in faces} == set(SIDES)
    assert len({tuple(face.box_xyxy[:2]) for face in faces}) > 100


def test_six_faces_share_a_scene_at_the_default_sides_and_the_last_scene_holds_the_rest():
    assert [len(scene.faces) for scene in make_scenes(make_images(15))] == [6, 6, 3]


def test_images_are_taken_as_they_are_needed():
    taken = []
    images = (taken.append(index) or image for index, image in enumerate(make_images(50)))
    next(make_scenes(images))
    assert len(taken) == 6


@pytest.mark.parametrize(
    ("sides", "wrong"), [((64, 449), "449"), ((11, 64), "11"), ((-3,), "-3"), ((), "0")]
)
def test_sides_that_do_not_fit_are_told_before_any_scene(sides, wrong):
    with pytest.raises(UserError, match=f"^sides of faces: {wrong} px, expected 12 to 448$"):
        make_scenes(make_images(1), sides)


def test_a_prediction_belongs_to_the_face_that_holds_its_centre():
    left, right = make_prediction((120, 120, 180, 190)), make_prediction((310, 90, 380, 200))
    assert match([LEFT, RIGHT], [right, left]) == [left, right]
    assert match([LEFT], [right]) == [None]
    assert match([LEFT, RIGHT], []) == [None, None]


def test_a_prediction_between_two_faces_belongs_to_none_though_it_overlaps_both():
    between = make_prediction((150, 100, 350, 200))
    assert match([LEFT, RIGHT], [between]) == [None, None]


def test_a_centre_on_an_edge_belongs_to_the_face_on_whose_first_pixel_it_is():
    first = make_prediction((89.5, 100, 109.5, 199))
    behind = make_prediction((189.5, 100, 209.5, 199))
    assert match([LEFT], [first]) == [first]
    assert match([LEFT], [behind]) == [None]


def test_of_two_predictions_in_a_face_the_one_that_covers_it_best_counts():
    close = make_prediction((105, 95, 195, 205))
    small, huge = make_prediction((140, 140, 160, 160)), make_prediction((0, 0, 300, 300))
    assert match([LEFT], [small, close, huge]) == [close]
    # 20 * 20 of 100 * 100 are 4 %, and 100 * 100 of 300 * 300 are 11 %.
    assert match([LEFT], [small, huge]) == [huge]


def test_of_two_equal_predictions_the_first_counts():
    one, other = make_prediction((105, 95, 195, 205)), make_prediction((105, 95, 195, 205))
    assert match([LEFT], [one, other])[0] is one


def test_predictions_come_back_in_the_order_of_the_images():
    def find(faces):
        return [make_prediction(face.box_xyxy, face.index / 20) for face in faces[::-1]]

    found = run(15, find)
    happy = np.arange(15) / 20
    assert np.allclose(found.probabilities, np.stack([1 - happy, happy], axis=1))
    assert found.found.all()
    assert found.extra == 0
    faces = all_faces(make_scenes(make_images(15)))
    assert found.sides_px.tolist() == [face.side_px for face in faces]


def test_a_face_missed_is_nan_and_counts_as_wrong_even_where_the_first_class_is_right():
    def find(faces):
        return [make_prediction(face.box_xyxy, 0.1) for face in faces if face.index != 7]

    found = run(9, find)
    assert np.isnan(found.probabilities[7]).all()
    assert found.found.tolist() == [True] * 7 + [False, True]
    labels = np.array([0] * 8 + [1])
    assert is_correct(found, labels).tolist() == [True] * 7 + [False, False]


def test_second_finds_and_finds_beside_the_faces_are_counted():
    def find(faces):
        nowhere = make_prediction((0, 0, 4, 4))
        return [nowhere, *(make_prediction(face.box_xyxy) for face in (*faces, faces[0]))]

    assert run(8, find).extra == 4  # two in each of two scenes


@pytest.mark.parametrize("count", [0, 5])
def test_nothing_found_is_no_error(count):
    found = run(count, lambda faces: [])
    assert found.probabilities.shape == (count, 2)
    assert not found.found.any()
    assert not is_correct(found, np.zeros(count, int)).any()


def test_images_are_predicted_at_the_sides_and_with_the_seed_given():
    found = run(4, lambda faces: [], sides_px=(30,), seed=5)
    assert found.sides_px.tolist() == [30] * 4


def test_the_table_has_the_shares_of_each_side():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [np.nan, np.nan], [0.3, 0.7]])
    found = ScenePredictions(probabilities, np.array([96, 64, 64, 64]), 0)
    table = side_table(found, np.array([0, 1, 0, 0]))
    assert table.to_dict("records") == [
        {"side_px": 64, "n": 3, "found": pytest.approx(2 / 3, abs=1e-6), "accuracy": 0.333333},
        {"side_px": 96, "n": 1, "found": 1, "accuracy": 1},
    ]
