"""The command line: the same rewriting without a pipeline.

Only what reads the arguments is imported at once: `--help` does not wait for TensorFlow.
"""

import argparse
import contextlib
import json
import logging
import os
import pathlib
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from tfx_tflite_component.config import given_config
from tfx_tflite_component.errors import ConfigError, RewriterError, StorageError, VerificationError
from tfx_tflite_component.json_form import to_json
from tfx_tflite_component.progress import PROGRESS, Phase, begin
from tfx_tflite_component.proto.tflite_rewriter_pb2 import TFLiteRewriterConfig
from tfx_tflite_component.version import __version__

if TYPE_CHECKING:
    from tfx_tflite_component.worker.process import Worker

PROGRAM = "tfx-tflite"

_KERAS = "--keras-model"
_INSPECTION_SECONDS = 600
_OK, _CHECK_FAILED, _BAD_INPUT, _INTERRUPTED = 0, 1, 2, 130
_PACKAGE = "tfx_tflite_component"


def run() -> int:
    """The program: `main`, without what libraries write to the terminal past Python."""
    # as Ctrl-C: what was begun is taken away
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with open(os.devnull, "w") as nowhere:
        with contextlib.suppress(OSError):  # it was closed by who started this
            sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
        os.dup2(nowhere.fileno(), 2)
        exit_code = main()
        # nothing is left to write when Python ends, which would change the exit code
        os.dup2(nowhere.fileno(), 1)
    return exit_code


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: What follows the program's name; those of this process if None.

    Returns:
        The exit code: 0, 1 if a check failed, or 2 for input that is no good.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    parsed = _parser(given).parse_args(given)
    try:
        with _on_the_terminal():
            return parsed.command(parsed)
    except VerificationError as e:
        return _failed(str(e), _CHECK_FAILED)
    except RewriterError as e:
        return _failed(str(e), _BAD_INPUT)
    except KeyboardInterrupt:
        return _failed("interrupted; nothing was written", _INTERRUPTED)
    except Exception as e:  # a defect of this package: a line says where, for who reports it
        frame = traceback.extract_tb(e.__traceback__)[-1]
        place = f"{pathlib.Path(frame.filename).name}:{frame.lineno}"
        return _failed(f"{type(e).__name__} in {place}: {e}. Please report it.", _BAD_INPUT)


def _convert(arguments: argparse.Namespace) -> int:
    config = _config(arguments)
    results = arguments.output, config, arguments.examples
    calibration = {"calibration_examples": arguments.calibration_examples}
    if arguments.keras_model is not None:
        begin(Phase.IMPORTING)
        from tfx_tflite_component.report.schema import Report
        from tfx_tflite_component.standalone.keras_files import rewrite_keras_file

        report = Report.from_json(
            rewrite_keras_file(arguments.keras_model, *results, **calibration)
        )
    else:
        with _worker() as worker:
            from tfx_tflite_component.standalone.rewrite import rewrite_by

            report = rewrite_by(worker, arguments.saved_model, *results, **calibration)
    from tfx_tflite_component.report.text import describe_report

    _show([f"{arguments.output}:", *describe_report(report)])
    return _OK


def _inspect(arguments: argparse.Namespace) -> int:
    model = os.path.abspath(arguments.model)
    with _worker() as worker:
        from tfx_tflite_component.worker.protocol import INSPECT, InspectRequest

        found = worker.ask(INSPECT, InspectRequest(model), _INSPECTION_SECONDS)
    if arguments.json:
        _print(json.dumps(to_json(found), indent=2), sys.stdout)
    else:
        from tfx_tflite_component.report.text import describe_inspection

        _show(describe_inspection(found))
    return _OK


def _compare(arguments: argparse.Namespace) -> int:
    config = _config(arguments)
    with _worker() as worker:
        from tfx_tflite_component.standalone.rewrite import compare_by

        models = arguments.saved_model, arguments.model
        comparison = compare_by(worker, *models, arguments.examples, config)
    from tfx_tflite_component.report.text import describe_verification

    _show(describe_verification(comparison.verification))
    if comparison.failures:
        raise VerificationError(f"The models differ: {'; '.join(comparison.failures)}.")
    return _OK


def _worker() -> "Worker":
    """A worker, which imports TensorFlow while this process does."""
    from tfx_tflite_component.worker.process import Worker

    begin(Phase.IMPORTING)
    return Worker()


def _config(arguments: argparse.Namespace) -> TFLiteRewriterConfig:
    config = _config_of_file(arguments.config)
    config.import_modules.extend(arguments.import_module)
    return config


def _config_of_file(path: str | None) -> TFLiteRewriterConfig:
    if path is None:
        return given_config(None)
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(
            f"--config: {path} cannot be read: {e}. Name a file with a TFLiteRewriterConfig in its "
            "text or JSON form."
        ) from e
    try:
        return given_config(text)
    except ConfigError as e:
        raise ConfigError(f"--config {path}: {e}") from e


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM,
        description="Converts SavedModels to TensorFlow Lite, and checks the result.",
        epilog="Exit codes: 0 success, 1 a check failed, 2 bad input.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_convert(commands, from_keras=any(a.partition("=")[0] == _KERAS for a in arguments))
    _add_inspect(commands)
    _add_compare(commands)
    return parser


