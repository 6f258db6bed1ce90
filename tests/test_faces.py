import numpy as np
import pytest

from facexpr.detectors import Face
from facexpr.errors import UserError
from facexpr.faces import FACE_COLUMNS, faces_table, read_faces
from facexpr.tables import write_table

BOX = np.array([1.25, -2.5, 30.0004, 41.9996], np.float32)
POINTS = np.array([[3, 4], [20.5, 5], [11, 12.125], [6, 30], [19, 31]], np.float32)
KEYS = ["test-0000001", "train-0000000", "val-0000002"]
CHOSEN = [Face(BOX, np.float32(0.987654321), POINTS), None, Face(BOX, 1.0)]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "faces.csv"
    write_table(path, faces_table(KEYS, CHOSEN, [3, 0, 1]))
    return path


def test_landmarks_none_and_box_only_come_back(path):
    found = read_faces(path)
    assert list(found) == KEYS
    full, none, box_only = found.values()
    assert none is None
    np.testing.assert_allclose(full.box_xyxy, BOX, atol=0.0005 + 1e-5)
    np.testing.assert_allclose(full.landmarks, POINTS, atol=0.0005)
    assert full.score == pytest.approx(0.98765, abs=1e-7)
    assert (full.box_xyxy.dtype, full.landmarks.dtype) == (np.float32, np.float32)
    assert full.landmarks.shape == (5, 2)
    assert (box_only.score, box_only.landmarks) == (1.0, None)


def test_the_table_says_status_and_number_of_faces():
    table = faces_table(KEYS, CHOSEN, [3, 0, 1])
    assert list(table) == FACE_COLUMNS
    assert table["status"].to_list() == ["face", "no_face", "face"]
    assert table["faces"].to_list() == [3, 0, 1]
    assert table.loc[0, ["eye_left_x", "eye_left_y", "nose_y"]].to_list() == [3, 4, 12.125]
    assert table.loc[0, ["x2", "y2"]].to_list() == [30.0, 42.0]


@pytest.mark.parametrize("chosen", [None, Face(BOX, 0.5)])
def test_tables_without_any_landmarks(tmp_path, chosen):
    path = tmp_path / "faces.csv"
    write_table(path, faces_table(KEYS, [chosen] * 3, [1] * 3))
    found = list(read_faces(path).values())
    assert [face is None for face in found] == [chosen is None] * 3
    assert all(face is None or face.landmarks is None for face in found)


def test_points_that_are_not_known_stay_unknown(tmp_path):
    eyes, none = POINTS.copy(), np.full((5, 2), np.nan, np.float32)
    eyes[2:] = np.nan
    path = tmp_path / "faces.csv"
    write_table(
        path, faces_table(KEYS, [Face(BOX, 0.5, one) for one in (eyes, none, POINTS)], [1] * 3)
    )
    assert "nan" not in path.read_text().lower()
    found = [face.landmarks for face in read_faces(path).values()]
    np.testing.assert_allclose(found[0], eyes, atol=0.0005)
    assert found[0].dtype == np.float32
    assert found[1] is None
    np.testing.assert_allclose(found[2], POINTS, atol=0.0005)


def test_two_writes_give_equal_bytes(path, tmp_path):
    again = tmp_path / "again.csv"
    write_table(again, faces_table(KEYS, CHOSEN, [3, 0, 1]))
    assert again.read_bytes() == path.read_bytes()


def test_as_many_faces_as_keys():
    with pytest.raises(ValueError, match="zip"):
        faces_table(KEYS, CHOSEN[:2], [1, 1])


def test_a_table_without_landmark_columns_is_refused(tmp_path):
    path = tmp_path / "faces.csv"
    write_table(path, faces_table(KEYS, CHOSEN, [3, 0, 1]).drop(columns=["nose_x", "score"]))
    with pytest.raises(UserError, match=r"faces\.csv: columns missing: score, nose_x$"):
        read_faces(path)
