"""Refuses signatures of which one changes a variable that another uses.

Signatures are converted one after the other. So such a variable would be in the TFLite model twice,
and a call of one signature would not change what another computes.
"""

from collections.abc import Mapping

from tfx_tflite_component.errors import SplitError
from tfx_tflite_component.graph.flat_graph import ConcreteFunction, FlatGraph, flatten
from tfx_tflite_component.graph.variables import assigns_variables


def check_state_apart(signatures: Mapping[str, ConcreteFunction]) -> None:
    """Refuses signatures that share a variable that one of them changes.

    Args:
        signatures: The signatures by key, as `load_signatures` gives them.

    Raises:
        SplitError: Two signatures share such a variable; the message names them.
    """
    if not any(map(assigns_variables, signatures.values())):
        return
    graphs = {key: flatten(signature) for key, signature in signatures.items()}
    for key, graph in graphs.items():
        for handle, name in graph.changed().items():
            for other, theirs in graphs.items():
                if other != key and _uses(theirs, graph, handle):
                    raise SplitError(
                        f"Signature {key!r} changes {name!r}, which signature {other!r} uses as "
                        "well: in one TFLite model, each would have a variable of its own. Leave "
                        "one of the two out of signature_keys."
                    )


def _uses(graph: FlatGraph, other: FlatGraph, handle: str) -> bool:
    """Whether a graph uses the variable of a handle in another graph of the same SavedModel."""
    captured = other.captures.get(handle)
    if captured is None:  # of TF1: an op, which all signatures call by one name
        return handle in graph.nodes
    return any(captured is theirs for theirs in graph.captures.values())
