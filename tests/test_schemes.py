from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgeq.benchmark.targets import find_targets
from edgeq.bundle import read_bundle
from edgeq.data.dataset import ArrayDataset
from edgeq.demo import assets
from edgeq.errors import MissingExtraError, UsageError
from edgeq.schemes import (
    SCHEMES,
    ConverterOptions,
    Scheme,
    VariantSpec,
    find,
    help_lines,
    io_choices,
    markdown_table,
    recognise,
    select,
)
from edgeq.tflite.model import read_model
from edgeq.tflite.precision import precision_of, scheme_of

ROOT = Path(__file__).parents[1]

INT8 = find("int8")
WITH_FALLBACK = dataclasses.replace(
    INT8,
    name="int8-with-fallback",
    converter=ConverterOptions(optimize=True, op_sets=("TFLITE_BUILTINS_INT8", "TFLITE_BUILTINS")),
    default=False,
    summary="int8 where there is an int8 kernel, float elsewhere",
    choose_when="an operator has no int8 kernel",
)
HALF = dataclasses.replace(find("float16"), name="half", default=False, summary="float16 by another name")
MORE = (*SCHEMES, WITH_FALLBACK, HALF)


def names(*schemes: str, io: tuple[str, ...] = (), has_data: bool = True) -> list[str]:
    return [spec.name for spec in select(schemes, io, has_data=has_data).specs]


def test_with_data_the_default_is_three_float_files_and_int8_with_both_io_types() -> None:
    assert names() == ["float32", "float16", "dynamic", "int8", "int8-io-float32"]


def test_without_data_integer_schemes_are_left_out_and_a_note_says_so() -> None:
    selection = select(has_data=False)
    assert [spec.name for spec in selection.specs] == ["float32", "float16", "dynamic"]
    assert selection.notes == ("int8 is left out: it needs --data",)


def test_all_is_every_scheme() -> None:
    assert names("all") == ["float32", "float16", "dynamic", "int8", "int8-io-float32", "int16x8", "int8x4"]


def test_all_without_data_leaves_out_what_needs_them_and_names_each() -> None:
    selection = select(["all"], has_data=False)
    assert [spec.name for spec in selection.specs] == ["float32", "float16", "dynamic"]
    assert selection.notes == (
        "int8 is left out: it needs --data",
        "int16x8 is left out: it needs --data",
        "int8x4 is left out: it needs --data",
    )


def test_without_the_quantizer_all_leaves_out_what_needs_it_and_asking_for_it_is_an_error() -> None:
    selection = select(["all"], has_data=True, has_quantizer=False)
    assert "int8x4" not in [spec.name for spec in selection.specs]
    assert "int8x4 is left out" in selection.notes[-1]
    with pytest.raises(
        MissingExtraError, match=r'scheme int8x4 needs, is not installed: pip install "edgeq\[optimize\]"'
    ):
        select(["int8x4"], has_data=True, has_quantizer=False)


def test_a_label_stands_between_the_scheme_and_the_io_type() -> None:
    assert VariantSpec(INT8, "int8", "tuned").name == "int8-tuned"
    assert VariantSpec(INT8, "uint8", "tuned").name == "int8-tuned-io-uint8"


@pytest.mark.parametrize(
    ("asked", "made"),
    [
        (("int8",), ["float32", "int8"]),
        (("dynamic",), ["float32", "dynamic"]),
        (("float32",), ["float32"]),
        (("int16x8", "float16"), ["float32", "int16x8", "float16"]),
        (("int8", "int8"), ["float32", "int8"]),
        (("int8", "all"), [*names(), "int16x8", "int8x4"]),
    ],
)
def test_schemes_asked_for_are_made_once_with_float32_first(asked: tuple[str, ...], made: list[str]) -> None:
    assert names(*asked) == made


