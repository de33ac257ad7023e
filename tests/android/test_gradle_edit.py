from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.android.gradle_edit import with_no_compress
from edgeq.android.gradle_text import GROOVY, KOTLIN
from tests.android.projects import GROOVY_APP, KOTLIN_APP


def test_kotlin_gets_a_block_at_the_end_of_android() -> None:
    edit = with_no_compress(KOTLIN_APP, KOTLIN)
    block = '    androidResources {\n        noCompress += "tflite"\n    }\n'
    assert edit.line == 'androidResources { noCompress += "tflite" }'
    assert edit.text == KOTLIN_APP.replace("    }\n}\n\ndep", "    }\n" + block + "}\n\ndep")


def test_groovy_gets_its_own_words() -> None:
    edit = with_no_compress(GROOVY_APP, GROOVY)
    assert edit.text.endswith("34\n    androidResources {\n        noCompress 'tflite'\n    }\n}\n")


def test_what_is_edited_says_so_and_stays() -> None:
    for text, language in ((KOTLIN_APP, KOTLIN), (GROOVY_APP, GROOVY)):
        once = with_no_compress(text, language).text
        again = with_no_compress(once, language)
        assert (again.text, again.line, again.problem) == (once, "", "")


@pytest.mark.parametrize(
    ("version", "language", "block"),
    [
        ("4.0.1", GROOVY, "aaptOptions {\n        noCompress 'tflite'\n    }"),
        ("4.2.2", KOTLIN, 'aaptOptions {\n        noCompress("tflite")\n    }'),
        ("7.0.0", GROOVY, "androidResources {\n        noCompress 'tflite'\n    }"),
        ("9.4.0", KOTLIN, 'androidResources {\n        noCompress += "tflite"\n    }'),
    ],
)
def test_a_plugin_gets_the_block_that_it_knows(version: str, language: str, block: str) -> None:
    text = KOTLIN_APP if language == KOTLIN else GROOVY_APP
    edit = with_no_compress(text, language, version)
    assert f"    {block}\n}}\n" in edit.text
    assert edit.note == ""
    assert with_no_compress(edit.text, language, version).line == ""


def test_what_an_older_plugin_takes_is_said_where_the_version_is_not_known() -> None:
    note = with_no_compress(GROOVY_APP, GROOVY).note
    assert note.endswith("older ones take aaptOptions { noCompress 'tflite' } in its place")
    assert with_no_compress("android {\n    aaptOptions {\n    }\n}", GROOVY).note == ""


@pytest.mark.parametrize(
    ("version", "line"),
    [
        ("4.0.1", "android { aaptOptions { noCompress 'tflite' } }"),
        ("8.1.0", "android { androidResources { noCompress 'tflite' } }"),
        (None, "android { androidResources { noCompress 'tflite' } }"),
    ],
)
def test_the_line_to_add_by_hand_is_one_that_the_plugin_knows(version: str | None, line: str) -> None:
    assert with_no_compress("x", GROOVY, version).by_hand == line


def test_line_breaks_of_windows_stay() -> None:
    edit = with_no_compress(KOTLIN_APP.replace("\n", "\r\n"), KOTLIN)
    assert edit.text == with_no_compress(KOTLIN_APP, KOTLIN).text.replace("\n", "\r\n")


def test_tabs_stay() -> None:
    edit = with_no_compress("android {\n\tcompileSdk = 36\n}\n", KOTLIN)
    assert (
        edit.text
        == 'android {\n\tcompileSdk = 36\n\tandroidResources {\n\t\tnoCompress += "tflite"\n\t}\n}\n'
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'android {\n    androidResources {\n        noCompress += "bin" // }\n    }\n}',
            'android {\n    androidResources {\n        noCompress += "bin" // }\n'
            '        noCompress += "tflite"\n    }\n}',
        ),
        (
            "android { androidResources { } }",
            'android { androidResources { noCompress += "tflite" } }',
        ),
        (
            "android { compileSdk = 36 }",
            'android { compileSdk = 36; androidResources { noCompress += "tflite" } }',
        ),
        ("android { aaptOptions {} }", 'android { aaptOptions { noCompress("tflite") } }'),
        (
            "android { buildTypes { release {} } /* } */ }",
            'android { buildTypes { release {} } /* } */; androidResources { noCompress += "tflite" } }',
        ),
        (
            "android {\n    aaptOptions {\n    }\n}",
            'android {\n    aaptOptions {\n        noCompress("tflite")\n    }\n}',
        ),
        ("android {\n}", 'android {\n    androidResources {\n        noCompress += "tflite"\n    }\n}'),
    ],
)
def test_blocks_that_are_there_are_used(text: str, expected: str) -> None:
    assert with_no_compress(text, KOTLIN).text == expected


