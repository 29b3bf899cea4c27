"""Frees the memory of a tail's weights while the converter has its own copies."""

import contextlib
import pathlib
from collections.abc import Collection, Iterator

import tensorflow as tf

from tfx_tflite_component.split.tail import Tail


@contextlib.contextmanager
def unloaded(tail: Tail, saved: pathlib.Path, kept: Collection[tf.Variable]) -> Iterator[None]:
    """Frees the values of a tail's variables inside the block, and restores them afterwards.

    Args:
        tail: The tail.
        saved: The folder of a SavedModel to which `tail.resources` was saved.
        kept: Variables that keep their values.
    """
    stay = {id(variable.handle) for variable in kept}
    for variable in tail.resources.variables_read:
        if id(variable.handle) in stay:
            continue
        # a variable cannot be deleted while a function reads it; this op does not check its shape
        nothing = tf.constant([], variable.dtype)
        tf.raw_ops.AssignVariableOp(resource=variable.handle, value=nothing)
    try:
        yield
    finally:
        checkpoint = tf.train.Checkpoint(root=tail.resources)
        checkpoint.read(f"{saved}/variables/variables").assert_existing_objects_matched()
