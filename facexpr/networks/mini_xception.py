"""mini-Xception of Arriaga et al. 2017 (arXiv:1710.07557; oarriaga/face_classification).

58,423 parameters, 56,951 of them trainable, for 64x64 grey faces and seven classes. No
convolution but the last has a bias; batch normalisation follows each but the last:

| part | layers | side at 64 px | parameters without batch normalisation |
|---|---|---|---|
| stem | conv 8 3x3 (valid), ReLU, twice | 62, 60 | 72, 576 |
| blocks | separable 3x3, ReLU, separable 3x3, max 3x3 stride 2 | | |
| | beside it conv 1x1 stride 2; both added | | |
| block 1 | 16 filters | 30 | 72 + 128, 144 + 256, beside 128 |
| block 2 | 32 filters | 15 | 144 + 512, 288 + 1,024, beside 512 |
| block 3 | 64 filters | 8 | 288 + 2,048, 576 + 4,096, beside 2,048 |
| block 4 | 128 filters | 4 | 576 + 8,192, 1,152 + 16,384, beside 8,192 |
| head | conv 7 3x3, average | 1 | 8,071 |

One deviation: the authors' l2 penalty of .01 on kernels is left to the training settings' weight
decay.
"""

import keras
from keras import layers


def build(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build the network: normalised faces (None, H, W, 1) to logits (None, classes)."""
    inputs = x = keras.Input(input_shape)
    for _ in range(2):
        x = layers.BatchNormalization()(layers.Conv2D(8, 3, use_bias=False)(x))
        x = layers.ReLU()(x)
    for filters in (16, 32, 64, 128):
        x = block(x, filters)
    x = layers.Conv2D(classes, 3, padding="same")(x)
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(x), name="mini_xception")


def block(x: keras.KerasTensor, filters: int) -> keras.KerasTensor:
    """Two separable convolutions and a pool, with a strided convolution beside them."""
    # Every second pixel, then convolved, is a 1x1 convolution of stride 2. TensorFlow 2.21 crashes
    # on a CPU in the gradient of that one where channels are few (oneDNN; its memory is overrun).
    beside = layers.AveragePooling2D(1, 2, padding="same")(x)
    beside = layers.BatchNormalization()(layers.Conv2D(filters, 1, use_bias=False)(beside))
    x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.Add()([layers.MaxPooling2D(3, 2, padding="same")(x), beside])
