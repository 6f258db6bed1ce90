"""Draw the embedded data set.

Writes: a CSV in FER2013's own format, scenes of several faces, and the true landmarks of both.
"""

import argparse
from pathlib import Path

from facexpr.files import publish
from facexpr.params import load
from facexpr.sample import write_csv, write_scenes
from facexpr.stage import Report, run


def main(report: Report) -> None:
    """Draw faces and scenes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--landmarks", type=Path, required=True)
    parser.add_argument("--scenes", type=Path, required=True, help="folder")
    parser.add_argument("--scene-landmarks", type=Path, required=True)
    args = parser.parse_args()
    params = load().sample
    counts = {"train": params.train, "val": params.val, "test": params.test}
    with publish(args.csv, args.landmarks, args.scenes, args.scene_landmarks) as new:
        report.items = write_csv(new[0], new[1], counts, params.seed)
        report.note("faces in scenes", write_scenes(new[2], new[3], params.scenes, params.seed))


if __name__ == "__main__":
    run("sample", main)
