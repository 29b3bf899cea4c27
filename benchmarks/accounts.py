"""What the page on speed says beside the figures: written by hand, without figures."""

INTRODUCTIONS = {
    "The command line": """\
Whole processes. The command line itself imports neither TensorFlow nor TFX; only a conversion
starts a worker process that does. The worker imports TensorFlow without Keras and without
Google's API client, which the plain `import tensorflow` of the script imports along. It imports
Keras if the task needs it.""",
    "The component": """\
`Do()` loads the model, converts it, verifies it, measures its latency and inspects it. It does so
in a separate process, so that a crash or a leak of the converter cannot harm the pipeline; that
process imports TensorFlow a second time. The row of `Do()` less the same work shows what this
costs. The import is not avoided by forking the pipeline's process, because a process with
TensorFlow has threads, whose locks a fork copies in any state. It starts before the artifacts are
read, and leaves out what a conversion does not need of TensorFlow.""",
    "Scoring": """\
Predictions by the scorer of the Evaluator module and RunInference, without a Beam pipeline. The
bare interpreter gets what TensorFlow parses from the same examples. Stock TFMA's figure does not
include parsing, because TFMA parses features in an earlier step.""",
    "Growth": """\
A model of ten times the size takes about ten times as long.""",
}
"""What a section begins with."""

_NEARBY = """\
The result changes from one side of the aim to the other between runs."""
_TWO_THREADS = """\
Each thread has its own interpreter, and parsing and invoking it release Python's lock. What
TensorFlow and the interpreter take and return is handed over under the lock, though, several
times a batch. Bare interpreters in two threads, with TensorFlow's parsing, gain no more from the
second core, as the rows after these show. The larger the model, the closer the gain is to two."""

_BARE_THREADS = f"""\
Between two batches, this package sorts and checks outputs under Python's lock, which the other
thread waits for. {_NEARBY}"""

_SOFTPLUS = """\
The softplus that does not overflow has more ops than the one that does."""

ACCOUNTS = {
    "missing_folder": """\
Neither TensorFlow nor TFX is imported. What takes the time is Python's start and the import of
NumPy, pydantic and protobuf.""",
    "second_import": """\
A part of the import is saved, see above. What remains is TensorFlow's own modules, which it
imports whether they are used or not, the start of Python and the modules of this package. A
worker that stays alive for the next component would save that as well, but would keep its memory
for as long as the pipeline runs.""",
    "calibration": f"""\
The arrays are those that the converter's own calibration gets; the head makes them from the
examples one by one. {_NEARBY}""",
    "verification": """\
Besides the two models, the head runs once on each example, and so parses it a second time. The
rest is copies of the examples and images between TensorFlow, NumPy and the interpreter, the
batches of 32 examples, where the base runs all at once, the sums over the outputs, and one more
call of the SavedModel, on two examples, to find the outputs that have a row for each. Not to copy
the examples for the SavedModel a second time was tried, and gained nothing that could be
measured.""",
    "lstm_lowered_ops": """\
The unrolled loop has the ops of each step. Not lowered, the ops of one step are counted, which run
once for each step, and some of them need Select TF ops.""",
    "products_lowered_ops": _SOFTPLUS,
    "products_lowered_ms": _SOFTPLUS,
    "score_digits": f"""\
The scorer runs the same parse op and the same model as the base. {_NEARBY}""",
    "score_perceptron": f"""\
The scorer runs the same parse op and the same model as the base. {_NEARBY}""",
    "score_mobilenet": f"""\
The scorer runs the same parse op and the same model as the base. {_NEARBY}""",
    "score_digits_threads": _TWO_THREADS,
    "score_perceptron_threads": _TWO_THREADS,
    "score_mobilenet_threads": _TWO_THREADS,
    "score_digits_bare_threads": _BARE_THREADS,
    "score_perceptron_bare_threads": _BARE_THREADS,
    "score_mobilenet_bare_threads": _BARE_THREADS,
}
"""By the key of a row that misses its aim: what was tried."""
