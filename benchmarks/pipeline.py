"""The pipeline from FER2013's CSV to LMDB beside the published way and the libraries' best mode.

    python benchmarks/pipeline.py --data fer2013.csv.xz

Every step of every way is a process of its own, and the ways take turns. What was measured is kept
part by part, so that an interrupted run goes on. Writes `benchmarks/RESULTS.md`;
`benchmarks/README.md` says how to read it.
"""

import argparse
import json
import os
import platform
import shutil
import sys
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from csv_rows import ROWS, perturbed, unpack, write
from page import installed, processor
from pipeline_page import PACKAGES, STEPS, WHOLE, describe
from programs import (
    HERE,
    ROOT,
    SOURCE,
    clock,
    clock_first_batch,
    make_project,
    run,
    run_stage,
    run_step,
    stage_command,
)

from facexpr.datasets.fer2013 import find_csv
from facexpr.errors import UserError
from facexpr.files import write_json
from facexpr.recipes import find_source
from facexpr.scratch import fingerprint, scratch_root

WAYS = {"published": WHOLE, "library": WHOLE}
WAYS |= {"irreducible": ("images", "align", "pack", "mean", "audit")}


def main() -> None:
    """Measure what is not measured yet, and write the page."""
    arguments = parse()
    kept = arguments.work / name_run(arguments)
    kept.mkdir(parents=True, exist_ok=True)
    turns = range(1, arguments.rounds + 1)
    parts = {f"round-{turn}": take_turns for turn in turns} | {"starts": time_starts}
    parts |= {f"rows-{turn}": add_rows for turn in turns}
    parts |= {"ten-times": measure_ten_times} if arguments.ten_times else {}
    missing = [name for name in parts if not (kept / f"{name}.json").is_file()]
    with TemporaryDirectory(dir=arguments.work) as folder:
        csv = Path(folder) / "fer2013.csv"
        if missing:
            unpack(arguments.data, csv, arguments.rows)
        for name in missing:
            measure(name, parts[name], arguments, csv, kept)
    results = {path.stem: json.loads(path.read_text()) for path in sorted(kept.glob("*.json"))}
    page = describe(results, arguments.rows)
    arguments.out.write_text(page, encoding="utf-8")
    print(page)


def parse() -> argparse.Namespace:
    """Read the command line; raises UserError where FER2013 is not to be found."""
    found = os.environ.get("FACEXPR_FER2013") or find_source(ROOT / "data/raw", "fer2013")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=found, help="FER2013's CSV, also compressed")
    parser.add_argument("--work", type=Path, default=scratch_root() / "pipeline-benchmark")
    parser.add_argument("--rows", type=int, default=ROWS, help="so many, evenly taken")
    parser.add_argument("--published-rows", type=int, default=1000, help="of them, the first")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ten-times", action="store_true", help="also ten times the data")
    parser.add_argument("--out", type=Path, default=HERE / "RESULTS.md")
    arguments = parser.parse_args()
    if arguments.data is None or not arguments.data.exists():
        wanted = arguments.data or "data/raw/fer2013.csv"
        raise UserError(f"{wanted}: not found; name FER2013's CSV with --data")
    arguments.work = arguments.work.resolve()
    return arguments


def name_run(arguments: argparse.Namespace) -> str:
    """The name of the results for exactly these data, code, versions and machine."""
    values = {"rows": arguments.rows, "published": arguments.published_rows}
    values |= {"machine": [processor(), os.cpu_count()], "python": platform.python_version()}
    values |= {"versions": installed(PACKAGES)}
    data = find_csv(arguments.data) if arguments.data.is_dir() else arguments.data
    code = [*ROOT.glob("facexpr/**/*.py"), *ROOT.glob("stages/*.py"), *HERE.glob("*.py")]
    code = [path for path in sorted(code) if "page" not in path.stem]  # how it is shown may change
    return fingerprint(values, [data, *code, ROOT / "recipes/fer2013.yaml"])


