"""Random changes of faces, in training only: layers that the saved model does not hold."""

from dataclasses import dataclass

import keras
from keras import layers, ops

from facexpr.preprocess import centre_crop


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How faces vary; the words are those of params.yaml's section train.

    shift, zoom: fractions of the side, either way; rotation: degrees, either way; brightness:
    a fraction of 255, either way; contrast: a fraction around the face's own mean; erasing: the
    share of faces of which a rectangle (2 to 33 % of the area) is replaced by noise.
    """

    flip: bool = False
    shift: float = 0.0
    rotation: float = 0.0
    zoom: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    erasing: float = 0.0
    seed: int = 0


def augment(x: keras.KerasTensor, how: Augmentation) -> keras.KerasTensor:
    """Vary faces (None, H, W, 1) of 0 to 255; what comes in from outside repeats the border."""
    turn = how.rotation / 360
    steps = (
        (how.flip, layers.RandomFlip, ("horizontal",), {}),
        (how.shift, layers.RandomTranslation, (how.shift, how.shift), {"fill_mode": "nearest"}),
        (how.rotation, layers.RandomRotation, (turn,), {"fill_mode": "nearest"}),
        (how.zoom, layers.RandomZoom, (how.zoom,), {"fill_mode": "nearest"}),
        (how.brightness, layers.RandomBrightness, (how.brightness,), {}),
        # Of a single number Keras makes "from 0": more contrast, never less; up to a probability.
        (how.contrast, layers.RandomContrast, ((how.contrast, how.contrast),), {}),
        (how.erasing, layers.RandomErasing, ((how.erasing, how.erasing),), {}),
    )
    x = layers.Rescaling(1.0, dtype="float32")(x)  # some of the layers cannot take uint8
    for number, (wanted, layer, values, more) in enumerate(steps):
        if wanted:
            x = layer(*values, **more, seed=how.seed + number, dtype="float32")(x)
    return x


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

    def _places(self, x: keras.KerasTensor, length: int) -> keras.KerasTensor:
        """The `side` indices that are kept of `length`, another run of them for each face."""
        last = length - self.side
        first = keras.random.randint((ops.shape(x)[0],), 0, last + 1, seed=self.seed_generator)
        return first[:, None] + ops.arange(self.side)[None]
