import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facexpr.batches import (
    Batches,
    HeldFaces,
    class_weights,
    draw_targets,
    make_targets,
    mix,
    mixing_shares,
    oversample,
)

IMAGES = np.arange(11, dtype=np.uint8)[:, None, None] * np.ones((1, 4, 6), np.uint8)
LABELS = np.arange(11) % 3


TARGETS = np.eye(3, dtype=np.float32)[LABELS]


def make(seed=7, batch=4, **options):
    return Batches(IMAGES, TARGETS, batch, seed, **options)


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


VOTES = np.array([[0, 0, 0], [3, 7, 0], [2, 5, 3], [5, 5, 0]], np.float32)
CODES = np.array([2, 1, 1, 0])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("majority", [[0, 0, 1], [0, 1, 0], [0, 1, 0], [1, 0, 0]]),
        ("soft", [[0, 0, 1], [0.3, 0.7, 0], [0.2, 0.5, 0.3], [0.5, 0.5, 0]]),
        ("probability", [[0, 0, 1], [0.3, 0.7, 0], [0.2, 0.5, 0.3], [0.5, 0.5, 0]]),
        ("multi", [[0, 0, 1], [0.3, 0.7, 0], [0, 0.5, 0.3], [0.5, 0.5, 0]]),
    ],
)
def test_what_votes_make_of_a_target(kind, expected):
    found = make_targets(kind, CODES, VOTES, 3)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-7)


@pytest.mark.parametrize("kind", ["majority", "soft", "multi"])
def test_without_votes_the_label_is_the_target(kind):
    np.testing.assert_array_equal(make_targets(kind, CODES, None, 4), np.eye(4)[CODES])


@pytest.mark.parametrize("kind", ["majority", "soft", "multi"])
def test_the_class_that_balancing_goes_by_is_the_label(kind):
    batches = Batches(IMAGES[:3], make_targets(kind, CODES[:3], VOTES[:3], 3), 4)
    assert batches.labels.tolist() == CODES[:3].tolist()


def test_classes_are_drawn_by_their_shares():
    shares = np.repeat([[0.2, 0.5, 0.3], [0, 1, 0], [0.5, 0, 0.5]], 4000, axis=0)
    drawn = draw_targets(shares, np.random.default_rng(0))
    assert ((drawn == 0) | (drawn == 1)).all()
    np.testing.assert_array_equal(drawn.sum(axis=1), 1)
    means = drawn.reshape(3, 4000, 3).mean(axis=1)
    np.testing.assert_allclose(means, shares[::4000], atol=0.025)
    assert (means[1] == [0, 1, 0]).all()
    assert means[2][1] == 0


def test_draws_depend_on_seed_and_epoch_alone():
    soft = np.full((11, 3), 1 / 3, np.float32)

    def drawn(seed, epoch):
        batches = Batches(IMAGES, soft, 11, seed, draw=True)
        batches.start_epoch(epoch)
        return batches[0][1].argmax(axis=1).tolist()

    assert drawn(1, 2) == drawn(1, 2)
    assert drawn(1, 2) != drawn(1, 3)
    assert drawn(1, 2) != drawn(2, 2)


def test_weights_give_every_class_that_occurs_the_same_sum():
    labels = np.array([0, 0, 0, 2, 0, 3, 3, 0])  # class 1 never occurs
    weights = class_weights(labels)
    sums = np.bincount(labels, weights)
    np.testing.assert_allclose(sums, [8 / 3, 0, 8 / 3, 8 / 3], rtol=1e-6)
    assert weights.sum() == pytest.approx(len(labels))


def test_weighted_batches_carry_the_weights_of_their_faces():
    labels = np.array([0] * 8 + [1] * 3)
    batches = Batches(IMAGES, np.eye(2, dtype=np.float32)[labels], 4, 7, balance="weights")
    for index in range(len(batches)):
        faces, targets, weights = batches[index]
        expected = np.where(targets[:, 0] == 1, 11 / 16, 11 / 6)
        np.testing.assert_allclose(weights, expected, rtol=1e-6)
        np.testing.assert_array_equal(faces[:, 0, 0, 0] >= 8, targets[:, 1] == 1)


