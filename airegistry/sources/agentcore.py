"""Kind `agentcore`: the gateways and agent runtimes of Amazon Bedrock AgentCore, by its control API.

Gateways and runtimes that speak MCP are servers, runtimes that speak A2A are agents. The URL of the source is empty, or
that of an endpoint in place of AWS's own.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from airegistry.core.assets import Json
from airegistry.core.sources import Offer, OfferPage
from airegistry.egress.guard import Guard
from airegistry.sources.agentcore_assets import GATEWAYS_GONE, RUNTIMES_GONE, gateway_offer, runtime_offer
from airegistry.sources.aws_access import Access, AwsDriver, AwsOptions, Way, details, places, wanted
from airegistry.sources.reading import Paths, objects, text

if TYPE_CHECKING:
    from airegistry.egress.aws import Aws, AwsPlace

SERVICE = "bedrock-agentcore-control"
PAGE = 50
MAX_TARGETS = 100
What = Literal["gateways", "runtimes"]


class Options(AwsOptions):
    """Beside where: what is read, and which of it by globs of names."""

    what: list[What] = Field(default=["gateways", "runtimes"], min_length=1, max_length=2)


def agent_core(guard: Guard, *, machine: bool) -> AwsDriver[Options]:
    """The driver of accounts and regions. `machine`: see `Aws`."""
    return AwsDriver(guard, Options, Pass, machine=machine)


class Pass:
    """One pass: place by place, gateways first. Fills `core.sources.Source`; every pass is a whole one."""

    def __init__(self, aws: "Aws", access: Access, options: Options) -> None:
        self._aws = aws
        self._access = access
        self._filter = options.filter
        self._paths = Paths("agentcore")
        self._legs = [(where, what) for where in places(options) for what in dict.fromkeys(options.what)]
        self._way = Way(len(self._legs))

    async def page(self, since: str | None, after: str | None) -> OfferPage:
        """See `core.sources.Source`."""
        leg, token = self._way.position(after)
        where, what = self._legs[leg]
        place = await self._access.at(where)
        read_page = self._gateways if what == "gateways" else self._runtimes
        offers, following = await read_page(place, token)
        return OfferPage(offers, after=self._way.after(leg, following))

    async def _gateways(self, place: "AwsPlace", token: str) -> tuple[Sequence[Offer], str]:
        listed, following = await self._listed(place, "list_gateways", "items", token)

        async def ask(summary: Json) -> Json:
            id = summary.get("gatewayId")
            gateway = await self._aws.call(SERVICE, "get_gateway", place, gatewayIdentifier=id)
            targets = await self._aws.call(
                SERVICE, "list_gateway_targets", place, gatewayIdentifier=id, maxResults=MAX_TARGETS
            )
            return {**gateway, "targets": targets.get("items")}

        there = [one for one in listed if one.get("status") not in GATEWAYS_GONE]
        found = await details([one for one in there if wanted(text(one.get("name")), self._filter)], ask)
        return [gateway_offer(gateway, place.region, self._paths) for gateway in found], following

    async def _runtimes(self, place: "AwsPlace", token: str) -> tuple[Sequence[Offer], str]:
        listed, following = await self._listed(place, "list_agent_runtimes", "agentRuntimes", token)

        async def ask(summary: Json) -> Json:
            id = summary.get("agentRuntimeId")
            return await self._aws.call(SERVICE, "get_agent_runtime", place, agentRuntimeId=id)

        there = [one for one in listed if one.get("status") not in RUNTIMES_GONE]
        found = await details([one for one in there if wanted(text(one.get("agentRuntimeName")), self._filter)], ask)
        return [runtime_offer(runtime, place.region, self._paths) for runtime in found], following

    async def _listed(self, place: "AwsPlace", operation: str, member: str, token: str) -> tuple[list[Json], str]:
        more: Json = {"nextToken": token} if token else {}
        answer = await self._aws.call(SERVICE, operation, place, maxResults=PAGE, **more)
        return objects(answer.get(member)), text(answer.get("nextToken"))
