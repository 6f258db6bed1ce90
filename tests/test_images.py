import io
import os
import struct
import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image, ImageCms, ImageOps

from facexpr import images
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


def smooth(channels: int) -> np.ndarray:
    """Colours, and transparency, that change over a picture: uint8 (20, 36, channels)."""
    y, x, c = np.mgrid[:20, :36, :channels]
    return (127.5 + 127.5 * np.sin(x / 9 + c) * np.cos(y / 7 - c)).astype(np.uint8)


RGB_PICTURE = Image.fromarray(smooth(3))
RGBA_PICTURE = Image.fromarray(smooth(4))
GREY_PICTURE = Image.fromarray(smooth(1)[..., 0])
LOSSLESS = {"PNG": {}, "WEBP": {"lossless": True}, "TIFF": {"compression": "tiff_lzw"}, "GIF": {}}


def save(picture: Image.Image, kind: str, **options) -> bytes:
    """A picture file, written by Pillow."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def opened(data: bytes, mode: str = "RGB") -> np.ndarray:
    """What Pillow makes of a file: turned by EXIF, on white where transparent."""
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGBA")
    return np.asarray(
        Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert(mode)
    )


def opencv(data: bytes) -> np.ndarray:
    """What OpenCV alone makes of a colour file: RGB (H, W, 3)."""
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_ANYCOLOR)[..., ::-1]


def chunk(name: bytes, data: bytes) -> bytes:
    """One chunk of a PNG file."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def black_png(width: int, height: int) -> bytes:
    """A grey PNG that says how large it is, with the pixels of its first row alone."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(1 + width)))
    return images.PNG + header + pixels + chunk(b"IEND", b"")


def run(code: str, *arguments: str, **environment: str) -> list[str]:
    """The lines that a Python of its own prints; OpenCV reads its limits when imported."""
    inherited = {k: v for k, v in os.environ.items() if k != "OPENCV_IO_MAX_IMAGE_PIXELS"}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(
        command, env=inherited | environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_rotation_is_applied(kind, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    options = LOSSLESS.get(kind, {"quality": 95})
    for picture, mode in [(RGB_PICTURE, "RGB"), (RGBA_PICTURE, "RGB"), (GREY_PICTURE, "L")]:
        if kind == "JPEG" and picture.mode == "RGBA":
            continue
        data = save(picture, kind, exif=exif, **options)
        expected = opened(data, "RGB" if kind == "WEBP" else mode)  # WebP knows no grey
        np.testing.assert_allclose(decode(data, "x"), expected, atol=2 * (kind == "JPEG"))


@pytest.mark.parametrize("kind", LOSSLESS)
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_white(kind, mode):
    picture, options = RGBA_PICTURE.convert("RGBA" if mode == "P" else mode), LOSSLESS[kind]
    if mode == "P":
        picture, options = RGB_PICTURE.quantize(8), {"transparency": 3, **options}
    data = save(picture, kind, **options)
    if (kind, mode) == ("TIFF", "LA"):  # OpenCV reads grey TIFF as grey, and its alpha not at all
        np.testing.assert_array_equal(decode(data, "x"), np.asarray(picture)[..., 0])
    else:
        np.testing.assert_array_equal(decode(data, "x"), opened(data))


def test_a_transparent_red_is_half_white():
    rgba = np.zeros((2, 3, 4), np.uint8)
    rgba[...] = (255, 0, 0, 51)  # a fifth
    rgba[0, 0, 3], rgba[1, 2, 3] = 0, 255
    found = decode(save(Image.fromarray(rgba), "PNG"), "x")
    assert found[0, 0].tolist() == [255, 255, 255]
    assert found[1, 2].tolist() == [255, 0, 0]
    assert found[0, 1].tolist() == [255, 204, 204]


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_transparency_of_sixteen_bits(suffix):
    image = smooth(4).astype(np.uint16) * 257
    data = cv2.imencode(suffix, image)[1].tobytes()
    np.testing.assert_array_equal(decode(data, "x"), opened(data))


@pytest.mark.parametrize("kind", [*LOSSLESS, "JPEG", "BMP"])
def test_opaque_colours_stay_as_they_are(kind):
    opaque = np.dstack([smooth(3), np.full((20, 36), 255, np.uint8)])
    picture = RGB_PICTURE if kind in {"JPEG", "GIF"} else Image.fromarray(opaque)
    data = save(picture, kind)
    np.testing.assert_array_equal(decode(data, "x"), opencv(data))
    np.testing.assert_allclose(decode(data, "x"), opened(data), atol=2 * (kind == "JPEG"))


def test_an_icc_profile_beside_transparency_is_no_fault(capfd):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = save(RGBA_PICTURE, "PNG", icc_profile=profile)
    np.testing.assert_array_equal(decode(data, "x"), opened(data))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_become_eight(suffix, channels):
    deep = np.arange(24 * channels, dtype=np.uint16).reshape(4, 6, channels) * (65535 // 71)
    data = cv2.imencode(suffix, deep[..., ::-1])[1].tobytes()  # OpenCV has BGR
    found = decode(data, "x")
    assert (found.dtype, found.shape) == (np.uint8, (4, 6, 3)[: 1 + channels])
    assert np.abs(found.reshape(deep.shape) - deep / 257).max() < 1


def test_grey_stays_grey():
    for kind in ("PNG", "JPEG", "TIFF", "BMP"):
        data = save(GREY_PICTURE, kind)
        assert decode(data, "x").shape == (20, 36)
        np.testing.assert_allclose(decode(data, "x"), opened(data, "L"), atol=2 * (kind == "JPEG"))
    one_bit = save(GREY_PICTURE.convert("1"), "PNG")
    np.testing.assert_array_equal(decode(one_bit, "x"), opened(one_bit, "L"))


def test_cmyk_is_turned_into_rgb():
    data = save(RGB_PICTURE.convert("CMYK"), "JPEG", quality=95)
    start = data.index(b"\xff\xee\x00\x0eAdobe")  # the segment that says inverted
    for form in (
        data,
        data[:start] + data[start + 16 :],
        save(RGB_PICTURE.convert("CMYK"), "TIFF"),
    ):
        assert np.abs(decode(form, "x").astype(int) - opened(form)).max() <= 2


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_counts(kind):
    frames = [RGB_PICTURE.rotate(turn) for turn in (0, 90, 180)]
    data = save(frames[0], kind, save_all=True, append_images=frames[1:], **LOSSLESS[kind])
    np.testing.assert_array_equal(decode(data, "x"), opened(data))


def test_a_single_pixel_is_a_picture():
    for kind in ("PNG", "GIF", "BMP", "TIFF"):
        data = save(Image.new("RGB", (1, 1), (10, 20, 30)), kind)
        assert decode(data, "x").tolist() == [[[10, 20, 30]]]
    assert decode(save(Image.new("L", (1, 1), 99), "PNG"), "x").tolist() == [[99]]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
def test_a_file_that_is_cut_short_is_an_error(kind):
    data = save(RGB_PICTURE, kind)
    for size in (len(data) // 20, len(data) // 2, len(data) * 9 // 10, len(data) - 3):
        with pytest.raises(
            UserError, match=r"^x: not a readable picture \(broken or not an image\)$"
        ):
            decode(data[:size], "x")


def test_a_png_that_claims_more_bytes_than_it_has_is_an_error():
    data = save(RGB_PICTURE, "PNG")
    length = data.index(b"IDAT") - 4
    with pytest.raises(UserError, match="not a readable picture"):
        decode(data[:length] + b"\x7f\xff\xff\xff" + data[length + 4 :], "x")
    np.testing.assert_array_equal(decode(data + b"more", "x"), smooth(3))


def test_a_picture_of_too_many_pixels_is_refused_by_its_header(tmp_path):
    (tmp_path / "large.png").write_bytes(black_png(20_000, 20_000))
    (tmp_path / "fits.png").write_bytes(save(Image.new("L", (1000, 500)), "PNG"))
    code = """
