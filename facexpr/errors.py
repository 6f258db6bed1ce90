"""The one exception that a user is meant to see, and how names are suggested."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """An expected failure; its message is one line that says what, where, expected, what to do."""


def unknown_name(place: str, name: object, available: Iterable[str]) -> UserError:
    """Say that `name` is not one of `available`, and which of them is nearest.

    >>> str(unknown_name("train.network", "vgg_bm", ["vgg_bn", "fourconv"]))
    "train.network: unknown 'vgg_bm'; available: fourconv, vgg_bn; did you mean 'vgg_bn'?"
    """
    names = sorted(available)
    near = get_close_matches(str(name), names, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return UserError(f"{place}: unknown '{name}'; available: {', '.join(names)}{hint}")
