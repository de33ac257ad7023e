from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgeq.data.columns import ImageColumn
from edgeq.data.dataset import Dataset
from edgeq.data.preprocessing import RAW, Preprocessing
from edgeq.data.reading import read_dataset
from edgeq.data.script import read_script, read_script_data
from edgeq.data.truth import Targets
from edgeq.errors import DataError, EdgeqError, ModelError, UsageError


def written(folder: Path, text: str, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def message_of(path: Path) -> str:
    with pytest.raises(EdgeqError) as caught:
        read_script_data(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def rows(dataset: Dataset, name: str, indices: list[int]) -> np.ndarray:
    return dataset.columns[name].read(indices, RAW, (8,))


ARRAYS = "import numpy as np\nPIXELS = np.arange(24.0).reshape(3, 8)\n"


@pytest.mark.parametrize(
    ("returned", "names", "labels"),
    [
        pytest.param("PIXELS", ("",), None, id="an array"),
        pytest.param("(PIXELS, [2, 0, 1])", ("",), [2, 0, 1], id="an array and labels"),
        pytest.param("(PIXELS.tolist(), [2, 0, 1])", ("",), [2, 0, 1], id="lists and labels"),
        pytest.param("list(zip(PIXELS, [2, 0, 1]))", ("",), [2, 0, 1], id="a list of items"),
        pytest.param("zip(PIXELS, [2, 0, 1])", ("",), [2, 0, 1], id="an iterator of items"),
        pytest.param("({'a': x, 'y': n} for n, x in enumerate(PIXELS))", ("a",), [0, 1, 2], id="a generator"),
        pytest.param("iter(PIXELS)", ("",), None, id="inputs alone one by one"),
        pytest.param("{'a': PIXELS, 'b': PIXELS}", ("a", "b"), None, id="a dictionary"),
        pytest.param(
            "{'a': PIXELS, 'labels': np.array([2, 0, 1])}", ("a",), [2, 0, 1], id="with labels in it"
        ),
        pytest.param("({'a': PIXELS}, np.array([2, 0, 1]))", ("a",), [2, 0, 1], id="with labels beside it"),
    ],
)
def test_data_may_be_returned_in_several_forms(
    tmp_path: Path, returned: str, names: tuple[str, ...], labels: list[int] | None
) -> None:
    path = written(tmp_path, f"{ARRAYS}labels = ['x', 'y', 'z']\ndef data():\n    return {returned}\n")
    dataset = read_script_data(path)
    assert dataset.input_names() == names
    assert len(dataset) == 3
    assert (None if dataset.labels is None else dataset.labels.tolist()) == labels
    assert dataset.class_names == (() if labels is None else ("x", "y", "z"))
    assert np.array_equal(rows(dataset, names[0], [1]), [np.arange(8.0, 16.0)])


def test_a_data_set_of_edgeq_is_taken_as_it_is(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        f"from edgeq.data.dataset import ArrayDataset\n{ARRAYS}"
        "def data():\n    return ArrayDataset({'a': PIXELS}, source='mine')\n",
    )
    assert read_script_data(path).source == "mine"


def test_paths_and_imports_are_found_in_the_script_s_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, elsewhere = tmp_path / "scripts", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    np.savez(folder / "arrays.npz", a=np.zeros((4, 2)))
    written(folder, "NAME = 'arrays.npz'\n", "beside.py")
    written(
        folder,
        "import os\nfrom beside import NAME\nassert os.path.exists(NAME)\ndef data():\n    return NAME\n",
    )
    monkeypatch.chdir(elsewhere)
    searched = list(sys.path)
    dataset = read_dataset(Path("../scripts/mine.py"))
    assert len(dataset) == 4
    assert Path.cwd() == elsewhere
    assert sys.path == searched


def test_a_script_may_be_called_like_a_module_that_it_needs(tmp_path: Path) -> None:
    path = written(tmp_path, "import json\ndef data():\n    return json.loads('3')\n", "json.py")
    assert "data() returns a value of type int" in message_of(path)


def test_names_that_are_not_there_are_none(tmp_path: Path) -> None:
    script = read_script(written(tmp_path, "x = 1\n"))
    assert script.preprocess is None
    assert script.labels == ()
    assert script.metrics == {}
    assert script.task is None
    assert script.read_data() is None
    assert script.read_calibration() is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("def data(:\n", "mine.py, line 1: SyntaxError: ", id="no Python"),
        pytest.param(
            "x = 1\nimport no_such_module\n", "mine.py, line 2: ModuleNotFoundError: ", id="no module"
        ),
        pytest.param(
            "def inner():\n    raise KeyError('a\\nb')\ndef data():\n    return inner()\n",
            "mine.py, line 2: KeyError: ",
            id="an exception",
        ),
        pytest.param(
            "import numpy as np\ndef data():\n    return np.load('no.npy')\n",
            "mine.py, line 3: FileNotFoundError: ",
            id="an exception in a library",
        ),
        pytest.param(
            "import sys\nsys.exit(0)\n", "mine.py, line 2: exits when it is read; put", id="an exit"
        ),
        pytest.param("x = 1\n", "mine.py has no function data()", id="no data"),
        pytest.param(
            "data = 3\n", "data is of type int, expected a function data()", id="data is no function"
        ),
        pytest.param("labels = 'abc'\n", "labels is of type str, expected a list", id="labels are text"),
        pytest.param(
            "preprocess = 3\n", "preprocess is of type int, expected a text", id="preprocess is a number"
        ),
        pytest.param("preprocess = {'a': 1}\n", "preprocess: unknown key 'a'", id="a key of preprocess"),
        pytest.param(
            "preprocess = 'no.json'\n", "no.json does not exist: expected a preprocessing", id="no such file"
        ),
        pytest.param(
            "metrics = print\n",
            "metrics is of type builtin_function_or_method, expected a dictionary",
            id="metrics",
        ),
        pytest.param(
            "metrics = {3: print}\n", "metrics has the name 3, expected a text", id="a metric's name"
        ),
        pytest.param(
            "metrics = {'f1': 0.5}\n", "the metric 'f1' is 0.5, expected a function, or a", id="a metric"
        ),
        pytest.param("metrics = {'f1': (print, 'up')}\n", "the metric 'f1' is", id="what is better"),
        pytest.param("metrics = {'f1': (print, 'lower', 'x')}\n", "the metric 'f1' is", id="no rate"),
        pytest.param(
            "metrics = {'f1': (1, 'lower')}\n", "the metric 'f1' is", id="a metric that is no function"
        ),
        pytest.param("task = 3\n", "task is of type int, expected a text such as", id="task is a number"),
        pytest.param("task = {1: 2}\n", "task is of type dict, expected a text such as", id="a key of task"),
        pytest.param(
            "def data():\n    yield 1.0\n    raise KeyError('x')\n",
            "mine.py, line 3: KeyError: 'x'",
            id="an exception in a generator",
        ),
        pytest.param(
            "def data():\n    yield [1.0]\n    yield [1.0, 2.0]\n",
            "mine.py: data(): item 1 has an input float64[2], item 0 float64[1]",
            id="items that differ",
        ),
        pytest.param(
            "def data():\n    return [[1], [1, 2]], [0, 1]\n",
            "data(): the inputs are no array",
            id="uneven lists",
        ),
        pytest.param(
            "def data():\n    return iter([]), [0, 1]\n",
            "data() returns a pair of list_iterator",
            id="a pair",
        ),
        pytest.param(
            "def data():\n    return None\n", "data() returns a value of type NoneType", id="nothing"
        ),
        pytest.param("def data():\n    return b'x'\n", "data() returns a value of type bytes", id="bytes"),
        pytest.param("def data():\n    return []\n", "data() yields no item", id="no items"),
        pytest.param("def data():\n    return 'no.npz'\n", "no.npz does not exist", id="a missing file"),
        pytest.param("def data():\n    return 'mine.py'\n", "data() names another script", id="a script"),
        pytest.param(
            "import tensorflow_that_is_not_here.x as tensorflow\n",
            "ModuleNotFoundError",
            id="another missing module",
        ),
    ],
)
def test_what_goes_wrong_in_a_script_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    assert message in message_of(written(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        pytest.param("'0..1'", 1 / 255, id="a name"),
        pytest.param("'mine.json'", 0.5, id="a file beside the script"),
        pytest.param("{'values': {'scale': 0.25}}", 0.25, id="a dictionary"),
        pytest.param("{'name': 'mine', 'values': '0..1'}", 1 / 255, id="a dictionary with a name"),
        pytest.param("Preprocessing('mine', (0.5,))", 0.5, id="a preprocessing"),
    ],
)
def test_preprocessing_may_be_said_in_several_forms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, scale: float
) -> None:
    folder = tmp_path / "scripts"
    folder.mkdir()
    (folder / "mine.json").write_text('{"values": {"scale": 0.5}}')
    path = written(folder, f"from edgeq.data.preprocessing import Preprocessing\npreprocess = {text}\n")
    monkeypatch.chdir(tmp_path)
    preprocess = read_script(path).preprocess
    assert isinstance(preprocess, Preprocessing)
    assert preprocess.scale == (scale,)


