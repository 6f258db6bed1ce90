"""Whether one run is better than another on the same images, or it is noise."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

ALPHA = 0.05


@dataclass(frozen=True)
class Comparison:
    """Two runs on the same n images; `difference` is B's accuracy less A's, low to high its
    95 % interval, p_value that of McNemar's test, only_a and only_b count who alone was right.
    """

    n: int
    accuracy_a: float
    accuracy_b: float
    difference: float
    low: float
    high: float
    only_a: int
    only_b: int
    p_value: float

    @property
    def is_more_than_noise(self) -> bool:
        """Whether chance on these images alone would rarely, in one of twenty cases, do that."""
        return self.p_value < ALPHA


def compare(correct_a: np.ndarray, correct_b: np.ndarray, draws: int, seed: int) -> Comparison:
    """Compare what two runs got right: bool (N,), in the same order of images.

    The interval is a paired percentile bootstrap (Efron 1979): drawing N images of N makes the
    counts of the four outcomes multinomial, so those are drawn. The test is McNemar's, exact
    (McNemar 1947): the images that one run alone got right are tossed coins if both are equally
    good.
    """
    n = len(correct_a)
    only_a = int((correct_a & ~correct_b).sum())
    only_b = int((correct_b & ~correct_a).sum())
    shares = np.array([only_a, only_b, n - only_a - only_b]) / n
    drawn = np.random.default_rng(seed).multinomial(n, shares, draws)
    low, high = np.quantile((drawn[:, 1] - drawn[:, 0]) / n, [0.025, 0.975])
    tossed = only_a + only_b
    p_value = binomtest(only_b, tossed).pvalue if tossed else 1.0
    return Comparison(
        n=n,
        accuracy_a=float(correct_a.mean()),
        accuracy_b=float(correct_b.mean()),
        difference=(only_b - only_a) / n,
        low=float(low),
        high=float(high),
        only_a=only_a,
        only_b=only_b,
        p_value=float(p_value),
    )


def sentence(found: Comparison, name_a: str, name_b: str) -> str:
    """What a comparison says, in one sentence."""
    points = f"{abs(100 * found.difference):.2f} points"
    better, worse = (name_b, name_a) if found.difference > 0 else (name_a, name_b)
    where = f"on these {found.n:,} images"
    if found.is_more_than_noise:
        return (
            f"{better} is better than {worse} by {points}, and {where} that is more than noise "
            f"(p = {found.p_value:.2g})."
        )
    if found.difference == 0:
        return f"{name_a} and {name_b} are level {where}."
    return (
        f"{better} is {points} ahead of {worse}, and {where} that is no more than noise "
        f"(p = {found.p_value:.2g})."
    )
