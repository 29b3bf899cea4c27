"""Asks TensorFlow's analyzer which ops the GPU delegate takes, from the file."""

from __future__ import annotations

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import exchange


def main(asked: exchange.Exchange) -> None:
    """Has the analyzer print its verdict. The request has "model", the path."""
    import tensorflow as tf

    asked.say(version=tf.__version__)
    try:
        tf.lite.experimental.Analyzer.analyze(
            model_path=asked.request["model"], gpu_compatibility=True
        )
    except (RuntimeError, ValueError) as e:
        asked.refused(e)
        return
    asked.say(loaded=True, done=True)


if __name__ == "__main__":
    exchange.start(main)
