from pathlib import Path

import cv2
import numpy as np
import pytest

from facexpr import detectors
from facexpr.detectors import haar
from facexpr.errors import UserError
from facexpr.labels import FER2013
from facexpr.sample import draw_face, draw_scene

SETTINGS = {
    "min_face_px": 20,
    "border_px": 0,
    "border_grey": -1,
    "haar_scale_factor": 1.1,
    "haar_min_neighbors": 5,
    "haar_cascade": "haarcascade_frontalface_default.xml",
    "haar_eyes": "",
    "scale_factor": 0.7,  # another detector's
}
EYES = "haarcascade_eye_tree_eyeglasses.xml"
SHIPPED = Path(cv2.data.haarcascades)


def load(**changes):
    return detectors.load("haar", **SETTINGS | changes)


def wide_picture(seed=0):
    """A drawn face of 144 px in a wide grey picture, and its landmarks."""
    face, points = draw_face(FER2013[seed % 7], np.random.default_rng([11, seed]))
    picture = np.full((200, 400), 140, np.uint8)
    picture[30:174, 210:354] = cv2.resize(face, (144, 144), interpolation=cv2.INTER_CUBIC)
    return picture, (points + 0.5) * 3 - 0.5 + (210, 30)


class StandIn:
    """A cascade that finds given rectangles (x, y, width, height, number of finds)."""

    def __init__(self, found=()):
        self.found, self.images, self.searches = list(found), [], []

    def load(self, _path):
        return True

    def getOriginalWindowSize(self):  # noqa: N802
        return (20, 20)

    def detectMultiScale2(self, image, **search):  # noqa: N802
        self.images.append(image)
        self.searches.append(search)
        if not self.found:
            return (), ()
        found = np.array(self.found, np.int32)
        return found[:, :4], found[:, 4]

    def detectMultiScale(self, image, **search):  # noqa: N802
        return self.detectMultiScale2(image, **search)[0]


@pytest.fixture
def stand_in(monkeypatch):
    cascade = StandIn()
    monkeypatch.setattr(cv2, "CascadeClassifier", lambda: cascade)
    return cascade


@pytest.mark.parametrize("seed", range(7))
def test_a_drawn_face_and_its_eyes_are_found_where_they_are(seed):
    picture, points = wide_picture(seed)
    ((face,),) = load(haar_eyes=EYES)([picture])
    x1, y1, x2, y2 = face.box_xyxy
    assert ((points > (x1, y1)) & (points < (x2, y2))).all()
    assert np.linalg.norm(points[1] - points[0]) < x2 - x1 < 170
    assert 5 / 6 <= face.score < 1
    assert (face.box_xyxy.dtype, face.landmarks.dtype) == (np.float32, np.float32)
    apart = np.linalg.norm(points[1] - points[0])
    assert np.linalg.norm(face.landmarks[:2] - points[:2], axis=1).max() < 0.15 * apart
    assert np.isnan(face.landmarks[2:]).all()


def test_faces_as_small_as_those_of_fer2013_are_found_with_their_eyes():
    drawn = [draw_face(FER2013[i % 7], np.random.default_rng([11, i])) for i in range(42)]
    found = load(haar_eyes=EYES, border_px=12)([image for image, _ in drawn])
    best = [(faces[0], points) for faces, (_, points) in zip(found, drawn, strict=True) if faces]
    assert len(best) >= 0.75 * len(drawn)
    pairs = [(face.landmarks, points) for face, points in best if face.landmarks is not None]
    assert len(pairs) >= 0.75 * len(best)
    assert max(np.abs(found[:2] - points[:2]).max() for found, points in pairs) < 2


def test_without_an_eye_cascade_there_are_no_landmarks():
    ((face,),) = load()([wide_picture()[0]])
    assert face.landmarks is None


def test_colour_is_searched_as_grey():
    picture, _ = wide_picture()
    (grey,), (colour,) = (load()([one])[0] for one in (picture, picture[..., None].repeat(3, 2)))
    np.testing.assert_array_equal(grey.box_xyxy, colour.box_xyxy)


def test_pictures_without_a_face_too_small_ones_and_no_pictures():
    wall = np.random.default_rng(0).integers(120, 130, (90, 160), np.uint8)
    assert load(haar_eyes=EYES)([wall, wall]) == [[], []]
    assert load()([np.zeros((1, 1), np.uint8), np.zeros((10, 300, 3), np.uint8)]) == [[], []]
    assert load()([]) == []


