from dataclasses import asdict
from pathlib import Path

import pytest

from facexpr.params import load
from facexpr.training_words import training_words

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("changes", "there", "absent"),
    [
        (
            {},
            "epoch 9 chosen on val; normalised by mean_image; varied by mirroring, shifts",
            "crop",
        ),
        ({"keep": "last"}, "12 epochs of batches of 32, the last kept", "chosen"),
        ({"crop_px": 44}, "varied by random crops of 44 px, the middle in use, mirroring", "eras"),
        ({"crop_px": 48}, "varied by mirroring", "crop"),
        ({"erasing": 0.25}, "a rectangle erased in 25% of the faces; label smoothing 0.05", "°"),
        ({"label_smoothing": 0.0}, "zoom to 10%; in float32", "smoothing"),
        ({"ema": 0.999}, "chosen on val; weights averaged by 0.999 a batch; normalised", "mixing"),
        ({"mixup": 0.2}, "zoom to 10%, mixing in pairs by Beta(0.2, 0.2); label", "averaged"),
        ({"targets": "soft"}, "; targets soft; label smoothing", "teacher"),
        ({"teacher": "x.csv"}, "0.05; 50% of targets from a teacher; in float32", "targets maj"),
        (dict.fromkeys(("flip", "shift", "rotation", "zoom"), 0), "mean_image; label", "varied"),
    ],
)
def test_how_it_was_trained_in_words(changes, there, absent):
    params = asdict(load(ROOT / "recipes/sample.yaml"))
    params["detect"]["detector"] = "whole"
    params["train"] |= changes
    words = training_words("sample", 9, params)
    assert words.startswith(
        "Recipe sample: vgg_bn on the data set's own images, whole, 48 px; 12 ep"
    )
    assert there in words
    assert absent not in words
    assert training_words(None, 9, params).startswith("Parameters edited by hand: ")


def test_faces_that_were_found_and_aligned_are_said():
    params = asdict(load(ROOT / "recipes/sample.yaml"))
    words = training_words("sample", 9, params)
    assert "vgg_bn on faces found by mtcnn and aligned by five_points, 48 px; 12" in words
