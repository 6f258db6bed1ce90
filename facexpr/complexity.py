"""What a network costs to compute, from the shapes of its layers alone."""

from math import prod

import keras
from keras import layers

COUNTED = (layers.Conv2D, layers.SeparableConv2D, layers.DepthwiseConv2D, layers.Dense)


def multiply_adds(model: keras.Model) -> int:
    """Multiplications by a weight, each with its addition, that one image takes.

    Counted are the layers COUNTED, in models inside the model too; not their biases, and nothing
    of pools, normalisations, activations and sums. Each weight of a kernel meets each position of
    the layer's output once, over padding too. The model's input must have a fixed shape, channels
    last, and no layer may be called twice.
    """
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            total += multiply_adds(layer)
        elif isinstance(layer, COUNTED):
            shapes = [weight.shape for weight in layer.weights]
            kernels = [prod(shape) for shape in shapes if len(shape) > 1]  # a bias has one axis
            total += prod(layer.output.shape[1:-1]) * sum(kernels)
    return total
