"""A model file that needs no training and no Keras: ONNX, and known by heart."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from facexpr.labels import FER2013
from facexpr.params import load

ROOT = Path(__file__).parents[1]
PX = 16


def align_settings() -> dict:
    """The sample's alignment, for small faces."""
    return load(ROOT / "recipes/sample.yaml").align.settings() | {"px": PX}


def detection(**settings) -> dict:
    """How a model may say that faces are found; by default the whole picture is one."""
    return load(ROOT / "recipes/sample.yaml").detection() | {"detector": "whole"} | settings


def make_card(**changes) -> dict:
    """What rides in the file; a value of None leaves out."""
    card = {"labels": list(FER2013), "align": align_settings(), "crop_px": 0, "fit": ["train"]}
    card |= {"detect": detection()} | changes
    return {name: value for name, value in card.items() if value is not None}


def write_model(path: Path, card: dict | None = None, slope: float = 0.05) -> Path:
    """Write a model whose logits are slope * (mean grey level - 128) * (0, 1, 2, ...)."""
    card = make_card() if card is None else card
    weights = slope * np.arange(len(card.get("labels", FER2013)), dtype=np.float32)[None]
    nodes = [
        helper.make_node("Cast", ["faces"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats", "axes"], ["mean"], keepdims=0),
        helper.make_node("Sub", ["mean", "middle"], ["level"]),
        helper.make_node("MatMul", ["level", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    constants = {"axes": np.array([1, 2]), "middle": np.float32([128]), "weights": weights}
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("faces", TensorProto.UINT8, ["batch", PX, PX, 1])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", None])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(model, {"facexpr.json": json.dumps(card)})
    onnx.save(model, path)
    return path


def expected(grey: float, classes: int = len(FER2013), slope: float = 0.05) -> np.ndarray:
    """What that model says of a face of one grey level."""
    powers = np.exp(slope * (grey - 128) * np.arange(classes))
    return powers / powers.sum()
