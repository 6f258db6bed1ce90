"""Write a trained model as an ONNX file, for ONNX Runtime and all else that reads ONNX.

It takes the same uint8 faces and gives the same probabilities. Labels, alignment and how faces are
found in pictures ride along, so that `facexpr predict` needs no more than the file.
"""

import argparse
import os
from pathlib import Path

from facexpr import project
from facexpr.backend import configure
from facexpr.errors import UserError
from facexpr.files import publish
from facexpr.model_file import load_model, read_card
from facexpr.params import load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("out", type=Path, metavar="OUT", help="file, such as model.onnx")
    parser.add_argument("--model", type=Path, help="default: the pipeline's models/model.keras")


def run(args: argparse.Namespace) -> None:
    """Load, convert, write."""
    if args.out.suffix != ".onnx" or args.out.is_dir():
        raise UserError(f"{args.out}: expected a file's name that ends in .onnx")
    root = Path(os.path.relpath(project.find_root()))
    path = args.model or root / "models/model.keras"
    card = {"detect": load(root / "params.yaml").detection()} | read_card(path)
    configure(device="cpu")
    from facexpr.onnx_file import save_onnx  # late, as onnx takes its time

    with publish(args.out) as (fresh,):
        save_onnx(fresh, load_model(path), card)
    print(f"onnx: {args.out}, {args.out.stat().st_size / 2**20:.1f} MiB")
