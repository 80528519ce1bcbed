"""What the signatures of an agent card claim (A2A 1.0, JWS of RFC 7515), so that nobody takes them for verified."""

import base64
import binascii
import json
from typing import Literal

from pydantic import JsonValue

from airegistry.core.assets import Json, Model

MOST = 10
"""Signatures that are shown of a card."""
LONGEST = 16_384
_SHOWN = 300


class CardSignature(Model):
    """One signature as its own header describes it; whether it holds, and who signed, was not looked at.

    `alg` is the algorithm, `kid` the key's id, `jku` where the signer says its keys are; empty where it says nothing.
    """

    status: Literal["not_verified", "malformed"] = "not_verified"
    alg: str = ""
    kid: str = ""
    jku: str = ""


def signatures_of(card: Json) -> list[CardSignature]:
    """The signatures of a card, in its order."""
    signatures = card.get("signatures")
    return [_read(each) for each in signatures[:MOST]] if isinstance(signatures, list) else []


def _read(signature: JsonValue) -> CardSignature:
    protected = signature.get("protected") if isinstance(signature, dict) else None
    header = _object(protected) if isinstance(protected, str) else None
    if header is None or header.get("alg") in (None, "none"):
        return CardSignature(status="malformed")
    return CardSignature(alg=_text(header, "alg"), kid=_text(header, "kid"), jku=_text(header, "jku"))


def _object(encoded: str) -> Json | None:
    if len(encoded) > LONGEST:
        return None
    try:
        value = json.loads(base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _text(header: Json, name: str) -> str:
    value = header.get(name)
    return value[:_SHOWN] if isinstance(value, str) else ""
