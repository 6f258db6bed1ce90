import subprocess
import sys
from pathlib import Path

import pytest

from facexpr.scratch import fingerprint, hold, scratch_root


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / "a", tmp_path / "b"]
    paths[0].write_bytes(b"one two")
    paths[1].write_bytes(b"three")
    return paths


def test_the_environment_names_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("FACEXPR_SCRATCH", str(tmp_path))
    assert scratch_root() == tmp_path


@pytest.mark.parametrize("named", [None, ""])
def test_without_a_name_it_is_the_cache_folder_of_the_user(monkeypatch, named, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("FACEXPR_SCRATCH", raising=False)
    if named is not None:
        monkeypatch.setenv("FACEXPR_SCRATCH", named)
    root = scratch_root()
    assert root.is_relative_to(tmp_path)
    assert root.name == "facexpr"


def test_equal_work_has_one_name_wherever_it_lies(files, tmp_path):
    moved = tmp_path / "elsewhere"
    moved.write_bytes(b"one two")
    name = fingerprint({"a": 1, "b": (1, 2)}, files)
    assert fingerprint({"b": [1, 2], "a": 1}, [moved, files[1]]) == name
    assert Path(name).name == name


def test_values_content_and_order_of_files_each_change_the_name(files):
    names = {fingerprint({"a": 1}, files), fingerprint({"a": 2}, files)}
    names.add(fingerprint({"a": 1}, files[::-1]))
    names.add(fingerprint({"a": 1}, files[:1]))
    files[1].write_bytes(b"three ")
    names.add(fingerprint({"a": 1}, files))
    assert len(names) == 5


def test_bytes_that_move_from_one_file_to_the_next_change_the_name(files):
    before = fingerprint({}, files)
    files[0].write_bytes(b"one ")
    files[1].write_bytes(b"twothree")
    assert fingerprint({}, files) != before


def test_who_comes_second_waits_until_the_folder_is_free(tmp_path):
    folder = tmp_path / "train" / "a"
    code = f"from facexpr.scratch import *\nwith hold(Path({str(folder)!r})): print('in')"
    with hold(folder):
        second = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(2)
    assert second.communicate(timeout=30)[0] == b"in\n"
    assert second.returncode == 0
