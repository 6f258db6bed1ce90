"""FER+ (Barsoum et al. 2016, arXiv:1608.01041): FER2013's images with the votes of ten taggers.

A folder with FER2013 as a CSV, under any of the names in `fer2013.FILES`, and beside it
`fer2013new.csv` of github.com/microsoft/FERPlus, whose rows stand in the same order. Images that
most taggers could not agree on are left out, as in the paper: single votes count as none; the image
stays if one emotion has more than half of the votes left, those for unknown and for no face (NF)
included. The published votes leave 25,060 train, 3,199 val and 3,153 test images.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

from facexpr.datasets import Sample, fer2013
from facexpr.errors import UserError

VOTES_FILE = "fer2013new.csv"
# FER+'s own names and order of the emotions, and what they are called here.
EMOTIONS = {
    "neutral": "neutral",
    "happiness": "happy",
    "surprise": "surprise",
    "sadness": "sad",
    "anger": "angry",
    "disgust": "disgust",
    "fear": "fear",
    "contempt": "contempt",
}
LABELS = tuple(EMOTIONS.values())
CHOICES = (*EMOTIONS, "unknown", "NF")
TAGGERS = 10
PAPERS_MAJORITY = 0.5


def read(source: Path, ferplus_majority: float = PAPERS_MAJORITY, **_settings) -> Iterator[Sample]:
    """Stream the images that enough taggers agree on, uint8 grey (48, 48), with their votes.

    ferplus_majority: the share of the votes that an emotion must exceed in train. In val and test
    it is the paper's, so that results compare. Votes are those for the eight emotions, single ones
    dropped.

    Raises UserError for anything wrong with either file, and where their rows do not match.
    """
    for sample, (origin, usage, cells) in _join(source):
        _check_usage(sample, origin, usage)
        votes = drop_single_votes(_parse_votes(origin, cells))
        share = ferplus_majority if sample.split == "train" else PAPERS_MAJORITY
        label = find_majority(votes, share)
        if label is not None:
            emotions = dict(zip(LABELS, votes[: len(LABELS)], strict=True))
            yield replace(sample, label=label, votes=emotions)


def drop_single_votes(votes: Sequence[int]) -> list[int]:
    """Take one vote for a choice as none: a slip."""
    return [0 if count == 1 else count for count in votes]


def find_majority(votes: Sequence[int], share: float) -> str | None:
    """The label with more than `share` of the votes, given in the order of CHOICES, or None.

    None too where unknown or NF have most votes, or nothing has any. Of equals, which only a share
    below a half can bring, the first wins.
    """
    top = max(votes)
    winner = votes.index(top)
    return LABELS[winner] if top > share * sum(votes) and winner < len(LABELS) else None


def _join(source: Path) -> Iterator[tuple[Sample, tuple[str, str, list[str]]]]:
    """Pair FER2013's samples with origin, Usage and votes of the other file's rows."""
    images, votes = _find_files(source)
    rows = (
        (origin, usage, cells)
        for origin, (usage, *cells) in fer2013.read_rows(votes, ("Usage", *CHOICES))
    )
    pairs = zip_longest(fer2013.read_csv(images), rows)
    for row, (sample, vote) in enumerate(pairs):
        if sample is None or vote is None:
            shorter, longer = (images, votes) if sample is None else (votes, images)
            raise UserError(
                f"{shorter.name}: ends before row {row}, which {longer.name} has; "
                "expected a row of votes for every image; fetch the shorter file again"
            )
        yield sample, vote


def _find_files(source: Path) -> tuple[Path, Path]:
    """The two files in the folder; raises UserError where one is missing."""
    images, votes = fer2013.find_csv(source), source / VOTES_FILE
    if images is None:
        raise UserError(
            f"{source}: no FER2013 here; expected a folder with {VOTES_FILE} "
            f"and one of {', '.join(fer2013.FILES)}"
        )
    if not votes.is_file():
        raise UserError(
            f"{votes}: not found; FER+'s votes, from github.com/microsoft/FERPlus, "
            f"belong beside {images.name}"
        )
    return images, votes


def _check_usage(sample: Sample, origin: str, usage: str) -> None:
    """Raise UserError unless both files put the row into the same split."""
    if fer2013.USAGES.get(usage.strip()) != sample.split:
        name = next(name for name, split in fer2013.USAGES.items() if split == sample.split)
        raise UserError(
            f"{origin}: Usage {fer2013.shown(usage)}, but {sample.origin} has {name}; "
            "both files must hold the same rows in the same order"
        )


def _parse_votes(origin: str, cells: Sequence[str]) -> list[int]:
    """Turn the cells of CHOICES into counts; raises UserError for anything but 0 to TAGGERS."""
    counts = {str(count): count for count in range(TAGGERS + 1)}
    for name, cell in zip(CHOICES, cells, strict=True):
        if cell.strip() not in counts:
            raise UserError(
                f"{origin}: column {name}: {fer2013.shown(cell)}, expected 0 to {TAGGERS} votes"
            )
    return [counts[cell.strip()] for cell in cells]
