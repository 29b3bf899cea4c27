"""What is where, under which name, in the Model artifact that comes out."""

SERVING_DIR = "Format-Serving"
"""Where TFX looks for what is served: the model, and what ships with it."""

MODEL_FILENAME = "tflite"
"""The model in that folder, under the name that TFMA looks for."""

HEAD_DIR = "head"
"""The head as a SavedModel. The component writes it beside that folder, so that a Pusher does not
ship it. Outside of a pipeline, as in a Trainer's `run_fn`, it is beside the model file itself."""

ASSET_DIRS = ("assets", "assets.extra")
"""The folders of a SavedModel that travel with the model."""

SIGNATURE_KEY = "serving_default"
"""The model's signature, whatever the SavedModel's is: the one that TFMA looks for."""

REPORT_JSON = "report.json"
"""The report for programs."""

REPORT_HTML = "report.html"
"""The report as a page to look at."""
