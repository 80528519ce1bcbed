"""Which documents the results of a running registry are."""

from airegistry.core.assets import Json
from airegistry.evaluation.corpus import Document
from airegistry.evaluation.matching import Names, as_path


def doc(id_: str, kind: str, name: str, server: str = "") -> Document:
    """A document."""
    return Document.model_validate({"id": id_, "type": kind, "name": name, "server": server})


def hit(kind: str, name: str, server: str | None = None) -> Json:
    """A result of `search_registry`."""
    return {"kind": kind, "name": name, "server": server, "path": "p", "score": 0.5}


def test_results_are_documents_of_their_kind_and_name() -> None:
    names = Names([doc("a", "server", "Same"), doc("b", "agent", "Same"), doc("c", "skill", "Other")])
    assert names.ids([hit("agent", "Same"), hit("skill", "Same"), hit("entity", "Other"), hit("skill", "Other")]) == [
        "b", "c",
    ]  # fmt: skip


def test_of_tools_with_one_name_that_of_the_results_server_is_meant() -> None:
    names = Names([doc("far", "tool", "get", "Far Away"), doc("near", "tool", "get", "io.github.x/near")])
    assert names.ids([hit("tool", "get", "io.github.x-near"), hit("tool", "get", "far-away")]) == ["near", "far"]
    assert names.ids([hit("tool", "get", "elsewhere")]) == ["far"]


def test_a_document_is_taken_once() -> None:
    names = Names([doc("a", "skill", "k"), doc("b", "skill", "k")])
    assert names.ids([hit("skill", "k")] * 3) == ["a", "b"]


def test_a_name_becomes_a_path_as_people_write_it() -> None:
    assert [as_path(name) for name in ("Far Away (beta)!", "io.github.x/y", "")] == [
        "far-away-beta",
        "io.github.x-y",
        "",
    ]
