"""The network of amirhossein-hkh/facial-expression-recognition, for five expressions.

1,004,805 parameters, 1,003,013 of them trainable, for 48x48 grey faces and five classes. A block is
conv 3x3 (valid), ReLU, batch normalisation, max 2; a dense layer is followed by ReLU and batch
normalisation, in this order:

| layers | side at 48 px | parameters, then batch normalisation's |
|---|---|---|
| conv 64 | 46, 23 | 640, 256 |
| conv 128, dropout .3 before its ReLU | 21, 10 | 73,856, 512 |
| conv 256 | 8, 4 | 295,168, 1,024 |
| conv 256 | 2, 1 | 590,080, 1,024 |
| dense 128, dropout .25 after all | | 32,896, 512 |
| dense 64 | | 8,256, 256 |
| dense 5 | | 325 |

No deviations.
"""

import keras
from keras import layers


def build(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build the network: normalised faces (None, H, W, 1) to logits (None, classes)."""
    inputs = x = keras.Input(input_shape)
    for filters, dropout in ((64, 0), (128, 0.3), (256, 0), (256, 0)):
        x = layers.Conv2D(filters, 3)(x)
        if dropout:
            x = layers.Dropout(dropout)(x)
        x = layers.BatchNormalization()(layers.ReLU()(x))
        x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    x = layers.BatchNormalization()(layers.Dense(128, activation="relu")(x))
    x = layers.Dropout(0.25)(x)
    x = layers.BatchNormalization()(layers.Dense(64, activation="relu")(x))
    return keras.Model(inputs, layers.Dense(classes)(x), name="fiveclass")
