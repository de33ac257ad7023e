"""CSV and JSON Lines manifests."""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from edgeq.data.columns import ArrayColumn, AudioColumn, ImageColumn
from edgeq.data.preprocessing import RAW
from edgeq.data.readers.manifests import read_manifest
from edgeq.data.truth import ClassLabels, Masks, MultiLabels, Targets
from edgeq.errors import DataError


@pytest.fixture
def folder(tmp_path) -> Path:
    """Three images and a sound."""
    (tmp_path / "images").mkdir()
    for name, value in (("a", 10), ("b", 20), ("c", 30)):
        Image.new("L", (3, 2), value).save(tmp_path / "images" / f"{name}.png")
    with wave.open(str(tmp_path / "s.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(160))
    return tmp_path


def csv(folder: Path, text: str, **options: Any) -> Path:
    path = folder / "m.csv"
    path.write_text(text, **{"encoding": "utf-8", **options})
    return path


def jsonl(folder: Path, *rows: Any) -> Path:
    path = folder / "m.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def message_of(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_manifest(path)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


# Forms of files


@pytest.mark.parametrize("mark", [",", ";", "\t", ", "])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_is_read_with_any_usual_delimiter_encoding_and_line_end(folder, mark, encoding, end):
    rows = [["path", "label"], ["images/b.png", "größe"], ["images/a.png", "cat"]]
    text = end.join(mark.join(row) for row in rows)
    data = read_manifest(csv(folder, text, encoding=encoding, newline=""))
    assert data.class_names == ("cat", "größe")
    assert data.labels.tolist() == [1, 0]
    assert data.columns[""].read([0, 1], RAW, (2, 3, 1))[:, 0, 0, 0].tolist() == [20, 10]


@pytest.mark.parametrize(
    "name", ["path", "file", "filename", "file_name", "image", "audio", "Path", " FILE "]
)
def test_the_column_of_paths_goes_by_several_names(folder, name):
    assert len(read_manifest(csv(folder, f"{name},other\nimages/a.png,x\n"))) == 1


def test_names_with_delimiters_and_line_ends_stand_in_quotes(folder):
    path = csv(folder, 'path,label,note\nimages/a.png,"cat, small","two\nlines"\nimages/b.png,dog,\n')
    data = read_manifest(path)
    assert data.class_names == ("cat, small", "dog")
    assert data.input_names() == ("",)


def test_rows_that_are_empty_are_no_items(folder):
    assert len(read_manifest(csv(folder, "\npath,label\n\nimages/a.png,x\n,\n\n"))) == 1


def test_json_lines_are_read_alike(folder):
    data = read_manifest(
        jsonl(
            folder, {"file_name": "images/a.png", "label": "x"}, {"file_name": "images/b.png", "label": "y"}
        )
    )
    assert data.labels.tolist() == [0, 1]
    assert data.class_names == ("x", "y")


def test_json_lines_may_hold_the_line_ends_of_unicode_in_texts(folder):
    path = folder / "m.ndjson"
    path.write_text('{"path": "images/a.png", "label": "a\u2028b"}\n\n', encoding="utf-8")
    assert read_manifest(path).class_names == ("a\u2028b",)


def test_paths_may_be_absolute_and_lead_out_of_the_folder(folder):
    (folder / "sub").mkdir()
    path = csv(folder / "sub", f"path\n../images/a.png\n{folder}/images/b.png\n")
    assert len(read_manifest(path).inspected().digests()) == 2


def test_sounds_are_told_by_their_suffix(folder):
    data = read_manifest(csv(folder, "audio,label\ns.wav,1\n"))
    assert isinstance(data.columns[""], AudioColumn)
    assert len(data.digests()) == 1


# What is known of items


@pytest.mark.parametrize(
    ("labels", "expected", "names"),
    [
        (["2", "0", "10"], [2, 0, 10], ()),
        (["2.0", "0.0", "1"], [2, 0, 1], ()),
        (["dog", "cat", "dog"], [1, 0, 1], ("cat", "dog")),
        (["10", "9", "A"], [0, 1, 2], ("10", "9", "A")),
        (["great white shark", "cat", "cat"], [1, 0, 0], ("cat", "great white shark")),
    ],
)
def test_labels_are_numbers_where_all_are_and_names_else(folder, labels, expected, names):
    text = "".join(f"images/{file}.png,{label}\n" for file, label in zip("abc", labels, strict=True))
    data = read_manifest(csv(folder, f"path,label\n{text}"))
    assert isinstance(data.truth, ClassLabels)
    assert data.labels.tolist() == expected
    assert data.class_names == names


@pytest.mark.parametrize(
    ("column", "labels", "expected", "names"),
    [
        ("label", ["cat|dog", "", "dog"], [[1, 1], [0, 0], [0, 1]], ("cat", "dog")),
        ("label", ["big cat|dog", "dog", "big cat"], [[1, 1], [0, 1], [1, 0]], ("big cat", "dog")),
        ("label", ["0 2", "1", "2"], [[1, 0, 1], [0, 1, 0], [0, 0, 1]], ()),
        ("labels", ["cat dog", "dog", ""], [[1, 1], [0, 1], [0, 0]], ("cat", "dog")),
        ("labels", ["1", "0", "1"], [[0, 1], [1, 0], [0, 1]], ()),
    ],
)
def test_several_classes_are_separated_by_bars_or_spaces(folder, column, labels, expected, names):
    text = "".join(f"images/{file}.png,{label}\n" for file, label in zip("abc", labels, strict=True))
    truth = read_manifest(csv(folder, f"path,{column}\n{text}")).truth
    assert isinstance(truth, MultiLabels)
    assert truth.values.dtype == bool
    assert truth.values.astype(int).tolist() == expected
    assert truth.names == names


@pytest.mark.parametrize(
    ("labels", "expected", "names"),
    [
        ([["a", "b"], [], "b"], [[1, 1], [0, 0], [0, 1]], ("a", "b")),
        ([[2, 0], [1], 1], [[1, 0, 1], [0, 1, 0], [0, 1, 0]], ()),
    ],
)
def test_several_classes_are_a_list_in_json_lines(folder, labels, expected, names):
    rows = [{"path": f"images/{file}.png", "label": label} for file, label in zip("abc", labels, strict=True)]
    truth = read_manifest(jsonl(folder, *rows)).truth
    assert isinstance(truth, MultiLabels)
    assert truth.values.astype(int).tolist() == expected
    assert truth.names == names


def test_a_bar_in_a_name_separates_nothing_in_json_lines(folder):
    data = read_manifest(jsonl(folder, {"path": "images/a.png", "label": "a|b"}))
    assert data.class_names == ("a|b",)


def test_targets_are_numbers_to_predict(folder):
    truth = read_manifest(csv(folder, "path,target\nimages/a.png,1.5\nimages/b.png,-2e3\n")).truth
    assert isinstance(truth, Targets)
    assert truth.values.dtype == np.float32
    assert truth.values.tolist() == [[1.5], [-2000.0]]
    assert truth.names == ()


def test_several_targets_have_names(folder):
    truth = read_manifest(csv(folder, "target_x,path,target_y\n1,images/a.png,2\n")).truth
    assert truth.values.tolist() == [[1.0, 2.0]]
    assert truth.names == ("x", "y")


def test_targets_may_be_lists_in_json_lines(folder):
    truth = read_manifest(jsonl(folder, {"path": "images/a.png", "target": [1, 2.5]})).truth
    assert truth.values.tolist() == [[1.0, 2.5]]


def test_masks_are_paths(folder):
    truth = read_manifest(csv(folder, "path,mask\nimages/a.png,images/b.png\n")).truth
    assert isinstance(truth, Masks)
    assert truth.files == (folder / "images" / "b.png",)


def test_parts_have_one_name_each(folder):
    data = read_manifest(
        csv(folder, "path,split\nimages/a.png,Train\nimages/b.png,val\nimages/c.png,fold 3\n")
    )
    assert data.splits == ("train", "validation", "fold 3")
    assert data.truth is None


# Several inputs


def test_inputs_may_be_files_and_numbers(folder):
    data = read_manifest(
        csv(
            folder,
            "input:Photo,input:sound,input:age,label\nimages/a.png,s.wav,3,1\nimages/b.png,s.wav,4.5,0\n",
        )
    )
    assert data.input_names() == ("Photo", "sound", "age")
    assert isinstance(data.columns["Photo"], ImageColumn)
    assert isinstance(data.columns["sound"], AudioColumn)
    ages = data.columns["age"].read([0, 1], RAW, (1,))
    assert (ages.dtype, ages.tolist()) == (np.float32, [[3.0], [4.5]])
    assert len(set(data.digests())) == 2


def test_whole_numbers_stay_integers(folder):
    column = read_manifest(csv(folder, "input:id\n7\n8\n")).columns["id"]
    assert isinstance(column, ArrayColumn)
    assert (column.dtype, column.item_shape) == (np.int64, (1,))


def test_inputs_are_lists_in_json_lines(folder):
    rows = [{"input:x": [[1, 2], [3, 4.5]], "input:y": 1}, {"input:x": [[5, 6], [7, 8]], "input:y": 2}]
    data = read_manifest(jsonl(folder, *rows))
    assert data.columns["x"].item_shape == (2, 2)
    assert data.columns["x"].dtype == np.float32
    assert data.columns["y"].read([1], RAW, (1,)).tolist() == [[2]]


def test_numbers_may_be_alike_in_several_rows(folder):
    assert len(read_manifest(csv(folder, "input:id,label\n7,1\n7,0\n"))) == 2


def test_one_file_may_come_with_different_other_inputs(folder):
    assert (
        len(read_manifest(csv(folder, "input:photo,input:question\nimages/a.png,1\nimages/a.png,2\n"))) == 2
    )


def test_a_number_that_float32_cannot_hold_is_a_bad_item(folder):
    data = read_manifest(jsonl(folder, {"input:x": 1.5}, {"input:x": 1e300}, {"input:x": float("nan")}))
    with pytest.raises(DataError, match=r"2 of 3 items are bad \(item 1 of input 'x' holds NaN or infinity"):
        data.inspected()


# Files that are missing


def test_files_that_do_not_exist_are_bad_items(folder):
    data = read_manifest(
        csv(folder, "path,label\nimages/a.png,x\ngone.png,y\nimages,z\n".replace("images,z", "images.png,z"))
    )
    with pytest.raises(DataError, match=r"2 of 3 items are bad \(.*gone\.png cannot be read: No such file"):
        data.inspected()
    kept = data.inspected("skip")
    assert len(kept) == 1
    assert [item.name for item in kept.skipped] == [str(folder / "gone.png"), str(folder / "images.png")]
    assert kept.class_names == ("x", "y", "z")


def test_masks_that_do_not_exist_are_an_error(folder):
    message = message_of(
        csv(folder, "path,mask\nimages/a.png,images/b.png\nimages/b.png,no.png\nimages/c.png,n.png\n")
    )
    assert "row 3: the mask" in message
    assert "no.png is no file, and 1 more" in message


# What is refused


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "m.csv holds no row"),
        ("path,label\n", "m.csv holds no row: expected one line an item"),
        ("images/a.png,cat\nimages/b.png,dog\n", 'expected a header with the column path (or input:NAME'),
        ("id,text\n1,2\n", 'found "id, text"'),
        ("path,path\na,b\n", "has two columns 'path'"),
        ("path,label\nimages/a.png,x\nimages/b.png\n", "row 3: expected 2 fields like the header's, found 1"),
        ("path,label\nimages/a.png,x,y\n", "row 2: expected 2 fields like the header's, found 3"),
        ('path,label\n"images/a.png,x\n', "row 2: unexpected end of data"),
        ("path,label\nimages/a.png,\n", "row 2: expected a class, found none"),
        ("path,label\n,x\n", 'row 2: expected a path in the column path, found ""'),
        ("path,label\nimages/a.png,-1\n", "row 2: expected the number of a class from 0 to 999999, found -1"),
        ("path,label\nimages/a.png,1\nimages/b.png,99999999999999999999\n", "row 3: expected the number of a class"),
        ("path,label\nimages/a.png,0.5\n", "row 2: 0.5 is no class: numbers to predict belong in a column target"),
        ("path,labels\nimages/a.png,\n", "the column labels is empty in every row"),
        ("path,label\nimages/a.png,x\n\nimages/a.png,y\n", "images/a.png is in row 2 already: remove one of them"),
        ("path,label\nimages/a.png,x\nimages/../images/a.png,x\n", "is in row 2 already"),
        ("path\nimages/a.png\nnotes.txt\n", "notes.txt is none of images (.bmp"),
        ("path\nimages/a.png\ns.wav\n", "s.wav is no image like those before"),
        ("path,target\nimages/a.png,x\n", 'row 2: expected a number in the column target, found "x"'),
        ("path,target\nimages/a.png,nan\n", 'expected a number in the column target, found "nan"'),
        ("path,target\nimages/a.png,1e99\n", "row 2: the column target holds NaN, infinity or a number that float32"),
        ("path,mask\nimages/a.png,a.jpg\n", "a.jpg cannot be a mask: expected .bmp, .png"),
        ("path,label,mask\nimages/a.png,x,y\n", "has the columns label, mask: expected one of"),
        ("path,label,target_a\nimages/a.png,x,1\n", "has the columns label, target_a: expected one of"),
        ("path,image\nimages/a.png,images/a.png\n", "has the columns path, image: expected one path"),
        ("path,input:x\nimages/a.png,1\n", "has the columns path, input:x: expected one path"),
        ("path,split\nimages/a.png,\n", "row 2: expected train, validation or test in the column split"),
        ("input:x\n1\nx\n", 'row 3: expected numbers in the column input:x, found "x"'),
        ("input:x\n1\nnan\n", 'row 3: expected numbers in the column input:x, found "nan"'),
        ("path\na\0b.png\n", "row 2: "),
    ],
)  # fmt: skip
def test_a_damaged_csv_is_refused_in_one_line_with_the_row(folder, text, message):
    assert message in message_of(csv(folder, text))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "m.jsonl holds no row"),
        ([[1]], "row 1: expected an object, found [1]"),
        ([{"a": 1}], 'names no files: expected a key path (or input:NAME for several inputs), found "a"'),
        ([{"path": "images/a.png"}, {"label": 1}], "row 2: expected a path in the column path, found null"),
        ([{"path": 3}], "row 1: expected a path in the column path, found 3"),
        ([{"path": "a\0.png"}], "row 1: expected a path in the column path"),
        ([{"path": "\ud800.png"}], "row 1: expected a path in the column path"),
        ([{"path": "a.png", "Path": "b.png"}], "row 1: expected keys that differ in more than capitals"),
        (
            [{"path": "images/a.png", "label": 1}, {"path": "images/b.png"}],
            "row 2: expected a class, found none",
        ),
        ([{"path": "images/a.png", "label": {}}], "row 1: expected the name or number of a class, found {}"),
        ([{"path": "images/a.png", "label": True}], "found true"),
        ([{"path": "images/a.png", "label": [["x"]]}], 'found ["x"]'),
        ([{"path": "images/a.png", "label": float("nan")}], "row 1: nan is no class"),
        ([{"path": "images/a.png", "label": 10**400}], "row 1: inf is no class"),
        ([{"path": "images/a.png", "target": []}], "row 1: expected a number in the column target, found []"),
        ([{"path": "images/a.png", "target": 10**400}], "row 1: the column target holds NaN, infinity"),
        (
            [{"path": "images/a.png", "target": [1, 2]}, {"path": "images/b.png", "target": [1]}],
            "row 2: expected 2 numbers in the column target as before, found 1",
        ),
        (
            [{"input:x": [1, 2]}, {"input:x": [1]}],
            "row 2: expected [2] numbers in the column input:x as before",
        ),
        ([{"input:x": [[1], [1, 2]]}], "row 1: the lists in the column input:x differ in length"),
        ([{"input:x": []}], "row 1: expected numbers in the column input:x, found []"),
        ([{"input:x": True}], "row 1: expected numbers in the column input:x, found true"),
        ([{"input:x": 1}, {}], "row 2: expected numbers in the column input:x, found null"),
        (
            [{"input:x": "images/a.png"}, {"input:x": 1}],
            "row 2: expected a path in the column input:x, found 1",
        ),
    ],
)
def test_a_damaged_json_lines_file_is_refused_in_one_line_with_the_row(folder, rows, message):
    assert message in message_of(jsonl(folder, *rows))


