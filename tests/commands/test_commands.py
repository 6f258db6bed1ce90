"""The command line as a whole: its commands, their help, and where they may be called."""

import subprocess
import sys
from importlib import import_module

import pytest

from facexpr import networks
from facexpr.__main__ import COMMANDS, main

ARGUMENTS = {
    "show": ["train-0000000"],
    "export": ["data/images", "out"],
    "evaluate": ["model.keras", "a.csv"],
    "compare": ["main"],
    "onnx": ["model.onnx"],
    "release": ["fer2013"],
    "study": ["fer2013"],
    "predict": ["a.png"],
}


def test_without_a_command_usage_is_shown(capsys):
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "usage: facexpr" in capsys.readouterr().err


def test_help_lists_every_command_with_what_it_does(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for name in COMMANDS:
        first = import_module(f"facexpr.commands.{name}").__doc__.splitlines()[0]
        assert f"{name} {first}" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_a_docstring(name, capsys):
    module = import_module(f"facexpr.commands.{name}")
    assert module.__doc__.splitlines()[0].endswith(".")
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert f"usage: facexpr {name}" in out
    assert " ".join(module.__doc__.split()) in " ".join(out.split())


def test_a_command_imports_nothing_of_the_others():
    script = "import sys; from facexpr.__main__ import main; main(['recipe'])\n"
    script += "print(sorted({'sklearn', 'scipy', 'keras', 'onnx'} & set(sys.modules)))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"predict"}))
def test_outside_of_a_project(name, tmp_path, monkeypatch, call):
    monkeypatch.chdir(tmp_path)
    message = call(name, *ARGUMENTS.get(name, [])).error
    assert message.startswith(f"{tmp_path.resolve()}: not inside a facexpr project")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"recipe", "study", "export", "predict"}))
def test_without_parameters(name, project, call):
    (project / "params.yaml").unlink()
    (project / "a.png").touch()
    (project / "data/index.csv").write_text("key,split,label,row,origin\n")
    message = call(name, *ARGUMENTS.get(name, [])).error
    assert message == "params.yaml: not found; write one with 'facexpr recipe sample'"


def test_wrong_parameters_are_told_all_at_once(project, call, change):
    change(align={"px": "48"}, train={"epoch": 3})
    answer = call("check")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.splitlines() == [
        "facexpr: error: params.yaml: 2 problems",
        "  align.px: '48', expected a whole number; YAML reads it as text, write 48",
        "  train.epoch: unknown; did you mean 'train.epochs'?",
    ]


@pytest.fixture
def table(call):
    """The rows of `facexpr networks` as words by network, after a look at its head."""

    def run(side: str) -> dict[str, list[str]]:
        head, *rows = call("networks").out.splitlines()
        columns = ["network", "parameters", "trainable", "multiply-adds"]
        assert head.split() == [*columns, "at", side, "7", "classes"]
        return {name: words for name, *words in map(str.split, rows)}

    return run


@pytest.mark.filterwarnings("ignore")  # of TensorFlow's, at its import
def test_networks_are_listed_with_their_size_and_cost(project, table):
    rows = table("48x48,")
    assert list(rows) == networks.available()
    assert rows["fourconv"] == ["2,345,607", "2,345,607", "77.3", "M"]
    assert rows["vgg_bn"] == ["1,167,015", "1,165,159", "96.2", "M", "*"]
    assert [name for name, words in rows.items() if "*" in words] == ["vgg_bn"]


@pytest.mark.filterwarnings("ignore")
def test_networks_are_counted_at_the_side_of_the_crop(project, table, change):
    change(train={"crop_px": 42, "network": "kaist"})
    assert table("42x42,")["kaist"] == ["5,452,967", "5,452,711", "18.5", "M", "*"]


@pytest.mark.filterwarnings("ignore")
def test_a_network_that_does_not_fit_the_side_is_told(project, table, change):
    change(align={"px": 16}, train={"network": "fourconv"})
    rows = table("16x16,")
    assert rows["fourconv"] == ["-", "does", "not", "fit", "this", "face", "side", "*"]
    assert rows["vgg_bn"][:2] == ["1,167,015", "1,165,159"]


@pytest.mark.filterwarnings("ignore")
def test_networks_are_counted_without_making_their_weights(project, table, change):
    change(align={"px": 512})
    assert table("512x512,")["gudi"][:2] == ["6,442,710,855"] * 2  # 24 GB
