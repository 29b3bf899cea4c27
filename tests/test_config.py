"""Reading the config."""

import json

import pytest
from pages import PAGES

from tfx_tflite_component.config import (
    DEFAULTS,
    given_config,
    read_config,
)
from tfx_tflite_component.config_checks import check_examples, is_calibrated
from tfx_tflite_component.errors import ConfigError
from tfx_tflite_component.proto.tflite_rewriter_pb2 import (
    Ops,
    Output,
    Quantization,
    TFLiteRewriterConfig,
)

_MESSAGE = TFLiteRewriterConfig(
    signature_key="predict",
    input_boundary=TFLiteRewriterConfig.RAW_FEATURES,
    quantization=Quantization(mode=Quantization.FLOAT16),
    enable_experimental_new_converter=False,
    ops=Ops(allow_select_tf_ops=True),
    batch_size=4,
    output=Output(extra_filename="model.tflite", include_saved_model=True),
)
_MAPPING = {
    "signature_key": "predict",
    "input_boundary": "RAW_FEATURES",
    "quantization": {"mode": "FLOAT16"},
    "enable_experimental_new_converter": False,
    "ops": {"allow_select_tf_ops": True},
    "batch_size": 4,
    "output": {"extra_filename": "model.tflite", "include_saved_model": True},
}
_JSON = """{
    "signatureKey": "predict", "inputBoundary": "RAW_FEATURES",
    "quantization": {"mode": "FLOAT16"}, "enableExperimentalNewConverter": false,
    "ops": {"allowSelectTfOps": true}, "batchSize": 4,
    "output": {"extraFilename": "model.tflite", "includeSavedModel": true}
}"""
_TEXT = """
    signature_key: "predict" input_boundary: RAW_FEATURES quantization { mode: FLOAT16 }
    enable_experimental_new_converter: false ops { allow_select_tf_ops: true } batch_size: 4
    output { extra_filename: "model.tflite" include_saved_model: true }
"""


@pytest.mark.parametrize("form", [_MAPPING, _JSON, _TEXT], ids=["mapping", "JSON", "text"])
def test_every_form_reads_as_the_message_does(form):
    assert read_config(form) == read_config(_MESSAGE)
    assert read_config(form).batch_size == 4


@pytest.mark.parametrize("empty", [None, "", "{}", {}, TFLiteRewriterConfig()])
def test_empty_config_has_the_defaults(empty):
    config = read_config(empty)
    assert config.signature_key == "serving_default"
    assert config.input_boundary == TFLiteRewriterConfig.AUTO
    assert config.quantization.mode == Quantization.NONE
    assert config.enable_experimental_new_converter
    assert not config.ops.allow_select_tf_ops
    assert not config.ops.allow_custom_ops
    assert config.batch_size == 0
    assert list(config.verification.splits) == ["eval"]
    assert config.verification.num_examples == 200


@pytest.mark.parametrize("mode", ["FULL_INTEGER", "INT16_ACTIVATIONS"])
def test_calibrated_modes_have_the_defaults_of_the_calibration(mode):
    config = read_config({"quantization": {"mode": mode}})
    assert is_calibrated(config)
    assert list(config.calibration.splits) == ["train"]
    assert config.calibration.num_examples == 500
    assert config.quantization.per_channel


def test_config_that_was_read_reads_as_itself():
    config = read_config({"quantization": {"mode": "FULL_INTEGER"}, "batch_size": 1})
    assert read_config(config) == config


def test_given_message_is_not_modified():
    message = TFLiteRewriterConfig()
    read_config(message)
    assert message == TFLiteRewriterConfig()


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"quantisation": {"mode": "INT8"}}, "quantisation"),
        ('{"quantisation": {}}', "quantisation"),
        ("quantisation {}", "quantisation"),
        ({"ops": {"allow_everything": True}}, "allow_everything"),
        ({"quantization": {"mode": "INT8"}}, "INT8"),
        ("quantization { mode: INT8 }", "INT8"),
        ({"batch_size": "many"}, "batch_size"),
        ({"batch_size": -1}, "batch_size: -1 is negative"),
        ({"input_boundary": 7}, "input_boundary: 7 is unknown; expected one of 'AUTO', 'SIGNAT"),
        ({"quantization": {"mode": 9}}, "quantization.mode: 9 is unknown; .*'DYNAMIC_RANGE'"),
        ("{", "cannot be read"),
        (["batch_size"], "config is a list; expected a TFLiteRewriterConfig"),
    ],
)
def test_config_that_is_none_is_refused_by_name(config, named):
    with pytest.raises(ConfigError, match=named):
        read_config(config)


