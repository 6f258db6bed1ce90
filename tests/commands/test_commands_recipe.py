"""`facexpr recipe`: params.yaml by name, and what it will not overwrite."""

import gzip
import lzma
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml

from facexpr.images import encode_png
from facexpr.params import load

ROOT = Path(__file__).parents[2]
PIXELS = " ".join(["0"] * 2304)
TABLE = f"emotion,pixels,Usage\n3,{PIXELS},Training\n"


@pytest.fixture
def committed(project):
    """The project with its params.yaml in git."""
    git(project, "init", "--quiet")
    git(project, "add", "params.yaml")
    git(project, "commit", "--quiet", "--message", "start")
    return project


def git(folder, *words):
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True)


def put_source(project, name="fer2013.csv"):
    path = project / "data/raw" / name
    if name.endswith(".tar.gz"):
        (project / "fer2013.csv").write_text(TABLE)
        subprocess.run(["tar", "-czf", path, "fer2013.csv"], cwd=project, check=True)
    else:
        compress = {".xz": lzma.compress, ".gz": gzip.compress}.get(path.suffix, bytes)
        path.write_bytes(compress(TABLE.encode()))
    return path


def put_pictures(folder, labels):
    for split in ("train", "test"):
        for label in labels:
            path = folder / split / label / "a.png"
            path.parent.mkdir(parents=True)
            path.write_bytes(encode_png(np.zeros((20, 20), np.uint8)))
    return folder


def values(project):
    return yaml.safe_load((project / "params.yaml").read_text())


def test_the_committed_parameters_are_the_sample_recipe(project, call):
    sample = (ROOT / "recipes/sample.yaml").read_bytes()
    (project / "params.yaml").unlink()
    answer = call("recipe", "sample")
    assert (answer.code, answer.out) == (0, "params.yaml: recipe sample; next: dvc repro\n")
    assert (project / "params.yaml").read_bytes() == sample
    assert (ROOT / "params.yaml").read_bytes() == sample


def test_recipes_are_listed_with_their_first_line(project, call):
    lines = call("recipe").out.splitlines()
    names = "fer2013 fer2013-whole ferplus fiveclass folder fourconv gudi gudi-1.3 gudi-raf kaist"
    names += " release-fer2013 sample shortcut"
    assert [line.split()[0] for line in lines] == names.split()
    assert lines[-2].startswith("sample           The drawn sample, from nothing to metrics")


def test_a_folder_without_test_has_its_last_split_predicted(committed, call):
    put_pictures(committed / "own", ["a", "b"])
    (committed / "own/test").rename(committed / "own/Validation")
    assert call("recipe", "folder", "--source", "own").code == 0
    assert values(committed)["predict"]["input"] == "own/Validation"


def test_from_one_recipe_to_another_on_the_same_source(committed, call):
    put_source(committed)
    assert call("recipe", "kaist").code == 0
    assert call("recipe", "gudi-1.3").code == 0
    assert values(committed)["detect"]["haar_scale_factor"] == 1.3
    assert values(committed)["train"]["network"] == "gudi"


def test_an_unknown_recipe(project, call):
    message = call("recipe", "fer2031").error
    assert message == (
        "recipe: unknown 'fer2031'; available: fer2013, fer2013-whole, ferplus, fiveclass, folder, "
        "fourconv, gudi, gudi-1.3, gudi-raf, kaist, release-fer2013, sample, shortcut; "
        "did you mean 'fer2013'?"
    )


def test_a_recipe_is_the_sample_with_its_differences_and_all_comments(committed, call):
    put_source(committed)
    before = values(committed)
    answer = call("recipe", "fer2013")
    assert answer.code == 0
    after, wanted = values(committed), yaml.safe_load((ROOT / "recipes/fer2013.yaml").read_text())
    for section in before:
        assert after[section] == before[section] | wanted.get(section, {})
    text = (committed / "params.yaml").read_text()
    for line in (ROOT / "recipes/sample.yaml").read_text().splitlines()[5:]:
        comment = line.partition(" # ")[2].strip()
        assert comment in text


@pytest.mark.parametrize(
    "name", ["fer2013.csv", "fer2013.csv.xz", "fer2013.csv.gz", "fer2013.tar.gz"]
)
def test_the_source_is_found_in_every_form(committed, call, name):
    put_source(committed, name)
    assert call("recipe", "fer2013").code == 0
    assert values(committed)["data"]["source"] == f"data/raw/{name}"


def test_the_folder_form_of_fer2013(committed, call):
    labels = values(committed)["data"]["labels"]
    put_pictures(committed / "data/raw/fer2013", labels)
    assert call("recipe", "fer2013").code == 0
    assert values(committed)["data"]["source"] == "data/raw/fer2013"