def test_metrics_are_functions_and_what_is_better(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "def error(outputs, labels):\n    return 1.5\n"
        "metrics = {'a': error, 'b': (error, 'lower'), 'c': (error, 'higher', 'rate')}\n",
    )
    script = read_script(path)
    assert list(script.metrics) == ["a", "b", "c"]
    function, *more = script.metrics["c"]
    assert more == ["higher", "rate"]
    assert script.call(function, None, None) == 1.5


def test_a_metric_that_fails_is_one_line_and_its_traceback_is_kept(tmp_path: Path) -> None:
    path = written(tmp_path, "def error(x):\n    return x / 0\nmetrics = {'a': error}\n")
    script = read_script(path)
    with pytest.raises(DataError, match=r"mine\.py, line 2: ZeroDivisionError") as caught:
        script.call(script.metrics["a"], 1)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert caught.value.__cause__.__traceback__ is not None


@pytest.mark.parametrize("task", ["'detection'", "{'name': 'detection', 'iou': 0.5}"])
def test_a_task_is_a_name_or_a_mapping(tmp_path: Path, task: str) -> None:
    script = read_script(written(tmp_path, f"task = {task}\n"))
    assert repr(script.task) == task


def test_a_generator_runs_in_the_script_s_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "scripts"
    folder.mkdir()
    np.save(folder / "x.npy", np.arange(8.0))
    path = written(
        folder,
        "import numpy as np\ndef data():\n    for _ in range(3):\n        yield np.load('x.npy'), 0.5\n",
    )
    monkeypatch.chdir(tmp_path)
    dataset = read_script_data(path)
    assert len(dataset) == 3
    assert isinstance(dataset.truth, Targets)


