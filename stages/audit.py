"""Look for what is suspicious in the data: a side branch that no later stage's images wait for.

Reads: image shards, index. Writes: headline counts, the exact copies, a sheet of conflicts.
"""

import argparse
from pathlib import Path

from facexpr.audit import count_findings, describe_images, find_copies
from facexpr.drawing import contact_sheet
from facexpr.images import encode_png
from facexpr.params import load
from facexpr.records import read_shards
from facexpr.stage import Report, publish, run, write_json
from facexpr.tables import check_same_keys, read_index, write_table


def main(report: Report) -> None:
    """Hash every image, and tell copies, conflicts and constant images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="folder of shards")
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder")
    parser.add_argument("--metrics", type=Path, required=True)
    args = parser.parse_args()
    index = read_index(args.index)
    images = report.progress(read_shards(args.images), total=len(index))
    described = describe_images(images)
    check_same_keys(described["key"], index["key"], (str(args.images), str(args.index)))
    table = described.merge(index, on="key", validate="one_to_one")
    copies = find_copies(table)
    findings = count_findings(table, copies, load().audit.constant_range)
    with publish(args.out, args.metrics) as (out, metrics):
        write_table(out / "copies.csv", copies)
        (out / "conflicts.png").write_bytes(encode_png(conflict_sheet(args.images, copies)))
        write_json(metrics, findings)
    for name in ("constant", "copies", "groups_across_splits", "conflicting_groups"):
        report.note(name.replace("_", " "), findings[name])


def conflict_sheet(images: Path, copies, most: int = 64):
    """The first images that stand in the data with more than one label."""
    labels = copies.groupby("group")["label"].transform("nunique")
    shown = copies[labels > 1].head(most)
    captions = {row.key: f"{row.group} {row.split} {row.label}" for row in shown.itertuples()}
    tiles = dict(read_shards(images, set(captions))) if captions else {}
    ordered = [tiles[key] for key in captions]
    return contact_sheet(ordered, list(captions.values()), title="Equal images, unequal labels")


if __name__ == "__main__":
    run("audit", main)
