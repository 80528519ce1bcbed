"""JWTs of trusted issuers: verified with the issuer's own keys, for one audience, and worth what was agreed."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from joserfc.jwk import KeySet

from airegistry.core.errors import AccessDenied, Conflict, Invalid, NotFound, UpstreamFailed
from airegistry.core.grants import Grant, Group, Scope
from airegistry.core.principals import Principal
from airegistry.oauth.issuers import issuers as issuers_module
from airegistry.oauth.issuers.issuers import Issuers
from airegistry.oauth.issuers.trust import TrustedIssuer
from tests.oauth.issuing import URL, Json
from tests.oauth.machines import CHIEF, DEFAULT, Machines, key, machines, reasons

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world() -> AsyncIterator[Machines]:
    async with machines() as world:
        yield world


async def verify(world: Machines, token: str, resource: str = DEFAULT) -> Principal | None:
    return await world.issuers.verify(token, resource)


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "Ed25519", "EdDSA"])
async def test_a_token_of_a_trusted_issuer_stands_for_its_subject(world: Machines, alg: str) -> None:
    """Auth trap 10: subject and client stay what the token says, as the trail is to have them."""
    await world.trust()
    signer = key({"PS256": "RS256", "Ed25519": "EdDSA"}.get(alg, alg))
    who = await verify(world, world.foreign.token(alg=alg, by=signer, azp="pipeline"))
    assert who == Principal(
        "issuer:acme:build-7", client="acme:pipeline", groups=frozenset({"staff"}), scopes=frozenset({"deploy"}),
        administers=False,
    )  # fmt: skip
    assert who.expires_at == world.foreign.now + 300


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b",
        "a.b.c",
        "e30.e30.e30",
        "air_1_2",
        "." * 2000,
        "é.é.é",
        "x" * 40_000,
        "bnVsbA.bnVsbA.",
        "W10.W10.",
    ],
)
async def test_what_is_no_jwt_is_nobodys_and_nothing_is_asked_for_it(world: Machines, token: str) -> None:
    await world.trust()
    assert await verify(world, token) is None
    assert world.issuers.known(token, DEFAULT) is None
    assert world.foreign.fetched == []


async def test_nobody_makes_the_registry_ask_for_keys_by_naming_an_issuer(world: Machines) -> None:
    await world.trust()
    named: list[object] = ["https://evil.test", world.foreign.url + "/", world.foreign.url.upper(), None, 7, ["a"], {}]
    for iss in named:
        assert await verify(world, world.foreign.token(iss=iss)) is None
    assert world.foreign.fetched == []


@pytest.mark.parametrize("change", [{"active": False}, {"accepts": ["id_jag", "subject_token"]}])
async def test_an_issuer_that_is_switched_off_or_trusted_with_other_things_is_not_asked(
    world: Machines, change: Json
) -> None:
    await world.trust(**change)
    assert await verify(world, world.foreign.token()) is None
    assert world.foreign.fetched == []


async def test_audiences_that_were_agreed_on_take_the_place_of_the_resource(world: Machines) -> None:
    await world.trust(audiences=["api://registry"])
    assert await verify(world, world.foreign.token("api://registry"))
    assert await verify(world, world.foreign.token(DEFAULT)) is None


async def test_groups_that_were_not_agreed_on_do_not_count(world: Machines) -> None:
    claims: dict[str, Any] = {"realm_access": {"roles": ["administrators", "devs", "eu-ops", "staff"]}}
    await world.trust(groups=[], groups_claim="realm_access.roles")
    who = await verify(world, world.foreign.token(**claims))
    assert who is not None
    assert who.groups == frozenset()
    await world.trust(
        groups=["all"], groups_claim="realm_access.roles", group_map={"devs": ["staff", "web"]}, group_filter=["eu-*"]
    )
    who = await verify(world, world.foreign.token(**claims))
    assert who is not None
    assert who.groups == {"all", "staff", "web", "eu-ops"}


@pytest.mark.parametrize("value", ["devs", ["devs"], [7, None, "devs"], {"devs": 1}, 7, None])
async def test_groups_of_any_shape_are_read(world: Machines, value: object) -> None:
    name = "https://acme.test/groups"
    await world.trust(groups=[], groups_claim=name, group_map={"devs": ["staff"]})
    claims: dict[str, Any] = {name: value}
    who = await verify(world, world.foreign.token(**claims))
    assert who is not None
    assert who.groups == (frozenset() if isinstance(value, dict | int | None) else {"staff"})


async def test_nobody_becomes_an_administrator_by_saying_so(world: Machines) -> None:
    await world.trust(groups_claim="groups")
    token = world.foreign.token(groups=["administrators"], scope="mcp mcp:admin", scopes=["mcp:admin"], scp="mcp:admin")
    who = await verify(world, token)
    assert who is not None
    assert (who.administers, who.operator) == (False, False)
    assert who.scopes == {"deploy"}


async def test_administration_is_carried_where_that_was_agreed_on(world: Machines) -> None:
    await world.trust(scopes=["mcp", "mcp:admin"])
    who = await verify(world, world.foreign.token())
    assert who is not None
    assert who.administers
    await world.trust(scopes_claim="scope")
    who = await verify(world, world.foreign.token(scope="mcp mcp:admin"))
    assert who is not None
    assert who.administers


@pytest.mark.parametrize(
    ("claim", "held"), [("deploy read", {"deploy"}), (["mcp"], {"deploy"}), ("watch", set()), (None, set())]
)
async def test_a_scopes_claim_narrows_a_token(world: Machines, claim: object, held: set[str]) -> None:
    await world.trust(scopes_claim="scope")
    who = await verify(world, world.foreign.token(scope=claim))
    assert who is not None
    assert who.scopes == held
    assert who.withheld == {"deploy"} - held


@pytest.mark.parametrize(
    ("required", "fits"),
    [
        ({"repository": "acme/web"}, True),
        ({"repository": ["acme/api", "acme/web"]}, True),
        ({"repository": "acme"}, False),
        ({"job.env": "prod"}, True),
        ({"tags": "b"}, True),
        ({"verified": True}, True),
        ({"verified": 1}, False),
        ({"missing": "x"}, False),
        ({"repository": "acme/web", "missing": "x"}, False),
    ],
)
async def test_claims_can_be_required(world: Machines, required: Json, fits: bool) -> None:
    await world.trust(required_claims=required)
    token = world.foreign.token(repository="acme/web", job={"env": "prod"}, tags=["a", "b"], verified=True)
    assert (await verify(world, token) is not None) is fits


async def test_a_subject_is_named_by_the_claim_that_was_agreed_on(world: Machines) -> None:
    await world.trust(subject_claim="oid")
    who = await verify(world, world.foreign.token(oid="a:b", act={"sub": "helper"}))
    assert who is not None
    assert (who.subject, who.actor) == ("issuer:acme:a:b", "issuer:acme:helper")


async def test_a_token_is_verified_once_and_remembered_until_it_ends(world: Machines) -> None:
    await world.trust()
    token = world.foreign.token()
    assert world.issuers.known(token, DEFAULT) is None
    who = await verify(world, token)
    world.foreign.fetched.clear()
    assert world.issuers.known(token, DEFAULT) is who
    world.issuer.clock.pass_(300)
    assert world.issuers.known(token, DEFAULT) is None
    assert world.foreign.fetched == []


async def test_a_token_is_verified_anew_after_a_minute_so_that_it_does_not_outlive_its_key(world: Machines) -> None:
    await world.trust()
    token = world.foreign.token()
    assert await verify(world, token)
    world.issuer.clock.pass_(61)
    assert world.issuers.known(token, DEFAULT) is None
    assert await verify(world, token)


async def test_not_every_token_is_remembered_for_ever(world: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuers_module, "MAX_CACHED", 2)
    await world.trust()
    tokens = [world.foreign.token(jti=str(number)) for number in range(3)]
    for token in tokens[:2]:
        await verify(world, token)
    world.issuers.known(tokens[0], DEFAULT)
    await verify(world, tokens[2])
    assert [world.issuers.known(token, DEFAULT) is not None for token in tokens] == [True, False, True]


async def test_a_change_of_policy_holds_at_once_for_tokens_that_are_remembered(world: Machines) -> None:
    await world.trust()
    token = world.foreign.token()
    await verify(world, token)
    world.issuer.access.replace([Scope(name="more", grants=[Grant()])], [Group(name="staff", scopes=["more"])])
    who = world.issuers.known(token, DEFAULT)
    assert who is not None
    assert who.scopes == {"more"}


async def test_an_issuer_that_is_changed_or_removed_counts_no_more_at_once(world: Machines) -> None:
    await world.trust()
    token = world.foreign.token()
    assert await verify(world, token)
    await world.trust(required_claims={"env": "prod"})
    assert world.issuers.known(token, DEFAULT) is None
    assert await verify(world, token) is None
    await world.trust()
    assert await verify(world, token)
    await world.issuers.remove(CHIEF, "acme")
    assert world.issuers.known(token, DEFAULT) is None
    assert await verify(world, token) is None


async def test_an_issuer_that_is_removed_while_its_keys_are_fetched_counts_no_more(world: Machines) -> None:
    trusted = await world.trust()

    class Slow:
        """Keys that come after the administrator was quicker."""

        async def metadata(self, issuer: str) -> Json:
            await issuers.remove(CHIEF, "acme")
            return {"jwks_uri": "https://keys.test"}

        async def keys(self, jwks_uri: str, kid: str | None) -> KeySet:
            return KeySet([key("RS256")])

    issuers = Issuers(world.issuer.store, world.issuer.access, world.issuer.audit, world.issuer.clock, Slow(), url=URL)
    await issuers.reload()
    token = world.foreign.token(iss=trusted.issuer)
    assert await issuers.verify(token, DEFAULT) is None
    assert issuers.known(token, DEFAULT) is None


async def test_keys_are_had_where_the_administrator_says(world: Machines) -> None:
    await world.trust(jwks_uri=f"{world.foreign.url}/keys")
    assert await verify(world, world.foreign.token())
    assert world.foreign.fetched == ["/keys"]


async def test_an_issuer_without_keys_makes_its_tokens_nobodys(world: Machines) -> None:
    class Down:
        """An issuer that is out of reach, or says nothing of keys."""

        said: Json | None = None

        async def metadata(self, issuer: str) -> Json:
            if self.said is None:
                raise UpstreamFailed("down")
            return self.said

        async def keys(self, jwks_uri: str, kid: str | None) -> KeySet:
            raise Invalid("no")

    down = Down()
    fixed = [TrustedIssuer(name="acme", issuer=world.foreign.url)]
    issuers = Issuers(
        world.issuer.store, world.issuer.access, world.issuer.audit, world.issuer.clock, down, url=URL, fixed=fixed
    )
    for said in (None, {}, {"jwks_uri": 7}, {"jwks_uri": "https://keys.test"}):
        down.said = said
        assert await issuers.verify(world.foreign.token(), DEFAULT) is None


async def test_what_is_trusted_survives_a_restart(world: Machines) -> None:
    await world.trust(leeway=7)
    parts = world.issuer
    later = Issuers(parts.store, parts.access, parts.audit, parts.clock, world.issuers._keys, url=URL)
    await later.reload()
    assert [(one.name, one.leeway, fixed) for one, fixed in await later.issuers(CHIEF)] == [("acme", 7, False)]
    assert await later.verify(world.foreign.token(), DEFAULT)


async def test_issuers_of_the_settings_are_not_changed_by_tools(world: Machines) -> None:
    parts, mine = world.issuer, TrustedIssuer(name="acme", issuer=world.foreign.url)
    await world.trust(issuer="https://stored.test")
    issuers = Issuers(
        parts.store, parts.access, parts.audit, parts.clock, world.issuers._keys, url=URL, fixed=[mine]
    )  # fmt: skip
    await issuers.reload()
    assert await issuers.issuers(CHIEF) == [(mine, True)]
    with pytest.raises(Conflict, match="settings"):
        await issuers.put(CHIEF, mine)
    with pytest.raises(Conflict, match="settings"):
        await issuers.remove(CHIEF, "acme")
    with pytest.raises(Invalid, match="one name"):
        Issuers(parts.store, parts.access, parts.audit, parts.clock, world.issuers._keys, url=URL, fixed=[mine, mine])


@pytest.mark.parametrize("url", ["http://acme.test", "ftp://acme.test", "acme", URL, f"{URL}/"])
async def test_an_issuer_that_cannot_be_trusted_is_refused(world: Machines, url: str) -> None:
    with pytest.raises(Invalid):
        await world.trust(issuer=url)


async def test_one_issuer_has_one_name(world: Machines) -> None:
    await world.trust()
    with pytest.raises(Conflict, match="already, as 'acme'"):
        await world.trust(name="other")


async def test_only_administrators_say_who_is_trusted(world: Machines) -> None:
    nobody, acme = Principal("token:nobody"), TrustedIssuer(name="acme", issuer=world.foreign.url)
    with pytest.raises(AccessDenied):
        await world.issuers.put(nobody, acme)
    with pytest.raises(AccessDenied):
        await world.issuers.remove(nobody, "acme")
    with pytest.raises(AccessDenied):
        await world.issuers.issuers(nobody)
    assert (await reasons(world, "issuer:put"))[0][:3] == ("token:nobody", "", "deny")
    await world.trust()
    await world.issuers.remove(CHIEF, "acme")
    with pytest.raises(NotFound, match="'acme'"):
        await world.issuers.remove(CHIEF, "acme")
    assert (await reasons(world, "issuer:put"))[0][:3] == ("operator", "", "allow")
    assert [one[2] for one in await reasons(world, "issuer:delete")] == ["deny", "allow", "deny"]
