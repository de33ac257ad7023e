from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeq.bundle import (
    BUNDLE_JSON,
    PARITY_NPZ,
    VERSION,
    Bundle,
    Check,
    Manifest,
    Parity,
    Tensor,
    Variant,
    is_bundle,
    read_bundle,
    write_bundle,
)
from edgeq.data.preprocessing import Preprocessing
from edgeq.demo import assets
from edgeq.errors import BundleError, OutputError
from edgeq.files import sha256_bytes, sha256_file

Edit = Callable[[dict[str, Any]], Any]


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the demo's bundle, to damage."""
    return Path(shutil.copytree(assets.bundle_path(), tmp_path / "copied"))


def edit(folder: Path, change: Edit) -> None:
    path = folder / BUNDLE_JSON
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def demo() -> tuple[Manifest, dict[str, bytes], Parity]:
    """What `write_bundle` was given for the demo's bundle."""
    bundle = read_bundle(assets.bundle_path())
    models = {variant.file: bundle.path(variant).read_bytes() for variant in bundle.manifest.variants}
    return dataclasses.replace(bundle.manifest, files={}), models, bundle.parity()


def digests(folder: Path) -> dict[str, str]:
    return {path.name: sha256_file(path) for path in folder.iterdir()}


def test_a_bundle_comes_back_as_it_was_written(tmp_path: Path) -> None:
    manifest, models, parity = demo()
    written = write_bundle(tmp_path / "b", manifest, models, parity)
    read = read_bundle(tmp_path / "b")
    assert read == written
    assert dataclasses.replace(read.manifest, files={}) == manifest
    assert {variant.file for variant in read.manifest.variants} == set(models)
    back = read.parity()
    for ours, theirs in ((back.inputs, parity.inputs), (back.reference, parity.reference)):
        assert {name: array.tobytes() for name, array in ours.items()} == {
            name: array.tobytes() for name, array in theirs.items()
        }
    for variant in read.manifest.variants:
        for tensor in variant.outputs:
            array = back.stored[variant.name][tensor.name]
            assert array.dtype == tensor.dtype
            assert np.array_equal(array, parity.stored[variant.name][tensor.name])


def test_the_path_may_be_a_string(copied: Path) -> None:
    assert read_bundle(str(copied)) == read_bundle(copied)


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("once", "again"):
        write_bundle(tmp_path / name, *demo())
    assert digests(tmp_path / "once") == digests(tmp_path / "again")


def test_the_shipped_bundle_is_what_this_version_writes(tmp_path: Path) -> None:
    write_bundle(tmp_path / "b", *demo())
    ours = (tmp_path / "b" / BUNDLE_JSON).read_text()
    shipped = (assets.bundle_path() / BUNDLE_JSON).read_text()
    # The compressed bytes of parity.npz, and so its digest, depend on the version of zlib.
    digest = sha256_file(tmp_path / "b" / PARITY_NPZ)
    assert ours == shipped.replace(sha256_file(assets.bundle_path() / PARITY_NPZ), digest)


def test_a_bundle_holds_no_dates_and_no_absolute_paths(copied: Path) -> None:
    text = (copied / BUNDLE_JSON).read_text()
    assert str(Path.home()) not in text
    assert '"/' not in text
    assert "date" not in text
    assert "time" not in json.dumps(json.loads(text)["provenance"]["options"])


def test_the_digest_of_every_file_is_in_the_manifest(copied: Path) -> None:
    manifest = read_bundle(copied).manifest
    stated = {variant.file: variant.sha256 for variant in manifest.variants} | dict(manifest.files)
    assert stated == {name: digest for name, digest in digests(copied).items() if name != BUNDLE_JSON}


@pytest.mark.parametrize("name", ["fashion_mnist.int8.tflite", PARITY_NPZ])
def test_an_altered_file_is_named_with_both_digests(copied: Path, name: str) -> None:
    content = bytearray((copied / name).read_bytes())
    content[-1] ^= 1
    (copied / name).write_bytes(content)
    with pytest.raises(BundleError, match=rf"{name} was altered or damaged: expected SHA-256 .*found"):
        read_bundle(copied)


@pytest.mark.parametrize("name", ["fashion_mnist.int8.tflite", PARITY_NPZ])
def test_a_missing_file_is_named(copied: Path, name: str) -> None:
    (copied / name).unlink()
    with pytest.raises(BundleError, match=rf"is incomplete: {name} is missing"):
        read_bundle(copied)


def test_a_folder_without_manifest_is_no_bundle(tmp_path: Path) -> None:
    assert not is_bundle(tmp_path)
    with pytest.raises(
        BundleError, match=r"is not a bundle: it holds no bundle.json \(edgeq convert makes one"
    ):
        read_bundle(tmp_path)