@pytest.mark.parametrize(
    "name", ["tflite", "a/b.tflite", "a\\b", ".", "..", "assets", "saved_model.pb", "variables"]
)
def test_invalid_extra_filename_is_refused(name):
    with pytest.raises(ConfigError, match=r"output.extra_filename: .*such as 'model.tflite'"):
        read_config({"output": {"extra_filename": name}})


@pytest.mark.parametrize(
    ("quantization", "named"),
    [
        ({"input_type": "INT8"}, "input_type: INT8 cannot be set with mode: NONE"),
        (
            {"mode": "FULL_INTEGER", "output_type": "INT16"},
            "output_type: INT16 cannot be set with mode: FULL_INTEGER; expected one of "
            "'FLOAT32', 'INT8', 'UINT8'",
        ),
        (
            {"mode": "INT16_ACTIVATIONS", "input_type": "INT8"},
            "input_type: INT8 cannot be set with mode: INT16_ACTIVATIONS; expected one of "
            "'FLOAT32', 'INT16'",
        ),
        (
            {"mode": "FLOAT16", "allow_float_fallback": True},
            "allow_float_fallback has no effect with quantization.mode: FLOAT16",
        ),
        ({"per_channel": False}, "per_channel: false has no effect"),
        (
            {"mode": "DYNAMIC_RANGE", "enable_experimental_new_quantizer": False},
            "new_quantizer: false has no effect",
        ),
    ],
)
def test_quantization_that_contradicts_its_mode_is_refused(quantization, named):
    with pytest.raises(ConfigError, match=named):
        read_config({"quantization": quantization})


def test_calibration_of_a_mode_without_one_is_refused():
    with pytest.raises(ConfigError, match=r"calibration has no effect .*DYNAMIC_RANGE"):
        read_config({"quantization": {"mode": "DYNAMIC_RANGE"}, "calibration": {"seed": 1}})


@pytest.mark.parametrize(
    ("verification", "named"),
    [
        ({"num_examples": -1}, "verification.num_examples: -1 is negative"),
        ({"max_abs_error": -0.5}, "verification.max_abs_error: -0.5; expected 0 or more"),
        ({"max_abs_error": "NaN"}, "verification.max_abs_error: nan"),
        ({"min_argmax_agreement": 1.5}, "verification.min_argmax_agreement: 1.5; expected a share"),
        ({"min_sqnr_db": "NaN"}, "verification.min_sqnr_db: nan"),
        ({"on_failure": 5}, "verification.on_failure: 5 is unknown"),
        ({"outputs": {"y": {"max_abs_error": -1}}}, r"outputs\['y'\].max_abs_error: -1"),
    ],
)
def test_verification_out_of_range_is_refused(verification, named):
    with pytest.raises(ConfigError, match=named):
        read_config({"verification": verification})


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"quantization": {"mode": "FULL_INTEGER"}}, "FULL_INTEGER is calibrated"),
        ({"verification": {"num_examples": 7}}, "verification.num_examples: 7 is about `examples`"),
        ({"verification": {"splits": ["test"]}}, r"verification.splits: \['test'\]"),
        ({"verification": {"splits": ["eval"]}}, r"verification.splits: \['eval'\]"),
        ({"verification": {"num_examples": 200}}, "verification.num_examples: 200"),
    ],
)
def test_config_that_needs_examples_is_refused_without_them(config, named):
    message = given_config(config)
    check_examples(message, given=True)
    with pytest.raises(ConfigError, match=named):
        check_examples(message, given=False)


def test_config_that_needs_no_examples_is_fine_without_them():
    check_examples(given_config({"quantization": {"mode": "DYNAMIC_RANGE"}}), given=False)


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ("input_boundary: TENSORS", "TENSORS needs boundary_tensors"),
        ("boundary_tensors { key: 'x' value: 'op' }", "AUTO cannot be set with boundary_tensors"),
        (
            "input_boundary: TENSORS boundary_tensors { key: '' value: 'op' }",
            "boundary_tensors: an input of the model needs a name",
        ),
    ],
)
def test_boundary_tensors_are_only_for_the_tensors_boundary(config, named):
    with pytest.raises(ConfigError, match=named):
        read_config(config)


def test_defaults_are_those_in_the_comments_of_the_proto():
    rows = [line.split(" | ") for line in PAGES["docs/config.md"].splitlines()]
    documented = {row[0].strip("| `"): row[2] for row in rows if len(row) == 4}
    for path, value in DEFAULTS.items():
        (single,) = value if isinstance(value, list) else [value]
        assert documented[path] == json.dumps(single)
