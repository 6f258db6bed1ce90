"""Fit and measure the configurations of studies/NAME.yaml, seed by seed; writes results/.

Each run is a recipe with its changes in params.yaml, and `dvc repro evaluate`: what is finished
comes from DVC's cache, and what was killed goes on, so call it again whenever it was interrupted.
It works in this checkout and leaves the last run's params.yaml.
"""

import argparse
import json
import subprocess
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import yaml

from facexpr import project, recipes
from facexpr.commands.recipe import PARAMS, compose, edited
from facexpr.errors import UserError, unknown_name
from facexpr.evaluation import without_copies
from facexpr.files import write_json
from facexpr.params import load, parse
from facexpr.provenance import commit, this_machine
from facexpr.study import Configuration, correctness, figures, note, read_study
from facexpr.tables import read_table
from facexpr.training_words import training_words

STUDIES, RESULTS, EVALUATION = Path("studies"), Path("results"), Path("data/evaluation")
TRAINED = Path("metrics/train.json")
COPIES = {
    "have an exact copy in what was fitted": Path("data/audit/copies.csv"),
    "have a nearly equal one there": Path("data/audit/near.csv"),
}
VIEWS = (1, 10)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("name", metavar="NAME", help="such as fer2013")
    parser.add_argument("--only", metavar="RESULT", help="this configuration alone")
    parser.add_argument("--hardware", help="in words; default: this machine")
    parser.add_argument("--force", action="store_true", help="drop uncommitted edits of parameters")


def run(args: argparse.Namespace) -> None:
    """Run each configuration with each of its seeds, and write what came out."""
    project.enter_root()
    study = read_study(STUDIES, args.name)
    if args.only:
        if args.only not in study:
            raise unknown_name("--only", args.only, list(study))
        study = {args.only: study[args.only]}
    texts = {name: compose_runs(configuration) for name, configuration in study.items()}
    if not args.force and has_edits(texts):
        raise UserError(
            "params.yaml: has edits that git does not hold; commit them, or drop them with --force"
        )
    for name, configuration in study.items():
        tables = [fit(name, seed, text, configuration.split) for seed, text in texts[name].items()]
        for result in describe(name, configuration, tables, args.hardware):
            views = "1view" if result["views"] == 1 else f"{result['views']}views"
            path = RESULTS / f"{name}-{views}.json"
            write_json(path, result)
            print(f"{path}: {result['accuracy']:.2%} of {result['n']:,}")


def compose_runs(configuration: Configuration) -> dict[int, str]:
    """The text of params.yaml for each seed; raises UserError for values that cannot be."""
    recipe = compose(configuration.recipe, None)[0]
    texts = {}
    for seed in configuration.seeds:
        texts[seed] = recipes.set_values(recipe, configuration.changes(seed), "study")
        parse(yaml.safe_load(texts[seed]), f"recipe {configuration.recipe} with its changes")
    return texts


def has_edits(texts: dict[str, dict[int, str]]) -> bool:
    """Whether params.yaml holds what neither git, nor a recipe, nor a run of the study has."""
    now = PARAMS.read_text(encoding="utf-8") if PARAMS.is_file() else ""
    return edited("") and not any(now in runs.values() for runs in texts.values())


def fit(name: str, seed: int, text: str, split: str) -> pd.DataFrame:
    """Run the pipeline up to evaluate; what it predicted, by number of views."""
    print(f"{name}, seed {seed}:", flush=True)
    PARAMS.write_text(text, encoding="utf-8")
    if reproduce():
        raise UserError(
            f"{name}, seed {seed}: 'dvc repro evaluate' failed, its message stands above; what is "
            "finished is kept: run the study again"
        )
    return read_table(EVALUATION / f"{split}-views.csv", ["key", "label", *map(str, VIEWS)])


def reproduce() -> int:
    """Call dvc, whose words are shown; its exit code."""
    return subprocess.run(["dvc", "repro", "evaluate"]).returncode


def describe(
    name: str, configuration: Configuration, tables: list[pd.DataFrame], hardware: str | None
) -> list[dict]:
    """A result for each number of views, in the form of results/."""
    params = load()
    keys, fitted = list(tables[0]["key"]), params.data.fit
    copies = {words: read_table(path, ["group", "key", "split"]) for words, path in COPIES.items()}
    groups = without_copies(keys, configuration.split, fitted, copies)
    groups = {words.removeprefix("without_"): members for words, members in groups.items()}
    trained = json.loads(TRAINED.read_text(encoding="utf-8"))
    about = {
        "name": name,
        "dataset": params.data.format,
        "split": configuration.split,
        "track": "F" if "val" in fitted else "S",
        "seeds": configuration.seeds,
        "params": trained["trainable_parameters"],
        "settings": training_words(configuration.recipe, trained["epoch"], asdict(params)),
        "hardware": hardware or this_machine(params.train.backend),
        "commit": commit(),
    }
    results = []
    for views in VIEWS:
        correct = correctness(tables, views)
        measured = figures(correct, params.evaluate.bootstrap_draws, params.evaluate.seed)
        results.append(about | {"views": views, "note": note(correct, groups)} | measured)
    return results
