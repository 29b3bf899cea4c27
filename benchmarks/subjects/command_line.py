"""What a person waits for at the command line: whole processes, which take turns."""

import itertools
import pathlib
import tempfile
from collections.abc import Iterator, Mapping

from measuring import PROCESSES, Figures, Row, in_turns, usage
from penguin import penguin

_SECTION = "The command line"
_ROUNDS = 2
_COMMAND = ["-m", "tfx_tflite_component"]
_PACKAGE = "from tfx_tflite_component import rewrite_saved_model"
_IMPORT = "`import tensorflow`"


def rows() -> list[Row]:
    """Runs the commands."""
    with tempfile.TemporaryDirectory(prefix="tfx-tflite-bench-") as folder:
        figures = _figures(str(penguin()), pathlib.Path(folder))
    return [*_conversion(figures["convert"], figures["script"]), *_imports(figures)]


def _figures(model: str, folder: pathlib.Path) -> dict[str, Figures]:
    files = _files(folder)
    converted = next(files)
    usage([*_COMMAND, "convert", model, converted])
    convert = [*_COMMAND, "convert", model, str(folder / "refused.tflite")]
    return in_turns(
        {
            "convert": lambda: usage([*_COMMAND, "convert", model, next(files)]),
            "script": lambda: usage([f"{PROCESSES}/bare_script.py", model, next(files)]),
            "tensorflow": lambda: usage(["-c", "import tensorflow"]),
            "package": lambda: usage(["-c", _PACKAGE]),
            "inspect": lambda: usage([*_COMMAND, "inspect", converted]),
            **{
                name: lambda command=command: usage(command, is_refused=True)
                for name, command in {
                    "inspect_missing": [*_COMMAND, "inspect", "missing.tflite"],
                    "config_error": [*convert, "--set", "output.nonsense=1"],
                    "missing_folder": [*_COMMAND, "convert", "missing", "refused.tflite"],
                    "no_examples": [*convert, "--quantize", "full-integer"],
                }.items()
            },
        },
        _ROUNDS,
    )


def _files(folder: pathlib.Path) -> Iterator[str]:
    """Names of files that do not exist yet."""
    return (str(folder / f"{number}.tflite") for number in itertools.count())


def _conversion(ours: Figures, base: Figures) -> list[Row]:
    measured = "`tfx-tflite convert` of TFX's stock penguin model"
    against = "a script that imports TensorFlow, loads the model and converts it"
    return [
        Row("convert", _SECTION, measured, against, ours["seconds"], base["seconds"], "s", 1.05),
        Row(
            key="convert_cpu",
            section=_SECTION,
            measured=measured,
            against=against,
            ours=ours["cpu_seconds"],
            base=base["cpu_seconds"],
            unit="s of CPU",
            aim=1.15,
        ),
    ]


def _imports(figures: Mapping[str, Figures]) -> list[Row]:
    """What is done without TensorFlow, against importing it."""
    waits = [
        ("inspect", "`tfx-tflite inspect` of the converted model", 0.2),
        ("inspect_missing", "`tfx-tflite inspect` of a missing file", 0.1),
        ("config_error", "`tfx-tflite convert` with an unknown config field", 0.1),
        ("missing_folder", "`tfx-tflite convert` of a missing folder", 0.1),
        ("no_examples", "`tfx-tflite convert --quantize full-integer` without examples", 0.1),
    ]
    seconds = figures["tensorflow"]["seconds"]
    return [
        *(
            Row(key, _SECTION, measured, _IMPORT, figures[key]["seconds"], seconds, "s", aim)
            for key, measured, aim in waits
        ),
        Row(
            key="package",
            section=_SECTION,
            measured=f"`{_PACKAGE}`",
            against=_IMPORT,
            ours=figures["package"]["cpu_seconds"],
            base=figures["tensorflow"]["cpu_seconds"],
            unit="s of CPU",
            aim=0.1,
        ),
    ]
