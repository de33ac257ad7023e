from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tflite

import edgeq
from edgeq.benchmark.accuracy_statistics import sqnr_db
from edgeq.bundle import read_bundle
from edgeq.convert.job import Conversion
from edgeq.convert.options import Options
from edgeq.convert.pipeline import convert
from edgeq.convert.process import ConverterProcess
from edgeq.data.dataset import ArrayDataset
from edgeq.data.preprocessing import find_preprocessing
from edgeq.demo import assets
from edgeq.doctor.rules import RULES
from edgeq.errors import ConversionError, DataError, OutputError, UsageError
from edgeq.files import sha256_file
from edgeq.runtime.available import find_runtime
from edgeq.runtime.interpreter import LoadedModel
from edgeq.schemes import VariantSpec, find
from edgeq.tflite.model import read_model
from edgeq.tflite.precision import scheme_of

pytestmark = pytest.mark.tensorflow

VARIANTS = ["float32", "float16", "dynamic", "int8", "int8-io-float32", "int16x8", "int8x4"]


def digests(folder: Path) -> dict[str, str]:
    return {path.name: sha256_file(path) for path in folder.iterdir()}


def break_operator(content: bytes) -> bytes:
    """The same file with its first operator in a version that no runtime has, or of a kind that none has."""
    changed = bytearray(content)
    table = tflite.Model.GetRootAs(changed, 0).OperatorCodes(0)._tab
    version, code = table.Offset(8), table.Offset(10)
    struct.pack_into("<i", changed, table.Pos + (version or code), 99 if version else 500)
    return bytes(changed)


class TestEveryVariant:
    """Promise 1 of what is reported as made."""

    def test_all_are_made_without_a_word_of_complaint(self, conversion: Conversion) -> None:
        manifest = conversion.bundle.manifest
        assert [variant.name for variant in manifest.variants] == VARIANTS
        assert (conversion.failures, conversion.notes) == ((), ())
        assert conversion.warnings == ()
        assert read_bundle(conversion.bundle.folder) == conversion.bundle

    def test_the_doctors_cheap_rules_have_looked_at_it(self, conversion: Conversion) -> None:
        examination = conversion.examination
        assert examination.checked == tuple(rule for rule in RULES if rule.is_cheap)
        assert (examination.failed, examination.lacking) == ((), ())
        (few,) = examination.diagnoses
        assert few.rule.code == "D106"
        assert few.finding.message == (
            "pixels: 32 calibration items are few: 100 to 500 are usual; give more"
        )

    @pytest.mark.parametrize("name", VARIANTS)
    def test_its_signature_has_the_sources_names(self, conversion: Conversion, name: str) -> None:
        path = variant_path(conversion, name)
        interpreter = find_runtime().module().Interpreter(model_path=str(path))
        (signature,) = interpreter.get_signature_list().values()
        assert signature == {"inputs": ["image"], "outputs": ["scores"]}

    @pytest.mark.parametrize("name", VARIANTS)
    def test_its_scheme_and_io_are_read_back_from_the_file(self, conversion: Conversion, name: str) -> None:
        model = read_model(variant_path(conversion, name))
        (variant,) = (v for v in conversion.bundle.manifest.variants if v.name == name)
        scheme = scheme_of(model)
        assert scheme is not None
        assert variant.scheme == scheme.name
        main = model.subgraphs[0]
        assert {main.tensors[index].dtype for index in (*main.inputs, *main.outputs)} == {variant.io}
        assert VariantSpec(scheme, variant.io).name == name
        assert variant.float_operators == ()

    @pytest.mark.parametrize("name", VARIANTS)
    def test_its_outputs_were_compared_with_the_source_models(
        self, conversion: Conversion, name: str, tiny: Path, keras: Any
    ) -> None:
        parity = conversion.bundle.parity()
        (variant,) = (v for v in conversion.bundle.manifest.variants if v.name == name)
        inputs = parity.inputs["image"]
        assert variant.check.n == 16 == len(inputs)
        # The reference is Keras' own answer, not the frozen copy's.
        own = keras.models.load_model(tiny)(inputs[:, 0]).numpy()
        assert np.allclose(parity.reference["scores"][:, 0], own, atol=1e-6)
        (info,) = LoadedModel(variant_path(conversion, name), find_runtime()).outputs
        real = info.decode(parity.stored[name]["scores"])
        assert sqnr_db(parity.reference["scores"], real) == pytest.approx(variant.check.sqnr_db)
        assert variant.check.sqnr_db >= find(variant.scheme).least_sqnr_db
        agreement = np.mean(parity.reference["scores"].argmax(-1) == real.argmax(-1))
        assert variant.check.agreement == agreement

    @pytest.mark.parametrize("name", VARIANTS)
    def test_it_runs_here_with_the_bits_that_parity_holds(self, conversion: Conversion, name: str) -> None:
        model = LoadedModel(variant_path(conversion, name), find_runtime())
        parity = conversion.bundle.parity()
        (info,) = model.inputs
        for item, expected in zip(parity.inputs["image"], parity.stored[name]["scores"], strict=True):
            model.set_inputs({"image": info.encode(item)})
            model.invoke()
            assert np.array_equal(model.outputs_stored()["scores"], expected)


