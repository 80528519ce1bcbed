"""What is taken down of a call's parameters, and printed of records."""

import csv
import io

import orjson
import pytest
from pydantic import JsonValue

from airegistry.core.audit_parameters import BUDGET, CUT, LONGEST, Mode, Parameters
from airegistry.core.audit_printing import COLUMNS, csv_head, csv_line, json_line
from airegistry.core.documents import Json

SECRETS = (
    "Bearer abcdefgh12345678", "ghp_" + "a" * 36, "AKIA" + "A" * 16, "sk-" + "a" * 24,
    "eyJ" + "a" * 20 + ".b", "-----BEGIN RSA PRIVATE KEY-----",
)  # fmt: skip


def taken(arguments: Json, mode: Mode = "masked", classification: str | None = None) -> JsonValue:
    said: Json = {"name": "forecast", "_meta": {"token": "x"}, "arguments": arguments}
    return Parameters({"": mode}).of(lambda: said, classification)


def test_the_arguments_of_a_call_are_taken_down_without_what_else_it_says() -> None:
    assert taken({"city": "Bern", "days": 3, "hourly": True, "none": None}) == {
        "city": "Bern", "days": 3, "hourly": True, "none": None,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["password", "apiKey", "api_key", "X-Auth-Token", "client_secret", "otp", "sessionId"])
@pytest.mark.parametrize("mode", ["masked", "full"])
@pytest.mark.parametrize("value", ["hunter2", 1234, {"nested": "x"}, ["x"]])
def test_what_has_the_name_of_a_secret_is_masked_in_every_mode(name: str, mode: Mode, value: JsonValue) -> None:
    assert taken({"deep": [{name: value}]}, mode) == {"deep": [{name: "***"}]}


@pytest.mark.parametrize("secret", SECRETS)
def test_what_looks_like_a_secret_is_masked_unless_everything_is_wanted(secret: str) -> None:
    text = f"use {secret} now"
    assert taken({"note": text}) == {"note": "***"}
    assert taken({"note": text}, "full") == {"note": text}


def test_a_url_loses_its_password_and_the_secrets_of_its_query() -> None:
    found = taken({"at": "see https://ann:hunter2@api.test/x?token=abc&page=2"})
    assert found == {"at": "see https://api.test/x?token=***&page=2"}


def test_a_secret_that_the_cut_would_split_is_masked() -> None:
    assert taken({"note": "x" * (LONGEST - 10) + " ghp_" + "a" * 36}) == {"note": "***"}


def test_large_parameters_are_cut_and_say_so() -> None:
    found = taken({f"text{number}": "word " * 100 for number in range(100)})
    assert len(orjson.dumps(found)) < 3 * BUDGET
    assert isinstance(found, dict)
    assert "more" in str(found[CUT])
    assert "(500 characters)" in str(found["text0"])
    deep: JsonValue = "x"
    for _ in range(100):
        deep = [deep]
    assert len(orjson.dumps(taken({"deep": deep}))) < 100


def test_text_that_is_no_unicode_can_be_stored() -> None:
    assert orjson.dumps(taken({"bad": "\ud800"}))


@pytest.mark.parametrize(
    ("classification", "expected"),
    [("restricted", None), ("public", {"note": SECRETS[0]}), ("internal", {"note": "***"}), (None, {"note": "***"})],
)
def test_the_class_of_data_decides_how_much(classification: str | None, expected: JsonValue) -> None:
    rules = Parameters({"": "masked", "restricted": "none", "public": "full"})
    assert rules.of(lambda: {"arguments": {"note": SECRETS[0]}}, classification) == expected


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=1"])
def test_no_cell_of_csv_is_a_formula(text: str) -> None:
    (row,) = csv.reader(io.StringIO(csv_line({"subject": text, "parameters": text}), newline=""))
    assert {cell for cell in row if cell} == {f"'{text}"}


def test_a_record_is_printed_whole_in_either_format() -> None:
    record: Json = {"subject": 'a "quoted", name', "scopes": ["x", "y"], "latency_ms": -1.5, "seq": 3, "hash": "ab"}
    head, row = csv.reader(io.StringIO(csv_head() + csv_line(record), newline=""))
    assert head == [*COLUMNS]
    assert {name: cell for name, cell in zip(head, row, strict=True) if cell} == {
        "subject": 'a "quoted", name', "scopes": '["x","y"]', "latency_ms": "-1.5", "seq": "3", "hash": "ab",
    }  # fmt: skip
    assert orjson.loads(json_line(record)) == record
