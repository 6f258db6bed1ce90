"""The card of a released model: what it is, may be used for and is good at, as Markdown.

Every number in it is a figure of the release, or has its source beside it. A release is a mapping:
name, dataset, labels, side_px, fit, fitted (images), seed, params, temperature, settings, hardware,
commit, sizes (bytes by file), and val and test, figures of `facexpr.evaluation.describe`, with
"uncalibrated" where there is a temperature; those of test have "in_scenes" too.
"""

import textwrap
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from facexpr.labels import FER2013, SPLITS
from facexpr.model_card_text import CARD, DATA, LIMITS, OTHER_NOTES, DataSet
from facexpr.released import DEFAULT
from facexpr.results import KEYS

WIDTH = 110
FEW = 0.05  # of a split's images: a class with fewer is named among the limits
WORST = 3  # confusions to tell
CALIBRATION = {
    "ece": "expected calibration error, 15 bins",
    "nll": "negative log-likelihood, nats",
    "brier": "Brier score, 0 to 2",
}


def data_of(release: Mapping) -> DataSet:
    """What is known of the data set; of most no more than the format's name."""
    name = release["dataset"]
    return DATA.get(name) or DataSet(name, SPLITS, OTHER_NOTES.format(name=name))


def render(release: Mapping) -> str:
    """The card, lines of 110 columns at most; equal figures give equal text."""
    values = _facts(release) | _measured(release)
    values["limits"] = _limits(release, values)
    blocks = CARD.format(**values).split("\n\n")
    return "\n\n".join(_wrapped(block.strip("\n")) for block in blocks if block.strip()) + "\n"


def _wrapped(block: str) -> str:
    """A paragraph broken into lines; tables, lists, code and headings stay as they are."""
    if block.startswith(("|", "- ", "```", "#")):
        return block
    return _filled(block)


def _filled(text: str, **indents: str) -> str:
    options = {"break_long_words": False, "break_on_hyphens": False}
    return textwrap.fill(" ".join(text.split()), WIDTH, **options, **indents)


def _facts(release: Mapping) -> dict[str, object]:
    """What the model is, where it is from, and how it is called."""
    name, data, labels = release["name"], data_of(release), release["labels"]
    return {
        "name": name,
        "data": data.name,
        "notes": data.notes,
        "pictures": data.pictures,
        "side": release["side_px"],
        "classes": len(labels),
        "labels": ", ".join(labels),
        "order": "In FER2013's code order" if tuple(labels) == FER2013 else "In this order",
        "model": "" if name == DEFAULT else f" --model {name}",
        "fit": data.called(*release["fit"]),
        "fitted": f"{release['fitted']:,}",
        "params": f"{release['params']:,}",
        "files": _table(("file", "size"), [*map(_size, release["sizes"].items())]),
        **{key: release[key] for key in ("settings", "seed", "hardware", "commit")},
    }


def _size(file: tuple[str, int]) -> tuple[str, str]:
    return f"`{file[0]}`", f"{file[1] / 2**20:.1f} MiB"


def _measured(release: Mapping) -> dict[str, object]:
    """How good the model is, in words and tables."""
    data, test = data_of(release), release["test"]
    error, scenes = 1 - test["accuracy"], test["in_scenes"]
    return {
        "test": data.called("test"),
        "val": data.called("val"),
        "role": _role_of_val(release),
        "n": f"{test['n']:,}",
        "accuracy": f"{test['accuracy']:.2%}",
        "interval": _interval(test),
        "once": f"{1 / error:.1f}".removesuffix(".0") if error else "many",
        "macro_f1": f"{test['macro_f1']:.3f}",
        "balanced_accuracy": f"{test['balanced_accuracy']:.2%}",
        "top2": f"{test['top2']:.2%}",
        "copies": _copies(release),
        "accuracies": _accuracies(release),
        "per_class": _per_class(test),
        "confusions": _confusions(test),
        "detector": f"`{scenes['detector']}`",
        "found": f"{scenes['found']:.2%}",
        "sides": _sides(scenes),
        "smallest": min(one["side_px"] for one in scenes["sides"]),
        "temperature": _temperature(release),
        "calibration": _calibration(release),
    }


def _role_of_val(release: Mapping) -> str:
    """What val did, and so how far its figure can be trusted."""
    val = data_of(release).called("val")
    if "val" in release["fit"]:
        return f"{val} was fitted too, so that its figure says little"
    return f"what was chosen, the temperature among it, was chosen on {val}"


def _left_out(figures: Mapping, name: str) -> Mapping | None:
    """The figures of the images without a copy, where there are others."""
    part = figures["groups"].get(name)
    return part if part and part["n"] < figures["n"] else None


def _copies(release: Mapping) -> str:
    """How many images of test have a copy in what was fitted, as a sentence with a blank before."""
    data, test = data_of(release), release["test"]
    kinds = {"without_copies": "an equal", "without_near_copies": "an equal or nearly equal"}
    words = [
        f"{test['n'] - part['n']:,} have {kind} one there"
        for name, kind in kinds.items()
        if (part := _left_out(test, name))
    ]
    told = f" Of the {test['n']:,} of {data.called('test')}, {' and '.join(words)}."
    return told if words else ""


