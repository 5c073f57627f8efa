"""The engines that the examples show: one of a few lines, and one around a model in ONNX."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mock_server import Settings
from tests.mock_server.client import Client, bitmap_of, click
from tests.mock_server.engines.test_pixels import picture_of
from tests.mock_server.engines.test_protocol import sent
from tests.servers import ROOT

SIDE = 64  # of what the tiny encoder takes
RADIUS = 10  # of the discs that the tiny decoder draws, in pixels of that


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def photograph(height: int, width: int) -> bytes:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, width // 2 :] = 240
    content = picture_of(pixels).file
    assert content is not None
    return content


def test_engine_of_twenty_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    source = (ROOT / "examples" / "engine_of_your_own.py").read_text(encoding="utf-8")
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    client = Client(Settings(engine="engine_of_your_own:Bright"))

    (result,) = client.concept([{"text": "anything"}], image=sent(photograph(30, 40)))

    mask = bitmap_of(result["predictions"][0])
    assert mask[:, 20:].all()
    assert not mask[:, :20].any()
    assert len(source.partition('"""\n\n')[2].splitlines()) <= 20


def tiny_encoder(helper: Any, kind: int) -> Any:
    """Average 16 x 16 pixels, as a model's embedding has one cell for so many."""
    node = helper.make_node("AveragePool", ["image"], ["embedding"], kernel_shape=[16, 16], strides=[16, 16])
    image = helper.make_tensor_value_info("image", kind, [1, 3, SIDE, SIDE])
    embedding = helper.make_tensor_value_info("embedding", kind, [1, 3, SIDE // 16, SIDE // 16])
    return helper.make_graph([node], "encoder", [image], [embedding])


def tiny_decoder(helper: Any, kind: int, numpy_helper: Any) -> Any:
    """Draw a disc around the first point, at half and at a quarter of the radius too, in pixels of the picture.

    Where the picture is bright the discs are wider by 4: so that what comes out depends on the embedding.
    """
    constants = {
        "xs": np.arange(256, dtype=np.float32).reshape(1, 1, 1, 256),
        "ys": np.arange(256, dtype=np.float32).reshape(1, 1, 256, 1),
        "radii": np.array([RADIUS, RADIUS / 2, RADIUS / 4], np.float32).reshape(1, 3, 1, 1),
        "zero": np.array(0, np.int64),
        "one": np.array(1, np.int64),
        "sure": np.array([[0.5, 0.9, 0.7]], np.float32),
        "side": np.array([SIDE], np.float32),
        "four": np.array([4], np.float32),
        "begin": np.array([0, 0], np.int64),
        "axes": np.array([2, 3], np.int64),
    }
    nodes = [
        helper.make_node("Gather", ["point_coords", "zero"], ["point"], axis=1),
        helper.make_node("Gather", ["point", "zero"], ["x"], axis=1),
        helper.make_node("Gather", ["point", "one"], ["y"], axis=1),
        helper.make_node("Sub", ["xs", "x"], ["dx"]),
        helper.make_node("Sub", ["ys", "y"], ["dy"]),
        helper.make_node("Mul", ["dx", "dx"], ["dx2"]),
        helper.make_node("Mul", ["dy", "dy"], ["dy2"]),
        helper.make_node("Add", ["dx2", "dy2"], ["d2"]),
        helper.make_node("Sqrt", ["d2"], ["d"]),
        helper.make_node("ReduceMax", ["image_embeddings"], ["brightest"], keepdims=0),
        helper.make_node("Sign", ["brightest"], ["bright"]),
        helper.make_node("Mul", ["bright", "four"], ["wider"]),
        helper.make_node("Add", ["radii", "wider"], ["reach"]),
        helper.make_node("Sub", ["reach", "d"], ["near"]),
        helper.make_node("Cast", ["orig_im_size"], ["size"], to=7),
        helper.make_node("ReduceMax", ["orig_im_size"], ["longest"], keepdims=1),
        helper.make_node("Div", ["longest", "side"], ["scale"]),
        helper.make_node("Concat", ["whole", "whole", "scale", "scale"], ["scales"], axis=0),
        helper.make_node("Resize", ["near", "", "scales"], ["large"], mode="linear"),
        helper.make_node("Slice", ["large", "begin", "size", "axes"], ["masks"]),
        helper.make_node("Identity", ["sure"], ["iou_predictions"]),
    ]
    constants["whole"] = np.array([1.0], np.float32)
    shapes = {
        "image_embeddings": [1, 3, SIDE // 16, SIDE // 16],
        "point_coords": [1, "points", 2],
        "point_labels": [1, "points"],
        "mask_input": [1, 1, SIDE // 4, SIDE // 4],
        "has_mask_input": [1],
        "orig_im_size": [2],
    }
    inputs = [helper.make_tensor_value_info(name, kind, shape) for name, shape in shapes.items()]
    outputs = [
        helper.make_tensor_value_info("masks", kind, [1, 3, "height", "width"]),
        helper.make_tensor_value_info("iou_predictions", kind, [1, 3]),
    ]
    used = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    return helper.make_graph(nodes, "decoder", inputs, outputs, used)


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A mock with a model behind it: a network of a few operations that takes and gives what a SAM's do."""
    onnx = pytest.importorskip("onnx", reason="builds the network: pip install onnx")
    pytest.importorskip("onnxruntime", reason="runs the network: pip install onnxruntime")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graphs = {"ENCODER": tiny_encoder(helper, kind), "DECODER": tiny_decoder(helper, kind, onnx.numpy_helper)}
    for name, graph in graphs.items():
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(model.SerializeToString())
        monkeypatch.setenv(f"SAM_{name}", str(path))
    return Client(Settings(engine=example("engine_onnx").OnnxSam()))


@pytest.mark.parametrize("size", [(96, 128), (128, 96)])
def test_engine_around_a_model_in_onnx(client: Client, size: tuple[int, int]) -> None:
    height, width = size
    wide = round((RADIUS / 2 + 4) * 128 / SIDE)  # of the surest mask, where something is bright

    found = client.visual([{"points": [click(40, 50)]}], image=sent(photograph(height, width)), multimask_output=True)

    assert [round(one["confidence"], 2) for one in found] == [0.9, 0.7, 0.5]
    rows, columns = np.nonzero(bitmap_of(found[0]))
    assert bitmap_of(found[0]).shape == size
    assert (abs(rows.mean() - 50) < 1.5, abs(columns.mean() - 40) < 1.5) == (True, True)
    assert abs((np.ptp(columns) + 1) / 2 - wide) < 2
    areas = [int(bitmap_of(one).sum()) for one in found]
    assert areas[2] > areas[0] > areas[1]


def test_model_in_onnx_takes_boxes_for_exemplars_and_knows_no_words(client: Client) -> None:
    box = {"x": 20, "y": 10, "width": 30, "height": 40}

    texts, boxes = client.concept(
        [{"text": "dog"}, {"boxes": [box], "box_labels": [1]}], image=sent(photograph(96, 128))
    )

    assert texts["predictions"] == []
    assert bitmap_of(boxes["predictions"][0])[10, 20]
    assert len(client.visual([], image=sent(photograph(96, 128)), multimask_output=False)) == 1
