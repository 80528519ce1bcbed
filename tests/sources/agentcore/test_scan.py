"""Gateways and runtimes of AWS accounts, read from a fake that takes only what botocore's descriptions allow."""

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from airegistry.core.assets import Agent, Server
from airegistry.core.cards import read_card
from airegistry.core.errors import AirError, CredentialRefused, Invalid, RateLimited, UpstreamFailed
from airegistry.egress.aws import Aws
from airegistry.egress.guard import Guard
from airegistry.sources.open import Drivers
from tests.sources.agentcore.reading import aws, configured, read_all
from tests.sources.agentcore.world import EXTERNAL_ID, HOME, JWT, OTHER, WHEN, Refused, gateway, runtime

pytestmark = pytest.mark.anyio
ROLE = "arn:aws:iam::{account}:role/airegistry"
TARGET: dict[str, object] = {
    "targetId": "ABCDEFGHIJ", "name": "orders", "status": "READY", "createdAt": WHEN, "updatedAt": WHEN,
    "targetType": "LAMBDA",
}  # fmt: skip


async def test_a_gateway_is_a_server_at_its_url_and_says_how_callers_are_admitted() -> None:
    async with aws() as (fake, base):
        fake.gateways[HOME, "us-east-1"] = [
            gateway("Orders"), gateway("Refunds", authorizerType="CUSTOM_JWT", authorizerConfiguration=JWT),
        ]  # fmt: skip
        fake.targets["orders-abcdefghij"] = [TARGET]
        orders, refunds = await read_all(configured(base))
    (server,) = orders.versions
    assert isinstance(server, Server)
    assert orders.id == f"arn:aws:bedrock-agentcore:us-east-1:{HOME}:gateway/orders-abcdefghij"
    assert (server.path, server.name, server.transport) == ("orders", "Orders", "streamable-http")
    assert server.url == "https://orders-abcdefghij.gateway.bedrock-agentcore.us-east-1.amazonaws.com/mcp"
    assert server.tags == ["AGENTCORE", "gateway"]
    about = server.metadata["agentcore"]
    assert isinstance(about, dict)
    assert (about["account"], about["region"], about["auth"]) == (HOME, "us-east-1", "sigv4")
    assert about["targets"] == [{"name": "orders", "type": "LAMBDA"}]
    told = refunds.versions[0].metadata["agentcore"]
    assert isinstance(told, dict)
    assert (told["auth"], told["jwt"]) == ("jwt", JWT["customJWTAuthorizer"])


async def test_runtimes_are_servers_or_agents_by_the_protocol_they_speak() -> None:
    async with aws() as (fake, base):
        fake.runtimes[HOME, "us-east-1"] = [
            runtime("calculator", "MCP"), runtime("planner", "A2A", authorizerConfiguration=JWT),
            runtime("chatbot", "HTTP"), runtime("older", None), runtime("screen", "AGUI"), runtime("signed", "A2A"),
        ]  # fmt: skip
        offers = await read_all(configured(base))
    calculator, planner, chatbot, older, screen, signed = offers
    (server,) = calculator.versions
    arn = f"arn%3Aaws%3Abedrock-agentcore%3Aus-east-1%3A{HOME}%3Aruntime%2Fcalculator-abcdefghij"
    assert isinstance(server, Server)
    assert server.url == (
        f"https://bedrock-agentcore.us-east-1.amazonaws.com/runtimes/{arn}/invocations?qualifier=DEFAULT"
    )
    (agent,) = planner.versions
    assert isinstance(agent, Agent)
    read_card(agent.card)
    assert (agent.path, agent.version, agent.skills) == ("planner", "3", [])
    assert agent.card["security"] == [{"jwt": []}]
    assert signed.versions[0].card["security"] == [{"sigv4": []}]  # type: ignore[union-attr]  # an agent
    for other, protocol in ((chatbot, "HTTP"), (older, "HTTP"), (screen, "AGUI")):
        assert not other.versions
        assert f"speaks {protocol}" in other.refused


async def test_every_page_of_every_account_and_region_is_read_with_the_role_of_the_account() -> None:
    regions = ["us-east-1", "eu-west-1"]
    async with aws() as (fake, base):
        for account in (HOME, OTHER):
            for region in regions:
                names = ["One", "Two", "Three", "Four", "Five"]
                fake.gateways[account, region] = [gateway(name, account=account, region=region) for name in names]
                fake.runtimes[account, region] = [runtime("tool", "MCP", account=account, region=region)]
        config = configured(base, regions=regions, accounts=[HOME, OTHER], role_arn=ROLE, external_id=EXTERNAL_ID)
        offers = await read_all(config)
        assert fake.operations("AssumeRole") == [(HOME, "us-east-1")] * 2  # with the keys of the source
        places = [(HOME, region) for region in regions] + [(OTHER, region) for region in regions]
        assert fake.operations("ListGateways") == [place for place in places for _ in range(3)]
        assert fake.operations("ListAgentRuntimes") == places
    assert len({offer.id for offer in offers}) == 24
    paths = [offer.versions[0].path for offer in offers]
    assert len(set(paths)) == 24
    assert {"one", "one-eu-west-1", "one-us-east-1", f"one-eu-west-1-{OTHER}"} <= set(paths)


