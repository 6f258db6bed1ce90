"""Find the face in every image.

Reads: image shards. Writes: one row a sample (status, box, score, landmarks, number of faces),
counts, and a sheet of examples. An image without a face is recorded, never dropped here.
"""

import argparse
from pathlib import Path

from facexpr import detectors
from facexpr.drawing import draw_face
from facexpr.examples import Examples
from facexpr.face_choice import choose_face
from facexpr.faces import faces_table
from facexpr.files import publish, write_json
from facexpr.params import Detect, load
from facexpr.records import batches_of_one_shape, read_shards, split_of
from facexpr.stage import Report, run
from facexpr.tables import write_table

BATCH_PIXELS = 512 * 48 * 48  # a list of 512 FER2013 images; photographs go one by one


def main(report: Report) -> None:
    """Detect in lists of images of one shape, and choose one face an image."""
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
    images = report.progress(read_shards(args.images, keys, args.limit))
    with publish(args.out, args.metrics, args.view) as (out, metrics, view):
        rows, examples = detect(images, params)
        write_table(out, faces_table(*zip(*rows, strict=True)))
        write_json(metrics, count_found(rows))
        examples.save(view, f"{params.detector}: faces found and not found")
    report.note("no face", sum(face is None for _, face, _ in rows))


def detect(images, params: Detect):
    """Rows of (key, chosen face or None, number of faces), and examples of them."""
    detector = detectors.load(params.detector, **params.settings())
    rows, examples = [], Examples(each=24)
    for keys, group in batches_of_one_shape(images, BATCH_PIXELS):
        for key, image, faces in zip(keys, group, detector(group), strict=True):
            face = choose_face(faces, image.shape, params.choose)
            rows.append((key, face, len(faces)))
            status = "no face" if face is None else "face"
            examples.add(status, image if face is None else draw_face(image, face))
    return rows, examples


def count_found(rows) -> dict:
    """Share of images with a face in each split, and how many have none or several."""
    found: dict[str, list[bool]] = {}
    for key, face, _ in rows:
        found.setdefault(split_of(key), []).append(face is not None)
    shares = {f"found_{split}": round(sum(one) / len(one), 6) for split, one in found.items()}
    return {
        "images": len(rows),
        "no_face": sum(face is None for _, face, _ in rows),
        "several_faces": sum(count > 1 for _, _, count in rows),
        **shares,
    }


if __name__ == "__main__":
    run("detect", main)
