"""A small model as a Trainer exports one: it parses `tf.Example`s and has a vocabulary."""

import pathlib
import tempfile

import tensorflow as tf
from models import EXAMPLES, example

WORDS = ("alpha", "beta", "gamma")

_FEATURES = {
    "size": tf.io.FixedLenFeature([2], tf.float32),
    "word": tf.io.FixedLenFeature([], tf.string, default_value="beta"),
}


class SmallModel(tf.Module):
    """Scores a word and two sizes."""

    def __init__(self, vocabulary: pathlib.Path) -> None:
        super().__init__()
        initializer = tf.lookup.TextFileInitializer(
            str(vocabulary),
            tf.string,
            tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER,
        )
        self.table = tf.lookup.StaticHashTable(initializer, default_value=len(WORDS))
        # weights of this size are what dynamic range quantization takes
        self.hidden = tf.Variable(tf.random.stateless_normal([2, 1024], seed=[1, 2]))
        self.scores = tf.Variable(tf.random.stateless_normal([1024, len(WORDS) + 1], seed=[3, 4]))

    @tf.function(input_signature=[EXAMPLES])
    def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        parsed = tf.io.parse_example(examples, _FEATURES)
        scores = tf.nn.relu(parsed["size"] @ self.hidden) @ self.scores
        word = tf.one_hot(self.table.lookup(parsed["word"]), len(WORDS) + 1)
        return {"score": tf.reduce_sum(scores * word, axis=1)}


def save_small_model(folder: pathlib.Path) -> None:
    """Saves the model with its vocabulary as an asset."""
    with tempfile.TemporaryDirectory() as temporary:
        vocabulary = pathlib.Path(temporary, "words.txt")
        vocabulary.write_text("".join(f"{word}\n" for word in WORDS))
        model = SmallModel(vocabulary)
        tf.saved_model.save(model, str(folder), signatures=model.serve)


def small_examples() -> list[bytes]:
    """An example for each word, one with an unknown word and one without any."""
    words = ([word] for word in (*WORDS, "unknown"))
    examples = [example(size=[0.5 * row, -1.0], word=word) for row, word in enumerate(words)]
    return [*examples, example(size=[0.5, 2.0])]
