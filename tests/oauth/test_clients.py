"""Clients: who may register what, what is kept of it, and when it ends."""

import anyio
import pytest

from airegistry.core.errors import AccessDenied, Invalid, NotFound
from airegistry.core.grants import Grant, Scope
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.tokens import digest
from airegistry.oauth.clients.clients import ClientChange, Clients
from airegistry.oauth.forms import OAuthError
from airegistry.oauth.model import ASSERTION_GRANT, CLIENT_GRANT, CODE_GRANT, EXCHANGE_GRANT, REFRESH_GRANT, Client
from tests.core.wiring import BOB
from tests.oauth.registering import MACHINE, Kept, opened

pytestmark = pytest.mark.anyio


@pytest.fixture
async def kept() -> Kept:
    return await opened()


async def test_a_machine_gets_a_secret_once_and_only_its_hash_is_kept(kept: Kept) -> None:
    """Trap 3."""
    client, secret = await kept.clients.put(SYSTEM, "ci", MACHINE)
    assert secret is not None
    assert len(secret) == 43
    assert client.secret_hash == digest(secret)
    assert (client.grant_types, client.token_endpoint_auth_method) == ([CLIENT_GRANT], "client_secret_basic")
    assert kept.clients.known("ci") == await kept.clients.find("ci") == client
    stored = [str(document.body) async for document in kept.world.store.find("clients")]
    assert len(stored) == 1
    assert secret not in stored[0]
    assert secret not in str(await kept.world.events())
    assert (await kept.clients.put(SYSTEM, "ci", ClientChange(client_name="CI")))[1] is None


async def test_a_connector_is_public_unless_told_otherwise(kept: Kept) -> None:
    redirects = ["http://localhost/callback"]
    client, secret = await kept.clients.put(SYSTEM, "claude", ClientChange(redirect_uris=redirects))
    assert (client.token_endpoint_auth_method, secret) == ("none", None)
    assert (client.grant_types, client.application_type) == ([CODE_GRANT, REFRESH_GRANT], "native")
    change = ClientChange(token_endpoint_auth_method="client_secret_post", redirect_uris=["https://claude.ai/cb"])
    client, secret = await kept.clients.put(SYSTEM, "claude", change)
    assert secret is not None
    assert client.application_type == "web"
    client, secret = await kept.clients.put(SYSTEM, "claude", ClientChange(token_endpoint_auth_method="none"))
    assert (client.secret_hash, secret) == (None, None)


async def test_a_rotated_secret_replaces_the_old_one(kept: Kept) -> None:
    _, first = await kept.clients.put(SYSTEM, "ci", MACHINE)
    client, second = await kept.clients.put(SYSTEM, "ci", ClientChange(), rotate_secret=True)
    assert second is not None
    assert first != second
    assert client.secret_hash == digest(second)
    assert client.groups == ["staff"]
    await kept.clients.put(SYSTEM, "open", ClientChange(redirect_uris=["https://app.example/cb"]))
    with pytest.raises(Invalid, match="has no secret"):
        await kept.clients.put(SYSTEM, "open", ClientChange(), rotate_secret=True)


async def test_what_is_left_out_of_a_change_stays_as_it_is(kept: Kept) -> None:
    await kept.world.services.policy.put_scope(SYSTEM, Scope(name="reading"))
    first, _ = await kept.clients.put(SYSTEM, "ci", ClientChange(client_name="CI", scopes=["reading"]))
    kept.world.clock.pass_(60)
    second, _ = await kept.clients.put(SYSTEM, "ci", ClientChange(groups=["staff"]))
    assert second == first.model_copy(update={"groups": ["staff"]})


async def test_keys_are_replaced_by_an_address_of_keys(kept: Kept) -> None:
    jwk = {"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
           "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", "kid": "1"}  # fmt: skip
    change = ClientChange(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [dict(jwk)]}, groups=["staff"])
    client, secret = await kept.clients.put(SYSTEM, "ci", change)
    assert (client.jwks, secret) == ({"keys": [jwk]}, None)
    client, _ = await kept.clients.put(SYSTEM, "ci", ClientChange(jwks_uri="https://ci.example/keys"))
    assert (client.jwks, client.jwks_uri) == (None, "https://ci.example/keys")


@pytest.mark.parametrize(
    ("client_id", "change", "message"),
    [
        ("", MACHINE, "not of the form"),
        ("a/b", MACHINE, "not of the form"),
        ("https://app.example/client.json", MACHINE, "not of the form"),
        ("a" * 129, MACHINE, "not of the form"),
        ("ci", ClientChange(scopes=["no-such"]), "no scope named 'no-such'"),
        ("ci", ClientChange(grant_types=[CODE_GRANT]), "redirect_uris is missing"),
        ("ci", ClientChange(grant_types=["password"]), "no grant type that is offered"),
        ("ci", ClientChange(grant_types=[EXCHANGE_GRANT], token_endpoint_auth_method="none"), "authenticate"),
        ("ci", ClientChange(redirect_uris=["http://app.example/cb"]), "http is for"),
        ("ci", ClientChange(token_endpoint_auth_method="private_key_jwt"), "jwks or jwks_uri"),
    ],
)
async def test_a_client_that_cannot_work_is_refused(
    kept: Kept, client_id: str, change: ClientChange, message: str
) -> None:
    with pytest.raises((Invalid, OAuthError), match=message):
        await kept.clients.put(SYSTEM, client_id, change)
    assert await kept.clients.clients(SYSTEM) == []
    assert (await kept.world.events(action="client:put"))[0].outcome == "failed"


