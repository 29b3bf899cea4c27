"""What of the config goes with which mode of quantization: every combination."""

from typing import Any

import pytest

from tfx_tflite_component.config import read_config
from tfx_tflite_component.errors import ConfigError

_MODES = ("NONE", "DYNAMIC_RANGE", "FLOAT16", "FULL_INTEGER", "INT16_ACTIVATIONS", "AUTO")
_TYPES = {
    "FULL_INTEGER": {"FLOAT32", "INT8", "UINT8"},
    "INT16_ACTIVATIONS": {"FLOAT32", "INT16"},
}
_INTEGER = set(_TYPES)
_CALIBRATED = _INTEGER | {"AUTO"}


def _check(config: dict[str, Any], is_allowed: bool, culprit: str) -> None:
    if is_allowed:
        read_config(config)
        return
    with pytest.raises(ConfigError) as raised:
        read_config(config)
    assert culprit in str(raised.value)
    assert config["quantization"]["mode"] in str(raised.value)


@pytest.mark.parametrize("mode", _MODES)
@pytest.mark.parametrize("field", ["input_type", "output_type"])
@pytest.mark.parametrize("dtype", ["FLOAT32", "INT8", "UINT8", "INT16"])
def test_types_go_with_the_modes_that_have_them(mode: str, field: str, dtype: str) -> None:
    is_allowed = dtype in _TYPES.get(mode, {"FLOAT32"})
    _check({"quantization": {"mode": mode, field: dtype}}, is_allowed, f"{field}: {dtype}")


@pytest.mark.parametrize("mode", _MODES)
@pytest.mark.parametrize(
    ("field", "value", "modes"),
    [
        ("allow_float_fallback", True, _INTEGER),
        ("per_channel", False, _CALIBRATED | {"DYNAMIC_RANGE"}),
        ("enable_experimental_new_quantizer", False, {"FULL_INTEGER"}),
        ("auto", {"minimize": "LATENCY"}, {"AUTO"}),
    ],
)
def test_options_go_with_the_modes_that_heed_them(
    mode: str, field: str, value: Any, modes: set[str]
) -> None:
    _check({"quantization": {"mode": mode, field: value}}, mode in modes, field)


@pytest.mark.parametrize("mode", _MODES)
@pytest.mark.parametrize("calibration", [{}, {"splits": ["a", "b"]}, {"num_examples": 7}])
def test_calibration_is_only_for_modes_that_calibrate(
    mode: str, calibration: dict[str, Any]
) -> None:
    config = {"quantization": {"mode": mode}, "calibration": calibration}
    _check(config, mode in _CALIBRATED, "calibration")


@pytest.mark.parametrize("mode", _MODES)
def test_explicit_defaults_are_allowed_with_every_mode(mode: str) -> None:
    said = {
        "mode": mode,
        "input_type": "FLOAT32",
        "allow_float_fallback": False,
        "per_channel": True,
        "enable_experimental_new_quantizer": True,
    }
    assert read_config({"quantization": said}) == read_config({"quantization": {"mode": mode}})


def test_calibration_that_is_set_is_kept() -> None:
    calibration = {"splits": ["a", "b"], "num_examples": 7, "seed": 3}
    config = read_config({"quantization": {"mode": "FULL_INTEGER"}, "calibration": calibration})
    assert list(config.calibration.splits) == ["a", "b"]
    assert (config.calibration.num_examples, config.calibration.seed) == (7, 3)


def test_calibration_with_a_negative_number_of_examples_is_refused() -> None:
    config = {"quantization": {"mode": "FULL_INTEGER"}, "calibration": {"num_examples": -5}}
    with pytest.raises(ConfigError, match=r"calibration\.num_examples: -5 is negative"):
        read_config(config)


@pytest.mark.parametrize("field", ["input_type", "output_type"])
def test_type_out_of_the_enum_is_refused(field: str) -> None:
    with pytest.raises(ConfigError, match=f"quantization.{field}: 9 is unknown.*'UINT8'"):
        read_config({"quantization": {"mode": "FULL_INTEGER", field: 9}})


@pytest.mark.parametrize("auto", [{"max_seconds": -1}, {"minimize": 7}])
def test_search_settings_out_of_range_are_refused(auto: dict[str, Any]) -> None:
    (field,) = auto
    with pytest.raises(ConfigError, match=f"quantization.auto.{field}"):
        read_config({"quantization": {"mode": "AUTO", "auto": auto}})