def test_a_newer_version_is_refused_by_its_number(copied: Path) -> None:
    edit(copied, lambda value: value.update(version=VERSION + 1))
    with pytest.raises(BundleError, match=rf"has version 2, this edgeq reads up to {VERSION}: update edgeq"):
        read_bundle(copied)


@pytest.mark.parametrize("version", [0, -1, True, "1", 1.0, None])
def test_what_is_no_version_is_refused(copied: Path, version: object) -> None:
    edit(copied, lambda value: value.update(version=version))
    with pytest.raises(BundleError, match="has version"):
        read_bundle(copied)


def test_json_of_something_else_is_refused(copied: Path) -> None:
    (copied / BUNDLE_JSON).write_text('{"name": "a package"}')
    with pytest.raises(BundleError, match=r"is not edgeq's: expected the format 'edgeq-bundle'"):
        read_bundle(copied)


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"version": ' + b"9" * 5000 + b"}", b'{"a":1}{"b":2}'],
    ids=["empty", "cut off", "no text", "deeply nested", "a huge number", "two values"],
)
def test_damaged_json_is_a_bundle_error(copied: Path, text: bytes) -> None:
    (copied / BUNDLE_JSON).write_bytes(text)
    with pytest.raises(BundleError):
        read_bundle(copied)


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/hostname", "folder/file", "..", ".", "", "..\\outside", "C:file"]
)
@pytest.mark.parametrize("place", ["a variant", "another file"])
def test_file_names_that_lead_out_of_the_bundle_are_refused(copied: Path, name: str, place: str) -> None:
    # The file is there, with the right digest: it is the name that is refused.
    (copied.parent / "outside").write_bytes(b"x")

    def lead_out(value: dict[str, Any]) -> None:
        if place == "a variant":
            value["variants"][0] |= {"file": name, "sha256": sha256_bytes(b"x")}
        else:
            value["files"][name] = sha256_bytes(b"x")

    edit(copied, lead_out)
    with pytest.raises(BundleError, match="leads out of the bundle"):
        read_bundle(copied)


@pytest.mark.parametrize("name", ["../outside.tflite", "/tmp/outside.tflite", "folder\\file"])
def test_a_file_name_that_leads_out_is_not_written(tmp_path: Path, name: str) -> None:
    manifest, models, parity = demo()
    with pytest.raises(BundleError, match="leads out of the bundle"):
        write_bundle(tmp_path / "b", manifest, {**models, name: b"x"}, parity)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda value: value.pop("inputs"), r"damaged \(KeyError: 'inputs'\)"),
        (lambda value: value.update(inputs=5), "damaged"),
        (lambda value: value["variants"][0].update(size_bytes=float("inf")), "damaged"),
        (lambda value: value["variants"][0].update(check=None), "damaged"),
        (lambda value: value["inputs"][0].update(dtype="(1,"), "no dtype of a tensor"),
        (lambda value: value["inputs"][0].update(dtype="object"), "no dtype of a tensor"),
        (lambda value: value["inputs"][0].update(dtype={"names": ["a"], "formats": ["i4"]}), "no dtype"),
        (lambda value: value["inputs"][0].update(shape=[None]), "damaged"),
        (lambda value: value.update(variants=[]), "expected variants of different names, found none"),
        (lambda value: value.update(variants=value["variants"][:1] * 2), "different names"),
        (lambda value: value.update(files={}), "says nothing of parity.npz"),
        (lambda value: value["preprocessing"].update(version=3), "preprocessing of version 3"),
    ],
)
def test_a_manifest_that_is_damaged_is_a_bundle_error(copied: Path, change: Edit, reason: str) -> None:
    edit(copied, change)
    with pytest.raises(BundleError, match=reason):
        read_bundle(copied)


def test_a_variant_of_an_unknown_scheme_is_taken(copied: Path) -> None:
    edit(copied, lambda value: value["variants"][3].update(scheme="int2x1", name="int2x1", io="int3"))
    variant = read_bundle(copied).manifest.variants[3]
    assert (variant.scheme, variant.name, variant.io) == ("int2x1", "int2x1", "int3")


def test_unknown_keys_are_ignored(copied: Path) -> None:
    before = read_bundle(copied)

    def extend(value: dict[str, Any]) -> None:
        for place in (
            value,
            value["variants"][0],
            value["variants"][0]["check"],
            value["inputs"][0],
            value["preprocessing"],
        ):
            place["from the future"] = {"any": ["thing"]}

    edit(copied, extend)
    assert read_bundle(copied) == before


