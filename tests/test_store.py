import subprocess
import sys
import threading
from fcntl import LOCK_NB, LOCK_SH, flock

import pytest

from facexpr import store
from facexpr.store import Store

VALUES = {bytes([number]) * 32: bytes([number]) * (number * 5) for number in range(40)}
PUT = """
import sys
from pathlib import Path
from facexpr.store import Store
path, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
with Store(path) as store:
    for number in range(first, first + count):
        store.put({b"%d" % number: b"%d" % number ** 2 * 20})
        print(number, flush=True)
    sys.exit(store.problem or 0)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "results.sqlite"


def keep(path, values, **settings):
    with Store(path, **settings) as kept:
        kept.put(values)
        assert kept.problem == ""


def found(path, names):
    """What is there, without a problem."""
    with Store(path) as kept:
        values = kept.get(list(names))
        assert kept.problem == ""
    return values


def test_what_was_put_is_found_now_and_when_opened_again(path):
    with Store(path) as kept:
        assert kept.get([b"a", b"b"]) == {}
        kept.put({b"a": b"one", b"b": b"", b"\0": b"\0two\xff"})
        assert kept.get([b"a", b"no"]) == {b"a": b"one"}
        kept.put({})
        kept.put({b"a": b"new"})
    assert found(path, [b"b", b"a", b"\0", b"a", b"no"]) == {
        b"a": b"new",
        b"b": b"",
        b"\0": b"\0two\xff",
    }
    assert found(path, []) == {}


def test_the_longest_unused_results_go_first(path, monkeypatch):
    def on_day(day):
        monkeypatch.setattr(store.time, "time", lambda: (day + 0.5) * 86_400)

    on_day(100)
    keep(path, {b"a": b"1", b"b": b"2", b"c": b"3"}, most=4)
    on_day(101)
    keep(path, {b"d": b"4"}, most=4)
    on_day(102)
    assert found(path, [b"a"]) == {b"a": b"1"}  # which makes it younger than b, c and d
    on_day(103)
    keep(path, {b"e": b"5", b"f": b"6"}, most=4)
    assert found(path, b"a b c d e f".split()).keys() == {b"a", b"d", b"e", b"f"}
    on_day(104)
    keep(path, {b"g": b"7"}, most=2)  # of a, d, e and f, all seen on day 103, one stays
    assert len(left := found(path, b"a b c d e f g".split())) == 2
    assert b"g" in left


def test_a_clock_that_was_set_back_loses_nothing(path, monkeypatch):
    keep(path, VALUES)
    monkeypatch.setattr(store.time, "time", lambda: 0.0)
    assert found(path, VALUES) == VALUES


def check_broken(path, data):
    """With `data` in the file what is found is right; returns what is wrong the third time.

    One run may find its tables broken, and remove it, that the one before it has written to.
    """
    path.write_bytes(data)
    for _ in range(3):
        with Store(path) as kept:
            values = kept.get(list(VALUES))
            assert values.items() <= VALUES.items()
            kept.put(VALUES)
            assert "\n" not in kept.problem
    return kept.problem


def test_a_file_cut_anywhere_gives_no_wrong_value(path):
    keep(path, VALUES)
    data = path.read_bytes()
    for length in [0, 1, 15, 16, 17, 99, *range(100, len(data), 397)]:
        assert check_broken(path, data[:length]) == "", length


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_a_file_with_a_wrong_byte_anywhere_gives_no_wrong_value(path, flip):
    keep(path, VALUES)
    data = path.read_bytes()
    for place in [*range(flip % 5, 100, 5), *range(100 + flip % 151, len(data), 151)]:
        broken = bytearray(data)
        broken[place] ^= flip
        problem = check_broken(path, bytes(broken))
        assert problem == "" or place == 18, place  # which says: may not be written


@pytest.mark.parametrize("table", ["CREATE TABLE results (a, b)", "CREATE TABLE results (name)"])
def test_a_base_with_another_table_is_replaced(path, table):
    path.parent.mkdir()
    base = store.sqlite3.connect(path)
    base.execute(table)
    base.close()
    check_replaced(path)


@pytest.mark.parametrize("change", ["day = 'x'", "day = x'00'", "value = 'text'", "value = 5"])
def test_results_of_another_type_are_computed_anew(path, change):
    keep(path, VALUES)
    with store.sqlite3.connect(path) as base:
        base.execute(f"UPDATE results SET {change} WHERE name > x'20'")
    base.close()
    assert found(path, VALUES) == {name: VALUES[name] for name in VALUES if name <= b" "}
    keep(path, VALUES)
    assert found(path, VALUES) == VALUES


@pytest.mark.parametrize("garbage", [b"no base at all", b"\n" * 5000, b"SQLite format 3\0" * 300])
def test_a_file_that_is_no_base_is_replaced(path, garbage):
    path.parent.mkdir()
    path.write_bytes(garbage)
    check_replaced(path)


def check_replaced(path):
    """The run that finds the file broken says so and goes on, the next has a new one."""
    with Store(path) as kept:
        kept.put({b"a": b"1"})
        assert kept.get([b"a"]) == {}
        assert kept.problem.startswith(f"{path}: ")
        assert kept.problem.endswith("; removed, what it held is computed anew")
        with path.with_suffix(".lock").open() as other:
            flock(other, LOCK_SH | LOCK_NB)  # nobody has to wait for the end of this run
    keep(path, {b"a": b"1"})
    assert found(path, [b"a"]) == {b"a": b"1"}


def test_a_broken_file_that_another_run_has_open_is_left_to_the_last(path):
    keep(path, VALUES)
    with Store(path) as first:
        with path.open("r+b") as file:
            file.write(b"garbage" * 100)
        with Store(path) as second:
            assert second.problem == f"{path}: file is not a database"
            assert path.exists()
        assert first.get(list(VALUES)).items() <= VALUES.items()
    with Store(path):
        pass  # it is alone, and removes the file
    keep(path, {b"a": b"1"})


def in_a_file(path):
    path.parent.write_text("a file")


def no_file(path):
    path.mkdir(parents=True)


def no_lock(path):
    path.with_suffix(".lock").mkdir(parents=True)


@pytest.mark.parametrize("spoil", [in_a_file, no_file, no_lock])
def test_a_place_that_cannot_be_used_is_told_in_one_line_and_stops_nothing(path, spoil):
    spoil(path)
    with Store(path) as kept:
        kept.put(VALUES)
        assert kept.get(list(VALUES)) == {}
        kept.put(VALUES)
    assert kept.problem.startswith(f"{path}: ")
    assert len(kept.problem) > len(f"{path}: ")
    assert "\n" not in kept.problem
    assert "removed" not in kept.problem


def test_a_file_deleted_meanwhile_stops_nothing(path):
    with Store(path) as kept:
        kept.put(VALUES)
        path.unlink()
        assert kept.get(list(VALUES)).items() <= VALUES.items()
        kept.put({b"a": b"1"})
        assert kept.get([b"a"]).items() <= {b"a": b"1"}.items()
    keep(path, {b"b": b"2"})
    assert found(path, [b"b"]) == {b"b": b"2"}


def test_threads_that_write_the_same_names_and_their_own(path):
    def write(own):
        with Store(path) as kept:
            for number in range(0, 40, 4):
                names = [bytes([one]) * 32 for one in range(number, number + 4)]
                kept.put({name: VALUES[name] for name in names} | {own + names[0]: own})
                assert kept.get(names) == {name: VALUES[name] for name in names}
            problems.append(kept.problem)

    problems = []
    threads = [threading.Thread(target=write, args=(own,)) for own in (b"x", b"y", b"z")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == ["", "", ""]
    own = {own + bytes([one]) * 32: own for own in (b"x", b"y", b"z") for one in range(0, 40, 4)}
    assert found(path, [*VALUES, *own]) == VALUES | own


def start(path, first, count):
    command = [sys.executable, "-c", PUT, str(path), str(first), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def squares(first, count):
    return {b"%d" % n: b"%d" % n**2 * 20 for n in range(first, first + count)}


def test_processes_that_write_the_same_names_and_their_own(path):
    both = [start(path, 0, 200), start(path, 100, 200)]
    for process in both:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert found(path, squares(0, 300)) == squares(0, 300)


def test_what_was_put_before_a_kill_is_there_and_right(path):
    """Each process writes over what the last one wrote, and on."""
    for count in (1, 40, 150):
        process = start(path, 0, 100_000)
        for _ in range(count):
            told = int(process.stdout.readline())
        process.kill()
        more = process.communicate(timeout=60)[0].split("\n")[:-1]  # the last may lack its end
        told = int(more[-1]) if more else told
        assert found(path, squares(0, told + 1)) == squares(0, told + 1)
        beyond = found(path, squares(told + 1, 1000))
        assert beyond.items() <= squares(told + 1, 1000).items()
