"""The network with two shortcuts of kamal-rahimi/EmotionDetection, as its README draws it.

1,085,976 parameters for 64x64 grey faces and eight classes; all padding "same", all ELU. A
shortcut is one convolution of stride 4 beside a block, added to what the block gives:

| part | layers | side at 64 px | parameters |
|---|---|---|---|
| block 1 | conv 16 2x2, max 2, conv 16 2x2, max 2 | 64, 32, 16 | 80, 1,040 |
| its shortcut | conv 16 4x4 | 16 | 272 |
| | sum, dropout .3 | | |
| block 2 | conv 32 2x2, max 2, conv 64 2x2, max 2 | 16, 8, 4 | 2,080, 8,256 |
| its shortcut | conv 64 4x4 | 4 | 16,448 |
| | sum, dropout .5 | | |
| head | dense 1024, dropout .5, dense 8 | | 1,049,600, 8,200 |

No deviations from the drawing; the code beside it builds another network, `shortcut_as_coded`.
"""

import keras
from keras import layers


def build(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build the network: normalised faces (None, H, W, 1) to logits (None, classes)."""
    inputs = x = keras.Input(input_shape)
    for narrow, wide, dropout in ((16, 16, 0.3), (32, 64, 0.5)):
        shortcut = layers.Conv2D(wide, 4, 4, padding="same", activation="elu")(x)
        for filters in (narrow, wide):
            x = layers.Conv2D(filters, 2, padding="same", activation="elu")(x)
            x = layers.MaxPooling2D(padding="same")(x)
        x = layers.Dropout(dropout)(layers.Add()([shortcut, x]))
    x = layers.Dense(1024, activation="elu")(layers.Flatten()(x))
    x = layers.Dropout(0.5)(x)
    return keras.Model(inputs, layers.Dense(classes)(x), name="shortcut")
