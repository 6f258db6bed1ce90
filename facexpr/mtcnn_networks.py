"""MTCNN's three networks in ONNX Runtime, with the weights that the wheel of `mtcnn` holds.

Layers: Zhang et al. 2016, arXiv:1604.02878, as `mtcnn` 1.0.0 has them. The package itself is never
imported, for it imports TensorFlow: only its weight files are read.
"""

from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import joblib
import numpy as np
import onnxruntime
from onnx import ModelProto, TensorProto, helper, numpy_helper

from facexpr.errors import UserError

# From float32 (N, channels, H, W), -1 to 1, to a list of float32 outputs.
Network = Callable[[np.ndarray], list[np.ndarray]]
# For each convolution, the side of the max-pooling behind it, and how that treats the edge.
SAME, VALID = "SAME_UPPER", "VALID"
POOLINGS = {
    "pnet": ((2, SAME), None, None),
    "rnet": ((3, SAME), (3, VALID), None),
    "onet": ((3, SAME), (3, VALID), (2, SAME), None),
}
INPUT_PX = {"pnet": ("height", "width"), "rnet": (24, 24), "onet": (48, 48)}
FLAT_PX = 3  # side of what the last convolution of R-Net and O-Net leaves
OPSET, IR_VERSION = 17, 9  # which every ONNX Runtime that pyproject.toml allows reads


def load_network(name: str, channels: int) -> Network:
    """Load "pnet", "rnet" or "onet" for images of 3 channels, or of 1: three that are equal.

    Outputs are the moves of box sides, of "onet" the landmarks too, and last the probabilities of
    no face and face. Raises UserError when the wheel is not installed.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the caller's threads run whole calls side by side
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        build(name, channels).SerializeToString(), options, providers=_providers()
    )
    return lambda inputs: session.run(None, {"images": inputs})


def _providers() -> list:
    """The CUDA provider where there is one, in full float32, and the CPU's."""
    known = [("CUDAExecutionProvider", {"use_tf32": "0"}), ("CPUExecutionProvider", {})]
    return [one for one in known if one[0] in onnxruntime.get_available_providers()]


def read_weights(name: str) -> list[np.ndarray]:
    """Read a network's arrays, float32, in the order of its layers: kernel, bias, slope."""
    package = find_spec("mtcnn")  # which finds the folder and runs nothing
    if package is None:
        raise UserError("detector mtcnn: its package is missing; pip install mtcnn==1.0.0")
    folder = Path(package.submodule_search_locations[0])
    return joblib.load(folder / "assets" / "weights" / f"{name}.lz4")


def build(name: str, channels: int) -> ModelProto:
    """Build a network's ONNX model; `name` and `channels` as for `load_network`."""
    graph, weights, value = _Graph(), iter(read_weights(name)), "images"
    for number, pooling in enumerate(POOLINGS[name]):
        kernel, bias, slope = islice(weights, 3)
        if number == 0 and channels == 1:
            kernel = kernel.sum(axis=2, keepdims=True)
        value = graph.prelu(graph.convolve(value, kernel, bias), slope.transpose(2, 0, 1))
        value = graph.pool(value, *pooling) if pooling else value
    join, axes = graph.convolve, 4
    if name != "pnet":
        kernel, bias, slope = islice(weights, 3)
        value = graph.connect(graph.add("Flatten", value), _channels_first(kernel), bias)
        value = graph.prelu(value, slope)
        join, axes = graph.connect, 2
    *moves_and_landmarks, scores = [join(value, kernel, next(weights)) for kernel in weights]
    outputs = [*moves_and_landmarks, graph.add("Softmax", scores, axis=1)]
    return graph.model((None, channels, *INPUT_PX[name]), outputs, axes)


def _channels_first(kernel: np.ndarray) -> np.ndarray:
    """Reorder the rows of a dense kernel from (width, height, channels) to ONNX's order."""
    blocks = kernel.reshape(FLAT_PX, FLAT_PX, -1, kernel.shape[1])
    return blocks.transpose(2, 1, 0, 3).reshape(kernel.shape)


class _Graph:
    """An ONNX graph in the making; values are known by their names."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def add(self, kind: str, *inputs: str, **attributes) -> str:
        """Add an operator with one output, and give that output's name."""
        output = f"value{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, array: np.ndarray) -> str:
        """Add an array of constants."""
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def convolve(self, value: str, kernel: np.ndarray, bias: np.ndarray) -> str:
        """Convolve inside the edges; kernel: (height, width, channels, outputs)."""
        kernel = self.constant(kernel.transpose(3, 2, 0, 1))
        return self.add("Conv", value, kernel, self.constant(bias))

    def connect(self, value: str, kernel: np.ndarray, bias: np.ndarray) -> str:
        """Connect densely; kernel: (inputs, outputs)."""
        return self.add("Gemm", value, self.constant(kernel), self.constant(bias))

    def pool(self, value: str, side: int, edge: str) -> str:
        """Take the maxima of squares, every second pixel."""
        return self.add("MaxPool", value, kernel_shape=(side, side), strides=(2, 2), auto_pad=edge)

    def prelu(self, value: str, slope: np.ndarray) -> str:
        """`value` where it is positive, else slope * value; PRelu itself takes twice as long."""
        if slope.max() <= 1:
            return self.add("Max", value, self.add("Mul", value, self.constant(slope)))
        below = self.add("Min", value, self.constant(np.float32(0)))
        return self.add("Add", value, self.add("Mul", below, self.constant(slope - 1)))

    def model(self, shape: Sequence, outputs: Sequence[str], axes: int) -> ModelProto:
        """The model from "images" of `shape` to `outputs` of so many axes, all float32."""
        describe = partial(helper.make_tensor_value_info, elem_type=TensorProto.FLOAT)
        images = describe("images", shape=shape)
        results = [describe(name, shape=(None,) * axes) for name in outputs]
        graph = helper.make_graph(self.nodes, "mtcnn", [images], results, self.constants)
        opset = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION)
