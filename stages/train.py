"""Fit the network.

Reads: LMDB of train and val, mean, a teacher's table if there is one. Writes: the model, headline
metrics, the history as plot data. A killed run goes on from its last epoch.
"""

import argparse
import math
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, fields
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

import numpy as np

from facexpr import networks
from facexpr.backend import configure
from facexpr.errors import UserError
from facexpr.files import publish, write_json
from facexpr.lmdb_store import StoredFaces, load_records, load_votes
from facexpr.mean import load_mean
from facexpr.model_file import save_model
from facexpr.params import Params, load
from facexpr.scratch import fingerprint, hold, scratch_root
from facexpr.stage import Report, run
from facexpr.tables import write_table
from facexpr.teacher import read_teacher

LIBRARY = ("training", "batches", "augment", "optimisation", "preprocess", "teacher")
CODE = ("stages/train.py", *(f"facexpr/{name}.py" for name in LIBRARY))


def main(report: Report) -> None:
    """Load the data, fit, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lmdb", type=Path, required=True, help="folder of LMDB folders")
    parser.add_argument("--mean", type=Path, required=True)
    parser.add_argument("--teachers", type=Path, required=True, help="folder of CSVs")
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
    configure(train.backend, train.device, train.precision, train.devices)
    import keras  # these import the backend, which takes seconds

    from facexpr import training
    from facexpr.augment import Augmentation
    from facexpr.optimisation import Optimisation
    from facexpr.training_bar import TrainingBar

    keras.utils.set_random_seed(train.seed)
    fitting, val, held = load_batches(args, params)
    settings = choose(training.Settings, train, optimisation=choose(Optimisation, train))
    px = params.align.px
    bare = training.build_network(
        train.network, train.crop_px or px, len(data.labels), train.dropout_scale
    )
    faces = (bare, px, load_mean(args.mean), train.normalise)
    model = training.build_model(*faces)
    fitted = training.build_fitted(*faces, choose(Augmentation, train), held)
    callbacks = [TrainingBar(train.epochs, len(fitting.order), train.batch, report)]
    if folder := os.environ.get("FACEXPR_TENSORBOARD"):
        for name in ("tensorflow", "tensorboard"):
            if find_spec(name) is None:
                raise UserError(f"FACEXPR_TENSORBOARD: needs {name}, which is not installed here")
        callbacks.append(keras.callbacks.TensorBoard(folder, write_graph=False))
    history = training.fit(fitted, model, fitting, val, settings, scratch, tuple(callbacks))
    return model, history, sum(math.prod(weight.shape) for weight in fitted.trainable_variables)


def choose(kind: type, section, **given):
    """The settings class `kind`, with the values of the section's parameters of the same names."""
    names = {item.name for item in fields(kind)} - given.keys()
    return kind(**{name: getattr(section, name) for name in names}, **given)


def load_batches(args: argparse.Namespace, params: Params):
    """Batches of what is fitted and of val, and the images that are to lie on the device."""
    from facexpr.batches import Batches, make_targets

    train, classes = params.train, len(params.data.labels)
    paths = [args.lmdb / split / "data.mdb" for split in params.data.fit]
    faces, keys, labels = load_faces(paths, train.feed)
    targets = make_targets(train.targets, labels, load_all_votes(paths, params), classes)
    if train.teacher != "none":
        said = read_teacher(args.teachers / train.teacher, keys, params.data.labels)
        targets = (1 - train.teacher_share) * targets + train.teacher_share * said
    held = faces if train.feed == "memory" else None
    fitting = Batches(
        faces if held is None else np.arange(len(faces), dtype=np.int32),
        targets,
        train.batch,
        train.seed,
        draw=train.targets == "probability",
        balance=train.balance,
        mixup=train.mixup,
        devices=train.devices,
    )
    faces, _, labels = load_faces([args.lmdb / "val" / "data.mdb"], train.feed)
    targets = make_targets("majority", labels, None, classes)
    return fitting, Batches(faces, targets, 256 * train.devices, devices=train.devices), held


def load_faces(paths: Sequence[Path], feed: str):
    """Faces of LMDB files, in memory or read when they are asked for, their keys and labels."""
    if feed == "stream":
        faces = StoredFaces(paths)
        return faces, faces.keys, faces.labels
    keys, images, labels = zip(*map(load_records, paths), strict=True)
    return np.concatenate(images), list(chain(*keys)), np.concatenate(labels)


def load_all_votes(paths: Sequence[Path], params: Params) -> np.ndarray | None:
    """The votes of what is fitted, if they are to be learned."""
    if params.train.targets == "majority":
        return None
    votes = [load_votes(path, len(params.data.labels)) for path in paths]
    for path, some in zip(paths, votes, strict=True):
        if not some.any():
            raise UserError(
                f"train.targets: {params.train.targets}, but {path} holds no votes; expected a "
                "data set with votes, such as ferplus, or targets: majority"
            )
    return np.concatenate(votes)


def name_run(args: argparse.Namespace, params: Params) -> str:
    """The scratch folder's name for exactly this run."""
    inputs = [args.lmdb / split / "data.mdb" for split in ("train", "val")]
    code = [*map(Path, CODE), networks.find(params.train.network)]
    values = {"fit": params.data.fit, "labels": params.data.labels, **asdict(params.train)}
    if params.train.teacher != "none":
        inputs.append(args.teachers / params.train.teacher)
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
