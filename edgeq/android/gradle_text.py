"""The text of a Gradle build file: what of it is code, what are strings and comments, and where blocks begin and end.

Nothing is evaluated. A text whose parts cannot be told apart with certainty is refused, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

KOTLIN, GROOVY = "Kotlin", "Groovy"

_SLASHY_AFTER = set("=(,[~:{&|!?;<>+")
"""In Groovy a slash behind one of these, or at the beginning of a line, begins a string and divides nothing."""

_RETURN = "return"

_LONGEST_STATEMENT = 2000
"""Characters that are looked at behind a word: a list of some dozen entries."""

_OPENING, _CLOSING = "({[", ")}]"
_PAIRS = dict(zip(_CLOSING, _OPENING, strict=True))


class UnclearGradleError(ValueError):
    """A build file whose parts cannot be told apart; says why, as part of a sentence."""


@dataclass(frozen=True)
class GradleText:
    """A build file.

    Attributes:
        text: as it is.
        language: ``Kotlin`` or ``Groovy``.
        code: the text with blanks in the place of strings and comments, as long as the text.
        uncommented: the text with blanks in the place of comments alone, as long as the text.
    """

    text: str
    language: str
    code: str
    uncommented: str


@dataclass(frozen=True)
class Block:
    """Something like ``android { … }``.

    Attributes:
        start: of its name.
        body: behind its opening brace.
        end: of its closing brace.
    """

    start: int
    body: int
    end: int


def parse_gradle(text: str, language: str) -> GradleText:
    """Tells code, strings and comments apart.

    Args:
        text: of a build file.
        language: ``Kotlin`` or ``Groovy``.

    Raises:
        UnclearGradleError: a string, a comment or a bracket has no end, or Groovy writes strings between slashes.
    """
    scanner = _Scanner(text, language)
    scanner.scan()
    parsed = GradleText(text, language, "".join(scanner.code), "".join(scanner.uncommented))
    _check_brackets(parsed.code)
    return parsed


def blocks(parsed: GradleText, name: str, start: int = 0, end: int | None = None) -> tuple[Block, ...]:
    """Blocks of a name directly in a part of a build file, not those inside of other blocks.

    Args:
        parsed: the file.
        name: such as ``android``.
        start: of the part.
        end: of the part; None for the end of the file.
    """
    stop = len(parsed.code) if end is None else end
    pattern = re.compile(rf"(?<![\w.$]){re.escape(name)}[ \t]*\{{")
    found, depth, counted = [], 0, start
    for match in pattern.finditer(parsed.code, start, stop):
        depth += _depth(parsed.code, counted, match.start())
        counted = match.start()
        if depth == 0:
            found.append(Block(match.start(), match.end(), _closing(parsed.code, match.end())))
    return tuple(found)


def statements(parsed: GradleText, word: str, start: int = 0, end: int | None = None) -> Iterator[str]:
    """What follows a word of the code, without comments, to the end of its line or of the brackets opened in it.

    Args:
        parsed: the file.
        word: such as ``noCompress``.
        start: of the part that is looked at.
        end: of the part; None for the end of the file.
    """
    stop = len(parsed.code) if end is None else end
    for match in re.compile(rf"\b{re.escape(word)}\b").finditer(parsed.code, start, stop):
        depth, at = 0, match.end()
        last = min(stop, at + _LONGEST_STATEMENT)
        while at < last and (depth > 0 or parsed.code[at] not in "\n;") and depth >= 0:
            depth += (parsed.code[at] in _OPENING) - (parsed.code[at] in _CLOSING)
            at += 1
        yield parsed.uncommented[match.end() : at]


def _depth(code: str, start: int, end: int) -> int:
    part = code[start:end]
    return sum(map(part.count, _OPENING)) - sum(map(part.count, _CLOSING))


def _closing(code: str, body: int) -> int:
    depth = 1
    for match in re.compile(r"[{}]").finditer(code, body):
        depth += 1 if match.group() == "{" else -1
        if depth == 0:
            return match.start()
    raise UnclearGradleError("a brace has no end")


def _check_brackets(code: str) -> None:
    waiting: list[str] = []
    for match in re.finditer(r"[(){}\[\]]", code):
        character = match.group()
        if character in _OPENING:
            waiting.append(character)
        elif not waiting or waiting.pop() != _PAIRS[character]:
            raise UnclearGradleError(f"{character!r} closes nothing")
    if waiting:
        raise UnclearGradleError(f"{waiting[-1]!r} has no end")


class _Scanner:
    """Walks over the text once and blanks what is no code."""

    def __init__(self, text: str, language: str) -> None:
        self.text = text
        self.is_kotlin = language == KOTLIN
        self.code = list(text)
        self.uncommented = list(text)

    def scan(self) -> None:
        at = 0
        while at < len(self.text):
            at = self._step(at)

    def _step(self, at: int) -> int:
        """Passes over one character of code, one string or one comment; returns where the next begins."""
        two, one = self.text[at : at + 2], self.text[at]
        if two == "//" or (two == "#!" and at == 0):
            end = self.text.find("\n", at)
            return self._comment(at, len(self.text) if end < 0 else end)
        if two == "/*":
            return self._comment(at, self._comment_end(at))
        if one in "\"'":
            end = self._string_end(at)
            _blank(self.code, at, end)
            return end
        if not self.is_kotlin and (two == "$/" or (one == "/" and self._begins_slashy(at))):
            raise UnclearGradleError("it has a string between slashes")
        return at + 1

    def _comment(self, start: int, end: int) -> int:
        _blank(self.code, start, end)
        _blank(self.uncommented, start, end)
        return end

    def _comment_end(self, start: int) -> int:
        """Kotlin's block comments nest, Groovy's do not."""
        depth = 1
        for match in re.compile(r"/\*|\*/").finditer(self.text, start + 2):
            if match.group() == "*/":
                depth -= 1
            elif self.is_kotlin:
                depth += 1
            if depth == 0:
                return match.end()
        raise UnclearGradleError("a comment has no end")

    def _begins_slashy(self, at: int) -> bool:
        end = at
        while end > 0 and self.text[end - 1] in " \t":
            end -= 1
        before = self.text[max(0, end - len(_RETURN)) : end]
        return not before or before[-1] in _SLASHY_AFTER or before[-1] == "\n" or before == _RETURN

    def _string_end(self, start: int) -> int:
        quote = self.text[start]
        is_triple = self.text.startswith(quote * 3, start) and (quote == '"' or not self.is_kotlin)
        mark = quote * 3 if is_triple else quote
        has_escapes = not (is_triple and self.is_kotlin)
        at = start + len(mark)
        while at < len(self.text):
            if has_escapes and self.text[at] == "\\":
                at += 2
            elif self.text.startswith(mark, at):
                return self._past_quotes(at, mark)
            elif quote == '"' and self.text.startswith("${", at):
                at = self._template_end(at + 2)
            elif self.text[at] == "\n" and not is_triple:
                break
            else:
                at += 1
        raise UnclearGradleError("a string has no end")

    def _past_quotes(self, at: int, mark: str) -> int:
        """Behind a closing mark; Kotlin's raw strings may end in quotes of their own."""
        at += len(mark)
        while len(mark) == 3 and self.is_kotlin and self.text.startswith(mark[0], at):
            at += 1
        return at

    def _template_end(self, at: int) -> int:
        """Behind the brace that ends ``${…}``, in which there may be strings again."""
        depth = 1
        while at < len(self.text):
            character = self.text[at]
            if character in "\"'":
                at = self._string_end(at)
                continue
            depth += (character == "{") - (character == "}")
            at += 1
            if depth == 0:
                return at
        raise UnclearGradleError("a string has no end")


def _blank(characters: list[str], start: int, end: int) -> None:
    for at in range(start, min(end, len(characters))):
        if characters[at] not in "\r\n":
            characters[at] = " "
