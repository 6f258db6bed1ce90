import subprocess
from importlib.metadata import version

from facexpr.provenance import commit, this_machine


def test_the_commit_is_dirty_by_code_and_not_by_what_the_pipeline_writes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert commit() == "unknown"
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    (tmp_path / "facexpr").mkdir()
    (tmp_path / "facexpr/labels.py").write_text("")

    def git(*words):
        done = subprocess.run(["git", *who, *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "all")
    head = git("rev-parse", "--short", "HEAD")
    (tmp_path / "params.yaml").write_text("")
    assert commit() == head
    (tmp_path / "facexpr/labels.py").write_text("SPLITS = ()")
    assert commit() == f"{head}-dirty"


def test_the_machine_names_what_keras_computes_on():
    assert this_machine("tensorflow").endswith(f", tensorflow {version('tensorflow_cpu')}")
    assert this_machine("no_backend").endswith(", no_backend of unknown version")
