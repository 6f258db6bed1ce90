import json
import shutil

import numpy as np
import pytest
from closure import EXEMPT, ROOT, import_closure
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from facexpr import detection, detectors
from facexpr.detection import detection_work, find_faces, pack, unpack, used_settings
from facexpr.detectors import Face
from facexpr.errors import UserError
from facexpr.images import encode_png
from facexpr.records import Member
from facexpr.scratch import versions

# Imported by what finds faces, but no face follows from them: stderr, split names, fingerprints.
HARMLESS = {"facexpr/backend.py", "facexpr/labels.py", "facexpr/scratch.py", "facexpr/store.py"}
SETTINGS = {
    "min_face_px": 20,
    "border_px": 12,
    "border_grey": -1,
    "scale_factor": 0.709,
    "thresholds": [0.6, 0.7, 0.8],
    "haar_cascade": "haarcascade_frontalface_default.xml",
    "haar_eyes": "",
    "haar_scale_factor": 1.1,
    "haar_min_neighbors": 5,
}
FLOATS = st.floats(width=32)  # NaN and infinity among them


def faces_of(count):
    """So many faces; of each second one, no point is known, and of each third, one is not."""
    points = np.random.default_rng(0).normal(20, 99, (count, 5, 2)).astype(np.float32)
    points[::3, 4] = np.nan
    boxes = np.float32([[-3.25, 1e-7, 1 / 3, 47.5]]) + np.arange(count, dtype=np.float32)[:, None]
    return [
        Face(boxes[number], 0.1 + number / 7, points[number] if number % 2 == 0 else None)
        for number in range(count)
    ]


def check_equal(found, faces):
    """Equal to the last bit, types and all."""
    assert len(found) == len(faces)
    for one, other in zip(found, faces, strict=True):
        assert one.box_xyxy.dtype == np.float32
        assert one.box_xyxy.tobytes() == other.box_xyxy.tobytes()
        assert type(one.score) is float
        assert one.score == other.score
        assert (one.landmarks is None) == (other.landmarks is None)
        if one.landmarks is not None:
            assert one.landmarks.dtype == np.float32
            np.testing.assert_array_equal(one.landmarks, other.landmarks)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_what_was_found_comes_back_to_the_last_bit(count):
    shape, found = unpack(pack((30, 4000), faces_of(count)))
    assert shape == (30, 4000)
    assert all(type(side) is int for side in shape)
    check_equal(found, faces_of(count))


@given(
    arrays(np.float32, 4, elements=FLOATS),
    st.floats(0, 1),
    arrays(np.float32, (5, 2), elements=FLOATS),
)
def test_any_numbers_come_back(box, score, points):
    _, (face,) = unpack(pack((48, 48), [Face(box, score, points)]))
    np.testing.assert_array_equal(face.box_xyxy, box)
    assert face.score == score
    if np.isnan(points).all():
        assert face.landmarks is None
    else:
        np.testing.assert_array_equal(face.landmarks, points)


@pytest.mark.parametrize(
    ("name", "used"),
    [
        ("whole", []),
        ("mtcnn", ["min_face_px", "border_px", "border_grey", "scale_factor", "thresholds"]),
        ("haar", [key for key in SETTINGS if key not in ("scale_factor", "thresholds")]),
    ],
)
def test_a_detectors_settings_are_those_that_it_names(name, used):
    assert used_settings(name, SETTINGS) == {key: SETTINGS[key] for key in used}


def test_a_detector_that_is_not_there():
    for ask in (used_settings, detection_work):
        with pytest.raises(UserError, match=r"unknown 'mtcn'.* did you mean 'mtcnn'"):
            ask("mtcn", SETTINGS)


@pytest.mark.parametrize("name", detectors.available())
def test_work_has_another_name_with_a_setting_that_the_detector_uses(name):
    work = detection_work(name, SETTINGS)
    assert detection_work(name, dict(SETTINGS)) == work
    for key in SETTINGS:
        changed = detection_work(name, SETTINGS | {key: 0.5})
        assert (changed != work) == (key in used_settings(name, SETTINGS)), key
    assert len({detection_work(other, {}) for other in detectors.available()}) == 3


