from __future__ import annotations

import io
import os
import pickle
import struct
import sys
import types
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from edgeq.data.preprocessing import find_preprocessing
from edgeq.errors import ModelError

CONVERTERS = Path(__file__).parents[2] / "converters"
SCRIPT = CONVERTERS / "efficientnet_lite0.py"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(CONVERTERS)
    import efficientnet_lite0

    return efficientnet_lite0


class Storage:
    """What stands for a run of numbers in a file of PyTorch's; its dtype is a class of module torch."""

    def __init__(self, key, values):
        self.key = key
        self.values = np.asarray(values)


class FloatStorage:
    pass


class LongStorage:
    pass


def _rebuild_tensor_v2(*arguments):
    raise AssertionError("only its name is written")


class Tensor:
    def __init__(self, storage, offset, shape, strides):
        self.arguments = (storage, offset, shape, strides, False, OrderedDict())

    def __reduce__(self):
        return _rebuild_tensor_v2, self.arguments


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        kind = FloatStorage if value.values.dtype == np.float32 else LongStorage
        return ("storage", kind, value.key, "cpu", len(value.values), None)


def pickled(value):
    buffer = io.BytesIO()
    Pickler(buffer, protocol=2).dump(value)
    return buffer.getvalue()


@pytest.fixture
def torch_names(monkeypatch):
    """Modules with PyTorch's names, so that pickle writes those names."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for module, value in ((torch, FloatStorage), (torch, LongStorage), (utils, _rebuild_tensor_v2)):
        setattr(module, value.__name__, value)
        monkeypatch.setattr(value, "__module__", module.__name__)
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)


A = Storage("7", np.arange(6, dtype=np.float32))
B = Storage("3", np.array([5, 6], np.int64))


def parts(tensors=None, storages=(A, B)):
    """A file as a list: five pickles, then the numbers of each storage."""
    if tensors is None:
        tensors = OrderedDict(
            plain=Tensor(A, 0, (2, 3), (3, 1)),
            turned=Tensor(A, 0, (3, 2), (1, 3)),
            part=Tensor(A, 4, (2,), (1,)),
            counter=Tensor(B, 1, (), ()),
        )
        tensors._metadata = {"": {"version": 1}}
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
    heads = [0x1950A86A20F9469CFC6C, 1001, machine, tensors, [storage.key for storage in storages]]
    numbers = [struct.pack("<Q", len(s.values)) + s.values.tobytes() for s in storages]
    return [*map(pickled, heads), *numbers]


@pytest.fixture
def written(tmp_path):
    def write(contents):
        path = tmp_path / "weights.pth"
        path.write_bytes(b"".join(contents))
        return path

    return write


def test_tensors_are_read_with_their_strides_and_offsets(script, torch_names, written):
    weights = script.read_weights(written(parts()))
    assert weights["plain"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert weights["turned"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert weights["part"].tolist() == [4, 5]
    assert weights["counter"] == 6
    assert (weights["plain"].dtype, weights["counter"].dtype) == (np.float32, np.int64)


class Attack:
    """Runs a command when it is unpickled by pickle.load."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("place", range(5))
def test_a_pickle_that_would_run_code_is_refused_by_the_name_it_asks_for(
    script, torch_names, written, tmp_path, place
):
    contents = parts()
    contents[place] = pickled(Attack(str(tmp_path / "evil")))
    with pytest.raises(ModelError, match=r"weights\.pth: the file asks for posix\.mkdir, which"):
        script.read_weights(written(contents))
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"cbuiltins\neval\n(S'1'\ntR.", "builtins.eval"),
        (b"ctorch\n_utils.os.system\n.", "torch._utils.os.system"),
        (b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.__init__\x93.", "collections.OrderedDict.__init__"),
        (b"(S'1'\nibuiltins\nexec\n.", "builtins.exec"),
        (b"ctorch._utils\n_rebuild_tensor_v3\n.", "torch._utils._rebuild_tensor_v3"),
    ],
    ids=["global", "attribute of a module", "attribute of what is allowed", "instance", "another tensor"],
)
def test_every_way_to_a_name_that_is_not_allowed_is_refused(script, written, content, named):
    with pytest.raises(ModelError, match=f"the file asks for {named}, which"):
        script.read_weights(written([content]))


def replaced(place, content):
    contents = parts()
    contents[place] = content
    return contents


