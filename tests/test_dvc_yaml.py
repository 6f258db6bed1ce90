"""dvc.yaml against the code: dependencies, parameters, and names that DVC must never see."""

import ast
from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from closure import EXEMPT, ROOT, file_of, import_closure, imported_modules

from facexpr import datasets, detectors, networks, params

PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
SAMPLE = yaml.safe_load((ROOT / "data/sample/dvc.yaml").read_text())["stages"]
STAGES = PIPELINE | SAMPLE
# Modules looked up by a name in params.yaml, which a stage's imports cannot show.
LOOKED_UP = {
    "facexpr/detectors/__init__.py": ("${detect.detector}", detectors.available()),
    "facexpr/networks/__init__.py": ("${train.network}", networks.available()),
    "facexpr/datasets/__init__.py": ("", datasets.available()),
}
# A stage that looks a name up under another parameter than the others do.
RENAMED = {("predict", "${detect.detector}"): "${predict.detector}"}


def code_dependencies(stage: str) -> set[str]:
    return {dep for dep in STAGES[stage]["deps"] if dep.startswith(("facexpr/", "stages/"))}


def looked_up(stage: str) -> set[str]:
    """The templated modules of a stage: of packages that it, or what it imports, looks names up in.

    To look up is to import the package itself, `from facexpr import detectors`.
    """
    found = set()
    for package, (name, _) in LOOKED_UP.items():
        module = Path(package).parent.name
        if name and any(
            imports_package(file, module) for file in import_closure(f"stages/{stage}.py")
        ):
            found.add(f"facexpr/{module}/{RENAMED.get((stage, name), name)}.py")
    return found


def imports_package(file: str, name: str) -> bool:
    """Whether a file says `from facexpr import <name>`."""
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "facexpr"
        and name in [alias.name for alias in node.names]
        for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8")))
    )


def expand(dependency: str) -> set[str]:
    """The files of a code dependency: of a folder, all in it; of a template, every choice."""
    if (ROOT / dependency).is_dir():
        return {path.relative_to(ROOT).as_posix() for path in (ROOT / dependency).glob("*.py")}
    for package, (name, available) in LOOKED_UP.items():
        if name and "${" in dependency and Path(package).parent == Path(dependency).parent:
            return {str(Path(package).parent / f"{choice}.py") for choice in available}
    return {dependency}


@pytest.mark.parametrize("stage", STAGES)
def test_code_dependencies_are_the_import_closure(stage):
    declared = code_dependencies(stage)
    expanded = set().union(*map(expand, declared))
    needed = import_closure(f"stages/{stage}.py")
    for template in looked_up(stage):
        assert template in declared
        needed |= set().union(*(import_closure(file) for file in expand(template)))
    if "facexpr/datasets" in declared:
        needed |= set().union(*(import_closure(file) for file in expand("facexpr/datasets")))
    assert expanded == needed - EXEMPT


def test_exempt_modules_only_check_values_say_words_or_start_stages():
    """They may not import what computes, or a change there could change an output unseen."""
    for file in EXEMPT:
        assert import_closure(file) <= EXEMPT


@pytest.mark.parametrize("stage", STAGES)
def test_every_tracked_parameter_is_a_leaf_of_params_yaml(stage):
    leaves = params.leaves(params.load(ROOT / "params.yaml"))
    assert set(STAGES[stage].get("params", ())) <= set(leaves)


def test_every_parameter_is_tracked_by_a_stage_or_stands_in_a_template():
    text = (ROOT / "dvc.yaml").read_text()
    tracked = {name for stage in STAGES.values() for name in stage.get("params", ())}
    for leaf in params.leaves(params.load(ROOT / "params.yaml")):
        assert leaf in tracked or f"${{{leaf}}}" in text, leaf


def test_train_tracks_its_whole_section():
    names = {f"train.{item.name}" for item in fields(params.Train)}
    assert names <= set(PIPELINE["train"]["params"])


def test_no_parameter_has_a_name_that_the_run_cache_drops():
    """DVC removes `size` and `nfiles` at any depth from its run-cache key, and restores lies."""
    for recipe in (ROOT / "recipes").glob("*.yaml"):
        for section, values in yaml.safe_load(recipe.read_text()).items():
            assert not {section, *values} & {"size", "nfiles"}


def test_only_metrics_stay_out_of_the_cache_and_they_are_small():
    for stage in STAGES.values():
        for metric in stage.get("metrics", ()):
            ((path, options),) = metric.items()
            assert path.startswith("metrics/")
            assert options == {"cache": False}


def test_no_output_persists():
    assert "persist" not in (ROOT / "dvc.yaml").read_text()


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_a_description_and_runs_its_own_module(stage):
    assert STAGES[stage]["desc"]
    assert STAGES[stage]["cmd"].startswith(f"python -m stages.{stage} ")


@pytest.mark.parametrize("stage", STAGES)
def test_every_path_in_the_command_is_a_declared_dependency_or_output(stage):
    entry = STAGES[stage]
    outputs = entry.get("outs", []) + entry.get("metrics", []) + entry.get("plots", [])
    names = [next(iter(out)) if isinstance(out, dict) else out for out in outputs]
    declared = [*names, *entry["deps"]]
    for word in entry["cmd"].split():
        if "/" in word and not word.startswith("-"):
            assert any(name == word or name.startswith(f"{word}/") for name in declared), word


def test_imports_go_downwards():
    """The library never imports stages or commands; only those two import params."""
    for path in (ROOT / "facexpr").rglob("*.py"):
        name = path.relative_to(ROOT).as_posix()
        modules = imported_modules(path)
        assert not any(module.split(".")[0] == "stages" for module in modules), name
        if "commands/" not in name and name != "facexpr/params.py":
            assert "facexpr.params" not in modules, name
    for path in (ROOT / "stages").glob("[a-z]*.py"):
        assert not any(module.startswith("stages") for module in imported_modules(path))


def test_imports_have_no_circles():
    files = [path.relative_to(ROOT).as_posix() for path in (ROOT / "facexpr").rglob("*.py")]
    direct = {file: direct_imports(file) for file in files}
    while leaf := [file for file in direct if not direct[file] & direct.keys()]:
        direct = {file: names for file, names in direct.items() if file not in leaf}
    assert not direct, f"these import each other in a circle, or stand above one: {sorted(direct)}"


def direct_imports(file: str) -> set[str]:
    """The project files that a file imports by name, its own package's face left out."""
    modules = imported_modules(ROOT / file)
    face = (Path(file).parent / "__init__.py").as_posix()
    return {name for name in map(file_of, modules) if name} - {file, face, "facexpr/__init__.py"}


def test_keras_and_tensorflow_stand_only_where_they_may():
    keras = {"augment", "backend", "batches", "optimisation", "training", "training_bar"}
    keras |= {"complexity", "preprocess", "model_file", "model_variants", "commands/networks"}
    for path in (ROOT / "facexpr").rglob("*.py"):
        name = path.relative_to(ROOT / "facexpr").with_suffix("").as_posix()
        packages = {module.split(".")[0] for module in imported_modules(path)}
        assert "tensorflow" not in packages, name
        assert "keras" not in packages or name in keras or name.startswith("networks/"), name
