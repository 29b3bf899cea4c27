"""Runs scripts that take `--root`, one after the other in a process that imports TFX once.

python tests/support/run_together.py SCRIPT=ROOT [SCRIPT=ROOT ...]
"""

import runpy
import sys

for argument in sys.argv[1:]:
    script, root = argument.split("=")
    sys.argv = [script, "--root", root]
    runpy.run_path(script, run_name="__main__")
