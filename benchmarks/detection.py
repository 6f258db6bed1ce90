"""MTCNN as this project runs it beside the package `mtcnn`, in one run: speed and agreement.

    python benchmarks/detection.py --data fer2013.csv.xz --pictures DIR

Works in turns, so that whatever else the machine does falls on all of them, and takes medians.
Writes `benchmarks/DETECTION.md`; `benchmarks/README.md` says how to read it.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from page import installed, processor, table
from peers import HERE

from facexpr import detectors
from facexpr.backend import silent_stderr
from facexpr.datasets import read
from facexpr.detectors.mtcnn import pyramid
from facexpr.errors import UserError
from facexpr.images import SUFFIXES, read_image, to_rgb, with_border
from facexpr.labels import FER2013

SETTINGS = {"min_face_px": 20, "scale_factor": 0.709, "thresholds": (0.6, 0.7, 0.8)}
BORDER_PX = 12  # around each of FER2013's images, the edge repeated; photographs have none
LIST = 512
SAME_PX = 0.5  # of boxes and landmarks
PACKAGES = ("mtcnn", "tensorflow_cpu", "tensorflow", "onnxruntime", "numpy")
COLUMNS = ("images", "way", "ms an image", "this project is … times as fast", "the same faces")
# What a program does until it knows its first faces, in a process of its own.
FIRST = {
    "mtcnn": "from mtcnn import MTCNN; MTCNN().detect_faces([numpy.zeros((480, 640, 3), 'uint8')])",
    "facexpr": "from facexpr import detectors; detectors.load('mtcnn', border_px=0, border_grey=-1,"
    f" **{SETTINGS})([numpy.zeros((480, 640, 3), 'uint8')])",
}

# From images of one shape, bordered, to one array of faces an image: box, then landmarks.
Find = Callable[[Sequence[np.ndarray]], list[np.ndarray]]


def main() -> None:
    """Measure every way and write the page."""
    arguments = parse()
    load = os.getloadavg()[0]
    starts = {name: start_seconds(code, arguments.rounds) for name, code in FIRST.items()}
    package, project = load_package(), load_project()
    rows = []
    if arguments.data:
        faces = read_faces(arguments.data, arguments.images)
        ways = {"mtcnn, one image a call": (package, 1, faces[: arguments.single])}
        ways |= {f"mtcnn, lists of {LIST}": (package, LIST, faces)}
        rows += compare("FER2013", ways, project, faces, arguments.rounds)
    for picture in map(read_image, arguments.pictures):
        ways = {"mtcnn": (package, 1, [to_rgb(picture)])}
        title = f"photograph, {picture.shape[1]} x {picture.shape[0]}"
        rows += compare(title, ways, project, [picture], arguments.rounds)
    page = describe(arguments, rows, starts, load)
    arguments.out.write_text(page, encoding="utf-8")
    print(page)


def parse() -> argparse.Namespace:
    """Read the command line; of folders, --pictures takes the pictures in them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="FER2013, in any form")
    parser.add_argument("--images", type=int, default=2048, help="how many of its first images")
    parser.add_argument("--single", type=int, default=64, help="how many of them one at a time")
    parser.add_argument("--pictures", type=Path, nargs="+", default=[], help="files, folders")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=HERE / "DETECTION.md")
    arguments = parser.parse_args()
    found = (sorted(path.iterdir()) if path.is_dir() else [path] for path in arguments.pictures)
    arguments.pictures = [one for paths in found for one in paths if one.suffix in SUFFIXES]
    if not arguments.data and not arguments.pictures:
        raise UserError("nothing to detect in: name --data, --pictures or both")
    return arguments


def read_faces(path: Path, count: int) -> list[np.ndarray]:
    """The first images of FER2013 with their border, grey."""
    samples = islice(read("fer2013", path, FER2013, {}), count)
    return [with_border(sample.image, (BORDER_PX,) * 4, -1) for sample in samples]


