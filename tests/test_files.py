import pytest

from facexpr.files import partial, publish, write_json

WORK, OTHER = "0123456789abcdef0123", "f" * 20  # fingerprints


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


def break_off(error, *paths, work=WORK):
    """Write a little of each output, then raise."""
    with publish(*paths, work=work) as fresh:
        for path in fresh:
            (path / "a.tar" if path.is_dir() else path).write_text("half")
        raise error


def test_what_an_interrupted_run_of_the_same_work_has_left_is_given_back(file, folder):
    with pytest.raises(KeyboardInterrupt):
        break_off(KeyboardInterrupt, file, folder)
    assert file.read_text() == "old"
    assert names_in(folder) == ["old.tar"]
    with publish(file, folder, work=WORK) as (new_file, new_folder):
        assert not new_file.exists()  # only of folders can a part be used
        assert names_in(new_folder) == ["a.tar"]
        new_file.write_text("new")
        (new_folder / "b.tar").write_text("new")
    assert names_in(folder) == ["a.tar", "b.tar"]
    assert names_in(file.parent) == ["shards", "table.csv"]


def test_what_a_killed_run_of_the_same_work_has_left_is_given_back(file, folder):
    """A killed one, other than an interrupted one, leaves half a file, too."""
    left = [partial(file, WORK), partial(folder, WORK)]
    left[0].write_text("half")
    left[1].mkdir()
    (left[1] / "a.tar").write_text("whole")
    with publish(file, folder, work=WORK) as (new_file, new_folder):
        assert [new_file, new_folder] == left
        assert not new_file.exists()
        assert (new_folder / "a.tar").read_text() == "whole"
        new_file.write_text("new")
    assert names_in(file.parent) == ["shards", "table.csv"]


@pytest.mark.parametrize("work", [OTHER, ""])
def test_what_is_left_of_other_work_is_removed(file, folder, work):
    with pytest.raises(KeyboardInterrupt):
        break_off(KeyboardInterrupt, file, folder)
    partial(file, WORK).write_text("as a killed run leaves it")
    partial(folder).mkdir()
    with publish(file, folder, work=work) as (new_file, new_folder):
        assert names_in(new_folder) == []
        assert names_in(file.parent) == sorted([new_folder.name, "shards", "table.csv"])
        new_file.write_text("new")
    assert names_in(file.parent) == ["shards", "table.csv"]


def test_an_interrupt_leaves_no_half_file(file, folder):
    with pytest.raises(KeyboardInterrupt):
        break_off(KeyboardInterrupt, file, folder)
    assert names_in(file.parent) == sorted([partial(folder, WORK).name, "shards", "table.csv"])


def test_an_interrupt_of_work_without_a_name_leaves_nothing(file, folder):
    with pytest.raises(KeyboardInterrupt):
        break_off(KeyboardInterrupt, file, folder, work="")
    assert names_in(file.parent) == ["shards", "table.csv"]


def test_a_failure_removes_what_was_written_even_before_it(file, folder):
    with pytest.raises(KeyboardInterrupt):
        break_off(KeyboardInterrupt, file, folder)
    with pytest.raises(ValueError, match="broken"):
        break_off(ValueError("broken"), file, folder)
    assert names_in(file.parent) == ["shards", "table.csv"]
    assert names_in(folder) == ["old.tar"]


def test_outputs_of_other_names_and_in_other_folders_are_left_alone(tmp_path):
    others = [tmp_path / "debug" / "shards", tmp_path / "more-shards", tmp_path / "shards-2"]
    others.append(tmp_path / "shards[1]")
    for other in others:
        with pytest.raises(KeyboardInterrupt):
            break_off(KeyboardInterrupt, other)
    left = [partial(other, WORK) for other in others]
    with publish(tmp_path / "shards", work=OTHER):
        pass
    assert all(path.exists() for path in left)
    with publish(tmp_path / "shards[1]", work=OTHER):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["debug", "shards", "shards[1]"]
        + [partial(tmp_path / name, WORK).name for name in ("more-shards", "shards-2")]
    )
