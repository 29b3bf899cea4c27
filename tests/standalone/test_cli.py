"""The command line, in this process but where that is what matters."""

import json
import logging
import re
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import example, save, save_parsing
from versions import OF_NO_VERSION
from workers import WorkerInProcess

from tfx_tflite_component import __version__
from tfx_tflite_component.errors import WorkerError
from tfx_tflite_component.progress import PROGRESS
from tfx_tflite_component.standalone import rewrite
from tfx_tflite_component.standalone.cli import main
from tfx_tflite_component.tflite.interpreter import TFLiteModel
from tfx_tflite_component.worker import process

_MODULE = [sys.executable, "-m", "tfx_tflite_component"]
_HEAVY = ["tensorflow", "tfx", "keras", "jinja2", "numpy", "h5py"]
_INT8 = "quantization { mode: FULL_INTEGER input_type: INT8 output_type: INT8 }"


@pytest.fixture(autouse=True)
def _in_process(monkeypatch):
    for module in (process, rewrite):
        monkeypatch.setattr(module, "Worker", WorkerInProcess)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with `model`, a SavedModel, `rows.tfrecord`, and `int8`, a config."""
    folder = tmp_path_factory.mktemp("cli")
    weights = tf.Variable(tf.random.stateless_normal([4, 8], seed=[1, 2]))
    module = tf.Module()
    module.weights = weights
    features = {"x": tf.io.FixedLenFeature([4], tf.float32)}
    save_parsing(
        folder / "model", features, lambda parsed: {"y": tf.nn.relu(parsed["x"] @ weights)}, module
    )
    rows = np.random.default_rng(0).normal(size=[40, 4])
    with tf.io.TFRecordWriter(str(folder / "rows.tfrecord")) as writer:
        for row in rows.tolist():
            writer.write(example(x=row))
    (folder / "int8").write_text(_INT8)
    return folder


@pytest.fixture
def run(folder, capsys, monkeypatch):
    """Runs the command line in the folder; gives exit code, output and errors."""
    monkeypatch.chdir(folder)

    def run(*arguments):
        try:
            code = main.main([str(argument) for argument in arguments])
        except SystemExit as e:
            code = e.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture(scope="module")
def integer_model(folder, tmp_path_factory):
    """A full-integer model, and what was printed when it was converted."""
    out = tmp_path_factory.mktemp("integer") / "out"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rewrite, "Worker", WorkerInProcess)
        arguments = ["--config", folder / "int8", "--examples", folder / "rows.tfrecord"]
        assert main.main(["convert", *map(str, [folder / "model", out, *arguments])]) == 0
    return out / "tflite"


def _message(errors):
    """The one line that refuses."""
    (line,) = [line for line in errors.splitlines() if not re.match(r"\s*(\d+ s|warning)  ", line)]
    assert line.startswith("tfx-tflite: ")
    assert "Traceback" not in line
    return line


def _progress(errors):
    """The lines that tell of phases and warnings."""
    return [line for line in errors.splitlines() if re.match(r"\s*(\d+ s|warning)  \S", line)]


# --- in a process of its own


def _process(*arguments, cwd=None):
    return subprocess.run(
        [*_MODULE, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.mark.process
def test_help_imports_nothing_heavy():
    statement = (
        "import sys; from tfx_tflite_component.standalone.cli.main import main\n"
        "try: main(['convert', '--help'])\n"
        "except SystemExit as e: assert e.code == 0\n"
        f"found = [name for name in {_HEAVY} if name in sys.modules]\n"
        "assert not found, found"
    )
    done = subprocess.run(
        [sys.executable, "-c", statement], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "SAVED_MODEL_DIR" in done.stdout


@pytest.mark.slow
def test_process_prints_only_its_own_messages(folder, tmp_path):
    arguments = ["--config", "int8", "--examples", "rows.tfrecord"]
    done = _process("convert", "model", tmp_path / "out", *arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{tmp_path / 'out'}:\n  boundary         RAW_FEATURES\n")
    lines = done.stderr.splitlines()
    assert _progress(done.stderr) == lines
    assert any("verifying" in line for line in lines)
    assert (tmp_path / "out" / "tflite").read_bytes()[4:8] == b"TFL3"


@pytest.mark.process
@OF_NO_VERSION
def test_closed_output_pipe_is_not_an_error(integer_model):
    process = subprocess.Popen(
        [*_MODULE, "inspect", integer_model, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    errors = process.communicate()[1]
    assert (process.returncode, _progress(errors)) == (0, errors.splitlines())


@pytest.mark.process
@OF_NO_VERSION
def test_full_disk_for_the_output_is_reported(integer_model):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*_MODULE, "inspect", integer_model],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert "Cannot write to standard output: No space left on device" in _message(done.stderr)


@pytest.mark.process
@OF_NO_VERSION
@pytest.mark.parametrize(
    ("number", "phase"),
    [(signal.SIGTERM, "loading the SavedModel"), (signal.SIGHUP, "importing TensorFlow")],
)
def test_terminated_process_deletes_incomplete_results(number, phase, folder, tmp_path):
    # nohup has it ignored, which a child inherits
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    process = subprocess.Popen(
        [*_MODULE, "convert", "model", tmp_path / "out" / "model"],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    signal.signal(signal.SIGHUP, before)
    for line in process.stderr:
        if phase in line:
            break
    process.send_signal(number)
    assert "interrupted" in process.communicate()[1]
    assert process.returncode == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.process
def test_process_ends_with_the_exit_code(folder, tmp_path):
    done = _process("convert", "model", tmp_path / "out", "--config", "missing", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--config: missing cannot be read" in _message(done.stderr)


# --- convert


def test_convert_writes_and_prints_the_results(run, tmp_path):
    code, out, errors = run("convert", "model", tmp_path / "out", "--examples", "rows*")
    assert code == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["verification"]["num_examples"] == 40
    assert out.splitlines()[0] == f"{tmp_path / 'out'}:"
    assert f"size             {report['model']['size_bytes']:,} bytes" in out
    assert "compared on      40 examples" in out
    assert out.splitlines()[-2:] == [
        "  verdict          passed",
        f"  report           {tmp_path / 'out' / 'report.html'}",
    ]
    assert re.search(r"^ +\d+ s  verifying$", errors, re.MULTILINE)


def test_nan_on_both_sides_passes(run, tmp_path):
    save(tmp_path / "model", lambda x: {"y": tf.math.log(x)}, tf.TensorSpec([None, 2], name="x"))
    code, out, errors = run("convert", tmp_path / "model", tmp_path / "out")
    assert code == 0
    assert "verdict          passed" in out
    assert errors.count("\n") == errors.count(" s  ")


def test_examples_may_be_named_several_times(run, folder, tmp_path):
    few = tmp_path / "few [1].tfrecord"
    with tf.io.TFRecordWriter(str(few)) as writer:
        for _ in range(3):
            writer.write(example(x=[0.0, 1.0, 2.0, 3.0]))
    (tmp_path / "config").write_text("verification { num_examples: 50 }")
    arguments = ["--config", tmp_path / "config", "--examples", few, "--examples", "rows*"]
    code, out, errors = run("convert", "model", tmp_path / "out", *arguments)
    assert code == 0
    assert "compared on      43 examples" in out
    assert "warning  verification.num_examples is 50, but only 43 examples" in errors


@pytest.mark.parametrize(
    "text",
    ["batch_size: 2", '{"batch_size": 2}', "# two\nbatch_size: 2", '\ufeff{"batch_size": 2}'],
    ids=["text", "JSON", "#", "byte order mark"],
)
def test_config_may_be_text_or_json(text, run, tmp_path):
    (tmp_path / "config").write_text(text)
    code, _, _ = run("convert", "model", tmp_path / "out", "--config", tmp_path / "config")
    assert code == 0
    assert TFLiteModel(tmp_path / "out" / "tflite").batch_size == 2


@pytest.mark.parametrize(
    "form", [["--keras-model", "{}"], ["--keras-model={}"]], ids=["two", "one"]
)
def test_keras_model_replaces_the_saved_model_argument(form, run, tmp_path):
    model = keras.Sequential([keras.Input([4], name="x"), keras.layers.Dense(2)])
    model.save(str(tmp_path / "model.keras"))
    arguments = [part.format(tmp_path / "model.keras") for part in form]
    code, out, _ = run("convert", *arguments, tmp_path / "out")
    assert (code, "boundary         SIGNATURE" in out) == (0, True)
    rows = np.ones([3, 4], np.float32)
    found = TFLiteModel(tmp_path / "out" / "tflite")({"x": rows})["output_0"]
    np.testing.assert_allclose(found, model(rows).numpy(), atol=1e-6)


def test_failing_verification_is_code_1_and_leaves_only_its_report(run, tmp_path):
    (tmp_path / "config").write_text(f"{_INT8} verification {{ max_abs_error: 0 }}")
    options = ["--config", tmp_path / "config", "--examples", "rows.tfrecord"]
    code, out, errors = run("convert", "model", tmp_path / "out", *options)
    assert (code, out) == (1, "")
    assert "the smallest max_abs_error that passes" in _message(errors)
    left = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert left == ["report.html", "report.json"]
    assert '<p class="badge rejected">' in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param([], "Missing command", id="nothing"),
        pytest.param(["transmute"], "'transmute'", id="command"),
        pytest.param(["convert", "model"], "OUTPUT", id="no output"),
        pytest.param(["convert", "model", "out", "--exampels", "x"], "--exampels", id="option"),
        pytest.param(
            ["convert", "model", "there/model", "out"], "called 'model'", id="models of one name"
        ),
        pytest.param(["convert", "nothing", "out"], "no SavedModel in", id="no model"),
        pytest.param(["convert", "--keras-model", "no.keras", "out"], "no.keras", id="no file"),
        pytest.param(["convert", "model", "model"], "own folder", id="same folder"),
        pytest.param(
            ["convert", "model", "out", "--examples", "no*"], "matches no file", id="examples"
        ),
        pytest.param(
            ["convert", "model", "out", "--config", "missing"], "--config: missing", id="no config"
        ),
        pytest.param(
            ["convert", "model", "out", "--config", "rows.tfrecord"], "--config", id="not a config"
        ),
        pytest.param(
            ["convert", "model", "out", "--config", "int8"], "Name the files", id="uncalibrated"
        ),
        pytest.param(["convert", "model", "rows.tfrecord/out"], "rows.tfrecord", id="file"),
        pytest.param(["convert", "foo://a/b", "out"], "scheme 'foo'", id="unknown file system"),
        pytest.param(["convert", "model", "foo://a/b"], "scheme 'foo'", id="written to one"),
        pytest.param(
            ["convert", "model", "out", "--examples", "foo://a/*"], "scheme 'foo'", id="read there"
        ),
        pytest.param(["convert", "--keras-model", "", "out"], "no Keras model", id="empty name"),
        pytest.param(
            ["compare", "int8", "int8", "--examples", "rows*"], "random inputs", id="two files"
        ),
        pytest.param(["benchmark", "nothing"], "found nothing", id="benchmark of nothing"),
        pytest.param(["history", "int8"], "ConnectionConfig", id="history of no store"),
        pytest.param(
            ["compare", "model", "int8", "--examples", "rows*"],
            "not a TFLite model",
            id="no tflite",
        ),
        pytest.param(["inspect", "int8"], "not a TFLite model", id="inspection"),
        pytest.param(["inspect", "nothing"], "cannot be read", id="inspection of nothing"),
    ],
)
def test_bad_input_is_code_2_and_one_line(arguments, words, run, folder):
    before = sorted(folder.rglob("*"))
    code, out, errors = run(*arguments)
    assert (code, out) == (2, "")
    assert words in _message(errors)
    assert sorted(folder.rglob("*")) == before


# --- inspect and compare


def test_inspect_describes_the_model(integer_model, run):
    code, out, errors = run("inspect", integer_model)
    assert (code, errors) == (0, "")
    assert f"{integer_model.stat().st_size:,} bytes, BUILTIN ops" in out
    assert re.search(r"^  input    x +int8 \[-1, 4\], scale 0\.0\d+, zero point", out, re.MULTILINE)
    assert re.search(r"^ +1  FULLY_CONNECTED +BUILTIN +integer$", out, re.MULTILINE)
    sizes = out.partition("size by part, bytes\n")[2].splitlines()
    found = sum(int(line.split()[0].replace(",", "")) for line in sizes)
    assert found == integer_model.stat().st_size


def test_inspect_prints_json_for_programs(integer_model, run):
    code, out, _ = run("inspect", integer_model, "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["signatures"]["serving_default"]["inputs"]["x"]["dtype"] == "int8"
    assert [op["name"] for op in facts["model"]["ops"]] == ["FULLY_CONNECTED"]
    assert facts["model"]["weights"]["int8"]["size_bytes"] >= 4 * 8


def test_compare_of_an_integer_model_prints_its_measures(integer_model, run):
    code, out, _ = run("compare", "model", integer_model, "--examples", "rows.tfrecord")
    assert code == 0
    assert "compared on      40 examples" in out
    decibels = float(re.search(r"output 'y': .*SQNR (\S+) dB", out).group(1))
    assert 20 < decibels < 60


def test_compare_beyond_its_limits_is_code_1(integer_model, run, tmp_path):
    (tmp_path / "config").write_text("verification { max_abs_error: 1e-6 }")
    arguments = ["--examples", "rows.tfrecord", "--config", tmp_path / "config"]
    code, out, errors = run("compare", "model", integer_model, *arguments)
    assert code == 1
    assert "output 'y'" in out
    assert "the smallest max_abs_error that passes" in _message(errors)


def test_compare_with_another_model_is_code_1(integer_model, run, tmp_path):
    spec = tf.TensorSpec([None, 4], tf.float32, "other")
    save(tmp_path / "other", lambda other: {"y": other}, spec)
    with tf.io.TFRecordWriter(str(tmp_path / "rows")) as writer:
        writer.write(example(other=[1.0, 2.0, 3.0, 4.0]))
    code, _, errors = run(
        "compare", tmp_path / "other", integer_model, "--examples", tmp_path / "rows"
    )
    assert code == 1
    assert "takes 'x' (int8), which" in _message(errors)


def test_compare_on_random_inputs(integer_model, run):
    code, out, _ = run("compare", "model", integer_model)
    assert code == 0
    assert re.search(r"compared on +\d+ random inputs", out)


def test_compare_of_a_model_with_itself_finds_no_difference(integer_model, run):
    code, out, _ = run("compare", integer_model, integer_model, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["verification"]["outputs"]["y"]["max_abs_error"] == 0
    assert found["verification"]["num_examples"] == 200
    assert found["boundary"] is None


def test_benchmark_measures_each_batch_size_with_each_number_of_threads(integer_model, run):
    arguments = ["--batch-size", 1, "--batch-size", 4, "--threads", 1, "--threads", 2, "--json"]
    code, out, _ = run("benchmark", integer_model, *arguments)
    timings = json.loads(out)["timings"]
    assert code == 0
    assert [(t["threads"], t["latency"]["batch_size"]) for t in timings] == [
        (1, 1),
        (1, 4),
        (2, 1),
        (2, 4),
    ]
    assert all(t["latency"]["percentiles_ms"]["50"] > 0 for t in timings)


# --- flags


def test_flags_win_over_the_config(run, folder, tmp_path):
    arguments = ["--config", "int8", "--quantize", "dynamic", "--io-type", "float32", "--json"]
    more = ["--batch-size", 3, "--set", "verification.num_examples=7", "--boundary", "RAW_FEATURES"]
    code, out, errors = run(
        "convert", "model", tmp_path / "out", "--examples", "rows*", *arguments, *more
    )
    assert code == 0, errors
    report = json.loads(out)
    assert report["output_dir"] == str(tmp_path / "out")
    assert report["config"]["quantization"]["mode"] == "DYNAMIC_RANGE"
    assert report["config"]["batch_size"] == 3
    assert report["verification"]["num_examples"] == 7


def test_several_models_get_a_folder_each_and_one_that_fails_stops_no_other(run, folder, tmp_path):
    save(tmp_path / "other", lambda x: {"y": x + 1}, tf.TensorSpec([None, 2], name="x"))
    code, out, errors = run("convert", "nothing", "model", tmp_path / "other", tmp_path / "out")
    assert code == 2
    assert "no SavedModel in nothing" in _message(errors)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["model", "other"]
    assert f"report           {tmp_path / 'out' / 'other' / 'report.html'}" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["inspekt"], "Did you mean 'inspect'?", id="command"),
        pytest.param(["--quantize", "int7"], "Did you mean 'int8'?", id="choice"),
        pytest.param(["--set", "quantisation.mode=X"], "did you mean 'quantization'?", id="field"),
        pytest.param(
            ["--set", "quantization.mode=FLOAT_16"], "did you mean 'FLOAT16'?", id="enum value"
        ),
        pytest.param(["--set", "batch_size=many"], "expected JSON", id="number"),
        pytest.param(["--set", "batch_size=1.5"], "does not take '1.5'", id="fraction"),
        pytest.param(["--set", "batch_size"], "FIELD=VALUE", id="no value"),
        pytest.param(["--set", "batch_size.x=1"], "no fields of its own", id="too deep"),
    ],
)
def test_wrong_word_is_answered_with_the_right_ones(arguments, words, run):
    command = [] if arguments[0] == "inspekt" else ["convert", "model", "out"]
    code, out, errors = run(*command, *arguments)
    assert (code, out) == (2, "")
    assert words in _message(errors)


def test_log_file_gets_what_the_terminal_does_not(run, tmp_path):
    run("convert", "nothing", "out", "--log-file", tmp_path / "log")
    code, _, errors = run("convert", "model", tmp_path / "out", "--log-file", tmp_path / "log")
    assert code == 0
    log = (tmp_path / "log").read_text()
    assert "verifying" in log
    assert re.match(r"\d{4}-\d\d-\d\d ", log)
    code, _, errors = run("convert", "model", "out", "--log-file", tmp_path / "no" / "log")
    assert (code, "--log-file" in _message(errors)) == (2, True)


def test_debug_prints_the_traceback_of_a_defect(run, monkeypatch):
    monkeypatch.setattr(rewrite, "rewrite_by", _raising(RuntimeError("ours")))
    code, _, errors = run("convert", "model", "out", "--debug")
    assert code == 70
    assert "Traceback (most recent call last)" in errors


# --- everything else


def test_version_is_printed(run):
    assert run("--version") == (0, f"{__version__}\n", "")


def _raising(error):
    def rewrite(*_, **__):
        raise error

    return rewrite


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (RuntimeError("first\nsecond"), 70, r"RuntimeError in test_cli.py:\d+: first second"),
        (WorkerError("died\n  last words"), 2, "died last words"),
        (KeyboardInterrupt(), 130, "interrupted; nothing was written"),
    ],
    ids=["defect", "crash", "interrupt"],
)
def test_every_failure_is_reported_in_one_line(error, code, words, run, monkeypatch):
    monkeypatch.setattr(rewrite, "rewrite_by", _raising(error))
    found, out, errors = run("convert", "model", "out")
    assert (found, out) == (code, "")
    assert re.search(words, _message(errors))


def test_logging_configuration_is_restored(run):
    log = logging.getLogger("tfx_tflite_component")
    before = log.handlers[:], log.propagate, PROGRESS.level
    run("convert", "nothing", "out")
    assert (log.handlers, log.propagate, PROGRESS.level) == before
