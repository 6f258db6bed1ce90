"""Why stages are stale, from made-up pipelines and what DVC would report of them."""

import json
import re
from pathlib import Path

import pytest
import yaml
from closure import ROOT

from facexpr import why

PIPELINE = {
    "read": {
        "cmd": 'python -m stages.read --source "${data.source}" --out data/table.csv',
        "deps": ["${data.source}", "facexpr/datasets", "facexpr/intake.py"],
        "params": ["data.seed"],
        "outs": ["data/table.csv", "data/views/table.png"],
    },
    "audit": {
        "cmd": "python -m stages.audit",
        "deps": ["data/table.csv"],
        "outs": ["data/audit"],
    },
    "train": {
        "cmd": "python -m stages.train",
        "deps": ["data/table.csv", "facexpr/networks/${train.network}.py", "facexpr/training.py"],
        "params": ["train.network", "train.learning_rate", "train.labels"],
        "outs": ["models/model.keras"],
        "metrics": [{"metrics/train.json": {"cache": False}}],
    },
    "evaluate": {
        "cmd": "python -m stages.evaluate",
        "deps": ["models/model.keras", "data/audit/copies.csv", "stages/evaluate.py"],
        "outs": ["data/evaluation"],
        "plots": ["data/plots"],
    },
}
SAMPLE = {
    "sample": {
        "cmd": "python -m stages.sample",
        "wdir": "../..",
        "params": ["sample.seed"],
        "outs": ["data/sample/table.csv"],
    }
}
PARAMS = {
    "sample": {"seed": 0},
    "data": {"source": "data/sample/table.csv", "seed": 0},
    "train": {"network": "vgg", "learning_rate": 0.02, "labels": ["angry", "happy"]},
}
LOGS = {
    "read": {"seconds": 0.24, "items": 1120},
    "train": {"seconds": 3271.8, "items": 918688},
    "evaluate": {"seconds": 9.96, "items": 280},
}
FOLLOW = "may follow, if what they read comes out changed: "
TRAIN_TOOK = "; last time 3,272 s for 918,688 items"


def record(stage: dict) -> dict:
    """The stage's entry in dvc.lock, had it been built with PARAMS."""
    values = {name: why.value_of(PARAMS, name) for name in stage.get("params", ())}
    return {
        "cmd": why.fill(stage["cmd"], PARAMS),
        "deps": [{"path": why.fill(dep, PARAMS)} for dep in stage.get("deps", ())],
        "params": {"params.yaml": values},
        "outs": [{"path": path} for path in why.written_by(stage)],
    }


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The current folder, with a pipeline that was built with PARAMS."""
    monkeypatch.chdir(tmp_path)
    for folder, stages in (("data/sample", SAMPLE), (".", PIPELINE)):
        Path(folder).mkdir(parents=True, exist_ok=True)
        records = {name: record(stage) for name, stage in stages.items()}
        Path(folder, "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))
        Path(folder, "dvc.lock").write_text(yaml.safe_dump({"stages": records}))
    return tmp_path


def lines(status: dict, target: str | None = None, **changes: dict) -> list[str]:
    """What is said of a status, with params.yaml changed so."""
    params = {name: values | changes.get(name, {}) for name, values in PARAMS.items()}
    stages = why.read_stages(status, params)
    if target:
        return why.explain_stage(target, stages, params, LOGS)
    return why.explain(stages, params, LOGS)


def changed(deps: dict | None = None, outs: dict | None = None, *words: str) -> list:
    """A stage's entries in the status."""
    pairs = (("changed deps", deps), ("changed outs", outs))
    return [{word: paths} for word, paths in pairs if paths] + [*words]


def test_nothing(project):
    assert lines({}) == ["nothing: all stages are up to date"]
    assert lines({}, "train") == ["nothing: train is up to date"]


def test_a_parameter_is_told_with_both_values_and_what_follows_with_its_time(project):
    status = {"train": changed({"params.yaml": {"train.learning_rate": "modified"}})}
    told = [
        f"train: train.learning_rate 0.02 -> 0.03 (params.yaml){TRAIN_TOOK}",
        f"{FOLLOW}evaluate (10.0 s)",
    ]
    assert lines(status, train={"learning_rate": 0.03}) == told
    assert lines(status, "train", train={"learning_rate": 0.03}) == told


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("learning_rate", 5.0e-5, "train.learning_rate 0.02 -> 5.0e-05"),
        ("learning_rate", None, "train.learning_rate 0.02 -> null"),
        ("learning_rate", "", "train.learning_rate 0.02 -> ''"),
        ("learning_rate", True, "train.learning_rate 0.02 -> true"),
        ("learning_rate", {"b": [1, 2], "a": 0}, "train.learning_rate 0.02 -> {b: [1, 2], a: 0}"),
        ("labels", ["überrascht"], "train.labels [angry, happy] -> [überrascht]"),
        ("labels", ["x" * 90, "y z"], f"train.labels [angry, happy] -> [{'x' * 90}, y z]"),
    ],
)
def test_values_are_told_as_params_yaml_has_them_on_one_line(project, name, value, told):
    status = {"train": changed({"params.yaml": {f"train.{name}": "modified"}})}
    head = lines(status, train={name: value})[0]
    assert head == f"train: {told} (params.yaml){TRAIN_TOOK}"


