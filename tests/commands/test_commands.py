"""The command line as a whole: its commands, their help, and where they may be called."""

from importlib import import_module

import pytest

from facexpr.__main__ import COMMANDS, main

ARGUMENTS = {"show": ["train-0000000"], "export": ["data/images", "out"], "predict": ["a.png"]}


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


@pytest.mark.parametrize("name", COMMANDS)
def test_outside_of_a_project(name, tmp_path, monkeypatch, call):
    monkeypatch.chdir(tmp_path)
    message = call(name, *ARGUMENTS.get(name, [])).error
    assert message.startswith(f"{tmp_path.resolve()}: not inside a facexpr project")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"recipe", "export"}))
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


@pytest.mark.filterwarnings("ignore")  # of TensorFlow's, at its import
def test_networks_are_listed_with_their_size(project, call, change):
    lines = call("networks").out.splitlines()
    assert lines[0].split() == ["network", "parameters", "at", "48x48,", "7", "classes"]
    assert lines[1].split() == ["fourconv", "2,345,607"]
    assert lines[2].split() == ["vgg_bn", "1,167,015", "*"]
    change(align={"px": 16})
    lines = call("networks").out.splitlines()
    assert lines[1].split() == ["fourconv", "-", "does", "not", "fit", "this", "face", "side"]
