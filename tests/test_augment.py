import keras
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from facexpr.augment import Augmentation, RandomAffine, RandomCrop, augment

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

FACES = np.random.default_rng(0).integers(0, 256, (18, 12, 16), np.uint8)
EVERYTHING = Augmentation(
    flip=True,
    shift=0.1,
    rotation=20,
    zoom=0.1,
    brightness=0.2,
    contrast=0.2,
    erasing=1.0,
    seed=3,
)


def augmented(how, faces, training=True):
    inputs = keras.Input((*faces.shape[1:], 1), dtype="uint8")
    model = keras.Model(inputs, augment(inputs, how))
    return keras.ops.convert_to_numpy(model(faces[..., None], training=training))[..., 0]


def test_without_augmentation_faces_pass_as_they_are():
    np.testing.assert_array_equal(augmented(Augmentation(), FACES), FACES)


def test_augmentation_is_for_training_only():
    np.testing.assert_array_equal(augmented(EVERYTHING, FACES, training=False), FACES)
    assert (augmented(EVERYTHING, FACES) != FACES).any(axis=(1, 2)).all()


def test_a_flip_mirrors_left_and_right_of_some_faces():
    found = augmented(Augmentation(flip=True), FACES)
    mirrored = (found == FACES[:, :, ::-1]).all(axis=(1, 2))
    kept = (found == FACES).all(axis=(1, 2))
    assert (mirrored | kept).all()
    assert 0 < mirrored.sum() < len(FACES)


@pytest.mark.parametrize("how", [{"shift": 0.3}, {"rotation": 40}, {"zoom": 0.4}])
def test_what_comes_in_from_outside_repeats_the_border(how):
    faces = np.full((8, 12, 16), 200, np.uint8)
    np.testing.assert_allclose(augmented(Augmentation(**how), faces), 200, atol=1e-3)


def draw_maps(layer, count, height, width):
    """The maps that the layer's next call will use, as (count, 2, 3)."""
    state = np.array(layer.seed_generator.state)
    maps = keras.ops.convert_to_numpy(layer._draw_maps(count, height, width))
    layer.seed_generator.state.assign(state)
    return maps[:, :6].reshape(-1, 2, 3)


def test_faces_are_moved_by_one_resampling_about_their_centre():
    layer = RandomAffine(True, 0.1, 20, 0.2, seed=5)
    maps = draw_maps(layer, len(FACES), 12, 16)
    rows, columns = np.mgrid[:12, :16].astype(float)
    x, y = (
        one[:, 0, None, None] * columns + one[:, 1, None, None] * rows + one[:, 2, None, None]
        for one in (maps[:, 0], maps[:, 1])
    )
    faces = FACES.astype(np.float32)
    expected = [
        map_coordinates(face, at, order=1, mode="nearest")
        for face, at in zip(faces, np.stack([y, x], axis=1), strict=True)
    ]
    found = keras.ops.convert_to_numpy(layer(faces[..., None], training=True))[..., 0]
    np.testing.assert_allclose(found, expected, atol=0.05)


def test_maps_mirror_shift_turn_and_zoom_within_their_ranges():
    maps = draw_maps(RandomAffine(True, 0.1, 20, 0.2, seed=5), 2000, 12, 16)
    middle = np.array([7.5, 5.5])
    moved = maps[:, :, :2] @ middle + maps[:, :, 2] - middle
    assert np.abs(moved).max(axis=0) == pytest.approx([1.6, 1.2], rel=0.02)
    columns = maps[:, :, :2] / np.linalg.norm(maps[:, :, :2], axis=1, keepdims=True)
    assert np.abs((columns[:, :, 0] * columns[:, :, 1]).sum(axis=1)).max() < 1e-5  # no shear
    scale = np.linalg.norm(maps[:, :, 1], axis=1)
    assert (scale.min(), scale.max()) == pytest.approx((0.8, 1.2), abs=0.01)
    np.testing.assert_allclose(np.linalg.norm(maps[:, :, 0], axis=1), scale, rtol=1e-5)
    angle = np.degrees(np.arctan2(-maps[:, 0, 1], maps[:, 1, 1]))
    assert (angle.min(), angle.max()) == pytest.approx((-20, 20), abs=0.3)
    assert (np.linalg.det(maps[:, :, :2]) < 0).mean() == pytest.approx(0.5, abs=0.05)


def test_brightness_moves_each_face_as_a_whole_within_its_range():
    faces = np.full((40, 12, 16), 120, np.uint8)
    found = augmented(Augmentation(brightness=0.2), faces)
    assert np.ptp(found, axis=(1, 2)).max() < 1e-3
    moves = found[:, 0, 0] - 120
    assert np.abs(moves).max() <= 0.2 * 255 + 1e-3
    assert moves.min() < 0 < moves.max()


def test_contrast_spreads_each_face_around_its_own_mean():
    found = augmented(Augmentation(contrast=0.3), (FACES // 4 + 96).astype(np.uint8))
    plain = (FACES // 4 + 96).astype(np.float64)
    np.testing.assert_allclose(found.mean(axis=(1, 2)), plain.mean(axis=(1, 2)), atol=0.01)
    spread = found.std(axis=(1, 2)) / plain.std(axis=(1, 2))
    assert np.abs(spread - 1).max() <= 0.3 + 1e-3
    assert spread.min() < 0.9 < 1.1 < spread.max()


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_erasing_takes_a_rectangle_from_its_share_of_faces(share):
    faces = np.full((400, 12, 16), 100, np.uint8)
    changed = augmented(Augmentation(erasing=share), faces) != 100
    assert changed.any(axis=(1, 2)).mean() == pytest.approx(share, abs=0.07)
    for face in changed[changed.any(axis=(1, 2))]:
        rows, columns = (np.flatnonzero(face.any(axis=axis)) for axis in (1, 0))
        assert np.ptp(rows) < 12 * 0.33**0.5 + 2
        assert np.ptp(columns) < 16 * 0.33**0.5 + 2


def crop(faces, side, training):
    layer = RandomCrop(side, seed=1)
    return keras.ops.convert_to_numpy(layer(faces[..., None], training=training))[..., 0]


def test_a_random_crop_is_a_part_of_its_own_face_in_another_place_for_each():
    height, width, side = 6, 9, 5
    places = np.arange(height * width, dtype=np.float32).reshape(1, height, width)
    faces = places + 1000 * np.arange(60, dtype=np.float32)[:, None, None]
    found = crop(faces, side, training=True)
    assert found.shape == (60, side, side)
    assert (found // 1000 == np.arange(60)[:, None, None]).all()
    corners = found[:, 0, 0].astype(int) % 1000
    expected = corners[:, None, None] + places[0, :side, :side]
    np.testing.assert_array_equal(found % 1000, expected)
    assert set(corners // width) == {0, 1}
    assert set(corners % width) == {0, 1, 2, 3, 4}


def test_outside_training_a_random_crop_is_the_middle():
    np.testing.assert_array_equal(crop(FACES, 9, training=False), FACES[:, 1:10, 3:12])


def test_a_crop_of_the_whole_side_changes_nothing():
    faces = FACES[:, :, :12].astype(np.float32)
    np.testing.assert_array_equal(crop(faces, 12, training=True), faces)
