"""Saved models as ONNX files, for ONNX Runtime and everything else that reads them.

The card of `facexpr.model_file` rides in the file's metadata, under the same name.
"""

import json
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from facexpr.model_file import CARD
from facexpr.model_variants import as_float32

INPUT, OUTPUT = "faces", "probabilities"


def save_onnx(path: Path, model, card: dict) -> None:
    """Write a Keras model, uint8 faces to probabilities, as ONNX; equal weights give equal bytes.

    It computes in float32, whatever precision it was trained in.
    """
    import onnx

    exported = _export(as_float32(model))
    _rename(exported.graph)
    exported.graph.name, exported.graph.doc_string = "facexpr", ""
    onnx.helper.set_model_props(exported, {CARD: json.dumps(card)})
    onnx.checker.check_model(exported)
    onnx.save(exported, path)


def _export(model):
    """What Keras' own export makes of a model, as an onnx.ModelProto."""
    import onnx

    model.predict_on_batch(np.zeros((1, *model.input_shape[1:]), np.uint8))  # Keras asks for it
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tf2onnx, about names in numpy
        path = Path(folder) / "model.onnx"
        model.export(path, format="onnx", verbose=False)
        return onnx.load(path)


def _rename(graph) -> None:
    """Number tensors and nodes in order of use: the export's names count on within a process."""
    nodes = _in_order(graph)
    del graph.node[:]
    graph.node.extend(nodes)
    names = {graph.input[0].name: INPUT, graph.output[0].name: OUTPUT, "": ""}
    for name in _used(graph):
        names.setdefault(name, f"t{len(names)}")
    for number, node in enumerate(graph.node):
        node.name, node.doc_string = f"n{number}", ""
        node.input[:] = [names[name] for name in node.input]
        node.output[:] = [names[name] for name in node.output]
    for value in (*graph.input, *graph.output, *graph.initializer):
        value.name = names[value.name]
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    ordered = sorted(graph.initializer, key=lambda one: int(one.name[1:]))
    del graph.initializer[:], graph.value_info[:]
    graph.initializer.extend(ordered)


def _in_order(graph) -> list:
    """The nodes, each behind those that it needs; the export's own order follows from its names."""
    made_by = {name: node for node in graph.node for name in node.output}
    ordered, asked = {}, [graph.output[0].name]
    while asked:
        node = made_by[asked[-1]]
        first = next((one for one in node.input if one in made_by and one not in ordered), None)
        if first is not None:
            asked.append(first)
        else:
            ordered |= dict.fromkeys(node.output, node)
            asked.pop()
    unique = {node.output[0]: node for node in ordered.values()}
    return list(unique.values())


def _used(graph) -> Iterator[str]:
    """The names of all tensors, in the order in which nodes take and give them."""
    for node in graph.node:
        yield from node.input
        yield from node.output
