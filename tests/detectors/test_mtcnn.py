"""The detector mtcnn: each step by reasoning, all of it against the package."""

import subprocess
import sys
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facexpr import detectors
from facexpr.detectors import mtcnn
from facexpr.detectors.mtcnn import cut, pyramid, resize, windows
from facexpr.images import to_rgb, with_border
from facexpr.labels import FER2013
from facexpr.mtcnn_networks import load_network
from facexpr.sample import draw_face, draw_scene

SETTINGS = {
    "min_face_px": 20,
    "scale_factor": 0.709,
    "thresholds": (0.6, 0.7, 0.8),
    "border_px": 12,
    "border_grey": -1,
}


def load(**settings):
    return detectors.load("mtcnn", **{**SETTINGS, **settings})


def faces_of(count):
    """Drawn faces and their landmarks."""
    return zip(
        *(draw_face(FER2013[i % 7], np.random.default_rng([3, i])) for i in range(count)),
        strict=True,
    )


def values(faces, moved_px=0):
    """All that is told of an image's faces, (n, 15)."""
    rows = [
        np.concatenate(
            [face.box_xyxy + moved_px, (face.landmarks + moved_px).ravel(), [face.score]]
        )
        for face in faces
    ]
    return np.reshape(rows, (-1, 15))


@given(st.integers(12, 3000), st.integers(12, 3000), st.integers(12, 200), st.floats(0.5, 0.95))
def test_the_pyramid_goes_from_the_smallest_face_to_the_whole_image(width, height, face, step):
    scales = pyramid(width, height, face, step)
    shorter = min(width, height)
    if shorter < face:
        assert len(scales) == 0
        return
    assert scales[0] == pytest.approx(12 / face)
    np.testing.assert_allclose(scales[1:] / scales[:-1], step)
    assert shorter * scales[-1] >= 12 * (1 - 1e-6)
    assert shorter * scales[-1] * step < 12


def test_levels_are_averages_of_areas():
    pixels = np.arange(9, dtype=np.float32).reshape(1, 3, 3, 1)
    # A new pixel covers one and a half old ones a side: the outer whole, half of the middle.
    weights = np.array([[2, 1, 0], [0, 1, 2]]) / 3
    expected = weights @ pixels[0, :, :, 0] @ weights.T
    np.testing.assert_allclose(resize(pixels, 0.7)[0, 0], expected, rtol=1e-6)
    colours = np.random.default_rng(0).random((2, 8, 10, 3)).astype(np.float32)
    halves = colours.reshape(2, 4, 2, 5, 2, 3).mean(axis=(2, 4)).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(resize(colours, 0.5), halves, rtol=1e-6)


