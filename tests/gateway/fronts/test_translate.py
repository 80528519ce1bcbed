"""What differs between the eras inside messages."""

import pytest

from airegistry.core.assets import Json
from airegistry.core.errors import ConsentRequired, Unsupported
from airegistry.gateway.channels.exchange import Answer, Opening
from airegistry.gateway.fronts import translate
from airegistry.gateway.fronts.consent import consent_refusal, without_opened

INFO = "io.modelcontextprotocol/serverInfo"


def test_parameters_lose_what_only_the_modern_era_has() -> None:
    meta: Json = {"progressToken": 1, "io.modelcontextprotocol/clientInfo": {}, "mine": 2}
    params: Json = {"name": "x", "inputResponses": {}, "requestState": "s", "_meta": meta}
    assert translate.params_for_legacy(params) == {"name": "x", "_meta": {"progressToken": 1, "mine": 2}}
    assert translate.params_for_legacy({"_meta": {"io.modelcontextprotocol/logLevel": "info"}}) == {}


def test_a_modern_result_keeps_what_it_says_and_is_never_public() -> None:
    result: Json = {"resources": [], "ttlMs": 5, "cacheScope": "public", "_meta": {INFO: {"name": "own"}}}
    made = translate.result_for_modern("resources/list", result, {"name": "other"})
    assert made == {**result, "resultType": "complete", "cacheScope": "private"}
    listed = translate.result_for_modern("tools/list", {"tools": [{"name": "t", "execution": {}}]}, None)
    assert listed["tools"] == [{"name": "t"}]


@pytest.mark.parametrize(
    ("version", "content"),
    [
        ("2025-06-18", ["resource_link", "audio"]),
        ("2025-03-26", ["text", "audio"]),
        ("2024-11-05", ["text", "text"]),
    ],
)
def test_content_that_a_version_does_not_know_becomes_text(version: str, content: list[str]) -> None:
    parts: Json = {"content": [{"type": "resource_link", "name": "n", "uri": "u"}, {"type": "audio", "mimeType": "a"}]}
    made = translate.result_for_legacy("tools/call", parts, version)["content"]
    assert isinstance(made, list)
    assert [part["type"] for part in made if isinstance(part, dict)] == content


def test_structured_content_that_is_no_object_becomes_text() -> None:
    made = translate.result_for_legacy("tools/call", {"resultType": "complete", "structuredContent": [1]}, "2025-11-25")
    assert made == {"content": [{"type": "text", "text": "[1]"}]}
    tools: Json = {"tools": [{"name": "t", "outputSchema": {"type": "array"}}, {"outputSchema": {"type": "object"}}]}
    listed = translate.result_for_legacy("tools/list", tools, "2025-11-25")
    assert listed["tools"] == [{"name": "t"}, {"outputSchema": {"type": "object"}}]


def test_the_code_of_a_resource_that_is_not_there_differs() -> None:
    error: Json = {"code": -32002, "message": "none"}
    assert translate.error_for_modern("resources/read", error)["code"] == -32602
    assert translate.error_for_modern("tools/call", error) == error
    assert translate.error_for_legacy("resources/read", {"code": -32602})["code"] == -32002
    assert translate.error_for_legacy("tools/call", {"code": -32602})["code"] == -32602


@pytest.mark.parametrize(
    ("capabilities", "mode", "can"),
    [
        ({}, "form", False),
        ({"elicitation": {}}, "form", True),
        ({"elicitation": {}}, "url", False),
        ({"elicitation": {"url": {}}}, "form", False),
        ({"elicitation": {"url": {}}}, "url", True),
        ({"elicitation": {"form": {}, "url": {}}}, "form", True),
    ],
)
def test_the_modes_of_elicitation_are_told_apart(capabilities: Json, mode: str, can: bool) -> None:
    assert translate.can_answer(capabilities, "elicitation/create", {"mode": mode}) is can


def test_tasks_are_neither_made_nor_told_of() -> None:
    made: list[tuple[str, Json]] = [("tasks/get", {}), ("tools/call", {"task": {}})]
    for method, params in made:
        with pytest.raises(Unsupported, match="not bridged"):
            translate.check_no_task(method, params)
    told = translate.capabilities_told({"tasks": {}, "extensions": {"io.modelcontextprotocol/tasks": {}, "x": {}}})
    assert told == {"extensions": {"x": {}}}
    assert "tasks" not in str(translate.initialized(Opening({"tasks": {}}, {}, "do", "2025-11-25"), "2025-06-18"))


def test_notifications_of_other_sorts_do_not_belong_to_a_modern_request() -> None:
    for method in ("notifications/tools/list_changed", "notifications/elicitation/complete"):
        assert translate.notice_for_modern({"method": method}, 1, "debug") is None
    progress: Json = {"method": "notifications/progress", "params": {"progressToken": 1, "progress": 2}}
    assert translate.notice_for_modern(progress, None, None) is None
    assert translate.notice_for_modern(progress, "b", None) == {
        "method": "notifications/progress", "params": {"progressToken": "b", "progress": 2},
    }  # fmt: skip
    own: Json = {"method": "notifications/own"}
    assert translate.notice_for_modern(own, None, None) == own


def test_questions_lose_what_the_other_era_has_not() -> None:
    asked: Json = {"mode": "url", "url": "u", "message": "m", "elicitationId": "e", "_meta": {}, "task": {}}
    made = translate.question_for_modern("elicitation/create", asked)
    assert made == {"method": "elicitation/create", "params": {"mode": "url", "url": "u", "message": "m"}}
    again = translate.question_for_legacy(made)
    assert again is not None
    assert again[1]["elicitationId"]
    assert translate.question_for_legacy({"method": "made/up"}) is None
    assert translate.question_for_legacy("no") is None


def test_outcomes() -> None:
    assert translate.outcome_of(Answer({"isError": True}, None)) == ("tool_error", None)
    assert translate.outcome_of(Answer({}, None)) == ("ok", None)
    assert translate.outcome_of(Answer(None, {"code": -1})) == ("error", "JSON-RPC -1")


def test_a_consent_is_asked_for_only_of_who_opens_pages() -> None:
    error = ConsentRequired("connect", url="https://example.test/c", id="c")
    assert consent_refusal(error, 1, {"elicitation": {}}, "modern") is None
    assert b'"input_required"' in (consent_refusal(error, 1, {"elicitation": {"url": {}}}, "modern") or b"")
    assert b"-32042" in (consent_refusal(error, 1, {"elicitation": {"url": {}}}, "legacy") or b"")


def test_backends_do_not_see_the_answers_to_the_gateways_own_questions() -> None:
    params: Json = {"name": "x", "inputResponses": {"airegistry.url.0": {}, "theirs": {}}}
    assert without_opened(params) == {"name": "x", "inputResponses": {"theirs": {}}}
    assert without_opened({"inputResponses": {"airegistry.url.0": {}}}) == {}
    assert without_opened({"inputResponses": {"theirs": {}}}) == {"inputResponses": {"theirs": {}}}
