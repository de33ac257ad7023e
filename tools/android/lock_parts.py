"""Writes a section of parts.toml: the artifacts named and all that they need at run time, with their digests.

usage: lock_parts.py SECTION GROUP:ARTIFACT:VERSION[:PACKAGING] ...

What is fetched is trusted here, once, by who runs this and reads the difference; from then on the digests hold.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgeq.scratch import scratch_folder
from tools.android.commands import BuildError, reported
from tools.android.parts import PINNED, fetched_from_maven


def main() -> int:
    """Replaces the section, or adds it."""
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    name, *wanted = sys.argv[1:]
    with scratch_folder("maven") as folder:
        parts = list(dict.fromkeys(part for one in wanted for part in [one, *_needed(one, folder)]))
        lines = [f'"{part}" = "{_digest(fetched_from_maven(part, folder))}"' for part in parts]
    PINNED.write_text(_with_section(PINNED.read_text("utf-8"), name, "\n".join(lines)), "utf-8")
    return 0


def _needed(part: str, folder: Path) -> list[str]:
    """Coordinates of what an artifact needs at run time; nothing for archives, whose jars name what they need."""
    from jgo.maven import MavenContext

    if part.count(":") != 2:
        return []
    context = MavenContext(repo_cache=folder)
    try:
        _, found = context.resolver.resolve([context.create_dependency(part)])
    except RuntimeError as error:
        raise BuildError(f"what {part} needs cannot be found out: {error}") from error
    return [f"{one.groupId}:{one.artifactId}:{one.version}" for one in found]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _with_section(text: str, name: str, lines: str) -> str:
    head, found, rest = text.partition(f"[{name}]\n")
    if not found:
        return f"{text.rstrip()}\n\n[{name}]\n{lines}\n"
    _, blank, following = rest.partition("\n\n")
    return f"{head}{found}{lines}\n{blank[1:]}{following}"


if __name__ == "__main__":
    sys.exit(reported(main))
