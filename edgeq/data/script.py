"""Converter scripts: ordinary Python files with a few well-known names, read without TensorFlow.

A script says ``model()``, and where it wants ``preprocess``, ``labels``, ``metrics``, ``task``, ``data()`` and
``calibration()``. It runs as if started in its own folder: relative paths and imports of neighbours are found there.
What it raises becomes one line with the file, the line and the exception.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from edgeq.data import script_names
from edgeq.data.dataset import Dataset
from edgeq.data.preprocessing import Preprocessing
from edgeq.errors import DataError, EdgeqError, ModelError
from edgeq.printing import printable

_FUNCTIONS = ("model", "data", "calibration")

_MOST_CHARACTERS = 400
"""Of what an exception says; some libraries append whole graphs."""


@dataclass(frozen=True)
class Script:
    """A converter script that was run; its functions were not called yet.

    Attributes:
        path: of the file, as it was named.
        folder: which it runs in, absolute.
        preprocess: the preprocessing; None where it says nothing.
        labels: class names; empty where it says nothing.
        metrics: by name a function, or a tuple of a function, ``lower`` or ``higher`` (is better) and perhaps
            ``rate``; empty where it says nothing.
        task: a name or a mapping, as it stands in the script; None where it says nothing.
        functions: by name, those of ``model``, ``data`` and ``calibration`` that it has.
    """

    path: Path
    folder: Path
    preprocess: Preprocessing | None
    labels: tuple[str, ...]
    metrics: Mapping[str, Any]
    task: str | Mapping[str, Any] | None
    functions: Mapping[str, Callable[[], Any]]

    def require_model(self) -> None:
        """Refuses a script that has only data.

        Raises:
            ModelError: there is no ``model()``.
        """
        if "model" not in self.functions:
            raise ModelError(
                f"{printable(self.path)} has no function model(), which returns the keras.Model to convert: edgeq "
                "init NAME.py writes a script to fill in"
            )

    def call_model(self) -> Any:
        """What ``model()`` returns.

        Raises:
            ModelError: there is no such function, or it fails.
        """
        self.require_model()
        return self.call(self.functions["model"], kind=ModelError)

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

    def call(self, function: Callable[..., Any], *arguments: Any, kind: type[EdgeqError] = DataError) -> Any:
        """Calls one of the script's functions in its folder.

        Raises:
            EdgeqError: of this kind, in one line, where the function fails.
        """
        with _explained(self.path, kind), _in_folder(self.folder):
            return function(*arguments)

    def _read(self, name: str) -> Dataset | None:
        if name not in self.functions:
            return None
        from edgeq.data.readers.script_data import as_dataset

        function, source = self.functions[name], f"{printable(self.path)}: {name}()"
        # A generator runs while it is read.
        found: Dataset = self.call(lambda: as_dataset(function(), self.folder, source, self.labels))
        found.script = self.path.resolve() if self.metrics else None
        found.task = self.task
        return found


def is_script(path: Path) -> bool:
    """Whether a path names a converter script."""
    return path.suffix == ".py" and path.is_file()


def read_script(path: Path) -> Script:
    """Runs a converter script and finds its names.

    Args:
        path: the file.

    Raises:
        ModelError: it cannot be read, fails, or a name in it is not what it should be.
        UsageError: there is no such preprocessing.
        DataError: the preprocessing's file cannot be read.
    """
    if not is_script(path):
        raise ModelError(
            f"{printable(path)} does not exist: expected a converter script (edgeq init NAME.py writes one)"
        )
    file = path.resolve()
    with _explained(path, ModelError), _in_folder(file.parent):
        module = _run(file)
    named = script_names.Names(printable(path), file.parent, vars(module))
    return Script(
        path,
        file.parent,
        named.preprocess(),
        named.labels(),
        named.metrics(),
        named.task(),
        named.functions(_FUNCTIONS),
    )


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
        raise DataError(f"{printable(path)} has no function data(), which returns the data to measure on")
    return dataset


def _run(path: Path) -> ModuleType:
    # A name of its own: a script called keras.py must not become the module keras.
    name = f"edgeq_script_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ModelError(f"{printable(path)} cannot be read as Python")
    module = importlib.util.module_from_spec(spec)
    # Data classes and Keras' registration look a class up through its module.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


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
            f"{printable(path)}{_line(path, error)}: exits when it is read; put what runs it as a program under "
            'if __name__ == "__main__"'
        ) from error
    except Exception as error:
        # A user's code may raise anything.
        said = error.msg if isinstance(error, SyntaxError) else " ".join(str(error).split())
        message = f"{printable(path)}{_line(path, error)}: {type(error).__name__}: {said}"
        raise kind(message[:_MOST_CHARACTERS] + _hint(error)) from error


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
