"""Check params.yaml, the names in it, and the inputs, before anything is touched."""

import argparse
from pathlib import Path

from facexpr import datasets, detectors, networks, project
from facexpr.backend import check_backend
from facexpr.detectors.haar import load_cascade
from facexpr.errors import UserError, unknown_name
from facexpr.params import Detect, Params, load

TEACHERS = Path("data/teachers")
DRAWN = Path("data/sample")  # its files are drawn when a stage asks for them


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """Declare no arguments."""


def run(_args: argparse.Namespace) -> None:
    """Raise UserError for the first thing that would make `dvc repro` fail."""
    project.enter_root()
    params = load()
    check_names(params)
    check_inputs(params)
    print(f"params.yaml: ok ({params.data.format} from {params.data.source})")


def check_names(params: Params) -> None:
    """Every module that params.yaml names must be there."""
    for place, name, available in (
        ("data.format", params.data.format, datasets.available()),
        ("detect.detector", params.detect.detector, detectors.available()),
        ("predict.detector", params.predict.detector, detectors.available()),
        ("train.network", params.train.network, networks.available()),
    ):
        if name not in available:
            raise unknown_name(place, name, available)
    check_backend(params.train.backend)


def check_inputs(params: Params) -> None:
    """Source and pictures must be there, and the first sample must be readable."""
    for place, name in (
        ("data.source", params.data.source),
        ("predict.input", params.predict.input),
    ):
        path = Path(name)
        if not path.exists() and not path.is_relative_to(DRAWN):
            raise UserError(f"{place}: {name} not found; see data/README.md for where it belongs")
    teacher = TEACHERS / params.train.teacher
    if params.train.teacher != "none" and not teacher.is_file():
        raise UserError(f"train.teacher: {teacher} not found; expected a CSV, or none")
    if "haar" in (params.detect.detector, params.predict.detector):
        check_cascades(params.detect)
    data, source = params.data, Path(params.data.source)
    if source.exists():
        named = (data.format, source, data.labels, data.relabel)
        _ = next(datasets.read(*named, **data.settings())).image


def check_cascades(params: Detect) -> None:
    """The cascades that the detector haar would load must be there."""
    load_cascade("detect.haar_cascade", params.haar_cascade)
    if params.haar_eyes:
        load_cascade("detect.haar_eyes", params.haar_eyes)
