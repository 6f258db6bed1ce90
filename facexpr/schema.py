"""Checking a tree, as YAML gives it, against dataclasses: every mistake told at once."""

import types
from dataclasses import field, fields
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin, get_type_hints


def between(low: float, high: float) -> Any:
    """Declare a number field with its inclusive range."""
    return field(metadata={"low": low, "high": high})


def read_section(kind: type, tree: object, place: str, problems: list[str]) -> Any:
    """Build the dataclass `kind` from a mapping; problems are appended, not raised."""
    if not isinstance(tree, dict):
        problems.append(f"{place.rstrip('.') or 'top level'}: expected a section, got {tree!r}")
        return None
    hints = get_type_hints(kind)
    for key in (key for key in tree if key not in hints):
        near = get_close_matches(str(key), hints, n=1)
        hint = f"; did you mean '{place}{near[0]}'?" if near else ""
        problems.append(f"{place}{key}: unknown{hint}")
    values = {}
    for item in fields(kind):
        if item.name not in tree:
            problems.append(f"{place}{item.name}: missing; see recipes/sample.yaml")
        elif hasattr(hints[item.name], "__dataclass_fields__"):
            nested = read_section(
                hints[item.name], tree[item.name], f"{place}{item.name}.", problems
            )
            values[item.name] = nested
        else:
            at = place + item.name
            values[item.name] = _value(
                hints[item.name], tree[item.name], at, item.metadata, problems
            )
    return kind(**values) if len(values) == len(hints) else None


def _value(
    kind: Any, value: object, place: str, limits: types.MappingProxyType, problems: list[str]
) -> Any:
    """Check one leaf against its type and range; problems are appended, not raised."""
    if get_origin(kind) is Literal:
        if not any(value == one and type(value) is type(one) for one in get_args(kind)):
            names = ", ".join(map(str, get_args(kind)))
            problems.append(f"{place}: {value!r}, expected one of: {names}")
        return value
    if get_origin(kind) is tuple:
        return _values(kind, value, place, limits, problems)
    if get_origin(kind) is dict:
        return _renamings(value, place, problems)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        problems.append(f"{place}: {value!r}, expected {_NAMES[kind]}{_exponent_hint(kind, value)}")
    elif limits and not limits["low"] <= value <= limits["high"]:
        low, high = limits["low"], limits["high"]
        problems.append(f"{place}: {value}, expected {low} to {high}")
    return value


def _values(
    kind: Any, value: object, place: str, limits: types.MappingProxyType, problems: list[str]
) -> Any:
    """Check a list: tuple[T, ...] of any length but none, or one of fixed length."""
    kinds = get_args(kind)
    if not isinstance(value, list) or not value:
        problems.append(f"{place}: {value!r}, expected a list")
        return value
    if kinds[-1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(kinds) != len(value):
        problems.append(f"{place}: {len(value)} values, expected {len(kinds)}")
        return value
    pairs = zip(kinds, value, strict=True)
    return tuple(
        _value(one, entry, f"{place}[{index}]", limits, problems)
        for index, (one, entry) in enumerate(pairs)
    )


def _renamings(value: object, place: str, problems: list[str]) -> Any:
    """Check a mapping of text to text or null."""
    if not isinstance(value, dict):
        problems.append(f"{place}: {value!r}, expected a mapping such as {{contempt: disgust}}")
        return value
    for old, new in value.items():
        if not isinstance(old, str) or not isinstance(new, str | None):
            problems.append(f"{place}: {old!r}: {new!r}, expected text: text, or text: null")
        elif old in ("size", "nfiles"):  # DVC drops such keys at any depth from its run-cache key
            problems.append(f"{place}: '{old}' cannot be renamed here; rename it in the data")
    return value


_NAMES = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


def _exponent_hint(kind: type, value: object) -> str:
    """Explain YAML 1.1's trap: 1e-3 is text there, 1.0e-3 is a number."""
    if kind not in (int, float) or not isinstance(value, str):
        return ""
    try:
        number = float(value)
    except ValueError:
        return ""
    if kind is int:
        return f"; YAML reads it as text, write {int(number)}" if number.is_integer() else ""
    mantissa, _, exponent = value.lower().partition("e")
    better = f"{float(mantissa)}e{int(exponent):+d}" if exponent else repr(number)
    return f"; YAML reads it as text, write {better}"
