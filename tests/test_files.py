import pytest

from facexpr.files import publish, write_json


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


def test_publish_takes_files_without_a_suffix_when_told(tmp_path):
    with publish(tmp_path / "new" / "table", files=True) as (fresh,):
        fresh.write_text("rows")
    assert (tmp_path / "new" / "table").read_text() == "rows"


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
