"""Batches of faces held in memory, in an order that depends on seed and epoch alone."""

import keras
import numpy as np

# A class that this share of the votes names is right under multi-target training
# (microsoft/FERPlus, the code to Barsoum et al. 2016, arXiv:1608.01041).
MULTI_SHARE = 0.3


class Batches(keras.utils.PyDataset):
    """Batches of (uint8 faces (B, H, W, 1), float32 target shares (B, classes)[, weights (B,)]).

    With a seed the order is drawn anew for each epoch, from (seed, epoch), so that a run which
    resumes at an epoch sees what an unbroken run would have seen. Without one it is as given.
    """

    def __init__(
        self,
        images: np.ndarray,
        targets: np.ndarray,
        batch: int,
        seed: int | None = None,
        *,
        draw: bool = False,
        balance: str = "none",
    ):
        """Take uint8 images (N, H, W) and target shares (N, classes).

        draw: each epoch draws one class an image from its shares. balance: "weights" weighs
        images by their class, "oversample" repeats images of the smaller classes until all
        classes are as large as the largest; an image's class is its largest share.
        """
        super().__init__()
        self.images, self.targets, self.batch, self.seed = images, targets, batch, seed
        self.draw, self.balance = draw, balance
        self.labels = targets.argmax(axis=1)
        self.weights = class_weights(self.labels) if balance == "weights" else None
        self.start_epoch(0)

    def start_epoch(self, epoch: int) -> None:
        """Draw the order of an epoch, and its targets."""
        self.order = np.arange(len(self.images))
        self.drawn = self.targets
        if self.seed is None:
            return
        rng = np.random.default_rng([self.seed, epoch])
        if self.balance == "oversample":
            self.order = oversample(self.labels, rng)
        self.order = rng.permutation(self.order)
        if self.draw:
            self.drawn = draw_targets(self.targets, rng)

    def __len__(self) -> int:
        """Batches an epoch, the last one possibly short."""
        return -(-len(self.order) // self.batch)

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        """One batch."""
        rows = self.order[index * self.batch : (index + 1) * self.batch]
        weights = () if self.weights is None else (self.weights[rows],)
        return self.images[rows][..., None], self.drawn[rows], *weights


def make_targets(
    kind: str, labels: np.ndarray, votes: np.ndarray | None, classes: int
) -> np.ndarray:
    """Target shares, float32 (N, classes), of class codes (N,) and votes (N, classes).

    kind: "majority" is the label alone; "soft" and "probability" are shares of the votes; "multi"
    is the share of each class that has MULTI_SHARE of the votes, and 0 for others. Images without
    votes go by their label.
    """
    one_hot = np.eye(classes, dtype=np.float32)[labels]
    if kind == "majority" or votes is None:
        return one_hot
    total = votes.sum(axis=1, keepdims=True)
    shares = np.where(total > 0, votes / np.maximum(total, 1), one_hot)
    if kind == "multi":
        shares = np.where((shares >= MULTI_SHARE) | (one_hot > 0), np.maximum(shares, 1e-3), 0)
    return shares.astype(np.float32)


def draw_targets(shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One class an image, one-hot float32, drawn by its shares (N, classes)."""
    edges = np.cumsum(shares, axis=1, dtype=np.float64)
    points = rng.random((len(shares), 1)) * edges[:, -1:]
    drawn = (points >= edges[:, :-1]).sum(axis=1)
    return np.eye(shares.shape[1], dtype=np.float32)[drawn]


def class_weights(labels: np.ndarray) -> np.ndarray:
    """A weight an image, float32 (N,), that gives every class that occurs the same sum."""
    counts = np.bincount(labels)
    present = np.count_nonzero(counts)
    return (len(labels) / (present * counts[labels])).astype(np.float32)


def oversample(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows in which each class that occurs stands as often as the largest: all of its images in
    whole rounds, and a drawn part of them for the rest.
    """
    classes = [np.flatnonzero(labels == code) for code in np.unique(labels)]
    most = max(map(len, classes))
    return np.concatenate([part for rows in classes for part in _fill(rows, most, rng)])


def _fill(rows: np.ndarray, count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """`count` of `rows`: whole rounds, then a random part of one."""
    rounds, rest = divmod(count, len(rows))
    return [*[rows] * rounds, rng.permutation(rows)[:rest]]
