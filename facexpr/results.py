"""RESULTS.md, generated from results/ and models/released/: `python -m facexpr.results`.

A result's keys: name, dataset, split, track (S: fitted on train only; F: on train and val), views,
n, accuracy (a fraction, mean over seeds), std, interval, seeds, params, settings, hardware, commit,
note. One file a number of views.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from facexpr.errors import UserError
from facexpr.evaluation_text import views_of
from facexpr.published import SYSTEMS

KEYS = (
    *("name", "dataset", "split", "track", "views", "n", "accuracy", "std", "interval", "seeds"),
    *("params", "settings", "hardware", "commit", "note"),
)
RESTORED = (
    "177 rows of the copy of FER2013 measured on (151 of train, 10 of val, 16 of test) are "
    "restored from resized pictures."
)
HEAD = """# Results

Generated from `results/*.json` and `models/released/*/metrics.json` by `make results`, with what
published systems claim of themselves beside what was measured on rebuilding them. Every figure is a
whole split's; settings and epochs were chosen on val, or not at all where val is fitted, and test
was opened once for each declared configuration. Track S fits train only, F train and val. The
interval is a 95 % bootstrap one over images; std is over seeds.

"""
COLUMNS = ("name", "data", "split", "track", "views", "n", "accuracy", "95 % interval", "std")
COLUMNS += ("seeds", "parameters")
SYSTEM_COLUMNS = ("recipe", "system", "claimed", "measured here")


def read_results(root: Path) -> list[dict]:
    """A project's results, those of released models too, best first within a data set and split.

    Raises UserError for a file whose keys are not exactly a result's.
    """
    results = []
    released = sorted(root.glob("models/released/*/metrics.json"))
    for path in [*sorted(root.glob("results/*.json")), *released]:
        result = json.loads(path.read_text(encoding="utf-8"))
        if set(result) != set(KEYS):
            odd = ", ".join(sorted(set(result) ^ set(KEYS)))
            raise UserError(f"{path}: keys missing or unknown: {odd}")
        if path in released:
            result["name"] += " (released)"
        results.append(result)
    return sorted(results, key=lambda one: (one["dataset"], one["split"], -one["accuracy"]))


def render(results: list[dict]) -> str:
    """The page: a table, then what each result says of itself."""
    fer2013 = any(one["dataset"] == "fer2013" for one in results)
    footnote = f"\n¹ {RESTORED}\n" if fer2013 else ""
    table = "".join([_line(COLUMNS), _line(["---"] * len(COLUMNS)), *map(_row, results)])
    systems = f"\n## Published systems\n\n{systems_table(results)}"
    return HEAD + table + footnote + systems + "".join(map(_notes, results))


def systems_table(results: list[dict]) -> str:
    """The published systems, what each claims, and what was measured on rebuilding it."""
    rows = [_line(SYSTEM_COLUMNS), _line(["---"] * len(SYSTEM_COLUMNS))]
    for name, system in SYSTEMS.items():
        found = [measured(one) for one in results if one["name"] == name]
        claim = f"{system.claim}, {system.how}"
        rows.append(
            _line([f"`{name}`", system.source, claim, "; ".join(found) or system.unmeasured])
        )
    return "".join(rows)


def measured(one: dict) -> str:
    """A result in a few words."""
    low, high = one["interval"]
    return (
        f"{one['accuracy']:.1%} ({low:.1%} to {high:.1%}), {views_of(one)}, n = {one['n']:,} of "
        f"{one['dataset']}'s {one['split']}, track {one['track']}"
    )


def _row(one: dict) -> str:
    low, high = one["interval"]
    std = "-" if one["std"] is None else f"{one['std']:.2%}"
    cells = [
        one["name"],
        one["dataset"] + ("¹" if one["dataset"] == "fer2013" else ""),
        *(one["split"], one["track"], one["views"], f"{one['n']:,}"),
        f"{one['accuracy']:.2%}",
        f"{low:.2%} to {high:.2%}",
        *(std, len(one["seeds"]), f"{one['params']:,}"),
    ]
    return _line(cells)


def _line(cells: Iterable[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |\n"


def _notes(one: dict) -> str:
    system = SYSTEMS.get(one["name"])
    claimed = f" Claimed by {system.source}: {system.claim}, {system.how}." if system else ""
    return (
        f"\n## {one['name']}, {one['views']} view{'s' if one['views'] > 1 else ''}\n\n"
        f"{one['settings']}. {one['hardware']}. Commit {one['commit']}. {one['note']}{claimed}\n"
    )


if __name__ == "__main__":
    print(render(read_results(Path())), end="")
