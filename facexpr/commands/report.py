"""Write one HTML page about the last run: data, faces, training, evaluation, and their pictures.

The page is one file that needs no network. With real data it shows real people: keep it private.
"""

import argparse
import json
from pathlib import Path

import pandas as pd

from facexpr import project
from facexpr.errors import UserError
from facexpr.evaluation_text import views_of
from facexpr.files import publish
from facexpr.params import load
from facexpr.report import figures_table, folded, page, paragraph, picture, section, table

SCALARS = (
    *("n", "accuracy", "balanced_accuracy", "macro_f1", "top2"),
    *("nll", "brier", "ece", "votes_divergence"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--out", type=Path, default=Path("report.html"), help="file")


def run(args: argparse.Namespace) -> None:
    """Gather what the stages left, and write the page."""
    here = project.enter_root()
    params = load()
    if args.out.suffix != ".html":
        raise UserError(f"--out {args.out}: expected a file's name that ends in .html")
    figures = read_figures(params.evaluate.split)
    title = f"facexpr: {params.train.network} on {Path(params.data.source).name}"
    parts = [
        paragraph(headline(figures), "headline"),
        evaluation(figures),
        training(),
        faces(),
        data(),
        section("Parameters", [folded("params.yaml", Path("params.yaml").read_text())]),
    ]
    with publish(here / args.out) as (out,):
        out.write_text(page(title, parts), encoding="utf-8")
    print(f"report: {args.out}")


def read_figures(split: str) -> dict:
    """All figures of a split; raises UserError where it has not been evaluated."""
    path = Path(f"data/evaluation/{split}.json")
    if not path.is_file():
        raise UserError(f"{path}: not found; run 'dvc repro evaluate' or 'dvc checkout'")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: not readable as JSON: {error}; run 'dvc checkout'") from None


def headline(figures: dict) -> str:
    """What the run came to, in a sentence."""
    return (
        f"{figures['accuracy']:.2%} of all {figures['n']:,} images of {figures['split']} with "
        f"{views_of(figures)} (95% interval {figures['low']:.2%} to {figures['high']:.2%})."
    )


def evaluation(figures: dict) -> str:
    """Every figure of the split, and its charts."""
    plots, views = Path("data/plots"), Path("data/views")
    sets = {"all": figures} | {
        name.replace("_", " "): part for name, part in figures["groups"].items()
    }
    picked = {
        name: {key: part[key] for key in SCALARS if key in part} for name, part in sets.items()
    }
    by_views = {f"views: {count}": part for count, part in figures["by_views"].items()}
    classes = figures["classes"]
    parts = [
        figures_table("All images, and parts of them", picked),
        figures_table("By number of views", by_views),
        table("By class", list(classes[0]), [list(one.values()) for one in classes]),
        picture(plots / "classes.png", "Precision, recall and F1 of each class"),
        picture(plots / "confusion.png", "Confusion"),
        picture(plots / "reliability.png", "Reliability"),
    ]
    if "calibrated" in figures:
        words = f"Temperature fitted on val: {figures['temperature']:.3f}; with it"
        given = ", ".join(f"{name} {value:.4f}" for name, value in figures["calibrated"].items())
        parts.append(paragraph(f"{words} {given}."))
    errors = picture(views / "errors.png", "The errors that the model was surest of")
    return section(f"Evaluation on {figures['split']}", [*parts, errors])


def training() -> str:
    """The epoch that was kept, and the curves."""
    curves = picture(Path("data/plots/curves.png"), "Loss, accuracy and learning rate by epoch")
    return section("Training", [metrics("train"), curves])


def faces() -> str:
    """What was found and how it was aligned."""
    views = Path("data/views")
    return section(
        "Faces",
        [
            metrics("detect"),
            picture(views / "detect.png", "Faces found"),
            metrics("align"),
            picture(views / "align.png", "Faces aligned"),
            picture(views / "mean.png", "The mean of what training fits"),
        ],
    )


def data() -> str:
    """What audit found."""
    audit = Path("data/audit")
    parts = [metrics("data")]
    for name, caption in (("classes", "Images of each class"), ("votes", "Votes and labels")):
        path = audit / f"{name}.csv"
        if path.is_file():
            found = pd.read_csv(path, keep_default_na=False)
            rows = found.to_numpy(object).tolist()
            parts += [table(caption, list(found), rows)] if rows else []  # few data have votes
    sheets = {
        "conflicts": "Equal images, unequal labels",
        "near": "Nearly equal images",
        "suspects": "Constant, broken and blank images",
    }
    parts += [picture(audit / f"{name}.png", caption) for name, caption in sheets.items()]
    return section("Data", [*parts, picture(Path("data/views/images.png"), "Examples")])


def metrics(name: str) -> str:
    """A file of metrics as a table, or nothing where it is missing."""
    path = Path(f"metrics/{name}.json")
    if not path.is_file():
        return ""
    return table(f"metrics/{name}.json", ["", ""], json.loads(path.read_text()).items())
