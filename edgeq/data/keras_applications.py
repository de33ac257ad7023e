"""What ``preprocess_input`` of each module of keras.applications does (Keras 3.15, ``imagenet_utils.py``)."""

from __future__ import annotations

MODES = {
    "convnext": "raw",
    "densenet": "torch",
    "efficientnet": "raw",
    "efficientnet_v2": "raw",
    "inception_resnet_v2": "tf",
    "inception_v3": "tf",
    "mobilenet": "tf",
    "mobilenet_v2": "tf",
    "mobilenet_v3": "raw",
    "nasnet": "tf",
    "resnet": "caffe",
    "resnet50": "caffe",
    "resnet_v2": "tf",
    "vgg16": "caffe",
    "vgg19": "caffe",
    "xception": "tf",
}
"""By module: ``raw`` where the model has its own layers for it, ``tf`` (−1 to 1), ``torch`` or ``caffe``."""

TORCH_MEANS = (0.485, 0.456, 0.406)
TORCH_STDS = (0.229, 0.224, 0.225)
"""Of red, green and blue in ImageNet, between 0 and 1."""

CAFFE_MEANS = (103.939, 116.779, 123.68)
"""Of blue, green and red in ImageNet, between 0 and 255."""
