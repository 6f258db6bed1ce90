from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from facexpr.errors import UserError
from facexpr.mean import compute_mean, load_mean, save_mean


def make_images(count=9, shape=(4, 7)):
    return np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)


@given(st.integers(1, 8).flatmap(lambda n: arrays(np.uint8, (n, 3, 4))))
def test_mean_and_spread_follow_their_definitions(images):
    mean = compute_mean(iter(images))
    np.testing.assert_array_equal(mean.image, images.sum(axis=0, dtype=np.int64) / len(images))
    assert mean.image.dtype == np.float64
    assert mean.scalar == pytest.approx(images.mean(), abs=1e-12)
    distances = images - images.mean(axis=0)
    assert mean.std == pytest.approx(np.sqrt(np.mean(distances**2)), abs=1e-5)
    assert mean.count == len(images)


def test_sums_are_exact_where_float32_would_lose_count():
    images = [np.full((1, 2), 255, np.uint8)] * 70_000 + [np.zeros((1, 2), np.uint8)]
    assert compute_mean(images).image[0, 0] == float(Fraction(255 * 70_000, 70_001))


def test_order_does_not_matter():
    images = make_images()
    first, second = compute_mean(images), compute_mean(images[::-1])
    np.testing.assert_array_equal(first.image, second.image)
    assert (first.std, first.scalar) == (second.std, second.scalar)


def test_images_are_left_as_they_were():
    images = make_images(2)
    compute_mean(images)
    np.testing.assert_array_equal(images, make_images(2))


def test_no_images_are_an_error():
    with pytest.raises(UserError, match=r"^no images to take the mean of; check data\.fit$"):
        compute_mean([])


def test_save_and_load_give_equal_values_and_equal_bytes(tmp_path):
    mean = compute_mean(make_images())
    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    save_mean(paths[0], mean)
    found = load_mean(paths[0])
    save_mean(paths[1], found)
    np.testing.assert_array_equal(found.image, mean.image)
    assert (found.std, found.scalar, found.count) == (mean.std, mean.scalar, 9)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_missing_file_says_what_to_run(tmp_path):
    path = tmp_path / "mean.npz"
    with pytest.raises(UserError) as caught:
        load_mean(path)
    assert str(caught.value) == f"{path}: not found; run 'dvc repro mean'"


def test_broken_files_are_told(tmp_path):
    path, other = tmp_path / "mean.npz", tmp_path / "other.npz"
    save_mean(path, compute_mean(make_images()))
    np.savez(other, image=np.zeros((2, 3)))
    whole = path.read_bytes()
    for content in (b"", b"hello", whole[:200], whole[:-1], other.read_bytes()):
        path.write_bytes(content)
        with pytest.raises(UserError) as caught:
            load_mean(path)
        assert str(caught.value).startswith(f"{path}: not a mean file: ")
        assert str(caught.value).endswith("; run 'dvc checkout'")
