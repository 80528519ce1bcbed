"""Amazon Cognito as moto has it: its tokens, its groups, its issuer; the hosted pages are a stand-in."""

import importlib.util
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from airegistry.core.errors import Unauthenticated
from tests.oauth.providers.cognito import GROUP, HOSTED, Cognito, Rerouted, cognito
from tests.oauth.providers.world import World, world

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(
        importlib.util.find_spec("moto") is None, reason="no moto: pip install 'moto[server,cognitoidp]'"
    ),
]


@dataclass
class Pool:
    """A registry, and the pool it knows as `cognito`."""

    registry: World
    cognito: Cognito
    http: Rerouted


@pytest.fixture
async def pool(tmp_path: Path) -> AsyncIterator[Pool]:
    http = Rerouted()
    async with world(http=http) as registry, cognito(tmp_path, http) as made:
        await registry.put("cognito", made.issuer, profile="cognito", client_id=made.client_id)
        yield Pool(registry, made, http)


async def login(pool: Pool) -> str:
    """Log in, the browser finding the hosted pages too; returns the user's id."""
    browser = pool.registry.browser()
    start = await browser.get(f"{pool.registry.url}/login/cognito")
    location = start.headers["location"]
    assert location.startswith(f"{HOSTED}/oauth2/authorize?")
    there = await browser.get(location.replace(HOSTED, pool.http.routes[HOSTED]))
    page = await browser.walk(there)
    assert urlsplit(str(page.url)).path == "/account", page.text
    session = await browser.session()
    assert session is not None
    url = await pool.registry.party.logout_url(session, "https://registry.test/logout")
    assert url is not None
    assert url.startswith(f"{HOSTED}/logout?")
    query = parse_qs(urlsplit(url).query)
    assert query == {"client_id": [pool.cognito.client_id], "logout_uri": ["https://registry.test/logout"]}
    return session.user


async def test_a_person_logs_in_with_groups_and_is_logged_out_at_the_hosted_pages(pool: Pool) -> None:
    user = pool.registry.directory.known(await login(pool))
    assert user is not None
    assert (user.provider_groups, user.email) == ([GROUP], "alice@corp.test")


async def test_tokens_hold_for_their_use_client_pool_and_login_alone(pool: Pool) -> None:
    tokens, provider = await pool.cognito.tokens("n"), pool.registry.providers.get("cognito")
    metadata = await pool.registry.client.metadata(provider)
    check, access = pool.registry.tokens.identity, tokens["AccessToken"]
    claims = await check(tokens["IdToken"], provider, metadata, nonce="n", access_token=access)
    assert claims["cognito:groups"] == [GROUP]
    for token, changes, nonce in (
        (access, {}, "n"),
        (tokens["IdToken"], {"client_id": "another"}, "n"),
        (tokens["IdToken"], {"issuer": f"{pool.cognito.issuer}x"}, "n"),
        (tokens["IdToken"], {"issuer": f"{pool.cognito.issuer}/"}, "n"),
        (tokens["IdToken"], {}, "of another login"),
    ):
        with pytest.raises(Unauthenticated):
            await check(token, provider.model_copy(update=changes), metadata, nonce=nonce, access_token=access)