def test_unknown_arrays_in_the_parity_file_are_ignored(copied: Path) -> None:
    with np.load(copied / PARITY_NPZ) as archive:
        arrays = {name: archive[name] for name in archive.files}
    np.savez(copied / PARITY_NPZ, **arrays, **{"future/int8/x": np.zeros(1)})
    edit(copied, lambda value: value["files"].update({PARITY_NPZ: sha256_file(copied / PARITY_NPZ)}))
    parity = read_bundle(copied).parity()
    assert set(parity.stored) == {variant.name for variant in read_bundle(copied).manifest.variants}
    assert all("x" not in outputs for outputs in parity.stored.values())


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and then nothing", b"\x93NUMPY"])
def test_a_parity_file_that_cannot_be_read_is_a_bundle_error(copied: Path, content: bytes) -> None:
    (copied / PARITY_NPZ).write_bytes(content)
    edit(copied, lambda value: value["files"].update({PARITY_NPZ: sha256_bytes(content)}))
    with pytest.raises(BundleError, match=r"parity.npz cannot be read"):
        read_bundle(copied).parity()


def test_an_existing_bundle_is_kept_without_force(copied: Path) -> None:
    before = digests(copied)
    manifest, models, parity = demo()
    with pytest.raises(OutputError, match="--force"):
        write_bundle(copied, dataclasses.replace(manifest, name="other"), models, parity)
    assert digests(copied) == before


def test_force_replaces_a_bundle_whole(copied: Path) -> None:
    (copied / "left over.txt").write_text("from before")
    manifest, models, parity = demo()
    write_bundle(copied, dataclasses.replace(manifest, name="other"), models, parity, force=True)
    assert read_bundle(copied).manifest.name == "other"
    assert not (copied / "left over.txt").exists()


def test_force_does_not_replace_a_folder_that_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("data")
    with pytest.raises(OutputError):
        write_bundle(tmp_path, *demo(), force=True)
    assert (tmp_path / "precious.txt").read_text() == "data"


def test_writing_leaves_nothing_beside_the_bundle(tmp_path: Path) -> None:
    write_bundle(tmp_path / "b", *demo())
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


# A small manifest is mutated in every place; a small bundle is quick to verify.


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    tensor = Tensor("x", (1, 2), "int8", 0.5, -3)
    variant = Variant(
        "int8", "m.int8.tflite", "int8", "int8", sha256_bytes(b"x"), 1, (tensor,), (tensor,),
        Check(1, 30.0, 1.0, "litert 2.3.0, XNNPACK, x86_64"), ("NEG",), False,
    )  # fmt: skip
    manifest = Manifest(
        name="m",
        inputs=(Tensor("x", (1, 2), "float32"),),
        outputs=("y",),
        batched={"x": True},
        preprocessing=Preprocessing("raw"),
        labels=("a", "b"),
        calibration=("0" * 64,),
        variants=(variant,),
        failures=(),
        provenance={"source": {"kind": "keras"}},
    )
    parity = Parity({"x": np.zeros((1, 1, 2))}, {"y": np.zeros(1)}, {"int8": {"x": np.zeros(1, np.int8)}})
    folder = tmp_path_factory.mktemp("small") / "b"
    return write_bundle(folder, manifest, {"m.int8.tflite": b"x"}, parity)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**300, max_value=10**310)
    | st.floats()
    | st.text()
    | st.sampled_from(["../x", "float32", "(1,", "nan", "1e999", "\x00", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(data=st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_mutated_manifest_is_read_or_refused_with_a_bundle_error(
    small: Bundle, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = small.folder.parent / "mutated"
    shutil.copytree(small.folder, folder, dirs_exist_ok=True)
    value = json.loads((folder / BUNDLE_JSON).read_text())
    for _ in range(data.draw(st.integers(1, 3))):
        _mutate(value, data)
    (folder / BUNDLE_JSON).write_text(json.dumps(value))
    assert outcome(folder) in ("read", "refused")


@given(position=st.integers(0, 2000), byte=st.integers(0, 255))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_manifest_with_one_byte_changed_is_read_or_refused_with_a_bundle_error(
    small: Bundle, position: int, byte: int
) -> None:
    folder = small.folder.parent / "flipped"
    shutil.copytree(small.folder, folder, dirs_exist_ok=True)
    content = bytearray((small.folder / BUNDLE_JSON).read_bytes())
    content[position % len(content)] = byte
    (folder / BUNDLE_JSON).write_bytes(content)
    assert outcome(folder) in ("read", "refused")


def outcome(folder: Path) -> str:
    """What becomes of reading; any other error than the one that is promised passes through."""
    try:
        read_bundle(folder).parity()
    except BundleError:
        return "refused"
    return "read"


def _mutate(value: dict[str, Any], data: st.DataObject) -> None:
    """Walks to a random place and replaces, removes or adds there."""
    place: Any = value
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        deeper = isinstance(place[key], dict | list) and place[key]
        if not deeper or data.draw(st.booleans()):
            break
        place = place[key]
    if data.draw(st.booleans()):
        place[key] = data.draw(json_values)
    else:
        del place[key]
