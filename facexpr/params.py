"""params.yaml as typed values: one frozen dataclass a section, every mistake told at once.

This module checks values and never changes one, so no stage depends on it: DVC tracks the values.
"""

import types
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import yaml

from facexpr.errors import UserError


def _between(low: float, high: float) -> Any:
    """Declare a number field with its inclusive range."""
    return field(metadata={"low": low, "high": high})


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The drawn data set: images a split, scenes, seed."""

    train: int = _between(7, 100_000)
    val: int = _between(7, 100_000)
    test: int = _between(7, 100_000)
    scenes: int = _between(1, 99)
    seed: int = _between(0, 2**32 - 1)


@dataclass(frozen=True, kw_only=True)
class Data:
    """Which data set, which classes, and how its splits are used."""

    format: str
    source: str
    labels: tuple[str, ...]
    relabel: dict[str, str | None]
    val_fraction: float = _between(0.01, 0.5)
    test_fraction: float = _between(0.01, 0.5)
    seed: int = _between(0, 2**32 - 1)
    fit: tuple[Literal["train", "val"], ...]
    drop_copies: bool
    ckplus_frames: tuple[Literal["first", "middle", "last", "last_three"], ...]
    ferplus_majority: float = _between(0.0, 0.99)
    rafdb_images: Literal["aligned", "original"]

    def settings(self) -> dict[str, Any]:
        """The keyword arguments of a data set module's `read`."""
        names = ("ckplus_frames", "ferplus_majority", "rafdb_images")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, kw_only=True)
class Images:
    """How the images are stored."""

    shard_samples: int = _between(1, 100_000)


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What counts as suspicious in the data."""

    constant_range: int = _between(0, 255)


@dataclass(frozen=True, kw_only=True)
class Detect:
    """The face detector and its settings."""

    detector: str
    min_face_px: int = _between(12, 1000)
    border_px: int = _between(0, 1000)
    border_grey: int = _between(-1, 255)
    choose: Literal["largest", "best", "central"]
    scale_factor: float = _between(0.3, 0.95)
    thresholds: tuple[float, float, float] = _between(0.0, 1.0)
    haar_cascade: str
    haar_eyes: str
    haar_scale_factor: float = _between(1.01, 3.0)
    haar_min_neighbors: int = _between(0, 100)

    def settings(self) -> dict[str, Any]:
        """The keyword arguments of a detector module's `load`."""
        names = {item.name for item in fields(self)} - {"detector", "choose"}
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, kw_only=True)
class Align:
    """The aligned face: its side, what places it, what it is cut from, what happens without one."""

    px: int = _between(16, 512)
    method: Literal["five_points", "eyes", "box"]
    template: tuple[tuple[float, float], ...] = _between(0.0, 48.0)
    margin: float = _between(-0.45, 2.0)
    square: Literal["expand", "pad", "stretch"]
    fill: int = _between(-1, 255)
    interpolation: Literal["linear", "cubic"]
    equalise: Literal["none", "histogram", "clahe"]
    no_face: Literal["whole", "drop"]

    def settings(self) -> dict[str, Any]:
        """The keyword arguments of `facexpr.align.Alignment`."""
        names = {item.name for item in fields(self)} - {"no_face"}
        return {name: getattr(self, name) for name in sorted(names)}


