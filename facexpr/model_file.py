"""Saved models: a Keras archive that also carries labels and alignment, and stays byte-identical.

`facexpr.json` is an extra member that Keras ignores, a mapping: labels; align, the alignment's
settings; crop_px, the middle that the model cuts out, or 0; fit, the splits it was fitted on. That
of a released model also has name, and detect: how faces are found for it.
"""

import json
import os
import re
import zipfile
from pathlib import Path

from facexpr.errors import UserError

CARD = "facexpr.json"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip archive can hold


def save_model(path: Path, model, card: dict) -> None:
    """Write a Keras model with its card; equal weights and card give equal bytes."""
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in sorted(archive.namelist())}
    metadata = json.loads(members["metadata.json"])
    metadata["date_saved"] = "1980-01-01@00:00:00"
    members["metadata.json"] = json.dumps(metadata).encode()
    members["config.json"] = _number_objects(members["config.json"].decode()).encode()
    members[CARD] = json.dumps(card, indent=1).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), data)


def _number_objects(config: str) -> str:
    """Replace memory addresses, by which Keras tells shared objects apart, by 0, 1, 2, …."""
    numbers: dict[str, int] = {}
    return re.sub(
        r'(?<="shared_object_id": )\d+',
        lambda match: str(numbers.setdefault(match[0], len(numbers))),
        config,
    )


def read_card(path: Path) -> dict:
    """Read a model's card; raises UserError when the file is missing or has none."""
    card = find_card(path)
    if card is None:
        raise UserError(f"{path}: has no {CARD}: not a model that facexpr saved")
    return card


def find_card(path: Path) -> dict | None:
    """Read the card of a model file, None where it has none: it is not this project's.

    Raises UserError when the file is missing or no Keras archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read(CARD)) if CARD in archive.namelist() else None
    except FileNotFoundError:
        raise UserError(f"{path}: no such model; train one with 'dvc repro'") from None
    except zipfile.BadZipFile:
        raise UserError(f"{path}: not a Keras model file; run 'dvc checkout'") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None


def load_model(path: Path):
    """Load a saved model in Keras' safe mode; raises UserError when that fails."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    find_card(path)  # its errors are clearer than Keras' own
    import keras  # late: it takes seconds

    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, OSError, KeyError) as error:
        first = str(error).strip().splitlines()[0]
        raise UserError(f"{path}: Keras cannot load it: {first}") from None
