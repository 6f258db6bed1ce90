"""Pack the trained model as models/released/NAME: calibrated, in two formats, measured, described.

It takes what `dvc repro train audit` left, of a data set whose images went in whole, and writes
model.keras, model.onnx, metrics.json, CARD.md and the drawn faces that tests compare them on.
"""

import argparse
import json
import re
from dataclasses import asdict
from hashlib import file_digest
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import yaml

from facexpr import model_card, project, recipes
from facexpr.backend import configure
from facexpr.commands.recipe import RECIPES, made_by
from facexpr.errors import UserError
from facexpr.files import publish, write_json
from facexpr.lmdb_store import load_records
from facexpr.model_file import load_model, read_card
from facexpr.params import Params, load
from facexpr.predictor import Predictor
from facexpr.provenance import commit, this_machine
from facexpr.release import (
    KERAS,
    ONNX,
    Split,
    calibrate,
    count_parameters,
    measure,
    write_drawn,
    write_models,
)
from facexpr.scenes import predict_in_scenes, scene_figures
from facexpr.stage import Report
from facexpr.tables import read_index, read_table
from facexpr.training_words import training_words

RELEASED = Path("models/released")
MODEL, LMDB, TRAINED = Path("models/model.keras"), Path("data/lmdb"), Path("metrics/train.json")
LOCK = Path("dvc.lock")
COPIES = {"copies": Path("data/audit/copies.csv"), "near_copies": Path("data/audit/near.csv")}
AGAIN = "run 'dvc repro train audit'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("name", metavar="NAME", help="such as fer2013")
    parser.add_argument(
        "--hardware", help="what it was trained on, in words; default: this machine"
    )


class Outputs(NamedTuple):
    """What the pipeline left: train's metrics, val and test, tables of copies, counts by split."""

    trained: dict
    splits: dict[str, Split]
    copies: dict[str, pd.DataFrame]
    counts: pd.Series


def run(args: argparse.Namespace) -> None:
    """Calibrate, write, check, measure, describe; then all of it takes its place at once."""
    project.enter_root()
    params = load()
    check_asked(args.name, params)
    card = released_card(args.name, params)
    check_trained()
    outputs = read_outputs(params)
    configure(params.train.backend, params.train.device)
    val = None if "val" in params.data.fit else outputs.splits["val"]
    model, temperature = calibrate(load_model(MODEL), val)
    with publish(RELEASED / args.name) as (fresh,):
        write_models(fresh, model, card)
        release = measured(fresh, outputs, temperature, params)
        release |= {"params": count_parameters(model), "temperature": temperature}
        release |= {"hardware": args.hardware or this_machine(params.train.backend)}
        release |= facts(card, outputs, params)
        result = model_card.result_of(release)
        write_json(fresh / "metrics.json", result)
        (fresh / "CARD.md").write_text(model_card.render(release), encoding="utf-8")
        write_drawn(fresh)
    tell(result, release["sizes"])


def check_asked(name: str, params: Params) -> None:
    """Raise UserError for a name that is no folder's, and for faces that others cannot measure."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise UserError(f"NAME: '{name}', expected lower-case letters, digits, - and _: fer2013")
    if params.detect.detector != "whole":
        raise UserError(
            f"detect.detector: {params.detect.detector}; a released model takes the data set's own "
            "whole images, so that anyone can measure it; set it to whole, and train again"
        )
    if params.align.equalise != "none":
        raise UserError(
            f"align.equalise: {params.align.equalise}; a released model takes the data set's own "
            "pixels, so that anyone can measure it; set it to none, and train again"
        )
    if params.predict.detector == "whole":
        raise UserError(
            "predict.detector: whole, which finds no face in a picture; a released model needs one "
            "that does, such as mtcnn"
        )


def released_card(name: str, params: Params) -> dict:
    """What the released files carry: the model's own card, its name, and how faces are found."""
    return read_card(MODEL) | {"name": name, "detect": params.detection()}


