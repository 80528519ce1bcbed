"""Kind `agentcore-registry`: the records of AWS Agent Registry, which began as a part of Amazon Bedrock AgentCore.

There are two APIs of it: `agent-registry`, and that of the preview under `bedrock-agentcore`, whose records are read in
the form of the former. Without `registries` all that are ready in a region are read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from airegistry.core.assets import Json
from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.core.sources import Offer, OfferPage
from airegistry.egress.guard import Guard
from airegistry.sources.agentcore_records import TYPES, newer, record_offer
from airegistry.sources.aws_access import Access, AwsDriver, AwsOptions, Way, Where, details, places, wanted
from airegistry.sources.reading import Paths, objects, text

if TYPE_CHECKING:
    from airegistry.egress.aws import Aws, AwsPlace

PAGE = 100
MAX_PAGES = 20
"""Pages of registries in one account and region: 2,000 of them."""

Api = Literal["agent-registry", "bedrock-agentcore"]
RegistryId = Annotated[
    str, Field(pattern=r"^(arn:aws[a-z-]*:[a-z-]+:[a-z0-9-]+:[0-9]{12}:registry/|[a-z0-9-]{1,32}/)?[A-Za-z0-9]{12,16}$")
]
Type = Literal["MCP", "A2A", "CUSTOM", "AGENT_SKILLS"]
Status = Literal["APPROVED", "DRAFT", "PENDING_APPROVAL", "DEPRECATED"]

SERVICES: dict[Api, str] = {
    "agent-registry": "agent-registry-control",
    "bedrock-agentcore": "bedrock-agentcore-control",
}


class Options(AwsOptions):
    """Beside where: which registries, by `ID`, `REGION/ID` or ARN; records of which types, and in which state."""

    api: Api = "agent-registry"
    registries: list[RegistryId] = Field(default_factory=list, max_length=100)
    types: list[Type] = Field(default=["MCP", "A2A", "CUSTOM", "AGENT_SKILLS"], min_length=1, max_length=4)
    status: Status = "APPROVED"


@dataclass(frozen=True, slots=True)
class Leg:
    """One registry in one account and region."""

    where: Where
    registry: str


def agent_core_registry(guard: Guard, *, machine: bool) -> AwsDriver[Options]:
    """The driver of agent registries. `machine`: see `Aws`."""
    return AwsDriver(guard, Options, Pass, machine=machine)


class Pass:
    """One pass: registry by registry. Fills `core.sources.Source`; every pass is a whole one."""

    def __init__(self, aws: "Aws", access: Access, options: Options) -> None:
        self._aws = aws
        self._access = access
        self._options = options
        self._service = SERVICES[options.api]
        self._types = {type_ for said in options.types for type_ in TYPES[said]}
        self._paths = Paths("agentcore")
        self._legs: Sequence[Leg] = ()
        self._way = Way(0)

    async def page(self, since: str | None, after: str | None) -> OfferPage:
        """See `core.sources.Source`."""
        if after is None:
            self._legs = await self._found()
            self._way = Way(len(self._legs))
            if not self._legs:
                return OfferPage(())
        number, token = self._way.position(after)
        leg = self._legs[number]
        place = await self._access.at(leg.where)
        listed, following = await self._listed(place, leg.registry, token)

        async def ask(summary: Json) -> Json:
            record = summary.get("recordId")
            return await self._aws.call(
                self._service, "get_registry_record", place, registryId=leg.registry, recordId=record
            )

        found = await details([one for one in map(newer, listed) if self._wants(one)], ask)
        offers = [self._offer(newer(record), place.region) for record in found]
        return OfferPage(offers, after=self._way.after(number, following))

    def _offer(self, record: Json, region: str) -> Offer:
        return record_offer(record, region, self._paths)

    def _wants(self, summary: Json) -> bool:
        type_, status = summary.get("recordType"), summary.get("status")
        named = wanted(text(summary.get("name")), self._options.filter)
        return named and type_ in self._types and status == self._options.status

    async def _found(self) -> Sequence[Leg]:
        """The registries of the pass: all, or those that are named, each in its own region if its name says so."""
        legs: list[Leg] = []
        for where in places(self._options):
            ids: Sequence[str] = self._options.registries or await self._registries(where)
            legs += [Leg(where, named[1]) for named in map(_named, ids) if named[0] in {"", where.region}]
        return legs

    async def _registries(self, where: Where) -> Sequence[str]:
        place = await self._access.at(where)
        ids: list[str] = []
        token, tokens = "", set[str]()
        while token not in tokens and len(tokens) < MAX_PAGES:
            tokens.add(token)
            answer = await self._call(place, "list_registries", {}, token)
            ids += [
                text(one.get("registryId")) for one in objects(answer.get("registries")) if one.get("status") == "READY"
            ]
            token = text(answer.get("nextToken"))
            if not token:
                return ids
        raise UpstreamFailed(f"AWS lists the registries of {where.region} without an end")

    async def _listed(self, place: "AwsPlace", registry: str, token: str) -> tuple[list[Json], str]:
        from airegistry.egress.aws import AwsMissing  # of the extra `aws`

        try:
            answer = await self._call(place, "list_registry_records", {"registryId": registry}, token)
        except AwsMissing as error:
            raise Invalid(error.message, field="registries") from None
        return objects(answer.get("registryRecords")), text(answer.get("nextToken"))

    async def _call(self, place: "AwsPlace", operation: str, parameters: Json, token: str) -> Json:
        more: Json = {"nextToken": token} if token else {}
        return await self._aws.call(self._service, operation, place, maxResults=PAGE, **parameters, **more)


def _named(registry: str) -> tuple[str, str]:
    """The region that the name of a registry says, if it does, and what AWS knows the registry by."""
    if registry.startswith("arn:"):
        return registry.split(":")[3], registry
    region, _, id = registry.rpartition("/")
    return region, id