def test_a_line_that_is_no_json_is_named(folder):
    path = folder / "m.jsonl"
    path.write_text('{"path": "images/a.png"}\n{"path": \n')
    assert "row 2 is no JSON (Expecting value" in message_of(path)


def test_nesting_that_is_too_deep_is_no_json(folder):
    path = folder / "m.jsonl"
    path.write_text("[" * 100_000)
    assert "row 1 is no JSON" in message_of(path)


@pytest.mark.parametrize("content", [b"path\n\xff\xfe.png\n", "path\na.png\n".encode("utf-16")])
def test_a_file_that_is_no_utf_8_says_what_to_do(folder, content):
    path = folder / "m.csv"
    path.write_bytes(content)
    assert "m.csv is no UTF-8 text: save it as UTF-8" in message_of(path)


def test_a_field_that_is_too_long_is_named(folder):
    assert "row 1: field larger than field limit" in message_of(csv(folder, "x" * 200_000))


def test_classes_beyond_memory_are_refused(folder):
    rows = [{"input:x": index, "label": [999_999]} for index in range(10_000)]
    assert "10000 items with 1000000 classes are more than fit into memory" in message_of(
        jsonl(folder, *rows)
    )


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.sampled_from("path,label;\t\n\r\"'|:01.ax \0é{}[]"), max_size=60),
    suffix=st.sampled_from(["csv", "jsonl"]),
)
def test_any_text_is_read_or_refused_in_one_line(tmp_path, text, suffix):
    path = tmp_path / f"m.{suffix}"
    path.write_text("path,label\n" + text if suffix == "csv" else text, encoding="utf-8", newline="")
    message = ""
    try:
        read_manifest(path)
    except DataError as error:
        message = str(error)
    assert "\n" not in message