def _add_convert(commands: Any, from_keras: bool) -> None:
    parser = commands.add_parser(
        "convert",
        help="convert a model and verify the result",
        description="Converts a SavedModel, compares the TFLite model with it, and writes "
        "OUTPUT_DIR/tflite, report.json, report.html, the assets, and head/, which makes the "
        "model's inputs of tf.Examples.",
        usage=f"{PROGRAM} convert [options] (SAVED_MODEL_DIR | {_KERAS} FILE) OUTPUT_DIR",
        allow_abbrev=False,
    )
    if not from_keras:
        parser.add_argument(
            "saved_model", metavar="SAVED_MODEL_DIR", help="the SavedModel to convert"
        )
    parser.add_argument("output", metavar="OUTPUT_DIR", help="the folder to write the results to")
    parser.add_argument(
        _KERAS,
        metavar="FILE",
        help="a Keras model instead of SAVED_MODEL_DIR: .keras, .h5 or a legacy folder",
    )
    _add_config(parser)
    parser.add_argument(
        "--examples",
        metavar="TFRECORD_PATTERN",
        action="append",
        help="tf.Examples for the comparison and for calibration (default: random inputs); may be "
        "given several times",
    )
    parser.add_argument(
        "--calibration-examples",
        metavar="TFRECORD_PATTERN",
        action="append",
        help="other tf.Examples to calibrate with (default: a part of --examples, which is not "
        "compared on); may be given several times",
    )
    parser.set_defaults(command=_convert)


def _add_inspect(commands: Any) -> None:
    parser = commands.add_parser(
        "inspect",
        help="describe a TFLite model",
        description="Describes a TFLite model: signatures, ops, dtypes, quantization, sizes.",
        allow_abbrev=False,
    )
    parser.add_argument("model", metavar="MODEL", help="the TFLite model")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    parser.set_defaults(command=_inspect)


def _add_compare(commands: Any) -> None:
    parser = commands.add_parser(
        "compare",
        help="compare a TFLite model with a SavedModel",
        description="Runs examples through a SavedModel and a TFLite model and compares outputs.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "saved_model", metavar="SAVED_MODEL_DIR", help="the SavedModel that it came from"
    )
    parser.add_argument("model", metavar="MODEL", help="the TFLite model")
    parser.add_argument(
        "--examples",
        metavar="TFRECORD_PATTERN",
        action="append",
        required=True,
        help="tf.Examples that the SavedModel takes; may be given several times",
    )
    _add_config(parser)
    parser.set_defaults(command=_compare)


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="a TFLiteRewriterConfig in text format (.textproto) or as JSON",
    )
    parser.add_argument(
        "--import-module",
        metavar="MODULE",
        action="append",
        default=[],
        help="a Python module to import before the model is loaded, such as tensorflow_text; may "
        "be given several times",
    )


@contextlib.contextmanager
def _on_the_terminal() -> Iterator[None]:
    """Shows progress and warnings of this package, and nothing of the libraries under it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    handler = _Lines()
    absl_log = logging.getLogger("absl")
    absl_level = absl_log.level
    absl_log.setLevel(logging.ERROR)
    log = logging.getLogger(_PACKAGE)
    log.addHandler(handler)
    log.propagate = False
    PROGRESS.setLevel(logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.removeHandler(handler)
        log.propagate = True
        absl_log.setLevel(absl_level)
        PROGRESS.setLevel(logging.NOTSET)


class _Parser(argparse.ArgumentParser):
    """Refuses arguments in one line, as everything else is refused."""

    def error(self, message: str) -> NoReturn:
        self.exit(_BAD_INPUT, f"{PROGRAM}: {message}; see {self.prog} --help\n")


class _Lines(logging.Handler):
    """Prints a line for each phase, with the seconds since the start, and for each warning."""

    def __init__(self) -> None:
        super().__init__()
        self._start = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        is_phase = record.name == PROGRESS.name
        seconds = f"{time.monotonic() - self._start:.0f} s"
        message = " ".join(record.getMessage().split())
        _show([f"{seconds if is_phase else 'warning':>7}  {message}"], sys.stderr)


def _failed(message: str, code: int) -> int:
    _show([f"{PROGRAM}: {' '.join(message.split())}"], sys.stderr)
    return code


def _show(lines: Iterable[str], file: TextIO | None = None) -> None:
    """Prints lines. The names in them come from models, and may hold what steers a terminal."""
    shown = ("".join(c if c.isprintable() else repr(c)[1:-1] for c in line) for line in lines)
    _print("\n".join(shown), file or sys.stdout)


def _print(text: str, file: TextIO) -> None:
    try:
        print(text, file=file, flush=True)
    except OSError as e:
        # who reads may have seen enough, as `head` has, and progress is not what is asked for
        if file is sys.stdout and not isinstance(e, BrokenPipeError):
            raise StorageError(
                f"Cannot write to standard output: {e.strerror}. Write to a place with free space."
            ) from e


if __name__ == "__main__":
    sys.exit(run())