def variant_path(conversion: Conversion, name: str) -> Path:
    (variant,) = (v for v in conversion.bundle.manifest.variants if v.name == name)
    return conversion.bundle.path(variant)


class TestManifest:
    def test_it_describes_the_source_and_the_data(self, conversion: Conversion, pixels: ArrayDataset) -> None:
        manifest = conversion.bundle.manifest
        (tensor,) = manifest.inputs
        assert (manifest.name, tensor.name, tensor.shape, tensor.dtype) == (
            "tiny", "image", (1, 12, 12, 3), "float32",
        )  # fmt: skip
        assert (manifest.outputs, manifest.batched) == (("scores",), {"image": True})
        assert manifest.preprocessing == find_preprocessing("-1..1")
        assert manifest.labels == ("one", "two", "three", "four")
        assert len(set(manifest.calibration)) == 32
        assert set(manifest.calibration) < set(pixels.digests())

    def test_what_was_checked_was_not_calibrated_on(
        self, conversion: Conversion, pixels: ArrayDataset
    ) -> None:
        calibrated = set(conversion.bundle.manifest.calibration)
        rest = [index for index, digest in enumerate(pixels.digests()) if digest not in calibrated]
        images = find_preprocessing("-1..1").apply(pixels.raw("image", rest))
        for item in conversion.bundle.parity().inputs["image"]:
            assert any(np.array_equal(item[0], image) for image in images)

    def test_the_provenance_says_what_made_it_and_no_dates_or_paths(
        self, conversion: Conversion, tiny: Path
    ) -> None:
        import tensorflow as tf

        provenance = conversion.bundle.manifest.provenance
        assert provenance["source"] == {"kind": "keras", "sha256": sha256_file(tiny)}
        assert provenance["versions"]["tensorflow"] == tf.__version__
        assert provenance["versions"]["edgeq"] == edgeq.__version__
        assert provenance["options"]["variants"] == VARIANTS
        text = json.dumps(provenance)
        assert str(tiny.parent) not in text
        assert not re.search(r"\d{4}-\d{2}-\d{2}", text)


class TestSameBytes:
    def test_another_process_with_another_hash_seed_writes_the_same_bundle(
        self, conversion: Conversion, tiny: Path, pixels: ArrayDataset, tmp_path: Path
    ) -> None:
        assert pixels.labels is not None
        np.savez(
            tmp_path / "pixels.npz",
            image=pixels.raw("image", range(64)),
            labels=pixels.labels,
            class_names=np.array(pixels.class_names),
        )
        code = (
            "from edgeq.convert.options import Options\n"
            "from edgeq.convert.pipeline import convert\n"
            "options = Options(schemes=('all',), preprocess='-1..1', calibration_items=32)\n"
            f"convert({str(tiny)!r}, data='pixels.npz', output='bundle', options=options)"
        )
        seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        )
        assert digests(tmp_path / "bundle") == digests(conversion.bundle.folder)


