"""Training's images a second beside the bare compiled step and beside the published way.

    python benchmarks/training.py [--network vgg_bn] [--backend tensorflow] [--batches 60]

Each way is a process of its own, and the ways take turns. Writes `benchmarks/TRAINING.md`;
`benchmarks/README.md` says how to read it.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from statistics import median

from page import installed, processor, table

HERE = Path(__file__).parent
WAYS = {
    "bare": "the compiled step of the network alone, one batch on the device",
    "facexpr": "stage train, `feed: memory`",
    "stream": "stage train, `feed: stream`",
    "generator": "`ImageDataGenerator` into plain `fit`, as published projects do it",
}
PRECISIONS = ("float32", "mixed_bfloat16")


def main() -> None:
    """Measure, and write the page."""
    arguments = parse()
    rates: dict[tuple[str, str], list[float]] = {}
    for turn in range(arguments.rounds):
        for way, precision in asked():
            print(f"round {turn + 1}: {way}, {precision}", flush=True)
            rates.setdefault((way, precision), []).extend(measure(way, precision, arguments))
    arguments.out.write_text(
        describe({key: median(found) for key, found in rates.items()}, arguments), encoding="utf-8"
    )
    print(arguments.out)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="vgg_bn")
    parser.add_argument("--backend", default="tensorflow", choices=["tensorflow", "jax"])
    parser.add_argument("--batches", type=int, default=60, help="an epoch, of 64 images")
    parser.add_argument("--epochs", type=int, default=3, help="timed, a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=HERE / "TRAINING.md")
    return parser.parse_args()


def asked() -> list[tuple[str, str]]:
    """Ways and precisions; nobody publishes a generator in half precision."""
    pairs = [(way, precision) for precision in PRECISIONS for way in WAYS]
    return [pair for pair in pairs if pair != ("generator", "mixed_bfloat16")]


def measure(way: str, precision: str, arguments: argparse.Namespace) -> list[float]:
    """Images a second of each epoch but the first."""
    numbers = (str(arguments.batches), str(arguments.epochs))
    about = (way, arguments.network, arguments.backend, precision, *numbers)
    command = [sys.executable, str(HERE / "training_way.py"), *about]
    path = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path}
    )
    if done.returncode:
        sys.exit(f"{way}: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def describe(rates: dict[tuple[str, str], float], arguments: argparse.Namespace) -> str:
    """The page."""
    published = rates["generator", "float32"]
    rows = [
        [
            words,
            precision,
            f"{rates[way, precision]:.0f}",
            f"{rates[way, precision] / rates['bare', precision]:.2f}",
            f"{rates[way, precision] / published:.2f}",
        ]
        for precision in PRECISIONS
        for way, words in WAYS.items()
        if (way, precision) in rates
    ]
    columns = ["way", "precision", "images a second", "of the bare step", "of the published way"]
    versions = installed(["keras", "tensorflow-cpu", "tensorflow", "jax", "numpy"])
    return (
        "# Training's speed\n\n"
        f"`{arguments.network}` at 48 px, batches of 64, backend {arguments.backend}; "
        f"{arguments.rounds} rounds of {arguments.epochs} epochs of {arguments.batches} batches, "
        "medians. Written by `benchmarks/training.py`.\n\n"
        f"{table(columns, rows)}\n"
        f"{processor()}, {os.cpu_count()} cores, {platform.system()}, Python "
        f"{platform.python_version()}, {', '.join(versions)}.\n"
    )


if __name__ == "__main__":
    main()
