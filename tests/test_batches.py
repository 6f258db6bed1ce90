import numpy as np
import pytest

from facexpr.batches import Batches

IMAGES = np.arange(11, dtype=np.uint8)[:, None, None] * np.ones((1, 4, 6), np.uint8)
LABELS = np.arange(11) % 3


def make(seed=7, batch=4):
    return Batches(IMAGES, LABELS, 3, batch, seed)


def order_of(batches, epoch):
    batches.start_epoch(epoch)
    return [int(face[0, 0, 0]) for index in range(len(batches)) for face in batches[index][0]]


def test_shapes_and_types():
    batches = make()
    assert len(batches) == 3
    faces, targets = batches[0]
    assert (faces.shape, faces.dtype) == ((4, 4, 6, 1), np.uint8)
    assert (targets.shape, targets.dtype) == ((4, 3), np.float32)
    assert len(batches[2][0]) == 3


def test_an_exact_number_of_batches_leaves_no_empty_one():
    assert len(make(batch=11)) == 1
    assert len(make(batch=100)) == 1


def test_every_epoch_shows_every_face_once_with_its_own_label():
    batches = make()
    assert sorted(order_of(batches, 3)) == list(range(11))
    for index in range(len(batches)):
        faces, targets = batches[index]
        np.testing.assert_array_equal(targets.argmax(axis=1), faces[:, 0, 0, 0] % 3)
        np.testing.assert_array_equal(targets.sum(axis=1), 1)


def test_the_order_depends_on_seed_and_epoch_alone():
    batches = make()
    orders = [order_of(batches, epoch) for epoch in range(3)]
    assert order_of(make(), 2) == orders[2]
    assert order_of(batches, 0) == orders[0]
    assert orders[0] != orders[1] != orders[2]
    assert order_of(make(seed=8), 0) != orders[0]


def test_the_first_epoch_needs_no_start():
    first = make()[0][0]
    batches = make()
    batches.start_epoch(0)
    np.testing.assert_array_equal(batches[0][0], first)


@pytest.mark.parametrize("epoch", [0, 5])
def test_without_a_seed_the_order_is_as_given(epoch):
    assert order_of(make(seed=None), epoch) == list(range(11))


def test_seed_zero_is_a_seed():
    assert order_of(make(seed=0), 0) != list(range(11))
