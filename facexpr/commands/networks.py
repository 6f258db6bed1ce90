"""List the networks with their parameters and multiply-adds at the pipeline's face side and labels.

The side is the crop's, where training crops. Parameters are all, and those that training changes;
multiply-adds are one face's, in millions. A star marks the network of params.yaml.
"""

import argparse
from math import prod

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
    px, classes = params.train.crop_px or params.align.px, len(params.data.labels)
    columns = f"{'network':18}{'parameters':>14}{'trainable':>14}{'multiply-adds':>15}"
    print(f"{columns}   at {px}x{px}, {classes} classes")
    for name in networks.available():
        mark = " *" if name == params.train.network else ""
        print(f"{name:18}{describe(name, px, classes)}{mark}")


def describe(name: str, px: int, classes: int) -> str:
    """The figures of one network, or that it does not fit."""
    import keras  # these import the backend, which takes seconds

    from facexpr.complexity import multiply_adds

    try:
        # Shapes alone: for large faces the weights of some networks would not fit into memory.
        with keras.StatelessScope(initialize_variables=False):
            network = networks.build(name, (px, px, 1), classes)
    except ValueError:
        return f"{'-':>14}   does not fit this face side"
    trainable = sum(prod(weight.shape) for weight in network.trainable_weights)
    millions = f"{multiply_adds(network) / 1e6:,.1f} M"
    return f"{network.count_params():>14,}{trainable:>14,}{millions:>15}"
