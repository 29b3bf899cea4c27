"""What `Do()` adds to a bare conversion, to importing TFX, and by its separate process."""

import pathlib
import tempfile

from measuring import Figures, Row, in_turns, measure

_SECTION = "The component"
_ROUNDS = 2
_BIG_MB = 300


def rows() -> list[Row]:
    """Runs `Do()` and bare conversions in turns, on a model of 100 MB and on a big one."""
    bare, component = _figures("100", _ROUNDS)
    big_bare, big_component = _figures(str(_BIG_MB), 1)
    return [
        *_conversion(bare, component),
        *_process(bare, component),
        Row(
            key="big_peak",
            section=_SECTION,
            measured=f"peak memory of the process that converts {_BIG_MB} MB of weights",
            against="of a bare conversion",
            ours=big_component["worker_mb"],
            base=big_bare["peak_mb"],
            unit="MB",
            aim=1.1,
        ),
    ]


def _figures(megabytes: str, rounds: int) -> tuple[Figures, Figures]:
    with tempfile.TemporaryDirectory(prefix="tfx-tflite-bench-") as folder:
        model = pathlib.Path(folder, "trained")
        measure("model.py", model, megabytes)
        found = in_turns(
            {
                "bare": lambda: measure("bare.py", model),
                "component": lambda: measure("component.py", model, tempfile.mkdtemp(dir=folder)),
            },
            rounds,
        )
    return found["bare"], found["component"]


def _conversion(bare: Figures, component: Figures) -> list[Row]:
    measured = "`Do()` on a model with 100 MB of weights"
    against = "importing TensorFlow and a bare conversion"
    return [
        Row(
            key="do",
            section=_SECTION,
            measured=measured,
            against=against,
            ours=component["do_seconds"],
            base=bare["import_seconds"] + bare["convert_seconds"],
            unit="s",
            aim=1.05,
        ),
        Row(
            key="do_cpu",
            section=_SECTION,
            measured=measured,
            against=against,
            ours=component["do_cpu_seconds"],
            base=bare["import_cpu_seconds"] + bare["convert_cpu_seconds"],
            unit="s of CPU",
            aim=1.15,
        ),
        Row(
            key="do_peak",
            section=_SECTION,
            measured="peak memory of the process that converts 100 MB of weights",
            against="of a bare conversion",
            ours=component["worker_mb"],
            base=bare["peak_mb"],
            unit="MB",
            aim=1.1,
        ),
    ]


def _process(bare: Figures, component: Figures) -> list[Row]:
    return [
        Row(
            key="second_import",
            section=_SECTION,
            measured="`Do()` less the same work in its own process, which has TensorFlow",
            against="`import tensorflow`",
            ours=component["do_seconds"] - component["in_process_seconds"],
            base=bare["import_seconds"],
            unit="s",
            aim=0.5,
        ),
        Row(
            key="own_peak",
            section=_SECTION,
            measured="peak memory of the pipeline's process after `Do()`",
            against="before it",
            ours=component["do_mb"],
            base=component["own_mb"],
            unit="MB",
            aim=1.05,
        ),
        Row(
            key="import_package",
            section=_SECTION,
            measured="importing this package after `tfx.v1`",
            against="`import tfx.v1`",
            ours=component["import_package_seconds"],
            base=component["import_tfx_seconds"],
            unit="s",
            aim=0.05,
        ),
    ]
