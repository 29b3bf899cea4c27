"""Classifies with MediaPipe's tasks, in an environment of its own.

Its arguments are the folder of the packages and a JSON list of [task, model, value]: a color for
"image", a text for "text". It prints a JSON list of the labels, the best first, or the error.
"""

import json
import sys
import unittest.mock
from typing import Any

sys.path.insert(0, sys.argv[1])
# it only draws with these, and plays sounds
for _name in ("cv2", "matplotlib", "matplotlib.pyplot", "sounddevice"):
    sys.modules[_name] = unittest.mock.MagicMock()


def _text(model: str, words: str) -> Any:
    from mediapipe.tasks.python import text

    return text.TextClassifier.create_from_model_path(model).classify(words)


def _image(model: str, color: list[int]) -> Any:
    import mediapipe
    import numpy as np
    from mediapipe.tasks.python import vision

    pixels = np.array(np.broadcast_to(np.uint8(color), [40, 40, 3]))
    image = mediapipe.Image(mediapipe.ImageFormat.SRGB, pixels)
    return vision.ImageClassifier.create_from_model_path(model).classify(image)


def _answer(task: str, model: str, value: Any) -> list[str] | str:
    try:
        result = {"text": _text, "image": _image}[task](model, value)
    except Exception as e:
        return str(e)
    return [category.category_name for category in result.classifications[0].categories]


print(json.dumps([_answer(*asked) for asked in json.loads(sys.argv[2])]))
