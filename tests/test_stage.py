import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from facexpr.stage import Report, peak_memory

ROOT = Path(__file__).parents[1]
HEAD = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
HEAD += "from facexpr.files import publish\nfrom facexpr.stage import *\n"
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
    assert log.keys() - {"notes", "stage"} == {
        *("items", "seconds", "peak_mib", "workers", "workers_peak_mib")
    }


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
