"""The `facexpr` command line: one module of facexpr.commands a command."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from facexpr.errors import UserError

COMMANDS = (
    "recipe",
    "check",
    "show",
    "export",
    "networks",
    "evaluate",
    "compare",
    "report",
    "onnx",
    "predict",
)


def build_parser(commands: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """The parser of these commands; each imports what its command needs."""
    parser = argparse.ArgumentParser(prog="facexpr", description=sys.modules["facexpr"].__doc__)
    parsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for name in commands:
        module = import_module(f"facexpr.commands.{name}")
        text = module.__doc__.splitlines()[0]
        command = parsers.add_parser(name, help=text, description=module.__doc__)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run a command; returns its exit code, 1 with one line on stderr for an expected error."""
    argv = sys.argv[1:] if argv is None else argv
    known = argv[:1] if set(argv[:1]) & set(COMMANDS) else COMMANDS
    args = build_parser(known).parse_args(argv)
    try:
        return args.run(args) or 0
    except UserError as error:
        print(f"facexpr: error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        sys.stderr.close()  # the reader, such as head, has seen enough
        return 0


if __name__ == "__main__":
    sys.exit(main())
