import numpy as np
import pytest

from facexpr.description import describe_members, described_table, flat_pixels, flat_rows
from facexpr.images import encode_png, hash_image
from facexpr.perceptual_hash import perceptual_hash
from facexpr.records import Member


def test_images_are_described():
    """Two hashes, the range of values, and shares of flat rows and of the commonest grey."""
    wide = np.array([[5, 5, 9], [7, 255, 6]], np.uint8)
    flat = np.full((2, 3), 40, np.uint8)
    images = {"k": wide, "l": flat, "m": wide.copy()}
    members = [Member(key, encode_png(image), "data/images") for key, image in images.items()]
    table = described_table(zip(images, describe_members(((), members)), strict=True))
    assert list(table) == ["key", "hash", "near_hash", "range", "flat_rows", "flat_pixels"]
    assert table["key"].to_list() == list(images)
    assert table["range"].to_list() == [250, 0, 250]
    assert table["hash"].to_list() == [hash_image(image) for image in images.values()]
    assert table["near_hash"].dtype == np.uint64
    assert table["near_hash"].to_list() == [perceptual_hash(one) for one in images.values()]
    assert table["flat_rows"].to_list() == [0, 1, 0]
    assert table["flat_pixels"].to_list() == [1 / 3, 1, 1 / 3]


@pytest.mark.parametrize("colours", [(), (3,)])
def test_flat_rows_are_counted_from_the_bottom(colours):
    image = np.random.default_rng(0).integers(0, 100, (8, 5, *colours), np.uint8)
    assert flat_rows(image) == 0
    image[:3] = 128  # a band at the top is none
    image[6:] = 128
    assert flat_rows(image) == 2 / 8
    image[6] = 127  # flat too, but of another value
    assert flat_rows(image) == 1 / 8
    assert flat_rows(np.zeros((4, 9, *colours), np.uint8)) == 1


def test_a_row_of_one_grey_is_not_a_row_of_one_colour():
    image = np.zeros((4, 3, 3), np.uint8)
    image[3, 1] = (0, 0, 1)
    assert flat_rows(image) == 0


def test_flat_pixels_are_those_of_the_commonest_grey():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert flat_pixels(image) == 1 / 12
    image[0, :3] = 9
    assert flat_pixels(image) == 4 / 12
    assert flat_pixels(np.dstack([image] * 3)) == 4 / 12


def test_hashes_above_two_to_the_63_are_not_taken_for_negative():
    images = np.random.default_rng(0).integers(0, 256, (8, 5, 7), np.uint8)
    packed = describe_members(((), [Member("k", encode_png(image), "") for image in images]))
    table = described_table((str(row), one) for row, one in enumerate(packed))
    assert table["near_hash"].max() >= 2**63
    assert table["near_hash"].to_list() == [perceptual_hash(image) for image in images]
