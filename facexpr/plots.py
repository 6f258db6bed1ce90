"""Charts as PNG files: equal input gives equal bytes; no window, no state shared with pyplot."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font

DOTS_PER_INCH = 100
# Blue, orange and green by Okabe and Ito (2008), as in facexpr.drawing.
FIRST, SECOND, THIRD, QUIET = "#0072B2", "#E69F00", "#009E73", "#666666"
PANEL_INCHES, LINE_INCHES = 3.2, 0.24


def save_confusion(path: Path, counts: np.ndarray, labels: Sequence[str], title: str) -> None:
    """Draw a confusion matrix (K, K), rows actual, columns predicted: counts and percent of a row.

    An actual class without samples has no percentages.
    """
    counts = np.asarray(counts)
    sizes = counts.sum(axis=1, keepdims=True)
    percent = np.divide(100.0 * counts, sizes, out=np.full(counts.shape, np.nan), where=sizes > 0)
    side = 2.2 + 0.55 * len(labels)
    figure = _figure(2 * side + 0.6, side + 0.3, title)
    left, right = figure.subplots(1, 2)
    _matrix(left, counts, counts.max(initial=1), labels, "counts", "{:.0f}")
    _matrix(right, percent, 100.0, labels, "percent of each actual class", "{:.1f}")
    _save(figure, path)


def _matrix(
    axes: Axes, values: np.ndarray, highest: float, labels: Sequence[str], title: str, form: str
) -> None:
    """Show a (K, K) matrix as shaded squares with numbers; rows of NaN say "no samples"."""
    axes.imshow(values, cmap="Blues", vmin=0, vmax=max(highest, 1), interpolation="nearest")
    names = [_plain(label) for label in labels]
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="predicted", ylabel="actual", title=title)
    axes.tick_params(length=0)
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            ink = "white" if value > 0.6 * highest else "black"
            text = form.format(value)
            axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=9)
    for row in np.flatnonzero(np.isnan(values).all(axis=1)):
        middle = (len(names) - 1) / 2
        axes.text(middle, row, "no samples", ha="center", va="center", color=QUIET, fontsize=9)


def save_history(
    path: Path, history: Mapping[str, Sequence[float]], best_epoch: int | None
) -> None:
    """Draw a training run: loss, accuracy and, if recorded, the learning rate, over epochs.

    history: columns of one length, of these: epoch, loss, val_loss, accuracy, val_accuracy,
    learning_rate; best_epoch is a value of the column epoch, which counts from 1 if missing.
    """
    history = {name: list(column) for name, column in history.items()}
    length = max(map(len, history.values()), default=0)
    epochs = history.get("epoch", list(range(1, length + 1)))
    rates = history.get("learning_rate")
    figure = _figure(4.6 * (3 if rates else 2), 3.8)
    loss, accuracy, *rest = figure.subplots(1, 3 if rates else 2)
    for axes in rest:
        _rates(axes, epochs, rates)
    for axes, name in ((loss, "loss"), (accuracy, "accuracy")):
        _curves(axes, epochs, history, name)
        if best_epoch in epochs:
            _mark_best(axes, epochs, history.get(f"val_{name}", history.get(name)), best_epoch)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(edgecolor="none", framealpha=0.9)
    _save(figure, path)


def _curves(
    axes: Axes, epochs: Sequence[float], history: Mapping[str, Sequence[float]], name: str
) -> None:
    """Draw the column `name` and its validation twin over the epochs, as far as they exist."""
    _epoch_axes(axes, name)
    for column, split, colour in ((name, "train", FIRST), (f"val_{name}", "validation", SECOND)):
        if column in history:
            axes.plot(epochs, history[column], ".-", color=colour, label=split)


def _rates(axes: Axes, epochs: Sequence[float], rates: Sequence[float]) -> None:
    """Draw the learning rate, which holds for a whole epoch, in steps."""
    _epoch_axes(axes, "learning rate")
    axes.plot(epochs, rates, ".-", color=FIRST, drawstyle="steps-mid")
    if min(rates) > 0:
        axes.set_yscale("log")


def _epoch_axes(axes: Axes, title: str) -> None:
    """Prepare a panel whose horizontal axis counts epochs, in whole numbers."""
    axes.set(xlabel="epoch", title=title)
    axes.grid(color="#DDDDDD", linewidth=0.6)
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)


def _mark_best(
    axes: Axes, epochs: Sequence[float], values: Sequence[float] | None, best_epoch: int
) -> None:
    """Mark the best epoch, with the value there in the legend."""
    if values is None:
        return
    value = values[epochs.index(best_epoch)]
    axes.axvline(best_epoch, color=QUIET, linewidth=0.8, linestyle=":")
    text = f"best: epoch {best_epoch:g}, {value:.4f}"
    style = {"color": THIRD, "markersize": 12, "linestyle": "none", "zorder": 5}
    axes.plot([best_epoch], [value], marker="*", label=text, **style)


def save_class_bars(
    path: Path,
    labels: Sequence[str],
    precision: Sequence[float],
    recall: Sequence[float],
    f1: Sequence[float],
    support: Sequence[int],
) -> None:
    """Draw precision, recall and F1 (0 to 1, NaN where undefined) of each class as bars.

    support: how many samples of each class there are.
    """
    figure = _figure(7.5, 1.2 + 0.75 * len(labels))
    axes = figure.subplots()
    rows = np.arange(len(labels))
    measures = (("precision", precision, FIRST), ("recall", recall, SECOND), ("F1", f1, THIRD))
    for offset, (name, values, colour) in zip((-0.27, 0.0, 0.27), measures, strict=True):
        lengths = np.nan_to_num(np.asarray(values, float))
        bars = axes.barh(rows + offset, lengths, 0.25, color=colour, label=name)
        texts = [f"{value:.2f}" if np.isfinite(value) else "undefined" for value in values]
        axes.bar_label(bars, texts, padding=3, fontsize=8, color="#333333")
    names = [
        f"{_plain(label)}\nn = {count:,}" for label, count in zip(labels, support, strict=True)
    ]
    axes.set_yticks(rows, names)
    axes.set(xlim=(0, 1.08), xticks=np.linspace(0, 1, 6))
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(
        *axes.get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False
    )
    _save(figure, path)


def save_reliability(
    path: Path, curves: Mapping[str, Mapping[str, Sequence[float]]], title: str
) -> None:
    """Draw accuracy over confidence, with the share of images in each bin below.

    curves: by name, the columns low, high, n, confidence, accuracy of `metrics.reliability`.
    """
    figure = _figure(5.2, 6.0, title)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    above.plot([0, 1], [0, 1], ":", color=QUIET, label="confidence = accuracy")
    for (name, bins), colour in zip(curves.items(), (FIRST, SECOND, THIRD), strict=False):
        above.plot(bins["confidence"], bins["accuracy"], ".-", color=colour, label=name)
        share = np.asarray(bins["n"]) / np.sum(bins["n"])
        middle = (np.asarray(bins["low"]) + np.asarray(bins["high"])) / 2
        below.step(middle, share, ".-", where="mid", color=colour)
    for axes, words in ((above, "accuracy"), (below, "share of images")):
        axes.set(ylabel=words, xlim=(0, 1))
        axes.grid(color="#DDDDDD", linewidth=0.6)
    above.set(ylim=(0, 1))
    below.set(xlabel="confidence", ylim=(0, None))
    above.legend(edgecolor="none", framealpha=0.9, loc="upper left")
    _save(figure, path)


def save_journey(
    path: Path,
    panels: Sequence[tuple[str, np.ndarray]],
    probabilities: Mapping[str, float] | None,
    facts: Sequence[str],
) -> None:
    """Show what became of one sample: pictures in a row, class probabilities, lines of facts.

    panels: titles with uint8 pictures, grey (H, W) or RGB (H, W, 3).
    """
    columns = max(1, len(panels) + bool(probabilities))
    lines = [line for fact in facts for line in wrap(_plain(fact), 36 * columns) or [""]]
    heights = PANEL_INCHES + 0.6, LINE_INCHES * max(1, len(lines))
    figure = _figure(PANEL_INCHES * columns + 0.4, sum(heights))
    grid = figure.add_gridspec(2, columns, height_ratios=heights)
    for position, (title, image) in enumerate(panels):
        _picture(figure.add_subplot(grid[0, position]), title, image)
    if probabilities:
        _probability_bars(figure.add_subplot(grid[0, -1]), probabilities)
    below = figure.add_subplot(grid[1, :])
    below.set_axis_off()
    below.text(0.0, 1.0, "\n".join(lines), va="top", fontsize=10, linespacing=1.3)
    _save(figure, path)


def _picture(axes: Axes, title: str, image: np.ndarray) -> None:
    """Show a picture, its aspect kept, with its size in pixels below."""
    height, width = image.shape[:2]
    small = max(height, width) < PANEL_INCHES * DOTS_PER_INCH
    interpolation = "nearest" if small else "auto"
    axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation=interpolation)
    axes.set_title(_plain(title))
    axes.set_anchor("N")
    axes.set(xticks=[], yticks=[], xlabel=f"{width} \N{MULTIPLICATION SIGN} {height} px")


def _probability_bars(axes: Axes, probabilities: Mapping[str, float]) -> None:
    """Draw the probability of each class as a bar, in the colour that the label always has."""
    from facexpr.drawing import label_colour  # here, so that the other charts need no OpenCV

    values = list(probabilities.values())
    colours = [np.divide(label_colour(label), 255) for label in probabilities]
    bars = axes.barh(range(len(values)), values, color=colours, edgecolor=QUIET, linewidth=0.5)
    axes.bar_label(bars, [f"{value:.1%}" for value in values], padding=3, fontsize=9)
    axes.set_yticks(range(len(values)), [_plain(label) for label in probabilities])
    axes.set(xlim=(0, 1.25), xticks=(0, 0.5, 1), title="class probabilities")
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)


def _figure(width_inches: float, height_inches: float, title: str = "") -> Figure:
    """Make an empty figure whose parts arrange themselves."""
    figure = Figure(figsize=(width_inches, height_inches), facecolor="white", layout="constrained")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
    if title:
        figure.suptitle(_plain(title))
    return figure


def _save(figure: Figure, path: Path) -> None:
    """Write the figure as a PNG without the name and version of the software that made it."""
    figure.savefig(path, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})


@cache
def _drawable() -> frozenset[int]:
    """Give the code points that the charts' font has a shape for."""
    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())


def _plain(text: str) -> str:
    """Have a text drawn as it stands: dollar signs mean no formula, unknown characters are '?'."""
    shown = "".join(character if ord(character) in _drawable() else "?" for character in text)
    return shown.replace("$", r"\$")
