import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from facexpr.stage import Report, peak_memory, publish, write_json

ROOT = Path(__file__).parents[1]
HEAD = f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom facexpr.stage import *\n"
# A shell starts its background jobs deaf to interrupts, and what they start inherits that.
HEAD += "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"


def write_program(body):
    """A program whose stage `demo` does `body`."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return f"{HEAD}def main(report):\n{lines}\nrun('demo', main)\n"


def start(folder, body):
    """Start that program in `folder`."""
    code = write_program(body)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-B", "-c", code], cwd=folder, **pipes)


def finish(process):
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def wait_for(path):
    for _ in range(600):
        if path.exists():
            return
        time.sleep(0.05)
    raise AssertionError(f"{path} did not appear")


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    return path


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "shards"
    path.mkdir()
    (path / "old.tar").write_text("old")
    return path


def test_publish_replaces_files_and_folders_when_all_went_well(file, folder):
    with publish(file, folder) as (new_file, new_folder):
        new_file.write_text("new")
        (new_folder / "new.tar").write_text("new")
        assert file.read_text() == "old"
        assert names_in(folder) == ["old.tar"]
    assert file.read_text() == "new"
    assert names_in(folder) == ["new.tar"]
    assert names_in(file.parent) == ["shards", "table.csv"]


def fail_half_way(file, folder):
    with publish(file, folder) as (new_file, new_folder):
        new_file.write_text("new")
        (new_folder / "new.tar").write_text("new")
        raise RuntimeError("half way")


def test_publish_leaves_everything_as_it_was_when_something_fails(file, folder):
    with pytest.raises(RuntimeError, match="half way"):
        fail_half_way(file, folder)
    assert file.read_text() == "old"
    assert names_in(folder) == ["old.tar"]
    assert names_in(file.parent) == ["shards", "table.csv"]


def test_publish_makes_missing_folders(tmp_path):
    with publish(tmp_path / "a" / "b.csv", tmp_path / "c" / "d") as (file, folder):
        file.write_text("x")
        assert folder.is_dir()
    assert (tmp_path / "a" / "b.csv").read_text() == "x"
    assert (tmp_path / "c" / "d").is_dir()


def test_publish_keeps_the_suffix_which_some_writers_look_at(tmp_path):
    with publish(tmp_path / "model.keras") as (new,):
        assert new.suffix == ".keras"
        new.touch()


def test_publish_starts_afresh_after_a_killed_run(tmp_path):
    left = tmp_path / ".partial-shards"
    left.mkdir()
    (left / "half.tar").write_text("half")
    with publish(tmp_path / "shards") as (new,):
        assert names_in(new) == []
    assert names_in(tmp_path) == ["shards"]


def test_publish_wants_every_output_to_be_written(file):
    with pytest.raises(FileNotFoundError), publish(file):
        pass
    assert file.read_text() == "old"


def test_write_json_keeps_the_order_and_ends_in_a_line(tmp_path):
    path = tmp_path / "metrics.json"
    write_json(path, {"b": 1, "a": 0.5})
    assert path.read_bytes() == b'{\n  "b": 1,\n  "a": 0.5\n}\n'


def test_the_report_counts_prints_one_line_and_writes_a_log(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    report = Report("demo")
    assert list(report.progress(iter("abc"))) == ["a", "b", "c"]
    report.note("no face")
    report.note("no face", 2)
    report.note("box", 0)
    report.close()
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("demo: 3 items in ")
    assert ", no face: 3, box: 0, peak " in line
    log = json.loads((tmp_path / "logs" / "demo.json").read_text())
    assert log["stage"] == "demo"
    assert log["items"] == 3
    assert log["notes"] == {"no face": 3, "box": 0}
    assert log.keys() == {"stage", "items", "seconds", "peak_mib", "notes"}


def test_a_run_that_succeeds_prints_its_summary(tmp_path):
    code, out, err = finish(start(tmp_path, "report.items = 2\nreport.note('dropped', 1)"))
    assert (code, err) == (0, "")
    assert out.startswith("demo: 2 items in ")
    assert out.count("\n") == 1
    assert (tmp_path / "logs" / "demo.json").is_file()


def test_an_expected_error_is_one_line_and_exit_1(tmp_path):
    code, out, err = finish(start(tmp_path, "raise UserError('x.csv: not found')"))
    assert (code, out, err) == (1, "", "demo: error: x.csv: not found\n")
    assert not (tmp_path / "logs" / "demo.json").exists()


def test_an_unexpected_error_shows_its_traceback(tmp_path):
    code, _, err = finish(start(tmp_path, "raise KeyError('x')"))
    assert code == 1
    assert err.startswith("Traceback")


def test_an_interrupt_ends_without_a_traceback_and_leaves_no_half_output(tmp_path):
    body = (
        "with publish(Path('out.csv')) as (new,):\n    new.write_text('half')\n    time.sleep(60)"
    )
    process = start(tmp_path, body)
    wait_for(tmp_path / ".partial-out.csv")
    process.send_signal(signal.SIGINT)
    assert finish(process) == (130, "", "")
    assert names_in(tmp_path) == ["logs"]


def test_a_second_run_waits_for_the_first(tmp_path):
    first = start(
        tmp_path, "Path('begun').touch()\nwhile not Path('go').exists(): time.sleep(0.05)"
    )
    wait_for(tmp_path / "begun")
    second = start(tmp_path, "Path('second').touch()")
    line = second.stderr.readline()
    assert line == "demo: waiting for another run of this stage to end\n"
    assert not (tmp_path / "second").exists()
    (tmp_path / "go").touch()
    assert finish(first)[0] == finish(second)[0] == 0
    assert (tmp_path / "second").exists()


COUNT = """\
for number in range(200):
    Path("number").write_text(str(number))
    time.sleep(0.1)
"""


def test_a_stage_ends_with_its_parent(tmp_path):
    stage = [sys.executable, "-B", "-c", write_program(COUNT)]
    parent = f"import subprocess; subprocess.run({stage!r})"
    process = subprocess.Popen([sys.executable, "-c", parent], cwd=tmp_path)
    wait_for(tmp_path / "number")
    process.kill()
    process.wait()
    last, now = None, ""
    while now != last:
        time.sleep(0.7)
        last, now = now, (tmp_path / "number").read_text()
    assert now != "199"


def test_peak_memory_is_this_process_own_and_not_what_its_parent_held():
    code = f"{HEAD}print(peak_memory())"
    held = b"x" * (300 * 2**20)  # by the parent, while the child starts
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 5 * 2**20 < int(child.stdout) < len(held)
    assert peak_memory() >= len(held)
