"""What holds for an APK that phones install and that this project means to build; each check returns what is wrong."""

from __future__ import annotations

import re
import shutil
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

from tools.android.aar import ABIS
from tools.android.archive import alignment_of
from tools.android.commands import BuildError, java, run
from tools.android.sdk import LEAST_API, TARGET_API, aapt2, apksigner_jar

PACKAGE, LAUNCHED = "edgeq.demo", "edgeq.demo.MainActivity"

_MACHINES = {"arm64-v8a": (2, 183), "armeabi-v7a": (1, 40), "x86_64": (2, 62), "x86": (1, 3)}
"""Class (1: 32 bits, 2: 64 bits) and machine of an ELF file by ABI."""

_PLAIN = (".tflite", ".so", "resources.arsc")
_LOCAL_HEADER = struct.Struct("<26xHH")


def signature_problems(apk: Path) -> list[str]:
    """Whether all API levels from the least one on take the signature: schemes 1, 2 and 3."""
    installed = shutil.which("apksigner")
    program = [installed] if installed else java("-jar", apksigner_jar())
    try:
        said = run([*program, "verify", "--verbose", "--min-sdk-version", LEAST_API, apk], what="apksigner")
    except BuildError as error:
        return [str(error)]
    verified = set(re.findall(r"Verified using v(\d) scheme .*: true", said))
    return [f"not signed with scheme {one}" for one in ("1", "2", "3") if one not in verified]


def packing_problems(apk: Path) -> list[str]:
    """Whether models, libraries and the table of resources are stored as they are, where they can be mapped."""
    problems = []
    with zipfile.ZipFile(apk) as archive, apk.open("rb") as file:
        for entry in archive.infolist():
            if entry.compress_type != zipfile.ZIP_STORED:
                if entry.filename.endswith(_PLAIN):
                    problems.append(f"{entry.filename} is compressed")
                continue
            file.seek(entry.header_offset)
            header = file.read(_LOCAL_HEADER.size)
            begin = entry.header_offset + len(header) + sum(_LOCAL_HEADER.unpack(header))
            if begin % alignment_of(entry.filename):
                aligned = alignment_of(entry.filename)
                problems.append(f"{entry.filename} begins at byte {begin}, which is no multiple of {aligned}")
        names = archive.namelist()
    if not any(name.endswith(".tflite") for name in names):
        problems.append("there is no model in it")
    return problems + _zipalign_problems(apk)


def _zipalign_problems(apk: Path) -> list[str]:
    program = shutil.which("zipalign")
    if program is None:
        return []
    try:
        run([program, "-c", "-p", "4", apk], what="zipalign")
    except BuildError as error:
        return [str(error)]
    return []


def manifest_problems(apk: Path) -> list[str]:
    """Whether the manifest says what it should; Debian's aapt is asked too where it is installed."""
    programs = [str(aapt2()), *filter(None, [shutil.which("aapt")])]
    return [problem for program in programs for problem in _manifest_problems(program, apk)]


def _manifest_problems(program: str, apk: Path) -> list[str]:
    try:
        badging = run([program, "dump", "badging", apk], what=f"{Path(program).name} dump badging")
        permissions = run(
            [program, "dump", "permissions", apk], what=f"{Path(program).name} dump permissions"
        )
    except BuildError as error:
        return [str(error)]
    found = {
        "package": _values(r"^package: name='([^']*)'", badging),
        "least API level": _values(r"^(?:sdkVersion|minSdkVersion):'(\d+)'", badging),
        "target API level": _values(r"^targetSdkVersion:'(\d+)'", badging),
        "launched activity": _values(r"^launchable-activity: name='([^']*)'", badging),
        "ABIs": sorted(re.findall(r"'([^']*)'", "".join(_values(r"^native-code:(.*)$", badging)))),
        "permissions": _values(
            r"^\s*(?:uses-permission|permission|uses-permission-sdk-\d+): *(.*)$", permissions
        ),
    }
    expected = {
        "package": [PACKAGE],
        "least API level": [str(LEAST_API)],
        "target API level": [str(TARGET_API)],
        "launched activity": [LAUNCHED],
        "ABIs": sorted(ABIS),
        "permissions": [],
    }
    return [
        f"{what}: {', '.join(found[what]) or 'none'}, expected {', '.join(wanted) or 'none'}"
        for what, wanted in expected.items()
        if found[what] != wanted
    ]


def _values(pattern: str, text: str) -> list[str]:
    return re.findall(pattern, text, re.MULTILINE)


def library_problems(apk: Path, abis: Sequence[str] = ABIS) -> list[str]:
    """Whether each ABI has the same libraries, and each library is for its ABI."""
    problems, libraries = [], {abi: set[str]() for abi in abis}
    with zipfile.ZipFile(apk) as archive:
        for name in archive.namelist():
            match = re.fullmatch(r"lib/([^/]+)/([^/]+\.so)", name)
            if match is None:
                continue
            abi = match[1]
            libraries.setdefault(abi, set()).add(match[2])
            with archive.open(name) as file:
                found = _elf_machine(file.read(20))
            if found != _MACHINES.get(abi):
                problems.append(f"{name} is a library for another processor")
    if set(libraries) != set(abis):
        problems.append(f"libraries for {', '.join(sorted(libraries))}, expected {', '.join(sorted(abis))}")
    everywhere = set.union(*libraries.values())
    problems += [
        f"{abi} has no {', '.join(sorted(everywhere - one))}"
        for abi, one in libraries.items()
        if one != everywhere
    ]
    return problems if everywhere else [*problems, "there is no native library in it"]


def _elf_machine(head: bytes) -> tuple[int, int] | None:
    """Class and machine of an ELF file; None where it is none."""
    if len(head) < 20 or head[:4] != b"\x7fELF" or head[5] != 1:
        return None
    return head[4], int.from_bytes(head[18:20], "little")
