"""The modules of the project that a file imports, directly or through others, found with ast."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]

# They check values, say words, start stages and workers, and cannot change a byte of an output.
EXEMPT = {"facexpr/__init__.py", "facexpr/errors.py", "facexpr/params.py", "facexpr/schema.py"}
EXEMPT |= {"facexpr/files.py", "facexpr/stage.py", "facexpr/training_bar.py"}
EXEMPT |= {"facexpr/workers.py"}
EXEMPT |= {"stages/__init__.py"}


def imported_modules(path: Path) -> set[str]:
    """Dotted names of all that a file imports, anywhere in it; for `from a import b`, a and a.b."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def file_of(module: str) -> str | None:
    """The project's file of a module, as a path from the root; None for one of others."""
    stem = module.replace(".", "/")
    found = [name for name in (f"{stem}.py", f"{stem}/__init__.py") if (ROOT / name).is_file()]
    return found[0] if found else None


def import_closure(start: str) -> set[str]:
    """All project files that running the file `start` imports, itself among them."""
    found, waiting = set(), {start}
    while waiting:
        file = waiting.pop()
        found.add(file)
        modules = imported_modules(ROOT / file)
        parents = {module.rpartition(".")[0] for module in modules}
        waiting |= {name for name in map(file_of, modules | parents) if name} - found
    return found
