"""Configs that cannot be read or that contradict themselves, as `--config` names them."""

import pathlib
from collections.abc import Callable

import pytest
from bad_input import Refusal, check_not_converted, check_refused
from versions import OF_NO_VERSION

from tfx_tflite_component.errors import ConfigError

pytestmark = OF_NO_VERSION

_TEXTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "unknown field": ("quantisation {}", ("cannot be read", "quantisation")),
    "unknown field in JSON": ('{"quantisation": {}}', ("cannot be read", "quantisation")),
    "unknown mode": ("quantization { mode: INT8 }", ("INT8", "tflite_rewriter.proto")),
    "wrong type": ("batch_size: 'many'", ("'many'", "batch_size")),
    "number that is too large": ("batch_size: 99999999999", ("99999999999",)),
    "negative batch size": ("batch_size: -1", ("batch_size: -1 is negative", "expected 0")),
    "negative time": ("time_limit_seconds: -1", ("time_limit_seconds: -1 is negative",)),
    "open brace": ("quantization {", ("cannot be read", 'Expected "}"')),
    "JSON that is cut": ('{"batch_size": ', ("cannot be read",)),
    "other language": ("batch_size = 4\n[quantization]\n", ("cannot be read",)),
    "noise": ("\x00\x01\x02", ("cannot be read",)),
    "path": (
        "output { extra_filename: '../../etc/cron.d/x' }",
        ("output.extra_filename: '../../etc/cron.d/x'", "expected a name"),
    ),
    "absolute path": ("output { extra_filename: '/etc/x' }", ("output.extra_filename: '/etc/x'",)),
    "parent folder": ("output { extra_filename: '..' }", ("output.extra_filename: '..'",)),
    "path of another system": ("output { extra_filename: 'a\\\\b' }", ("output.extra_filename",)),
    "name with a null byte": ("output { extra_filename: 'a\\000b' }", ("'a\\x00b'",)),
    "name of the report": ("output { extra_filename: 'report.json' }", ("'report.json'",)),
    "name of the head": ("output { extra_filename: 'head' }", ("extra_filename: 'head'",)),
    "name that is too long": (
        f"output {{ extra_filename: '{'é' * 128}' }}",
        ("output.extra_filename", "up to 255 bytes"),
    ),
    "types of inputs": (
        "quantization { input_type: INT8 }",
        ("input_type: INT8 cannot be set with mode: NONE", "expected one of 'FLOAT32'"),
    ),
    "calibration of nothing": (
        "calibration { num_examples: 3 }",
        ("calibration has no effect with quantization.mode: NONE", "Leave it out"),
    ),
    "limit that is no number": (
        "verification { max_abs_error: nan }",
        ("verification.max_abs_error: nan; expected 0 or more",),
    ),
    "share above one": (
        "verification { min_argmax_agreement: 1.5 }",
        ("min_argmax_agreement: 1.5", "from 0 to 1"),
    ),
    "splits of files": ("verification { splits: 'train' }", ("verification.splits",)),
    "infinite enum": ('{"input_boundary": Infinity}', ("cannot be read",)),
    "infinite number": ('{"batch_size": Infinity}', ("cannot be read",)),
    "enum that is not a number": ('{"input_boundary": NaN}', ("cannot be read",)),
    "op that is not refused": ("trusted_ops: 'MatMul'", ("trusted_ops: 'MatMul' is not refused",)),
    "value of a megabyte": (
        f"output {{ extra_filename: '{'k' * 2**20}' }}",
        ("kkkk", "[... "),
    ),
    "value of a megabyte of words": (
        f"output {{ extra_filename: '{'k ' * 2**19}' }}",
        ("k k k", "[... "),
    ),
    "tensors without a boundary": (
        "boundary_tensors { key: 'x' value: 'op' }",
        ("cannot be set with boundary_tensors",),
    ),
}


@pytest.mark.parametrize("name", _TEXTS)
def test_config_that_is_none_is_refused(name: str, tmp_path: pathlib.Path) -> None:
    text, words = _TEXTS[name]
    config = tmp_path / "config"
    config.write_text(text)
    check_not_converted(Refusal(ConfigError, words), tmp_path, tmp_path, "--config", config)


def _folder(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path


def _binary(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    return tmp_path / "binary"


_FILES: dict[str, tuple[Callable[[pathlib.Path], object], tuple[str, ...]]] = {
    "missing": (lambda tmp_path: tmp_path / "nothing", ("nothing", "No such file")),
    "folder": (_folder, ("Is a directory",)),
    "binary": (_binary, ("binary", "can't decode byte 0xff")),
}


@pytest.mark.parametrize("name", _FILES)
def test_file_that_holds_no_config_is_named(name: str, tmp_path: pathlib.Path) -> None:
    make, words = _FILES[name]
    refusal = Refusal(ConfigError, ("--config", *words, "text or JSON form"))
    check_refused(refusal, "convert", tmp_path, tmp_path / "output", "--config", make(tmp_path))