def test_a_script_may_name_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("path\na.png\n")
    dataset = read_script_data(written(tmp_path, "def data():\n    return 'm.csv'\n"))
    assert isinstance(dataset.columns[""], ImageColumn)


def test_an_unknown_preprocessing_lists_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown preprocessing 'half': expected raw, 0\.\.1"):
        read_script(written(tmp_path, "preprocess = 'half'\n"))


def test_edgeqs_own_errors_pass_unchanged(tmp_path: Path) -> None:
    path = written(
        tmp_path, "from edgeq.errors import DataError\ndef data():\n    raise DataError('fetch it first')\n"
    )
    with pytest.raises(DataError, match=r"^fetch it first$"):
        read_script_data(path)


def test_a_missing_script_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none.py does not exist: expected a converter script"):
        read_script(tmp_path / "none.py")


def test_reading_data_loads_no_tensorflow(tmp_path: Path) -> None:
    path = written(
        tmp_path, f"{ARRAYS}def model():\n    import tensorflow\ndef data():\n    return PIXELS, [0, 1, 0]\n"
    )
    code = (
        "import sys; from pathlib import Path; from edgeq.data.script import read_script_data; "
        f"assert len(read_script_data(Path({str(path)!r}))) == 3; "
        "sys.exit(any(name in sys.modules for name in ('tensorflow', 'keras')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_tensorflow_at_the_top_of_a_script_is_told_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    path = written(tmp_path, "import tensorflow\ndef data():\n    return 1\n")
    assert "line 1: ModuleNotFoundError: " in message_of(path)
    assert "import it inside model()" in message_of(path)
