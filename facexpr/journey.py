"""One sample's way through the pipeline, gathered from its outputs for `facexpr show`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from facexpr.detectors import Face
from facexpr.drawing import draw_face, enlarge
from facexpr.errors import UserError, unknown_name
from facexpr.faces import read_faces
from facexpr.images import to_grey, to_rgb
from facexpr.mean import Mean, load_mean
from facexpr.records import read_shards
from facexpr.tables import read_index, read_table


@dataclass(frozen=True)
class Journey:
    """Panels (title, image), lines of facts, and class probabilities where evaluated."""

    panels: list[tuple[str, np.ndarray]]
    facts: list[str]
    probabilities: dict[str, float] | None


def gather(key: str, data: Path, labels: Sequence[str], normalise: str, crop_px: int) -> Journey:
    """Gather what the folder `data` holds about a key; later steps may not have run yet.

    labels: the order of the votes in the index; normalise, crop_px: as in section train. Raises
    UserError for a key that the index lacks.
    """
    index = read_index(data / "index.csv").set_index("key")
    if key not in index.index:
        raise unknown_name("key", key, near_keys(key, index.index) or index.index[:3])
    sample = index.loc[key]
    facts = [f"{key}: {sample.label}, from {sample.origin}"]
    facts += [f"person {sample.subject}"] if sample.subject else []
    facts += votes_of(sample.votes, labels)
    image = dict(read_shards(data / "images", {key}))[key]
    panels = [(f"source {image.shape[1]}x{image.shape[0]}", image)]
    if (data / "faces.csv").is_file():
        face = read_faces(data / "faces.csv").get(key)
        panels.append(("box and landmarks", mark(image, face)))
        facts.append("no face found" if face is None else f"face found, score {face.score:.3f}")
    panels += aligned_panels(key, data, normalise, crop_px)
    facts += copies_of(key, data / "audit")
    return Journey(panels, facts, probabilities_of(key, sample.split, data / "evaluation"))


def near_keys(key: str, keys: pd.Index) -> list[str]:
    """Keys of the same row, whatever split was written."""
    row = key.rpartition("-")[2]
    return [name for name in keys if name.endswith(f"-{row}")]


def mark(image: np.ndarray, face: Face | None) -> np.ndarray:
    """The image with its face, enlarged first if small so that the marks do not hide it."""
    if face is None:
        return image
    factor = max(1, 480 // max(image.shape[:2]))
    moved = None if face.landmarks is None else (face.landmarks + 0.5) * factor - 0.5
    enlarged = Face((face.box_xyxy + 0.5) * factor - 0.5, face.score, moved)
    return draw_face(enlarge(to_rgb(image), factor), enlarged)


def aligned_panels(
    key: str, data: Path, normalise: str, crop_px: int
) -> list[tuple[str, np.ndarray]]:
    """The aligned face, and what the network sees of it, where those stages have run."""
    try:
        aligned = dict(read_shards(data / "aligned", {key}))[key]
    except UserError:
        return []
    panels = [("aligned", aligned)]
    mean = load_mean(data / "mean.npz") if (data / "mean.npz").is_file() else None
    if mean is not None and mean.image.shape == aligned.shape:  # not of an older alignment
        shown = seen(aligned, mean, normalise)
        side = crop_px or len(aligned)
        cut = slice((len(aligned) - side) // 2, (len(aligned) - side) // 2 + side)
        panels.append((f"to the network ({normalise})", shown[cut, cut]))
    return panels


def seen(aligned: np.ndarray, mean: Mean, normalise: str) -> np.ndarray:
    """The normalised face as a picture: grey 128 is zero, 0 and 255 are three spreads away.

    Scaling that does not look at the data leaves the picture as it is.
    """
    if normalise in ("unit", "signed"):
        return aligned
    middle = mean.image if normalise == "mean_image" else mean.scalar
    values = (to_grey(aligned).astype(float) - middle) / mean.std
    return np.clip(np.rint(128 + values * 127 / 3), 0, 255).astype(np.uint8)


def votes_of(text: str, labels: Sequence[str]) -> list[str]:
    """A line about the taggers' votes, if there are any."""
    votes = zip(labels, text.split(), strict=False)
    given = [f"{label} {count}" for label, count in votes if count != "0"]
    return [f"votes: {', '.join(given)}"] if given else []


def copies_of(key: str, audit: Path) -> list[str]:
    """Lines about equal and nearly equal images, of what audit found; none if it has not run."""
    equal, near = (others_of_group(key, audit / f"{name}.csv") for name in ("copies", "near"))
    lines = []
    if equal is not None:
        lines += [f"equal images: {', '.join(equal.values())}" if equal else "no equal image"]
    if near is not None:
        named = [name for other, name in near.items() if other not in (equal or {})]
        lines += [f"nearly equal images: {', '.join(named)}" if named else "no nearly equal image"]
    return lines


def others_of_group(key: str, path: Path) -> dict[str, str] | None:
    """What stands with a key in a group: key to "key (label)"; None without the table."""
    if not path.is_file():
        return None
    table = read_table(path, ["group", "key", "label"])
    groups = table.loc[table["key"] == key, "group"]
    others = table[table["group"].isin(groups) & (table["key"] != key)]
    return {one.key: f"{one.key} ({one.label})" for one in others.itertuples()}


def probabilities_of(key: str, split: str, folder: Path) -> dict[str, float] | None:
    """What the model says of it, if its split has been evaluated."""
    path = folder / f"{split}.csv"
    if not path.is_file():
        return None
    table = read_table(path, ["key", "label", "predicted"]).set_index("key")
    if key not in table.index:
        return None
    row = table.loc[key]
    return {name: float(value) for name, value in row.drop(["label", "predicted"]).items()}
