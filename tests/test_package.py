from __future__ import annotations

import ast
import configparser
import email
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest

import edgeq
from edgeq.android.demo_files import demo_files
from edgeq.demo import assets

ROOT = Path(__file__).parents[1]
DEMO_APP = "edgeq/android/demo_app/"
"""Where the demo app is in a wheel."""
HEAVY = ("numpy", "tensorflow", "keras", "ai_edge_litert", "PIL", "rich", "plotly", "jinja2", "scipy")


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    (path,) = built.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return email.message_from_bytes(wheel.read(name))


@pytest.fixture(scope="module")
def package_files(built: Path) -> dict[str, bytes]:
    """Every file of the package in the checkout that was built, by its path in a wheel."""
    checkout = built / "checkout"
    return {
        path.relative_to(checkout).as_posix(): path.read_bytes()
        for path in (checkout / "edgeq").rglob("*")
        if path.is_file()
    }


def loaded_after(code: str) -> set[str]:
    """Which of the heavy packages a fresh interpreter has loaded after running the code."""
    report = f"import sys; print('loaded:', *sorted(set({HEAVY!r}) & set(sys.modules)))"
    command = [sys.executable, "-c", f"{code}\n{report}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()[1:])


def python_examples(page: str) -> list[str]:
    path = ROOT / page
    blocks = re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [block for block in blocks if "edgeq" in block]


class TestWheel:
    def test_it_holds_the_package_and_nothing_else(self, wheel: zipfile.ZipFile) -> None:
        tops = {name.split("/")[0] for name in wheel.namelist()}
        assert tops == {"edgeq", f"edgeq-{edgeq.__version__}.dist-info"}

    def test_it_holds_every_file_of_the_package_byte_by_byte(
        self, wheel: zipfile.ZipFile, package_files: dict[str, bytes]
    ) -> None:
        of_package = [name for name in wheel.namelist() if name.startswith("edgeq/") and DEMO_APP not in name]
        found = {name: wheel.read(name) for name in of_package}
        assert sorted(found) == sorted(package_files)
        assert [name for name in found if found[name] != package_files[name]] == []

    @pytest.mark.parametrize(
        "name",
        [
            "edgeq/py.typed",
            "edgeq/demo/model.keras",
            "edgeq/demo/test.npz",
            "edgeq/demo/LICENSE.fashion-mnist.txt",
            "edgeq/demo/bundle/bundle.json",
            "edgeq/demo/bundle/fashion_mnist.int8.tflite",
            "edgeq/report/templates/report.html",
            "edgeq/cli/converter_script.py.txt",
        ],
    )
    def test_what_is_no_python_is_there_too(self, wheel: zipfile.ZipFile, name: str) -> None:
        assert wheel.getinfo(name).file_size > 0 or name.endswith("py.typed")

    def test_it_holds_the_demo_app_without_what_building_it_leaves(
        self, built: Path, wheel: zipfile.ZipFile
    ) -> None:
        app = built / "checkout" / "android_demo"
        files = {f"{DEMO_APP}{path.as_posix()}": (app / path).read_bytes() for path in demo_files(app)}
        found = {name: wheel.read(name) for name in wheel.namelist() if name.startswith(DEMO_APP)}
        assert f"{DEMO_APP}app/build.gradle.kts" in found
        assert found == files

    def test_the_demo_app_is_written_from_it(
        self, built: Path, wheel: zipfile.ZipFile, tmp_path: Path
    ) -> None:
        shutil.unpack_archive(str(wheel.filename), tmp_path / "site", "zip")
        code = (
            f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); import edgeq\n"
            f"assert edgeq.__file__.startswith({str(tmp_path)!r})\n"
            "from edgeq.demo import assets\n"
            "app = edgeq.new_android_app(edgeq.read_bundle(assets.bundle_path()), 'app')\n"
            "print(app.reason)"
        )
        done = subprocess.run(
            [sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        sources = built / "checkout" / "android_demo"
        assert {path.relative_to(tmp_path / "app") for path in (tmp_path / "app").rglob("*.kt")} == {
            path for path in demo_files(sources) if path.suffix == ".kt"
        }

    def test_the_license_is_there(self, wheel: zipfile.ZipFile) -> None:
        (name,) = (name for name in wheel.namelist() if name.endswith("LICENSE"))
        assert wheel.read(name) == (ROOT / "LICENSE").read_bytes()

    def test_it_is_for_every_platform_and_small(self, built: Path) -> None:
        (path,) = built.glob("*.whl")
        assert path.name == f"edgeq-{edgeq.__version__}-py3-none-any.whl"
        assert path.stat().st_size < 5e6


def test_the_sdist_builds_the_same_package(built: Path, package_files: dict[str, bytes]) -> None:
    # The wheel beside it was made from it, so what it lacks the wheel would lack.
    (path,) = built.glob("*.tar.gz")
    top = f"edgeq-{edgeq.__version__}"
    with tarfile.open(path) as archive:
        names = set(archive.getnames())
    assert {f"{top}/{name}" for name in package_files} <= names
    assert {
        f"{top}/{name}" for name in ("LICENSE", "README.md", "setup.cfg", "setup.py", "pyproject.toml")
    } <= names
    assert not {name for name in names if name.startswith((f"{top}/tests", f"{top}/benchmarks"))}
    app = built / "checkout" / "android_demo"
    assert {f"{top}/android_demo/{path.as_posix()}" for path in demo_files(app)} <= names


class TestMetadata:
    def test_tensorflow_is_asked_for_by_extras_only(self, metadata: Message) -> None:
        required = metadata.get_all("Requires-Dist") or []
        desktop = [line for line in required if re.match(r"tensorflow|keras|scipy|plotly|jinja2", line)]
        assert desktop
        assert all("extra ==" in line for line in desktop)

    def test_the_device_half_asks_for_little(self, metadata: Message) -> None:
        required = [line for line in metadata.get_all("Requires-Dist") or [] if "extra ==" not in line]
        assert {re.split(r"[><=; ]", line)[0] for line in required} == {
            "click", "rich", "numpy", "pillow", "tflite", "flatbuffers", "ai-edge-litert", "tflite-runtime",
        }  # fmt: skip

    def test_a_runtime_is_asked_for_only_where_a_wheel_exists(self, metadata: Message) -> None:
        runtimes = [
            line
            for line in metadata.get_all("Requires-Dist") or []
            if line.startswith(("ai-edge-litert", "tflite-runtime"))
        ]
        assert runtimes
        assert all("python_version" in line for line in runtimes)

    def test_version_and_command_are_those_of_the_code(
        self, metadata: Message, wheel: zipfile.ZipFile
    ) -> None:
        assert metadata["Version"] == edgeq.__version__
        (name,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
        entries = configparser.ConfigParser()
        entries.read_string(wheel.read(name).decode())
        assert dict(entries["console_scripts"]) == {"edgeq": "edgeq.cli:main"}


class TestStart:
    def test_importing_edgeq_loads_nothing_heavy(self) -> None:
        assert loaded_after("import edgeq; edgeq.__version__, edgeq.EdgeqError") == set()

    @pytest.mark.parametrize(
        "arguments",
        [["--help"], ["--version"], ["convert", "--help"], ["benchmark", "--help"], ["report", "--help"]],
        ids=" ".join,
    )
    def test_help_loads_nothing_heavy(self, arguments: list[str]) -> None:
        code = (
            "import runpy, sys\n"
            f"sys.argv = ['edgeq', *{arguments!r}]\n"
            "try:\n    runpy.run_module('edgeq', run_name='__main__')\n"
            "except SystemExit as end:\n    assert not end.code"
        )
        assert loaded_after(code) == set()

    @pytest.mark.parametrize(
        "name", ["measure", "find_targets", "read_bundle", "render", "predict", "read_dataset"]
    )
    def test_the_device_halfs_functions_load_no_tensorflow(self, name: str) -> None:
        loaded = loaded_after(f"import edgeq; edgeq.{name}")
        assert "numpy" in loaded
        assert not loaded & {"tensorflow", "keras", "plotly", "scipy"}

    def test_options_of_a_conversion_load_no_tensorflow(self) -> None:
        assert "tensorflow" not in loaded_after(
            "import edgeq; edgeq.ConversionOptions(); edgeq.convert_model"
        )


class TestPublicNames:
    @pytest.mark.parametrize("name", edgeq.__all__)
    def test_each_is_there_and_documented(self, name: str) -> None:
        value = getattr(edgeq, name)
        assert name in dir(edgeq)
        if name != "__version__":
            assert value.__doc__

    def test_what_type_checkers_read_is_what_is_loaded(self) -> None:
        tree = ast.parse((ROOT / "edgeq" / "__init__.py").read_text())
        (block,) = (
            node
            for node in tree.body
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        )
        declared = {}
        for node in block.body:
            assert isinstance(node, ast.ImportFrom)
            for alias in node.names:
                own = f":{alias.name}" if alias.asname else ""
                declared[alias.asname or alias.name] = f"{node.module}{own}"
        assert declared == edgeq._HOMES
        assert sorted([*declared, "__version__"]) == sorted(edgeq.__all__)

    def test_others_are_an_attribute_error_that_names_them(self) -> None:
        with pytest.raises(AttributeError, match="module 'edgeq' has no attribute 'convert_modle'"):
            edgeq.convert_modle  # type: ignore[attr-defined] # noqa: B018

    def test_the_function_and_the_package_that_convert_do_not_hide_each_other(self) -> None:
        code = (
            "import edgeq, types\n"
            "function = edgeq.convert_model\n"
            "import edgeq.convert.pipeline\n"
            "assert isinstance(edgeq.convert, types.ModuleType)\n"
            "assert edgeq.convert_model is function is edgeq.convert.pipeline.convert"
        )
        loaded_after(code)


def test_examples_satisfy_a_strict_type_checker(tmp_path: Path) -> None:
    examples = [*python_examples("README.md"), *python_examples("docs/python.md")]
    assert examples
    for position, example in enumerate(examples):
        (tmp_path / f"example_{position}.py").write_text(example)
    # A misspelt name must not pass for an object of any type.
    (tmp_path / "misspelt.py").write_text("import edgeq\n\nedgeq.mesure\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", str(ROOT / "pyproject.toml")]
    done = subprocess.run(
        [*command, "--cache-dir", str(tmp_path / "cache"), *map(str, sorted(tmp_path.glob("*.py")))],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    complaints = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert len(complaints) == 1, done.stdout + done.stderr
    assert 'misspelt.py:3: error: Module has no attribute "mesure"' in complaints[0]


@pytest.mark.tensorflow
def test_the_example_in_the_readme_runs(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    (example,) = python_examples("README.md")
    shutil.copy(assets.model_path(), tmp_path / "model.keras")
    shutil.copy(assets.model_path().with_name("test.npz"), tmp_path / "data.npz")
    (tmp_path / "example.py").write_text(example)
    done = subprocess.run(
        [sys.executable, "example.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "int8" in done.stdout