def load_package() -> Find:
    """The package's detector; its pyramid is replaced, as its own misses faces and fails."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with silent_stderr():
        from mtcnn import MTCNN
        from mtcnn.stages import stage_pnet

        detector = MTCNN()
    stage_pnet.build_scale_pyramid = pyramid
    names = ("threshold_pnet", "threshold_rnet", "threshold_onet")
    settings = dict(zip(names, SETTINGS["thresholds"], strict=True))
    settings["min_face_size"] = SETTINGS["min_face_px"]
    settings["scale_factor"] = SETTINGS["scale_factor"]
    settings |= {"box_format": "xyxy", "output_type": "numpy", "fit_to_image": False}

    def find(images: Sequence[np.ndarray]) -> list[np.ndarray]:
        rows = np.reshape(detector.detect_faces([*map(to_rgb, images)], **settings), (-1, 16))
        each = [rows[rows[:, 0] == number] for number in range(len(images))]
        return [
            np.hstack([some[:, 1:5], some[:, 6:].reshape(-1, 2, 5).swapaxes(1, 2).reshape(-1, 10)])
            for some in each
        ]

    return find


def load_project() -> Find:
    """This project's detector."""
    detect = detectors.load("mtcnn", border_px=0, border_grey=-1, **SETTINGS)

    def find(images: Sequence[np.ndarray]) -> list[np.ndarray]:
        found = [
            [np.append(face.box_xyxy, face.landmarks) for face in one] for one in detect(images)
        ]
        return [np.reshape(one, (-1, 14)) for one in found]

    return find


def compare(
    title: str, ways: dict, project: Find, images: Sequence, rounds: int
) -> list[list[str]]:
    """Rows of the table for one kind of images; the project gets lists, as the pipeline gives."""
    ways = ways | {"this project": (project, LIST, images)}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    found = {}
    for number in range(rounds + 1):
        for name, (find, each, some) in ways.items():
            began = time.perf_counter()
            lists = (some[start : start + each] for start in range(0, len(some), each))
            found[name] = [faces for one in lists for faces in find(one)]
            if number:  # the first round warms up
                seconds[name].append((time.perf_counter() - began) / len(some))
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    own = medians["this project"]
    return [
        [
            f"{title}, {len(ways[name][2]):,}" if len(ways[name][2]) > 1 else title,
            name,
            f"{median * 1000:.2f}",
            f"{median / own:.1f}",
            "-" if name == "this project" else agreement(found[name], found["this project"]),
        ]
        for name, median in medians.items()
    ]


def agreement(found: Sequence[np.ndarray], own: Sequence[np.ndarray]) -> str:
    """In how many images both found the same faces, boxes and landmarks within SAME_PX."""
    pairs = list(zip(found, own, strict=False))
    same = sum(
        one.shape == two.shape and np.allclose(one, two, rtol=0, atol=SAME_PX) for one, two in pairs
    )
    return f"{same:,} of {len(pairs):,}"


def start_seconds(code: str, rounds: int) -> float:
    """Median seconds of a new process that runs `code`."""
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        command = [sys.executable, "-c", f"import numpy; {code}"]
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def describe(arguments: argparse.Namespace, rows: list, starts: dict, load: float) -> str:
    """The page: the table, then what was measured on what."""
    lines = [
        "# Detection\n",
        "By `python benchmarks/detection.py`; [README.md](README.md) says how to read it.\n",
        table(COLUMNS, rows),
        f"A new process knows its first faces after {starts['facexpr']:.1f} s; with the package, "
        f"after {starts['mtcnn']:.1f} s.\n",
        f"Medians of {arguments.rounds} rounds. Machine: {processor()}, {os.cpu_count()} cores, no "
        f"GPU used; load average at the start {load:.1f}; Python {platform.python_version()}, "
        f"{', '.join(installed(PACKAGES))}.\n",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"detection: error: {error}")
