import tempfile
from collections import Counter
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facexpr import records, reuse
from facexpr.records import Member
from facexpr.reuse import recall
from facexpr.store import Store

HOW = ("double", "{}")


def member(number, key=None, length=3):
    """Its pixels are the number, whatever its key."""
    return Member(key or f"train-{number:07d}", b"%d" % number * length, "folder")


class Computing:
    """Computes results and remembers of what."""

    def __init__(self, suffix=b""):
        self.lists, self.suffix = [], suffix

    def __call__(self, task):
        how, some = task
        assert how == HOW
        self.lists.append([one.png for one in some])
        return [one.png * 2 + self.suffix for one in some]

    @property
    def computed(self):
        return [png for some in self.lists for png in some]


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch):
    monkeypatch.setenv("FACEXPR_WORKERS", "1")
    monkeypatch.delenv("FACEXPR_SCHEDULER", raising=False)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.sqlite"


def small(samples=3, size=10**6, known=10**6):
    """Shorter lists."""
    one = patch.multiple(records, LIST_SAMPLES=samples, LIST_BYTES=size)
    other = patch.multiple(reuse, LIST_SAMPLES=samples, LIST_BYTES=size, MOST_KNOWN=known)
    return one, other


def run(path, members, work="v1", compute=None):
    """What recall gives, what it computed, and what it told."""
    compute, notes = compute or Computing(), Counter()

    def note(reason, count):
        notes[reason] += count

    with Store(path) as store:
        found = list(recall(members, compute, HOW, store, work, note))
    return found, compute.computed, notes


def expected(members):
    return [(one.key, one.png * 2) for one in members]


def test_only_what_is_new_is_computed_and_all_comes_in_order(path):
    first = [member(number) for number in (4, 2, 9)]
    assert run(path, first) == (expected(first), [b"444", b"222", b"999"], {"new": 3, "reused": 0})
    second = [member(number) for number in (7, 9, 4, 1)]
    found, computed, notes = run(path, second)
    assert found == expected(second)
    assert computed == [b"777", b"111"]
    assert notes == {"new": 2, "reused": 2}
    assert run(path, second) == (expected(second), [], {"new": 0, "reused": 4})
    assert run(path, []) == ([], [], {"new": 0, "reused": 0})


def test_the_pixels_count_and_not_the_key(path):
    run(path, [member(1), member(2)])
    swapped = [member(2, "test-0000001"), member(1, "val-0000002")]
    assert run(path, swapped) == (expected(swapped), [], {"new": 0, "reused": 2})


def test_other_work_is_computed_anew_and_the_old_stays(path):
    both = [member(1), member(2)]
    run(path, both)
    found, computed, _ = run(path, both, "v2", Computing(b"!"))
    assert found == [(key, result + b"!") for key, result in expected(both)]
    assert computed == [b"111", b"222"]
    for work, suffix in (("v1", b""), ("v2", b"!")):
        found, computed, _ = run(path, both, work)
        assert computed == []
        assert found == [(key, result + suffix) for key, result in expected(both)]


def test_equal_images_in_one_list(path):
    same = [member(5, f"train-{row:07d}") for row in range(3)]
    found, computed, notes = run(path, [*same, member(6)])
    assert found == expected([*same, member(6)])
    assert set(computed) == {b"555", b"666"}
    assert notes == {"new": len(computed), "reused": 4 - len(computed)}
    assert run(path, same)[1] == []


def test_a_store_that_cannot_be_used_changes_nothing_else(path):
    path.mkdir()
    members = [member(number) for number in range(5)]
    for _ in range(2):
        found, computed, _ = run(path, members)
        assert (found, len(computed)) == (expected(members), 5)


def test_results_are_kept_when_a_later_list_fails(path):
    def compute(task):
        if any(one.png.startswith(b"7") for one in task[1]):
            raise ValueError("seven")
        return [one.png * 2 for one in task[1]]

    compute.computed = None
    one, other = small(2)
    with one, other, pytest.raises(ValueError, match="seven"):
        run(path, map(member, range(9)), compute=compute)
    found, computed, _ = run(path, map(member, range(9)))
    assert found == expected(map(member, range(9)))
    assert computed == [b"666", b"777", b"888"]


@given(
    st.lists(
        st.tuples(st.lists(st.integers(0, 12), max_size=14), st.sampled_from("vw")), max_size=5
    ),
    st.integers(1, 4),
    st.integers(1, 6),
)
def test_it_is_as_if_all_were_computed_each_time(runs, samples, known):
    """Images come, go and change places, and work changes to and fro."""
    one, other = small(samples, known=known)
    seen = {"v": set(), "w": set()}
    with one, other, tempfile.TemporaryDirectory() as folder:
        for numbers, work in runs:
            members = [member(n, f"train-{row:07d}") for row, n in enumerate(numbers)]
            found, computed, notes = run(Path(folder) / "a.sqlite", members, work)
            assert found == expected(members)
            assert set(computed) == {one.png for one in members} - seen[work]
            assert notes == {"new": len(computed), "reused": len(members) - len(computed)}
            seen[work] |= set(computed)


def test_lists_of_new_images_are_full_though_known_ones_lie_between(path):
    run(path, [member(number) for number in range(60) if number % 6])
    compute = Computing()
    one, other = small(4)
    with one, other:
        found, _, notes = run(path, map(member, range(60)), compute=compute)
    assert found == expected(map(member, range(60)))
    assert notes == {"new": 10, "reused": 50}
    # Four are wanted; members are looked up four at a time, of which at most one is new.
    assert [len(some) for some in compute.lists] == [4, 4, 2]


def test_lists_are_bounded_by_their_bytes(path):
    compute = Computing()
    members = [member(number, length=30) for number in range(10, 20)]  # 60 bytes each
    one, other = small(100, 100)
    with one, other:
        found, _, _ = run(path, members, compute=compute)
    assert found == expected(members)
    assert [len(some) for some in compute.lists] == [2] * 5


def test_known_results_are_passed_on_in_parts(path):
    members = [member(number) for number in range(100)]
    run(path, members)
    taken = 0

    def count():
        nonlocal taken
        for one in members:
            taken += 1
            yield one

    one, other = small(4, known=10)
    with one, other, Store(path) as store:
        results = recall(count(), Computing(), HOW, store, "v1", lambda *_: None)
        for number in range(100):
            assert next(results) == expected(members)[number]
            assert taken <= number + 10 + 4


def square(task):
    return [b"%d" % int(one.png) ** 2 for one in task[1]]


def test_two_processes_give_the_same(path, monkeypatch):
    members = [member(number, length=1) for number in range(30)]
    monkeypatch.setenv("FACEXPR_WORKERS", "2")
    one, other = small(4)
    with one, other, Store(path) as store:
        told = list(recall(members, square, HOW, store, "v1", lambda *_: None))
    assert told == [(one.key, b"%d" % int(one.png) ** 2) for one in members]
