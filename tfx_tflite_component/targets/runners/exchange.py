"""What a runner and the process that started it exchange, as files in a folder.

A runner has two arguments: PACKAGES, the folder of its packages, and FOLDER, where these files are.
It needs only NumPy and its runtime.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

REQUEST, FACTS = "request.json", "facts.json"
INPUTS, OUTPUTS = "inputs.npz", "outputs.npz"

_MAX_TIMED_RUNS = 100
_MAX_TIMED_SECONDS = 0.2


class Exchange:
    """The folder that a runner was started with.

    Attributes:
        request: What is asked for.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        with open(os.path.join(folder, REQUEST), encoding="utf-8") as file:
            self.request: dict[str, Any] = json.load(file)
        self._facts: dict[str, Any] = {}

    def calls(self) -> list[dict[int, Any]]:
        """The inputs of each inference by their positions in the graph."""
        import numpy as np

        calls: dict[int, dict[int, Any]] = {}
        with np.load(os.path.join(self._folder, INPUTS), allow_pickle=False) as arrays:
            for name, array in arrays.items():
                number, _, position = name.partition("/")
                calls.setdefault(int(number), {})[int(position)] = array
        return [calls[number] for number in sorted(calls)]

    def say(self, **facts: Any) -> None:
        """Adds facts, so that they are known even if the runtime crashes next."""
        self._facts.update(facts)
        with open(os.path.join(self._folder, FACTS), "w", encoding="utf-8") as file:
            json.dump(self._facts, file)

    def refused(self, reason: object) -> None:
        """Ends with the error with which the runtime refuses the model."""
        self.say(refused=str(reason), done=True)

    def answered(self, outputs: list[dict[int, Any]], **facts: Any) -> None:
        """Ends with the outputs of each inference."""
        import numpy as np

        flat = {
            f"{number}/{position}": _storable(array)
            for number, call in enumerate(outputs)
            for position, array in call.items()
        }
        np.savez(os.path.join(self._folder, OUTPUTS), **flat)
        self.say(done=True, **facts)


def _storable(array: Any) -> Any:
    # strings are objects, which would be stored as pickles
    return array.astype("S") if array.dtype == object else array


def milliseconds(inference: Callable[[], Any]) -> list[float]:
    """How long each inference takes, over a fifth of a second or one inference."""
    found: list[float] = []
    while len(found) < _MAX_TIMED_RUNS and sum(found) < _MAX_TIMED_SECONDS * 1000:
        start = time.perf_counter()
        inference()
        found.append((time.perf_counter() - start) * 1000)
    return found


def start(main: Callable[[Exchange], None]) -> None:
    """Runs a runner's main function with the environment's packages."""
    _, packages, folder = sys.argv
    if packages:
        sys.path.insert(0, packages)
    main(Exchange(folder))
