from itertools import combinations

import numpy as np
import pytest

from facexpr.drawing import LABEL_COLOURS
from facexpr.emoji import EXPRESSIONS, UNKNOWN, draw_emoji

NAMES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "contempt")


def opaque(label, px):
    """The face on grey, float (px, px, 3)."""
    face = draw_emoji(label, px).astype(float)
    share = face[..., 3:] / 255
    return share * face[..., :3] + (1 - share) * 128


@pytest.mark.parametrize("px", [1, 7, 32, 128, 900])
def test_a_face_has_the_side_asked(px):
    face = draw_emoji("happy", px)
    assert face.shape == (px, px, 4)
    assert face.dtype == np.uint8


@pytest.mark.parametrize("label", [*NAMES, "smirk"])
def test_a_face_is_a_disc_that_fades_at_its_edge(label):
    alpha = draw_emoji(label, 64)[..., 3]
    assert alpha[[0, 0, -1, -1], [0, -1, 0, -1]].tolist() == [0] * 4
    assert alpha[8:56, 32].min() == alpha[32, 8:56].min() == 255
    assert alpha.mean() / 255 == pytest.approx(np.pi / 4 * 0.98**2, abs=0.02)
    between = (alpha > 0) & (alpha < 255)
    y, x = np.argwhere(between).T
    away = np.hypot(x - 31.5, y - 31.5)
    assert len(away) > 64  # soft all around, and nowhere else
    assert away.min() > 29


def test_faces_can_be_told_apart_when_small():
    faces = {name: opaque(name, 32) for name in (*NAMES, "smirk")}
    for one, other in combinations(faces, 2):
        grey = [faces[name].mean(axis=2) - faces[name].mean() for name in (one, other)]
        assert abs(faces[one] - faces[other]).mean() > 8, (one, other)
        assert abs(grey[0] - grey[1]).max() > 60, (one, other)  # not by their colour alone


def test_every_label_with_a_colour_has_a_face_and_synonyms_share_it():
    assert EXPRESSIONS.keys() == LABEL_COLOURS.keys()
    for one, other in combinations(LABEL_COLOURS, 2):
        alike = (draw_emoji(one, 24) == draw_emoji(other, 24)).all()
        assert alike == (LABEL_COLOURS[one] == LABEL_COLOURS[other]), (one, other)


def test_any_other_label_has_a_plain_face_and_case_does_not_matter():
    assert (draw_emoji("smirk", 40) == draw_emoji("", 40)).all()
    assert UNKNOWN not in EXPRESSIONS.values()
    assert (draw_emoji("Happy", 40) == draw_emoji("happiness", 40)).all()


def test_what_a_caller_paints_over_stays_its_own():
    for px in (30, 768):
        first = draw_emoji("sad", px)
        before = first.copy()
        first[:] = 0
        assert (draw_emoji("sad", px) == before).all()


def mouth(label):
    """The rows that dark lips cover: in the middle, and at the image-right end, of 256."""
    dark = draw_emoji(label, 256)[130:205, 128:212, :3].astype(int).sum(axis=2) < 250
    rows, columns = np.nonzero(dark)
    return rows[columns < 0.1 * columns.max()], rows[columns > 0.9 * columns.max()]


def test_a_smile_hangs_and_a_frown_rises():
    middle, ends = mouth("happy")
    assert middle.max() > ends.max() + 20
    for label in ("sad", "angry", "disgust"):
        middle, ends = mouth(label)
        assert middle.min() < ends.min() - 10, label
    middle, ends = mouth("neutral")
    assert abs(middle.mean() - ends.mean()) < 2


def test_eyes_and_mouth_open_wide_in_surprise():
    def white(label):
        return (draw_emoji(label, 256)[60:140, :, :3] > 240).all(axis=2).sum()

    assert white("surprise") > 10 * white("neutral")
    assert np.ptp(mouth("surprise")[0]) > 3 * np.ptp(mouth("neutral")[0])
