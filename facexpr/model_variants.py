"""Variants of a trained model for release: calibrated, and without mixed precision."""

import json


def with_temperature(model, temperature: float):
    """The same model with its logits divided by `temperature`, by a stock layer before softmax.

    Raises ValueError for a model that does not end in a softmax of its own.
    """
    import keras

    last = model.layers[-1]
    if getattr(last, "activation", None) is not keras.activations.softmax:
        raise ValueError(f"the model ends in {last.name}, expected a layer that is a softmax")
    scale = keras.layers.Rescaling(1 / temperature, dtype="float32", name="temperature")
    softmax = keras.layers.Activation("softmax", dtype="float32", name=last.name)
    return keras.Model(model.input, softmax(scale(last.input)))


def as_float32(model):
    """The same model without mixed precision, which ONNX export does not take."""
    import keras

    text = json.dumps(keras.saving.serialize_keras_object(model))
    for policy in ("mixed_bfloat16", "mixed_float16"):
        text = text.replace(f'"{policy}"', '"float32"')
    copy = keras.saving.deserialize_keras_object(json.loads(text), safe_mode=True)
    copy.set_weights(model.get_weights())
    return copy
