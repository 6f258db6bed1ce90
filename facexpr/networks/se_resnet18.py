"""A ResNet-18 for small faces (He et al. 2016, arXiv:1512.03385) with squeeze and excitation.

Squeeze and excitation after Hu et al. 2018 (arXiv:1709.01507), reduction 16, on what a block adds.
11,269,951 parameters, 11,260,351 of them trainable, for 48x48 grey faces and seven classes.
Convolutions are 3x3, "same" and without bias; batch normalisation follows each:

| part | layers | side at 48 px | parameters: convolutions, normalisation, excitation |
|---|---|---|---|
| stem | conv 64 | 48 | 576, 256 |
| stage 1 | two blocks of 64 | 48 | 147,456, 1,024, 1,160 |
| stage 2 | two blocks of 128, stride 2 | 24 | 524,288, 2,560, 4,368 |
| stage 3 | two blocks of 256, stride 2 | 12 | 2,097,152, 5,120, 16,928 |
| stage 4 | two blocks of 512, stride 2 | 6 | 8,388,608, 10,240, 66,624 |
| head | average, dropout .3, dense 7 | 1 | 3,591 |

A block is conv, ReLU, conv, excitation; its input is added, then ReLU. Where a stage begins with
another width, a 1x1 convolution with the stage's stride brings the input to it.

Deviations: the stem is 3x3 stride 1 without a pool, since 48 px leave nothing to throw away; the
dropout before the head, as in `vgg_bn`, is in neither paper.
"""

import keras
from keras import layers

REDUCTION = 16


def build(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build the network: normalised faces (None, H, W, 1) to logits (None, classes)."""
    inputs = keras.Input(input_shape)
    x = layers.ReLU()(convolve(inputs, 64, 3))
    for filters, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        x = block(x, filters, stride)
        x = block(x, filters, 1)
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, layers.Dense(classes)(x), name="se_resnet18")


def convolve(x: keras.KerasTensor, filters: int, kernel: int, stride: int = 1) -> keras.KerasTensor:
    """A convolution with batch normalisation, its first weights after He et al. 2015."""
    x = layers.Conv2D(
        filters, kernel, stride, padding="same", use_bias=False, kernel_initializer="he_normal"
    )(x)
    return layers.BatchNormalization(momentum=0.9)(x)


def block(x: keras.KerasTensor, filters: int, stride: int) -> keras.KerasTensor:
    """Two convolutions and excitation, added to their input."""
    beside = x
    if stride > 1 or x.shape[-1] != filters:
        # A 1x1 convolution with a stride, in two steps: mini_xception says why.
        beside = convolve(layers.AveragePooling2D(1, stride, padding="same")(x), filters, 1)
    x = layers.ReLU()(convolve(x, filters, 3, stride))
    x = excite(convolve(x, filters, 3))
    return layers.ReLU()(layers.Add()([x, beside]))


def excite(x: keras.KerasTensor) -> keras.KerasTensor:
    """Weigh each channel by what all channels' averages say of it (squeeze and excitation)."""
    channels = x.shape[-1]
    weights = layers.GlobalAveragePooling2D()(x)
    weights = layers.Dense(channels // REDUCTION, activation="relu")(weights)
    weights = layers.Dense(channels, activation="sigmoid")(weights)
    return layers.Multiply()([x, layers.Reshape((1, 1, channels))(weights)])