def test_several_reasons_stand_below_each_other_and_files_of_a_kind_together(project):
    files = {"data/table.csv": "modified", "facexpr/training.py": "modified"}
    names = {"train.learning_rate": "modified", "train.network": "modified"}
    network = {"facexpr/networks/kaist.py": "modified"}  # as DVC calls one it has never seen
    status = {"train": changed(files | network | {"params.yaml": names})}
    assert lines(status, train={"learning_rate": 0.1, "network": "kaist"})[:-1] == [
        f"train: 4 reasons{TRAIN_TOOK}",
        "  train.learning_rate 0.02 -> 0.1 (params.yaml)",
        "  train.network vgg -> kaist (params.yaml)",
        "  data/table.csv changed: read ran since",
        "  facexpr/training.py edited",
    ]


@pytest.mark.parametrize(
    ("deps", "outs", "words", "told"),
    [
        ({"facexpr/intake.py": "modified"}, {}, (), "facexpr/intake.py edited"),
        (
            {"facexpr/datasets": "modified", "facexpr/intake.py": "modified"},
            *({}, ()),
            "facexpr/datasets, facexpr/intake.py edited",
        ),
        ({"data/sample/table.csv": "deleted"}, {}, (), "data/sample/table.csv missing"),
        ({"facexpr/extra.py": "modified"}, {}, (), "facexpr/extra.py new among its inputs"),
        ({"params.yaml": {"data.seed": "new"}}, {}, (), "data.seed is new: 0 (params.yaml)"),
        (
            {"params.yaml": {"data.seed": "deleted"}},
            *({}, ()),
            "data.seed is gone: it was 0 (params.yaml)",
        ),
        ({}, {"data/table.csv": "deleted"}, (), "data/table.csv missing"),
        (
            *({}, {"data/table.csv": "modified"}, ()),
            "data/table.csv changed outside the pipeline",
        ),
        (
            *({}, {"data/table.csv": "not in cache", "data/views/table.png": "not in cache"}, ()),
            "data/table.csv, data/views/table.png missing from DVC's cache",
        ),
        ({}, {"data/more.csv": "modified"}, (), "data/more.csv new among its outputs"),
        ({}, {}, ("changed command",), "command changed (dvc.yaml)"),
        ({}, {}, ("always changed",), "runs always (dvc.yaml)"),
        ({}, {}, ("changed in a new way",), "changed in a new way"),
    ],
)
def test_each_kind_of_change(project, deps, outs, words, told):
    head = lines({"read": changed(deps, outs, *words)})[0]
    assert head == f"read: {told}; last time 0.2 s for 1,120 items"


def test_a_file_of_the_users_own_changed(project):
    own = {"source": "data/raw/own.csv"}
    lock = Path("dvc.lock")
    lock.write_text(lock.read_text().replace("data/sample/table.csv", own["source"]))
    status = {
        "read": changed({"data/raw/own.csv": "modified"}),
        "data/raw/own.csv.dvc": changed(outs={"data/raw/own.csv": "modified"}),
    }
    head = "read: data/raw/own.csv changed; last time 0.2 s for 1,120 items"
    assert lines(status, data=own)[0] == head


def test_another_source_is_told_as_the_parameter_in_the_command(project):
    status = {"read": changed({"data/raw/a b.csv": "modified"}, {}, "changed command")}
    change = "data.source data/sample/table.csv -> data/raw/a b.csv (params.yaml)"
    assert lines(status, data={"source": "data/raw/a b.csv"})[0].startswith(f"read: {change};")
    status["read"][0]["changed deps"]["data/raw/a b.csv"] = "deleted"
    told = lines(status, data={"source": "data/raw/a b.csv"})[1:3]
    assert told == [f"  {change}", "  data/raw/a b.csv missing"]


def test_a_command_of_other_words_is_told_as_such(project):
    lock = Path("dvc.lock")
    lock.write_text(lock.read_text().replace("stages.read", "stages/read"))
    status = {"read": changed({"data/raw/a.csv": "modified"}, {}, "changed command")}
    assert lines(status, data={"source": "data/raw/a.csv"})[1:3] == [
        "  command changed (dvc.yaml)",
        "  data/raw/a.csv new among its inputs",
    ]


@pytest.mark.parametrize("how", ["modified", "deleted", "not in cache"])
def test_what_an_upstream_stage_makes_anew_is_no_reason(project, how):
    """A table that was edited or lost is built again, and may come out as it was."""
    status = {
        "read": changed(outs={"data/table.csv": how}),
        "audit": changed({"data/table.csv": "modified"}),
        "train": changed({"data/table.csv": "deleted", "facexpr/training.py": "modified"}),
    }
    stale = [line.partition(":")[0] for line in lines(status)]
    assert stale == ["read", "train", "may follow, if what they read comes out changed"]
    assert lines(status)[-1] == f"{FOLLOW}audit, evaluate (10.0 s)"


