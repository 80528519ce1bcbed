"""Signatures of agent cards are shown as what they are: claims that nobody verified."""

import base64
import json

import pytest

from airegistry.core.assets import Agent, Json
from airegistry.core.card_signatures import CardSignature, signatures_of
from airegistry.core.said import body_of
from airegistry.tools.shapes import shown, unaddressed


def protected(header: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")


def test_what_a_signature_claims_is_shown_as_not_verified() -> None:
    header = {"alg": "ES256", "kid": "k1", "jku": "https://signer.test/keys", "typ": "JOSE"}
    card: Json = {"name": "a", "signatures": [{"protected": protected(header), "signature": "abc"}]}
    assert signatures_of(card) == [
        CardSignature(status="not_verified", alg="ES256", kid="k1", jku="https://signer.test/keys")
    ]


@pytest.mark.parametrize("header", [
    protected({"alg": "none"}), protected({"kid": "k"}), protected(["ES256"]), "%%%", "e", "A" * 20_000,
    protected("[" * 5_000), 7, None,
])  # fmt: skip
def test_one_that_cannot_be_read_or_says_it_is_none_is_malformed(header: object) -> None:
    assert signatures_of({"signatures": [{"protected": header, "signature": "abc"}]}) == [  # type: ignore[dict-item]
        CardSignature(status="malformed")
    ]


@pytest.mark.parametrize("signatures", [None, {}, "x", []])
def test_a_card_without_signatures_has_none(signatures: object) -> None:
    assert signatures_of({"signatures": signatures}) == []  # type: ignore[dict-item]


def test_what_is_claimed_is_bounded() -> None:
    signature: Json = {"protected": protected({"alg": "x" * 1000}), "signature": "abc"}
    found = signatures_of({"signatures": [signature] * 50})
    assert (len(found), len(found[0].alg)) == (10, 300)


def test_details_of_an_agent_say_it_to_those_who_may_know_where_it_is() -> None:
    header = {"alg": "ES256", "kid": "k1"}
    card: Json = {"name": "a", "signatures": [{"protected": protected(header), "signature": "abc"}]}
    agent, silent = Agent(path="a", name="a", card=card), Agent(path="a", name="a", card={"name": "a"})
    claimed: Json = {"status": "not_verified", "alg": "ES256", "kid": "k1", "jku": ""}
    assert shown(agent, body_of(agent), "")["card_signatures"] == [claimed]
    assert "card_signatures" not in shown(agent, body_of(agent), "", detail="brief")
    assert "card_signatures" not in unaddressed(shown(agent, body_of(agent), ""))
    assert "card_signatures" not in shown(silent, body_of(silent), "")
