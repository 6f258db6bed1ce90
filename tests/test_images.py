import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from facexpr.errors import UserError
from facexpr.images import (
    decode,
    encode_png,
    hash_image,
    read_image,
    to_grey,
    to_rgb,
    with_border,
)

GREY = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=9))
RGB = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=9).map(lambda hw: (*hw, 3)))


@given(st.one_of(GREY, RGB))
def test_png_round_trip_keeps_pixels_and_shape(image):
    np.testing.assert_array_equal(decode(encode_png(image), "x"), image)


def test_red_is_red_in_the_file_too(tmp_path):
    image = np.zeros((4, 6, 3), np.uint8)
    image[..., 0] = 255
    path = tmp_path / "red.png"
    path.write_bytes(encode_png(image))
    np.testing.assert_array_equal(cv2.imread(str(path))[0, 0], [0, 0, 255])  # OpenCV has BGR
    np.testing.assert_array_equal(read_image(path), image)


def test_transparency_is_dropped():
    data = cv2.imencode(".png", np.full((3, 5, 4), (10, 20, 30, 0), np.uint8))[1].tobytes()
    found = decode(data, "x")
    assert found.shape == (3, 5, 3)
    np.testing.assert_array_equal(found[0, 0], [30, 20, 10])


def test_sixteen_bits_become_eight():
    data = cv2.imencode(".png", np.full((3, 5), 0x8000, np.uint16))[1].tobytes()
    found = decode(data, "x")
    assert (found.dtype, found.shape, found[0, 0]) == (np.uint8, (3, 5), 128)


def test_bytes_that_are_no_picture_are_named():
    with pytest.raises(UserError, match=r"^row 7: empty file, expected a picture$"):
        decode(b"", "row 7")
    with pytest.raises(UserError, match=r"^row 7: not a readable picture"):
        decode(b"hello", "row 7")


def test_files_that_cannot_be_read_are_named(tmp_path):
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(UserError) as caught:
            read_image(path)
        assert str(caught.value).startswith(f"{path}: cannot be read: ")


def test_grey_of_colours_by_luma_weights():
    image = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]]], np.uint8)
    np.testing.assert_array_equal(to_grey(image), [[76, 150, 29, 9]])


def test_grey_and_rgb_leave_alone_what_is_so_already():
    grey, rgb = np.zeros((2, 3), np.uint8), np.zeros((2, 3, 3), np.uint8)
    assert to_grey(grey) is grey
    assert to_rgb(rgb) is rgb
    assert to_rgb(grey).shape == (2, 3, 3)


def test_the_hash_knows_shape_and_every_pixel():
    image = np.arange(6, dtype=np.uint8)
    other = image.copy()
    other[3] += 1
    shapes = [image.reshape(2, 3), image.reshape(3, 2), image.reshape(1, 2, 3), other.reshape(2, 3)]
    assert len({hash_image(shape) for shape in shapes}) == 4


def test_the_hash_is_of_pixels_and_not_of_memory():
    image = np.arange(24, dtype=np.uint8).reshape(4, 6)
    assert hash_image(image[:, ::2]) == hash_image(image[:, ::2].copy())


@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 3)])
def test_a_border_of_one_grey_surrounds_a_wide_image(shape):
    image = np.random.default_rng(0).integers(0, 100, shape, np.uint8)
    found = with_border(image, (1, 2, 3, 4), 200)
    assert found.shape == (6, 12, *shape[2:])
    np.testing.assert_array_equal(found[1:4, 3:8], image)
    found[1:4, 3:8] = 200
    assert (found == 200).all()
    assert (with_border(image, (1, 0, 0, 0), 0)[0] == 0).all()


@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 3)])
def test_a_border_can_repeat_the_edge(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    sides = [(1, 2), (3, 4), (0, 0)][: len(shape)]
    np.testing.assert_array_equal(
        with_border(image, (1, 2, 3, 4), -1), np.pad(image, sides, mode="edge")
    )


def test_no_border_changes_nothing():
    image = np.random.default_rng(0).integers(0, 256, (3, 5), np.uint8)
    np.testing.assert_array_equal(with_border(image, (0,) * 4, 200), image)
