from pathlib import Path

import pytest

from facexpr.errors import UserError
from facexpr.project import enter_root, find_root


@pytest.fixture
def root(tmp_path):
    root = tmp_path.resolve() / "project"
    (root / "recipes").mkdir(parents=True)
    (root / "data" / "raw").mkdir(parents=True)
    (root / "dvc.yaml").touch()
    return root


def test_the_root_is_found_from_itself_and_from_below(root):
    assert find_root(root) == root
    assert find_root(root / "data" / "raw") == root


def test_a_dvc_yaml_without_recipes_is_not_the_root(root):
    (root / "data" / "dvc.yaml").touch()
    assert find_root(root / "data") == root


def test_outside_of_a_project(tmp_path):
    with pytest.raises(UserError) as caught:
        find_root(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path.resolve()}: not inside a facexpr project (no dvc.yaml with recipes/ upwards)"
    )


def test_entering_says_where_the_user_was(root, monkeypatch):
    monkeypatch.chdir(root / "data")
    assert enter_root() == root / "data"
    assert Path.cwd() == root
