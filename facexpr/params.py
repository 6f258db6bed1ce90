"""params.yaml as typed values: one frozen dataclass a section, every mistake told at once.

This module checks values and never changes one, so no stage depends on it: DVC tracks the values.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import yaml

from facexpr.errors import UserError
from facexpr.schema import between, read_section


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The drawn data set: images a split, scenes, seed."""

    train: int = between(7, 100_000)
    val: int = between(7, 100_000)
    test: int = between(7, 100_000)
    scenes: int = between(1, 99)
    seed: int = between(0, 2**32 - 1)


@dataclass(frozen=True, kw_only=True)
class Data:
    """Which data set, which classes, and how its splits are used."""

    format: str
    source: str
    labels: tuple[str, ...]
    relabel: dict[str, str | None]
    val_fraction: float = between(0.01, 0.5)
    test_fraction: float = between(0.01, 0.5)
    seed: int = between(0, 2**32 - 1)
    fit: tuple[Literal["train", "val"], ...]
    drop_copies: bool
    ckplus_frames: tuple[Literal["first", "middle", "last", "last_three"], ...]
    ferplus_majority: float = between(0.0, 0.99)
    rafdb_images: Literal["aligned", "original"]

    def settings(self) -> dict[str, Any]:
        """The keyword arguments of a data set module's `read`."""
        names = ("ckplus_frames", "ferplus_majority", "rafdb_images")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, kw_only=True)
class Images:
    """How the images are stored."""

    shard_samples: int = between(1, 100_000)


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What counts as suspicious in the data."""

    constant_range: int = between(0, 255)
    flat_rows: float = between(0.01, 1.0)
    flat_pixels: float = between(0.01, 1.0)
    near_bits: int = between(0, 15)
    near_correlation: float = between(0.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class Detect:
    """The face detector and its settings."""

    detector: str
    min_face_px: int = between(12, 1000)
    border_px: int = between(0, 1000)
    border_grey: int = between(-1, 255)
    choose: Literal["largest", "best", "central"]
    scale_factor: float = between(0.3, 0.95)
    thresholds: tuple[float, float, float] = between(0.0, 1.0)
    haar_cascade: str
    haar_eyes: str
    haar_scale_factor: float = between(1.01, 3.0)
    haar_min_neighbors: int = between(0, 100)

    def settings(self) -> dict[str, Any]:
        """The keyword arguments of a detector module's `load`."""
        names = {item.name for item in fields(self)} - {"detector", "choose"}
        return {name: getattr(self, name) for name in sorted(names)}


@dataclass(frozen=True, kw_only=True)
class Align:
    """The aligned face: its side, what places it, what it is cut from, what happens without one."""

    px: int = between(16, 512)
    method: Literal["five_points", "eyes", "box"]
    template: tuple[tuple[float, float], ...] = between(0.0, 48.0)
    margin: float = between(-0.45, 2.0)
    square: Literal["expand", "pad", "stretch"]
    fill: int = between(-1, 255)
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
    dropout_scale: float = between(0.0, 3.0)
    normalise: Literal["mean_image", "mean_scalar", "unit", "signed"]
    crop_px: int = between(0, 512)
    epochs: int = between(1, 10_000)
    batch: int = between(1, 65_536)
    optimizer: Literal["sgd", "adam", "adamw"]
    learning_rate: float = between(1e-8, 10.0)
    momentum: float = between(0.0, 0.9999)
    nesterov: bool
    weight_decay: float = between(0.0, 1.0)
    clip_norm: float = between(0.0, 1e6)
    ema: float = between(0.0, 0.99999)
    schedule: Literal["cosine", "constant", "steps", "exponential", "plateau"]
    warmup_epochs: float = between(0.0, 1000.0)
    decay_factor: float = between(1e-6, 1.0)
    decay_at: tuple[float, ...] = between(0.0, 1.0)
    decay_steps: int = between(1, 10**9)
    plateau_epochs: int = between(1, 10_000)
    stop_epochs: int = between(0, 10_000)
    targets: Literal["majority", "probability", "soft", "multi"]
    label_smoothing: float = between(0.0, 0.9)
    teacher: str
    teacher_share: float = between(0.0, 1.0)
    balance: Literal["none", "weights", "oversample"]
    flip: bool
    shift: float = between(0.0, 0.5)
    rotation: float = between(0.0, 180.0)
    zoom: float = between(0.0, 0.9)
    brightness: float = between(0.0, 1.0)
    contrast: float = between(0.0, 1.0)
    erasing: float = between(0.0, 1.0)
    mixup: float = between(0.0, 10.0)
    keep: Literal["best", "last"]
    seed: int = between(0, 2**32 - 1)
    feed: Literal["memory", "stream"]
    backend: Literal["tensorflow", "jax", "torch"]
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"]
    device: Literal["auto", "cpu", "gpu"]
    devices: int = between(1, 1024)


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """How the trained model is measured."""

    split: Literal["val", "test", "train"]
    views: Literal[1, 2, 10]
    crop: float = between(0.5, 1.0)
    bootstrap_draws: int = between(100, 1_000_000)
    seed: int = between(0, 2**32 - 1)


@dataclass(frozen=True, kw_only=True)
class Predict:
    """Which pictures the predict stage annotates, and which of their faces."""

    input: str
    detector: str
    faces: Literal["all", "largest", "best"]
    min_score: float = between(0.0, 1.0)


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

    def detection(self) -> dict[str, Any]:
        """How faces are found in pictures, as `facexpr.predictor.Predictor` takes it."""
        chosen = {"detector": self.predict.detector, "min_score": self.predict.min_score}
        return chosen | self.detect.settings()


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
    value = read_section(Params, tree, "", problems)
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


def _contradictions(params: Params) -> list[str]:
    """Name values that are each allowed but do not go together."""
    data, train = params.data, params.train
    paths = {"data.source": data.source, "predict.input": params.predict.input}
    problems = {
        f"{place}: {path!r} holds a character that a shell would read; rename it": bool(
            set(path) & set('"$`\\\n')
        )
        for place, path in paths.items()
    } | {
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
        f"train.warmup_epochs: {train.warmup_epochs:g}, expected at most train.epochs, "
        f"{train.epochs}": train.warmup_epochs > train.epochs,
        f"train.batch: {train.batch}, expected a multiple of train.devices, {train.devices}": (
            train.batch % train.devices > 0
        ),
        f"train.devices: {train.devices}, but only backend jax can use several": (
            train.devices > 1 and train.backend != "jax"
        ),
    }
    if train.targets == "multi":
        problems |= {
            "train.label_smoothing: targets multi take none; set it to 0": (
                train.label_smoothing > 0
            ),
            "train.mixup: targets multi take none; set it to 0": train.mixup > 0,
            "train.teacher: targets multi take none; set it to none": train.teacher != "none",
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