async def test_administrators_may_give_every_grant(kept: Kept) -> None:
    grants = [CODE_GRANT, REFRESH_GRANT, CLIENT_GRANT, EXCHANGE_GRANT, ASSERTION_GRANT]
    change = ClientChange(grant_types=grants, redirect_uris=["https://app.example/cb"])
    client, secret = await kept.clients.put(SYSTEM, "all", change)
    assert client.grant_types == grants
    assert secret is not None


async def test_only_holders_of_the_token_action_administer_clients(kept: Kept) -> None:
    clients = kept.clients
    await clients.put(SYSTEM, "ci", MACHINE)
    for act in (clients.put(BOB, "own", ClientChange()), clients.remove(BOB, "ci"), clients.clients(BOB)):
        with pytest.raises(AccessDenied):
            await act
    assert clients.known("own") is None
    assert clients.known("ci") is not None
    assert [event.decision for event in await kept.world.events(subject=BOB.subject)] == ["deny", "deny"]


async def test_nobody_makes_a_client_that_holds_more_than_its_maker(kept: Kept) -> None:
    policy = kept.world.services.policy
    await policy.put_scope(SYSTEM, Scope(name="minting", grants=[Grant(kinds=["registry"], actions=["token"])]))
    await policy.put_scope(SYSTEM, Scope(name="fence", grants=[Grant(assets=["vault"], effect="deny")]))
    await policy.put_scope(SYSTEM, Scope(name="power"))
    maker = Principal(subject="user:cat", groups=frozenset({"staff"}), scopes=frozenset({"minting"}))
    await kept.clients.put(maker, "mine", ClientChange(groups=["staff"], scopes=["minting"]))
    for more in (ClientChange(scopes=["power"]), ClientChange(groups=["bosses"])):
        with pytest.raises(AccessDenied, match="more than its maker"):
            await kept.clients.put(maker, "mine", more)
    fenced = Principal(subject="user:dan", scopes=frozenset({"minting", "fence"}))
    with pytest.raises(AccessDenied, match="shed"):
        await kept.clients.put(fenced, "free", ClientChange(scopes=["minting"]))
    await kept.clients.put(fenced, "app", ClientChange(redirect_uris=["https://app.example/cb"]))
    for act in (kept.clients.put(fenced, "mine", ClientChange(scopes=["fence"])), kept.clients.remove(fenced, "mine")):
        with pytest.raises(AccessDenied, match="of others"):
            await act
    await kept.clients.remove(maker, "mine")


async def test_a_change_is_seen_at_once_and_counted(kept: Kept) -> None:
    before = kept.clients.revision
    await kept.clients.put(SYSTEM, "ci", MACHINE)
    await kept.clients.put(SYSTEM, "ci", ClientChange(groups=[]))
    await kept.clients.remove(SYSTEM, "ci")
    assert kept.clients.revision == before + 3
    assert kept.clients.known("ci") is None
    assert await kept.clients.find("ci") is None
    with pytest.raises(NotFound):
        await kept.clients.remove(SYSTEM, "ci")


async def test_who_listens_is_told_of_the_end_of_a_client(kept: Kept) -> None:
    await kept.clients.put(SYSTEM, "ci", MACHINE)
    await kept.clients.put(SYSTEM, "ci", ClientChange(client_name="CI"))
    assert kept.ended == []
    await kept.clients.put(SYSTEM, "ci", ClientChange(active=False))
    assert kept.ended == ["ci"]
    assert await kept.clients.find("ci") is None
    switched_off = kept.clients.known("ci")
    assert switched_off is not None
    assert not switched_off.active
    await kept.clients.put(SYSTEM, "ci", ClientChange(active=True))
    assert await kept.clients.find("ci") is not None
    await kept.clients.remove(SYSTEM, "ci")
    assert kept.ended == ["ci", "ci"]


async def test_clients_outlive_a_restart(kept: Kept) -> None:
    machine, _ = await kept.clients.put(SYSTEM, "ci", MACHINE)
    dynamic = await kept.dynamic()
    other = await kept.again()
    assert other.known("ci") == machine
    assert other.known(dynamic.client_id) is None
    assert await other.find(dynamic.client_id) == dynamic
    assert await other.clients(SYSTEM) == [machine, dynamic]
    assert await other.clients(SYSTEM, origin="dynamic") == [dynamic]
    assert await other.clients(SYSTEM, after="ci", limit=1) == [dynamic]


async def test_two_administrators_at_once_do_not_undo_each_other(kept: Kept) -> None:
    await kept.clients.put(SYSTEM, "ci", ClientChange())
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(kept.clients.put, SYSTEM, "ci", ClientChange(client_name="CI"))
        tasks.start_soon(kept.clients.put, SYSTEM, "ci", ClientChange(groups=["staff"]))
    both = kept.clients.known("ci")
    assert both is not None
    assert (both.client_name, both.groups) == ("CI", ["staff"])


class Described:
    """Documents that describe one client, whatever the URL."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.asked: list[str] = []

    async def find(self, url: str, *, source: str = "") -> Client:
        self.asked.append(url)
        return self.client


async def test_an_id_that_is_a_url_is_looked_up_as_a_document(kept: Kept) -> None:
    url = "https://app.example/client.json"
    described = Described(Client(client_id=url, origin="document", created_at=kept.world.clock.now()))
    core = kept.world.services
    clients = Clients(kept.world.store, core.access, core.audit, kept.world.clock, described)
    assert await clients.find(url) == described.client
    assert clients.known(url) is None
    assert await clients.find("ci") is None
    assert described.asked == [url]
