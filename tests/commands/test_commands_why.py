"""`facexpr why` on a small pipeline that DVC really built."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
STAGES = {
    "align": {
        "cmd": 'cp "${data.source}" data/aligned',
        "deps": ["${data.source}", "facexpr/align.py"],
        "params": ["align.px", "align.method"],
        "outs": ["data/aligned"],
    },
    "train": {
        "cmd": "cp data/aligned models/model && cp data/aligned metrics/train.json",
        "deps": ["data/aligned", "facexpr/networks/${train.network}.py"],
        "params": ["train.network"],
        "outs": ["models/model"],
        "metrics": [{"metrics/train.json": {"cache": False}}],
    },
    "evaluate": {
        "cmd": "cp models/model data/scores",
        "deps": ["models/model"],
        "params": ["evaluate.views"],
        "outs": ["data/scores"],
    },
}
LOG = {"stage": "train", "items": 10080, "seconds": 104.6, "peak_mib": 800, "notes": {}}
FILES = {
    ".dvc/config": "[core]\nno_scm = true\nanalytics = false\ncheck_update = false\n",
    ".dvcignore": "",
    "dvc.yaml": yaml.safe_dump({"stages": STAGES}, sort_keys=False),
    "data/raw/faces": "some faces",
    "data/raw/others": "other faces",
    "facexpr/align.py": "",
    "facexpr/networks/vgg_bn.py": "",
    "facexpr/networks/kaist.py": "",
    "models/README.md": "",
    "metrics/README.md": "",
    "logs/train.json": json.dumps(LOG),
}


def dvc(*words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "dvc", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A project whose stages are copies, built."""
    folder = tmp_path_factory.mktemp("why") / "built"
    shutil.copytree(ROOT / "recipes", folder / "recipes")
    sample = (ROOT / "recipes/sample.yaml").read_text()
    for name, text in (FILES | {"params.yaml": sample}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        replace("params.yaml", "source: data/sample/fer2013.csv", "source: data/raw/faces")
        dvc("repro", "--quiet")
    return folder


@pytest.fixture
def project(built, tmp_path, monkeypatch):
    """A copy of the built project, and the current folder."""
    folder = shutil.copytree(built, tmp_path / "project")
    monkeypatch.chdir(folder)
    return folder


def replace(name: str, old: str, new: str) -> None:
    text = Path(name).read_text()
    assert old in text
    Path(name).write_text(text.replace(old, new))


def test_nothing_changed(project, call):
    answer = call("why")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == "nothing: all stages are up to date\n"


def test_every_kind_of_change_at_once(project, call):
    replace("params.yaml", "source: data/raw/faces", "source: data/raw/others")
    replace("params.yaml", "px: 48 ", "px: 32 ")
    replace("params.yaml", "network: vgg_bn", "network: kaist")
    replace("params.yaml", "views: 1 ", "views: 10 ")
    Path("facexpr/align.py").write_text("# edited")
    Path("models/model").unlink()
    Path("metrics/train.json").write_text("by hand")
    answer = call("why")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines() == [
        "align: 3 reasons",
        "  align.px 48 -> 32 (params.yaml)",
        "  data.source data/raw/faces -> data/raw/others (params.yaml)",
        "  facexpr/align.py edited",
        "train: 3 reasons; last time 105 s for 10,080 items",
        "  train.network vgg_bn -> kaist (params.yaml)",
        "  models/model missing",
        "  metrics/train.json changed outside the pipeline",
        "evaluate: evaluate.views 1 -> 10 (params.yaml)",
    ]


def test_a_stage_downstream_of_one_that_ran_alone(project, call):
    Path("data/raw/faces").write_text("more faces")
    follow = "may follow, if what they read comes out changed"
    changed = "align: data/raw/faces changed"
    assert call("why").out.splitlines() == [changed, f"{follow}: train (105 s), evaluate"]
    dvc("repro", "--quiet", "align")
    ran = "train: data/aligned changed: align ran since; last time 105 s for 10,080 items"
    assert call("why", "train").out.splitlines() == [ran, f"{follow}: evaluate"]
    assert call("why", "align").out == "nothing: align is up to date\n"


def test_stages_that_were_never_built_or_are_built_no_more(project, call):
    records = yaml.safe_load(Path("dvc.lock").read_text())
    del records["stages"]["train"]
    Path("dvc.lock").write_text(yaml.safe_dump(records))
    shutil.rmtree(".dvc/cache")
    assert call("why").out.splitlines() == [
        "align: data/aligned missing from DVC's cache",
        "train: never built",
        "evaluate: data/scores missing from DVC's cache",
    ]


def test_an_unknown_stage_is_told_with_the_known_ones(project, call):
    expected = "stage: unknown 'trian'; available: align, evaluate, train; did you mean 'train'?"
    assert call("why", "trian").error == expected


def test_what_dvc_cannot_read_is_told_in_its_words(project, call):
    with Path("dvc.lock").open("a") as file:
        file.write("<<<<<<< HEAD\n")
    assert call("why").error.startswith("dvc status: './dvc.lock' is invalid (possible merge")
