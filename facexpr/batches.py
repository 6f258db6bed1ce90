"""Batches of faces, in an order that depends on seed and epoch alone."""

from collections.abc import Mapping

import keras
import numpy as np
from keras import ops

# A class that this share of the votes names is right under multi-target training
# (microsoft/FERPlus, the code to Barsoum et al. 2016, arXiv:1608.01041).
MULTI_SHARE = 0.3
# Threads that make batches, in order. Under TensorFlow a single one would mean none, but tf.data,
# whose tuner sleeps for 10, 20, 40 ms and so on: the end of an epoch waits until it wakes. Under
# JAX, which computes beside Python anyway, several would hand batches over to the next epoch.
WORKERS = {"tensorflow": 2}


class HeldFaces(keras.layers.Layer):
    """Faces by their rows, from images that lie on the device; they are not saved with weights."""

    def __init__(self, images: np.ndarray, **kwargs):
        """Hold uint8 images (N, H, W)."""
        super().__init__(**kwargs)
        self.images = keras.Variable(images, dtype="uint8", trainable=False, autocast=False)

    def call(self, rows: keras.KerasTensor) -> keras.KerasTensor:
        """Give uint8 faces (B, H, W, 1) for int32 rows (B,)."""
        return ops.take(self.images.value, rows, axis=0)[..., None]

    def compute_output_spec(self, rows: keras.KerasTensor) -> keras.KerasTensor:
        """Say what `call` gives."""
        return keras.KerasTensor((*rows.shape, *self.images.shape[1:], 1), "uint8")

    def save_own_variables(self, store: dict) -> None:
        """Save nothing."""

    def load_own_variables(self, store: dict) -> None:
        """Load nothing."""


class Batches(keras.utils.PyDataset):
    """Batches of (faces, float32 target shares (B, classes)[, weights (B,)]).

    With a seed the order is drawn anew for each epoch, from (seed, epoch), so that a run which
    resumes at an epoch sees what an unbroken run would have seen. Without one it is as given.
    Batches are made while the device computes.
    """

    def __init__(
        self,
        faces: np.ndarray,
        targets: np.ndarray,
        batch: int,
        seed: int | None = None,
        *,
        draw: bool = False,
        balance: str = "none",
        mixup: float = 0.0,
        devices: int = 1,
    ):
        """Take target shares (N, classes) of what rows of `faces` give: faces[rows].

        faces: uint8 (N, H, W), or what reads them, as `lmdb_store.StoredFaces`; or int32 (N,), the
        rows of a `HeldFaces`. draw: each epoch draws one class an image from its shares. balance:
        "weights" weighs images by their class, "oversample" repeats images of the smaller classes
        until all classes are as large as the largest; an image's class is its largest share.
        mixup: see `mixing_shares`; faces then come as {"faces", "share"}. devices: every batch is
        a multiple of them, the last by some images from the epoch's beginning.
        """
        super().__init__(workers=WORKERS.get(keras.backend.backend(), 1))
        self.faces, self.targets, self.batch, self.seed = faces, targets, batch, seed
        self.draw, self.balance, self.mixup, self.devices = draw, balance, mixup, devices
        self.labels = targets.argmax(axis=1)
        self.weights = class_weights(self.labels) if balance == "weights" else None
        self.start_epoch(0)

    def start_epoch(self, epoch: int) -> None:
        """Draw the order of an epoch, and its targets."""
        rng = np.random.default_rng([self.seed or 0, epoch])
        order, self.drawn = np.arange(len(self.targets)), self.targets
        if self.balance == "oversample":
            order = oversample(self.labels, rng)
        if self.seed is not None:
            order = rng.permutation(order)
        if self.draw:
            self.drawn = draw_targets(self.targets, rng)
        self.order = np.resize(order, -(-len(order) // self.devices) * self.devices)
        self.shares = mixing_shares(self.mixup, len(self.order), rng) if self.mixup else None

    def __len__(self) -> int:
        """Batches an epoch, the last one possibly short."""
        return -(-len(self.order) // self.batch)

    def __getitem__(self, index: int) -> tuple[np.ndarray | Mapping[str, np.ndarray], ...]:
        """One batch."""
        part = slice(index * self.batch, (index + 1) * self.batch)
        rows = self.order[part]
        faces, about = self.faces[rows], [self.drawn[rows]]
        if self.weights is not None:
            about.append(self.weights[rows])
        if faces.ndim == 3:
            faces = faces[..., None]
        if self.shares is not None:
            share = self.shares[part]
            faces, about = {"faces": faces, "share": share}, [mix(one, share) for one in about]
        return faces, *about


def mixing_shares(alpha: float, count: int, rng: np.random.Generator) -> np.ndarray:
    """The share that each image keeps of itself under mixup, float32 (count,), at least a half.

    Drawn from Beta(alpha, alpha) (Zhang et al. 2018, arXiv:1710.09412); its neighbour in the
    batch, which is a random image, gives the rest.
    """
    shares = rng.beta(alpha, alpha, count)
    return np.maximum(shares, 1 - shares).astype(np.float32)


def mix(values: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Each of `values` (B, ...) times its share, plus the one before it times the rest.

    The first takes of the last; `augment.MixUp` does the same to faces.
    """
    share = share.reshape(-1, *[1] * (values.ndim - 1))
    return share * values + (1 - share) * np.roll(values, 1, axis=0)


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
