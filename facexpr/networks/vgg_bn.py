"""A small VGG with batch normalisation (after Simonyan & Zisserman 2015, arXiv:1409.1556).

The first block has one narrow layer, since at full resolution a layer costs most and knows least;
the classifier is global average pooling. 1,167,015 parameters at seven classes:

| block | layers (3x3, same padding, BN, ReLU) | side at 48 px |
|---|---|---|
| 1 | 32, max 2 | 24 |
| 2 | 64, 64, max 2 | 12 |
| 3 | 128, 128, max 2 | 6 |
| 4 | 256, 256, average | 1 |
| head | dropout .3, dense | |
"""

import keras
from keras import layers

BLOCKS = ((32,), (64, 64), (128, 128), (256, 256))


def build(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build the network: normalised faces (None, H, W, 1) to logits (None, classes)."""
    inputs = x = keras.Input(input_shape)
    for number, block in enumerate(BLOCKS):
        if number:
            x = layers.MaxPooling2D()(x)
        for filters in block:
            x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
            x = layers.BatchNormalization(momentum=0.9)(x)
            x = layers.ReLU()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.3)(x)
    return keras.Model(inputs, layers.Dense(classes)(x), name="vgg_bn")
