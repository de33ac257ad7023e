from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.android.gradle_text import (
    GROOVY,
    KOTLIN,
    UnclearGradleError,
    blocks,
    parse_gradle,
    statements,
)


def code(text: str, language: str = KOTLIN) -> str:
    return " ".join(parse_gradle(text, language).code.split())


@pytest.mark.parametrize(
    ("text", "language", "left"),
    [
        ("a // { android {\nb", KOTLIN, "a b"),
        ("a /* { /* { */ } */ b", KOTLIN, "a b"),
        ("a /* { /* { */ b", GROOVY, "a b"),
        ('a("{") b', KOTLIN, "a( ) b"),
        ("a '{' b", GROOVY, "a b"),
        ("a = '{'; b = '\"'; c", KOTLIN, "a = ; b = ; c"),
        (r'a("\"{") b', KOTLIN, "a( ) b"),
        ('a("""{ " \\""") b', KOTLIN, "a( ) b"),
        ('a("""{""""") b', KOTLIN, "a( ) b"),
        ("a '''{\n'\n''' b", GROOVY, "a b"),
        ('a("${b { "}" }} {") c', KOTLIN, "a( ) c"),
        ('a "http://example.com" b', GROOVY, "a b"),
        ("#!/usr/bin/env kotlin {\na", KOTLIN, "a"),
        ("a = b / c / d", GROOVY, "a = b / c / d"),
    ],
)
def test_strings_and_comments_are_no_code(text: str, language: str, left: str) -> None:
    assert code(text, language) == left


def test_nothing_moves() -> None:
    text = 'android { // a\r\n  b "{"\n}'
    parsed = parse_gradle(text, KOTLIN)
    assert len(parsed.code) == len(parsed.uncommented) == len(text)
    assert parsed.uncommented == text.replace("// a", "    ")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("android {", KOTLIN),
        ("android }", KOTLIN),
        ("android { ( }", KOTLIN),
        ('a = "b\n', KOTLIN),
        ('a = """b', KOTLIN),
        ('a = "${b"', KOTLIN),
        ("/* a", KOTLIN),
        ("a = /{/", GROOVY),
        ("a =~ /{/", GROOVY),
        ("a $/{/$", GROOVY),
    ],
)
def test_what_cannot_be_told_apart_is_refused(text: str, language: str) -> None:
    with pytest.raises(UnclearGradleError):
        parse_gradle(text, language)


def test_blocks_are_found_at_their_own_level() -> None:
    text = "kotlin { android { a } }\nandroid { b { android { c } } }\nx.android { d }\nmyandroid { e }"
    (found,) = blocks(parse_gradle(text, KOTLIN), "android")
    assert text[found.body : found.end] == " b { android { c } } "


def test_a_block_inside_of_a_block_is_found_there() -> None:
    text = "android { x { resources { a } }\n resources { b } }\nresources { c }"
    parsed = parse_gradle(text, KOTLIN)
    (outer,) = blocks(parsed, "android")
    (found,) = blocks(parsed, "resources", outer.body, outer.end)
    assert text[found.body : found.end] == " b "


def test_a_statement_goes_on_until_its_brackets_close() -> None:
    text = 'noCompress += listOf(\n  "a", // no\n  "tflite",\n)\nother'
    (found,) = statements(parse_gradle(text, KOTLIN), "noCompress")
    assert '"tflite"' in found
    assert "no" not in found
    assert "other" not in found


PIECES = st.sampled_from(
    ["{", "}", "(", ")", '"', "'", '"""', "//", "/*", "*/", "\n", "${", "\\", "a", " ", "/", "$/"]
)


@given(st.lists(PIECES).map("".join), st.sampled_from([KOTLIN, GROOVY]))
def test_any_text_is_told_apart_or_refused(text: str, language: str) -> None:
    try:
        parsed = parse_gradle(text, language)
    except UnclearGradleError:
        return
    assert len(parsed.code) == len(text)
    assert all(mine in (theirs, " ") for mine, theirs in zip(parsed.code, text, strict=True))
    assert parsed.code.count("{") == parsed.code.count("}")


@pytest.mark.parametrize(
    "piece", ["a/b ", "/**/", "android{}", "noCompress(", "a.b { android { } }\n", "\"${'}'}\""]
)
def test_a_large_file_is_read_in_the_time_of_a_small_one(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    text += ")" * text.count("(")
    parsed = parse_gradle(text, KOTLIN)
    assert len(blocks(parsed, "android")) == text.count("android{}")
    assert len(list(itertools.islice(statements(parsed, "noCompress"), 50))) == min(
        50, text.count("noCompress")
    )
