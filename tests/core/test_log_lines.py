import json
import logging
import sys
from typing import NoReturn

import pytest

from airegistry.core.correlation import begin_request, current_request_id, end_request, is_request_id
from airegistry.core.documents import Json
from airegistry.core.log_lines import MESSAGE, NAME, TRACEBACK, Describe, LogFilter, printed_json, printed_text

FORGED = "\n2026-11-20T12:00:00.000Z ERROR    airegistry: forged\r\x1b[31m\u2028\u2029\x85\x0b\x0c\x1c\u202e"


class Asked:
    """A request of somebody."""

    id = "req-1"
    subject = "user:ann"


class Unprintable:
    def __str__(self) -> NoReturn:
        raise ValueError("cannot be printed")


def record(message: object, *args: object, level: int = logging.INFO, name: str = "airegistry.x") -> logging.LogRecord:
    return logging.LogRecord(name, level, "file.py", 1, message, args, None)


def failed(error: Exception) -> logging.LogRecord:
    """What `log.exception` makes of an error."""
    try:
        raise error
    except type(error):
        return logging.LogRecord("airegistry.x", logging.ERROR, "file.py", 1, "it failed", (), sys.exc_info())


def test_a_record_says_when_how_severe_who_and_what() -> None:
    line = Describe()(record("%d of %s", 3, "four", level=logging.WARNING))
    assert str(line.pop("time")).endswith("Z")
    assert line == {"level": "warning", "logger": "airegistry.x", "message": "3 of four"}


def test_what_belongs_to_a_request_and_a_trace_says_so() -> None:
    token = begin_request(Asked())
    try:
        line = Describe(trace=lambda: ("a" * 32, "b" * 16))(record("x"))
    finally:
        end_request(token)
    assert (line["request_id"], line["subject"]) == ("req-1", "user:ann")
    assert (line["trace_id"], line["span_id"]) == ("a" * 32, "b" * 16)
    assert current_request_id() is None


def test_no_value_can_look_like_a_line_of_its_own() -> None:
    line = Describe()(failed(ValueError(FORGED)))
    line |= {"message": FORGED, "logger": f"a{FORGED}", "subject": FORGED}
    assert json.loads(printed_json(line)) == line
    assert len(printed_json(line).splitlines()) == 1
    head, *rest = printed_text(line).splitlines()
    assert head.startswith(str(line["time"])[:10])
    assert all(each.startswith("    | ") for each in rest)
    assert all(character.isprintable() for each in (head, *rest) for character in each)


def test_a_traceback_stands_in_the_record_itself() -> None:
    exception = str(Describe()(failed(KeyError("weather")))["exception"])
    assert exception.startswith("Traceback (most recent call last):")
    assert exception.endswith("KeyError: 'weather'")


def test_huge_texts_are_cut_and_a_traceback_keeps_its_end() -> None:
    line = Describe()(record("m" * 10_000_000, name="n" * 10_000))
    assert len(str(line["message"])) < MESSAGE + 100
    assert len(str(line["logger"])) == NAME
    exception = str(Describe()(failed(ValueError("e" * 1_000_000 + " the end")))["exception"])
    assert len(exception) < TRACEBACK + 100
    assert exception.endswith("the end")


@pytest.mark.parametrize(
    "broken", [record("%d", "three"), record("%s", Unprintable()), record(Unprintable()), record("%(a)s")]
)
def test_what_cannot_be_printed_fails_nothing(broken: logging.LogRecord) -> None:
    assert Describe()(broken)["message"]


def test_texts_that_are_no_unicode_are_taken_down() -> None:
    line = Describe()(record("half a pair: %s", "\ud800"))
    assert printed_json(line).encode().isascii()
    assert "\ud800" not in str(line["message"])


def test_secrets_are_masked_before_texts_are_cut() -> None:
    secret = "known-secret-0123456789"
    at_the_cut = "m" * (MESSAGE - 10) + secret + "m" * 100
    line = Describe([secret])(record(at_the_cut))
    assert "known-se" not in str(line["message"])
    assert "hunter2" not in str(Describe()(failed(ValueError("password=hunter2")))["exception"])


BODY: Json = {
    "time": "2026-11-20T12:00:00.5Z",
    "level": "warning",
    "logger": "airegistry.core.audit",
    "message": "Ärger",
}


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ({}, True), ({"logger": "airegistry.core"}, True), ({"logger": "airegistry.co"}, False),
        ({"text": "ärger"}, True), ({"text": "peace"}, False), ({"since": "2026-11-20T12:00:01Z"}, False),
        ({"until": "2026-11-20T12:00:01"}, True), ({"until": "2026-11-20T12:00:00"}, False),
    ],
)  # fmt: skip
def test_what_is_asked_for_is_found(asked: Json, fits: bool) -> None:
    assert LogFilter.model_validate(asked).fits(BODY) is fits


def test_a_level_stands_for_itself_and_what_is_worse() -> None:
    assert LogFilter(level="error", request_id="r").where == {"level": ["error", "critical"], "request_id": "r"}
    assert LogFilter(level="debug").where == {}


@pytest.mark.parametrize("text", ["a", "A-1", "0af7651916cd43dd8448eb211c80319c", "x" * 128, "a:b._-"])
def test_an_id_of_a_request_is_well_formed(text: str) -> None:
    assert is_request_id(text)


@pytest.mark.parametrize("text", ["", "-a", "a b", "a\n", "a\r\nX: y", "x" * 129, "ä", 'a"b', "a;b", "a{b"])
def test_another_text_is_no_id_of_a_request(text: str) -> None:
    assert not is_request_id(text)