@pytest.mark.parametrize(
    ("asked", "io", "made"),
    [
        (("int8",), ("uint8",), ["float32", "int8-io-uint8"]),
        (("int8",), ("int8",), ["float32", "int8"]),
        (("int8",), ("uint8", "float32"), ["float32", "int8-io-uint8", "int8-io-float32"]),
        (("int8",), ("uint8", "uint8"), ["float32", "int8-io-uint8"]),
        (("int16x8",), ("float32",), ["float32", "int16x8-io-float32"]),
        (("float16", "int8"), ("uint8",), ["float32", "float16", "int8-io-uint8"]),
        ((), ("float32",), ["float32", "float16", "dynamic", "int8-io-float32"]),
    ],
)
def test_io_types_apply_to_integer_schemes_only(
    asked: tuple[str, ...], io: tuple[str, ...], made: list[str]
) -> None:
    assert names(*asked, io=io) == made


def test_a_scheme_without_the_io_type_keeps_its_own_and_a_note_says_so() -> None:
    selection = select(["int16x8"], ["uint8"], has_data=True)
    assert [spec.name for spec in selection.specs] == ["float32", "int16x8"]
    assert selection.notes == ("int16x8 has int16 inputs and outputs: uint8 is not possible there",)


def test_an_unknown_scheme_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"unknown scheme 'int7': expected one of float32, float16, dynamic"):
        select(["int7"], has_data=True)


def test_an_unknown_io_type_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        UsageError, match=r"unknown I/O type 'int4': expected one of float32, int16, int8, uint8"
    ):
        select(["int8"], ["int4"], has_data=True)


@pytest.mark.parametrize("scheme", ["int8", "int16x8"])
def test_an_integer_scheme_asked_for_without_data_is_an_error_that_says_what_to_add(scheme: str) -> None:
    with pytest.raises(UsageError, match=rf"scheme {scheme} needs representative data: add --data"):
        select([scheme], has_data=False)


def test_names_of_schemes_and_of_their_variants_are_all_different() -> None:
    variants = [VariantSpec(scheme, io).name for scheme in SCHEMES for io in scheme.io_types]
    assert len(set(variants)) == len(variants)
    assert len({(scheme.weights, scheme.activations) for scheme in SCHEMES}) == len(SCHEMES)


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
def test_each_scheme_is_recognised_by_its_precisions(scheme: Scheme) -> None:
    assert recognise(scheme.weights, scheme.activations) is scheme


def test_a_file_without_weights_is_recognised_by_its_activations() -> None:
    recognised = recognise("none", "int16")
    assert recognised is not None
    assert recognised.name == "int16x8"


@pytest.mark.parametrize(
    ("weights", "activations"), [("int4", "int16"), ("int8", "mixed"), ("none", "uint8")]
)
def test_other_precisions_are_no_known_scheme(weights: str, activations: str) -> None:
    assert recognise(weights, activations) is None


# One more entry is enough: what follows passes two more, and changes nothing else.


def test_another_entry_is_selected_by_name_and_by_all() -> None:
    by_name = select(["int8-with-fallback", "half"], ["uint8"], has_data=True, schemes=MORE)
    assert [spec.name for spec in by_name.specs] == ["float32", "int8-with-fallback-io-uint8", "half"]
    assert [spec.name for spec in select(["all"], has_data=True, schemes=MORE).specs][-2:] == [
        "int8-with-fallback",
        "half",
    ]
    assert select(has_data=True, schemes=MORE) == select(has_data=True)


def test_another_entry_is_in_the_help_and_in_the_table() -> None:
    assert help_lines(MORE).splitlines()[-2:] == [
        "  int8-with-fallback  int8 where there is an int8 kernel, float elsewhere",
        "  half                float16 by another name",
    ]
    assert markdown_table(MORE).splitlines()[-2].startswith("| `int8-with-fallback` | int8 where there is")
    unsigned = dataclasses.replace(WITH_FALLBACK, io_types=("uint4",))
    assert io_choices((*SCHEMES, unsigned)) == (*io_choices(), "uint4")


