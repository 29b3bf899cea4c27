"""Runs stock pipelines of TFX, without what their models do not depend on."""

from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline, RunOptions
from tfx.proto import trainer_pb2
from tfx.utils import proto_utils


def run_to_trainer(pipeline: Pipeline) -> None:
    """Runs a pipeline up to its Trainer, and Transform without its statistics."""
    _properties(pipeline, "Transform")["disable_statistics"] = 1
    LocalDagRunner().run(pipeline, run_options=RunOptions(to_nodes=["Trainer"]))


def set_steps(pipeline: Pipeline, train: int, evaluate: int) -> None:
    """Sets the numbers of batches that the Trainer trains and evaluates with."""
    properties = _properties(pipeline, "Trainer")
    for name, steps in [
        ("train_args", trainer_pb2.TrainArgs(num_steps=train)),
        ("eval_args", trainer_pb2.EvalArgs(num_steps=evaluate)),
    ]:
        properties[name] = proto_utils.proto_to_json(steps)


def _properties(pipeline: Pipeline, component_id: str) -> dict[str, object]:
    (component,) = [one for one in pipeline.components if one.id == component_id]
    return component.exec_properties
