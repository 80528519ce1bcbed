"""Agents of Workday's Agent System of Record, read from a tenant that is a fake of its published description."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import orjson
import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from airegistry.core.assets import Agent, Json
from airegistry.core.card_forms import lacking
from airegistry.core.cards import read_card
from airegistry.core.errors import AirError, CredentialRefused, Invalid, RateLimited, UpstreamFailed
from airegistry.core.sources import Offer, SourceConfig
from airegistry.egress.guard import Guard
from airegistry.sources.asor import Asor
from airegistry.sources.open import Drivers
from tests.sources.asor.workday import CLIENT, SECRET, TENANT, Workday, definition
from tests.support.asgi import serve

pytestmark = pytest.mark.anyio
OPEN = Guard(loopback=True)


def configured(base: str, *, refresh: str | None = None, **options: object) -> SourceConfig:
    known: Json = {"token_url": f"{base}/ccx/oauth2/{TENANT}/token", **options}  # type: ignore[dict-item]
    secrets: Json = {"client_id": CLIENT, "client_secret": SECRET, **({"refresh_token": refresh} if refresh else {})}
    return SourceConfig("workday", "asor", f"{base}/asor/v1", known, secrets)


@asynccontextmanager
async def tenant(*definitions: object) -> AsyncIterator[tuple[Workday, str]]:
    workday = Workday(*definitions)
    async with serve(workday.app()) as base:
        yield workday, base


async def read_all(driver: Asor, config: SourceConfig) -> list[Offer]:
    """All offers of one pass, as the core asks for them."""
    offers: list[Offer] = []
    async with driver.open(config) as source:
        after: str | None = None
        while True:
            page = await source.page(None, after)
            assert page.whole
            offers += page.offers
            if page.after is None:
                return offers
            after = page.after


def agents_of(offers: Sequence[Offer]) -> list[Agent]:
    found = [asset for offer in offers for asset in offer.versions]
    assert all(isinstance(asset, Agent) for asset in found)
    return [asset for asset in found if isinstance(asset, Agent)]


async def test_a_definition_becomes_an_agent_with_a_card_that_lacks_nothing_of_a2a() -> None:
    async with tenant(definition(1)) as (_, base):
        offers = await read_all(Asor(OPEN), configured(base))
    (agent,) = agents_of(offers)
    read_card(agent.card)
    assert lacking(agent.card) == []
    assert agent.path == "finance-auditor-1"
    assert (agent.name, agent.version, agent.tags) == ("Finance Auditor 1", "1.2.0", ["ASOR"])
    assert agent.url == "https://agents.example.com/finance/1"
    assert agent.card["provider"] == {"organization": "Acme Inc.", "url": "https://acme.example.com/docs"}
    assert agent.card["defaultOutputModes"] == ["application/json"]
    (skill,) = agent.skills
    assert (skill.id, skill.tags) == ("audit", ["finance", "audit"])
    assert agent.card["skills"][0]["inputModes"] == ["application/pdf"]  # type: ignore[index, call-overload]
    told = agent.metadata["asor"]
    assert isinstance(told, dict)
    assert told["skills"] == {"audit": {"execution_mode": "Delegate", "tools": ["GET Ledger"]}}
    assert (told["external_agent_id"], told["platform"]) == ("acme-1", "OTHER")


async def test_all_pages_are_read_each_definition_once() -> None:
    async with tenant(*map(definition, range(250))) as (workday, base):
        offers = await read_all(Asor(OPEN), configured(base))
    assert [offer.id for offer in offers] == [f"{number:032x}" for number in range(250)]
    assert [query for query, _ in workday.asked] == [f"limit=100&offset={start}" for start in (0, 100, 200)]
    assert len({agent.path for agent in agents_of(offers)}) == 250


async def test_a_tenant_with_smaller_pages_than_asked_for_is_read_whole() -> None:
    async with tenant(*map(definition, range(25))) as (workday, base):
        workday.pages_of = 10
        assert len(await read_all(Asor(OPEN), configured(base))) == 25


async def test_the_token_is_got_by_client_credentials_and_used_until_it_ends() -> None:
    async with tenant(definition(1)) as (workday, base):
        driver, config = Asor(OPEN), configured(base, tenant=TENANT, scope="Agent_System_of_Record")
        await read_all(driver, config)
        await read_all(driver, config)
        assert workday.grants == [{"grant_type": "client_credentials", "scope": "Agent_System_of_Record"}]
        assert [headers["authorization"] for _, headers in workday.asked] == ["Bearer access-0"] * 2
        assert workday.asked[0][1]["wd-agent-tenant-alias"] == TENANT


async def test_the_secret_goes_into_the_form_where_the_tenant_wants_it_there() -> None:
    async with tenant(definition(1)) as (workday, base):
        await read_all(Asor(OPEN), configured(base, auth_method="client_secret_post"))
    assert workday.grants[0]["client_secret"] == SECRET


async def test_a_token_that_is_refused_is_got_anew_once() -> None:
    async with tenant(definition(1)) as (workday, base):
        driver, config = Asor(OPEN), configured(base)
        await read_all(driver, config)
        workday.revoked.add("access-0")
        assert len(await read_all(driver, config)) == 1
        assert workday.tokens == ["access-0", "access-1"]
        workday.revoked |= {"access-1", "access-2"}
        with pytest.raises(CredentialRefused):
            await read_all(driver, config)
        assert len(workday.tokens) == 3


async def test_a_refresh_token_that_was_used_up_is_stored_and_the_next_one_is_used() -> None:
    kept: list[Json] = []

    async def keep(secrets: Json) -> None:
        kept.append(secrets)

    async with tenant(definition(1)) as (workday, base):
        workday.life = 1
        config = replace(configured(base, refresh="refresh-0"), keep=keep)
        driver = Asor(OPEN)
        await read_all(driver, config)
        assert kept == [{"refresh_token": "refresh-1"}]
        # Another process, or this one with what was stored: both go on.
        await read_all(Asor(OPEN), configured(base, refresh="refresh-1"))
        assert [grant["refresh_token"] for grant in workday.grants] == ["refresh-0", "refresh-1"]


async def test_a_refresh_token_that_could_not_be_read_again_takes_the_place_of_none() -> None:
    kept: list[Json] = []

    async def keep(secrets: Json) -> None:
        kept.append(secrets)

    async with tenant(definition(1)) as (workday, base):
        workday.padding = "x" * 8192
        with pytest.raises(UpstreamFailed, match="refresh token of over 8192 characters"):
            await read_all(Asor(OPEN), replace(configured(base, refresh="refresh-0"), keep=keep))
    assert kept == []


async def test_the_driver_goes_on_with_a_rotated_token_though_it_is_handed_the_old_configuration() -> None:
    async with tenant(definition(1)) as (workday, base):
        driver, config = Asor(OPEN), configured(base, refresh="refresh-0")
        await read_all(driver, config)
        workday.revoked.add("access-0")
        await read_all(driver, config)
        assert [grant["refresh_token"] for grant in workday.grants] == ["refresh-0", "refresh-1"]
        # And with what was stored meanwhile the same tokens serve.
        await read_all(driver, configured(base, refresh="refresh-2"))
        assert len(workday.grants) == 2


async def test_other_secrets_under_the_same_name_get_tokens_of_their_own() -> None:
    async with tenant(definition(1)) as (workday, base):
        driver = Asor(OPEN)
        await read_all(driver, configured(base))
        await read_all(driver, configured(base, refresh="refresh-0"))
        assert [grant["grant_type"] for grant in workday.grants] == ["client_credentials", "refresh_token"]


async def test_a_definition_that_is_no_agent_card_is_refused_with_its_reason_and_the_others_come() -> None:
    broken: list[object] = [
        definition(1, skills=[{"id": "a", "name": "x"}, {"id": "a", "name": "y"}]),
        definition(2, name=""),
        definition(3, url=None),
        definition(4, skills="none"),
        definition(5, version=7),
        "nothing",
        definition(6, url=["https://a.example.com"]),
    ]
    async with tenant(*broken, definition(9)) as (_, base):
        offers = await read_all(Asor(OPEN), configured(base))
    assert [bool(offer.refused) for offer in offers] == [True, True, True, False, True, True, True, False]
    assert "names none, or two" in offers[0].refused
    assert "name is missing" in offers[1].refused
    assert "url is missing" in offers[2].refused


async def test_a_digest_changes_with_the_definition_and_only_then() -> None:
    async with tenant(definition(1), definition(2)) as (workday, base):
        first = await read_all(Asor(OPEN), configured(base))
        again = await read_all(Asor(OPEN), configured(base))
        workday.definitions[0] = definition(1, description="Something else.")
        changed = await read_all(Asor(OPEN), configured(base))
    assert [offer.digest for offer in first] == [offer.digest for offer in again]
    assert changed[0].digest != first[0].digest
    assert changed[1].digest == first[1].digest


async def test_versions_of_one_agent_wish_for_different_paths() -> None:
    both = [definition(1, name="Planner", version="1.0"), definition(2, name="Planner", version="2.0")]
    async with tenant(*both) as (_, base):
        found = agents_of(await read_all(Asor(OPEN), configured(base)))
    assert [agent.path for agent in found] == ["planner", "planner-2.0"]


async def test_pages_that_come_again_end_the_pass() -> None:
    async with tenant(*[definition(1)] * 150) as (_, base):
        with pytest.raises(UpstreamFailed, match="twice"):
            await read_all(Asor(OPEN), configured(base))


async def test_a_total_that_is_a_lie_ends_with_the_last_definition() -> None:
    async with tenant(definition(1)) as (workday, base):
        workday.total = 10**9
        assert len(await read_all(Asor(OPEN), configured(base))) == 1


def endless() -> Response:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(1024):
            yield b" " * 1_048_576

    return StreamingResponse(body(), media_type="application/json")


FAULTS: list[tuple[Response, type[AirError], str]] = [
    (JSONResponse({"error": "no"}, 403), CredentialRefused, "HTTP 403"),
    (JSONResponse({"error": "no"}, 404), Invalid, "404"),
    (Response(status_code=429, headers={"retry-after": "17"}), RateLimited, "left alone"),
    (Response(status_code=500), UpstreamFailed, "HTTP 500"),
    (Response(status_code=503), UpstreamFailed, "HTTP 503"),
    (Response(b'{"total": 1, "data": [{"id"'), UpstreamFailed, "no JSON"),
    (Response(b'{"total": 1}'), UpstreamFailed, "without a list"),
    (Response(b"7"), UpstreamFailed, "without a list"),
    (RedirectResponse("http://10.0.0.1/asor?token=x"), UpstreamFailed, r"redirects to http://10\.0\.0\.1/asor:"),
    (JSONResponse({"data": [1] * 6000}), UpstreamFailed, "6000 definitions at once"),
]


@pytest.mark.parametrize("number", range(len(FAULTS)))
async def test_a_fault_of_the_service_is_said_as_what_it_is(number: int) -> None:
    fault, error, words = FAULTS[number]
    async with tenant(definition(1)) as (workday, base):
        workday.faults.append(fault)
        with pytest.raises(error, match=words) as raised:
            await read_all(Asor(OPEN), configured(base))
    if isinstance(raised.value, RateLimited):
        assert raised.value.retry_after == 17
    assert SECRET not in raised.value.message


async def test_a_body_of_a_gigabyte_is_cut_off() -> None:
    async with tenant(definition(1)) as (workday, base):
        workday.faults.append(endless())
        with pytest.raises(UpstreamFailed, match="more than 16777216 bytes"):
            await read_all(Asor(OPEN), configured(base))


REFUSALS: list[tuple[Response, type[AirError], str]] = [
    (JSONResponse({"error": "invalid_client"}, 401), CredentialRefused, "invalid_client"),
    (JSONResponse({"error": "invalid_grant"}, 400), CredentialRefused, "invalid_grant"),
    (Response(status_code=404), Invalid, "no token endpoint"),
    (Response(status_code=429, headers={"retry-after": "9"}), RateLimited, "left alone"),
    (Response(status_code=502), UpstreamFailed, "HTTP 502"),
    (RedirectResponse("http://169.254.169.254/"), UpstreamFailed, "HTTP 307"),
    (Response(b"{"), UpstreamFailed, "no JSON"),
]


@pytest.mark.parametrize("number", range(len(REFUSALS)))
async def test_a_refusal_of_the_token_endpoint_is_said_and_no_definition_is_asked_for(number: int) -> None:
    refusal, error, words = REFUSALS[number]
    async with tenant(definition(1)) as (workday, base):
        workday.refusals.append(refusal)
        with pytest.raises(error, match=words) as raised:
            await read_all(Asor(OPEN), configured(base))
        assert workday.asked == []
    assert SECRET not in raised.value.message


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "http://workday.example.com/asor/v1"}, "url"),
        ({"url": "https://workday.example.com/asor/v1?x=1"}, "url"),
        ({"url": "https://10.1.2.3/asor"}, "url"),
        ({"options": {}}, "token_url"),
        ({"options": {"token_url": "https://a.example.com/token", "pages": 3}}, "pages"),
        ({"options": {"token_url": "http://a.example.com/token"}}, "token_url"),
        ({"secrets": {"client_id": "a"}}, "client_secret"),
        ({"secrets": {"client_id": "a", "client_secret": "hunter2", "password": "hunter3"}}, "password"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name_and_no_secret_is_repeated(
    change: dict[str, object], field: str
) -> None:
    config = SourceConfig(
        "w", "asor", "https://a.example.com/asor", {"token_url": "https://a.example.com/token"},
        {"client_id": "a", "client_secret": "hunter2"},
    )  # fmt: skip
    Drivers(Guard()).check(config)
    with pytest.raises(Invalid) as refused:
        Drivers(Guard()).check(replace(config, **change))  # type: ignore[arg-type]  # one member, of its type
    assert refused.value.field == field
    assert "hunter" not in refused.value.message + orjson.dumps(refused.value.details()).decode()
