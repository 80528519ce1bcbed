"""Documents that describe clients, and how they are refused."""

import json

import pytest

from airegistry.oauth.clients.client_documents import ClientDocuments
from airegistry.oauth.forms import OAuthError

URL = "https://app.example/oauth/client.json"


def document(url: str = URL, **more: object) -> bytes:
    """A document as Claude Code publishes its own."""
    redirects = ["http://localhost/callback", "http://127.0.0.1/callback"]
    known = {"client_id": url, "client_name": "Claude Code", "redirect_uris": redirects,
             "token_endpoint_auth_method": "none"}  # fmt: skip
    return json.dumps({name: value for name, value in {**known, **more}.items() if value is not None}).encode()


async def refused(documents: ClientDocuments, url: str = URL, error: str = "invalid_client") -> str:
    """Why a client id is refused."""
    with pytest.raises(OAuthError) as refusal:
        await documents.find(url)
    assert refusal.value.error == error
    return refusal.value.message