class TestNames:
    def pair(self, keras: Any, folder: Path) -> tuple[Any, Conversion]:
        """Two inputs of one shape, whose order in the file is the converter's own affair."""
        keras.utils.set_random_seed(0)
        layers = keras.layers
        zulu, alpha = keras.Input((32,), name="zulu"), keras.Input((32,), name="alpha")
        difference = layers.Dense(64, activation="relu")(zulu) - layers.Dense(64)(alpha)
        total = layers.Dense(3, name="total")(difference)
        tanh = layers.Activation("tanh", name="hidden")(difference)
        model = keras.Model([zulu, alpha], {"total": total, "hidden": tanh})
        random = np.random.default_rng(0)
        data = ArrayDataset(
            {name: random.normal(size=(48, 32)).astype(np.float32) for name in ("alpha", "zulu")}
        )
        options = Options(name="pair", schemes=("int8", "dynamic"))
        return model, convert(model, data=data, output=folder, options=options)

    def test_inputs_of_one_shape_and_several_outputs_keep_their_names(
        self, keras: Any, tmp_path: Path
    ) -> None:
        model, conversion = self.pair(keras, tmp_path / "bundle")
        assert conversion.failures == ()
        random = np.random.default_rng(1)
        zulu, alpha = random.normal(size=(2, 1, 32)).astype(np.float32)
        expected = {name: value.numpy() for name, value in model([zulu, alpha]).items()}
        for variant in conversion.bundle.manifest.variants:
            loaded = LoadedModel(conversion.bundle.path(variant), find_runtime())
            assert {info.name for info in loaded.inputs} == {"zulu", "alpha"}
            given = {"zulu": zulu, "alpha": alpha}
            loaded.set_inputs({info.name: info.encode(given[info.name]) for info in loaded.inputs})
            loaded.invoke()
            stored = loaded.outputs_stored()
            assert set(stored) == {"total", "hidden"}
            for info in loaded.outputs:
                assert sqnr_db(expected[info.name], info.decode(stored[info.name])) > 10


