"""What a fresh process would do, in a fork of this one, where TFX is imported.

A process of its own would import TFX for half a minute.
"""

import os
import pathlib
import sys
import traceback
from collections.abc import Callable, Collection

_PACKAGE = "tfx_tflite_component"


def run_in_fork(
    function: Callable[[], object], output: pathlib.Path, not_imported: Collection[str] = ()
) -> int:
    """Runs a function in a fork that has not imported this package; returns its exit code.

    Args:
        function: What to run.
        output: The file that takes what it prints.
        not_imported: Modules that are not imported there either.
    """
    child = os.fork()
    if not child:
        with output.open("wb") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        # not those of pytest, which captures what is printed
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        for name in [*sys.modules]:
            if name.partition(".")[0] == _PACKAGE or name in not_imported:
                del sys.modules[name]
        os._exit(_exit_code(function))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _exit_code(function: Callable[[], object]) -> int:
    code: object = 0
    try:
        function()
    except SystemExit as e:
        code = e.code
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)