def test_a_file_in_an_output_folder_belongs_to_its_stage(project):
    status = {
        "audit": changed(outs={"data/audit": "deleted"}),
        "evaluate": changed({"data/audit/copies.csv": "deleted"}),
    }
    assert lines(status) == ["audit: data/audit missing", f"{FOLLOW}evaluate (10.0 s)"]
    del status["audit"]
    status["evaluate"] = changed({"data/audit/copies.csv": "modified"})
    head = (
        "evaluate: data/audit/copies.csv changed: audit ran since; last time 10.0 s for 280 items"
    )
    assert lines(status) == [head]


def test_a_folder_that_a_stage_writes_into_makes_its_reader_follow(project):
    status = {"data/sample/dvc.yaml:sample": changed(outs={"data/sample/table.csv": "deleted"})}
    status["read"] = changed({"data/sample": "modified"})
    told = lines(status, "read", data={"source": "data/sample"})
    assert told[:2] == [
        "read: may follow sample, which is stale; last time 0.2 s for 1,120 items",
        "sample: data/sample/table.csv missing",
    ]


def test_a_stage_that_is_stale_through_another_names_it(project):
    status = {"train": changed({"facexpr/training.py": "modified"})}
    assert lines(status, "evaluate") == [
        "evaluate: may follow train, which is stale; last time 10.0 s for 280 items",
        f"train: facexpr/training.py edited{TRAIN_TOOK}",
    ]
    assert lines(status, "audit") == ["nothing: audit is up to date"]


def test_a_stage_that_is_stale_by_itself_names_the_stale_ones_upstream_too(project):
    status = {
        "read": changed({"facexpr/intake.py": "modified"}),
        "train": changed({"facexpr/training.py": "modified"}),
        "evaluate": changed({"stages/evaluate.py": "modified"}),
    }
    assert lines(status, "evaluate") == [
        "evaluate: 2 reasons; last time 10.0 s for 280 items",
        "  stages/evaluate.py edited",
        "  may follow read, train, which are stale",
    ]


def test_a_stage_without_a_record_was_never_built(project):
    """DVC reports each of its files as modified, which says less."""
    lock = yaml.safe_load(Path("dvc.lock").read_text())
    del lock["stages"]["train"]
    Path("dvc.lock").write_text(yaml.safe_dump(lock))
    status = {"train": changed({"data/table.csv": "modified", "params.yaml": "new"})}
    assert lines(status) == ["train: never built", f"{FOLLOW}evaluate (10.0 s)"]


def test_without_any_lock_no_stage_was_ever_built(project):
    Path("dvc.lock").unlink()
    Path("data/sample/dvc.lock").unlink()
    told = lines({name: changed({"params.yaml": "new"}) for name in PIPELINE})
    assert told == [f"{name}: never built" for name in ["sample", *PIPELINE]]


def test_a_sample_that_no_stage_reads_is_passed_over(project):
    status = {"data/sample/dvc.yaml:sample": changed({"params.yaml": {"sample.seed": "modified"}})}
    seed = "sample: sample.seed 0 -> 1 (params.yaml)"
    after = f"{FOLLOW}read (0.2 s), audit, train (3,272 s), evaluate (10.0 s)"
    assert lines(status, sample={"seed": 1}) == [seed, after]
    own = {"source": "data/raw/own.csv"}
    assert lines(status, sample={"seed": 1}, data=own) == ["nothing: all stages are up to date"]
    passed = "dvc repro passes sample over: no stage of dvc.yaml reads what it writes"
    assert lines(status, "sample", sample={"seed": 1}, data=own) == [seed, passed]


def test_logs_are_read_but_for_half_written_ones(tmp_path):
    assert why.read_logs(tmp_path / "none") == {}
    log = {"stage": "train", "items": 3, "seconds": 1.5, "peak_mib": 1, "notes": {}}
    (tmp_path / "train.json").write_text(json.dumps(log))
    (tmp_path / "mean.json").write_text('{"stage": "me')
    (tmp_path / "mean.lock").touch()
    assert why.read_logs(tmp_path) == {"train": log}


def test_the_pipelines_graph_is_the_one_that_dvc_draws(monkeypatch):
    """The README's drawing is DVC's; a stage is upstream if arrows lead from it."""
    monkeypatch.chdir(ROOT)
    text = (ROOT / "README.md").read_text()
    names = dict(re.findall(r'^(node\d+)\["(?:.*:)?(\w+)"\]', text, re.MULTILINE))
    arrows = {(names[a], names[b]) for a, b in re.findall(r"(node\d+)-->(node\d+)", text)}
    while more := {(a, d) for a, b in arrows for c, d in arrows if b == c} - arrows:
        arrows |= more
    above = why.upstream(why.read_stages({}, why.read_yaml(Path("params.yaml"))))
    assert {(a, b) for b, others in above.items() for a in others} == arrows
    assert sorted(above) == sorted(names.values())
