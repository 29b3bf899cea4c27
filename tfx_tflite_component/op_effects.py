"""Ops of TensorFlow that do more than compute: what each can reach outside of its graph.

A graph is a program, and some ops give it the rights of the process that runs it.
"""

import enum
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tensorflow.core.framework.node_def_pb2 import NodeDef


class Effect(enum.Enum):
    """What an op does besides computing, as it reads after the op's name."""

    FILES = "reads or writes files"
    CHECKPOINTS = "reads or writes checkpoints"
    NETWORK = "opens network connections"
    PYTHON = "runs Python code"
    HIDDEN_GRAPH = "runs a graph that is stored as data and cannot be checked"
    PROCESS = "ends the process"


_OPS: Mapping[Effect, Sequence[str]] = {
    Effect.FILES: (
        *("ReadFile", "WriteFile", "MatchingFiles", "ImmutableConst", "RecordInput"),
        *("FixedLengthRecordReader", "FixedLengthRecordReaderV2", "LMDBReader", "TFRecordReader"),
        *("TFRecordReaderV2", "TextLineReader", "TextLineReaderV2", "WholeFileReader"),
        *("WholeFileReaderV2", "MatchingFilesDataset", "ExperimentalMatchingFilesDataset"),
        *("CSVDataset", "CSVDatasetV2", "ExperimentalCSVDataset", "FixedLengthRecordDataset"),
        *("FixedLengthRecordDatasetV2", "LMDBDataset", "ExperimentalLMDBDataset", "SqlDataset"),
        *("ExperimentalSqlDataset", "TFRecordDataset", "TFRecordDatasetV2", "TextLineDataset"),
        *("CacheDataset", "CacheDatasetV2", "LoadDataset", "SaveDataset", "SaveDatasetV2"),
        *("SnapshotDataset", "SnapshotDatasetV2", "SnapshotDatasetReader", "SnapshotChunkDataset"),
        *("ListSnapshotChunksDataset", "DatasetToTFRecord", "ExperimentalDatasetToTFRecord"),
        *("GenerateVocabRemapping", "FileSystemSetConfiguration", "CreateSummaryFileWriter"),
        *("CreateSummaryDbWriter", "InitializeTRTResource", "SerializeTRTResource"),
        *("DebugIdentity", "DebugIdentityV2", "DebugIdentityV3", "DebugNanCount"),
        "DebugNumericSummary",
    ),
    Effect.CHECKPOINTS: (
        *("Save", "SaveSlices", "SaveV2", "MergeV2Checkpoints"),
        *("Restore", "RestoreSlice", "RestoreV2", "LoadAndRemapMatrix"),
    ),
    Effect.NETWORK: (
        *("DataServiceDataset", "DataServiceDatasetV2", "DataServiceDatasetV3"),
        *("DataServiceDatasetV4", "RegisterDataset", "RegisterDatasetV2", "DistributedSave"),
        *("BigQueryReader", "GenerateBigQueryReaderPartitions", "RemoteCall"),
    ),
    Effect.PYTHON: ("PyFunc", "PyFuncStateless", "EagerPyFunc"),
    Effect.HIDDEN_GRAPH: (
        *("DatasetFromGraph", "DeserializeIterator", "RemoteFusedGraphExecute", "TRTEngineOp"),
    ),
    Effect.PROCESS: ("Abort",),
}
EFFECTS: Mapping[str, Effect] = {op: effect for effect, ops in _OPS.items() for op in ops}
# Fill a lookup table from a file, which is harmless if the file is an asset of the model.
TABLE_FILE_OPS = ("InitializeTableFromTextFile", "InitializeTableFromTextFileV2")
# Ops that reach a file only if an attribute names it, with the prefix of values that do.
FILE_ATTRIBUTES: Mapping[str, tuple[str, bytes]] = {
    "FixedUnigramCandidateSampler": ("vocab_file", b""),
    "PrintV2": ("output_stream", b"file:"),
}
# All of these.
SIDE_EFFECTS = frozenset([*EFFECTS, *TABLE_FILE_OPS, *FILE_ATTRIBUTES])


def effect_of(node: "NodeDef") -> Effect | None:
    """What a node does besides computing; None if it only computes.

    For an op in TABLE_FILE_OPS it is None: that depends on where the file's name comes from.
    """
    if node.op in EFFECTS:
        return EFFECTS[node.op]
    return Effect.FILES if _names_file(node) else None


def _names_file(node: "NodeDef") -> bool:
    name, prefix = FILE_ATTRIBUTES.get(node.op, ("", b""))
    value = node.attr[name].s if name in node.attr else b""
    return bool(value) and value.startswith(prefix)