def test_oversampling_fills_up_every_class_that_occurs_with_its_own():
    labels = np.array([0] * 7 + [2] * 2 + [3] * 7)
    rows = oversample(labels, np.random.default_rng(0))
    assert np.bincount(labels[rows]).tolist() == [7, 0, 7, 7]
    counts = np.bincount(rows, minlength=len(labels))
    assert (counts[:7] == 1).all()
    assert sorted(counts[7:9]) == [3, 4]  # whole rounds, and one more of a drawn one


def test_an_oversampled_epoch_is_longer_and_differs_from_the_next():
    labels = np.array([0] * 8 + [1] * 3)
    batches = Batches(IMAGES, np.eye(2, dtype=np.float32)[labels], 4, 7, balance="oversample")
    assert len(batches) == 4
    first, second = order_of(batches, 0), order_of(batches, 1)
    assert len(first) == len(second) == 16
    assert sorted(face for face in first if face < 8) == list(range(8))
    assert first != second
    assert order_of(batches, 0) == first


def test_held_faces_are_given_by_their_rows():
    held = HeldFaces(IMAGES)
    faces = keras.ops.convert_to_numpy(held(np.array([7, 0, 7], np.int32)))
    assert faces.dtype == np.uint8
    np.testing.assert_array_equal(faces, IMAGES[[7, 0, 7]][..., None])
    symbolic = held(keras.Input((), dtype="int32"))
    assert (symbolic.shape, symbolic.dtype) == ((None, 4, 6, 1), "uint8")
    assert not held.trainable_variables


def test_rows_of_held_faces_pass_as_they_are():
    rows, targets = Batches(np.arange(100, 111, dtype=np.int32), TARGETS, 4)[1]
    assert (rows.tolist(), rows.dtype) == ([104, 105, 106, 107], np.int32)
    np.testing.assert_array_equal(targets, TARGETS[4:8])


def test_mixing_takes_from_the_one_before_and_the_first_from_the_last():
    values = np.array([[0.0, 10], [20, 30], [40, 50]])
    found = mix(values, np.array([1.0, 0.75, 0.5]))
    np.testing.assert_array_equal(found, [[0, 10], [15, 25], [30, 40]])
    np.testing.assert_array_equal(mix(np.array([4.0, 8]), np.array([0.5, 1])), [6, 8])


@given(st.floats(0.05, 10), st.integers(1, 50), st.integers(0, 2**32 - 1))
def test_a_face_keeps_at_least_half_of_itself(alpha, count, seed):
    shares = mixing_shares(alpha, count, np.random.default_rng(seed))
    assert (shares.shape, shares.dtype) == ((count,), np.float32)
    assert shares.min() >= 0.5
    assert shares.max() <= 1


def test_shares_spread_as_the_beta_distribution_folded_in_the_middle():
    shares = mixing_shares(1.0, 100_000, np.random.default_rng(0))  # Beta(1, 1) is uniform
    assert shares.mean() == pytest.approx(0.75, abs=0.005)
    assert np.quantile(shares, [0.1, 0.9]) == pytest.approx([0.55, 0.95], abs=0.005)


def test_mixed_batches_have_shares_and_targets_that_add_up_to_one():
    batches = make(mixup=0.4)
    inputs, targets = batches[0]
    assert inputs["faces"].shape == (4, 4, 6, 1)
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-6)
    own = TARGETS[inputs["faces"][:, 0, 0, 0]]
    np.testing.assert_array_equal(targets, mix(own, inputs["share"]))


def test_weights_are_mixed_like_targets():
    batches = make(mixup=0.4, balance="weights")
    inputs, _, weights = batches[0]
    own = class_weights(LABELS)[inputs["faces"][:, 0, 0, 0]]
    np.testing.assert_array_equal(weights, mix(own, inputs["share"]))


def test_shares_are_drawn_anew_for_each_epoch_but_the_same_for_the_same():
    batches, shares = make(mixup=0.4), []
    for epoch in (0, 1, 0):
        batches.start_epoch(epoch)
        shares.append(batches[0][0]["share"].tolist())
    assert shares[0] == shares[2] != shares[1]


@pytest.mark.parametrize("devices", [1, 2, 3, 4])
def test_every_batch_can_be_spread_over_devices(devices):
    batches = make(batch=2 * devices, devices=devices)
    sizes = [len(batches[index][0]) for index in range(len(batches))]
    assert not any(size % devices for size in sizes)
    assert 11 <= sum(sizes) < 11 + devices
    order = order_of(batches, 1)
    assert sorted(set(order)) == list(range(11))
    assert order[11:] == order[: len(order) - 11]
