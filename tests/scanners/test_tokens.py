"""Which tokens are secrets, and what of them a report shows."""

import base64
import json

import pytest

from airegistry.core.findings import judged
from airegistry.scanners.secrets import Secrets
from airegistry.scanners.tokens import redacted, secrets_in
from tests.core.wiring import asset
from tests.scanners.around import ALONE


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def token(claims: object, signature: str = "Qm9vPz8_" * 6, header: object = {"alg": "RS256"}) -> str:
    return f"{segment(header)}.{segment(claims)}.{signature}"


LIVE = {"sub": "svc-batch", "aud": "billing", "exp": 1999999999}


def test_a_token_that_may_be_in_use_is_reviewed_and_blocks_nothing() -> None:
    found = Secrets().scan(asset("agent", "a", description=f"Call it with {token(LIVE)}."), ALONE)
    assert [each.rule for each in found] == ["secrets.in-text"]
    assert judged(found)[0] == "review"


@pytest.mark.parametrize(
    "sample",
    [
        token({"sub": "1234567890", "iat": 1516239022}),
        token({"sub": "1", "name": "John Doe"}),
        token({"sub": "7", "iss": "https://issuer.example.com"}),
        token(LIVE, signature="c2lnbmF0dXJl"),
        token([1]),
        token(LIVE, header={"typ": "JWT"}),
        f"{segment({'alg': 'HS256'})}.bm8ganNvbg.{'A' * 43}",
        f"{segment({'alg': 'HS256'})}.{segment(LIVE)}",
    ],
)
def test_a_sample_of_a_token_is_no_secret(sample: str) -> None:
    assert list(secrets_in(f"Decodes a token such as {sample}.")) == []


@pytest.mark.parametrize("shown", [token(LIVE), token(LIVE, signature="c2lnbmF0dXJl"), token({"sub": "1234567890"})])
def test_nothing_of_a_token_is_left_in_the_evidence(shown: str) -> None:
    assert redacted(f"see {shown}, here") == "see <JSON Web Token>, here"


def test_other_secrets_block_by_themselves() -> None:
    found = Secrets().scan(asset("agent", "a", description=f"Call it with ghp_{'a1B2' * 9}."), ALONE)
    assert judged(found)[0] == "block"
