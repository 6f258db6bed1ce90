"""Random changes of faces, in training only: layers that the saved model does not hold."""

import math
from dataclasses import dataclass

import keras
from keras import layers, ops

from facexpr.preprocess import centre_crop


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How faces vary; the words are those of params.yaml's section train.

    shift, zoom: fractions of the side, either way; rotation: degrees, either way; brightness:
    a fraction of 255, either way; contrast: a fraction around the face's own mean; erasing: the
    share of faces of which a rectangle (2 to 33 % of the area) is replaced by noise; mixup: above
    0, each face is mixed with another by shares from Beta(mixup, mixup).
    """

    flip: bool = False
    shift: float = 0.0
    rotation: float = 0.0
    zoom: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    erasing: float = 0.0
    mixup: float = 0.0
    seed: int = 0


def augment(x: keras.KerasTensor, how: Augmentation) -> keras.KerasTensor:
    """Vary faces (None, H, W, 1) of 0 to 255; what comes in from outside repeats the border."""
    movement = (how.flip, how.shift, how.rotation, how.zoom)
    steps = (
        (any(movement), RandomAffine, movement),
        (how.brightness, layers.RandomBrightness, (how.brightness,)),
        # Of a single number Keras makes "from 0": more contrast, never less; up to a probability.
        (how.contrast, layers.RandomContrast, ((how.contrast, how.contrast),)),
        (how.erasing, layers.RandomErasing, ((how.erasing, how.erasing),)),
    )
    x = layers.Rescaling(1.0, dtype="float32")(x)  # some of the layers cannot take uint8
    for number, (wanted, layer, values) in enumerate(steps):
        if wanted:
            x = layer(*values, seed=how.seed + number, dtype="float32")(x)
    return x


class RandomAffine(layers.Layer):
    """Mirror, shift, turn and zoom each face in one resampling about its centre.

    A chain of Keras' own layers would resample once each, and so train on softer faces than the
    model is used on.
    """

    def __init__(self, flip: bool, shift: float, rotation: float, zoom: float, seed: int, **kwargs):
        """Vary as `Augmentation` says."""
        super().__init__(**kwargs)
        self.flip, self.shift, self.rotation, self.zoom = flip, shift, rotation, zoom
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, x: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        """Vary faces (None, H, W, 1); outside training they pass as they are."""
        if not training:
            return x
        maps = self._draw_maps(ops.shape(x)[0], *x.shape[1:3])
        return ops.image.affine_transform(x, maps, "bilinear", "nearest")

    def compute_output_shape(self, shape: tuple) -> tuple:
        """That of the faces that come in."""
        return shape

    def _draw_maps(self, count: int, height: int, width: int) -> keras.KerasTensor:
        """Maps (count, 8) from the place (x, y) of each new pixel to its place in the face."""
        angle = self._draw(count, math.radians(self.rotation))
        scale = 1 + self._draw(count, self.zoom)
        mirror = ops.where(self._draw(count, 1.0) < 0, -1.0, 1.0) if self.flip else 1.0
        a, b = mirror * scale * ops.cos(angle), -scale * ops.sin(angle)
        c, d = mirror * scale * ops.sin(angle), scale * ops.cos(angle)
        middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
        right = middle_x + self._draw(count, self.shift * width) - a * middle_x - b * middle_y
        down = middle_y + self._draw(count, self.shift * height) - c * middle_x - d * middle_y
        none = ops.zeros_like(angle)
        return ops.stack([a, b, right, c, d, down, none, none], axis=1)

    def _draw(self, count: int, most: float) -> keras.KerasTensor:
        """`count` numbers between -most and most."""
        return keras.random.uniform((count,), -most, most, seed=self.seed_generator)


class MixUp(layers.Layer):
    """Each face times its share, plus the one before it in the batch times the rest.

    The shares are drawn with the targets, which are mixed alike: see `batches.mix`.
    """

    def call(self, x: keras.KerasTensor, share: keras.KerasTensor) -> keras.KerasTensor:
        """Mix faces (B, H, W, 1) by shares (B,)."""
        share = share[:, None, None, None]
        return share * x + (1 - share) * ops.roll(x, 1, axis=0)


class RandomCrop(layers.Layer):
    """A square of `side` px from a random place of each face; outside training from the middle.

    keras.layers.RandomCrop cuts a whole batch in the same place.
    """

    def __init__(self, side: int, seed: int, **kwargs):
        """Cut squares of `side` pixels."""
        super().__init__(**kwargs)
        self.side = side
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, x: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        """Cut faces (None, H, W, 1) to (None, side, side, 1)."""
        height, width = x.shape[1:3]
        if not training:
            return centre_crop(x, self.side)
        rows, columns = (self._places(x, length) for length in (height, width))
        x = ops.take_along_axis(x, rows[:, :, None, None], axis=1)
        return ops.take_along_axis(x, columns[:, None, :, None], axis=2)

    def compute_output_shape(self, shape: tuple) -> tuple:
        """That of the squares."""
        return shape[0], self.side, self.side, shape[3]

    def _places(self, x: keras.KerasTensor, length: int) -> keras.KerasTensor:
        """The `side` indices that are kept of `length`, another run of them for each face."""
        last = length - self.side
        first = keras.random.randint((ops.shape(x)[0],), 0, last + 1, seed=self.seed_generator)
        return first[:, None] + ops.arange(self.side)[None]
