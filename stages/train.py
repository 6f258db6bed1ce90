"""Fit the network.

Reads: LMDB of train and val, mean. Writes: the model, headline metrics, the history as plot
data. A killed run goes on from its last epoch.
"""

import argparse
import math
import shutil
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np

from facexpr import networks
from facexpr.backend import configure
from facexpr.errors import UserError
from facexpr.files import publish, write_json
from facexpr.lmdb_store import load_records, load_votes
from facexpr.mean import load_mean
from facexpr.model_file import save_model
from facexpr.params import Params, load
from facexpr.scratch import fingerprint, hold, scratch_root
from facexpr.stage import Report, run
from facexpr.tables import write_table

LIBRARY = ("training", "batches", "augment", "optimisation", "preprocess")
CODE = ("stages/train.py", *(f"facexpr/{name}.py" for name in LIBRARY))


def main(report: Report) -> None:
    """Load the data, fit, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lmdb", type=Path, required=True, help="folder of LMDB folders")
    parser.add_argument("--mean", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--metrics", type=Path, required=True)
    parser.add_argument("--history", type=Path, required=True, help="CSV")
    args = parser.parse_args()
    params = load()
    scratch = scratch_root() / "train" / name_run(args, params)
    with hold(scratch):
        with publish(args.model, args.metrics, args.history) as new:
            model, history, size = fit(args, params, scratch, report)
            best = int(history["val_accuracy"].idxmax()) if params.train.keep == "best" else -1
            save_model(new[0], model, make_card(params))
            write_json(new[1], headline(history.iloc[best], size))
            write_table(new[2], history.round(6))
        (scratch / "history.json").unlink()  # first: without its weights it would be an error
        shutil.rmtree(scratch)


def fit(args: argparse.Namespace, params: Params, scratch: Path, report: Report):
    """Fit on the splits of data.fit; returns the model, the history, the trainable parameters."""
    train, data = params.train, params.data
    configure(train.backend, train.device, train.precision)
    import keras  # these import the backend, which takes seconds

    from facexpr import training
    from facexpr.augment import Augmentation
    from facexpr.optimisation import Optimisation
    from facexpr.training_bar import TrainingBar

    keras.utils.set_random_seed(train.seed)
    fitting, val = load_batches(args, params)
    settings = choose(training.Settings, train, optimisation=choose(Optimisation, train))
    px, mean = fitting.images.shape[1], load_mean(args.mean)
    bare = training.build_network(
        train.network, train.crop_px or px, len(data.labels), train.dropout_scale
    )
    model, fitted = training.build_models(
        bare, px, mean, train.normalise, choose(Augmentation, train)
    )
    bar = TrainingBar(train.epochs, len(fitting.order), train.batch, report)
    history = training.fit(fitted, fitting, val, settings, scratch, (bar,))
    return model, history, sum(math.prod(weight.shape) for weight in fitted.trainable_variables)


def choose(kind: type, section, **given):
    """The settings class `kind`, with the values of the section's parameters of the same names."""
    names = {item.name for item in fields(kind)} - given.keys()
    return kind(**{name: getattr(section, name) for name in names}, **given)


def load_batches(args: argparse.Namespace, params: Params):
    """What is fitted, with targets as asked, and val with its labels."""
    from facexpr.batches import Batches, make_targets

    train, classes = params.train, len(params.data.labels)
    parts = []
    for split in params.data.fit:
        path = args.lmdb / split / "data.mdb"
        _, images, labels = load_records(path)
        votes = None if train.targets == "majority" else load_votes(path, classes)
        if votes is not None and not votes.any():
            raise UserError(
                f"train.targets: {train.targets}, but {path} holds no votes; expected a data set "
                "with votes, such as ferplus, or targets: majority"
            )
        parts.append((images, make_targets(train.targets, labels, votes, classes)))
    images, targets = map(np.concatenate, zip(*parts, strict=True))
    draw = train.targets == "probability"
    fitting = Batches(images, targets, train.batch, train.seed, draw=draw, balance=train.balance)
    _, images, labels = load_records(args.lmdb / "val" / "data.mdb")
    return fitting, Batches(images, make_targets("majority", labels, None, classes), 256)


def name_run(args: argparse.Namespace, params: Params) -> str:
    """The scratch folder's name for exactly this run."""
    inputs = [args.lmdb / split / "data.mdb" for split in ("train", "val")]
    code = [*map(Path, CODE), networks.find(params.train.network)]
    values = {"fit": params.data.fit, "labels": params.data.labels, **asdict(params.train)}
    return fingerprint(values, [args.mean, *inputs, *code])


def make_card(params: Params) -> dict:
    """What the model file carries beside its weights."""
    crop_px = params.train.crop_px if params.train.crop_px < params.align.px else 0
    return {
        "labels": params.data.labels,
        "align": params.align.settings(),
        "crop_px": crop_px,
        "fit": params.data.fit,
    }


def headline(row, parameters: int) -> dict:
    """The figures of the epoch that was kept."""
    names = {"loss": "train_loss", "accuracy": "train_accuracy"}
    names |= {name: name for name in ("val_loss", "val_accuracy")}
    figures = {new: round(float(row[name]), 6) for name, new in names.items()}
    return {"trainable_parameters": parameters, "epoch": int(row["epoch"]), **figures}


if __name__ == "__main__":
    run("train", main)
