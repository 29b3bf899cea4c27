"""Variables of TF1."""

import pytest
import tensorflow as tf
from contract import check_contract
from models import example, save_tf1

_FEATURES = {
    "x": tf.io.FixedLenFeature([2], tf.float32),
    "row": tf.io.FixedLenFeature([], tf.int64),
}


@pytest.mark.parametrize("use_resource", [False, True], ids=["reference", "resource"])
def test_variables_of_tf1_have_their_trained_values(tmp_path, use_resource):
    def build(examples):
        parsed = tf.io.parse_example(examples, _FEATURES)
        weights, table = (
            tf.compat.v1.get_variable(name, initializer=value, use_resource=use_resource)
            for name, value in [
                ("weights", [[1.0, 2.0], [3.0, 4.0]]),
                ("table", [[0.5, 0.25], [-1.0, 2.0], [7.0, 8.0]]),
            ]
        )
        return {"y": parsed["x"] @ weights + tf.gather(table, parsed["row"])}

    model = save_tf1(tmp_path / "model", build)
    check_contract(model, [example(x=[1.0, -1.0], row=[2]), example(x=[0.5, 0.0], row=[0])])
