"""This project's model beside other packages, in one run: accuracy, speed, memory, size.

    python benchmarks/peers.py --data fer2013.csv.xz

Makes an environment for each peer, once, and runs each of its ways (`peer.py`) there, one after
the other. Writes `benchmarks/PEERS.md`; `benchmarks/README.md` says how to read it.
"""

import argparse
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
from page import processor
from peer import WAYS
from peer_table import render, row, score

from facexpr.classifier import load_classifier
from facexpr.datasets import read
from facexpr.errors import UserError
from facexpr.labels import FER2013, SPLITS
from facexpr.released import DEFAULT, find_model
from facexpr.results import RESTORED
from facexpr.scratch import fingerprint, scratch_root

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
# What pip installs into each peer's environment; "." is a copy of this project. fer imports
# pkg_resources, which later setuptools no longer have, and does not ask for it.
PEERS = {
    "fer": ["fer==25.10.3", "setuptools<81"],
    "facexpr": [".", "--constraint=requirements.lock"],
}
SHIPPED = ("facexpr", "models/released", "pyproject.toml", "README.md", "LICENSE")
SHIPPED += ("requirements.lock",)
NAMED = ("facexpr", "fer", "keras", "numpy", "tensorflow", "tensorflow_cpu", "torch")
NAMED += ("onnxruntime", "opencv-contrib-python", "opencv-python-headless")
USAGES = {"train": "Training", "val": "PublicTest", "test": "PrivateTest"}


def main() -> None:
    """Measure every way and write the page."""
    arguments = parse()
    results_folder = arguments.environments / "results"
    results_folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images.npy"
        truth = export(arguments.data, arguments.split, arguments.limit, images)
        pythons = {
            peer: make_environment(arguments.environments / peer, PEERS[peer])
            for peer in dict.fromkeys(WAYS[name].peer for name in arguments.ways)
        }
        load = os.getloadavg()[0]
        results = {
            name: run(name, pythons[WAYS[name].peer], images, results_folder, arguments)
            for name in arguments.ways
        }
    page = describe(arguments, truth, results, pythons, load)
    arguments.out.write_text(page, encoding="utf-8")
    print(page)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="FER2013, in any form")
    parser.add_argument("--model", type=Path, default=find_model(DEFAULT), help="an .onnx file")
    parser.add_argument("--environments", type=Path, default=scratch_root() / "peers")
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--limit", type=int, help="only the first images, for trying")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), metavar="WAY")
    parser.add_argument("--reuse", action="store_true", help="take earlier results that fit")
    parser.add_argument("--out", type=Path, default=HERE / "PEERS.md")
    arguments = parser.parse_args()
    arguments.environments = arguments.environments.resolve()
    arguments.model = arguments.model.resolve()
    load_classifier(arguments.model)  # a missing model is told before anything is installed
    return arguments


def export(data: Path, split: str, limit: int | None, path: Path) -> list[str]:
    """Write the split's images as uint8 (N, 48, 48); returns their labels."""
    samples = [sample for sample in read("fer2013", data, FER2013, {}) if sample.split == split]
    samples = samples[:limit]
    np.save(path, np.stack([sample.image for sample in samples]))
    return [sample.label for sample in samples]