@pytest.mark.parametrize("height", [30, 31, 57])
def test_a_level_looked_at_in_strips_gives_the_same_windows(height):
    pixels = np.random.default_rng(0).normal(size=(2, height, 40, 3)).astype(np.float32)
    network = load_network("pnet", 3)
    whole = windows(network, pixels, 1.0, 0.0)
    with patch.object(mtcnn, "PNET_PIXELS", 400):  # two or three rows of windows
        strips = windows(network, pixels, 1.0, 0.0)
    # Half of (height - 2) rounded up, less four; of 40 pixels 15.
    assert len(whole) == 2 * ((height - 1) // 2 - 4) * 15
    np.testing.assert_allclose(*(one[np.lexsort(one.T[:5])] for one in (whole, strips)), atol=1e-4)


def test_windows_lie_where_the_network_looked():
    def network(level):
        assert level.shape == (1, 1, 16, 20)
        scores, moves = np.zeros((1, 2, 3, 5), np.float32), np.zeros((1, 4, 3, 5), np.float32)
        scores[0, 1, 2, 3] = 0.9
        moves[0, :, 2, 3] = [0.1, 0, 0, -0.2]
        return [moves, scores]

    # Steps of two pixels, from pixel 1 to 12 of the window, and sides of 11 to move by; halved.
    expected = [[0, 2 * (7 + 1.1), 2 * 5, 2 * 18, 2 * (16 - 2.2), 0.9]]
    found = windows(network, np.zeros((1, 32, 40, 1), np.float32), 0.5, 0.6)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_crop_of_a_whole_image_is_the_image():
    pixels = np.random.default_rng(0).normal(size=(2, 13, 13, 3)).astype(np.float32)
    crops = cut(pixels, np.array([[1, 0, 0, 13, 13, 0.9]]), 13)
    np.testing.assert_allclose(crops[0], pixels[1].transpose(2, 0, 1), atol=1e-6)


def test_a_crop_over_the_edge_is_grey_there():
    pixels = np.random.default_rng(0).normal(size=(1, 13, 9, 1)).astype(np.float32)
    # From a whole width before the image to its end, and from its top to a whole height behind it.
    ((crop,),) = cut(pixels, np.array([[0, -9, 0, 9, 26, 0.9]]), 25)
    columns = np.linspace(-8, 8, 25)
    inside = columns >= 0
    for row in range(13):
        expected = np.interp(columns, np.arange(9), pixels[0, row, :, 0]) * inside
        np.testing.assert_allclose(crop[row], expected, atol=1e-5)
    assert not crop[13:].any()


def test_faces_are_told_in_the_image_without_its_border():
    images, _ = faces_of(4)
    for grey in (-1, 0, 200):
        bordered = [with_border(image, (12,) * 4, grey) for image in images]
        with_own = load(border_px=0)(bordered)
        for told, own in zip(load(border_grey=grey)(images), with_own, strict=True):
            np.testing.assert_allclose(values(told, 12), values(own), atol=1e-4)


def test_landmarks_are_in_the_projects_order():
    images, true = faces_of(20)
    for (face, *_), points in zip(load()(images), true, strict=True):
        distances = np.linalg.norm(face.landmarks - points, axis=1)
        assert distances.max() < 0.3 * np.linalg.norm(points[1] - points[0])
        assert (face.box_xyxy.dtype, face.landmarks.dtype) == (np.float32, np.float32)


def test_faces_do_not_depend_on_the_images_beside():
    images, _ = faces_of(40)
    images = [*images[:36], *[np.full((48, 48), grey, np.uint8) for grey in (0, 90, 180, 255)]]
    find = load()
    together = [values(faces) for faces in find(images)]
    threes = [values(faces) for i in range(0, 40, 3) for faces in find(images[i : i + 3])]
    with patch.object(mtcnn, "LIST_PIXELS", 7 * 72 * 72):
        sevens = [values(faces) for faces in find(images)]
    assert sum(map(len, together[:36])) >= 35
    assert not any(map(len, together[36:]))
    for number, faces in enumerate(together):
        for other in (threes[number], sevens[number], values(find([images[number]])[0])):
            np.testing.assert_array_equal(other, faces)


@pytest.mark.parametrize(("face", "step"), [(24, 0.709), (30, 0.85), (20, 0.8)])
def test_faces_are_found_whatever_the_pyramid(face, step):
    scene, faces = draw_scene(np.random.default_rng(0))
    find = load(min_face_px=face, scale_factor=step, border_px=0)
    assert len(find([scene])[0]) == len(faces)


def test_nothing_is_found_in_no_image_a_small_one_and_an_even_one():
    find = load(border_px=0)
    assert find([]) == []
    assert find([np.zeros((11, 40), np.uint8)] * 2) == [[], []]
    assert find([np.full((60, 60, 3), 128, np.uint8)]) == [[]]


def test_tensorflow_and_the_package_stay_out():
    code = (
        "import sys, numpy; from facexpr import detectors\n"
        f"detectors.load('mtcnn', **{SETTINGS})([numpy.zeros((48, 48), 'uint8')])\n"
        "assert not {'tensorflow', 'keras', 'mtcnn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture(scope="module")
def package():
    """The package, one image a call, with our pyramid: its own misses levels at other settings."""
    pytest.importorskip("mtcnn")
    import mtcnn as package
    from mtcnn.stages import stage_pnet

    def find(detector, image):
        rows = detector.detect_faces(
            [to_rgb(image)], fit_to_image=False, box_format="xyxy", output_type="numpy"
        )
        rows = np.reshape(rows, (-1, 16))
        points = rows[:, 6:].reshape(-1, 2, 5).swapaxes(1, 2).reshape(-1, 10)
        return np.hstack([rows[:, 1:5], points, rows[:, 5:6]])

    with patch.object(stage_pnet, "build_scale_pyramid", pyramid):
        detector = package.MTCNN()
        yield lambda image: find(detector, image)


@pytest.mark.filterwarnings("ignore")  # of TensorFlow's, at its import
def test_faces_are_those_of_the_package(package):
    images = [with_border(image, (12,) * 4, -1) for image in next(iter(faces_of(12)))]
    scene, _ = draw_scene(np.random.default_rng(1))
    find, found = load(border_px=0), 0
    for image in [*images, scene, scene[:, ::-1], scene[:301, :, 0]]:
        expected = package(np.ascontiguousarray(image))
        np.testing.assert_allclose(values(find([image])[0]), expected, atol=0.05)
        found += len(expected)
    assert found >= 14