def test_no_face_is_smaller_than_asked():
    picture, _ = wide_picture()
    assert load(min_face_px=100)([picture])[0]
    assert load(min_face_px=160)([picture])[0] == []


def test_threads_change_nothing():
    picture, _ = draw_scene(np.random.default_rng(4))
    threads, found = cv2.getNumThreads(), []
    for count in (1, 4):
        cv2.setNumThreads(count)
        found.append(load(haar_min_neighbors=1, haar_eyes=EYES)([picture])[0])
    cv2.setNumThreads(threads)
    assert len(found[0]) == len(found[1]) > 1
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one.box_xyxy, other.box_xyxy)
        assert one.score == other.score
        assert (one.landmarks is None) == (other.landmarks is None)


def test_a_border_of_51_grey_pixels_makes_150_pixels_of_48(stand_in):
    image = np.random.default_rng(0).integers(0, 200, (48, 48), np.uint8)
    load(border_px=51, border_grey=200)([image])
    (canvas,) = stand_in.images
    assert canvas.shape == (150, 150)
    np.testing.assert_array_equal(canvas[51:99, 51:99], image)
    assert (canvas == 200).sum() == 150**2 - 48**2


def test_boxes_lie_on_pixel_edges_of_the_image_without_its_border(stand_in):
    image = np.random.default_rng(0).integers(0, 200, (40, 60), np.uint8)
    stand_in.found = [(51, 51, 60, 40, 5), (50, 53, 20, 20, 1)]  # the whole image, and a part
    ((part, whole),) = load(border_px=51, border_grey=200)([image])
    assert stand_in.images[0].shape == (142, 162)
    np.testing.assert_array_equal(stand_in.images[0][51:91, 51:111], image)
    np.testing.assert_array_equal(whole.box_xyxy, [-0.5, -0.5, 59.5, 39.5])
    np.testing.assert_array_equal(part.box_xyxy, [-1.5, 1.5, 18.5, 21.5])
    assert (part.score, whole.score) == (1 / 2, 5 / 6)


def test_the_order_in_which_opencv_finds_faces_does_not_matter(stand_in):
    rectangles = [(9, 2, 30, 30, 5), (1, 30, 25, 25, 7), (1, 3, 25, 25, 9)]
    orders = []
    for found in (rectangles, rectangles[::-1]):
        stand_in.found = found
        (faces,) = load()([np.zeros((60, 90), np.uint8)])
        orders.append([(*face.box_xyxy.tolist(), face.score) for face in faces])
    assert orders[0] == orders[1] == sorted(orders[0])


def test_settings_reach_the_search(stand_in):
    load(min_face_px=33, haar_scale_factor=1.3, haar_min_neighbors=0)(
        [np.zeros((60, 90), np.uint8)]
    )
    assert stand_in.searches == [{"scaleFactor": 1.3, "minNeighbors": 0, "minSize": (33, 33)}]


def test_eyes_are_searched_in_the_enlarged_upper_part_of_a_face(stand_in):
    image = np.random.default_rng(0).integers(0, 256, (90, 120), np.uint8)
    stand_in.found = [(30, 25, 50, 50, 5)]
    load(haar_eyes=EYES)([image])
    _, upper = stand_in.images
    # Eight windows of 20 px are 160 px, and 50 px reach that in four times their side.
    np.testing.assert_array_equal(upper, cv2.resize(image[25:55, 30:80], (200, 120)))
    assert stand_in.searches[1]["minSize"] == (25, 25)


def test_eyes_lie_in_the_image_without_its_border(monkeypatch):
    cascades = [
        StandIn([(31, 26, 40, 40, 5)]),
        StandIn([(100, 52, 40, 24, 1), (20, 40, 32, 40, 1)]),
    ]
    monkeypatch.setattr(cv2, "CascadeClassifier", iter(cascades).__next__)
    ((face,),) = load(border_px=11, haar_eyes=EYES)([np.zeros((70, 100), np.uint8)])
    # Four times enlarged, edges at 36 and 60, 120 and 64: divided by four, from the face's edges.
    np.testing.assert_array_equal(face.box_xyxy, [19.5, 14.5, 59.5, 54.5])
    expected = [(19.5 + 9, 14.5 + 15), (19.5 + 30, 14.5 + 16), *[(np.nan, np.nan)] * 3]
    np.testing.assert_array_equal(face.landmarks, np.array(expected, np.float32))


