"""The three-convolution network of isthatyoung/Face-emotion-recognition (after Jeon et al. 2016).

5,452,711 trainable parameters, 5,452,967 with batch normalisation's running values, for 42x42 grey
faces (the crop of a 48x48 one) and seven classes. After each convolution come batch normalisation
without scale and shift, ReLU and max 3x3 stride 2; after each dense layer but the last ReLU and
dropout .4:

| layer | side at 42 px | pooled | parameters |
|---|---|---|---|
| conv 32 5x5, border 2 | 42 | 21 | 832 |
| conv 32 4x4, border 1 | 20 | 10 | 16,416 |
| conv 64 5x5, border 2 | 10 | 5 | 51,264 |
| dense 2048 | | | 3,278,848 |
| dense 1024 | | | 2,098,176 |
| dense 7 | | | 7,175 |

Caffe pools from the first pixel and lets the last window hang over; padding "same" is equal to that
where the side before each pool is even, as it is at 42 px. Caffe's "xavier" fill, uniform by the
inputs alone, is Keras' lecun_uniform. Two deviations: Caffe learns biases at twice the rate, here
all weights share one; and its running values keep .999 of the old with a start-up correction that
Keras lacks, so here they keep Keras' .99.
"""

import keras
from keras import layers

CONVOLUTIONS = ((32, 5, 2), (32, 4, 1), (64, 5, 2))  # filters, kernel, border
FILL = "lecun_uniform"


def build(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build the network: normalised faces (None, H, W, 1) to logits (None, classes)."""
    inputs = x = keras.Input(input_shape)
    for filters, kernel, border in CONVOLUTIONS:
        x = layers.Conv2D(filters, kernel, kernel_initializer=FILL)(layers.ZeroPadding2D(border)(x))
        x = layers.BatchNormalization(epsilon=1e-5, center=False, scale=False)(x)
        x = layers.MaxPooling2D(3, 2, padding="same")(layers.ReLU()(x))
    x = layers.Flatten()(x)
    for units in (2048, 1024):
        x = layers.Dense(units, activation="relu", kernel_initializer=FILL)(x)
        x = layers.Dropout(0.4)(x)
    logits = layers.Dense(classes, kernel_initializer=FILL)(x)
    return keras.Model(inputs, logits, name="kaist")