BAD = {
    "empty": list,
    "text": lambda: [b"no such file"],
    "zip": lambda: [b"PK\x03\x04" + bytes(60)],
    "no numbers": lambda: parts()[:5],
    "numbers end early": lambda: [*parts()[:6], parts()[6][:-1]],
    "a storage of another length": lambda: replaced(5, struct.pack("<Q", 2**60) + bytes(24)),
    "a storage that no tensor has": lambda: replaced(4, pickled(["8"])),
    "a storage too few": lambda: replaced(4, pickled(["7"])),
    "no dictionary": lambda: replaced(3, pickled([1])),
    "no tensors": lambda: replaced(3, pickled(OrderedDict(a=1))),
    "no list": lambda: replaced(4, pickled(1)),
    "strides beyond the end": lambda: parts(OrderedDict(a=Tensor(A, 0, (2, 3), (4, 1))), [A]),
    "offset beyond the end": lambda: parts(OrderedDict(a=Tensor(A, 6, (1,), (1,))), [A]),
    "a shape that repeats numbers": lambda: parts(OrderedDict(a=Tensor(A, 0, (10**9, 10**9), (0, 0))), [A]),
    "a shape of text": lambda: parts(OrderedDict(a=Tensor(A, 0, ("a",), (1,))), [A]),
    "an odd storage": lambda: replaced(3, b"\x80\x02}X\x01\x00\x00\x00aK\x01Qs."),
}


@pytest.mark.parametrize("name", BAD)
def test_a_damaged_file_is_an_error_in_one_line(script, torch_names, written, name):
    with pytest.raises(
        ModelError, match=r"weights\.pth is not a file of PyTorch weights, or is damaged"
    ) as caught:
        script.read_weights(written(BAD[name]()))
    assert "\n" not in str(caught.value)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_the_bytes_are_there_are_weights_or_an_error(script, torch_names, written, data):
    content = bytearray(b"".join(parts()))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        weights = script.read_weights(written([content]))
    except ModelError:
        return
    assert all(isinstance(array, np.ndarray | np.generic) for array in weights.values())


def photo(folder, name, width, height):
    """Red tells the column and green the row, in steps of 255 over the photo."""
    columns, rows = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    pixels = np.stack([columns, rows, 0 * rows], axis=-1).astype(np.uint8)
    Image.fromarray(pixels).save(folder / name, quality=95)
    return folder / name


@pytest.mark.parametrize(("width", "height"), [(512, 512), (1024, 683), (300, 700)])
def test_the_middle_of_a_photo_is_seven_eighths_of_its_shorter_side(script, tmp_path, width, height):
    pixels = script.crop(photo(tmp_path, "a.jpg", width, height), 0.5, 0.5).astype(float)
    assert pixels.shape == (224, 224, 3)
    side = 0.875 * min(width, height)
    for axis, length in ((0, width), (1, height)):
        edges = pixels[:, :, axis].mean(axis=axis)
        expected = np.array([(length - side) / 2, (length + side) / 2]) / length * 255
        np.testing.assert_allclose(edges[[0, -1]], expected, atol=3)


def test_photos_carry_the_class_that_their_name_ends_with(script, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "edgeq" / "foolbox-3.3.4" / "foolbox" / "data"
    folder.mkdir(parents=True)
    photo(folder, "imagenet_00_243.jpg", 300, 256)
    photo(folder, "imagenet_01_7.jpg", 256, 300)
    photo(folder, "mnist_00_5.jpg", 28, 28)
    images, classes = script.data()
    assert (images.dtype, images.shape) == (np.uint8, (2, 224, 224, 3))
    assert (classes.dtype, classes.tolist()) == (np.int64, [243, 7])
    crops, of_crops = script.calibration()
    assert (crops.shape, of_crops.tolist()) == ((16, 224, 224, 3), [243, 7] * 8)
    assert len({crop.tobytes() for crop in [*images, *crops]}) == 18


def test_pixels_are_scaled_as_in_training(script):
    pixels = np.array([0, 127, 255], np.uint8)
    assert find_preprocessing(script.preprocess).apply(pixels).tolist() == [-127 / 128, 0, 1]


@pytest.mark.tensorflow
def test_the_network_with_the_weights_of_the_package_gets_18_of_20_photos(script):
    images, classes = script.data()
    assert (images.shape, classes.shape) == ((20, 224, 224, 3), (20,))
    model = script.model()
    probabilities = model.predict((images - np.float32(127)) / 128, verbose=0)
    assert np.sum(probabilities.argmax(1) == classes) == 18
    # Half of the photos are certain: weights that lie in the wrong places would not be.
    assert np.median(probabilities.max(1)) > 0.7
    assert not any(layer.name.startswith("_") for layer in model.layers)
