"""The `facexpr` command line: one module of facexpr.commands a command."""

import argparse
import ast
import sys
from importlib import import_module
from pathlib import Path

from facexpr import __version__
from facexpr.errors import UserError

COMMANDS = (
    "recipe",
    "check",
    "why",
    "show",
    "export",
    "networks",
    "evaluate",
    "study",
    "compare",
    "report",
    "onnx",
    "release",
    "predict",
)


def build_parser(called: str | None = None) -> argparse.ArgumentParser:
    """The parser of the command line; only the command that is called is imported.

    Raises UserError where that needs what is not installed.
    """
    parser = argparse.ArgumentParser(prog="facexpr", description=sys.modules["facexpr"].__doc__)
    parser.add_argument("--version", action="version", version=f"facexpr {__version__}")
    parsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for name in COMMANDS:
        source = Path(__file__).parent / f"commands/{name}.py"
        text = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8")))
        command = parsers.add_parser(name, help=text.splitlines()[0], description=text)
        if name == called:
            module = import_command(name)
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return parser


def import_command(name: str):
    """The module of a command; raises UserError where it needs what is not installed."""
    try:
        return import_module(f"facexpr.commands.{name}")
    except ModuleNotFoundError as error:
        raise UserError(
            f"{name}: needs {error.name}, which is not installed here; "
            "install facexpr with its extras pipeline and cpu, or call make setup in a clone"
        ) from None


def main(argv: list[str] | None = None) -> int:
    """Run a command; returns its exit code, 1 with one line on stderr for an expected error."""
    argv = sys.argv[1:] if argv is None else argv
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.reconfigure(errors="backslashreplace")  # names of files need not be UTF-8
    try:
        args = build_parser(next(iter(argv), None)).parse_args(argv)
        return args.run(args) or 0
    except UserError as error:
        print(f"facexpr: error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        sys.stderr.close()  # the reader, such as head, has seen enough
        return 0
    except OSError as error:  # a full disk, a folder that may not be written to
        where = f"{error.filename}: " if error.filename else ""
        print(f"facexpr: error: {where}{error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
