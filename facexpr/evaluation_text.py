"""An evaluation's figures as lines for people."""

from collections.abc import Mapping


def lines_of(figures: Mapping) -> list[str]:
    """The figures in words and a table."""
    apart = figures["groups"].get("without_copies")
    lines = [
        f"{figures['model']} on {figures['split']} of {figures['data']}, {views_of(figures)}",
        f"accuracy {figures['accuracy']:.2%} of {figures['n']:,} images "
        f"(95% interval {figures['low']:.2%} to {figures['high']:.2%})",
    ]
    if apart:
        fitted = " and ".join(figures["fitted_on"])
        lines.append(
            f"{apart['accuracy']:.2%} of the {apart['n']:,} without an equal image in {fitted}"
        )
    names = ("balanced_accuracy", "macro_f1", "top2", "nll", "brier", "ece", "votes_divergence")
    lines.append(", ".join(f"{name} {figures[name]:.4f}" for name in names if name in figures))
    if "in_scenes" in figures:
        lines.append(line_of_scenes(figures["in_scenes"], figures["accuracy"]))
    width = max(map(len, figures["labels"]))
    lines.append(f"{'':{width}}  precision  recall      f1       n")
    lines += [
        f"{one['label']:{width}}  {one['precision']:9.3f} {one['recall']:7.3f} {one['f1']:7.3f} "
        f"{one['support']:7,}"
        for one in figures["classes"]
    ]
    return lines


def line_of_scenes(scenes: Mapping, direct: float) -> str:
    """The accuracy in scenes, beside the direct one."""
    gap = 100 * (scenes["accuracy"] - direct)
    return (
        f"pasted into 640x480 pictures: {scenes['accuracy']:.2%} (95% interval "
        f"{scenes['low']:.2%} to {scenes['high']:.2%}), {gap:+.2f} points; "
        f"{scenes['found']:.2%} of the faces were found"
    )


def views_of(figures: Mapping) -> str:
    """How many views the figures are of, in words."""
    return "one view" if figures["views"] == 1 else f"{figures['views']} views"