def make_environment(folder: Path, wanted: Sequence[str]) -> Path:
    """Make or complete a virtual environment; returns its python.

    pip finds what is there already; this project is installed anew, as its version stays.
    """
    python = folder / "bin" / "python"
    if not (folder / "bin" / "pip").is_file():  # what venv makes last
        start([sys.executable, "-m", "venv", folder])
    print(f"{folder.name}: installing {' '.join(wanted)}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as copy:  # a build writes beside its sources
        for name in SHIPPED:
            copy_in = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            (Path(copy) / name).parent.mkdir(parents=True, exist_ok=True)
            copy_in(ROOT / name, Path(copy) / name)
        command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        start([*command, *wanted], cwd=copy)
    return python


def run(name: str, python: Path, images: Path, folder: Path, arguments: argparse.Namespace) -> dict:
    """Measure one way in its peer's environment, or with --reuse take its earlier result.

    That fits when images, model, what is installed and peer.py are the same.
    """
    inputs = [images, arguments.model, HERE / "peer.py"]
    wanted = {"way": name, "installed": PEERS[WAYS[name].peer]}
    path = folder / f"{name}-{fingerprint(wanted, inputs)}.json"
    if not (arguments.reuse and path.is_file()):
        print(f"{name}: measuring", file=sys.stderr)
        command = [python, "-I", HERE / "peer.py", name, images, path, "--model", arguments.model]
        start(command, cwd=folder)
    return json.loads(path.read_text())


def start(command: Sequence[str | Path], cwd: Path | str | None = None) -> None:
    """Run a program on the CPU; raises UserError with its last words when it fails."""
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    options = {"capture_output": True, "text": True, "check": False}
    ended = subprocess.run(command, cwd=cwd, env=environment, **options)
    if ended.returncode:
        words = (ended.stderr or ended.stdout).strip().splitlines() or ["no word"]
        raise UserError(f"{' '.join(map(str, command))}: failed: {words[-1]}")


def describe(
    arguments: argparse.Namespace,
    truth: Sequence[str],
    results: dict[str, dict],
    pythons: dict[str, Path],
    load: float,
) -> str:
    """The page: what was measured on what, the table, what was installed."""
    extent = f"the first {len(truth):,}" if arguments.limit else f"all {len(truth):,}"
    sizes = {peer: installed_bytes(python) for peer, python in pythons.items()}
    rows = [
        row(WAYS[name], score(result["labels"], truth), result, sizes[WAYS[name].peer].total())
        for name, result in results.items()
    ]
    lines = [
        "# Against others\n",
        "Written by `python benchmarks/peers.py`; [README.md](README.md) says what is measured.\n",
        f"FER2013, {extent} images of {USAGES[arguments.split]}, 48x48. {RESTORED}\n",
        render(rows),
        f"Machine: {processor()}, {os.cpu_count()} cores, no GPU used; Python "
        f"{platform.python_version()}; load average at the start {load:.1f}.\n",
        about_model(arguments.model),
        *(installation(peer, python, sizes[peer]) for peer, python in pythons.items()),
    ]
    return "\n".join(lines)


def about_model(path: Path) -> str:
    """Which model of this project was measured."""
    digest = sha256(path.read_bytes()).hexdigest()
    name = "/".join(path.parts[-2:])
    return (
        f"facexpr's model: `{name}`, sha256 {digest[:12]}. Fed directly it gets the images whole.\n"
    )


def installed_bytes(python: Path) -> Counter[str]:
    """Bytes of all files in an environment's site-packages, by the first part of their path."""
    site = next((python.parents[1] / "lib").glob("python*/site-packages"))
    sizes: Counter[str] = Counter()
    for path in site.rglob("*"):
        if path.is_file() and not path.is_symlink():
            sizes[path.relative_to(site).parts[0]] += path.stat().st_size
    return sizes


def installation(peer: str, python: Path, sizes: Counter[str]) -> str:
    """One paragraph on what pip installed for a peer, and what of it takes the most room."""
    command = [python, "-m", "pip", "list", "--format=json", "--disable-pip-version-check"]
    listed = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    versions = [f"{item['name']} {item['version']}" for item in listed if item["name"] in NAMED]
    largest = [f"{name} {size / 2**20:,.0f} MiB" for name, size in sizes.most_common(5)]
    return (
        f"{peer}: `pip install {shlex.join(PEERS[peer])}` gave {len(listed)} packages, among them "
        f"{', '.join(versions)}. The largest of its site-packages: {', '.join(largest)}.\n"
    )


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"peers: error: {error}")
