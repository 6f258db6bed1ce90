"""The wide three-convolution network of ShawDa/facial-expression-recognition.

Named after its weight files; its README refers to isseu/emotion-recognition-neural-networks, and
the first network of atulapra/Emotion-detection is the same. 56,883,015 parameters for 48x48 grey
faces and seven classes; all padding "same", all ReLU:

| layers | side at 48 px | parameters |
|---|---|---|
| conv 64 5x5, max 3x3 stride 2 | 48, 24 | 1,664 |
| conv 64 5x5, max 3x3 stride 2 | 24, 12 | 102,464 |
| conv 128 4x4, dropout .7 | 12 | 131,200 |
| dense 3072 | | 56,626,176 |
| dense 7 | | 21,511 |

TFLearn's dropout names what it keeps, 30 %. First weights as TFLearn draws them: of convolutions
uniform by their inputs (Keras' lecun_uniform), of dense layers truncated normal with deviation
.02. No deviations.
"""

import keras
from keras import layers


def build(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build the network: normalised faces (None, H, W, 1) to logits (None, classes)."""
    inputs = x = keras.Input(input_shape)
    for filters, kernel, pooled in ((64, 5, True), (64, 5, True), (128, 4, False)):
        x = layers.Conv2D(
            filters, kernel, padding="same", activation="relu", kernel_initializer="lecun_uniform"
        )(x)
        if pooled:
            x = layers.MaxPooling2D(3, 2, padding="same")(x)
    x = layers.Flatten()(layers.Dropout(0.7)(x))
    x = layers.Dense(3072, activation="relu", kernel_initializer=dense_weights())(x)
    logits = layers.Dense(classes, kernel_initializer=dense_weights())(x)
    return keras.Model(inputs, logits, name="gudi")


def dense_weights() -> keras.Initializer:
    """TFLearn's first weights of a dense layer, drawn anew for each."""
    return keras.initializers.TruncatedNormal(stddev=0.02)
