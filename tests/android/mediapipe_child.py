"""Runs MediaPipe: ``python mediapipe_child.py show MODEL`` or ``… classify MODEL IMAGES.npy OUTPUT.npz``."""

from __future__ import annotations

import json
import sys
import types

import numpy as np

# MediaPipe looks for TensorFlow on import, only to mark its documentation, and that costs three seconds.
sys.modules["tensorflow"] = None  # type: ignore[assignment]


def show(model: str) -> dict[str, object]:
    """What MediaPipe's own reader finds in a file."""
    # Its wheels have lacked this module since 0.10.30; only its writer would call it.
    package = "mediapipe.tasks.cc.metadata.python"
    for depth in range(3, 6):
        sys.modules[".".join(package.split(".")[:depth])] = types.ModuleType(package)
    missing = types.ModuleType("_pywrap_metadata_version")
    sys.modules[f"{package}.{missing.__name__}"] = missing
    sys.modules[package]._pywrap_metadata_version = missing  # type: ignore[attr-defined]

    from mediapipe.tasks.python.metadata.metadata import MetadataDisplayer

    displayer = MetadataDisplayer.with_model_file(model)
    files = displayer.get_packed_associated_file_list()
    return {
        "metadata": json.loads(displayer.get_metadata_json()),
        "files": {name: displayer.get_associated_file_buffer(name).decode() for name in files},
    }


def classify(model: str, images: str, output: str) -> dict[str, object]:
    """Writes scores, float32[n, classes], of images uint8[n, h, w, 3]; names are in the order of classes."""
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.ImageClassifierOptions(base_options=BaseOptions(model_asset_path=model))
    rows, names = [], {}
    try:
        with vision.ImageClassifier.create_from_options(options) as classifier:
            for pixels in np.load(images):
                image = mediapipe.Image(
                    image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(pixels)
                )
                (head,) = classifier.classify(image).classifications
                scores = {one.index: one.score for one in head.categories}
                names = {one.index: one.category_name for one in head.categories}
                rows.append([scores[index] for index in range(len(scores))])
    except (RuntimeError, ValueError, NotImplementedError) as error:
        return {"refused": str(error)}
    np.savez(output, scores=np.array(rows, np.float32))
    return {"names": [names[index] for index in range(len(names))]}


if __name__ == "__main__":
    result = show(sys.argv[2]) if sys.argv[1] == "show" else classify(*sys.argv[2:])
    sys.stdout.write(json.dumps(result) + "\n")