def measure(name: str, part, arguments: argparse.Namespace, csv: Path, kept: Path) -> None:
    """Measure one part in a folder of its own, and keep the result."""
    print(f"{name}: measuring", file=sys.stderr)
    load, folder = os.getloadavg()[0], csv.parent / name
    folder.mkdir()
    result = part(arguments, csv, folder)
    shutil.rmtree(folder)
    write_json(kept / f"{name}.json", {"load": round(load, 1), **result})


def take_turns(arguments: argparse.Namespace, csv: Path, folder: Path) -> dict:
    """Each step in all ways, one after the other; then whether the same faces were found."""
    project = make_project(folder / "project", csv)
    for way in WAYS:
        (folder / way).mkdir()
        with csv.open("rb") as rows, (folder / way / "rows.csv").open("wb") as file:
            count = arguments.published_rows if way == "published" else arguments.rows
            file.writelines(islice(rows, count + 1))
    steps: dict[str, dict] = {}
    for step in STEPS:
        steps[step] = {way: run_step(way, step, folder / way) for way in WAYS if step in WAYS[way]}
        steps[step]["one process"] = run_stage(project, step, workers="1")
        steps[step]["project"] = run_stage(project, step)
    return {"steps": steps, "faces": compare_faces(project, folder / "published")}


def compare_faces(project: Path, published: Path) -> dict[str, int]:
    """On the published way's rows: images with a face, and with the same number of faces."""
    theirs = pd.read_csv(published / "faces.csv")["faces"]
    own = pd.read_csv(project / "data/faces.csv")
    own = own.set_index(own["key"].str[-7:].astype(int))["faces"].reindex(theirs.index)
    found = {"published": int((theirs > 0).sum()), "project": int((own > 0).sum())}
    return {"images": len(theirs), "same": int((own == theirs).sum()), **found}


def time_starts(arguments: argparse.Namespace, csv: Path, folder: Path) -> dict:
    """Seconds of what is done often: nothing to do, one image, and until training begins."""
    project = make_project(folder / "project", csv, train={"epochs": 1})
    run(["git", "init", "--quiet"], project)
    run(["dvc", "repro"], project)
    turns = range(arguments.rounds)
    tasks = {"`dvc repro` with nothing to do": ["dvc", "repro"]}
    for stage in STEPS:
        tasks[f"`{stage} --help`"] = ["python", "-m", f"stages.{stage}", "--help"]
    seconds = {name: [clock(task, project) for _ in turns] for name, task in tasks.items()}
    first = [clock_first_batch(project, (turn + 1) / 1000) for turn in turns]
    # Backwards, as each writes over what the next ones would read; those that know --limit.
    for stage in ("align", "detect", "images"):
        task = [*stage_command(stage), "--limit", "1"]
        seconds[f"`{stage} --limit 1`"] = [clock(task, project) for _ in turns]
    return {"seconds": seconds | {"from another learning rate to the first batch": first}}


def add_rows(_arguments: argparse.Namespace, csv: Path, folder: Path) -> dict:
    """detect from nothing, again with nothing new, and with 1 % of rows added."""
    project = make_project(folder / "project", csv)
    run_stage(project, "images")
    runs = {"from nothing": run_stage(project, "detect")}
    runs["nothing new"] = run_stage(project, "detect", fresh=False)
    (project / SOURCE).unlink()  # a link to the CSV of all parts
    shutil.copy(csv, project / SOURCE)
    write(project / SOURCE, perturbed(csv, seed=0, every=100), mode="a")
    run_stage(project, "images", fresh=False)
    return {"runs": runs | {"1 % new": run_stage(project, "detect", fresh=False)}}


def measure_ten_times(_arguments: argparse.Namespace, csv: Path, folder: Path) -> dict:
    """The stages once on ten perturbed copies of each row."""
    ten = folder / "ten.csv"
    write(ten, (row for seed in range(10) for row in perturbed(csv, seed)))
    project = make_project(folder / "project", ten)
    return {"stages": {stage: run_stage(project, stage) for stage in WHOLE}}


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"pipeline: error: {error}")