LEFT, RIGHT, MIDDLE = (20, 40, 40, 40, 1), (110, 40, 40, 40, 1), (80, 40, 40, 40, 1)


@pytest.mark.parametrize(
    ("found", "both"),
    [
        ([LEFT, RIGHT], True),
        ([RIGHT, LEFT], True),
        ([LEFT, MIDDLE], True),  # whose centre is the first of the right half
        ([RIGHT, MIDDLE], False),
        ([LEFT], False),
        ([RIGHT], False),
        ([], False),
        ([LEFT, (30, 40, 40, 40, 1)], False),
        ([LEFT, RIGHT, (120, 90, 40, 20, 1)], False),
        ([LEFT, RIGHT, (30, 90, 40, 20, 1)], False),
    ],
)
def test_eyes_count_if_each_half_has_exactly_one(found, both):
    landmarks = haar.find_eyes(np.zeros((120, 200), np.uint8), StandIn(found))
    assert (landmarks is not None) == both
    if both:
        assert landmarks[0, 0] < landmarks[1, 0]
        np.testing.assert_array_equal(landmarks[0], [39.5, 59.5])


@pytest.mark.parametrize("step", [1.0, 0.9])
def test_a_step_that_does_not_grow_is_refused(step):
    with pytest.raises(UserError) as caught:
        load(haar_scale_factor=step)
    assert (
        str(caught.value) == f"detect.haar_scale_factor: {step}, expected more than 1, such as 1.1"
    )


def test_an_unknown_cascade_is_told_with_places_and_the_nearest_names(capfd):
    for place in ("haar_cascade", "haar_eyes"):
        with pytest.raises(UserError) as caught:
            load(**{place: "haarcascade_frontalface_altt.xml"})
        message = str(caught.value)
        assert message.startswith(
            f"detect.{place}: no cascade 'haarcascade_frontalface_altt.xml' in "
            f"{Path(haar.__file__).parents[2] / 'data/cascades'}, {SHIPPED}; "
            "did you mean haarcascade_frontalface_alt.xml or "
        )
        assert "\n" not in message
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", ["", "zzz", ".."])
def test_a_name_that_resembles_none_is_told_where_to_put_the_file(name):
    with pytest.raises(UserError, match=r"; put it into data/cascades$"):
        load(haar_cascade=name)


def cascade_text(until=None):
    return (SHIPPED / EYES).read_text()[:until]


@pytest.mark.parametrize(
    "text",
    ["", "hello", "<?xml version='1.0'?><opencv_storage></opencv_storage>", cascade_text(9000)],
)
def test_a_file_that_is_no_cascade_is_told_in_one_line(tmp_path, capfd, monkeypatch, text):
    monkeypatch.setattr(haar, "FOLDERS", (tmp_path, SHIPPED))
    path = tmp_path / "own.xml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        load(haar_cascade="own.xml")
    expected = (
        f"detect.haar_cascade: {path} holds no cascade that OpenCV can read; expected its XML"
    )
    assert str(caught.value) == expected
    assert capfd.readouterr().err == ""


def test_ones_own_cascade_comes_before_one_that_opencv_ships(tmp_path, monkeypatch):
    monkeypatch.setattr(haar, "FOLDERS", (tmp_path, SHIPPED))
    name = SETTINGS["haar_cascade"]
    assert haar.load_cascade("x", name).getOriginalWindowSize() == (24, 24)
    (tmp_path / name).write_text(cascade_text())
    assert haar.load_cascade("x", name).getOriginalWindowSize() == (20, 20)
    (tmp_path / "mouth.xml").write_text("")
    with pytest.raises(UserError, match=r"did you mean mouth\.xml\?$"):
        haar.load_cascade("x", "mouths.xml")


def test_a_path_is_refused_since_dvc_would_not_see_the_file_change(tmp_path, monkeypatch):
    (tmp_path / "own").mkdir()
    (tmp_path / "own/eyes.xml").write_text(cascade_text())
    monkeypatch.chdir(tmp_path)
    for name in ("own/eyes.xml", str(tmp_path / "own/eyes.xml"), "../own/eyes.xml"):
        with pytest.raises(
            UserError, match=f"no cascade '{name}' in .*; put it into data/cascades"
        ):
            haar.load_cascade("x", name)
