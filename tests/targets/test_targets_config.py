"""The infra validator's config: strict."""

import pytest

from tfx_tflite_component.errors import ConfigError
from tfx_tflite_component.targets.config import check_split, read_validator_config


def test_defaults_are_filled_in():
    config = read_validator_config(
        'targets { name: "a" litert {} } targets { name: "b" tflite {} }'
    )
    assert config.targets[0].litert.version == "2.3.0"
    assert config.targets[1].tflite.version == "2.14.0"
    assert (config.split, config.num_inputs, config.time_limit_seconds) == ("eval", 32, 600)


def test_reading_twice_is_reading_once():
    config = read_validator_config('targets { name: "npu" ethos_u {} }')
    assert read_validator_config(config) == config


@pytest.mark.parametrize(
    ("config", "culprit"),
    [
        ('targets { name: "a" }', "targets['a'] has no runtime"),
        ("targets { litert {} }", "targets: ''"),
        (
            'targets { name: "a" litert {} } targets { name: "a" tflite {} }',
            "targets: 'a'",
        ),
        ('targets { name: "a" litert { version: "2.9.9" } }', "targets['a'].litert.version"),
        ('targets { name: "a" tflite { version: "2.0" } }', "targets['a'].tflite.version"),
        (
            'targets { name: "a" litert { version: "1.4.0" api: COMPILED_MODEL } }',
            "targets['a'].litert.api",
        ),
        ('targets { name: "a" ethos_u { accelerator: "u99" } }', "ethos_u.accelerator"),
        ('targets { name: "a" ethos_u { min_npu_share: 90 } }', "ethos_u.min_npu_share"),
        ('targets { name: "a" gpu_delegate {} max_abs_error: 1 }', "max_abs_error has no effect"),
        ('targets { name: "a" litert {} min_argmax_agreement: 2 }', "min_argmax_agreement"),
        ('targets { name: "a" litert {} max_abs_error: nan }', "max_abs_error"),
        ('targets { name: "a" tflite_micro { max_arena_bytes: -1 } }', "max_arena_bytes"),
        ("budget { size_bytes: -1 }", "budget.size_bytes"),
        ("num_inputs: -1", "num_inputs"),
        ("budget { bytes: 1 }", "cannot be read"),
        (
            'targets { name: "a" ethos_u { publish_compiled_model: true } } '
            'targets { name: "b" ethos_u { publish_compiled_model: true } }',
            "publish_compiled_model",
        ),
    ],
)
def test_contradiction_names_its_culprit(config, culprit):
    with pytest.raises(ConfigError) as error:
        read_validator_config(config)
    assert culprit in str(error.value)


def test_split_without_examples_is_refused():
    config = read_validator_config('split: "train"')
    check_split(config, given=True)
    with pytest.raises(ConfigError, match="'train'"):
        check_split(config, given=False)
