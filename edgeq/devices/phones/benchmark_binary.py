"""The program ``benchmark_model`` for a phone: where it comes from, and whether it runs there."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeq.cache import cache_folder
from edgeq.errors import DeviceError, ModelError, UsageError
from edgeq.files import sha256_file
from edgeq.printing import printable

NAME = "benchmark_model"

_ABIS = {
    (2, 183): ("arm64-v8a",),
    (1, 40): ("armeabi-v7a", "armeabi"),
    (2, 62): ("x86_64",),
    (1, 3): ("x86",),
    (2, 243): ("riscv64",),
}
"""Android's names by class (1: 32 bits, 2: 64) and machine of the ELF header; numbers of the ELF specification."""

_BUILD = {
    "arm64-v8a": "android_arm64",
    "armeabi-v7a": "android_arm",
    "armeabi": "android_arm",
    "x86_64": "android_x86_64",
    "x86": "android_x86",
}
"""What follows ``--config=`` when it is built from source."""

_MOST_SEGMENTS = 128
_DIGEST = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)


@dataclass(frozen=True)
class BenchmarkBinary:
    """A program that runs on the phone.

    Attributes:
        path: of the file here.
        sha256: its digest.
        abi: of the phone's that it is for.
        origin: where it comes from, as a clause.
    """

    path: Path
    sha256: str
    abi: str
    origin: str


def find_binary(given: Path | None, digest: str | None, abis: Sequence[str]) -> BenchmarkBinary:
    """The program to use: the one given, else the one in the user's cache for the first ABI that has one.

    Args:
        given: a path; None for the cache.
        digest: SHA-256 that it must have, in hexadecimal; None for any.
        abis: of the phone, the preferred first.

    Raises:
        UsageError: the digest is none.
        DeviceError: there is none, its digest differs, or it is not for this phone.
    """
    if digest is not None and not _DIGEST.fullmatch(digest):
        raise UsageError(
            f"--benchmark-model-sha256: expected 64 hexadecimal digits, found {printable(digest)[:80]!r}"
        )
    if given is None:
        path, origin = _cached(abis)
    else:
        path, origin = given, "given with --benchmark-model"
    if not path.is_file():
        raise DeviceError(
            f"{printable(path)} does not exist: --benchmark-model expects the program {NAME} for Android"
        )
    abi = _abi_of(path, abis)
    found = sha256_file(path)
    if digest is not None and found != digest.lower():
        raise DeviceError(
            f"{printable(path)} has the SHA-256 {found}, expected {digest.lower()}: get it again"
        )
    return BenchmarkBinary(path, found, abi, origin)


def cached_binary(abis: Sequence[str]) -> Path | None:
    """The program in the user's cache for the first of these ABIs that has one; None where there is none."""
    try:
        root = cache_folder(NAME)
    except RuntimeError:
        # The user has no home.
        return None
    return next((root / abi / NAME for abi in abis if abi in _BUILD and (root / abi / NAME).is_file()), None)


def _cached(abis: Sequence[str]) -> tuple[Path, str]:
    found = cached_binary(abis)
    if found is not None:
        return found, "found in the cache"
    abi = next((abi for abi in abis if abi in _BUILD), "arm64-v8a")
    try:
        place = f", or put it at {printable(cache_folder(NAME) / abi / NAME)}"
    except RuntimeError:
        place = ""
    raise DeviceError(
        f"there is no {NAME} for {abi}: give one with --benchmark-model PATH{place} "
        "(docs/android.md says how to get it; edgeq downloads nothing)"
    )


def _abi_of(path: Path, abis: Sequence[str]) -> str:
    """The ABI of the phone that an ELF file is for."""
    try:
        with path.open("rb") as file:
            header = file.read(64)
            kind, interpreter = _read_header(header), None
            if kind is not None:
                interpreter = _interpreter(header, file.read(_MOST_SEGMENTS * 56), path)
    except OSError as error:
        raise ModelError(f"{printable(path)} cannot be read: {error.strerror}") from error
    if kind is None:
        raise DeviceError(
            f"{printable(path)} is no program for Android: expected an ELF file, found {header[:4]!r}"
        )
    names = _ABIS.get(kind, ())
    fitting = next((abi for abi in abis if abi in names), None)
    if fitting is None:
        built = names[0] if names else f"machine {kind[1]} with {32 * kind[0]} bits"
        config = next((_BUILD[abi] for abi in abis if abi in _BUILD), "android_arm64")
        raise DeviceError(
            f"{printable(path)} is for {built}, the phone runs {', '.join(abis) or 'nothing known'}: "
            f"get it for one of these (--config={config})"
        )
    if interpreter is not None and not interpreter.startswith("/system/"):
        raise DeviceError(
            f"{printable(path)} is for Linux, not for Android (it asks for {printable(interpreter)}): "
            f"get the one for Android (--config={_BUILD.get(fitting, 'android_arm64')})"
        )
    return fitting


def _read_header(header: bytes) -> tuple[int, int] | None:
    """Class and machine of a program; None where it is none."""
    if len(header) < 52 or header[:4] != b"\x7fELF" or header[4] not in (1, 2) or header[5] != 1:
        return None
    kind, machine = struct.unpack_from("<HH", header, 16)
    # Of the types only programs at fixed (2) and at any (3) addresses run.
    return (header[4], machine) if kind in (2, 3) else None


def _interpreter(header: bytes, following: bytes, path: Path) -> str | None:
    """The loader that a program asks for; None for one that is linked statically."""
    is_64 = header[4] == 2
    if is_64 and len(header) < 64:
        return None
    at, size, count = (
        (*struct.unpack_from("<Q", header, 32), *struct.unpack_from("<HH", header, 54))
        if is_64
        else (*struct.unpack_from("<I", header, 28), *struct.unpack_from("<HH", header, 42))
    )
    content = header + following
    for index in range(min(count, _MOST_SEGMENTS)):
        start = at + index * size
        if size < (56 if is_64 else 32) or start + size > len(content):
            return None
        (kind,) = struct.unpack_from("<I", content, start)
        if kind != 3:
            continue
        offset, length = (
            (
                struct.unpack_from("<Q", content, start + 8)[0],
                struct.unpack_from("<Q", content, start + 32)[0],
            )
            if is_64
            else (
                struct.unpack_from("<I", content, start + 4)[0],
                struct.unpack_from("<I", content, start + 16)[0],
            )
        )
        with path.open("rb") as file:
            if offset > path.stat().st_size:
                return None
            file.seek(offset)
            return file.read(min(length, 200)).rstrip(b"\0").decode("utf-8", "replace")
    return None
