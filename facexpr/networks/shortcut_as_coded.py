"""The network with two shortcuts of kamal-rahimi/EmotionDetection, as its code builds it.

That is its train_emotion.py as of 2019; its README draws another network, `shortcut`. 86,800
parameters for 64x64 grey faces and eight classes; all padding "same", all ELU. A shortcut is one
convolution of stride 4 beside a block, added to what the block gives. The dropout between the
blocks lies on the way to the second shortcut alone; the block itself gets what comes before it:

| part | layers | side at 64 px | parameters |
|---|---|---|---|
| block 1 | conv 8 2x2, max 2, conv 16 4x4, max 2 | 64, 32, 16 | 40, 2,064 |
| its shortcut | conv 16 4x4 | 16 | 272 |
| | sum | | |
| block 2 | conv 32 2x2, max 2, conv 64 4x4, max 2 | 16, 8, 4 | 2,080, 32,832 |
| its shortcut | dropout .3, conv 64 4x4 | 4 | 16,448 |
| | sum | | |
| head | dropout .5, dense 32, dropout .5, dense 8 | | 32,800, 264 |

No deviations.
"""

import keras
from keras import layers


def build(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build the network: normalised faces (None, H, W, 1) to logits (None, classes)."""
    inputs = x = keras.Input(input_shape)
    x = block(x, x, 8, 16)
    x = block(x, layers.Dropout(0.3)(x), 32, 64)
    x = layers.Dropout(0.5)(layers.Flatten()(x))
    x = layers.Dropout(0.5)(layers.Dense(32, activation="elu")(x))
    return keras.Model(inputs, layers.Dense(classes)(x), name="shortcut_as_coded")


def block(
    main: keras.KerasTensor, beside: keras.KerasTensor, narrow: int, wide: int
) -> keras.KerasTensor:
    """Two convolutions with pooling on the main way, and a shortcut from `beside`; their sum."""
    beside = layers.Conv2D(wide, 4, 4, padding="same", activation="elu")(beside)
    for filters, kernel in ((narrow, 2), (wide, 4)):
        main = layers.Conv2D(filters, kernel, padding="same", activation="elu")(main)
        main = layers.MaxPooling2D(padding="same")(main)
    return layers.Add()([beside, main])