@pytest.mark.parametrize(
    "text",
    [
        'android { androidResources { noCompress += "tflite" } }',
        'android { androidResources { noCompress += listOf("bin", "tflite") } }',
        'android { androidResources { noCompress.addAll(\n listOf(\n"bin",\n"tflite")) } }',
        'android { aaptOptions { noCompress(".tflite") } }',
        'android { androidResources { noCompress += "" } }',
        'android.androidResources.noCompress.add("tflite")',
    ],
)
def test_what_is_said_already_is_left_alone(text: str) -> None:
    edit = with_no_compress(text, KOTLIN)
    assert (edit.text, edit.line, edit.problem) == (text, "", "")


def test_groovy_with_several_endings_is_left_alone() -> None:
    text = "android { aaptOptions { noCompress 'bin', 'tflite' } }"
    assert with_no_compress(text, GROOVY).text == text


@pytest.mark.parametrize(
    "text",
    [
        'android {\n    // noCompress += "tflite"\n}\n',
        "android {\n    val text = \"noCompress += 'tflite'\"\n}\n",
        'android {\n    /* androidResources { noCompress += "tflite" } */\n}\n',
        'android {\n    androidResources { noCompress += "bin" }\n}\n',
    ],
)
def test_what_is_said_in_a_comment_or_a_string_is_not_said(text: str) -> None:
    assert "tflite" in with_no_compress(text, KOTLIN).line


@pytest.mark.parametrize(
    ("text", "language", "problem"),
    [
        ("dependencies { }", KOTLIN, "it has no block android { } at its top level"),
        ("subprojects { android { } }", KOTLIN, "it has no block android { } at its top level"),
        ("android {", KOTLIN, "'{' has no end"),
        ("android { a = ~/{/ }", GROOVY, "it has a string between slashes"),
    ],
)
def test_a_file_that_cannot_be_edited_safely_is_left_alone(text: str, language: str, problem: str) -> None:
    edit = with_no_compress(text, language)
    assert (edit.text, edit.line, edit.problem) == (text, "", problem)


TRICKY = """\
// android { "
plugins { id("com.android.application") }
val brace = "}" + '}' + \"\"\" } \" \"\"\"
/* android { /* nested */ } */
android { // {
    namespace = "com.${listOf("}").joinToString { "{" }}.x"
    buildTypes { release { isMinifyEnabled = true } } // }
} // the end }
dependencies { implementation("a:b:${"1.0"}") }
"""


def test_only_one_piece_is_added_and_it_stands_inside_of_android() -> None:
    edit = with_no_compress(TRICKY, KOTLIN)
    at = edit.text.index("    androidResources")
    added = len(edit.text) - len(TRICKY)
    assert edit.text[:at] + edit.text[at + added :] == TRICKY
    assert edit.text[at + added :].startswith("} // the end }")


LINES = st.sampled_from(
    [
        *(
            "android {",
            "}",
            "androidResources {",
            "aaptOptions { }",
            "// }",
            "/* { */",
            'a("}")',
            "b = '{'",
            "",
        ),
        *(
            "android { namespace = 'a' }",
            'noCompress += "bin"',
            "buildTypes { release { } }",
            '"""',
            "kotlin {",
        ),
    ]
)


@given(st.lists(LINES), st.sampled_from(["\n", "\r\n"]), st.sampled_from([KOTLIN, GROOVY]))
def test_whatever_the_file_at_most_one_piece_is_added(lines: list[str], newline: str, language: str) -> None:
    text = newline.join(lines)
    edit = with_no_compress(text, language)
    if not edit.line:
        assert edit.text == text
        return
    added = len(edit.text) - len(text)
    assert any(edit.text[:at] + edit.text[at + added :] == text for at in range(len(text) + 1))
    assert with_no_compress(edit.text, language).text == edit.text
