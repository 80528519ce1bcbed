import time

import pytest

from airegistry.core.masked_text import masked_text

JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl"
PEM = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIBase64\n-----END EC PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("refused Bearer abcdefgh12345678 here", "refused Bearer *** here"),
        ("authorization: Basic YWxhZGRpbjpvcGVuc2VzYW1l", "authorization: Basic ***"),
        (f"token {JWT} is over", "token *** is over"),
        ("air_0011223344556677_" + "x" * 43, "***"),
        ("family airr_abcdef.0123456789abcdef", "family ***"),
        ("whsec_" + "A" * 32, "***"),
        (f"key {PEM} end", "key *** end"),
        ("half of one: " + PEM[:40], "half of one: ***"),
        ("postgres://ann:pw@host/x failed", "postgres://host/x failed"),
        ("password=hunter2 user=ann", "password=*** user=ann"),
        ("{'client_secret': 'hunter2', 'name': 'x'}", "{'client_secret': '***', 'name': 'x'}"),
        ('{"apiKey":"hunter2","n":1}', '{"apiKey":"***","n":1}'),
        ("X-Api-Key: abcdef0123456789", "X-Api-Key: ***"),
        ("a=b=token=hunter2", "a=b=token=***"),
    ],
)
def test_what_looks_like_a_secret_is_left_out(text: str, left: str) -> None:
    assert masked_text(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "the token is not valid here", "no password: set AIREGISTRY_ADMIN_PASSWORD", "key: value", "took 3.2 ms",
        "server:register of server/weather: 12:30:01", "https://example.test/a?page=2", "the lease 'audit' was lost",
    ],
)  # fmt: skip
def test_sentences_stay_as_they_are(text: str) -> None:
    assert masked_text(text) == text


def test_known_secrets_are_left_out_wherever_they_stand() -> None:
    assert masked_text("it said plain-known-value!", ["plain-known-value"]) == "it said ***!"


@pytest.mark.parametrize(
    "unit", ["a", "a=", "token=", "eyJ", "a.", "-----BEGIN PRIVATE KEY-----", 'key="', "://", "air_"]
)
def test_hostile_texts_take_no_longer_than_their_length_says(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    began = time.process_time()
    masked_text(text)
    assert time.process_time() - began < 2
