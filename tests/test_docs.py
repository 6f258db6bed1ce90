"""The README against dvc.yaml, the command line, the tests and the results."""

import re
import subprocess
import sys

import pytest
import yaml
from closure import ROOT
from test_rebuild import EDITS, ROW_EDITS

from facexpr.__main__ import COMMANDS, build_parser
from facexpr.results import read_results, systems_table

README = (ROOT / "README.md").read_text()
STAGES = {
    name: stage
    for file in ("data/sample/dvc.yaml", "dvc.yaml")
    for name, stage in yaml.safe_load((ROOT / file).read_text())["stages"].items()
}


def table_after(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, its own heading left out."""
    text = README.split(f"\n## {heading}\n", 1)[1]
    lines = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_stage_table_names_every_stage_with_its_description():
    shown = [(row[0], row[1]) for row in table_after("The stages")]
    assert shown == [(name, stage["desc"]) for name, stage in STAGES.items()]


def test_what_a_stage_writes_is_among_its_outputs():
    for name, _, writes in table_after("The stages"):
        stage = STAGES[name]
        outputs = stage.get("outs", []) + stage.get("metrics", []) + stage.get("plots", [])
        paths = [next(iter(out)) if isinstance(out, dict) else out for out in outputs]
        for path in re.findall(r"`(.+?)`", writes):
            assert any(output.startswith(path.rstrip("/")) for output in paths), path


def test_dag_is_what_dvc_draws():
    command = [sys.executable, "-m", "dvc", "dag", "--md"]
    drawn = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert drawn.replace("\t", "").strip() in README


def test_command_table_names_every_command_and_only_real_options():
    rows = table_after("Commands")
    assert [row[0].split()[1].strip("`") for row in rows] == list(COMMANDS)
    for row in rows:
        name = row[0].split()[1].strip("`")
        parser = build_parser(name)._subparsers._group_actions[0].choices[name]
        known = {option for action in parser._actions for option in action.option_strings}
        assert set(re.findall(r"--\w+", row[0])) <= known


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md", "data/README.md"])
def test_facexpr_commands_that_pages_show_parse(page):
    text = (ROOT / page).read_text()
    for line in re.findall(r"^\$ facexpr (.+?)(?: +#.*)?$", text, re.MULTILINE):
        build_parser(line.split()[0]).parse_args(line.split())


def test_make_targets_that_the_readme_shows_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^\$ make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_stage_commands_that_the_readme_shows_have_only_real_options():
    for stage, flags in re.findall(r"python -m stages\.(\w+)((?: .+\\\n)*.*)", README):
        source = (ROOT / f"stages/{stage}.py").read_text()
        for flag in re.findall(r"--[\w-]+", flags):
            assert f'"{flag}"' in source, flag


def test_table_of_published_systems_says_what_was_measured():
    assert systems_table(read_results(ROOT)) in README


def test_edit_table_is_the_one_that_is_tested():
    shown = {row[0]: row[1] for row in table_after("What an edit reruns")}
    tested = {name: edit[-1] for name, edit in (EDITS | ROW_EDITS).items()}
    assert shown == {name: ", ".join(stages) or "nothing" for name, stages in tested.items()}