def test_missing_data_leave_the_parameters_alone(committed, call):
    before = (committed / "params.yaml").read_bytes()
    message = call("recipe", "fer2013").error
    assert message.startswith("recipe fer2013: no data at data/raw/fer2013.csv (nor as .gz, .xz,")
    assert "see data/README.md" in message
    message = call("recipe", "fer2013", "--source", "none.csv").error
    assert message.startswith("data.source: none.csv not found")
    message = call("recipe", "folder").error
    assert message.startswith("data/raw/images: not found; expected <split>/<label>/<picture>")
    assert (committed / "params.yaml").read_bytes() == before


def test_broken_data_leave_the_parameters_alone(committed, call):
    before = (committed / "params.yaml").read_bytes()
    put_source(committed).write_text("emotion,pixels\n")
    assert "no column Usage" in call("recipe", "fer2013").error
    assert (committed / "params.yaml").read_bytes() == before


def test_a_source_elsewhere_is_named_from_where_the_user_stands(committed, call, monkeypatch):
    put_source(committed, "mine.csv")
    monkeypatch.chdir(committed / "data")
    assert call("recipe", "fer2013", "--source", "raw/mine.csv").code == 0
    assert values(committed)["data"]["source"] == "data/raw/mine.csv"
    outside = committed.parent / "outside.csv"
    outside.write_text(TABLE)
    monkeypatch.chdir(committed / "data")
    assert call("recipe", "fer2013", "--source", "../../outside.csv", "--force").code == 0
    assert values(committed)["data"]["source"] == str(outside)
    monkeypatch.chdir(committed)
    assert call("recipe", "sample", "--source", "data/raw/mine.csv", "--force").code == 0
    assert values(committed)["data"]["source"] == "data/raw/mine.csv"


def test_the_folder_recipe_takes_labels_from_the_folders(committed, call):
    put_pictures(committed / "data/raw/images", ["no", "sehr froh", "007"])
    put_source(committed, "icml_face_data.csv")  # another data set beside it
    assert call("recipe", "folder").code == 0
    assert load(committed / "params.yaml").data.labels == ("007", "no", "sehr froh")
    assert values(committed)["data"]["source"] == "data/raw/images"
    assert values(committed)["predict"]["input"] == "data/raw/images/test"


def test_the_folder_recipe_with_another_folder(committed, call):
    put_pictures(committed / "mine", ["a", "b"])
    assert call("recipe", "folder", "--source", "mine").code == 0
    assert values(committed)["data"]["labels"] == ["a", "b"]
    assert values(committed)["predict"]["input"] == "mine/test"


def test_diff_shows_and_writes_nothing(committed, call):
    put_source(committed, "fer2013.csv.xz")
    before = (committed / "params.yaml").read_bytes()
    answer = call("recipe", "fer2013", "--diff")
    assert answer.code == 0
    assert answer.out.startswith("--- params.yaml\n+++ recipe\n")
    assert "+  source: data/raw/fer2013.csv.xz" in answer.out
    assert "-  epochs: 12" in answer.out
    assert (committed / "params.yaml").read_bytes() == before
    assert call("recipe", "sample", "--diff").out == ""


@pytest.mark.parametrize("state", ["edited", "staged", "untracked", "no git"])
def test_edits_that_git_does_not_hold_are_kept_without_force(project, call, change, state):
    if state != "no git":
        git(project, "init", "--quiet")
        git(project, "add", "dvc.yaml" if state == "untracked" else "params.yaml")
        git(project, "commit", "--quiet", "--message", "start")
    change(train={"epochs": 99})
    if state == "staged":
        git(project, "add", "params.yaml")
    edited = (project / "params.yaml").read_bytes()
    message = call("recipe", "sample").error
    assert message.startswith("params.yaml: has edits that git does not hold; commit them, or")
    assert "--force" in message
    assert (project / "params.yaml").read_bytes() == edited
    assert call("recipe", "sample", "--force").code == 0
    assert values(project)["train"]["epochs"] == 12


def test_what_a_recipe_wrote_may_go(committed, call, change):
    put_source(committed, "fer2013.csv.xz")
    assert call("recipe", "fer2013").code == 0
    assert call("recipe", "sample").code == 0
    assert call("recipe", "fer2013").code == 0
    change(train={"epochs": 99})
    assert "--force" in call("recipe", "sample").error


def test_committed_edits_may_go(committed, call, change):
    change(train={"epochs": 99})
    git(committed, "commit", "--quiet", "--all", "--message", "longer")
    assert call("recipe", "sample").code == 0
    assert values(committed)["train"]["epochs"] == 12
