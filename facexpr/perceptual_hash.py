"""Nearly equal images: found by a hash of 64 bits, confirmed by the fine detail of their pixels."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations

import cv2
import numpy as np

from facexpr.images import to_grey

SIDE_PX = 32  # of a thumbnail, Zauner's choice
BANDS, BAND_BITS = 4, 16
LOOKUPS = 2**22  # candidates compared at a time, about 200 MiB of working memory
PAIRS = 20_000  # confirmed at a time, at most 40 MiB of thumbnails
# Chosen by eye on 48 px faces. Fine detail lies between these blurs, in pixels of a thumbnail: the
# wide one takes out what a bright face before a dark ground has in common with any other.
FINE_PX, WIDE_PX = 0.7, 3.0
SHIFT_PX = 2  # of a thumbnail, either way: the same picture, cut out a little differently
LEAST_DETAIL = 0.5  # grey levels of spread, below which there is nothing to compare


def thumbnail(image: np.ndarray) -> np.ndarray:
    """An image as grey uint8 (32, 32), whatever its shape."""
    return cv2.resize(to_grey(image), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)


def perceptual_hash(image: np.ndarray) -> np.uint64:
    """64 bits that change little when a picture is scaled, lit or compressed differently.

    Which of the 8 x 8 low frequencies, but for the first row and column, lie above their median:
    C. Zauner (2010), "Implementation and Benchmarking of Perceptual Image Hash Functions", 3.2.1.
    As half of the bits are set, two hashes differ in an even number of bits. Images without
    contrast have a hash that means nothing.
    """
    frequencies = cv2.dct(thumbnail(image).astype(np.float32))[1:9, 1:9].ravel()
    rounded = np.round(frequencies, 2)  # or bits of symmetric images would be those of rounding
    return np.packbits(rounded > np.median(rounded)).view(">u8")[0].astype(np.uint64)


def near_pairs(hashes: np.ndarray, bits: int) -> np.ndarray:
    """All pairs i < j of uint64 hashes (N,) that differ in at most `bits` bits: int64 (P, 2).

    They are sorted. Of four bands of 16 bits one differs in at most a quarter of `bits`, so
    partners are looked up band by band: M. Norouzi, A. Punjani, D. Fleet (2012), "Fast Search in
    Hamming Space with Multi-Index Hashing". Memory grows with N and P, not with N squared.
    """
    hashes = np.asarray(hashes, np.uint64)
    found = [np.empty(0, np.int64)]
    for band in range(BANDS):
        values = (hashes >> np.uint64(band * BAND_BITS)).astype(np.uint16).astype(np.int64)
        for left, right in _candidates(values, bits // BANDS):
            near = np.bitwise_count(hashes[left] ^ hashes[right]) <= bits
            found.append(left[near] * len(hashes) + right[near])
    pairs = np.unique(np.concatenate(found))
    return np.stack(np.divmod(pairs, max(1, len(hashes))), axis=1)


def _candidates(values: np.ndarray, bits: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield blocks of pairs i < j whose values of 16 bits, int64 (N,), differ in at most `bits`."""
    order = np.argsort(values, kind="stable")
    starts = np.searchsorted(values[order], np.arange(2**BAND_BITS + 1))
    for mask in _masks(bits):
        first = starts[values ^ mask]
        counts = starts[(values ^ mask) + 1] - first
        for block in _blocks(counts):
            left = np.repeat(block, counts[block])
            ends = np.cumsum(counts[block])
            within = np.arange(len(left)) - np.repeat(ends - counts[block], counts[block])
            right = order[np.repeat(first[block], counts[block]) + within]
            yield left[left < right], right[left < right]


def _masks(bits: int) -> list[int]:
    """Every number of 16 bits with at most `bits` of them set."""
    sets = (set_ for count in range(bits + 1) for set_ in combinations(range(BAND_BITS), count))
    return [sum(1 << bit for bit in chosen) for chosen in sets]


def _blocks(counts: np.ndarray) -> list[np.ndarray]:
    """Positions that have any lookups, in blocks of about LOOKUPS lookups."""
    positions = np.flatnonzero(counts)
    numbers = np.cumsum(counts[positions]) // LOOKUPS
    return np.split(positions, np.flatnonzero(np.diff(numbers)) + 1)


def confirm(
    pairs: np.ndarray,
    keys: Sequence[str],
    read: Callable[[set[str]], Iterable[tuple[str, np.ndarray]]],
    least: float,
) -> np.ndarray:
    """Those of the pairs (P, 2), positions in `keys`, whose likeness is at least `least`.

    read: gives (key, image) for a set of keys. It is called once for every 20,000 pairs, so that
    few thumbnails are held at a time.
    """
    kept = [pairs[:0]]
    for start in range(0, len(pairs), PAIRS):
        block = pairs[start : start + PAIRS]
        wanted = {keys[position] for position in np.unique(block)}
        small = {key: thumbnail(image) for key, image in read(wanted)}
        alike = [likeness(small[keys[i]], small[keys[j]]) >= least for i, j in block]
        kept.append(block[alike])
    return np.concatenate(kept)


def likeness(left: np.ndarray, right: np.ndarray) -> float:
    """Correlation, -1 to 1, of the fine detail of two thumbnails, one shifted to fit best.

    Brightness and contrast do not matter. 0 where one shows next to no detail.
    """
    left, right = _detail(left), _detail(right)
    return max(_best_match(left, right), _best_match(right, left))


def _detail(small: np.ndarray) -> np.ndarray:
    """What of a thumbnail lies between the two blurs: float32."""
    values = small.astype(np.float32)
    fine, wide = (cv2.GaussianBlur(values, (0, 0), sigma) for sigma in (FINE_PX, WIDE_PX))
    return fine - wide


def _best_match(whole: np.ndarray, other: np.ndarray) -> float:
    """The best correlation of the middle of `other` with a part of `whole` as large."""
    middle = other[SHIFT_PX:-SHIFT_PX, SHIFT_PX:-SHIFT_PX]
    if min(whole.std(), middle.std()) < LEAST_DETAIL:  # OpenCV calls what is flat a perfect match
        return 0.0
    return float(cv2.matchTemplate(whole, middle, cv2.TM_CCOEFF_NORMED).max())