def test_code_is_all_that_a_face_can_follow_from():
    """The closure of what a worker runs, with each detector; of these only the one used counts."""
    modules = [f"facexpr/detectors/{name}.py" for name in detectors.available()]
    needed = set().union(*map(import_closure, ["facexpr/detection.py", *modules]))
    needed -= EXEMPT | HARMLESS | {*modules, "facexpr/detectors/__init__.py"}
    assert {f"facexpr/{name}.py" for name in detection.CODE} == needed


@pytest.fixture
def copy(monkeypatch, tmp_path):
    """The names of work for code and cascades in another folder, to be changed."""
    package = tmp_path / "facexpr"
    shutil.copytree(ROOT / "facexpr", package, ignore=shutil.ignore_patterns("__pycache__"))
    cascades = tmp_path / "cascades"
    cascades.mkdir()
    monkeypatch.setattr(detection, "__file__", str(package / "detection.py"))
    monkeypatch.setattr(detection, "CASCADES", cascades)
    return tmp_path


def test_work_has_another_name_with_other_code(copy):
    counting = [f"facexpr/{name}.py" for name in detection.CODE]
    counting += ["facexpr/detectors/__init__.py", "facexpr/detectors/haar.py", "cascades/own.xml"]
    others = ["facexpr/detectors/whole.py", "facexpr/align.py", "cascades/README.md", *EXEMPT]
    before = detection_work("haar", SETTINGS)
    for name in (*counting, *others):
        path = copy / name
        old = path.read_bytes() if path.exists() else None
        path.parent.mkdir(exist_ok=True)
        path.write_bytes((old or b"") + b"# other\n")
        assert (detection_work("haar", SETTINGS) != before) == (name in counting), name
        path.unlink() if old is None else path.write_bytes(old)
    assert detection_work("haar", SETTINGS) == before


def test_work_has_another_name_with_another_version_of_a_library(monkeypatch):
    before, found = detection_work("mtcnn", SETTINGS), versions(*detection.LIBRARIES)
    for library in detection.LIBRARIES:
        (package,) = (name for name in found if name.startswith(library))
        monkeypatch.setattr(detection, "versions", lambda *_, name=package: found | {name: "0.0"})
        assert detection_work("mtcnn", SETTINGS) != before
    monkeypatch.setattr(detection, "versions", lambda *_: dict(found))
    assert detection_work("mtcnn", SETTINGS) == before


def members_of(images):
    return [
        Member(f"train-{row:07d}", encode_png(image), "shards") for row, image in enumerate(images)
    ]


def noise(*shape):
    return np.random.default_rng(sum(shape)).integers(0, 256, shape, np.uint8)


def test_lists_of_mixed_shapes_give_each_image_its_own_faces():
    images = [noise(30, 40), noise(30, 40), noise(40, 30, 3), noise(1, 7), noise(30, 40)]
    found = find_faces((("whole", "{}"), members_of(images)))
    for image, (shape, faces) in zip(images, map(unpack, found), strict=True):
        assert shape == image.shape[:2]
        check_equal(faces, detectors.load("whole")([image])[0])
    assert find_faces((("whole", "{}"), [])) == []


def test_a_detector_is_loaded_once_for_equal_settings(monkeypatch):
    loaded, load = [], detectors.load

    def count(name, **settings):
        loaded.append((name, settings))
        return load(name, **settings)

    monkeypatch.setattr(detection.detectors, "load", count)
    detection._load.cache_clear()
    texts = [json.dumps(used_settings("haar", SETTINGS | {"min_face_px": px})) for px in (20, 30)]
    for text in (*texts, *texts):
        find_faces((("haar", text), members_of([noise(30, 40)])))
    assert [(name, settings["min_face_px"]) for name, settings in loaded] == [
        ("haar", 20),
        ("haar", 30),
    ]
    detection._load.cache_clear()


def test_an_image_that_is_broken_is_named():
    members = members_of([noise(5, 8)] * 2)
    members[1] = members[1]._replace(png=members[1].png[:40])
    with pytest.raises(UserError, match=r"^shards: train-0000001: "):
        find_faces((("whole", "{}"), members))
