"""Cut every face out of its image, by landmarks or by its box.

Reads: image shards, faces. Writes: aligned grey faces as shards, counts, a sheet of examples.
Without a face the whole image stands in; align.no_face can drop such images, from train only.
"""

import argparse
from pathlib import Path

from facexpr.align import Alignment, align_face, placed_by
from facexpr.errors import UserError
from facexpr.examples import Examples
from facexpr.faces import read_faces
from facexpr.files import publish, write_json
from facexpr.params import Align, load
from facexpr.records import ShardWriter, read_shards, split_of
from facexpr.stage import Report, run


def main(report: Report) -> None:
    """Align image by image."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="folder of shards")
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of shards")
    parser.add_argument("--metrics", type=Path, required=True)
    parser.add_argument("--view", type=Path, required=True, help="PNG")
    parser.add_argument("--limit", type=int, help="only the first so many images")
    parser.add_argument("--keys", help="only these keys, separated by commas")
    args = parser.parse_args()
    params = load()
    alignment = Alignment(**params.align.settings())
    faces = read_faces(args.faces)
    keys = set(args.keys.split(",")) if args.keys else None
    counts = dict.fromkeys(("landmarks", "eyes", "box", "whole", "dropped"), 0)
    examples = Examples(each=16)
    with (
        publish(args.out, args.metrics, args.view) as (out, metrics, view),
        ShardWriter(out, params.images.shard_samples) as writer,
    ):
        for key, image in report.progress(read_shards(args.images, keys, args.limit)):
            how = outcome(key, faces, params.align, args.faces)
            counts[how] += 1
            if how != "dropped":
                aligned = align_face(image, faces[key], alignment)
                writer.write(key, aligned)
                examples.add(how, aligned)
        write_json(metrics, counts)
        examples.save(view, "aligned faces, by what placed them")
    for how, count in counts.items():
        report.note(how, count)


def outcome(key: str, faces: dict, params: Align, name: Path) -> str:
    """What places this sample: landmarks, eyes, box, the whole image; or nothing, dropped."""
    if key not in faces:
        raise UserError(f"{name}: lacks {key}; run 'dvc repro detect'")
    how = placed_by(faces[key], params.method)
    dropped = how == "whole" and params.no_face == "drop" and split_of(key) == "train"
    return "dropped" if dropped else how


if __name__ == "__main__":
    run("align", main)
