"""Classes as a reference sees them: which members they have and what they inherit from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, order=True)
class Member:
    """A field or a method of a class, or a reference to one.

    Attributes:
        owner: internal name of the class, such as ``java/lang/Object``.
        name: of the member; empty for the class itself.
        descriptor: its type, or its parameters' and result's types, as in class files.
    """

    owner: str
    name: str = ""
    descriptor: str = ""

    def __str__(self) -> str:
        owner = self.owner.replace("/", ".")
        return (
            f"{owner}.{self.name}{self.descriptor if '(' in self.descriptor else ''}" if self.name else owner
        )


@dataclass(frozen=True)
class ClassMembers:
    """A class.

    Attributes:
        name: internal name.
        parents: internal names of its superclass and interfaces.
        members: name and descriptor of each field and method that it declares.
    """

    name: str
    parents: tuple[str, ...]
    members: frozenset[tuple[str, str]]


class Classes(Protocol):
    """Somewhere that classes are found by name."""

    def find(self, name: str) -> ClassMembers | None:
        """The class with this internal name; None where there is none."""


class Universe:
    """Classes of several places; the first place that has a class is the one that counts."""

    def __init__(self, places: Sequence[Classes]) -> None:
        self._places = places
        self._found: dict[str, ClassMembers | None] = {}

    def has(self, member: Member) -> bool:
        """Whether a reference leads to a class, and to a member of it or of what it inherits from."""
        owner = member.owner.lstrip("[")
        if owner != member.owner:
            # An array has the members of Object; what it holds is a reference of its own.
            owner = "java/lang/Object"
        if self._class(owner) is None:
            return False
        if not member.name or (owner, member.name) in _ANY_DESCRIPTOR:
            return True
        wanted = (member.name, member.descriptor)
        return any(wanted in one.members for one in self._lineage(owner))

    def _lineage(self, name: str) -> Iterator[ClassMembers]:
        left, seen = [name], set()
        while left:
            one = left.pop()
            if one in seen:
                continue
            seen.add(one)
            found = self._class(one)
            if found is not None:
                yield found
                left += found.parents

    def _class(self, name: str) -> ClassMembers | None:
        if name not in self._found:
            places = (place.find(name) for place in self._places)
            self._found[name] = next((found for found in places if found is not None), None)
        return self._found[name]


_ANY_DESCRIPTOR = {
    ("java/lang/invoke/MethodHandle", "invoke"),
    ("java/lang/invoke/MethodHandle", "invokeExact"),
}
"""Their descriptor is that of the call (JVM specification, 2.9.3)."""
