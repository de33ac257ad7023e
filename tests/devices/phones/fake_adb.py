"""A program ``adb`` for tests: its phones are folders, and their ``benchmark_model`` replays what a real one printed.

What is run in a phone's shell is run by the machine's own shell, with /data and /sys replaced by the phone's folder.
The folder ``$FAKE_ADB`` holds ``phones.json``: by serial a state, properties and what goes wrong.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from pathlib import Path

MACHINES = {"arm64-v8a": (2, 183), "armeabi-v7a": (1, 40), "x86_64": (2, 62)}


def write_program(path: Path, replays: dict[str, dict], abi: str = "arm64-v8a", loader: str = "") -> Path:
    """A file that looks like a program for a phone, and says what to replay by the size of the model in bytes.

    Args:
        path: of the file.
        replays: by size of the model or ``default``: ``text`` and, where not 0, ``status``; also ``result`` (a list of
            bytes), ``hang``, ``cut`` and ``unplug``. A list of them is used up run by run.
        abi: in its header.
        loader: that it asks for; none for none.
    """
    bits, machine = MACHINES[abi]
    header = bytearray(64 if bits == 2 else 52)
    header[:6] = b"\x7fELF" + bytes([bits, 1])
    struct.pack_into("<HH", header, 16, 3, machine)
    tail = loader.encode() + b"\0"
    if bits == 2:
        struct.pack_into("<Q", header, 32, 64)
        struct.pack_into("<HH", header, 54, 56, 1 if loader else 0)
        segment = struct.pack("<IIQQQQQQ", 3, 4, 120, 0, 0, len(tail), len(tail), 1)
    else:
        struct.pack_into("<I", header, 28, 52)
        struct.pack_into("<HH", header, 42, 32, 1 if loader else 0)
        segment = struct.pack("<IIIIIIII", 3, 84, 0, 0, len(tail), len(tail), 4, 1)
    path.write_bytes(bytes(header) + segment + tail + b"\n" + json.dumps(replays).encode())
    return path


def install(folder: Path, phones: dict[str, dict]) -> Path:
    """A folder for PATH with the program, and the phones.

    Args:
        folder: for everything; what phones hold is in ``folder/SERIAL``.
        phones: by serial: ``state``, ``properties``, ``files`` by path, ``services`` by name, and ``fails`` with some
            of ``full``, ``corrupt``, ``no-taskset``, ``no-sha256sum``.
    """
    programs = folder / "bin"
    programs.mkdir(parents=True)
    (folder / "phones.json").write_text(json.dumps(phones), encoding="utf-8")
    for serial, phone in phones.items():
        root = folder / serial
        (root / "data/local/tmp").mkdir(parents=True)
        for name, text in phone.get("files", {}).items():
            (root / name.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
            (root / name.lstrip("/")).write_text(text, encoding="utf-8")
    adb = programs / "adb"
    adb.write_text(
        f'#!/bin/sh\nFAKE_ADB={folder} exec {sys.executable} -S {Path(__file__).resolve()} "$@"\n',
        encoding="utf-8",
    )
    adb.chmod(0o755)
    return programs


def _say(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _main(arguments: list[str]) -> int:
    folder = Path(os.environ["FAKE_ADB"])
    with (folder / "calls").open("a", encoding="utf-8") as calls:
        calls.write(json.dumps(arguments) + "\n")
    phones = json.loads((folder / "phones.json").read_text(encoding="utf-8"))
    if arguments == ["devices"]:
        _say("* daemon not running; starting now at tcp:5037\n* daemon started successfully")
        _say("List of devices attached")
        for serial, phone in phones.items():
            _say(f"{serial}\t{phone.get('state', 'device')}")
        _say()
        return 0
    if arguments[:1] != ["-s"]:
        _say("error: no serial was given")
        return 1
    serial, command, *words = arguments[1:]
    phone = phones.get(serial)
    if phone is None:
        _say(f"error: device '{serial}' not found")
        return 1
    if phone.get("state", "device") != "device":
        _say(f"error: device {phone['state']}")
        return 1
    root = folder / serial
    if command == "push":
        return _push(root, phone, Path(words[0]), words[1])
    assert command == "shell"
    return _shell(folder, root, phone, words)


def _push(root: Path, phone: dict, local: Path, remote: str) -> int:
    if "full" in phone.get("fails", ()):
        _say(
            f"adb: error: failed to copy '{local}' to '{remote}': remote write failed: No space left on device"
        )
        return 1
    target = root / remote.lstrip("/")
    target.write_bytes(local.read_bytes())
    if "corrupt" in phone.get("fails", ()):
        target.write_bytes(target.read_bytes()[:-1] + b"?")
    _say(f"{local}: 1 file pushed. 0.1 MB/s")
    return 0


def _shell(folder: Path, root: Path, phone: dict, words: list[str]) -> int:
    """Becomes the shell that runs a script, with the phone's own programs before the machine's."""
    programs = root / "system-bin"
    if not programs.exists():
        programs.mkdir()
        _write(programs / "getprop", _getprop(phone))
        _write(programs / "dumpsys", _services(root, phone))
        _write(programs / "settings", f"#!/bin/sh\necho {phone.get('low_power', 0)}\n")
        if "no-taskset" in phone.get("fails", ()):
            _write(programs / "taskset", "#!/bin/sh\necho 'taskset: Operation not permitted' >&2\nexit 1\n")
        else:
            _write(programs / "taskset", '#!/bin/sh\nshift\nexec "$@"\n')
        if "no-sha256sum" in phone.get("fails", ()):
            _write(programs / "sha256sum", "#!/bin/sh\nexit 127\n")
    script = words[0]
    for place in (
        "/data/local/tmp",
        "/sys/devices",
        "/sys/class",
        "/proc/cpuinfo",
        "/proc/meminfo",
        "/proc/loadavg",
    ):
        script = script.replace(place, f"{root}{place}")
    script = script.replace(f"{root}/data/local/tmp", str(root / "data/local/tmp"))
    # What was pushed cannot be run here: this program stands in for it.
    me = f"{sys.executable} -S {Path(__file__).resolve()} --benchmark"
    script = script.replace("benchmark_model --graph", "benchmark_model  --graph")
    for word in script.split():
        if word.endswith("/benchmark_model") and f"{word}  --graph" in script:
            script = script.replace(f"{word}  --graph", f"{me} {word} --graph")
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "FAKE_ADB": str(folder)}
    if script.startswith("trap "):
        # The guard, which a test may end: it stays this process, and cleans up like a real one.
        script = script.replace("&& echo ready", "&& echo $$ > guard && echo ready")
    sys.stdout.flush()
    os.execve("/bin/sh", ["sh", "-c", script], environment)  # noqa: S606 - it is the phone's


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def _getprop(phone: dict) -> str:
    lines = "\n".join(f"[{key}]: [{value}]" for key, value in phone.get("properties", {}).items())
    return f"#!/bin/sh\ncat <<'END-OF-PROPERTIES'\n{lines}\nEND-OF-PROPERTIES\n"


def _services(root: Path, phone: dict) -> str:
    """dumpsys NAME prints what the phone has for it: a text, or texts that are used up call by call."""
    for name, texts in phone.get("services", {}).items():
        for number, text in enumerate([texts] if isinstance(texts, str) else texts):
            (root / f"service-{name}-{number}").write_text(text, encoding="utf-8")
    return (
        f"#!/bin/sh\ncd {root}\nn=$(cat calls-$1 2>/dev/null || echo 0)\necho $((n + 1)) > calls-$1\n"
        "while [ $n -gt 0 ] && [ ! -f service-$1-$n ]; do n=$((n - 1)); done\ncat service-$1-$n\n"
    )


def _benchmark(arguments: list[str]) -> int:
    """What stands in for a pushed program: replays what the program's file says for this model."""
    program, options = Path(arguments[0]), dict(word[2:].split("=", 1) for word in arguments[1:])
    replays = json.loads(program.read_bytes().rpartition(b"\n")[2])
    model = Path(options["graph"])
    size = str(model.stat().st_size)
    replay = replays.get(size, replays.get("default"))
    if isinstance(replay, list):
        counter = program.with_name(f"runs-{size}")
        done = int(counter.read_text()) if counter.exists() else 0
        counter.write_text(str(done + 1))
        replay = replay[min(done, len(replay) - 1)]
    folder = Path(os.environ["FAKE_ADB"])
    if replay.get("unplug"):
        (folder / "phones.json").write_text("{}", encoding="utf-8")
        os.kill(os.getppid(), 9)
        return 1
    _say(replay["text"].replace("{options}", json.dumps(options)))
    if replay.get("cut"):
        os.kill(int((program.parent / "guard").read_text()), 9)
    if replay.get("hang"):
        os.execvp("sleep", ["sleep", "600"])  # noqa: S606 - it hangs
    if replay.get("endless"):
        while True:
            _say("INFO: nothing " * 100)
    if "result" in replay and "result_file_path" in options:
        Path(options["result_file_path"]).write_bytes(bytes(replay["result"]))
    status = replay.get("status", 0)
    if status < 0:
        os.kill(os.getpid(), -status)
    return status


if __name__ == "__main__":
    if sys.argv[1:2] == ["--benchmark"]:
        sys.exit(_benchmark(sys.argv[2:]))
    sys.exit(_main(sys.argv[1:]))
