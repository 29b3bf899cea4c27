"""Measures the memory of a process that scores a number of examples in batches."""

import json
import pathlib
import resource
import sys
import tempfile

from scored_models import MODELS, make_images, publish, serialize

from tfx_tflite_component.scoring import Scorer


def main(name: str, batches: str) -> None:
    """Scores that many batches and prints the peak in MB."""
    kind = MODELS[name]
    batch = [serialize(image) for image in make_images(kind, kind.batch_size)]
    with tempfile.TemporaryDirectory(prefix="tfx-tflite-bench-") as folder:
        scorer = Scorer(publish(kind, pathlib.Path(folder)))
        for _ in range(int(batches)):
            scorer.score(batch)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"peak_mb": peak / 1024}))


if __name__ == "__main__":
    main(*sys.argv[1:])
