"""Data sets, one module per format, found by module name.

A module here has a function

    read(source: Path, **settings) -> Iterator[Sample]

which streams all samples of `source` in a fixed order, so that memory does not grow with the data,
and raises UserError for anything wrong with them. It names the settings it uses and swallows the
rest with `**_settings`. Its labels are its own, a constant LABELS in the order of the data set's
codes, or what a function `find_labels(source)` finds. What the user makes of them (which classes,
in which order, which labels are merged or left out) is applied here, alike for all modules.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np

from facexpr.errors import UserError, unknown_name


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled image: uint8 grey (H, W) or RGB (H, W, 3).

    `row` counts the samples of the source from 0, as pandas and FER+ do; `origin` says where the
    sample came from in words a user can follow ("fer2013.csv row 12", "train/happy/a.png").
    `subject` is the person, where the data set tells, and never stands in two splits; `part` is
    the data set within a combined one; `votes` counts the taggers' votes by label. `picture` is
    the image or, so that the work is left to whoever needs it, perhaps in another process, a
    picklable function that gives it, and raises UserError where it cannot.
    """

    row: int
    split: str
    label: str
    origin: str
    picture: np.ndarray | Callable[[], np.ndarray]
    subject: str = ""
    part: str = ""
    votes: Mapping[str, int] | None = None

    @property
    def image(self) -> np.ndarray:
        """The picture, read now if it is not yet."""
        return self.picture() if callable(self.picture) else self.picture


def available() -> list[str]:
    """Names of the data set modules that this folder holds."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def find(name: str) -> ModuleType:
    """The data set module `name`; raises UserError if there is none."""
    if name not in available():
        raise unknown_name("data.format", name, available())
    return import_module(f"facexpr.datasets.{name}")


def own_labels(module: ModuleType, source: Path) -> list[str]:
    """The labels that a module may give for `source`, before any of them is renamed."""
    return list(module.LABELS) if hasattr(module, "LABELS") else module.find_labels(source)


def read(
    name: str,
    source: Path,
    labels: Sequence[str],
    relabel: Mapping[str, str | None],
    note: Callable[[str], None] = lambda reason: None,
    complete: bool = True,
    **settings,
) -> Iterator[Sample]:
    """Stream the samples of `source`, read by the data set module `name`, as the classes `labels`.

    relabel: the data set's label to the class it counts as; None leaves its samples out, and calls
    note("left out") for each. Rows keep counting the source's samples, those left out too. Votes
    come in the order of `labels`. complete: train must have every class. settings: what modules
    may want to know, see their `read`.

    Raises UserError, before any sample, for an unknown name, a link to a folder in the source, and
    classes that the data set cannot have; then for anything wrong with the source, a label that is
    neither declared nor left out, and, at the end, a class without a train sample.
    """
    module = find(name)
    _check_tree(source)
    own = own_labels(module, source)
    _check_names(own, labels, relabel)
    if hasattr(module, "LABELS"):
        _check_order(name, own, labels, relabel)
    else:
        for label in own:  # found in the source, so each will come
            _class_of(label, f"{source}", labels, relabel)
    samples = module.read(source, **settings)
    return _as_classes(samples, source, labels, relabel, note, complete)


def _check_tree(source: Path) -> None:
    """Raise UserError for what DVC, or a table, cannot take below `source`.

    That is a link to a folder, behind which DVC sees no change, and a name that is not UTF-8.
    """
    for folder, names, files in os.walk(source):
        odd = sorted(name for name in names + files if not name.isascii() and not _is_text(name))
        if odd:
            raise UserError(
                f"{folder}: the name {os.fsencode(odd[0])!r} is not UTF-8; rename that file"
            )
        linked = sorted(name for name in names if (Path(folder) / name).is_symlink())
        if linked:
            raise UserError(
                f"{Path(folder) / linked[0]}: a link to a folder, behind which DVC sees no change; "
                "expected the folder itself, or links to its files"
            )


def _is_text(name: str) -> bool:
    """Whether a file name can be written as UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_names(
    own: Sequence[str], labels: Sequence[str], relabel: Mapping[str, str | None]
) -> None:
    """Raise UserError for names in `labels` and `relabel` that do not fit the data set's `own`."""
    for old, new in relabel.items():
        if old not in own:
            raise unknown_name("data.relabel", old, own)
        if new is not None and new not in labels:
            raise unknown_name(f"data.relabel: {old}", new, labels)
    reached = {relabel.get(label, label) for label in own} - {None}
    for label in labels:
        if label not in reached:
            raise unknown_name("data.labels", label, reached)


def _check_order(
    name: str, own: Sequence[str], labels: Sequence[str], relabel: Mapping[str, str | None]
) -> None:
    """Raise UserError where the data set's own classes, all and unchanged, lose their codes."""
    if not relabel and sorted(labels) == sorted(own) and list(labels) != list(own):
        raise UserError(
            f"data.labels: {', '.join(labels)}; expected {name.upper()}'s order: {', '.join(own)}"
        )


def _class_of(
    label: str, origin: str, labels: Sequence[str], relabel: Mapping[str, str | None]
) -> str | None:
    """The class that a label counts as, or None; raises UserError where the user named none."""
    name = relabel.get(label, label)
    if name is not None and name not in labels:
        raise UserError(
            f"{origin}: label '{label}' is not in data.labels ({', '.join(labels)}); "
            f"add it there, or leave it out with data.relabel: {{{label!r}: null}}"
        )
    return name


def _as_classes(
    samples: Iterator[Sample],
    source: Path,
    labels: Sequence[str],
    relabel: Mapping[str, str | None],
    note: Callable[[str], None],
    complete: bool,
) -> Iterator[Sample]:
    """Turn samples with the data set's labels into samples of the user's classes."""
    empty = dict.fromkeys(labels)
    for sample in samples:
        label = _class_of(sample.label, sample.origin, labels, relabel)
        if label is None:
            note("left out")
            continue
        if sample.split == "train":
            empty.pop(label, None)
        votes = sample.votes and _votes_of_classes(sample.votes, labels, relabel)
        yield replace(sample, label=label, votes=votes)
    if empty and complete:
        raise UserError(
            f"{source}: train has no pictures of '{next(iter(empty))}'; add some, "
            "or take it out of data.labels"
        )


def _votes_of_classes(
    votes: Mapping[str, int], labels: Sequence[str], relabel: Mapping[str, str | None]
) -> dict[str, int]:
    """The votes of each class: those of merged labels add up, those of left-out ones vanish."""
    counts = dict.fromkeys(labels, 0)
    for label, count in votes.items():
        name = relabel.get(label, label)
        if name in counts:
            counts[name] += count
    return counts
