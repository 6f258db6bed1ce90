"""How a model was trained, in a sentence, from its parameters."""

from collections.abc import Mapping


def training_words(recipe: str | None, epoch: int, params: Mapping[str, Mapping]) -> str:
    """The sentence without its full stop; params: the values by section, epoch: the one kept."""
    train = params["train"]
    varied = _changes(train, params["align"]["px"])
    kept = f"epoch {epoch} chosen on val" if train["keep"] == "best" else "the last kept"
    parts = {
        f"{train['network']} on {_faces(params)}": True,
        f"{train['epochs']} epochs of batches of {train['batch']}, {kept}": True,
        f"weights averaged by {train['ema']:g} a batch": train["ema"],
        f"normalised by {train['normalise']}": True,
        f"varied by {varied}": varied,
        f"targets {train['targets']}": train["targets"] != "majority",
        f"label smoothing {train['label_smoothing']:g}": train["label_smoothing"],
        f"{train['teacher_share']:.0%} of targets from a teacher": train["teacher"] != "none",
        f"in {train['precision']}": True,
    }
    named = f"Recipe {recipe}" if recipe else "Parameters edited by hand"
    return f"{named}: {'; '.join(words for words, on in parts.items() if on)}"


def _faces(params: Mapping[str, Mapping]) -> str:
    px, detector = params["align"]["px"], params["detect"]["detector"]
    if detector == "whole":
        return f"the data set's own images, whole, {px} px"
    return f"faces found by {detector} and aligned by {params['align']['method']}, {px} px"


def _changes(train: Mapping, px: int) -> str:
    crop = train["crop_px"]
    changes = {
        f"random crops of {crop} px, the middle in use": 0 < crop < px,
        "mirroring": train["flip"],
        f"shifts to {train['shift']:.0%} of the side": train["shift"],
        f"turns to {train['rotation']:g} degrees": train["rotation"],
        f"zoom to {train['zoom']:.0%}": train["zoom"],
        f"brightness to {train['brightness']:.0%}": train["brightness"],
        f"contrast to {train['contrast']:.0%}": train["contrast"],
        f"a rectangle erased in {train['erasing']:.0%} of the faces": train["erasing"],
        f"mixing in pairs by Beta({train['mixup']:g}, {train['mixup']:g})": train["mixup"],
    }
    return ", ".join(words for words, on in changes.items() if on)
