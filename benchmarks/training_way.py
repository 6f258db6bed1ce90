"""One way of training, timed in a process of its own: prints images a second, epoch by epoch.

    python benchmarks/training_way.py WAY NETWORK BACKEND PRECISION BATCHES EPOCHS

Faces are random, 48 px, batches of 64; what they show makes no difference to the time. The first
epoch, in which Keras compiles, is left out.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from facexpr.backend import configure

BATCH, SIDE, CLASSES = 64, 48, 7
RNG = np.random.default_rng(0)
VARIED = {"flip": True, "shift": 0.08, "rotation": 10.0, "zoom": 0.1}


def main() -> None:
    """Time the way asked."""
    way, network, backend, precision, batches, epochs = sys.argv[1:]
    configure(backend, "auto", precision)
    images = RNG.integers(0, 256, (int(batches) * BATCH, SIDE, SIDE), np.uint8)
    labels = np.eye(CLASSES, dtype=np.float32)[np.arange(len(images)) % CLASSES]
    seconds = WAYS[way](network, images, labels, int(epochs) + 1)[1:]
    print(json.dumps([round(len(images) / each, 1) for each in seconds]))


def facexpr_fit(network: str, images: np.ndarray, labels: np.ndarray, epochs: int) -> list[float]:
    """As the stage train does it, val left out but for one batch."""
    from facexpr import training
    from facexpr.augment import Augmentation
    from facexpr.batches import Batches

    fitted, model, settings = build(network, images, epochs, Augmentation(**VARIED))
    rows = np.arange(len(images), dtype=np.int32)
    clock = make_clock()
    with TemporaryDirectory() as folder:
        parts = Batches(rows, labels, BATCH, 0), Batches(images[:BATCH], labels[:BATCH], BATCH)
        training.fit(fitted, model, *parts, settings, Path(folder), (clock,))
    return clock.seconds


def stream_fit(network: str, images: np.ndarray, labels: np.ndarray, epochs: int) -> list[float]:
    """As the stage train does it with feed: stream."""
    from facexpr import training
    from facexpr.augment import Augmentation
    from facexpr.batches import Batches
    from facexpr.lmdb_store import StoredFaces, write_records

    fitted, model, settings = build(network, None, epochs, Augmentation(**VARIED))
    clock = make_clock()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "data.mdb"
        write_records(path, ((f"train-{row:07d}", face, 0) for row, face in enumerate(images)))
        parts = Batches(StoredFaces([path]), labels, BATCH, 0)
        parts = parts, Batches(images[:BATCH], labels[:BATCH], BATCH)
        training.fit(fitted, model, *parts, settings, Path(folder), (clock,))
    return clock.seconds


def bare_step(network: str, images: np.ndarray, labels: np.ndarray, epochs: int) -> list[float]:
    """The compiled step of the network alone, on one batch that lies on the device."""
    import keras

    from facexpr import networks

    bare = networks.build(network, (SIDE, SIDE, 1), CLASSES)
    bare.compile(keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True))
    bare.optimizer.build(bare.trainable_variables)
    faces = keras.ops.convert_to_tensor(images[:BATCH, :, :, None].astype(np.float32))
    step = BARE[keras.backend.backend()](bare, faces, keras.ops.convert_to_tensor(labels[:BATCH]))
    return [timed(lambda: [step() for _ in range(len(images) // BATCH)]) for _ in range(epochs)]


def bare_tensorflow(bare, faces, labels) -> Callable:
    """A step as TensorFlow's guide writes it."""
    import keras
    import tensorflow as tf

    loss_of = keras.losses.CategoricalCrossentropy(from_logits=True)

    @tf.function
    def compiled():
        with tf.GradientTape() as tape:
            loss = loss_of(labels, bare(faces, training=True))
        gradients = tape.gradient(loss, bare.trainable_variables)
        bare.optimizer.apply_gradients(zip(gradients, bare.trainable_variables, strict=True))
        return loss

    return lambda: float(compiled())


def bare_jax(bare, faces, labels) -> Callable:
    """A step as Keras' guide to JAX writes it."""
    import jax
    import keras

    loss_of = keras.losses.CategoricalCrossentropy(from_logits=True)

    def loss_and_state(trained, others):
        logits, others = bare.stateless_call(trained, others, faces, training=True)
        return loss_of(labels, logits), others

    def compiled(trained, others, optimizer):
        (loss, others), gradients = jax.value_and_grad(loss_and_state, has_aux=True)(
            trained, others
        )
        trained, optimizer = bare.optimizer.stateless_apply(optimizer, gradients, trained)
        return loss, trained, others, optimizer

    compiled = jax.jit(compiled, donate_argnums=(0, 1, 2))
    groups = bare.trainable_variables, bare.non_trainable_variables, bare.optimizer.variables
    state = [[jax.numpy.array(one.value) for one in group] for group in groups]

    def step():
        loss, *state[:] = compiled(*state)
        loss.block_until_ready()

    return step


BARE = {"tensorflow": bare_tensorflow, "jax": bare_jax}


def generator(network: str, images: np.ndarray, labels: np.ndarray, epochs: int) -> list[float]:
    """Keras' ImageDataGenerator into plain `fit`, as the published projects do it."""
    import keras
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    from facexpr import networks

    flow = ImageDataGenerator(
        rescale=1 / 255,
        horizontal_flip=VARIED["flip"],
        width_shift_range=VARIED["shift"],
        height_shift_range=VARIED["shift"],
        rotation_range=VARIED["rotation"],
        zoom_range=VARIED["zoom"],
    ).flow(images[..., None], labels, BATCH, seed=0)

    def batches() -> Iterator:
        while True:
            yield next(flow)

    bare = networks.build(network, (SIDE, SIDE, 1), CLASSES)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True)
    bare.compile(optimizer, loss, metrics=["accuracy"])
    clock = make_clock()
    steps = len(images) // BATCH
    bare.fit(batches(), epochs=epochs, steps_per_epoch=steps, verbose=0, callbacks=[clock])
    return clock.seconds


def build(network: str, images: np.ndarray | None, epochs: int, augmentation):
    """The models of the stage train, and settings of an ordinary run."""
    from facexpr import training
    from facexpr.mean import compute_mean
    from facexpr.optimisation import Optimisation

    how = Optimisation(
        optimizer="sgd", learning_rate=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4,
        clip_norm=0.0, ema=0.0, schedule="cosine", warmup_epochs=1, decay_factor=0.1,
        decay_at=(0.5,), decay_steps=1, plateau_epochs=1, stop_epochs=0, label_smoothing=0.1,
    )  # fmt: skip
    bare = training.build_network(network, SIDE, CLASSES)
    mean = compute_mean(RNG.integers(0, 256, (64, SIDE, SIDE), np.uint8))
    model = training.build_model(bare, SIDE, mean, "mean_image")
    fitted = training.build_fitted(bare, SIDE, mean, "mean_image", augmentation, images)
    return fitted, model, training.Settings(optimisation=how, epochs=epochs, keep="last", seed=0)


def make_clock():
    """A callback that times the batches of each epoch."""
    import keras

    class Clock(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.seconds: list[float] = []

        def on_epoch_begin(self, epoch, logs=None):
            self.begun = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            self.seconds.append(time.perf_counter() - self.begun)

    return Clock()


def timed(work: Callable) -> float:
    """Seconds that work takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


WAYS = {
    "facexpr": facexpr_fit,
    "stream": stream_fit,
    "bare": bare_step,
    "generator": generator,
}

if __name__ == "__main__":
    main()
