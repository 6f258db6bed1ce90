"""Computing what is new: results of images that were seen before come from a store."""

from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from operator import attrgetter

from facexpr.records import LIST_BYTES, LIST_SAMPLES, Member, lists_of
from facexpr.store import Store
from facexpr.workers import map_lists

MOST_KNOWN = 10_000  # results that are held while a list of new images fills up


def recall(
    members: Iterable[Member],
    compute: Callable[[tuple], list[bytes]],
    how: tuple,
    store: Store,
    work: str,
    note: Callable[[str, int], None],
) -> Iterator[tuple[str, bytes]]:
    """Yield the key and the result of each sample, in order; only new images are computed.

    compute: from (how, a list of Member) to a result of each, which must follow from the pixels
    and from `how` alone. work: a fingerprint of `how` and of the code behind it. note: told of how
    many are "new" and "reused". PNG is lossless, so its bytes stand for the pixels.
    """
    note("new", 0), note("reused", 0)
    for about, results in map_lists(compute, _new(members, how, store, work)):
        fresh = iter(results)
        told = [(key, name, next(fresh) if old is None else old) for key, name, old in about]
        new = {one[1]: one[2] for one, was in zip(told, about, strict=True) if was[2] is None}
        store.put(new)
        note("new", len(results)), note("reused", len(told) - len(results))
        yield from ((key, result) for key, _, result in told)


def _new(
    members: Iterable[Member], how: tuple, store: Store, work: str
) -> Iterator[tuple[list[tuple], tuple]]:
    """Yield (key, name, result or None) of samples, and those without a result to be computed."""
    about, new, filled = [], [], 0
    for some in lists_of(members, attrgetter("png")):
        names = [sha256(work.encode() + member.png).digest() for member in some]
        known = store.get(names)
        for member, name in zip(some, names, strict=True):
            about.append((member.key, name, known.get(name)))
            if name not in known:
                new.append(member)
                filled += len(member.png)
        if len(new) >= LIST_SAMPLES or filled >= LIST_BYTES or len(about) >= MOST_KNOWN:
            yield about, (how, new)
            about, new, filled = [], [], 0
    if about:
        yield about, (how, new)
