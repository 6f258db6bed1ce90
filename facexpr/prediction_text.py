"""Predictions as text for people: a table, or a line a picture."""

from collections import Counter
from collections.abc import Sequence


def table(records: Sequence[dict]) -> list[str]:
    """The faces of a picture, numbered from left to right: a line each, or each for every model."""
    if not records:
        return []
    models = list(dict.fromkeys(one["model"] for one in records))
    labels = list(dict.fromkeys(label for one in records for label in one["probabilities"]))
    head = ["", *(["model"] if len(models) > 1 else []), "label", *labels, "score", "box"]
    rows = [head]
    for place, one in enumerate(records):
        number, again = divmod(place, len(models))
        model = [one["model"]] if len(models) > 1 else []
        chances = [_percent(one["probabilities"].get(label)) for label in labels]
        found = [f"{one['score']:.2f}", _box(one["box_xyxy"])]
        first = "" if again else str(number + 1)
        rows.append([first, *model, one["label"], *chances, *(["", ""] if again else found)])
    return _columns(rows, left=2 if len(models) > 1 else 1)


def _columns(rows: Sequence[Sequence[str]], left: int) -> list[str]:
    """Rows as lines, the columns 1 to `left` and the last one flush left, the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    flush_left = {*range(1, left + 1), len(widths) - 1}
    lines = []
    for row in rows:
        cells = enumerate(zip(row, widths, strict=True))
        aligned = (cell.ljust(w) if at in flush_left else cell.rjust(w) for at, (cell, w) in cells)
        lines.append("  ".join(aligned).rstrip())
    return lines


def _percent(probability: float | None) -> str:
    return "-" if probability is None else f"{probability:.0%}"


def _box(box: Sequence[float]) -> str:
    x1, y1, x2, y2 = map(round, box)
    return f"{x2 - x1}x{y2 - y1} at {x1},{y1}"


def lines(name: str, records: Sequence[dict]) -> list[str]:
    """A line for a picture, for each model: its faces' labels and percentages."""
    models = list(dict.fromkeys(one["model"] for one in records))
    if not models:
        return [f"{name}: no face"]
    return [
        f"{name}{f' by {model}' if len(models) > 1 else ''}: "
        + ", ".join(_short(one) for one in records if one["model"] == model)
        for model in models
    ]


def _short(record: dict) -> str:
    return f"{record['label']} {record['probabilities'][record['label']]:.0%}"


def count_labels(labels: Counter) -> str:
    """How often each label came, the most frequent first, in brackets; nothing where none did."""
    told = ", ".join(f"{label} {count}" for label, count in labels.most_common())
    return f" ({told})" if told else ""
