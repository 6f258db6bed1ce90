"""List the networks with their parameters at the pipeline's face side and labels."""

import argparse

from facexpr import networks, project
from facexpr.backend import configure
from facexpr.params import load


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """Declare no arguments."""


def run(_args: argparse.Namespace) -> None:
    """Build each network and count."""
    project.enter_root()
    params = load()
    configure(params.train.backend, "cpu")
    px, classes = params.align.px, len(params.data.labels)
    print(f"{'network':16}{'parameters':>12}   at {px}x{px}, {classes} classes")
    for name in networks.available():
        try:
            count = networks.build(name, (px, px, 1), classes).count_params()
        except ValueError:
            print(f"{name:16}{'-':>12}   does not fit this face side")
            continue
        mark = "*" if name == params.train.network else ""
        print(f"{name:16}{count:>12,} {mark}")