@dataclass(frozen=True, kw_only=True)
class Train:
    """The network, its optimisation, its augmentation, and what it runs on."""

    network: str
    dropout_scale: float = _between(0.0, 3.0)
    normalise: Literal["mean_image", "mean_scalar", "unit", "signed"]
    crop_px: int = _between(0, 512)
    epochs: int = _between(1, 10_000)
    batch: int = _between(1, 65_536)
    optimizer: Literal["sgd", "adam", "adamw"]
    learning_rate: float = _between(1e-8, 10.0)
    momentum: float = _between(0.0, 0.9999)
    nesterov: bool
    weight_decay: float = _between(0.0, 1.0)
    clip_norm: float = _between(0.0, 1e6)
    schedule: Literal["cosine", "constant", "steps", "exponential", "plateau"]
    warmup_epochs: float = _between(0.0, 1000.0)
    decay_factor: float = _between(1e-6, 1.0)
    decay_at: tuple[float, ...] = _between(0.0, 1.0)
    decay_steps: int = _between(1, 10**9)
    plateau_epochs: int = _between(1, 10_000)
    stop_epochs: int = _between(0, 10_000)
    targets: Literal["majority", "probability", "soft", "multi"]
    label_smoothing: float = _between(0.0, 0.9)
    balance: Literal["none", "weights", "oversample"]
    flip: bool
    shift: float = _between(0.0, 0.5)
    rotation: float = _between(0.0, 180.0)
    zoom: float = _between(0.0, 0.9)
    brightness: float = _between(0.0, 1.0)
    contrast: float = _between(0.0, 1.0)
    erasing: float = _between(0.0, 1.0)
    keep: Literal["best", "last"]
    seed: int = _between(0, 2**32 - 1)
    backend: Literal["tensorflow", "jax", "torch"]
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"]
    device: Literal["auto", "cpu", "gpu"]


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """How the trained model is measured."""

    views: Literal[1, 2, 10]
    crop: float = _between(0.5, 1.0)
    bootstrap_draws: int = _between(100, 1_000_000)
    seed: int = _between(0, 2**32 - 1)


@dataclass(frozen=True, kw_only=True)
class Predict:
    """Which pictures the predict stage annotates, and which of their faces."""

    input: str
    detector: str
    faces: Literal["all", "largest", "best"]
    min_score: float = _between(0.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class Params:
    """All of params.yaml."""

    data: Data
    sample: Sample
    images: Images
    audit: Audit
    detect: Detect
    align: Align
    train: Train
    evaluate: Evaluate
    predict: Predict


def load(path: Path = Path("params.yaml")) -> Params:
    """Read and check a parameter file.

    Raises UserError that lists every unknown, missing and mistyped key, with its place.
    """
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: not found; write one with 'facexpr recipe sample'") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from None
    return parse(tree, str(path))


def parse(tree: object, name: str = "params.yaml") -> Params:
    """Check a tree of parameters as YAML gives it; raises UserError like `load`."""
    problems: list[str] = []
    value = _section(Params, tree, "", problems)
    if not problems:
        problems = _contradictions(value)
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise UserError("\n  ".join([f"{name}: {count}", *problems]))
    return value


def leaves(section: object, prefix: str = "") -> dict[str, object]:
    """Flatten a section to `section.key: value` pairs."""
    found = {}
    for item in fields(section):
        value = getattr(section, item.name)
        if hasattr(value, "__dataclass_fields__"):
            found |= leaves(value, f"{prefix}{item.name}.")
        else:
            found[f"{prefix}{item.name}"] = value
    return found


def _section(kind: type, tree: object, place: str, problems: list[str]) -> Any:
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
            nested = _section(hints[item.name], tree[item.name], f"{place}{item.name}.", problems)
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


def _contradictions(params: Params) -> list[str]:
    """Name values that are each allowed but do not go together."""
    data, train = params.data, params.train
    problems = {
        f"data.fit: {list(data.fit)}, expected 'train' among them": "train" not in data.fit,
        "data.fit: a split stands twice": _repeats(data.fit),
        "data.labels: a label stands twice": _repeats(data.labels),
        "data.labels: one label, expected two or more": len(data.labels) < 2,
        f"align.template: {len(params.align.template)} points, expected 5": (
            len(params.align.template) != 5
        ),
        f"train.crop_px: {train.crop_px}, expected at most align.px, {params.align.px}": (
            train.crop_px > params.align.px
        ),
        "train.weight_decay: optimizer adam takes none; set it to 0, or use adamw": (
            train.optimizer == "adam" and train.weight_decay > 0
        ),
        "train.label_smoothing: targets multi take none; set it to 0": (
            train.targets == "multi" and train.label_smoothing > 0
        ),
    }
    by_val = {
        "train.keep: best": train.keep == "best",
        "train.schedule: plateau": train.schedule == "plateau",
        f"train.stop_epochs: {train.stop_epochs}": train.stop_epochs > 0,
    }
    if "val" in data.fit:
        problems |= {f"{name} goes by val, which data.fit has": on for name, on in by_val.items()}
    return [problem for problem, is_there in problems.items() if is_there]


def _repeats(values: tuple) -> bool:
    return len(set(values)) != len(values)
