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

_LOAD = """\
Other programs used both cores during the runs, and the result changed from one side of the aim to
the other between runs."""
_TWO_THREADS = """\
Parsing and invoking the interpreter release Python's lock, and each thread has its own
interpreter. But the threads hand the lock over several times a batch, and other programs used
both cores during these runs: small models gained nothing. With real-time priority, on TFX 1.16,
the ratios were at the aim or just below it. The cause is not settled."""

ACCOUNTS = {
    "missing_folder": """\
Neither TensorFlow nor TFX is imported. What takes the time is Python's start and the import of
NumPy, pydantic, protobuf and Jinja.""",
    "second_import": """\
Two fifths of the import are saved, see above. What remains is TensorFlow's own modules, which it
imports whether they are used or not, the start of Python and the modules of this package. A
worker that stays alive for the next component would save that as well, but would keep its memory
for as long as the pipeline runs.""",
    "calibration": f"""\
The arrays are those that the converter's own calibration gets; the head makes them from the
examples one by one. {_LOAD}""",
    "verification": """\
Besides the two models, the head runs once on each example, and so parses it a second time; that
is most of the difference. The rest is the batches of 32 examples, where the base runs all at
once, and one more call of the SavedModel, on two examples, to find the outputs that have a row
for each.""",
    "score_digits": f"""\
The scorer runs the same parse op and the same model as the base. {_LOAD}""",
    "score_perceptron": f"""\
The scorer runs the same parse op and the same model as the base. {_LOAD}""",
    "score_mobilenet": f"""\
The scorer runs the same parse op and the same model as the base. {_LOAD}""",
    "score_digits_threads": _TWO_THREADS,
    "score_perceptron_threads": _TWO_THREADS,
    "score_mobilenet_threads": _TWO_THREADS,
}
"""By the key of a row that misses its aim: what was tried."""
