"""Converter scripts: ordinary Python files with a few well-known names, read without TensorFlow.

A script says ``model()``, and where it wants ``preprocess``, ``labels``, ``data()`` and ``calibration()``. It runs as
if started in its own folder: relative paths and imports of neighbours are found there. What it raises becomes
one line with the file, the line and the exception.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from edgeq.data.dataset import ArrayDataset, Dataset
from edgeq.data.preprocessing import find_preprocessing
from edgeq.errors import DataError, EdgeqError, ModelError

_FUNCTIONS = ("model", "data", "calibration")


@dataclass(frozen=True)
class Script:
    """A converter script that was run; its functions were not called yet.

    Attributes:
        path: of the file, as it was named.
        folder: which it runs in, absolute.
        preprocess: name of the preprocessing; None where it says nothing.
        labels: class names; empty where it says nothing.
        functions: by name, those of ``model``, ``data`` and ``calibration`` that it has.
    """

    path: Path
    folder: Path
    preprocess: str | None
    labels: tuple[str, ...]
    functions: Mapping[str, Callable[[], Any]]

    def require_model(self) -> None:
        """Refuses a script that has only data.

        Raises:
            ModelError: there is no ``model()``.
        """
        if "model" not in self.functions:
            raise ModelError(
                f"{self.path} has no function model(), which returns the keras.Model to convert: edgeq init "
                "NAME.py writes a script to fill in"
            )

    def call_model(self) -> Any:
        """What ``model()`` returns.

        Raises:
            ModelError: there is no such function, or it fails.
        """
        self.require_model()
        return self._call("model", ModelError)

    def read_data(self) -> Dataset | None:
        """What ``data()`` returns as a data set; None where there is no such function.

        Raises:
            DataError: it fails, or what it returns is no data.
        """
        return self._read("data")

    def read_calibration(self) -> Dataset | None:
        """What ``calibration()`` returns as a data set; None where there is no such function.

        Raises:
            DataError: it fails, or what it returns is no data.
        """
        return self._read("calibration")

    def _read(self, name: str) -> Dataset | None:
        if name not in self.functions:
            return None
        return _dataset(self._call(name, DataError), self, f"{self.path}: {name}()")

    def _call(self, name: str, kind: type[EdgeqError]) -> Any:
        with _explained(self.path, kind), _in_folder(self.folder):
            return self.functions[name]()


def is_script(path: Path) -> bool:
    """Whether a path names a converter script."""
    return path.suffix == ".py" and path.is_file()


def read_script(path: Path) -> Script:
    """Runs a converter script and finds its names.

    Args:
        path: the file.

    Raises:
        ModelError: it cannot be read, fails, or a name in it is not what it should be.
    """
    if not is_script(path):
        raise ModelError(
            f"{path} does not exist: expected a converter script (edgeq init NAME.py writes one)"
        )
    file = path.resolve()
    with _explained(path, ModelError), _in_folder(file.parent):
        module = _run(file)
    preprocess = getattr(module, "preprocess", None)
    if preprocess is not None:
        if not isinstance(preprocess, str):
            raise ModelError(f"{path}: preprocess is {_kind(preprocess)}, expected a text such as '-1..1'")
        find_preprocessing(preprocess)
    labels = _labels(path, getattr(module, "labels", ()))
    return Script(path, file.parent, preprocess, labels, _functions(path, module))


def read_script_data(path: Path) -> Dataset:
    """The data set of a script's ``data()``, to measure on.

    Args:
        path: of the script.

    Raises:
        ModelError: the script fails when it is read.
        DataError: it has no ``data()``, which fails, or returns no data.
    """
    dataset = read_script(path).read_data()
    if dataset is None:
        raise DataError(f"{path} has no function data(), which returns the data to measure on")
    return dataset


def _run(path: Path) -> ModuleType:
    # A name of its own: a script called keras.py must not become the module keras.
    name = f"edgeq_script_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ModelError(f"{path} cannot be read as Python")
    module = importlib.util.module_from_spec(spec)
    # Data classes and Keras' registration look a class up through its module.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _functions(path: Path, module: ModuleType) -> dict[str, Callable[[], Any]]:
    found = {name: getattr(module, name) for name in _FUNCTIONS if hasattr(module, name)}
    for name, value in found.items():
        if not callable(value):
            raise ModelError(f"{path}: {name} is {_kind(value)}, expected a function {name}()")
    return found


def _labels(path: Path, labels: Any) -> tuple[str, ...]:
    if isinstance(labels, str) or not isinstance(labels, Sequence | np.ndarray):
        raise ModelError(f"{path}: labels is {_kind(labels)}, expected a list of class names")
    return tuple(str(label) for label in labels)


def _dataset(value: Any, script: Script, source: str) -> Dataset:
    """A path, arrays by input name, a pair of inputs and labels, or a data set of edgeq's as a data set."""
    from edgeq.data.reading import LABEL_KEYS, read_dataset

    if isinstance(value, Dataset):
        return value
    if isinstance(value, str | Path):
        path = script.folder / value
        if path.suffix == ".py":
            raise DataError(f"{source} names another script, {value}: expected a folder or an .npz file")
        return read_dataset(path)
    labels = None
    if isinstance(value, tuple) and len(value) == 2:
        value, labels = value
    if isinstance(value, Mapping):
        arrays = {str(name): np.asarray(array) for name, array in value.items()}
        key = next((key for key in LABEL_KEYS if key in arrays), None)
        labels = labels if key is None else arrays.pop(key)
    elif isinstance(value, np.ndarray):
        # One array fits the only input of a model, whatever its name.
        arrays = {"": value}
    else:
        raise DataError(
            f"{source} returns a value {_kind(value)}, expected a path, a dictionary of arrays by input name, "
            "or (inputs, labels)"
        )
    return ArrayDataset(
        arrays, None if labels is None else np.asarray(labels), source=source, class_names=script.labels
    )


def _kind(value: Any) -> str:
    return f"of type {type(value).__name__}"


@contextlib.contextmanager
def _in_folder(folder: Path) -> Iterator[None]:
    """Runs the block as if Python had been started in a folder."""
    before = Path.cwd()
    sys.path.insert(0, str(folder))
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        with contextlib.suppress(ValueError):
            sys.path.remove(str(folder))


@contextlib.contextmanager
def _explained(path: Path, kind: type[EdgeqError]) -> Iterator[None]:
    """Turns what the user's code raises into one line; edgeq's own errors are one already."""
    try:
        yield
    except EdgeqError:
        raise
    except SystemExit as error:
        raise kind(
            f"{path}{_line(path, error)}: exits when it is read; put what runs it as a program under "
            'if __name__ == "__main__"'
        ) from error
    except Exception as error:
        # A user's code may raise anything.
        said = error.msg if isinstance(error, SyntaxError) else " ".join(str(error).split())
        raise kind(
            f"{path}{_line(path, error)}: {type(error).__name__}: {said}"[:400] + _hint(error)
        ) from error


def _line(path: Path, error: BaseException) -> str:
    """The innermost line of the script that led to the error."""
    file = str(path.resolve())
    if isinstance(error, SyntaxError) and error.filename == file:
        return f", line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    numbers = [frame.lineno for frame in frames if frame.filename == file]
    return f", line {numbers[-1]}" if numbers else ""


def _hint(error: Exception) -> str:
    if isinstance(error, ImportError) and (error.name or "").split(".")[0] in ("tensorflow", "keras"):
        return '; import it inside model(), or pip install "edgeq[convert]"'
    return ""
