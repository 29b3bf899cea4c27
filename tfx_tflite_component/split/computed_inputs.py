"""What the report says about an input that the head computes."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class ComputedInput:
    """An input of the model that the head computes from features.

    Attributes:
        features: The features, or the inputs of the signature, that it is computed from.
        ops: The TensorFlow ops that compute it, each once, in the order of their first use.
        tensors: The tensors of the signature's inlined graph that it holds.
        steps: How it is computed, step by step, with the constants of the graph, as text. Features
            are quoted, and `s1` is the result of the first step.
    """

    features: tuple[str, ...]
    ops: tuple[str, ...]
    tensors: tuple[str, ...]
    steps: tuple[str, ...] = ()
