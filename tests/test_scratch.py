import subprocess
import sys
from pathlib import Path

import pytest

from facexpr.errors import UserError
from facexpr.scratch import fingerprint, hold, scratch_root, tree_fingerprint


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


@pytest.mark.parametrize("name", ["missing", "."])
def test_an_input_that_is_no_file(tmp_path, name):
    path = tmp_path / name
    with pytest.raises(UserError) as caught:
        fingerprint({}, [path])
    assert str(caught.value) == f"{path}: not found; run 'dvc repro' or 'dvc checkout'"


def test_an_input_that_cannot_be_read(tmp_path):
    path = tmp_path / "a"
    path.symlink_to(path)
    for name in (lambda: fingerprint({}, [path]), lambda: tree_fingerprint(tmp_path)):
        with pytest.raises(UserError) as caught:
            name()
        assert str(caught.value) == f"{path}: cannot be read: Too many levels of symbolic links"


def make_tree(top, **files):
    for name, text in files.items():
        path = top / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return top


FILES = {"a": "1", "b": "", "sub__a": "2", "sub__b": "3", "zero__a": "2"}
OTHERS = [
    {},
    FILES | {"a": "2"},
    FILES | {"c": ""},
    FILES | {"sub__a": "3", "sub__b": "2"},
    {name: text for name, text in FILES.items() if name != "b"},
    {"a": "1", "b": "", "sub__a": "2", "sub__b": "3", "zero__b": "2"},
    {"a": "1", "b": "", "sub__sub__a": "2", "sub__b": "3", "zero__a": "2"},
]


def test_a_tree_is_known_by_its_names_and_what_they_hold(tmp_path):
    name = tree_fingerprint(make_tree(tmp_path / "one", **FILES))
    again = make_tree(tmp_path / "two", **dict(reversed(FILES.items())))
    assert tree_fingerprint(again) == name
    assert Path(name).name == name
    names = {
        tree_fingerprint(make_tree(tmp_path / f"other{number}", **other))
        for number, other in enumerate(OTHERS)
    }
    assert len(names | {name}) == 1 + len(OTHERS)


def test_a_file_is_known_by_what_it_holds_and_a_link_by_what_is_behind_it(files, tmp_path):
    one, other = files
    assert tree_fingerprint(one) != tree_fingerprint(other)
    moved = tmp_path / "elsewhere"
    moved.symlink_to(one)
    assert tree_fingerprint(moved) == tree_fingerprint(one)
    linked, real = tmp_path / "linked", tmp_path / "real"
    linked.mkdir()
    (linked / "a").symlink_to(one)
    assert tree_fingerprint(linked) == tree_fingerprint(make_tree(real, a="one two"))


def test_what_is_not_there_has_a_name(tmp_path, files):
    name = tree_fingerprint(tmp_path / "missing")
    assert name == tree_fingerprint(tmp_path / "absent")
    assert name != tree_fingerprint(files[0])


def test_who_comes_second_waits_until_the_folder_is_free(tmp_path):
    folder = tmp_path / "train" / "a"
    code = f"from facexpr.scratch import *\nwith hold(Path({str(folder)!r})): print('in')"
    with hold(folder):
        second = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(2)
    assert second.communicate(timeout=30)[0] == b"in\n"
    assert second.returncode == 0
