"""Token exchange (RFC 8693): what a machine was called with, passed on as it is or narrower."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from airegistry.oauth.model import EXCHANGE_GRANT
from airegistry.oauth.tokens.access_tokens import Issued
from tests.oauth.issuing import URL, Json, Person
from tests.oauth.machines import CHIEF, DEFAULT, WEATHER, Machines, machine, machines, reasons

pytestmark = pytest.mark.anyio

TYPE = "urn:ietf:params:oauth:token-type:"
ACCESS, JWT, ID = f"{TYPE}access_token", f"{TYPE}jwt", f"{TYPE}id_token"


@pytest.fixture
async def world() -> AsyncIterator[Machines]:
    async with machines() as world:
        yield world


def form(subject: str, actor: str | None = None, *, kind: str = ACCESS, **more: str | None) -> dict[str, str | None]:
    """What a token request says of its tokens."""
    acting = {} if actor is None else {"actor_token": actor, "actor_token_type": ACCESS}
    return {"subject_token": subject, "subject_token_type": kind, **acting, **more}


async def exchanged(world: Machines, subject: str, actor: str | None = None, **more: Any) -> tuple[Json, Issued]:
    return await world.given(EXCHANGE_GRANT, basic=more.pop("basic", "ci"), **form(subject, actor, **more))


async def refused(world: Machines, subject: str, actor: str | None = None, **more: Any) -> str:
    return await world.refused(EXCHANGE_GRANT, basic=more.pop("basic", "ci"), **form(subject, actor, **more))


def own(world: Machines, client_id: str = "ci", **fields: Any) -> str:
    """A token that a machine has for itself."""
    return world.mint(f"client:{client_id}", client_id, **fields)


async def test_a_persons_token_is_passed_on_for_the_same_resource(world: Machines) -> None:
    answer, issued = await exchanged(world, world.mint())
    assert {**answer, "access_token": ""} == {
        "access_token": "", "token_type": "Bearer", "expires_in": 600, "scope": "mcp", "issued_token_type": ACCESS
    }  # fmt: skip
    assert (issued.subject, issued.client_id, issued.resource, issued.actor) == ("user:ann", "ci", WEATHER, "")


@pytest.mark.parametrize("name", ["resource", "audience"])
async def test_a_token_for_all_servers_becomes_one_for_one_server(world: Machines, name: str) -> None:
    _, issued = await exchanged(world, world.mint(resource=DEFAULT), **{name: WEATHER})
    assert issued.resource == WEATHER
    _, issued = await exchanged(world, world.mint(resource=DEFAULT), resource=WEATHER, audience=WEATHER)
    assert issued.resource == WEATHER


@pytest.mark.parametrize("asked", [DEFAULT, f"{URL}/other/mcp", f"{URL}/api", "https://evil.test/mcp", "x"])
async def test_a_token_for_one_server_does_not_become_one_for_another(world: Machines, asked: str) -> None:
    assert await refused(world, world.mint(), resource=asked) == "invalid_target"
    assert await refused(world, world.mint(), audience=asked) == "invalid_target"
    assert await refused(world, world.mint(), resource=WEATHER, audience=asked) == "invalid_target"


async def test_a_token_for_the_tools_does_not_become_one_for_the_api(world: Machines) -> None:
    assert await refused(world, world.mint(resource=DEFAULT), resource=f"{URL}/api") == "invalid_target"


async def test_scopes_narrow(world: Machines) -> None:
    _, issued = await exchanged(world, world.mint(), scope="deploy offline_access")
    assert issued.scopes == {"deploy"}
    _, issued = await exchanged(world, world.mint(scopes=["deploy", "mcp:admin", "offline_access"]))
    assert issued.scopes == {"deploy"}


@pytest.mark.parametrize(
    ("carried", "asked"),
    [
        (["deploy"], "mcp"),
        (["deploy"], "deploy mcp"),
        (["deploy"], "watch"),
        (["deploy"], "mcp:admin"),
        (["mcp"], "mcp:admin"),
        (["mcp", "mcp:admin"], "mcp:admin"),
        (["mcp"], "watch"),
        (["mcp"], "nothing"),
        (["nothing"], None),
        (["mcp:admin"], None),
        (["offline_access"], None),
        ([], None),
        ([], "mcp"),
    ],
)
async def test_scopes_do_not_widen(world: Machines, carried: list[str], asked: str | None) -> None:
    assert await refused(world, world.mint(scopes=carried), scope=asked) == "invalid_scope"


async def test_a_token_does_not_live_longer_by_exchange(world: Machines) -> None:
    token = world.mint(ttl=100)
    world.issuer.clock.pass_(40.5)
    answer, issued = await exchanged(world, token)
    assert answer["expires_in"] == 59
    assert issued.expires_at <= world.foreign.now + 100
    answer, _ = await exchanged(world, world.mint(ttl=5000))
    assert answer["expires_in"] == 600
    answer, _ = await exchanged(world, world.mint(), own(world, ttl=30))
    assert answer["expires_in"] == 29


async def test_a_token_that_ended_a_moment_ago_becomes_none(world: Machines) -> None:
    await world.trust(leeway=60)
    now = world.foreign.now
    assert await refused(world, world.foreign.token(URL, exp=now - 30)) == "invalid_request"
    assert await refused(world, world.foreign.token(URL, exp=now + 0.5)) == "invalid_request"


async def test_a_chain_of_exchanges_only_narrows(world: Machines) -> None:
    first, issued = await exchanged(world, world.mint(resource=DEFAULT, ttl=300), resource=WEATHER, scope="deploy")
    world.issuer.clock.pass_(100)
    second, again = await exchanged(world, first["access_token"], basic="agent")
    assert (again.scopes, again.resource, again.client_id) == (issued.scopes, WEATHER, "agent")
    assert again.expires_at == issued.expires_at
    for more in ({"scope": "mcp"}, {"resource": DEFAULT}):
        await refused(world, second["access_token"], basic="agent", **more)


async def test_the_machine_that_acts_is_named(world: Machines) -> None:
    answer, issued = await exchanged(world, world.mint(), own(world))
    assert (issued.subject, issued.actor) == ("user:ann", "client:ci")
    who = world.who(issued)
    assert who is not None
    assert (who.subject, who.client, who.actor) == ("user:ann", "ci", "client:ci")
    _, nested = await exchanged(world, answer["access_token"], own(world, "agent"), basic="agent")
    assert (nested.actor, nested.earlier_actors) == ("client:agent", ("client:ci",))
    _, kept = await exchanged(world, answer["access_token"], basic="agent")
    assert (kept.actor, kept.earlier_actors) == ("client:ci", ())
    _, same = await exchanged(world, answer["access_token"], own(world))
    assert (same.actor, same.earlier_actors) == ("client:ci", ())


async def test_actors_do_not_act_one_for_another_without_end(world: Machines) -> None:
    token = world.mint(actor="client:a", earlier_actors=["client:b", "client:c", "client:d"])
    _, issued = await exchanged(world, token, own(world))
    token = world.mint(actor=issued.actor, earlier_actors=issued.earlier_actors)
    assert await refused(world, token, own(world, "agent"), basic="agent") == "invalid_request"


async def test_a_machine_does_not_name_somebody_else_as_the_actor(world: Machines) -> None:
    for actor in (own(world, "agent"), world.mint("user:bob", "ci"), world.mint("user:ci", "ci"), "x"):
        assert await refused(world, world.mint(), actor) == "invalid_request"
    incomplete = {"actor_token": own(world)}, {"actor_token_type": ACCESS}
    for more in incomplete:
        assert await refused(world, world.mint(), **more) == "invalid_request"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "air_1_2"])
@pytest.mark.parametrize("kind", [ACCESS, JWT, ID])
async def test_what_is_no_token_is_not_exchanged(world: Machines, token: str, kind: str) -> None:
    assert await refused(world, token, kind=kind) == "invalid_request"


async def test_tokens_that_hold_no_more_are_not_exchanged(world: Machines) -> None:
    token, issued = world.issuer.tokens.mint(
        subject="user:ann", client_id="app", scopes=["mcp"], resource=WEATHER, authorization="family"
    )
    _, passed_on = await exchanged(world, token)
    await world.issuer.tokens.revoke_authorization("family")
    assert await refused(world, token) == "invalid_request"
    assert world.issuer.tokens.read(token, WEATHER) is None
    assert world.issuer.tokens._is_revoked(passed_on)
    assert issued.jti != passed_on.jti
    late = world.mint(ttl=10)
    world.issuer.clock.pass_(10)
    assert await refused(world, late) == "invalid_request"


async def test_a_person_who_is_no_more_is_not_acted_for(world: Machines) -> None:
    token = world.mint()
    world.issuer.people.put("ann", Person(active=False))
    assert await refused(world, token) == "invalid_request"
    assert await refused(world, world.mint("operator")) == "invalid_request"
    assert await refused(world, world.mint("token:bot")) == "invalid_request"


@pytest.mark.parametrize("kind", [f"{TYPE}refresh_token", f"{TYPE}saml2", ID, "x"])
async def test_tokens_of_other_kinds_are_not_exchanged(world: Machines, kind: str) -> None:
    assert await refused(world, world.mint(), kind=kind) == "invalid_request"


async def test_only_access_tokens_are_issued(world: Machines) -> None:
    await exchanged(world, world.mint(), requested_token_type=JWT)
    for kind in ("refresh_token", "id-jag", "id_token"):
        assert await refused(world, world.mint(), requested_token_type=f"{TYPE}{kind}") == "invalid_request"


@pytest.mark.parametrize("basic", ["own", "off", "idle", "warden"])
async def test_only_machines_made_for_it_exchange(world: Machines, basic: str) -> None:
    assert await refused(world, world.mint(), basic=basic) == "unauthorized_client"
    assert world.foreign.fetched == []


async def test_a_client_that_proves_nothing_exchanges_nothing(world: Machines) -> None:
    said = {"grant_type": EXCHANGE_GRANT, "client_id": "open", **form(world.mint())}
    response = await world.issuer.post("/token", said)
    assert (response.status_code, response.json()["error"]) == (400, "unauthorized_client")


@pytest.mark.parametrize(("kind", "typ"), [(ACCESS, "at+jwt"), (JWT, "JWT"), (ID, "JWT")])
async def test_a_token_of_a_trusted_issuer_becomes_one_of_this_registry(world: Machines, kind: str, typ: str) -> None:
    await world.trust(groups=["staff"])
    _, issued = await exchanged(world, world.foreign.token(URL, typ=typ), kind=kind, resource=WEATHER)
    assert (issued.subject, issued.resource) == ("issuer:acme:build-7", WEATHER)
    assert issued.groups == {"staff"}
    assert issued.expires_at == world.foreign.now + 300
    who = world.who(issued)
    assert who is not None
    assert (who.subject, who.client, who.administers) == ("issuer:acme:build-7", "ci", False)
    assert who.scopes == {"deploy"}


async def test_a_token_made_for_an_issuers_subject_follows_what_the_issuer_may_say(world: Machines) -> None:
    await world.trust(groups=[], groups_claim="groups", group_map={"devs": ["staff"]}, group_filter=["web*"])
    _, issued = await exchanged(world, world.foreign.token(URL, groups=["devs", "web-1", "root"]))
    assert issued.groups == {"staff", "web-1"}
    await world.trust(groups=[], groups_claim="groups", group_filter=["web*"])
    who = world.who(issued)
    assert who is not None
    assert who.groups == {"web-1"}
    await world.trust(active=False)
    assert world.who(issued) is None
    await world.trust(groups=["staff"])
    assert world.who(issued) is not None
    await world.issuers.remove(CHIEF, "acme")
    assert world.who(issued) is None


async def test_an_id_token_for_somebody_else_is_not_exchanged(world: Machines) -> None:
    await world.trust()
    for aud in ("another-client", "https://else.test", f"{URL}/"):
        assert await refused(world, world.foreign.token(aud, typ="JWT"), kind=ID) == "invalid_request"
    await world.trust(audiences=["our-client"])
    await exchanged(world, world.foreign.token("our-client", typ="JWT", at_hash="x"), kind=ID)
    assert await refused(world, world.foreign.token("our-client", typ="at+jwt"), kind=ID) == "invalid_request"
    assert await refused(world, world.foreign.token("our-client", at_hash="x")) == "invalid_request"


@pytest.mark.parametrize("accepts", ["access_token", "id_jag"])
async def test_an_issuer_is_trusted_with_subjects_only_where_that_was_said(world: Machines, accepts: str) -> None:
    await world.trust(accepts=[accepts])
    assert await refused(world, world.foreign.token(URL)) == "invalid_request"
    assert world.foreign.fetched == []


async def test_an_unknown_issuer_is_not_asked_for_keys(world: Machines) -> None:
    await world.trust()
    assert await refused(world, world.foreign.token(URL, iss="https://evil.test")) == "invalid_request"
    assert world.foreign.fetched == []


@pytest.mark.parametrize(
    ("may_act", "itself", "helper"),
    [
        (None, True, False),
        ({"sub": "ci"}, True, False),
        ({"sub": "client:ci", "iss": URL}, True, False),
        ({"sub": "ci", "iss": "https://else.test"}, False, False),
        ({"sub": "helper"}, False, True),
        ({"sub": "helper", "iss": URL}, False, False),
        ({"sub": ["helper"]}, False, False),
        ({"client_id": "ci"}, False, False),
        ({}, False, False),
        ("ci", False, False),
        ([], False, False),
    ],
    ids=str,
)
async def test_may_act_says_who_acts(world: Machines, may_act: object, itself: bool, helper: bool) -> None:
    await world.trust()
    subject, by = world.foreign.token(URL, may_act=may_act), world.foreign.token(URL, sub="helper")
    for actor, fits in ((None, itself), (own(world), itself), (by, helper)):
        response = await world.ask(EXCHANGE_GRANT, basic="ci", **form(subject, actor))
        assert (response.status_code == 200) is fits, (actor == by, response.text)


async def test_a_subject_with_more_groups_than_a_token_can_carry_is_refused(world: Machines) -> None:
    await world.trust(groups=[f"{number:03}{'x' * 200}" for number in range(60)])
    assert await refused(world, world.foreign.token(URL)) == "invalid_request"


async def test_every_exchange_and_every_refusal_is_in_the_trail(world: Machines) -> None:
    issuing = machine("bot")
    world.issuer.clients.put("bot", issuing)
    await exchanged(world, world.mint(), own(world))
    await refused(world, world.mint(), scope="watch")
    await refused(world, "x")
    unknown, widened, done = await reasons(world, "token:exchange")
    assert done == ("user:ann", "ci", "allow", "mcp, actor client:ci")
    assert widened[:3] == ("user:ann", "ci", "deny")
    assert unknown[:3] == ("client:ci", "ci", "deny")
    assert "subject_token" in unknown[3]
