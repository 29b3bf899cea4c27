"""Models on the runtimes of targets, each in a process of its own."""

import struct

import numpy as np
import pytest
import shipped
import tensorflow as tf
from versions import IS_OLDEST, OF_NO_VERSION

from tfx_tflite_component.errors import ConfigError, TargetError
from tfx_tflite_component.targets import process
from tfx_tflite_component.targets.compilers import compile_for_ethos_u
from tfx_tflite_component.targets.config import read_validator_config
from tfx_tflite_component.targets.process import Started
from tfx_tflite_component.targets.runtimes import run_on_target
from tfx_tflite_component.targets.validate import validate
from tfx_tflite_component.tflite.merge import merge

# what this Python has wheels of; others have a Python of their own
_TFLITE = "tflite { version: '2.14.0' }" if IS_OLDEST else "litert { version: '2.1.6' }"
_NAMES = ("litert-2.3.0", "tflite-2.14.0" if IS_OLDEST else "litert-2.1.6")

pytestmark = pytest.mark.slow


def _target(text):
    (target,) = read_validator_config(f'targets {{ name: "target" {text} }}').targets
    return target


def _run(text, path):
    asked = shipped.job(path)
    return run_on_target(_target(text), asked, shipped.expected(asked))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The convolution by mode."""
    shipped.need(*_NAMES, "tflite-micro", "ethos-u")
    modes = ("float", "dynamic_range", "int8")
    return {mode: shipped.convolution(tmp_path_factory.mktemp(mode), mode) for mode in modes}


@pytest.mark.parametrize(
    "text", [_TFLITE, "litert {}", "litert { api: COMPILED_MODEL }", "tflite_micro {}"]
)
def test_float_model_gives_the_same_numbers_everywhere(models, text):
    result = _run(text, models["float"])
    assert (result.failures, result.loads, result.runs) == ((), True, True)
    assert result.outputs["scores"].max_abs_error < 1e-5


def test_integers_on_emulated_arm_are_close(models):
    shipped.need_emulation()
    result = _run("litert { arch: AARCH64 }", models["int8"])
    assert (result.failures, result.runs) == ((), True)
    assert result.outputs["scores"].argmax_agreement == 1.0


def test_integers_on_micro_are_close_and_its_arena_is_measured(models):
    result = _run("tflite_micro {}", models["int8"])
    assert (result.failures, result.outputs["scores"].argmax_agreement) == ((), 1.0)
    # only the tensors take 1,536 bytes
    assert result.arena_bytes is not None
    assert 1536 < result.arena_bytes < 20_000


@OF_NO_VERSION
def test_arena_over_its_limit_is_not_blessed(models):
    result = _run("tflite_micro { max_arena_bytes: 1000 }", models["int8"])
    assert result.runs
    (failure,) = result.failures
    assert "allowed are 1,000" in failure


@OF_NO_VERSION
def test_model_that_micro_refuses_is_not_blessed_with_its_own_words(models):
    result = _run("tflite_micro {}", models["dynamic_range"])
    assert (result.loads, result.runs) == (False, False)
    assert "Hybrid models are not supported" in result.failures[0]


def test_wide_integers_are_refused_by_the_compiled_model_and_narrow_ones_run(models, tmp_path):
    compiled = "litert { api: COMPILED_MODEL }"
    result = _run(compiled, shipped.adder(tmp_path, tf.int64))
    assert not result.runs
    assert "int64" in result.failures[0]
    assert _run(compiled, shipped.adder(tmp_path, tf.int32)).failures == ()
    assert _run("litert {}", shipped.adder(tmp_path, tf.int64)).failures == ()


@OF_NO_VERSION
def test_difference_from_the_host_over_its_limit_is_not_blessed(models):
    asked = shipped.job(models["float"])
    wanted = [{"scores": output["scores"] + 0.5} for output in shipped.expected(asked)]
    assert run_on_target(_target("litert {}"), asked, wanted).failures == ()
    result = run_on_target(_target("litert {} max_abs_error: 0.1"), asked, wanted)
    assert "output 'scores'" in result.failures[0]


@OF_NO_VERSION
def test_limit_that_no_output_can_have_is_a_config_error(models, tmp_path):
    asked = shipped.job(shipped.adder(tmp_path, tf.int32))
    with pytest.raises(ConfigError, match="min_argmax_agreement"):
        run_on_target(
            _target("litert {} min_argmax_agreement: 0.9"), asked, shipped.expected(asked)
        )


def test_npu_takes_integers_and_its_compiler_agrees_on_multiply_accumulates(models, tmp_path):
    asked = shipped.job(models["int8"])
    result, compiled = compile_for_ethos_u(_target("ethos_u {}"), asked, tmp_path)
    assert result.failures == ()
    assert result.delegated.share > 0.5
    assert compiled.read_bytes()[4:8] == b"TFL3"
    # Vela counts the elements of pooling and softmax as well
    assert asked.model.macs <= result.macs < 1.2 * asked.model.macs
    assert result.sram_bytes > 0 and result.flash_bytes > 0 and result.cycles > 0


@OF_NO_VERSION
def test_npu_takes_no_floats_and_says_which_ops(models, tmp_path):
    result, _ = compile_for_ethos_u(_target("ethos_u {}"), shipped.job(models["float"]), tmp_path)
    assert result.delegated.taken == 0
    assert "0 of" in result.failures[0]
    assert any(line.startswith("FULLY_CONNECTED") for line in result.delegated.refused)


@pytest.fixture(scope="module")
def two_signatures(models, tmp_path_factory):
    """The convolution in int8 as the first signature, and in floats as "other"."""
    path = tmp_path_factory.mktemp("both") / "tflite"
    files = {"serving_default": models["int8"], "other": models["float"]}
    path.write_bytes(merge({key: file.read_bytes() for key, file in files.items()}))
    return path


@pytest.mark.parametrize("text", [_TFLITE, "litert {}", "litert { api: COMPILED_MODEL }"])
def test_each_signature_is_run(two_signatures, text):
    config = read_validator_config(f'num_inputs: 2 targets {{ name: "t" {text} }}')
    validation = validate(two_signatures, config, None)
    assert validation.failures == ()
    assert validation.host.latency_ms is not None
    assert [*validation.targets[0].outputs] == ["serving_default/scores", "other/scores"]


@OF_NO_VERSION
def test_failure_names_the_signature_that_micro_cannot_run(two_signatures):
    config = read_validator_config('num_inputs: 2 targets { name: "t" tflite_micro {} }')
    (failure,) = validate(two_signatures, config, None).failures
    assert failure.startswith("t: signature 'other': does not run: TensorFlow Lite Micro runs only")


@OF_NO_VERSION
def test_damaged_file_counts_as_not_loaded_or_not_run_and_ends_nothing_else(models, tmp_path):
    content = bytearray(models["int8"].read_bytes())
    asked = shipped.job(models["int8"])
    random = np.random.default_rng(0)
    for number in range(20):
        damaged = content.copy()
        for place in random.integers(8, len(content) - 4, size=20):
            damaged[place : place + 4] = struct.pack("<I", int(random.integers(0, 2**32)))
        asked.path.with_name("damaged").write_bytes(damaged)
        broken = process.run(
            "interpreter",
            process.Started(*_started()),
            {
                "model": str(asked.path.with_name("damaged")),
                "modules": ["ai_edge_litert.interpreter"],
                "inputs": [details.index for details in asked.io.inputs.values()],
                "outputs": [details.index for details in asked.io.outputs.values()],
                "signature": "",
            },
            asked.calls[:1],
            60,
        )
        assert broken.death or broken.facts["done"], number


def _started():
    from tfx_tflite_component.targets.environments import ENVIRONMENTS
    from tfx_tflite_component.targets.install import prepare

    started = prepare(ENVIRONMENTS["litert-2.3.0"])
    return started.command, started.packages


@OF_NO_VERSION
def test_runtime_that_hangs_is_ended_and_counts_as_not_run(models, tmp_path, monkeypatch):
    runners = tmp_path / "runners"
    runners.mkdir()
    (runners / "sleeper.py").write_text("import time; time.sleep(100)")
    monkeypatch.setattr(process, "_RUNNERS", runners)
    found = process.run("sleeper", Started(_started()[0], tmp_path), {}, [], 1)
    assert "1 seconds, its time limit" in found.death


@OF_NO_VERSION
def test_runtime_that_crashes_leaves_its_last_words(tmp_path, monkeypatch, models):
    runners = tmp_path / "runners"
    runners.mkdir()
    (runners / "crasher.py").write_text("import os; print('oh', flush=True); os.abort()")
    monkeypatch.setattr(process, "_RUNNERS", runners)
    found = process.run("crasher", Started(_started()[0], tmp_path), {}, [], 60)
    assert "SIGABRT" in found.death and "oh" in found.death


@OF_NO_VERSION
def test_defect_of_a_runner_is_not_dressed_as_the_models(tmp_path, monkeypatch, models):
    runners = tmp_path / "runners"
    runners.mkdir()
    (runners / "broken.py").write_text("raise KeyError('ours')")
    monkeypatch.setattr(process, "_RUNNERS", runners)
    with pytest.raises(TargetError, match="ours"):
        process.run("broken", Started(_started()[0], tmp_path), {}, [], 60)
