"""Batches of faces held in memory, in an order that depends on seed and epoch alone."""

import keras
import numpy as np


class Batches(keras.utils.PyDataset):
    """Batches of (uint8 faces (B, H, W, 1), one-hot float32 (B, classes)).

    With a seed the order is drawn anew for each epoch, from (seed, epoch), so that a run which
    resumes at an epoch sees what an unbroken run would have seen. Without one it is as given.
    """

    def __init__(
        self, images: np.ndarray, labels: np.ndarray, classes: int, batch: int, seed: int | None
    ):
        """Take uint8 images (N, H, W) and class codes (N,)."""
        super().__init__()
        self.images, self.batch, self.seed = images, batch, seed
        self.targets = np.eye(classes, dtype=np.float32)[labels]
        self.start_epoch(0)

    def start_epoch(self, epoch: int) -> None:
        """Draw the order of an epoch."""
        self.order = np.arange(len(self.images))
        if self.seed is not None:
            self.order = np.random.default_rng([self.seed, epoch]).permutation(len(self.images))

    def __len__(self) -> int:
        """Batches an epoch, the last one possibly short."""
        return -(-len(self.images) // self.batch)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """One batch."""
        rows = self.order[index * self.batch : (index + 1) * self.batch]
        return self.images[rows][..., None], self.targets[rows]
