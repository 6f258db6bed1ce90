"""The card of a released model, from figures that are made up."""

from itertools import pairwise

import numpy as np

from facexpr.evaluation import describe
from facexpr.labels import FER2013
from facexpr.model_card import render, result_of
from facexpr.results import KEYS


def figures(n=400, seed=0, names=FER2013, groups=None):
    """Those of predictions that are right on 3 images of 4, the last class a rare one."""
    rng = np.random.default_rng(seed)
    labels = np.minimum(rng.integers(0, len(names) * 5, n) // 5, len(names) - 1)
    labels[labels == len(names) - 1] = 0
    labels[:3] = len(names) - 1
    said = np.where(np.arange(n) % 4 == 3, (labels + 1) % len(names), labels)
    chances = np.full((n, len(names)), 0.1 / (len(names) - 1))
    chances[np.arange(n), said] = 0.9
    return describe({1: chances}, 1, labels, names, groups=groups, draws=200)


def make_release(**values):
    """A release of FER2013 with a temperature, 40 of test copied in train, 60 nearly."""
    places = np.arange(400)
    test = figures(groups={"without_copies": places >= 40, "without_near_copies": places >= 60})
    scenes = {"n": 400, "accuracy": 0.7, "low": 0.65, "high": 0.75, "detector": "mtcnn"}
    scenes |= {"found": 0.96, "sides": [{"side_px": 64, "n": 400, "found": 0.96, "accuracy": 0.7}]}
    test |= {"in_scenes": scenes, "uncalibrated": {"nll": 1.25, "brier": 0.5, "ece": 0.0625}}
    return {
        "name": "fer2013",
        "dataset": "fer2013",
        "labels": list(FER2013),
        "side_px": 48,
        "fit": ["train"],
        "fitted": 28709,
        "seed": 3,
        "params": 1821647,
        "temperature": 0.9375,
        "settings": "Recipe release-fer2013: of a network",
        "hardware": "Two cores",
        "commit": "abc1234",
        "sizes": {"model.keras": 3 * 2**20, "model.onnx": 2**21},
        "val": figures(seed=1),
        "test": test,
    } | values


def one_line(card):
    """The card's text without its line breaks."""
    return " ".join(card.split())


def test_the_card_says_what_the_figures_say():
    card, test = render(make_release()), make_release()["test"]
    low, high = f"{test['low']:.2%}", f"{test['high']:.2%}"
    text = one_line(card)
    assert f"75.00% of the 400 images of PrivateTest, with one view (95 % interval {low}" in text
    assert f"| **PrivateTest** | 400 | 75.00% | {low} to {high} |" in card
    assert "| PrivateTest, no equal image in Training | 360 | 75.00% | - |" in card
    assert "| PrivateTest, no nearly equal one either | 340 | 75.00% | - |" in card
    assert "| PrivateTest, faces to be found first | 400 | 70.00% | 65.00% to 75.00% |" in card
    assert "| PublicTest | 400 | 75.00% |" in card
    assert "40 have an equal one there and 60 have an equal or nearly equal one there." in text
    assert "wrong about one in 4." in text
    assert "| expected calibration error, 15 bins | 0.0625 | 0.1500 |" in card  # 0.9 less 0.75
    assert "divided by a temperature of 0.9375" in text
    assert "what was chosen, the temperature among it, was chosen on PublicTest" in text
    assert "| 64 px | 400 | 96.00% | 70.00% |" in card
    assert "| `model.keras` | 3.0 MiB |" in card
    assert "Seed 3, 1,821,647 trained parameters. Two cores. Commit abc1234." in text
    for one in test["classes"]:
        cells = [f"{one[key]:.3f}" for key in ("precision", "recall", "f1")]
        assert f"| {' | '.join([one['label'], *cells, str(one['support'])])} |" in card
    assert "- Few images of PrivateTest, and so uncertain figures: neutral (3)." in card
    assert "restored from resized pictures" in text
    assert "Article 5(1)(f)" in text
    assert "In FER2013's code order: angry, disgust, fear, happy, sad, surprise, neutral." in text


def test_the_worst_confusions_come_first():
    release = make_release()
    names = release["test"]["labels"]
    counts = np.diag([10] * 7)
    counts[1, 0], counts[2, 4], counts[4, 6], counts[3, 6] = 30, 10, 5, 1
    release["test"] |= {"confusion": counts.tolist()}
    assert names[1] == "disgust"
    words = "disgust taken for angry (75%), fear taken for sad (50%), sad taken for neutral (33%)."
    assert f"as shares of the first's images: {words}" in one_line(render(release))
    release["test"] |= {"confusion": np.diag([10] * 7).tolist()}
    assert "as shares of the first's images: none." in one_line(render(release))


def test_it_is_markdown_of_bounded_width_and_the_same_each_time():
    card = render(make_release())
    assert card == render(make_release())
    assert max(map(len, card.splitlines())) <= 110
    assert "{" not in card.replace('{"faces": faces}', "")
    assert "\n\n\n" not in card
    assert card.endswith("by.\n")
    assert card.count("```") == 6
    for line, after in pairwise(card.splitlines()):
        if line.startswith("## "):
            assert after == ""
        if line.startswith("|") and after.startswith("|"):
            assert line.count("|") == after.count("|")


def test_a_model_that_was_fitted_on_val_was_not_calibrated():
    release = make_release(fit=["train", "val"], temperature=None)
    del release["test"]["uncalibrated"]
    card, text = render(release), one_line(render(release))
    assert "PublicTest was fitted, so that no temperature could be fitted to it." in text
    assert "PublicTest was fitted too, so that its figure says little." in text
    assert "| on PrivateTest | as it is |" in card
    assert "no equal image in Training and PublicTest |" in card
    result = result_of(release)
    assert result["track"] == "F"
    assert result["note"].startswith("Without a temperature. Without the 40 test images")


def test_a_data_set_that_the_card_knows_nothing_of():
    names = ["happy", "sad"]
    test = figures(names=names, groups={"without_copies": np.ones(400, bool)})
    test |= {key: make_release()["test"][key] for key in ("in_scenes", "uncalibrated")}
    release = make_release(name="mine", dataset="folder", labels=names, test=test)
    card, text = render(release | {"val": figures(names=names)}), one_line(render(release))
    assert "FER2013" not in card
    assert "restored" not in card
    assert "the terms on which they are given, are those of the data set's owners" in text
    assert "| **test** | 400 |" in card
    assert "no equal image" not in card
    assert "In this order: happy, sad." in text
    assert "$ facexpr predict picture.jpg --model mine" in card
    assert "Pictures of the web" not in card


def test_the_result_is_one_of_results():
    release = make_release()
    result = result_of(release)
    assert tuple(result) == KEYS
    assert (result["track"], result["views"], result["n"], result["std"]) == ("S", 1, 400, None)
    assert result["interval"] == [release["test"]["low"], release["test"]["high"]]
    assert result["note"] == (
        "Temperature 0.9375, fitted on val. Without the 40 test images that have an equal one in "
        "Training: 75.00% of 360. Without the 60 test images that have a nearly equal one in "
        "Training: 75.00% of 340. Pasted into pictures of 640x480 and found there by mtcnn "
        "(96.00% are): 70.00% (65.00% to 75.00%)."
    )


def test_a_model_without_errors():
    release = make_release()
    release["test"] |= {"accuracy": 1.0}
    assert "wrong about one in many." in one_line(render(release))