async def test_a_second_pass_wishes_for_the_same_paths_and_has_the_same_digests() -> None:
    async with aws() as (fake, base):
        fake.gateways[HOME, "us-east-1"] = [gateway("One"), gateway("Two")]
        fake.gateways[HOME, "eu-west-1"] = [gateway("One", region="eu-west-1")]
        config = configured(base, regions=["us-east-1", "eu-west-1"])
        first = await read_all(config)
        fake.gateways[HOME, "us-east-1"][0] |= {"updatedAt": "2026-11-02T00:00:00Z", "status": "UPDATING"}
        again = await read_all(config)
        fake.gateways[HOME, "us-east-1"][0] |= {"description": "Something else"}
        changed = await read_all(config)
    assert [(one.digest, one.versions[0].path) for one in first] == [
        (one.digest, one.versions[0].path) for one in again
    ]
    assert [one.digest == other.digest for one, other in zip(first, changed, strict=True)] == [False, True, True]


async def test_what_is_coming_or_going_is_not_offered_and_what_is_being_updated_is() -> None:
    async with aws() as (fake, base):
        states = ["READY", "CREATING", "DELETING", "FAILED", "UPDATING", "UPDATE_UNSUCCESSFUL"]
        fake.gateways[HOME, "us-east-1"] = [gateway(f"G{number}", status=state) for number, state in enumerate(states)]
        fake.runtimes[HOME, "us-east-1"] = [
            runtime(f"r{number}", "MCP", status=state)
            for number, state in enumerate(["READY", "CREATE_FAILED", "UPDATE_FAILED", "DELETING"])
        ]
        offers = await read_all(configured(base))
    assert [offer.versions[0].name for offer in offers] == ["G0", "G4", "G5", "r0", "r2"]


async def test_what_is_gone_between_list_and_look_is_left_out() -> None:
    async with aws() as (fake, base):
        fake.gateways[HOME, "us-east-1"] = [gateway("One"), gateway("Two")]
        fake.faults["GetGateway"] = deque([Refused(404, "ResourceNotFoundException")])
        assert len(await read_all(configured(base))) == 1


async def test_only_what_is_wanted_is_asked_for() -> None:
    async with aws() as (fake, base):
        fake.gateways[HOME, "us-east-1"] = [gateway("Prod-orders"), gateway("Test-orders")]
        fake.runtimes[HOME, "us-east-1"] = [runtime("prod", "MCP")]
        offers = await read_all(configured(base, what=["gateways"], filter=["Prod-*"]))
        assert [operation for operation, *_ in fake.calls] == ["ListGateways", "GetGateway", "ListGatewayTargets"]
    assert [offer.versions[0].name for offer in offers] == ["Prod-orders"]


async def test_pages_that_come_again_end_the_pass() -> None:
    async with aws() as (fake, base):
        fake.faults["ListGateways"] = deque(JSONResponse({"items": [], "nextToken": "again"}) for _ in range(9))
        with pytest.raises(UpstreamFailed, match="has no end"):
            await read_all(configured(base))
        assert len(fake.calls) == 2


async def test_a_wrong_external_id_is_told_as_a_refusal() -> None:
    async with aws() as (_, base):
        config = configured(base, accounts=[OTHER], role_arn=ROLE, external_id="another-one")
        with pytest.raises(CredentialRefused, match="sts in us-east-1, assume_role: AccessDenied"):
            await read_all(config)


def endless() -> Response:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(1024):
            yield b" " * 1_048_576

    return StreamingResponse(body(), media_type="application/json")


FAULTS: list[tuple[Response | Refused, type[AirError], str]] = [
    (Refused(403, "AccessDeniedException", "User is not authorized"), CredentialRefused, "not authorized"),
    (Refused(401, "UnrecognizedClientException"), CredentialRefused, "UnrecognizedClientException"),
    (Refused(403, "ExpiredTokenException"), CredentialRefused, "ExpiredTokenException"),
    (Refused(400, "ValidationException", "1 error"), Invalid, "1 error"),
    (Refused(500, "InternalServerException"), UpstreamFailed, "HTTP 500"),
    (Refused(503, "ServiceUnavailable"), UpstreamFailed, "HTTP 503"),
    (Response(b'{"items": [{"gate', media_type="application/json"), UpstreamFailed, "the answer has no items"),
    (Response(b"", media_type="application/json"), UpstreamFailed, "the answer has no items"),
    (JSONResponse({"items": 7}), UpstreamFailed, "no answer that can be read"),
    (JSONResponse([]), UpstreamFailed, "no"),
    (RedirectResponse("http://10.0.0.1/"), UpstreamFailed, "a redirect"),
    (Response(b"[" * 200_000, media_type="application/json"), UpstreamFailed, "no"),
]


