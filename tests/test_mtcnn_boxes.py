"""Squares, moves and suppression, by reasoning and against plain loops."""

from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from facexpr import mtcnn_boxes
from facexpr.mtcnn_boxes import moved, square, unbeaten

boxes = st.tuples(*[st.floats(-50, 50)] * 2, *[st.floats(1, 60)] * 2)


@given(st.lists(boxes, max_size=8))
def test_squares_share_the_centre_and_the_longer_side(corners_and_sides):
    rows = np.zeros((len(corners_and_sides), 6))
    for row, (x, y, width, height) in zip(rows, corners_and_sides, strict=True):
        row[:] = 2, x, y, x + width, y + height, 0.5
    found = square(rows)
    sides = rows[:, 3:5] - rows[:, 1:3]
    np.testing.assert_allclose(found[:, 1:3] + found[:, 3:5], rows[:, 1:3] + rows[:, 3:5])
    np.testing.assert_allclose(
        found[:, 3:5] - found[:, 1:3], sides.max(1, keepdims=True).repeat(2, 1)
    )
    np.testing.assert_array_equal(found[:, [0, 5]], rows[:, [0, 5]])


def test_moves_and_landmarks_are_shares_of_the_box():
    rows = np.array([[3, 10, 20, 19, 39, 0.5]])  # 10 by 20 pixels, both ends counted
    landmarks = np.array([[0, 0.1, 0.2, 0.3, 1, 0, 0.1, 0.2, 0.3, 1]])
    (row,) = moved(rows, np.array([[0.1, 0.1, -0.1, 0]]), landmarks, np.array([[0.2, 0.8]]))
    np.testing.assert_allclose(row[:6], [3, 11, 22, 18, 39, 0.8])
    np.testing.assert_allclose(row[6:], [9, 10, 11, 12, 19, 19, 21, 23, 25, 39])


def overlap(one, other, of_smaller):
    """As in any textbook."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0, width) * max(0, height)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / (min(areas) if of_smaller else sum(areas) - shared)


@given(
    st.lists(st.tuples(st.integers(0, 3), boxes), max_size=20, unique_by=lambda row: row[1]),
    st.floats(0.05, 0.95),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_a_box_falls_to_any_better_one_of_its_image(drawn, limit, of_smaller, random):
    scores = random.sample(range(100), len(drawn))
    rows = np.reshape(
        [
            [image, x, y, x + width, y + height, score / 100]
            for (image, (x, y, width, height)), score in zip(drawn, scores, strict=True)
        ],
        (-1, 6),
    )
    best_first = sorted(range(len(rows)), key=lambda i: (rows[i, 0], -rows[i, 5]))
    expected = [
        i
        for i in best_first
        if not any(
            rows[j, 0] == rows[i, 0]
            and rows[j, 5] > rows[i, 5]
            and overlap(rows[i, 1:5], rows[j, 1:5], of_smaller) > limit
            for j in best_first
        )
    ]
    for pairs in (2**20, 3):  # in one block of pairs, and in many
        with patch.object(mtcnn_boxes, "PAIRS", pairs):
            assert unbeaten(rows, limit, of_smaller).tolist() == expected


def test_of_equal_boxes_with_equal_scores_one_stays():
    rows = np.tile([0, 10, 10, 20, 20, 0.9], (9, 1))
    rows[4:, 0] = 1
    first, second = unbeaten(rows, 0.5)
    assert first < 4 <= second
