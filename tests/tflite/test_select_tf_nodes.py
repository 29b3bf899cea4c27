"""Models with Select TF ops are the same bytes in every conversion."""

import models
import pytest
import tensorflow as tf
from tensorflow.core.framework.node_def_pb2 import NodeDef

from tfx_tflite_component.config import read_config
from tfx_tflite_component.conversion.convert import convert
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.split.split import split
from tfx_tflite_component.tflite.select_tf_nodes import node_defs, order_attributes


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    def serve(x):
        counts = tf.raw_ops.DenseBincount(input=x, size=4, weights=tf.zeros([0]))
        return {"counts": counts}

    path = models.save(tmp_path_factory.mktemp("flex"), serve, tf.TensorSpec([None, 3], tf.int32))
    tail = split(load_signature(path, "serving_default")).tail
    return convert(tail, read_config({"ops": {"allow_select_tf_ops": True}}))


def test_a_converted_model_has_the_attributes_of_its_ops_in_order(model):
    (found,) = node_defs(model)
    assert NodeDef.FromString(found).op == "DenseBincount"
    assert b"".join(_attributes(found)) in found


def test_attributes_in_another_order_are_put_in_order(model):
    (ordered,) = node_defs(model)
    shuffled = _with_first_attribute_last(ordered)
    other = bytearray(model.replace(ordered, shuffled))
    assert node_defs(other) == [shuffled] != [ordered]
    order_attributes(other)
    assert other == model


def _with_first_attribute_last(node_def):
    """Serialized attributes stand one after the other, in whatever order they were written."""
    parts = _attributes(node_def)
    assert len(parts) > 1
    before, after = node_def.split(b"".join(parts))
    return before + b"".join([*parts[1:], parts[0]]) + after


def _attributes(node_def):
    """Each attribute serialized, in the order of their names."""
    attributes = NodeDef.FromString(node_def).attr
    return [
        NodeDef(attr={name: attributes[name]}).SerializeToString() for name in sorted(attributes)
    ]
