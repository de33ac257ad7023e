"""The check of finished files; it needs no TensorFlow, only files."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from edgeq.bundle import read_bundle
from edgeq.convert.check import check_scheme, run_and_compare
from edgeq.demo import assets
from edgeq.errors import ConversionError, WorkerError
from edgeq.schemes import SCHEMES, VariantSpec, find

SAMPLES = Path(__file__).parents[1] / "tflite" / "data"
SPECS = {
    variant.name: VariantSpec(find(variant.scheme), variant.io)
    for variant in read_bundle(assets.bundle_path()).manifest.variants
}


def demo(variant: str) -> Path:
    return assets.bundle_path() / f"{assets.NAME}.{variant}.tflite"


class TestScheme:
    @pytest.mark.parametrize("name", SPECS)
    def test_a_file_is_what_it_was_asked_to_be(self, name: str) -> None:
        assert check_scheme(demo(name).read_bytes(), SPECS[name]) == ()

    @pytest.mark.parametrize("asked", SPECS)
    @pytest.mark.parametrize("found", SPECS)
    def test_a_file_of_another_scheme_or_io_type_is_refused(self, asked: str, found: str) -> None:
        if asked == found:
            assert check_scheme(demo(found).read_bytes(), SPECS[asked]) == ()
        else:
            with pytest.raises(ConversionError, match=rf"{asked} was asked for|left everything in float32"):
                check_scheme(demo(found).read_bytes(), SPECS[asked])

    def test_a_float_file_called_int8_is_named_for_what_it_is(self) -> None:
        with pytest.raises(
            ConversionError,
            match=r"int8 was asked for and the scheme of the file is float32 \(weights float32, activations float32\)",
        ):
            check_scheme(demo("float32").read_bytes(), SPECS["int8"])

    @pytest.mark.parametrize("name", ["float16", "dynamic"])
    def test_a_scheme_that_changed_nothing_is_told_why(self, name: str) -> None:
        with pytest.raises(ConversionError, match=f"no layer is large enough for {name}"):
            check_scheme(demo("float32").read_bytes(), SPECS[name])

    def test_another_io_type_than_asked_for_is_named(self) -> None:
        asked = VariantSpec(find("int8"), "uint8")
        with pytest.raises(
            ConversionError, match=r"int8-io-uint8 was asked for and its input 'image.*' is int8"
        ):
            check_scheme(demo("int8").read_bytes(), asked)

    def test_a_scheme_of_the_users_own_is_checked_by_its_precisions(self) -> None:
        own = dataclasses.replace(find("int8"), name="mine")
        assert check_scheme(demo("int8").read_bytes(), VariantSpec(own, "int8")) == ()
        with pytest.raises(ConversionError, match="mine was asked for"):
            check_scheme(demo("float32").read_bytes(), VariantSpec(own, "int8"))


class TestNumbers:
    parity = read_bundle(assets.bundle_path()).parity()

    @pytest.mark.parametrize("name", SPECS)
    def test_outputs_are_compared_with_the_sources(self, name: str) -> None:
        checked = run_and_compare(
            demo(name), SPECS[name], self.parity.inputs, self.parity.reference, runtime=None
        )
        assert checked.warning is None
        assert checked.check.n == len(self.parity.inputs["image"])
        assert checked.check.sqnr_db >= SPECS[name].scheme.least_sqnr_db
        assert checked.check.agreement == 1.0
        assert checked.stored["class"].shape == (checked.check.n, 1, 10)
        assert [tensor.name for tensor in checked.inputs] == ["image"]

    def test_a_variant_that_is_far_from_the_source_is_called_out(self) -> None:
        strict = dataclasses.replace(find("int8"), least_sqnr_db=90.0)
        checked = run_and_compare(
            demo("int8"),
            VariantSpec(strict, "int8"),
            self.parity.inputs,
            self.parity.reference,
            runtime=None,
        )
        assert checked.warning is not None
        assert checked.warning.startswith("int8: its outputs are ")
        assert checked.warning.endswith("expected at least 90 dB")

    def test_a_float32_file_with_other_numbers_is_an_error(self) -> None:
        shifted = {name: array + 0.1 for name, array in self.parity.reference.items()}
        with pytest.raises(
            ConversionError, match=r"float32: its outputs are .* dB from the source model's on \d+ inputs"
        ):
            run_and_compare(demo("float32"), SPECS["float32"], self.parity.inputs, shifted, runtime=None)

    def test_outputs_that_are_not_numbers_are_called_so(self) -> None:
        spoilt = {name: np.where(array > 0.5, np.nan, array) for name, array in self.parity.inputs.items()}
        with pytest.raises(ConversionError, match=r"float32: its outputs are NaN or infinite on .* M211"):
            run_and_compare(demo("float32"), SPECS["float32"], spoilt, self.parity.reference, runtime=None)

    def test_a_half_precision_source_is_met_within_its_own_precision(self) -> None:
        rounded = {name: array.astype(np.float16) for name, array in self.parity.reference.items()}
        checked = run_and_compare(
            demo("float32"),
            SPECS["float32"],
            self.parity.inputs,
            rounded,
            runtime=None,
            own_sqnr_db=40.0,
        )
        assert 40.0 < checked.check.sqnr_db < 90.0


class TestRunning:
    def test_a_signature_with_other_names_is_refused(self) -> None:
        random = np.random.default_rng(0)
        inputs = {name: random.normal(size=(2, 1, 32)).astype(np.float32) for name in ("left", "right")}
        # The file without signature has its tensors' names for outputs.
        reference = {"hidden": np.zeros((2, 1, 64), np.float32), "total": np.zeros((2, 1, 3), np.float32)}
        with pytest.raises(
            ConversionError,
            match="int8: expected the outputs hidden, total, the signature has Identity, Identity_1",
        ):
            run_and_compare(SAMPLES / "frozen.int8.tflite", SPECS["int8"], inputs, reference, runtime=None)

    def test_an_input_that_is_missing_is_the_files_error(self) -> None:
        with pytest.raises(WorkerError, match=r"^int8: KeyError"):
            run_and_compare(
                demo("int8"), SPECS["int8"], {"picture": np.zeros((1, 1, 28, 28, 1))}, {}, runtime=None
            )


def test_every_scheme_has_a_limit_that_its_arithmetic_can_meet() -> None:
    # 6 dB a bit: float32 24 bits, float16 11, int8 8; calibrated ranges and many layers cost some of it.
    limits = {scheme.name: scheme.least_sqnr_db for scheme in SCHEMES}
    assert limits["float32"] > limits["float16"] > limits["int16x8"] > limits["int8"] > 0