class TestFailures:
    def test_a_file_that_converts_and_does_not_run_is_named_with_the_operator(
        self, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make = ConverterProcess.make

        def break_dynamic(self: ConverterProcess, spec: VariantSpec) -> bytes:
            content = make(self, spec)
            return break_operator(content) if spec.name == "dynamic" else content

        monkeypatch.setattr(ConverterProcess, "make", break_dynamic)
        conversion = convert(tiny, output=tmp_path / "bundle")
        assert [variant.name for variant in conversion.bundle.manifest.variants] == ["float32", "float16"]
        (failure,) = conversion.failures
        assert failure.name == "dynamic"
        assert re.search(r"is refused by ai-edge-litert .*'[A-Z_0-9]+' version '99'", failure.reason)
        assert read_bundle(tmp_path / "bundle").manifest.failures == (failure,)

    def test_without_float32_there_is_no_bundle(
        self, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make = ConverterProcess.make
        monkeypatch.setattr(ConverterProcess, "make", lambda self, spec: break_operator(make(self, spec)))
        with pytest.raises(ConversionError, match=r"tiny cannot be converted: float32.tflite is refused by"):
            convert(tiny, output=tmp_path / "bundle", options=Options(schemes=("float32",)))
        assert list(tmp_path.iterdir()) == []

    def test_a_crash_of_the_converter_costs_its_own_variants_only(self, keras: Any, tmp_path: Path) -> None:
        # TensorFlow's calibrator dies of loops, and this sequence is too long to be unrolled.
        keras.utils.set_random_seed(0)
        layers = keras.layers
        model = keras.Sequential(
            [keras.Input((257, 4), name="sequence"), layers.SimpleRNN(32), layers.Dense(64), layers.Dense(3)]
        )
        random = np.random.default_rng(0)
        data = ArrayDataset({"sequence": random.normal(size=(12, 257, 4)).astype(np.float32)})
        options = Options(name="loop", schemes=("int8", "dynamic"))
        conversion = convert(model, data=data, output=tmp_path / "bundle", options=options)
        made = [variant.name for variant in conversion.bundle.manifest.variants]
        assert made == ["float32", "dynamic"]
        (failure,) = conversion.failures
        assert failure.name == "int8"
        assert re.match(
            r"TensorFlow's converter crashed at 'make' \(SIG[A-Z]+\): .*unroll=True.*dynamic", failure.reason
        )

    def test_operators_that_stay_in_float_are_named_in_a_warning(self, keras: Any, tmp_path: Path) -> None:
        keras.utils.set_random_seed(0)
        layers = keras.layers
        model = keras.Sequential(
            [
                keras.Input((32,), name="features"),
                layers.Dense(64),
                layers.LayerNormalization(),
                layers.Dense(3, name="scores"),
            ]
        )
        random = np.random.default_rng(0)
        data = ArrayDataset({"features": random.normal(size=(100, 32)).astype(np.float32)})
        options = Options(name="normalized", schemes=("int8",))
        conversion = convert(model, data=data, output=tmp_path / "bundle", options=options)
        assert conversion.failures == ()
        (variant,) = (v for v in conversion.bundle.manifest.variants if v.name == "int8")
        assert "NEG" in variant.float_operators
        (finding,) = [one.finding for one in conversion.examination.diagnoses if one.rule.code == "F312"]
        assert re.match(
            r"expected integers throughout, found .* in float \(.*NEG.*\), from ", finding.message
        )


class TestRefusals:
    """What is refused before seconds are spent."""

    def test_too_few_items(self, tiny: Path, pixels: ArrayDataset, tmp_path: Path) -> None:
        few = ArrayDataset({"image": pixels.raw("image", range(9))}, source="few")
        with pytest.raises(DataError, match=r"few: 9 different calibration items, expected at least 10"):
            convert(tiny, data=few, output=tmp_path / "b", options=Options(preprocess="raw"))

    def test_equal_items(self, tiny: Path, tmp_path: Path) -> None:
        equal = ArrayDataset({"image": np.zeros((50, 12, 12, 3), np.uint8)}, source="equal")
        with pytest.raises(DataError, match=r"equal: 1 different calibration item,"):
            convert(tiny, data=equal, output=tmp_path / "b", options=Options(preprocess="raw"))

    def test_no_item_at_all(self, tiny: Path, tmp_path: Path) -> None:
        none = ArrayDataset({"image": np.zeros((0, 12, 12, 3), np.uint8)}, source="none")
        with pytest.raises(DataError, match="none"):
            convert(tiny, data=none, output=tmp_path / "b", options=Options(preprocess="raw"))

    def test_an_existing_bundle_without_force(
        self, conversion: Conversion, tiny: Path, pixels: ArrayDataset
    ) -> None:
        before = digests(conversion.bundle.folder)
        with pytest.raises(OutputError, match="--force"):
            convert(tiny, output=conversion.bundle.folder)
        assert digests(conversion.bundle.folder) == before

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            (Options(schemes=("int7",)), "unknown scheme 'int7'"),
            (Options(schemes=("int8",)), "scheme int8 needs representative data"),
            (Options(io=("int4",)), "unknown I/O type 'int4'"),
            (Options(preprocess="0..2"), r"unknown preprocessing '0\.\.2'"),
            (Options(name="../elsewhere"), r"the name '\.\./elsewhere' cannot be that of files"),
        ],
    )
    def test_options_that_make_no_sense(
        self, options: Options, reason: str, tiny: Path, tmp_path: Path
    ) -> None:
        with pytest.raises(UsageError, match=reason):
            convert(tiny, output=tmp_path / "b", options=options)
        assert list(tmp_path.iterdir()) == []


