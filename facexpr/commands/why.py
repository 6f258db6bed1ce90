"""Say why stages are stale: which parameter, code, input or output changed, and what may follow.

Without STAGE: all that are stale by themselves. With it: that stage, also where it is stale through
others only. DVC does not run what reads only files that came out as they were, so those downstream
may follow. Times are of each stage's last run here.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from facexpr import project
from facexpr.errors import UserError, unknown_name
from facexpr.params import load
from facexpr.stage import LOGS
from facexpr.why import explain, explain_stage, read_logs, read_stages, read_yaml


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("stage", nargs="?", metavar="STAGE", help="one stage; without it, all")


def run(args: argparse.Namespace) -> None:
    """Ask DVC, and print what made stages stale."""
    project.enter_root()
    load()  # a mistake there would make DVC fail, in words that help less
    params = read_yaml(Path("params.yaml"))
    stages, logs = read_stages(dvc_status(), params), read_logs(LOGS)
    if args.stage is None:
        lines = explain(stages, params, logs)
    elif args.stage in stages:
        lines = explain_stage(args.stage, stages, params, logs)
    else:
        raise unknown_name("stage", args.stage, stages)
    print("\n".join(lines))


def dvc_status() -> dict[str, list]:
    """What `dvc status --json` says; raises UserError with DVC's own words if it fails."""
    command = [sys.executable, "-m", "dvc", "status", "--json", "--no-updates"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"dvc status: {' '.join(done.stderr.split()).removeprefix('ERROR: ')}")
    return json.loads(done.stdout.splitlines()[-1])  # DVC may talk of large files before it
