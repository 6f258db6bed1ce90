"""One self-contained HTML page about a run: figures, tables and pictures, without a network."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

STYLE = """
:root { color-scheme: light dark; --quiet: #767676; --line: #8884; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; margin-top: 2.5rem; }
.headline { font-size: 1.2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--quiet); padding-bottom: .3rem; }
th, td { padding: .2rem .8rem .2rem 0; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
figure { margin: 1rem 0; } figcaption { color: var(--quiet); }
img { max-width: 100%; height: auto; background: white; }
pre { overflow-x: auto; font-size: .85rem; }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page of parts that are HTML already."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n" + "\n".join(parts) + "\n</body>\n</html>\n"
    )


def section(title: str, parts: Iterable[str]) -> str:
    """A section, or nothing where it has no part."""
    inside = "\n".join(part for part in parts if part)
    return f"<section>\n<h2>{escape(title)}</h2>\n{inside}\n</section>" if inside else ""


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of plain text."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; floats are shown with four digits."""
    cells = ["<tr>" + "".join(f"<th>{escape(str(cell))}</th>" for cell in head) + "</tr>"]
    for row in rows:
        cells.append("<tr>" + "".join(f"<td>{escape(shown(cell))}</td>" for cell in row) + "</tr>")
    words = f"<caption>{escape(caption)}</caption>"
    return '<div class="wide"><table>' + words + "\n".join(cells) + "</table></div>"


def figures_table(caption: str, columns: Mapping[str, Mapping[str, object]]) -> str:
    """A table of several sets of the same figures, a column a set; what one lacks stays empty."""
    names = list(dict.fromkeys(name for figures in columns.values() for name in figures))
    rows = [[name, *(each.get(name, "") for each in columns.values())] for name in names]
    return table(caption, ["", *columns], rows)


def picture(path: Path, caption: str) -> str:
    """A PNG inside the page, or nothing where there is no such file."""
    if not path.is_file():
        return ""
    data = base64.b64encode(path.read_bytes()).decode()
    return (
        f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def folded(title: str, text: str) -> str:
    """Text as it stands, behind a line to click on."""
    return f"<details><summary>{escape(title)}</summary><pre>{escape(text)}</pre></details>"


def shown(value: object) -> str:
    """A value as a cell shows it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