def _accuracies(release: Mapping) -> str:
    data, test = data_of(release), release["test"]
    name, fitted = data.called("test"), data.called(*release["fit"])
    rows = {
        f"**{name}**": test,
        f"{name}, no equal image in {fitted}": _left_out(test, "without_copies"),
        f"{name}, no nearly equal one either": _left_out(test, "without_near_copies"),
        f"{name}, faces to be found first": test["in_scenes"],
        data.called("val"): release["val"],
    }
    cells = [
        (what, f"{of['n']:,}", f"{of['accuracy']:.2%}", _interval(of))
        for what, of in rows.items()
        if of
    ]
    return _table(("images", "n", "accuracy", "95 % interval"), cells)


def _interval(figures: Mapping) -> str:
    return f"{figures['low']:.2%} to {figures['high']:.2%}" if "low" in figures else "-"


def _per_class(test: Mapping) -> str:
    rows = [
        (
            one["label"],
            *(f"{one[key]:.3f}" for key in ("precision", "recall", "f1")),
            f"{one['support']:,}",
        )
        for one in test["classes"]
    ]
    return _table(("expression", "precision", "recall", "F1", "n"), rows)


def _confusions(figures: Mapping) -> str:
    """The classes most often taken for another, as shares of their images."""
    counts, labels = np.array(figures["confusion"], float), figures["labels"]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(shares, 0)
    worst = np.argsort(-shares, axis=None, kind="stable")[:WORST]
    pairs = [divmod(int(place), len(labels)) for place in worst if shares.flat[place]]
    words = (
        f"{labels[true]} taken for {labels[said]} ({shares[true, said]:.0%})"
        for true, said in pairs
    )
    return ", ".join(words) or "none"


def _sides(scenes: Mapping) -> str:
    rows = [
        (f"{one['side_px']} px", f"{one['n']:,}", f"{one['found']:.2%}", f"{one['accuracy']:.2%}")
        for one in scenes["sides"]
    ]
    return _table(("side of the pasted image", "n", "found", "accuracy"), rows)


def _temperature(release: Mapping) -> str:
    val, degree = data_of(release).called("val"), release["temperature"]
    if degree is None:
        return f"{val} was fitted, so that no temperature could be fitted to it."
    return (
        f"The logits are divided by a temperature of {degree:g} (Guo et al. 2017), fitted on {val} "
        "and part of both files. It changes probabilities, never which is the largest."
    )


def _calibration(release: Mapping) -> str:
    """The figures of calibration on test, before and after the temperature."""
    test = release["test"]
    columns = {"as it is": test}
    if "uncalibrated" in test:
        columns = {"before": test["uncalibrated"], "after": test}
    what = f"on {data_of(release).called('test')}"
    rows = [
        (words, *(f"{of[key]:.4f}" for of in columns.values()))
        for key, words in CALIBRATION.items()
    ]
    return _table((what, *columns), rows)


def _limits(release: Mapping, values: Mapping) -> str:
    """What the model was not made for, or not measured on, as a list."""
    test = release["test"]
    few = [
        f"{one['label']} ({one['support']:,})"
        for one in test["classes"]
        if one["support"] < FEW * test["n"]
    ]
    rare = f"Few images of {values['test']}, and so uncertain figures: {', '.join(few)}."
    texts = (text.format(rare=rare if few else "", **values) for text in LIMITS)
    return "\n".join(_filled(f"- {text}", subsequent_indent="  ") for text in texts if text)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, numbers to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def result_of(release: Mapping) -> dict:
    """The accuracy on test in the form of results/*.json."""
    test = release["test"]
    values = {
        "split": "test",
        "track": "F" if "val" in release["fit"] else "S",
        "views": 1,
        "n": test["n"],
        "accuracy": test["accuracy"],
        "std": None,
        "interval": [test["low"], test["high"]],
        "seeds": [release["seed"]],
        "note": _note(release),
    }
    return {key: values[key] if key in values else release[key] for key in KEYS}


def _note(release: Mapping) -> str:
    """What belongs beside the accuracy: the temperature, copies, scenes."""
    data, test, scenes = data_of(release), release["test"], release["test"]["in_scenes"]
    degree = release["temperature"]
    words = [f"Temperature {degree:g}, fitted on val." if degree else "Without a temperature."]
    for name, kind in (("without_copies", "an equal"), ("without_near_copies", "a nearly equal")):
        if part := _left_out(test, name):
            words.append(
                f"Without the {test['n'] - part['n']:,} test images that have {kind} one in "
                f"{data.called(*release['fit'])}: {part['accuracy']:.2%} of {part['n']:,}."
            )
    words.append(
        f"Pasted into pictures of 640x480 and found there by {scenes['detector']} "
        f"({scenes['found']:.2%} are): {scenes['accuracy']:.2%} ({_interval(scenes)})."
    )
    return " ".join(words)
