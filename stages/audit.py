"""Look for what is suspicious in the data: a side branch that no later stage's images wait for.

Reads: image shards, index. Writes: headline counts; tables of equal, nearly equal and suspect
images, of classes and of votes; sheets of the worst.
"""

import argparse
from functools import partial
from pathlib import Path

import pandas as pd

from facexpr import description
from facexpr.audit import (
    count_classes,
    count_findings,
    count_votes,
    find_copies,
    find_near_copies,
    find_suspects,
    keys_with_copy_in,
    near_candidates,
    worst_conflicts,
    worst_near,
)
from facexpr.description import describe_members, described_table
from facexpr.drawing import contact_sheet
from facexpr.files import publish, write_json
from facexpr.images import encode_png
from facexpr.params import Audit, load
from facexpr.perceptual_hash import confirm, near_pairs
from facexpr.records import read_members, read_shards
from facexpr.reuse import recall
from facexpr.scratch import RESULTS, fingerprint, scratch_root, versions
from facexpr.stage import Report, run
from facexpr.store import Store
from facexpr.tables import check_same_keys, read_index, write_table

TILES, TILES_OF_GROUP = 64, 4


def main(report: Report) -> None:
    """Hash every image, and tell copies, conflicts, suspects and counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="folder of shards")
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder")
    parser.add_argument("--metrics", type=Path, required=True)
    args = parser.parse_args()
    params = load()
    index = read_index(args.index)
    described = describe(args.images, report, len(index))
    check_same_keys(described["key"], index["key"], (str(args.images), str(args.index)))
    table = described.merge(index, on="key", validate="one_to_one")
    tables = look(table, args.images, params.audit) | {
        "classes": count_classes(table, params.data.labels),
        "votes": count_votes(table, params.data.labels),
    }
    findings = count_findings(table, *(tables[name] for name in ("copies", "near", "suspects")))
    with publish(args.out, args.metrics) as (out, metrics):
        for name, found in tables.items():
            write_table(out / f"{name}.csv", found)
        draw(tables, args.images, out)
        write_json(metrics, findings)
    tell(report, tables, findings)


def describe(images: Path, report: Report, total: int) -> pd.DataFrame:
    """Describe every image; what was seen before comes from the scratch folder."""
    code = [Path(description.__file__).with_name(f"{name}.py") for name in description.CODE]
    libraries = versions("numpy", "opencv")
    with Store(scratch_root() / RESULTS) as store:
        work = fingerprint({"description": libraries}, code)
        found = recall(read_members(images), describe_members, (), store, work, report.note)
        table = described_table(report.progress(found, total=total))
    store.tell(report.warn)
    return table


def look(table: pd.DataFrame, images: Path, params: Audit) -> dict[str, pd.DataFrame]:
    """Find equal, nearly equal and suspect images."""
    distinct = near_candidates(table, params.constant_range)
    near = distinct[near_pairs(table["near_hash"].to_numpy()[distinct], params.near_bits)]
    keys, read = table["key"].to_list(), partial(read_shards, images)
    alike = confirm(near, keys, read, params.near_correlation)
    shares = params.flat_rows, params.flat_pixels
    return {
        "copies": find_copies(table),
        "near": find_near_copies(table, alike),
        "suspects": find_suspects(table, params.constant_range, *shares),
    }


def draw(tables: dict[str, pd.DataFrame], images: Path, out: Path) -> None:
    """Draw the sheets; only the pictures on them are read again."""
    near, suspects = tables["near"], tables["suspects"].head(TILES)
    groups = {
        "conflicts": worst_conflicts(near, TILES, TILES_OF_GROUP),
        "near": worst_near(near, tables["copies"], TILES, TILES_OF_GROUP),
    }
    keys = {key for shown in (*groups.values(), suspects) for key in shown["key"]}
    tiles = dict(read_shards(images, keys)) if keys else {}
    captions = {
        name: [f"{one.group} {one.split} {one.label}" for one in shown.itertuples()]
        for name, shown in groups.items()
    } | {"suspects": [f"{one.row} {one.reason}" for one in suspects.itertuples()]}
    titles = {
        "conflicts": "Equal and nearly equal images, unequal labels",
        "near": "Nearly equal images, across splits first",
        "suspects": "Constant, broken and blank images",
    }
    for name, shown in {**groups, "suspects": suspects}.items():
        pictures = [tiles[key] for key in shown["key"]]
        sheet = contact_sheet(pictures, captions[name], title=titles[name])
        (out / f"{name}.png").write_bytes(encode_png(sheet))


def tell(report: Report, tables: dict[str, pd.DataFrame], findings: dict[str, int]) -> None:
    """Put what matters on the summary line."""
    for reason, count in tables["suspects"]["reason"].value_counts(sort=False).items():
        report.note(reason, count)
    for name in ("copy_groups", "near_groups", "groups_across_splits", "conflicting_groups"):
        report.note(name.replace("_", " "), findings[name])
    for name, words in (("copies", "equal"), ("near", "equal or nearly equal")):
        leaked = keys_with_copy_in(tables[name], "test", ["train", "val"])
        report.note(f"test images {words} to train or val", len(leaked))
    votes = tables["votes"]
    if len(votes):
        report.note("images with votes", int(votes["n"].sum()))
        for name in ("agree", "tied"):
            report.note(f"votes {name}", round((votes["n"] * votes[name]).sum()))


if __name__ == "__main__":
    run("audit", main)
