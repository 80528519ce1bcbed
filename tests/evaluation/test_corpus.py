"""What a file of documents or queries may hold, and what is said of one that holds something else."""

from pathlib import Path

import pytest

from airegistry.core.assets import Json
from airegistry.core.errors import Invalid
from airegistry.evaluation.corpus import Document, Part, read_corpus, read_queries


def written(folder: Path, *lines: str) -> Path:
    """A file of these lines."""
    file = folder / "lines.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def test_what_is_absent_or_null_is_empty(tmp_path: Path) -> None:
    file = written(
        tmp_path, '{"id": 7, "type": "tool"}', '{"id": "b", "type": "skill", "tags": null, "extra": [1]}', ""
    )
    bare, other = read_corpus(file)
    assert bare == Document(id="7", type="tool")
    assert (other.name, other.tags, other.body) == ("", [], "")


def test_a_byte_order_mark_and_line_separators_inside_texts_are_read(tmp_path: Path) -> None:
    file = written(tmp_path, '\ufeff{"id": "a", "type": "skill", "body": "one\u2028two\x85three"}', " ")
    assert read_corpus(file)[0].body == "one\u2028two\x85three"


@pytest.mark.parametrize(
    ("given", "schema"),
    [
        ({}, {}),
        ({"schema": {"properties": {"q": {}}}, "params": ["x"]}, {"properties": {"q": {}}}),
        ({"inputSchema": {"properties": {"q": {}}}}, {"properties": {"q": {}}}),
        ({"params": ["q", "n"]}, {"type": "object", "properties": {"q": {}, "n": {}}}),
        ({"schema": {"params": ["q"]}}, {"params": ["q"], "type": "object", "properties": {"q": {}}}),
        ({"params": [{"name": "q", "description": "What"}, {}]},
         {"type": "object", "properties": {"q": {"name": "q", "description": "What"}}}),
        ({"params": {"q": "What", "n": {"type": "number"}, "z": 1}},
         {"type": "object", "properties": {"q": {"description": "What"}, "n": {"type": "number"}, "z": {}}}),
        ({"params": "q"}, {}),
    ],
)  # fmt: skip
def test_parameters_come_in_any_usual_form(given: Json, schema: Json) -> None:
    assert Part.model_validate(given).input_schema == schema


def test_grades_of_nothing_and_less_are_not_relevant(tmp_path: Path) -> None:
    file = written(
        tmp_path, '{"qid": "1", "query": "a", "relevant": {"x": 2, "y": 0, "z": -1}}', '{"qid": "2", "query": "b"}'
    )
    first, second = read_queries(file)
    assert first.grades == {"x": 2.0}
    assert second.grades == {}


GOOD = '{"id": "a", "type": "tool"}'


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([GOOD, "", "{"], ":3: Invalid JSON: "),
        ([GOOD, "[1]"], ":2: Input should be an object"),
        ([GOOD, '{"type": "tool"}'], ":2: id: Field required"),
        ([GOOD, '{"id": "b", "type": "plugin"}'], ":2: type: Input should be 'server', 'tool', 'agent' or 'skill'"),
        ([GOOD, '{"id": "b", "type": "tool", "tags": "x"}'], ":2: tags: Input should be a valid array"),
        ([GOOD, '{"id": "b", "type": "server", "tools": [{}, 1]}'], ":2: tools.1: "),
        ([GOOD, GOOD], ":2: 'a' stands on an earlier line already"),
        (["", " "], ": the file is empty"),
    ],
)
def test_a_line_that_is_no_document_is_named(tmp_path: Path, lines: list[str], says: str) -> None:
    file = written(tmp_path, *lines)
    with pytest.raises(Invalid) as refused:
        read_corpus(file)
    assert refused.value.message.startswith(f"{file}{says}")


@pytest.mark.parametrize("line", ['{"qid": "1"}', '{"qid": "1", "query": "a", "relevant": {"x": "much"}}',
                                  '{"qid": "1", "query": "a", "relevant": ["x"]}',
                                  '{"qid": "1", "query": "a", "relevant": {"x": 1e9}}'])  # fmt: skip
def test_a_line_that_is_no_query_is_named(tmp_path: Path, line: str) -> None:
    file = written(tmp_path, line)
    with pytest.raises(Invalid, match=r":1: \w+"):
        read_queries(file)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"cannot read `.*nowhere`: "):
        read_corpus(tmp_path / "nowhere")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Invalid, match=r"cannot read `.*binary`: "):
        read_corpus(tmp_path / "binary")
