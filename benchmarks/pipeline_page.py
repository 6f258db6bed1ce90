"""The page of `benchmarks/pipeline.py`, from the parts that it measured."""

import math
import os
import platform
from statistics import median

from page import installed, processor, table

WHOLE = ("images", "detect", "align", "pack", "mean")
STEPS = (*WHOLE, "audit")
PACKAGES = ("dvc", "lmdb", "mtcnn", "numpy", "onnxruntime", "opencv-python-headless", "pandas")
PACKAGES += ("tensorflow_cpu", "tensorflow")
NAMES = ("published", "library", "one process", "project", "irreducible")
MAIN = ("ms an image", "published way", "library's best mode", "this project, one process")
MAIN += ("this project", "times the published", "times the library", "of the irreducible")
MEMORY = ("peak MiB", *MAIN[1:5])
RATES = ("stage", "one process, s", "images/s", "by default, s", "images/s", "irreducible, s")
TEN = ("stage", "s", "times as long", "peak MiB", "times as much")


def describe(parts: dict[str, dict], rows: int) -> str:
    """The page, of parts by their names in pipeline.py, measured on so many rows."""
    rounds = [part for name, part in parts.items() if name.startswith("round-")]
    ways = {step: medians([part["steps"][step] for part in rounds]) for step in STEPS}
    memory = [[step, *map(figure, cells(ways[step], "peak_mib")[:4])] for step in STEPS]
    lines = [
        "# The pipeline's speed\n",
        "Written by `python benchmarks/pipeline.py`; [README.md](README.md) says how to read it.\n",
        table(MAIN, main_rows(ways), texts=1),
        extent(rounds, rows),
        table(RATES, [rates(step, ways[step]) for step in STEPS], texts=1),
        table(MEMORY, memory, texts=1),
    ]
    if "starts" in parts:
        seconds = parts["starts"]["seconds"].items()
        times = [[name, figure(median(some))] for name, some in seconds]
        lines += ["## Starts\n", table(("what", "s"), times, texts=1)]
    if runs := [part["runs"] for name, part in parts.items() if name.startswith("rows-")]:
        lines += ["## Detection again\n", again_table(runs)]
    if "ten-times" in parts:
        lines += ["## Ten times the data\n", ten_table(parts["ten-times"]["stages"], ways)]
    return "\n".join([*lines, machine([part["load"] for part in parts.values()])])


def medians(rounds: list[dict]) -> dict[str, dict[str, float]]:
    """Each way's medians over the rounds, and ms an image."""
    found = {}
    for way in rounds[0]:
        runs = [one[way] for one in rounds]
        figures = ("seconds", "peak_mib", *(["work"] if "work" in runs[0] else []))
        found[way] = {name: median(run[name] for run in runs) for name in figures}
        found[way]["images"] = runs[0]["images"]
        found[way]["ms"] = 1000 * found[way]["seconds"] / runs[0]["images"]
        found[way]["work"] = found[way].get("work", found[way]["seconds"])
    return found


def cells(ways: dict, name: str) -> list[float]:
    """One figure of all ways in the order of NAMES, NaN where a way has none."""
    return [ways.get(way, {}).get(name, math.nan) for way in NAMES]


def main_rows(ways: dict) -> list[list[str]]:
    """The whole way, which is the sum of its steps, then each step."""
    each = {step: cells(ways[step], "ms") for step in STEPS}
    whole = [sum(column) for column in zip(*(each[step] for step in WHOLE), strict=True)]
    rows = []
    for step, ms in {"CSV to LMDB and mean": whole, **each}.items():
        published, library, _, project, _ = ms
        work = cells(ways.get(step, {}), "work")
        ratios = published / project, library / project, work[2] / work[4]
        rows.append([step, *map(figure, (*ms[:4], *ratios))])
    return rows


def extent(rounds: list[dict], rows: int) -> str:
    """What was measured on how much, and whether the published way found the same faces."""
    faces = rounds[0]["faces"]
    return (
        f"Medians of {len(rounds)}. FER2013, {rows:,} rows; the published way on the first "
        f"{faces['images']:,} of them. There it finds a face in {faces['published']:,} and this "
        f"project in {faces['project']:,}, the same number in {faces['same']:,} images.\n"
    )


def rates(step: str, ways: dict) -> list[str]:
    """Seconds and images a second of a stage, and its irreducible seconds."""
    runs = [ways[name] for name in ("one process", "project")]
    figures = [value for run in runs for value in (run["seconds"], run["images"] / run["seconds"])]
    return [step, *map(figure, [*figures, cells(ways, "seconds")[-1]])]


def again_table(rounds: list[dict]) -> str:
    """Seconds of detect, and how many images it had not seen before."""
    rows = []
    for name, found in medians(rounds).items():
        notes = rounds[0][name]["notes"]
        counts = [str(notes.get(count, "-")) for count in ("new", "reused")]
        rows.append([name, figure(found["seconds"]), *counts])
    return table(("detect", "s", "new", "reused"), rows, texts=1)


def ten_table(stages: dict[str, dict], ways: dict) -> str:
    """Seconds and memory of each stage, and times those of the data once."""
    rows = []
    for stage, run in stages.items():
        pairs = [(run[name], ways[stage]["project"][name]) for name in ("seconds", "peak_mib")]
        rows.append([stage, *(figure(one) for ten, once in pairs for one in (ten, ten / once))])
    return table(TEN, rows, texts=1)


def figure(value: float) -> str:
    """A number with three digits or all before the point; "-" for NaN."""
    if math.isnan(value):
        return "-"
    value = float(f"{value:.3g}") if value < 100 else value  # 0.9996 is 1.00
    digits = 2 - math.floor(math.log10(value)) if value > 0 else 0
    return f"{value:,.{max(0, digits)}f}"


def machine(loads: list[float]) -> str:
    """Where and with what it was measured."""
    return (
        f"Machine: {processor()}, {os.cpu_count()} cores, no GPU used; load average when a part "
        f"began, the earlier parts' own work in it, {min(loads)} to {max(loads)}; "
        f"Python {platform.python_version()}, {', '.join(installed(PACKAGES))}.\n"
    )
