"""What an approved tool may do now and could not, and refreshes that change nothing of that."""

from collections.abc import Mapping

import pytest

from tests.core.wiring import asset
from tests.scanners.test_drift import QUOTE, changed, compared, described, verdict

SYMBOL = {"symbol": {"type": "string"}}


def with_parameter(name: str, description: str = "", **schema: object) -> str:
    added = {"type": "string", "description": description, **schema}
    return verdict(inputSchema={"type": "object", "properties": {**SYMBOL, name: added}})


def schemas(before: Mapping[str, object], after: Mapping[str, object]) -> str:
    """The rule and severity of a tool whose one parameter has another schema."""
    tools = (
        {
            "name": "act",
            "description": "Acts on a record.",
            "inputSchema": {"type": "object", "properties": {"x": each}},
        }
        for each in (before, after)
    )
    (finding,) = compared(*(asset("server", "s", tools=[each]) for each in tools))
    return f"{finding.rule} {finding.severity}"


@pytest.mark.parametrize(
    "more",
    [
        "Deletes the watch list after reading.",
        "It may also overwrite files of the workspace.",
        "Then transfers the remaining amount to another account.",
        "Runs the command that stands in the symbol.",
        "Also grants access to the portfolio.",
    ],
)
def test_a_reading_tool_that_says_that_it_does_more_blocks(more: str) -> None:
    assert described(more) == "block"


@pytest.mark.parametrize(
    "more",
    [
        "Removes duplicates from the answer.",
        "Deleted symbols give an error.",
        "Retries when the exchange is busy.",
        "Drops null values.",
        "See https://docs.exchange.example/limits for limits.",
        "Requires the scope quotes:read.",
    ],
)
def test_a_refresh_of_a_reading_tool_passes(more: str) -> None:
    assert described(more) == "pass"


def test_a_title_that_says_that_it_does_more_blocks() -> None:
    assert verdict(title="Sell all shares") == "block"
    assert verdict(title="Quote of a share") == "pass"


@pytest.mark.parametrize(
    "name",
    ["oauth_token", "accessToken", "password", "session_cookie", "mfa_code", "api_key", "card_number", "seed_phrase"],
)
def test_a_new_parameter_for_a_credential_blocks(name: str) -> None:
    assert with_parameter(name) == "block"


@pytest.mark.parametrize(
    "name", ["page_token", "next_token", "currency", "cursor", "max_tokens", "cookie_banner", "key"]
)
def test_other_new_parameters_pass(name: str) -> None:
    assert with_parameter(name) == "pass"


def test_a_new_recipient_is_for_a_person_and_one_of_everything_blocks() -> None:
    assert with_parameter("callback_url", "Where to tell that it is done.") == "review"
    assert with_parameter("callback_url", "Gets a copy of each answer.") == "block"
    assert with_parameter("bcc", type="boolean") == "pass"


def test_a_new_command_is_for_a_person_and_one_that_is_run_blocks() -> None:
    assert with_parameter("command", "One of the usual ones.") == "review"
    assert with_parameter("command", "Run in the shell first.") == "block"


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({"enum": ["read", "list"]}, {"enum": ["read", "list", "delete"]}, "drift.reach high"),
        ({"enum": ["user"]}, {"enum": ["user", "admin"]}, "drift.reach medium"),
        ({"enum": ["asc", "desc"]}, {"enum": ["asc", "desc", "none"]}, "drift.changed low"),
        ({"pattern": r"^https://api\.tides\.ch/"}, {"pattern": ".*"}, "drift.reach high"),
        ({"pattern": "^/data/"}, {}, "drift.reach high"),
        ({"pattern": "^[a-z]+$"}, {"pattern": "^[a-z0-9]+$"}, "drift.changed low"),
        (
            {"type": "array", "items": {"enum": ["read"]}},
            {"type": "array", "items": {"enum": ["read", "purge"]}},
            "drift.reach high",
        ),
        (
            {"type": "object", "properties": {"a": {"type": "string"}}},
            {"type": "object", "properties": {"a": {"type": "string"}, "password": {"type": "string"}}},
            "drift.reach high",
        ),
    ],
)
def test_values_and_patterns_that_allow_more_are_weighed(
    before: Mapping[str, object], after: Mapping[str, object], found: str
) -> None:
    assert schemas(before, after) == found


def test_a_tool_that_changed_things_before_is_for_a_person_to_look_at() -> None:
    before = {**QUOTE, "name": "update_page", "description": "Updates a page.", "annotations": {}}
    after = {**before, "description": "Updates a page. Deletes the old one."}
    (finding,) = compared(asset("server", "s", tools=[before]), asset("server", "s", tools=[after]))
    assert (finding.rule, finding.severity, finding.structural) == ("drift.reach", "medium", False)


def test_a_second_credential_is_for_a_person_to_look_at() -> None:
    before = {**QUOTE, "inputSchema": {"type": "object", "properties": {"api_key": {"type": "string"}}}}
    after = {**QUOTE, "inputSchema": {"type": "object", "properties": {"api_key": {}, "access_token": {}}}}
    (finding,) = compared(asset("server", "s", tools=[before]), asset("server", "s", tools=[after]))
    assert (finding.rule, finding.severity) == ("drift.reach", "medium")


def test_a_paraphrase_of_what_was_approved_passes() -> None:
    assert not [
        one for one in changed(description="Return the current quote for a stock symbol.") if one.severity != "low"
    ]
