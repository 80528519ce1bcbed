"""Identity assertions (ID-JAG, SEP-990): an enterprise's provider vouches for a person, for one client, once."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from joserfc.jwk import ECKey

from airegistry.core.grants import Group, Scope
from airegistry.oauth.model import ASSERTION_GRANT
from airegistry.oauth.replay import Replay
from airegistry.oauth.tokens.assertions import ID_JAG_PROFILE
from tests.oauth.issuing import URL, Json, Person
from tests.oauth.machines import CHIEF, DEFAULT, WEATHER, Machines, machines, reasons

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world() -> AsyncIterator[Machines]:
    async with machines() as world:
        await world.trust(accepts=["id_jag"])
        yield world


async def refused(world: Machines, assertion: str, **more: Any) -> str:
    return await world.refused(ASSERTION_GRANT, assertion=assertion, **more)


async def test_an_assertion_is_good_for_a_token_and_no_refresh_token(world: Machines) -> None:
    answer, issued = await world.given(ASSERTION_GRANT, assertion=world.foreign.id_jag())
    assert {**answer, "access_token": ""} == {
        "access_token": "", "token_type": "Bearer", "expires_in": 600, "scope": "mcp"
    }  # fmt: skip
    assert (issued.subject, issued.client_id, issued.resource) == ("issuer:acme:ann", "ci", WEATHER)
    who = world.who(issued)
    assert who is not None
    assert who.scopes == {"deploy"}
    assert not who.administers


async def test_the_wire_form_is_that_of_the_conformance_suite(world: Machines) -> None:
    """What its client sends: HTTP Basic, grant_type and assertion, an ES256 JWT without a key id."""
    world.foreign.published = ["ES256"]
    assertion = world.foreign.id_jag(alg="ES256", header={"kid": None})
    answer = await world.issuer.post(
        "/token", {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}, basic="ci"
    )
    assert answer.status_code == 200
    assert base64.urlsafe_b64decode(assertion.split(".")[0] + "==") == b'{"alg":"ES256","typ":"oauth-id-jag+jwt"}'
    assert ID_JAG_PROFILE == "urn:ietf:params:oauth:grant-profile:id-jag"


async def test_a_person_who_logs_in_by_that_provider_is_that_person(world: Machines) -> None:
    world.providers[world.foreign.url] = "acme"
    _, issued = await world.given(ASSERTION_GRANT, assertion=world.foreign.id_jag(auth_time=1000, amr=["mfa", "pwd"]))
    assert (issued.subject, issued.groups) == ("user:acme:ann", frozenset())
    who = world.who(issued)
    assert who is not None
    assert (who.kind, who.subject) == ("person", "user:acme:ann")


async def test_a_person_who_is_not_known_or_not_active_gets_nothing(world: Machines) -> None:
    world.providers[world.foreign.url] = "acme"
    assert await refused(world, world.foreign.id_jag(sub="stranger")) == "invalid_grant"
    world.issuer.people.put("acme:ann", Person(active=False))
    assert await refused(world, world.foreign.id_jag()) == "invalid_grant"


@pytest.mark.parametrize(
    "claims",
    [
        {"typ": "JWT"},
        {"typ": "at+jwt"},
        {"typ": "OAUTH-ID-JAG+JWT"},
        {"typ": "application/oauth-id-jag+jwt"},
        {"typ": None},
        {"aud": f"{URL}/"},
        {"aud": "https://else.test"},
        {"aud": [URL, "https://else.test"]},
        {"aud": []},
        {"aud": None},
        {"aud": DEFAULT},
        {"aud": f"{URL}/token"},
        {"client_id": "agent"},
        {"client_id": None},
        {"client_id": ["ci"]},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"jti": "x" * 300},
        {"iat": None},
        {"iat": "now"},
        {"exp": None},
        {"sub": None},
        {"resource": None},
        {"resource": []},
        {"resource": [WEATHER, DEFAULT]},
        {"resource": 7},
        {"scope": ["mcp"]},
        {"cnf": {"jkt": "x"}},
        {"authorization_details": [{"type": "x"}]},
        {"auth_time": "then"},
        {"auth_time": 10**15},
        {"act": "x"},
        {"iss": "https://evil.test"},
    ],
    ids=str,
)
async def test_an_assertion_that_does_not_hold_is_refused(world: Machines, claims: Json) -> None:
    assert await refused(world, world.foreign.id_jag(**claims)) == "invalid_grant"


async def test_an_audience_may_be_a_list_of_one(world: Machines) -> None:
    await world.given(ASSERTION_GRANT, assertion=world.foreign.id_jag(aud=[URL], resource=[WEATHER]))


async def test_an_assertion_lives_for_minutes(world: Machines) -> None:
    now = world.foreign.now
    for times in ({"exp": now + 301}, {"iat": now - 100, "exp": now + 201}, {"iat": now + 61, "exp": now + 100}):
        assert await refused(world, world.foreign.id_jag(**times)) == "invalid_grant"
    assert await refused(world, world.foreign.id_jag(nbf=now + 61)) == "invalid_grant"
    assertion = world.foreign.id_jag()
    world.issuer.clock.pass_(361)
    assert await refused(world, assertion) == "invalid_grant"


@pytest.mark.parametrize("assertion", ["x", "a.b.c", "e30.e30.", "."])
async def test_what_is_no_assertion_is_refused(world: Machines, assertion: str) -> None:
    assert await refused(world, assertion) == "invalid_grant"
    assert await world.refused(ASSERTION_GRANT) == "invalid_request"
    assert world.foreign.fetched == []


async def test_an_issuer_is_trusted_with_assertions_only_where_that_was_said(world: Machines) -> None:
    await world.trust(accepts=["access_token", "subject_token"])
    assert await refused(world, world.foreign.id_jag()) == "invalid_grant"
    assert world.foreign.fetched == []


async def test_an_assertion_without_a_signature_or_by_another_key_is_refused(world: Machines) -> None:
    head, payload, _ = world.foreign.id_jag().split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"oauth-id-jag+jwt"}').rstrip(b"=").decode()
    assert await refused(world, f"{none}.{payload}.") == "invalid_grant"
    assert await refused(world, f"{head}.{payload}.AAAA") == "invalid_grant"
    other = ECKey.generate_key("P-256", {"kid": "ec"})
    assert await refused(world, world.foreign.id_jag(by=other, alg="ES256")) == "invalid_grant"


async def test_an_assertion_is_good_once(world: Machines) -> None:
    assertion = world.foreign.id_jag()
    await world.given(ASSERTION_GRANT, assertion=assertion)
    assert await refused(world, assertion) == "invalid_grant"
    await Replay(world.issuer.store, world.issuer.clock).sweep()
    world.issuer.clock.pass_(350)
    await Replay(world.issuer.store, world.issuer.clock).sweep()
    assert await refused(world, assertion) == "invalid_grant"
    await world.given(ASSERTION_GRANT, assertion=world.foreign.id_jag(jti="2", exp=world.foreign.now + 299))


async def test_of_many_uses_at_once_exactly_one_wins(world: Machines) -> None:
    assertion, statuses = world.foreign.id_jag(), list[int]()

    async def use() -> None:
        statuses.append((await world.ask(ASSERTION_GRANT, assertion=assertion)).status_code)

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(use)
    assert sorted(statuses) == [200, *[400] * 9]


async def test_an_assertion_that_another_client_tried_is_not_used_up(world: Machines) -> None:
    assertion = world.foreign.id_jag()
    assert await refused(world, assertion, basic="agent") == "invalid_grant"
    assert await refused(world, assertion, scope="nothing") == "invalid_scope"
    assert await refused(world, assertion, resource=DEFAULT) == "invalid_target"
    await world.given(ASSERTION_GRANT, assertion=assertion)


async def test_two_issuers_may_use_one_id(world: Machines) -> None:
    await world.given(ASSERTION_GRANT, assertion=world.foreign.id_jag())
    await world.issuers.remove(CHIEF, "acme")
    await world.trust(name="renamed", accepts=["id_jag"])
    assert await refused(world, world.foreign.id_jag()) == "invalid_grant"
    assert await Replay(world.issuer.store, world.issuer.clock).once("id-jag:https://else.test", "1", 0)


@pytest.mark.parametrize("resource", ["https://else.test/mcp", f"{URL}/weather", "x"])
async def test_an_assertion_for_a_resource_of_others_is_refused(world: Machines, resource: str) -> None:
    assert await refused(world, world.foreign.id_jag(resource=resource)) == "invalid_target"


async def test_the_request_may_repeat_the_resource(world: Machines) -> None:
    _, issued = await world.given(
        ASSERTION_GRANT, assertion=world.foreign.id_jag(resource=f"{WEATHER}/"), resource=WEATHER
    )
    assert issued.resource == WEATHER


@pytest.mark.parametrize(
    ("said", "asked", "given"),
    [
        (None, None, {"mcp"}),
        (None, "deploy", {"deploy"}),
        ("mcp deploy", "deploy", {"deploy"}),
        ("mcp", None, {"mcp"}),
        ("deploy chat.read offline_access", None, {"deploy"}),
        ("mcp mcp:admin", None, {"mcp"}),
        ("deploy", "deploy offline_access", {"deploy"}),
    ],
)
async def test_scopes_narrow(world: Machines, said: str | None, asked: str | None, given: set[str]) -> None:
    _, issued = await world.given(ASSERTION_GRANT, assertion=world.foreign.id_jag(scope=said), scope=asked)
    assert issued.scopes == given


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("deploy", "mcp"),
        ("deploy", "deploy mcp"),
        ("", None),
        ("", "mcp"),
        ("chat.read", None),
        ("mcp:admin", None),
        ("mcp:admin", "mcp:admin"),
        (None, "mcp:admin"),
        (None, "watch"),
    ],
)
async def test_scopes_do_not_widen_and_never_administer(world: Machines, said: str | None, asked: str | None) -> None:
    assert await refused(world, world.foreign.id_jag(scope=said), scope=asked) == "invalid_scope"


async def test_who_acts_for_the_person_is_kept(world: Machines) -> None:
    _, issued = await world.given(
        ASSERTION_GRANT, assertion=world.foreign.id_jag(act={"sub": "helper", "act": {"sub": "boss"}})
    )
    assert (issued.actor, issued.earlier_actors) == ("issuer:acme:helper", ("issuer:acme:boss",))


@pytest.mark.parametrize("basic", ["own", "off", "idle", "warden"])
async def test_only_clients_made_for_it_use_assertions(world: Machines, basic: str) -> None:
    """trap 12: nobody registers for `jwt-bearer` on their own."""
    assertion = world.foreign.id_jag(client_id=basic)
    assert await refused(world, assertion, basic=basic) == "unauthorized_client"
    assert world.foreign.fetched == []


async def test_a_person_in_more_groups_than_a_token_can_carry_is_refused(world: Machines) -> None:
    await world.trust(groups=[f"{number:03}{'x' * 200}" for number in range(60)])
    assert await refused(world, world.foreign.id_jag()) == "invalid_grant"


async def test_a_change_of_policy_holds_for_tokens_that_were_given(world: Machines) -> None:
    _, issued = await world.given(ASSERTION_GRANT, assertion=world.foreign.id_jag())
    world.issuer.access.replace([Scope(name="more")], [Group(name="staff", scopes=["more"])])
    who = world.who(issued)
    assert who is not None
    assert who.scopes == {"more"}


async def test_every_token_and_every_refusal_is_in_the_trail(world: Machines) -> None:
    await world.given(ASSERTION_GRANT, assertion=world.foreign.id_jag())
    await refused(world, world.foreign.id_jag())
    await refused(world, "x")
    unknown, replayed, done = await reasons(world, "token:mint")
    assert done == ("issuer:acme:ann", "ci", "allow", "ID-JAG of acme: mcp")
    assert replayed == ("issuer:acme:ann", "ci", "deny", "invalid: the assertion was used before")
    assert unknown[:3] == ("client:ci", "ci", "deny")
