"""A progress bar over all epochs, with loss, accuracy and images a second."""

from threading import Lock

import keras
from tqdm import tqdm

from facexpr.stage import Report


class TrainingBar(keras.callbacks.Callback):
    """Counts images over the whole run; one printed line an epoch stays."""

    # Keras may call from other threads, and so need not wait for the device after each batch.
    async_safe = True

    def __init__(self, epochs: int, images: int, batch: int, report: Report):
        """Expect `epochs` times `images` images, `batch` a step."""
        super().__init__()
        self.epochs, self.images, self.batch, self.report = epochs, images, batch, report
        self._bar: tqdm | None = None
        self._lock = Lock()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Open the bar where a resumed run stands."""
        if self._bar is None:
            total, done = self.epochs * self.images, epoch * self.images
            self._bar = tqdm(desc="train", total=total, initial=done, unit="img", mininterval=1)
            self.report.bar = self._bar
            if epoch:
                self._bar.write(f"train: going on after epoch {epoch} of an unfinished run")

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Move on by a batch."""
        with self._lock:
            self._bar.update(min(self.batch, self.images - batch * self.batch))

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        """Say what the epoch brought."""
        self.report.items += self.images
        self._bar.write(
            f"train: epoch {epoch + 1}/{self.epochs}: loss {logs['loss']:.3f}, accuracy "
            f"{logs['accuracy']:.1%}, val loss {logs['val_loss']:.3f}, "
            f"val accuracy {logs['val_accuracy']:.1%}"
        )
