"""What snippets take for granted of a pipeline."""

import pathlib

from tfx import v1 as tfx


def declare(
    folder: pathlib.Path,
) -> tuple[tfx.types.BaseComponent, tfx.types.BaseComponent, tfx.proto.PushDestination]:
    """An ExampleGen, a Trainer that takes its examples, and a destination to push to."""
    example_gen = tfx.components.ImportExampleGen(input_base=str(folder))
    trainer = tfx.components.Trainer(
        examples=example_gen.outputs["examples"],
        run_fn="module.run_fn",
        train_args=tfx.proto.TrainArgs(num_steps=1),
        eval_args=tfx.proto.EvalArgs(num_steps=1),
    )
    destination = tfx.proto.PushDestination(
        filesystem=tfx.proto.PushDestination.Filesystem(base_directory=str(folder))
    )
    return example_gen, trainer, destination
