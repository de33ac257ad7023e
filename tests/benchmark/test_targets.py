from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeq.benchmark.targets import Targets, find_targets
from edgeq.bundle import read_bundle
from edgeq.data.feeding import ModelInput
from edgeq.data.preprocessing import RAW
from edgeq.demo import assets
from edgeq.errors import BundleError, ModelError, UsageError
from edgeq.files import sha256_file

VARIANTS = ["float32", "float16", "dynamic", "int8", "int8-io-float32", "int16x8"]
File = Callable[[str], Path]


def names(targets: Targets) -> list[str]:
    return [target.info.name for target in targets.files]


class TestBundle:
    def test_its_variants_and_all_that_measuring_needs_are_taken(self) -> None:
        targets = find_targets([assets.bundle_path()])
        assert names(targets) == VARIANTS
        assert targets.inputs == (ModelInput("image", (28, 28, 1), "float32"),)
        assert targets.labels == assets.LABELS
        assert targets.preprocessing.is_raw
        assert targets.calibrated_on == frozenset(assets.calibration().digests())
        assert targets.bundle is not None
        assert targets.provenance["versions"]

    def test_each_file_is_described(self) -> None:
        bundle = read_bundle(assets.bundle_path())
        for target, variant in zip(
            find_targets([bundle.folder]).files, bundle.manifest.variants, strict=True
        ):
            info, content = target.info, target.path.read_bytes()
            assert (info.model, info.name, info.scheme, info.io) == (
                assets.NAME, variant.name, variant.scheme, variant.io,
            )  # fmt: skip
            assert (info.size_bytes, info.sha256) == (len(content), sha256_file(target.path))
            assert len(gzip.compress(content, 9)) == pytest.approx(info.gzip_bytes, rel=0.01)

    def test_the_path_may_be_a_string(self) -> None:
        assert names(find_targets([str(assets.bundle_path())])) == VARIANTS

    def test_variants_can_be_chosen_and_keep_their_order(self) -> None:
        targets = find_targets([assets.bundle_path()], ["int8", "float16"])
        assert names(targets) == ["float16", "int8"]
        assert targets.calibrated_on

    def test_an_unknown_variant_is_refused_with_the_known_ones(self) -> None:
        with pytest.raises(UsageError, match=r"no variant int4: there are float32, float16, dynamic, int8"):
            find_targets([assets.bundle_path()], ["int8", "int4"])

    def test_a_folder_that_is_no_bundle_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(BundleError, match="is not a bundle"):
            find_targets([tmp_path])

    def test_a_bundle_and_files_together_are_refused(self, demo_file: File) -> None:
        with pytest.raises(UsageError, match="expected one bundle or several"):
            find_targets([assets.bundle_path(), demo_file("int8")])


class TestFiles:
    def test_lone_files_tell_scheme_io_and_inputs_themselves(self, demo_file: File) -> None:
        targets = find_targets([demo_file(variant) for variant in VARIANTS])
        assert names(targets) == [f"{assets.NAME}.{variant}" for variant in VARIANTS]
        assert [(target.info.scheme, target.info.io) for target in targets.files] == [
            ("float32", "float32"),
            ("float16", "float32"),
            ("dynamic", "float32"),
            ("int8", "int8"),
            ("int8", "float32"),
            ("int16x8", "int16"),
        ]
        # What a quantized input stands for is real numbers, so all six take the same data.
        assert targets.inputs == (ModelInput("image", (28, 28, 1), "float32"),)
        assert (targets.bundle, targets.preprocessing, targets.labels) == (None, RAW, ())
        assert targets.calibrated_on == frozenset()
        assert {target.info.model for target in targets.files} == {f"{assets.NAME}.float32"}

    def test_a_batch_axis_is_no_part_of_an_item(self, batched: Callable[[str, int], Path]) -> None:
        assert find_targets([batched("int8", 4)]).inputs == (ModelInput("image", (28, 28, 1), "float32"),)

    def test_several_inputs_are_known_by_name(self, two_inputs: Path) -> None:
        assert find_targets([two_inputs]).inputs == (
            ModelInput("left", (32,), "float32"),
            ModelInput("right", (32,), "float32"),
        )

    def test_files_of_different_models_are_refused(self, demo_file: File, two_inputs: Path) -> None:
        with pytest.raises(
            UsageError,
            match=r"two_inputs.int8.tflite has other inputs than .* \(left \[32\], right \[32\] instead of image",
        ):
            find_targets([demo_file("int8"), two_inputs])

    def test_two_files_of_one_name_are_refused(self, demo_file: File, tmp_path: Path) -> None:
        other = tmp_path / demo_file("int8").name
        shutil.copy(demo_file("float32"), other)
        with pytest.raises(UsageError, match="two files have one name"):
            find_targets([demo_file("int8"), other])

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(
            ModelError, match=r"gone.tflite does not exist: expected a bundle or a .tflite file"
        ):
            find_targets([tmp_path / "gone.tflite"])

    def test_what_is_no_tflite_file_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "model.tflite"
        path.write_bytes(b"PK\x03\x04 a Keras model by another name")
        with pytest.raises(ModelError, match=r"model.tflite"):
            find_targets([path])

    def test_nothing_at_all_is_refused(self) -> None:
        with pytest.raises(UsageError, match="expected a bundle or"):
            find_targets([])


class TestBaseline:
    def test_it_is_float32_wherever_it_stands(self, demo_file: File) -> None:
        targets = find_targets([demo_file("int8"), demo_file("float32")])
        assert targets.baseline(None) == f"{assets.NAME}.float32"
        assert find_targets([assets.bundle_path()]).baseline(None) == "float32"

    def test_without_float32_it_is_the_first(self, demo_file: File) -> None:
        targets = find_targets([demo_file("int8"), demo_file("float16")])
        assert targets.baseline(None) == f"{assets.NAME}.int8"

    def test_a_lone_file_has_none(self, demo_file: File) -> None:
        assert find_targets([demo_file("float32")]).baseline(None) is None
        assert find_targets([assets.bundle_path()], ["int8"]).baseline(None) is None

    def test_the_one_asked_for_is_taken(self) -> None:
        assert find_targets([assets.bundle_path()]).baseline("int8") == "int8"

    def test_one_that_is_not_there_is_refused(self) -> None:
        with pytest.raises(
            UsageError, match=r"no variant 'int4' to compare with: there are float32, float16"
        ):
            find_targets([assets.bundle_path()]).baseline("int4")