import sys
from facexpr.errors import UserError
from facexpr.images import Path, read_image
for name in "large.png", "fits.png":
    try:
        print(read_image(Path(sys.argv[1], name)).shape)
    except UserError as error:
        print(error)
"""
    refused = f"{tmp_path}/large.png: larger than %s pixels; shrink it"
    assert run(code, str(tmp_path)) == [refused % "100 million", "(500, 1000)"]
    for limit, words in [("500000", "0.5 million"), ("1MB", "1MB")]:
        found = run(code, str(tmp_path), OPENCV_IO_MAX_IMAGE_PIXELS=limit)
        assert found == [refused % words, "(500, 1000)"]


def test_broken_files_give_pixels_or_one_error_and_nothing_else(tmp_path):
    frames = [RGB_PICTURE, RGB_PICTURE.rotate(90)]
    forms = [(kind, p) for kind in LOSSLESS for p in (RGB_PICTURE, RGBA_PICTURE)]
    files = [save(p, kind, **LOSSLESS[kind]) for kind, p in forms]
    files += [save(frames[0], k, save_all=True, append_images=frames) for k in ("GIF", "PNG")]
    files += [save(RGB_PICTURE, "JPEG"), save(RGB_PICTURE, "JPEG", progressive=True)]
    for number, data in enumerate(files):
        (tmp_path / str(number)).write_bytes(data)
    code = """
import random, sys
from pathlib import Path
from facexpr.errors import UserError
from facexpr.images import decode
chance = random.Random(0)
for path in sorted(Path(sys.argv[1]).iterdir()):
    for _ in range(150):
        data = bytearray(path.read_bytes())
        for _ in range(chance.choice([1, 2, 8])):
            place = chance.randrange(chance.choice([40, len(data)]))
            data[place] = chance.choice([0, 255, chance.randrange(256)])
        try:
            image = decode(bytes(data), path.name)
        except UserError as error:
            assert str(error).startswith(path.name + ": ") and "\\n" not in str(error), error
        else:
            assert image.dtype == "uint8" and image.shape[2:] in [(), (3,)], image.shape
    print(path.name)
"""
    assert len(run(code, str(tmp_path))) == len(files)


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


def test_a_file_that_is_no_picture_by_its_length_is_not_read(tmp_path, monkeypatch):
    path = tmp_path / "video.mp4"
    path.write_bytes(bytes(11_000_000))
    monkeypatch.setattr(images, "MAX_BYTES", 10_000_000)
    with pytest.raises(UserError) as caught:
        read_image(path)
    assert str(caught.value) == f"{path}: larger than 10 MB, expected a picture"


def test_the_name_of_a_file_stays_in_one_line(tmp_path):
    with pytest.raises(UserError, match=r"a\\nb\.png: cannot be read: No such file or directory$"):
        read_image(tmp_path / "a\nb.png")


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
