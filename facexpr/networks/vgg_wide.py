"""A wider VGG with batch normalisation that pools before it normalises.

After Simonyan & Zisserman 2015 (arXiv:1409.1556). Normalisation and ReLU read what a convolution
gives a few times from memory; pooled first, that is a quarter of it, and the outcome is the same
wherever the normalisation's scale is positive. 1,821,647 parameters at seven classes:

| block | layers (3x3, same padding; BN and ReLU after each or after its pool) | side at 44 px |
|---|---|---|
| 1 | 40, max 2 | 22 |
| 2 | 80, 80, max 2 | 11 |
| 3 | 160, 160, max 2 | 5 |
| 4 | 320, 320, average | 1 |
| head | dropout .3, dense | |
"""

import keras
from keras import layers

BLOCKS = ((40,), (80, 80), (160, 160), (320, 320))


def build(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build the network: normalised faces (None, H, W, 1) to logits (None, classes)."""
    inputs = x = keras.Input(input_shape)
    for block in BLOCKS:
        for place, filters in enumerate(block, start=1):
            x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
            if place == len(block) and block is not BLOCKS[-1]:
                x = layers.MaxPooling2D()(x)
            x = layers.BatchNormalization(momentum=0.9)(x)
            x = layers.ReLU()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.3)(x)
    return keras.Model(inputs, layers.Dense(classes)(x), name="vgg_wide")
