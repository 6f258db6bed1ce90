"""Find the face in every image.

Reads: image shards. Writes: one row a sample (status, box, score, landmarks, number of faces),
counts, and a sheet of examples. An image without a face is recorded, never dropped here. What was
found in an image is kept in the scratch folder, so that it is never searched again.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import pandas as pd

from facexpr.detection import detection_work, find_faces, unpack, used_settings
from facexpr.detectors import Face
from facexpr.drawing import draw_face
from facexpr.examples import Examples
from facexpr.face_choice import choose_face
from facexpr.faces import FACE_COLUMNS, face_row
from facexpr.files import publish, write_json
from facexpr.params import Detect, load
from facexpr.records import Member, read_members, read_shards, split_of
from facexpr.reuse import recall
from facexpr.scratch import RESULTS, scratch_root
from facexpr.stage import Report, run
from facexpr.store import Store
from facexpr.tables import TableWriter

EXAMPLES = 24  # of faces, and of images without
PART_ROWS = 1000  # written together


def main(report: Report) -> None:
    """Find faces in images that are new here, and choose one an image."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="folder of shards")
    parser.add_argument("--out", type=Path, required=True, help="CSV of faces")
    parser.add_argument("--metrics", type=Path, required=True)
    parser.add_argument("--view", type=Path, required=True, help="PNG")
    parser.add_argument("--limit", type=int, help="only the first so many images")
    parser.add_argument("--keys", help="only these keys, separated by commas")
    args = parser.parse_args()
    params = load().detect
    keys = set(args.keys.split(",")) if args.keys else None
    members = read_members(args.images, keys, args.limit)
    shown: dict[str, dict[str, Face | None]] = {}
    counts: Counter[tuple[str, str]] = Counter()
    with publish(args.out, args.metrics, args.view) as (out, metrics, view):
        rows = choose(report.progress(detect(members, params, report)), params, counts, shown)
        with TableWriter(out, FACE_COLUMNS) as table:
            while part := list(islice(rows, PART_ROWS)):
                table.write(pd.DataFrame(part, columns=FACE_COLUMNS))
        write_json(metrics, headline(counts))
        draw(shown, args.images).save(view, f"{params.detector}: faces found and not found")
    report.note("no face", sum(count for (what, _), count in counts.items() if what == "no face"))


def detect(members: Iterable[Member], params: Detect, report: Report) -> Iterator[tuple]:
    """Yield key, and shape and faces of each image; what is known already comes from the store."""
    used = used_settings(params.detector, params.settings())
    how = params.detector, json.dumps(used)
    with Store(scratch_root() / RESULTS) as store:
        work = detection_work(params.detector, used)
        for key, found in recall(members, find_faces, how, store, work, report.note):
            yield key, *unpack(found)
    store.tell(report.warn)


def choose(found: Iterable[tuple], params: Detect, counts: Counter, shown: dict) -> Iterator[list]:
    """Yield the rows of faces.csv; count what there is, and keep a few faces to be shown."""
    for key, shape, faces in found:
        face = choose_face(faces, shape, params.choose)
        status = "no face" if face is None else "face"
        counts[status, split_of(key)] += 1
        counts["several", split_of(key)] += len(faces) > 1
        some = shown.setdefault(status, {})
        if len(some) < EXAMPLES:
            some[key] = face
        yield face_row(key, face, len(faces))


def draw(shown: dict[str, dict[str, Face | None]], images: Path) -> Examples:
    """The sheet of examples; only its pictures are read again."""
    keys = {key for some in shown.values() for key in some}
    pictures = dict(read_shards(images, keys)) if keys else {}
    examples = Examples(EXAMPLES)
    for status, some in shown.items():
        for key, face in some.items():
            examples.add(status, draw_face(pictures[key], face) if face else pictures[key])
    return examples


def headline(counts: Counter[tuple[str, str]]) -> dict:
    """Share of images with a face in each split, and how many have none or several."""
    splits = dict.fromkeys(split for _, split in counts)
    none = {split: counts["no face", split] for split in splits}
    total = {split: none[split] + counts["face", split] for split in splits}
    return {
        "images": sum(total.values()),
        "no_face": sum(none.values()),
        "several_faces": sum(counts["several", split] for split in splits),
        **{f"found_{split}": round(1 - none[split] / total[split], 6) for split in splits},
    }


if __name__ == "__main__":
    run("detect", main)
