"""Several data sets as one: a folder whose subfolders are named as formats.

`ferplus/` is read by the module ferplus, `affectnet/` by affectnet, and so on, in sorted order.
Which label of one is which of another is said with `data.relabel`, as for any data set.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from facexpr import datasets
from facexpr.datasets import Sample
from facexpr.errors import UserError, unknown_name

NAME = "combined"


def read(source: Path, **settings) -> Iterator[Sample]:
    """Stream the samples of one part after the other; rows count on across them.

    `part` is the subfolder's name, which stands in front of each origin too. Raises UserError for
    a subfolder that is no format, and for anything wrong with a part.
    """
    last = -1
    for part in _find_parts(source):
        first = last + 1
        for sample in datasets.find(part.name).read(part, **settings):
            last = first + sample.row
            origin = f"{part.name}/{sample.origin}"
            yield replace(sample, row=last, origin=origin, part=part.name)


def find_labels(source: Path) -> list[str]:
    """The labels that the parts may give, in order of first appearance."""
    labels: dict[str, None] = {}
    for part in _find_parts(source):
        labels |= dict.fromkeys(datasets.own_labels(datasets.find(part.name), part))
    return list(labels)


def _find_parts(source: Path) -> list[Path]:
    """The subfolders by name; raises UserError where one is no format, or there are none."""
    formats = [name for name in datasets.available() if name != NAME]
    if not source.is_dir():
        state = "not a folder" if source.exists() else "not found"
        raise UserError(f"{source}: {state}; expected a folder of {', '.join(formats)}")
    parts = sorted(path for path in source.iterdir() if path.name[0] != "." and path.is_dir())
    if not parts:
        raise UserError(f"{source}: no subfolders; expected some of {', '.join(formats)}")
    for part in parts:
        if part.name == NAME:
            raise UserError(f"{part}: one combined data set in another; move its folders up")
        if part.name not in formats:
            raise unknown_name(f"{part}: rename this folder", part.name, formats)
    return parts