def test_a_file_is_recognised_as_the_entry_that_comes_first() -> None:
    bundle = read_bundle(assets.bundle_path())
    files = {variant.name: bundle.path(variant) for variant in bundle.manifest.variants}
    ours_first = (find("float32"), HALF, WITH_FALLBACK, *SCHEMES)
    recognised = scheme_of(read_model(files["float16"]), ours_first)
    assert recognised is HALF
    targets = find_targets([files["float16"], files["int8"]], schemes=ours_first)
    assert [target.info.scheme for target in targets.files] == ["half", "int8-with-fallback"]


@pytest.mark.tensorflow
def test_another_entry_is_converted_checked_and_written(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    from edgeq.convert.options import Options
    from edgeq.convert.pipeline import convert

    conversion = convert(
        assets.model_path(),
        calibration=_calibration(),
        output=tmp_path / "bundle",
        options=Options(
            schemes=("int8-with-fallback", "half"), io=("float32",), preprocess="raw", scheme_table=MORE
        ),
    )
    assert conversion.failures == ()
    made = {variant.name: variant for variant in read_bundle(tmp_path / "bundle").manifest.variants}
    assert set(made) == {"float32", "int8-with-fallback-io-float32", "half"}
    fallback = made["int8-with-fallback-io-float32"]
    assert (fallback.scheme, fallback.io) == ("int8-with-fallback", "float32")
    assert fallback.check.sqnr_db > WITH_FALLBACK.least_sqnr_db
    content = precision_of(read_model(tmp_path / "bundle" / fallback.file))
    assert (content.weights, content.activations) == ("int8", "int8")
    assert precision_of(read_model(tmp_path / "bundle" / made["half"].file)).weights == "float16"


@pytest.mark.tensorflow
def test_one_entry_in_the_source_is_a_scheme_of_the_command_line(tmp_path: Path) -> None:
    """A copy of the package whose only difference is one more entry of ``SCHEMES``."""
    pytest.importorskip("tensorflow")
    package = tmp_path / "edgeq"
    shutil.copytree(ROOT / "edgeq", package, ignore=shutil.ignore_patterns("__pycache__"))
    source = (package / "schemes.py").read_text()
    entry = (
        '    Scheme(name="half", weights="float16", activations="float32", io_types=("float32",),\n'
        '        converter=ConverterOptions(optimize=True, supported_types=("float16",)), default=False,\n'
        '        summary="one more", choose_when="never", least_sqnr_db=40.0),\n'
    )
    changed = source.replace("\n)\n\nBASELINE", f"\n{entry})\n\nBASELINE")
    assert len(changed) == len(source) + len(entry)
    (package / "schemes.py").write_text(changed)
    np.savez(tmp_path / "data.npz", image=_calibration().raw("image", range(16)))

    def edgeq(*arguments: str) -> str:
        command = [sys.executable, "-m", "edgeq", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    shown = edgeq("convert", "--help")
    assert re.search(r"\bint16x8,\s+int8x4,\s+half,\s+or\s+all", shown)
    assert re.search(r"^ +half +one more$", shown, re.MULTILINE)
    model = str(assets.model_path())
    edgeq("convert", model, "--calibration", "data.npz", "--scheme", "half", "-o", "b", "--name", "m")
    variants = read_bundle(tmp_path / "b").manifest.variants
    assert [(variant.scheme, variant.file) for variant in variants] == [
        ("float32", "m.float32.tflite"),
        ("half", "m.half.tflite"),
    ]


def test_the_readme_has_the_table_of_schemes_as_the_code_has_it() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    if len(text) < 200:
        pytest.skip("the README is not written yet")
    found = re.search(r"<!-- schemes: begin -->\n(.*?)\n<!-- schemes: end -->", text, re.DOTALL)
    assert found, "README.md needs the markers <!-- schemes: begin --> and <!-- schemes: end -->"
    assert found[1].strip() == markdown_table(), "put what edgeq.schemes.markdown_table() returns there"


def _calibration() -> ArrayDataset:
    demo = assets.calibration()
    (name,) = demo.input_names()
    return ArrayDataset({"image": demo.raw(name, range(64))}, source="64 images")
