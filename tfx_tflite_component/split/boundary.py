"""The boundaries at which a signature may be split."""

import enum


class Boundary(str, enum.Enum):
    """Where a signature is split; the names are the same as in the config."""

    SIGNATURE = "SIGNATURE"
    RAW_FEATURES = "RAW_FEATURES"
    PER_FEATURE = "PER_FEATURE"
    TRANSFORMED_FEATURES = "TRANSFORMED_FEATURES"
    TENSORS = "TENSORS"

    # otherwise f-strings differ between Python 3.11 and 3.12
    __str__ = str.__str__
