"""Compiles a model for an Arm Ethos-U NPU with Vela."""

from __future__ import annotations

import os
import sys
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import exchange


def main(asked: exchange.Exchange) -> None:
    """Compiles the model; Vela prints which ops stay on the CPU, and why.

    The request has "model", the path; "accelerator"; and "folder", for the compiled model and the
    summary.
    """
    from ethosu.vela.errors import VelaError
    from ethosu.vela.vela import main as compile_model

    arguments = [
        asked.request["model"],
        *("--accelerator-config", asked.request["accelerator"]),
        *("--output-dir", asked.request["folder"]),
    ]
    try:
        code = compile_model(arguments)
    except VelaError as e:
        asked.refused(e)
        return
    except SystemExit as e:
        code = e.code
    except Exception as e:
        # Vela's own asserts and accessors: anything that stops the compiler is due to the model
        traceback.print_exc()
        asked.refused(f"Vela failed with {type(e).__name__}: {e}")
        return
    if code:
        asked.refused(f"Vela ended with {code}")
        return
    asked.say(loaded=True, done=True)


if __name__ == "__main__":
    exchange.start(main)
