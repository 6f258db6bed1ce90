"""The trained models that come with facexpr, by name."""

from pathlib import Path

from facexpr.errors import unknown_name

DEFAULT = "fer2013"
PACKAGE = Path(__file__).parent
SUFFIXES = (".keras", ".onnx")


def released_folder() -> Path:
    """The folder of released models: in the package where that is installed, or in the checkout."""
    inside = PACKAGE / "models"
    return inside if inside.is_dir() else PACKAGE.parent / "models/released"


def released_names() -> list[str]:
    """The names of the released models."""
    return sorted(path.parent.name for path in released_folder().glob("*/model.onnx"))


def find_model(model: str | Path) -> Path:
    """The file of a model, given by its path, or by its name if it is a released one.

    Raises UserError for a name that none has.
    """
    if Path(model).suffix.lower() in SUFFIXES:
        return Path(model)
    if str(model) not in released_names():
        raise unknown_name(
            "model", str(model), [*released_names(), "the path of a .keras or .onnx"]
        )
    return released_folder() / model / "model.onnx"
