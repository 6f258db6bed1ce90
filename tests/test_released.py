import pytest

from facexpr import released
from facexpr.errors import UserError
from facexpr.released import find_model, released_folder, released_names


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A checkout with two released models and an unfinished one."""
    monkeypatch.setattr(released, "PACKAGE", tmp_path / "facexpr")
    for name in ("small", "large"):
        (tmp_path / "models/released" / name).mkdir(parents=True)
        (tmp_path / "models/released" / name / "model.onnx").touch()
    (tmp_path / "models/released/unfinished").mkdir()
    return tmp_path / "models/released"


def test_models_are_found_by_name_and_by_path(folder, tmp_path):
    assert released_names() == ["large", "small"]
    assert find_model("small") == folder / "small/model.onnx"
    path = tmp_path / "own.keras"
    assert find_model(path) == find_model(str(path)) == path
    assert str(find_model("OWN.ONNX")) == "OWN.ONNX"


def test_an_installed_package_has_them_inside(folder, tmp_path):
    inside = tmp_path / "facexpr/models"
    (inside / "small").mkdir(parents=True)
    (inside / "small/model.onnx").touch()
    assert released_folder() == inside
    assert released_names() == ["small"]


def test_an_unknown_name_is_told_with_the_known_ones(folder):
    with pytest.raises(UserError) as caught:
        find_model("smal")
    assert str(caught.value) == (
        "model: unknown 'smal'; available: large, small, the path of a .keras or .onnx; "
        "did you mean 'small'?"
    )
