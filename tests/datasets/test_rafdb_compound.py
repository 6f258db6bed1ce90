import numpy as np
import pytest

from facexpr.datasets import rafdb_compound
from facexpr.errors import UserError
from facexpr.images import encode_png

LIST = "EmoLabel/list_patition_label.txt"
IMAGE = np.arange(40 * 60, dtype=np.uint16).astype(np.uint8).reshape(40, 60)


def build(source, lines, images="aligned"):
    """A list and the pictures that it names; the bytes tell the format, whatever the name says."""
    ending = {"aligned": "_aligned", "original": ""}[images]
    folder = source / "Image" / images
    folder.mkdir(parents=True, exist_ok=True)
    (source / "EmoLabel").mkdir(exist_ok=True)
    for line in lines:
        (folder / f"{line.split('.')[0]}{ending}.jpg").write_bytes(encode_png(IMAGE))
    (source / LIST).write_text("\n".join(lines))


def error_of(source):
    with pytest.raises(UserError) as caught:
        list(rafdb_compound.read(source, rafdb_images="aligned"))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_codes_of_all_labels(tmp_path):
    build(tmp_path, [f"train_{code:04}.jpg {code}" for code in range(1, 12)])
    samples = list(rafdb_compound.read(tmp_path, rafdb_images="aligned", ckplus_frames=()))
    assert [sample.label for sample in samples] == [
        "happily_surprised",
        "happily_disgusted",
        "sadly_fearful",
        "sadly_angry",
        "sadly_surprised",
        "sadly_disgusted",
        "fearfully_angry",
        "fearfully_surprised",
        "angrily_surprised",
        "angrily_disgusted",
        "disgustedly_surprised",
    ]
    assert tuple(sample.label for sample in samples) == rafdb_compound.LABELS
    np.testing.assert_array_equal(samples[10].image, IMAGE)


@pytest.mark.parametrize("images", ["aligned", "original"])
def test_order_and_splits_are_those_of_the_list(tmp_path, images):
    build(tmp_path, ["test_0002.jpg 9", "train_0001.jpg 3"], images)
    samples = list(rafdb_compound.read(tmp_path, rafdb_images=images))
    assert [(s.row, s.split, s.label) for s in samples] == [
        (0, "test", "angrily_surprised"),
        (1, "train", "sadly_fearful"),
    ]
    assert samples[0].origin.startswith(f"Image/{images}/test_0002")


def test_a_picture_is_read_only_when_asked_for(tmp_path):
    build(tmp_path, ["train_0001.jpg 8", "train_0002.jpg 1"])
    broken = tmp_path / "Image/aligned/train_0002_aligned.jpg"
    broken.write_bytes(b"no picture")
    samples = rafdb_compound.read(tmp_path)
    assert next(samples).label == "fearfully_surprised"
    with pytest.raises(UserError, match="not a readable picture"):
        _ = next(samples).image


def test_a_list_of_the_basic_set(tmp_path):
    build(tmp_path, [f"train_{code:05}.jpg {code}" for code in range(1, 8)])
    assert error_of(tmp_path) == (
        f"{tmp_path / LIST}: no code above 7, expected 1 to 11; "
        "for the basic set, set data.format: rafdb"
    )


def test_a_code_out_of_range(tmp_path):
    build(tmp_path, ["train_0001.jpg 11", "train_0002.jpg 12"])
    assert error_of(tmp_path) == f"{tmp_path / LIST} line 2: code 12, expected 1 to 11"


def test_errors_of_the_basic_set(tmp_path):
    expected = f"expected {LIST} and Image/ in data.source"
    assert error_of(tmp_path) == f"{tmp_path / LIST}: not found; {expected}"
    build(tmp_path, ["train_0001.jpg 11"])
    path = tmp_path / "Image/aligned/train_0001_aligned.jpg"
    path.unlink()
    assert error_of(tmp_path) == f"{path}: not found, but {LIST} has it; unpack it again"
