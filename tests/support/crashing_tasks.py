"""The task of trying a model, as a model that crashes the interpreter ends it."""

import os

from tfx_tflite_component.worker.protocol import TRY_MODEL

TASKS = {TRY_MODEL: lambda request: os.abort()}
