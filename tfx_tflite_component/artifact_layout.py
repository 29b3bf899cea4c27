"""The paths in the published Model artifact."""

SERVING_DIR = "Format-Serving"
"""The folder that TFX serves: the model, and the files that ship with it."""

MODEL_FILENAME = "tflite"
"""The model in that folder; TFMA looks for this name."""

HEAD_DIR = "head"
"""The head as a SavedModel. The component writes it beside that folder, so that a Pusher does not
ship it. Outside a pipeline, as in a Trainer's `run_fn`, it is beside the model file."""

ASSET_DIRS = ("assets", "assets.extra")
"""The folders of a SavedModel that are copied with the model."""

SIGNATURE_KEY = "serving_default"
"""The key of the model's signature, for any key in the SavedModel; TFMA looks for it."""

REPORT_JSON = "report.json"
"""The report for programs."""

REPORT_HTML = "report.html"
"""The report as a page for people."""