def test_without_data_float_files_are_made_and_force_replaces_an_earlier_bundle(
    conversion: Conversion, tiny: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(conversion.bundle.folder, tmp_path / "b")
    without = convert(tiny, output=str(folder), options=Options(name="next", force=True))
    manifest = without.bundle.manifest
    assert [variant.name for variant in manifest.variants] == ["float32", "float16", "dynamic"]
    assert without.notes == ("int8 is left out: it needs --data",)
    assert without.examination.diagnoses == ()
    assert {unchecked.rule.code[0] for unchecked in without.examination.lacking} == {"D"}
    assert (manifest.calibration, manifest.preprocessing.name) == ((), "raw")
    # Data do not change what needs none.
    assert [v.sha256 for v in manifest.variants] == [
        v.sha256 for v in conversion.bundle.manifest.variants[:3]
    ]
    assert set(digests(tmp_path / "b")) == {
        "bundle.json", "parity.npz", *(f"next.{name}.tflite" for name in ("float32", "float16", "dynamic")),
    }  # fmt: skip


def test_a_fixed_batch_is_filled_and_only_progress_is_told(
    tiny: Path, pixels: ArrayDataset, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []

    def tell(what: str, done: int, total: int) -> None:
        assert 0 <= done <= total
        os.write(1, b".")
        if told[-1:] != [what]:
            told.append(what)

    options = Options(schemes=("int8",), preprocess="-1..1", batch=4, calibration_items=30)
    conversion = convert(tiny, data=pixels, output=tmp_path / "b", options=options, progress=tell)
    assert conversion.failures == ()
    for variant in conversion.bundle.manifest.variants:
        assert variant.inputs[0].shape == (4, 12, 12, 3)
        assert variant.outputs[0].shape == (4, 4)
    assert told == ["loading", "float32", "reading calibration data", "int8", "calibrating", "checking"]
    # TensorFlow's and Keras' own words go nowhere; a callback's are let through.
    out, err = capfd.readouterr()
    assert set(out) == {"."}
    assert err == ""


@pytest.mark.tensorflow
def test_calibration_items_of_one_class_are_told_and_nothing_is_lost(
    tiny: Path, pixels: ArrayDataset, tmp_path: Path
) -> None:
    one = pixels.take([index for index in range(64) if index % 4 == 1])
    options = Options(schemes=("int8",), preprocess="-1..1")
    conversion = convert(tiny, data=pixels, calibration=one, output=tmp_path / "b", options=options)
    assert conversion.failures == ()
    found = {diagnosis.rule.code: diagnosis for diagnosis in conversion.examination.diagnoses}
    assert set(found) == {"D106", "D108"}
    assert "all 16 calibration items are of one class" in found["D108"].finding.message


@pytest.mark.tensorflow
def test_float_schemes_calibrate_on_nothing_and_leave_all_items_to_measure_on(tmp_path: Path) -> None:
    conversion = convert(
        assets.model_path(),
        data=assets.test_data(),
        output=tmp_path / "bundle",
        options=Options(schemes=("float16",), labels=assets.LABELS),
    )
    assert conversion.bundle.manifest.calibration == ()


def test_sounds_become_features_for_calibration_as_the_preprocessing_says(keras: Any, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for label in ("no", "yes"):
        (tmp_path / "words" / label).mkdir(parents=True)
        for clip in range(6):
            with wave.open(str(tmp_path / "words" / label / f"{clip}.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(8000)
                file.writeframes(random.integers(-9000, 9000, 2000, dtype=np.int16).tobytes())
    audio = {
        "sample_rate": 8000,
        "seconds": 0.25,
        "features": "log-mel",
        "convention": "tensorflow",
        "frame_length": 200,
        "frame_step": 200,
        "fft_length": 256,
        "mel_bins": 8,
    }
    preprocess = tmp_path / "preprocess.json"
    preprocess.write_text(json.dumps({"version": 2, "values": "raw", "audio": audio}))
    source = keras.Input((10, 8, 1), name="features")
    model = keras.Model(source, keras.layers.Dense(2)(keras.layers.Flatten()(source)))
    conversion = convert(
        model,
        data=tmp_path / "words",
        output=tmp_path / "bundle",
        options=Options(schemes=("int8",), preprocess=str(preprocess)),
    )
    assert not conversion.failures
    assert conversion.bundle.manifest.preprocessing.audio.features == "log-mel"
    assert len(conversion.bundle.manifest.calibration) == 12
