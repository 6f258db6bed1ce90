"""The four-convolution network of atulapra/Emotion-detection.

2,345,607 parameters for 48x48 grey faces and seven classes; all padding valid, all ReLU:

| layers | parameters |
|---|---|
| conv 32 3x3, conv 64 3x3, max 2, dropout .25 | 320, 18,496 |
| conv 128 3x3, max 2, conv 128 3x3, max 2, dropout .25 | 73,856, 147,584 |
| dense 1024, dropout .5, dense 7 | 2,098,176, 7,175 |
"""

import keras
from keras import layers


def build(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build the network: normalised faces (None, H, W, 1) to logits (None, classes)."""
    inputs = x = keras.Input(input_shape)
    x = layers.Conv2D(32, 3, activation="relu")(x)
    x = layers.Conv2D(64, 3, activation="relu")(x)
    x = layers.Dropout(0.25)(layers.MaxPooling2D()(x))
    x = layers.MaxPooling2D()(layers.Conv2D(128, 3, activation="relu")(x))
    x = layers.MaxPooling2D()(layers.Conv2D(128, 3, activation="relu")(x))
    x = layers.Flatten()(layers.Dropout(0.25)(x))
    x = layers.Dropout(0.5)(layers.Dense(1024, activation="relu")(x))
    return keras.Model(inputs, layers.Dense(classes)(x), name="fourconv")
