"""Cut every face out of its image, by landmarks or by its box.

Reads: image shards, faces. Writes: aligned grey faces as shards, counts, a sheet of examples.
Without a face the whole image stands in; align.no_face can drop such images, from train only.
"""

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from operator import attrgetter
from pathlib import Path

from facexpr.align import Alignment, align_members, placed_by
from facexpr.detectors import Face
from facexpr.examples import Examples
from facexpr.faces import stream_faces
from facexpr.files import publish, write_json
from facexpr.params import Align, Params, load
from facexpr.records import Member, ShardWriter, lists_of, read_members, read_shards, split_of
from facexpr.scratch import fingerprint, tree_fingerprint
from facexpr.stage import Report, run
from facexpr.tables import join
from facexpr.workers import code_fingerprint, map_lists

EXAMPLES = 16  # of each kind


def main(report: Report) -> None:
    """Align lists of images, with the faces that stand in the same order."""
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
    keys = set(args.keys.split(",")) if args.keys else None
    counts = dict.fromkeys(("landmarks", "eyes", "box", "whole", "dropped"), 0)
    shown: dict[str, list[str]] = {}
    with publish(args.out, args.metrics, args.view, work=name_work(args, params)) as new:
        out, metrics, view = new
        members = report.progress(read_members(args.images, keys, args.limit))
        faces = join(members, attrgetter("key"), stream_faces(args.faces), args.faces, "detect")
        kept = keep(faces, params.align, counts, shown)
        with ShardWriter(out, params.images.shard_samples) as writer:
            lists = lists_of((one for one in kept if not writer.skips(one[0].key)), png_of)
            tasks = (([member.key for member, _ in some], (alignment, some)) for some in lists)
            for names, aligned in map_lists(align_members, tasks):
                for key, png in zip(names, aligned, strict=True):
                    writer.write_png(key, png)
        write_json(metrics, counts)
        draw(shown, out).save(view, "aligned faces, by what placed them")
    for how, count in counts.items():
        report.note(how, count)


def name_work(args: argparse.Namespace, params: Params) -> str:
    """A fingerprint of exactly this work, so that what a killed run has left can be used."""
    values = asdict(params.align) | asdict(params.images)
    values |= {"limit": args.limit, "keys": args.keys, "code": code_fingerprint()}
    values |= {"images": tree_fingerprint(args.images), "faces": tree_fingerprint(args.faces)}
    return fingerprint(values, [Path(__file__)])


def png_of(sample: tuple[Member, Face | None]) -> bytes:
    """The bytes of a sample, for its weight."""
    return sample[0].png


def keep(
    samples: Iterable[tuple[Member, Face | None]],
    params: Align,
    counts: dict[str, int],
    shown: dict[str, list[str]],
) -> Iterator[tuple[Member, Face | None]]:
    """Yield the samples that are not dropped; count what places them, and keep a few keys."""
    for member, face in samples:
        how = outcome(member.key, face, params)
        counts[how] += 1
        if how != "dropped":
            if len(some := shown.setdefault(how, [])) < EXAMPLES:
                some.append(member.key)
            yield member, face


def outcome(key: str, face: Face | None, params: Align) -> str:
    """What places this sample: landmarks, eyes, box, the whole image; or nothing, dropped."""
    how = placed_by(face, params.method)
    dropped = how == "whole" and params.no_face == "drop" and split_of(key) == "train"
    return "dropped" if dropped else how


def draw(shown: dict[str, list[str]], aligned: Path) -> Examples:
    """The sheet of examples, read from what was written."""
    keys = {key for some in shown.values() for key in some}
    pictures = dict(read_shards(aligned, keys)) if keys else {}
    examples = Examples(EXAMPLES)
    for how, some in shown.items():
        for key in some:
            examples.add(how, pictures[key])
    return examples


if __name__ == "__main__":
    run("align", main)
