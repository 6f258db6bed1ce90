"""Network architectures, one module each, found by module name.

A module here has one function, `build(input_shape, classes) -> keras.Model`: the bare network,
from normalised faces (None, H, W, 1) to logits (None, classes). What comes before (mean, scaling)
and after (softmax) belongs to facexpr.training.
"""

from importlib import import_module
from pathlib import Path

from facexpr.errors import unknown_name


def available() -> list[str]:
    """Names of the network modules that this folder holds."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def find(name: str) -> Path:
    """The file of the network `name`; raises UserError if there is none."""
    if name not in available():
        raise unknown_name("train.network", name, available())
    return Path(__file__).with_name(f"{name}.py")


def build(name: str, input_shape: tuple[int, int, int], classes: int):
    """Build the network `name` for faces of shape (H, W, 1); raises UserError if unknown."""
    find(name)
    return import_module(f"facexpr.networks.{name}").build(input_shape, classes)