@pytest.mark.parametrize("number", range(len(FAULTS)))
async def test_a_fault_of_aws_is_said_as_what_it_is(number: int) -> None:
    fault, error, words = FAULTS[number]
    async with aws() as (fake, base):
        fake.gateways[HOME, "us-east-1"] = [gateway("One")]
        fake.faults["ListGateways"] = deque([fault])
        with pytest.raises(error, match=words):
            await read_all(configured(base))


async def test_a_body_of_a_gigabyte_is_cut_off() -> None:
    async with aws() as (fake, base):
        fake.faults["ListGateways"] = deque([endless()])
        with pytest.raises(UpstreamFailed, match="more than 8388608 bytes"):
            await read_all(configured(base))


async def test_a_throttled_call_is_made_again_after_as_long_as_aws_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    paused: list[float] = []

    async def pause(seconds: float) -> None:
        paused.append(seconds)

    monkeypatch.setitem(Aws.__init__.__kwdefaults__ or {}, "pause", pause)
    async with aws() as (fake, base):
        fake.gateways[HOME, "us-east-1"] = [gateway("One")]
        throttled = Refused(429, "ThrottlingException", headers={"retry-after": "7"})
        fake.faults["ListGateways"] = deque([throttled, Refused(400, "ThrottlingException")])
        assert len(await read_all(configured(base))) == 1
        assert paused == [7.0, 2.0]
        paused.clear()
        fake.faults["ListGateways"] = deque([throttled] * 4)
        with pytest.raises(RateLimited) as limited:
            await read_all(configured(base))
        assert (limited.value.retry_after, paused) == (7.0, [7.0, 7.0, 7.0])
        fake.faults["ListGateways"] = deque([Refused(429, "ThrottlingException", headers={"retry-after": "600"})])
        with pytest.raises(RateLimited) as limited:
            await read_all(configured(base))
        assert limited.value.retry_after == 600


async def test_without_an_endpoint_of_its_own_a_source_asks_aws_itself_and_nobody_else() -> None:
    """A resolver that knows nothing says which names were looked up."""
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(f"{host}:{port}")
        raise OSError("no such name")

    drivers = Drivers(Guard(resolve=resolve))
    config = replace(configured(""), url="", options={"regions": ["eu-central-1"]})
    with pytest.raises(UpstreamFailed, match="does not resolve"):
        await read_all(config, drivers)
    role = {**config.options, "role_arn": "arn:aws:iam::444455556666:role/airegistry"}
    with pytest.raises(UpstreamFailed, match="does not resolve"):
        await read_all(replace(config, options=role), drivers)
    assert asked == ["bedrock-agentcore-control.eu-central-1.amazonaws.com:443", "sts.eu-central-1.amazonaws.com:443"]


async def test_an_endpoint_that_leads_into_the_private_network_is_not_reached() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["10.0.0.7"]

    config = replace(configured(""), url="", options={"regions": ["eu-central-1"]})
    with pytest.raises(Invalid, match="not public"):
        await read_all(config, Drivers(Guard(resolve=resolve)))


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"regions": []}, "regions"),
        ({"regions": ["us-east-1.evil.example.com/"]}, "regions.0"),
        ({"accounts": ["123"]}, "accounts.0"),
        ({"accounts": [OTHER]}, "role_arn"),
        ({"role_arn": ROLE}, "accounts"),
        ({"role_arn": "arn:aws:iam::1:user/x"}, "role_arn"),
        ({"external_id": EXTERNAL_ID}, "external_id"),
        ({"sts_url": "http://sts.example.com"}, "sts_url"),
        ({"what": ["buckets"]}, "what.0"),
        ({"profile": "x"}, "profile"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(options: dict[str, object], field: str) -> None:
    config = replace(configured("https://vpce.example.com"), options={"regions": ["us-east-1"]})
    Drivers(Guard()).check(config)
    with pytest.raises(Invalid) as refused:
        Drivers(Guard()).check(replace(config, options={**config.options, **options}))  # type: ignore[dict-item]
    assert refused.value.field == field


@pytest.mark.parametrize(
    "secrets",
    [{"access_key_id": "AKIA1234567890123456"}, {"session_token": "x"}, {"secret_access_key": "hunter2"}],
)
def test_half_a_key_is_refused_and_not_repeated(secrets: dict[str, str]) -> None:
    config = replace(configured(""), url="", options={"regions": ["us-east-1"]}, secrets={**secrets})
    with pytest.raises(Invalid) as refused:
        Drivers(Guard()).check(config)
    assert "hunter2" not in refused.value.message


def test_without_botocore_a_source_of_aws_says_which_extra_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airegistry.sources.aws_access.find_spec", lambda name: None)
    with pytest.raises(Invalid, match=r"airegistry\[aws\]"):
        Drivers(Guard()).check(replace(configured(""), url="", options={"regions": ["us-east-1"]}))
