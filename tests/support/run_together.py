"""Runs scripts that take `--root`, one after the other in a process that imports TFX once.

python tests/support/run_together.py SCRIPT=FOLDER [SCRIPT=FOLDER ...]

A folder takes all that comes of its script: `root`, which the script fills, `output.txt`, and, once
it has ended, `exit_code.txt`.
"""

import os
import pathlib
import runpy
import sys
import traceback

import absl.logging


def main(arguments: list[str]) -> None:
    """Runs each script, whatever becomes of the others."""
    for argument in arguments:
        script, folder = map(pathlib.Path, argument.split("="))
        _send_output_to(folder / "output.txt")
        logger = absl.logging.get_absl_logger()
        handlers = list(logger.handlers)
        code = _exit_code(script, folder / "root")
        # an example would go on to print the steps of the next
        logger.handlers[:] = handlers
        _write_at_once(folder / "exit_code.txt", str(code))


def _send_output_to(path: pathlib.Path) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    with path.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


def _exit_code(script: pathlib.Path, root: pathlib.Path) -> int:
    sys.argv = [str(script), "--root", str(root)]
    # where Python finds what a script imports
    sys.path.insert(0, str(script.parent))
    try:
        runpy.run_path(str(script), run_name="__main__")
    except SystemExit as e:
        return int(e.code or 0)
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def _write_at_once(path: pathlib.Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)


if __name__ == "__main__":
    main(sys.argv[1:])
