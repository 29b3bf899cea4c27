"""Where a signature may be split."""

import enum


class Boundary(str, enum.Enum):
    """Where a signature is split, by what the tail takes; the names are those of the config."""

    SIGNATURE = "SIGNATURE"
    RAW_FEATURES = "RAW_FEATURES"
    TRANSFORMED_FEATURES = "TRANSFORMED_FEATURES"
    TENSORS = "TENSORS"

    # what an f-string writes differs between Python 3.11 and 3.12 otherwise
    __str__ = str.__str__