def read_outputs(params: Params) -> Outputs:
    """All that is needed beside the model; raises UserError for what is missing or does not fit."""
    if not TRAINED.is_file():
        raise UserError(f"{TRAINED}: not found; {AGAIN}")
    trained = json.loads(TRAINED.read_text(encoding="utf-8"))
    copies = {name: read_table(path, ["group", "key", "split"]) for name, path in COPIES.items()}
    index = read_index(Path("data/index.csv"))
    splits = {name: Split(*load_records(LMDB / name / "data.mdb")) for name in ("val", "test")}
    for name, split in splits.items():
        if split.images.shape[1] != params.align.px:
            raise UserError(
                f"{LMDB / name}: faces of {split.images.shape[1]} px, expected align.px, "
                f"{params.align.px}; {AGAIN}"
            )
    return Outputs(trained, splits, copies, index["split"].value_counts())


def check_trained() -> None:
    """Raise UserError unless dvc.lock says that the model was trained with params.yaml as it is."""
    if not LOCK.is_file():
        raise UserError(f"{LOCK}: not found; {AGAIN}")
    stages = yaml.safe_load(LOCK.read_text(encoding="utf-8"))["stages"]
    train = stages.get("train", {"outs": [], "params": {"params.yaml": {}}})
    now = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    for leaf, then in train["params"]["params.yaml"].items():
        section, name = leaf.split(".")
        if now.get(section, {}).get(name, then) != then:
            found = f"{leaf} is {now[section][name]}, and {MODEL} was trained with {then}"
            raise UserError(f"params.yaml: {found}; {AGAIN}")
    with MODEL.open("rb") as file:
        digest = file_digest(file, "md5").hexdigest()
    if digest not in [out["md5"] for out in train["outs"]]:
        raise UserError(f"{MODEL}: not the one that {LOCK} tells of; {AGAIN}, or 'dvc checkout'")


def measured(folder: Path, outputs: Outputs, temperature: float | None, params: Params) -> dict:
    """The figures of val and test, those in scenes among them, and the files' sizes."""
    draws = {"draws": params.evaluate.bootstrap_draws, "seed": params.evaluate.seed}
    figures = measure(folder, outputs.splits, outputs.copies, temperature, **draws)
    predictor, test = Predictor(folder / KERAS), outputs.splits["test"]
    with Report("scenes") as report:
        images = report.progress(test.images, total=len(test.images))
        found = predict_in_scenes(predictor, images)
    figures["test"]["in_scenes"] = scene_figures(found, test.labels, **draws)
    figures["test"]["in_scenes"]["detector"] = params.predict.detector
    return figures | {"sizes": {name: (folder / name).stat().st_size for name in (KERAS, ONNX)}}


def facts(card: dict, outputs: Outputs, params: Params) -> dict:
    """What the model is and where it is from, for its card."""
    return {
        "name": card["name"],
        "dataset": params.data.format,
        "labels": card["labels"],
        "side_px": card["align"]["px"],
        "fit": card["fit"],
        "fitted": int(outputs.counts[card["fit"]].sum()),
        "seed": params.train.seed,
        "settings": settings_of(params, outputs.trained["epoch"]),
        "commit": commit(),
    }


def settings_of(params: Params, epoch: int) -> str:
    """How the model was trained, in a sentence without its full stop."""
    source = params.data.source
    names = recipes.available(RECIPES)
    now = Path("params.yaml").read_text(encoding="utf-8")
    recipe = next((name for name in names if made_by(name, source) == now), None)
    return training_words(recipe, epoch, asdict(params))


def tell(result: dict, sizes: dict[str, int]) -> None:
    """Say where it is, how good, and how large."""
    low, high = result["interval"]
    print(
        f"{RELEASED / result['name']}: accuracy {result['accuracy']:.2%} of {result['n']:,} images "
        f"of {result['split']} (95% interval {low:.2%} to {high:.2%})"
    )
    print(", ".join(f"{name} {size / 2**20:.1f} MiB" for name, size in sizes.items()))
    print(f"what to say of it: {RELEASED / result['name'] / 'CARD.md'}")
