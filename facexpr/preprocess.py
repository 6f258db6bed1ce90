"""Mean, scaling and the middle crop as stock layers, so that they ride inside the saved model."""

import keras
import numpy as np
from keras import layers

from facexpr.errors import UserError
from facexpr.mean import Mean


def normalise(x: keras.KerasTensor, mean: Mean, how: str) -> keras.KerasTensor:
    """Normalise faces (None, H, W, 1) of 0 to 255, in float32 whatever the training precision.

    how: "mean_image" (minus each pixel's mean) and "mean_scalar" (minus one mean) also divide by
    the spread; "unit" divides by 255; "signed" is x / 128 - 1. Raises UserError when there is no
    spread to divide by.
    """
    if how == "unit":
        return layers.Rescaling(1 / 255, dtype="float32", name="scale")(x)
    if how == "signed":
        return layers.Rescaling(1 / 128, -1.0, dtype="float32", name="scale")(x)
    if mean.std == 0:
        raise UserError("all faces that training fits are equal: there is nothing to learn")
    if how == "mean_scalar":
        offset = -mean.scalar / mean.std
        return layers.Rescaling(1 / mean.std, offset, dtype="float32", name="scale")(x)
    return _subtract_image(layers.Rescaling(1.0, dtype="float32", name="to_float")(x), mean)


def _subtract_image(x: keras.KerasTensor, mean: Mean) -> keras.KerasTensor:
    """(x - mean image) / std by a frozen batch normalisation over pixels.

    keras.layers.Normalization would say it plainly, but its ONNX export has bogus inputs.
    """
    shape = x.shape[1:]
    x = layers.Flatten(dtype="float32")(x)
    frozen = layers.BatchNormalization(
        center=False, scale=False, epsilon=1e-7, trainable=False, dtype="float32", name="mean"
    )
    x = frozen(x)
    frozen.set_weights([mean.image.ravel(), np.full(mean.image.size, mean.std**2)])
    return layers.Reshape(shape, dtype="float32")(x)


def centre_crop(x: keras.KerasTensor, side: int) -> keras.KerasTensor:
    """The middle `side` x `side` of faces (None, H, W, 1); of an odd rest, the end loses more."""
    cuts = [((length - side) // 2, -(-(length - side) // 2)) for length in x.shape[1:3]]
    return layers.Cropping2D(cuts, dtype="float32")(x)
