"""Fit the network.

Reads: LMDB of train and val, mean. Writes: the model, headline metrics, the history as plot
data. A killed run goes on from its last epoch.
"""

import argparse
import math
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np

from facexpr import networks
from facexpr.backend import configure
from facexpr.lmdb_store import load_records
from facexpr.mean import load_mean
from facexpr.model_file import save_model
from facexpr.params import Params, leaves, load
from facexpr.scratch import fingerprint, scratch_root
from facexpr.stage import Report, publish, run, write_json
from facexpr.tables import write_table

CODE = ("stages/train.py", "facexpr/training.py", "facexpr/batches.py", "facexpr/preprocess.py")


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
    with publish(args.model, args.metrics, args.history) as new:
        model, history, size = fit(args, params, scratch, report)
        best = int(history["val_accuracy"].idxmax()) if params.train.keep == "best" else -1
        save_model(new[0], model, make_card(params))
        write_json(new[1], headline(history.iloc[best], size))
        write_table(new[2], history.round(6))
    shutil.rmtree(scratch)


def fit(args: argparse.Namespace, params: Params, scratch: Path, report: Report):
    """Fit on the splits of data.fit; returns the model, the history, the trainable parameters."""
    configure(params.train.backend, params.train.device, params.train.precision)
    import keras  # these import the backend, which takes seconds

    from facexpr import training
    from facexpr.batches import Batches
    from facexpr.training_bar import TrainingBar

    settings = {name: getattr(params.train, name) for name in training.Settings.__annotations__}
    settings = training.Settings(**settings)
    keras.utils.set_random_seed(settings.seed)
    splits = {name: load_records(args.lmdb / name / "data.mdb")[1:] for name in ("train", "val")}
    images, labels = (
        np.concatenate([splits[name][part] for name in params.data.fit]) for part in (0, 1)
    )
    classes = len(params.data.labels)
    px, mean = images.shape[1], load_mean(args.mean)
    model, fitted = training.build_models(
        params.train.network, px, classes, mean, params.train.subtract, settings
    )
    train = Batches(images, labels, classes, settings.batch, settings.seed)
    val = Batches(*splits["val"], classes, 256, None)
    bar = TrainingBar(settings.epochs, len(images), settings.batch, report)
    history = training.fit(fitted, train, val, settings, scratch, (bar,))
    return model, history, sum(math.prod(weight.shape) for weight in fitted.trainable_variables)


def name_run(args: argparse.Namespace, params: Params) -> str:
    """The scratch folder's name for exactly this run."""
    inputs = [args.lmdb / split / "data.mdb" for split in ("train", "val")]
    code = [*map(Path, CODE), networks.find(params.train.network)]
    values = {"fit": params.data.fit, "labels": params.data.labels, **asdict(params.train)}
    return fingerprint(values, [args.mean, *inputs, *code])


def make_card(params: Params) -> dict:
    """What the model file carries beside its weights."""
    align = leaves(params.align)
    return {"labels": params.data.labels, "align": {key: align[key] for key in ("px", "template")}}


def headline(row, parameters: int) -> dict:
    """The figures of the epoch that was kept."""
    names = ("loss", "accuracy", "val_loss", "val_accuracy")
    figures = {name: round(float(row[name]), 6) for name in names}
    return {"trainable_parameters": parameters, "epoch": int(row["epoch"]), **figures}


if __name__ == "__main__":
    run("train", main)
