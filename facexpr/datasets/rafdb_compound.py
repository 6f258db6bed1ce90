"""RAF-DB, the compound set (Li, Deng and Du 2017, doi:10.1109/CVPR.2017.277): eleven pairs.

3,954 pictures that show two emotions at once, in the same layout as the basic set.
"""

from collections.abc import Iterator
from pathlib import Path

from facexpr.datasets import Sample, rafdb
from facexpr.errors import UserError

# The codes of the list are positions here, counted from 1.
LABELS = (
    "happily_surprised",
    "happily_disgusted",
    "sadly_fearful",
    "sadly_angry",
    "sadly_surprised",
    "sadly_disgusted",
    "fearfully_angry",
    "fearfully_surprised",
    "angrily_surprised",
    "angrily_disgusted",
    "disgustedly_surprised",
)


def read(source: Path, rafdb_images: str = "aligned", **_settings) -> Iterator[Sample]:
    """Stream the pictures in the order of the list, as `rafdb.read` does.

    Raises UserError like `rafdb.read`, and for a list of the basic set: nothing else would tell
    that all its labels are read wrong.
    """
    entries = rafdb.read_list(source, len(LABELS))
    if all(entry.code <= len(rafdb.LABELS) for entry in entries.values()):
        raise UserError(
            f"{source / rafdb.LIST}: no code above {len(rafdb.LABELS)}, expected 1 to "
            f"{len(LABELS)}; for the basic set, set data.format: rafdb"
        )
    return rafdb.load(source, entries, LABELS, rafdb_images)
