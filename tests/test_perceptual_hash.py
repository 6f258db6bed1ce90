from itertools import combinations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facexpr import perceptual_hash as module
from facexpr.perceptual_hash import confirm, likeness, near_pairs, perceptual_hash, thumbnail

RNG = np.random.default_rng(0)


def picture(seed, height=60, width=48, grain=4.0):
    """A smooth random picture that fills 0 to 255."""
    noise = np.random.default_rng(seed).normal(size=(height, width))
    smooth = cv2.GaussianBlur(noise, (0, 0), grain)
    return np.rint(255 * (smooth - smooth.min()) / np.ptp(smooth)).astype(np.uint8)


def distance(left, right):
    return int(np.bitwise_count(perceptual_hash(left) ^ perceptual_hash(right)))


def brute_force(hashes, bits):
    return [
        [i, j]
        for i, j in combinations(range(len(hashes)), 2)
        if (int(hashes[i]) ^ int(hashes[j])).bit_count() <= bits
    ]


def test_half_of_the_bits_are_set():
    for seed in range(20):
        assert np.bitwise_count(perceptual_hash(picture(seed))) == 32


def test_the_hash_hardly_sees_scale_light_and_compression_but_another_picture():
    image = picture(1, 97, 60)
    larger = cv2.resize(image, None, fx=2.5, fy=2.5, interpolation=cv2.INTER_CUBIC)
    darker = np.rint(0.6 * image + 20).astype(np.uint8)
    jpeg = cv2.imdecode(cv2.imencode(".jpg", image)[1], cv2.IMREAD_GRAYSCALE)
    for changed in (larger, darker, jpeg, np.dstack([image] * 3)):
        assert distance(image, changed) <= 6
    others = [distance(image, picture(seed, 97, 60)) for seed in range(2, 30)]
    assert min(others) > 12
    assert 28 < np.mean(others) < 36  # half of the bits by chance


def test_a_picture_on_its_head_has_the_opposite_odd_frequencies():
    """Upside down, the odd rows of the frequencies change sign: about half of the bits differ."""
    image = picture(3)
    assert 20 < distance(image, image[::-1].copy()) < 44


def test_symmetric_pictures_do_not_hash_noise():
    """All odd frequencies across are zero, and rounding must not make bits of them."""
    half = picture(4, 64, 32)
    image = np.hstack([half, half[:, ::-1]])
    assert distance(image, image[:, ::-1].copy()) == 0


words = st.integers(0, 2**64 - 1)
flips = st.lists(st.integers(0, 63), max_size=12)


@settings(deadline=None, max_examples=60)
@given(
    seeds=st.lists(st.tuples(words, st.lists(flips, max_size=4)), max_size=6),
    bits=st.integers(0, 12),
)
def test_near_pairs_are_those_of_brute_force(seeds, bits):
    """Each hash stands with copies of it that have a few bits flipped."""
    hashes = []
    for word, changes in seeds:
        hashes.append(word)
        hashes += [word ^ sum(1 << bit for bit in set(change)) for change in changes]
    hashes = np.array(hashes, np.uint64)
    assert near_pairs(hashes, bits).tolist() == brute_force(hashes, bits)


def test_pairs_at_the_limit_however_the_bits_are_spread():
    """10 bits in one band; two or three in each; 11 bits are too many."""
    spread = [sum(1 << bit for bit in range(0, 60, 6)), 0b1111111111 << 48, 0b11111111111 << 20]
    hashes = np.array([0, *spread], np.uint64)
    assert near_pairs(hashes, 10).tolist() == [[0, 1], [0, 2]]
    assert near_pairs(hashes, 11).tolist() == [[0, 1], [0, 2], [0, 3]]


@pytest.mark.parametrize("count", [0, 1])
def test_no_pairs_without_two_hashes(count):
    assert near_pairs(np.zeros(count, np.uint64), 10).shape == (0, 2)


def test_blocks_of_lookups_lose_no_pair(monkeypatch):
    hashes = RNG.integers(0, 2**64, 300, np.uint64)
    hashes[100:] = hashes[RNG.integers(0, 100, 200)] ^ np.uint64(2**40 + 1)
    whole = near_pairs(hashes, 4)
    assert len(whole) > 200
    monkeypatch.setattr(module, "LOOKUPS", 7)
    np.testing.assert_array_equal(near_pairs(hashes, 4), whole)
    assert whole.tolist() == brute_force(hashes, 4)


def test_a_thumbnail_is_grey_and_square():
    assert thumbnail(np.full((7, 90, 3), 50, np.uint8)).tolist() == [[50] * 32] * 32


def test_likeness_is_of_detail_whatever_light_and_small_shift():
    image = picture(5, 70, 70, 2.0)
    same = thumbnail(image[4:68, 4:68])
    assert likeness(same, same) == pytest.approx(1, abs=1e-5)
    darker = thumbnail(np.rint(0.5 * image[4:68, 4:68] + 30).astype(np.uint8))
    assert likeness(same, darker) > 0.99
    shifted = thumbnail(image[2:66, 6:70])  # by a pixel of the thumbnail, either way
    assert likeness(same, shifted) > 0.95
    assert likeness(same, shifted) == likeness(shifted, same)
    assert likeness(same, thumbnail(picture(6, 70, 70, 2.0))) < 0.6
    assert likeness(same, 255 - same) < 0.6  # a negative is another picture


def test_bright_discs_on_dark_ground_are_not_alike_for_that():
    """Two different textures under the same strong vignette: alike by plain correlation."""
    rows, columns = np.mgrid[-1:1:64j, -1:1:64j]
    light = 180 * np.exp(-2 * (rows**2 + columns**2))
    left, right = (
        thumbnail(np.clip(light + 0.25 * picture(seed, 64, 64, 2.0), 0, 255).astype(np.uint8))
        for seed in (7, 8)
    )
    assert np.corrcoef(left.ravel(), right.ravel())[0, 1] > 0.9
    assert likeness(left, right) < 0.75


def test_what_shows_nothing_is_like_nothing():
    flat = np.full((32, 32), 90, np.uint8)
    framed = flat.copy()
    framed[0] = 255  # detail at the edge alone, which the middle leaves out
    for other in (flat, framed, thumbnail(picture(9))):
        assert likeness(flat, other) == 0


def test_confirmed_pairs_are_read_in_blocks(monkeypatch):
    """Images 0, 2, 4 show the same, in three sizes, and 1 and 3 something else each."""
    image = picture(10, 80, 64)
    images = {
        "a": image,
        "b": picture(11, 80, 64),
        "c": cv2.resize(image, (200, 160), interpolation=cv2.INTER_CUBIC),
        "d": picture(12, 40, 40),
        "e": cv2.resize(image, (40, 50), interpolation=cv2.INTER_AREA),
    }
    reads = []

    def read(keys):
        reads.append(keys)
        return [(key, images[key]) for key in images if key in keys]

    pairs = np.array([(0, 1), (0, 2), (1, 3), (0, 4), (2, 4)])
    monkeypatch.setattr(module, "PAIRS", 2)
    alike = confirm(pairs, list("abcde"), read, 0.88)
    assert alike.tolist() == [[0, 2], [0, 4], [2, 4]]
    assert reads == [{"a", "b", "c"}, {"a", "b", "d", "e"}, {"c", "e"}]


def test_without_pairs_nothing_is_read():
    none = np.empty((0, 2), np.int64)
    assert confirm(none, [], lambda keys: pytest.fail("read"), 0.9).shape == (0, 2)
