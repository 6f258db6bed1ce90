import numpy as np
import pytest

from facexpr.detectors import Face
from facexpr.face_choice import choose_face

WIDE = (100, 300, 3)  # its centre is (149.5, 49.5)
RULES = ("largest", "best", "central")


def make_face(x1, y1, x2, y2, score=0.5):
    return Face(np.array([x1, y1, x2, y2], np.float32), score)


@pytest.mark.parametrize("rule", RULES)
def test_no_face_gives_none(rule):
    assert choose_face([], WIDE, rule) is None


@pytest.mark.parametrize("rule", RULES)
def test_of_equal_faces_the_first(rule):
    faces = [make_face(10, 10, 40, 40) for _ in range(3)]
    assert choose_face(faces, WIDE, rule) is faces[0]


def test_each_rule_picks_its_own():
    large = make_face(0, 0, 90, 80, score=0.6)
    sure = make_face(250, 60, 290, 99, score=0.99)
    middle = make_face(140, 30, 170, 60, score=0.7)
    faces = [middle, sure, large]
    assert choose_face(faces, WIDE, "largest") is large
    assert choose_face(faces, WIDE, "best") is sure
    assert choose_face(faces, WIDE, "central") is middle


def test_area_counts_and_not_the_longer_side():
    long, square = make_face(0, 0, 100, 10), make_face(0, 0, 40, 40)
    assert choose_face([long, square], WIDE, "largest") is square


def test_central_takes_width_for_x():
    # With the sides exchanged the centre would be (49.5, 149.5), nearer to the first.
    faces = [make_face(40, 90, 60, 99), make_face(140, 0, 160, 10)]
    assert choose_face(faces, WIDE, "central") is faces[1]
