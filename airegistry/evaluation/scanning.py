"""Verdicts on cases of danger: tools, agent cards and skills, one a line, judged as registrations are."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue

from airegistry.clock import SystemClock
from airegistry.core.access import Access
from airegistry.core.assets import Json, Server
from airegistry.core.errors import Invalid, ScanFailed
from airegistry.core.findings import Verdict
from airegistry.core.known_names import KnownNames
from airegistry.core.ports import AnyAsset
from airegistry.core.scans import ScanReport, Scans
from airegistry.core.unchecked import ANYWHERE, path_of, unchecked_agent, unchecked_server, unchecked_skill
from airegistry.evaluation.corpus import Line, distinct
from airegistry.evaluation.registry import Progress
from airegistry.evaluation.sources import Source
from airegistry.scanners.open import open_scanners
from airegistry.scanners.ruleset import ruleset_of
from airegistry.stores.memory import MemoryStore

Tier = Literal["block", "review"]


class Case(Line):
    """One case. `payload` is of its kind: see `drafted`."""

    id: str = Field(min_length=1)
    kind: Literal["mcp_tool", "agent_card", "skill"]
    payload: Json


@dataclass(frozen=True, slots=True)
class Drafted:
    """What a case asks to scan, what is served of it already, and the servers of the catalog by its side."""

    asset: AnyAsset
    approved: AnyAsset | None = None
    catalog: Sequence[Server] = ()


@dataclass(slots=True)
class Verdicts:
    """What the scanners said of each case by id, why they could say nothing of some, which is no pass, and how long
    each took."""

    said: dict[str, Verdict] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def flagged(self, tier: Tier) -> dict[str, bool]:
        """Whether each case reaches a tier; what no scanner could read does."""
        enough = {"block"} if tier == "block" else {"block", "review"}
        return {id: verdict in enough for id, verdict in self.said.items()}


def read_cases(path: Path) -> list[Case]:
    """The cases of a file; members other than id, kind and payload are not read.

    Raises:
        Invalid: it cannot be read, holds none, or a line is none; the message names file and line.
    """
    cases = distinct(path, Case, lambda case: case.id)
    for case in cases:
        try:
            drafted(case)
        except Invalid as error:
            raise Invalid(f"{path}: case {case.id[:80]!r}: {error.message}") from None
    return cases


@dataclass(frozen=True, slots=True)
class Judged:
    """Something that was read, and what the scanners said of it."""

    source: Source
    report: ScanReport


async def judged_sources(sources: Sequence[Source]) -> list[Judged]:
    """Scan everything that was read, as a registration is scanned in an empty catalog.

    Raises:
        ScanFailed: a scanner gave no answer.
    """
    scanners = open_scanners()
    ruleset = ruleset_of(scanner.name for scanner in scanners)
    scans = Scans(MemoryStore(), scanners, KnownNames(), Access(), SystemClock(), ruleset=ruleset)
    return [Judged(source, await scans.run(source.asset)) for source in sources]


async def judged_cases(cases: Sequence[Case], progress: Progress) -> Verdicts:
    """Scan every case by itself, as a registration is scanned beside the servers that its catalog names."""
    verdicts = Verdicts()
    store, access, clock, scanners = MemoryStore(), Access(), SystemClock(), open_scanners()
    for number, case in enumerate(cases, 1):
        draft, names = drafted(case), KnownNames()
        for server in draft.catalog:
            names.put(server)
        scans = Scans(store, scanners, names, access, clock)
        started = time.perf_counter()
        try:
            verdicts.said[case.id] = (await scans.run(draft.asset, draft.approved)).verdict
        except ScanFailed as failure:
            verdicts.said[case.id], verdicts.failed[case.id] = "block", failure.message
        verdicts.seconds[case.id] = time.perf_counter() - started
        progress("judged", number, len(cases))
    return verdicts


def drafted(case: Case) -> Drafted:
    """The assets of a case: a tool on its server, an agent by its card, or a skill by its files.

    Raises:
        Invalid: the payload is none of its kind.
    """
    return _DRAFTS[case.kind](case.payload)


def _tool(payload: Json) -> Drafted:
    stated, tool = _object(payload.get("server") or {}, "payload.server"), _object(payload.get("tool"), "payload.tool")
    name = _name(stated, "payload.server.name") if stated else ANYWHERE
    catalog = [_trusted(each, place) for place, each in enumerate(_list(payload.get("catalog"), "payload.catalog"))]
    # The asset is another one than those of the catalog, whatever it calls itself.
    path = path_of(name) if path_of(name) not in {server.path for server in catalog} else ANYWHERE
    asset = unchecked_server(name, stated, [tool], path=path)
    approved = None
    if (baseline := payload.get("baseline")) is not None:
        approved = unchecked_server(name, stated, [_object(baseline, "payload.baseline")], path=path)
    return Drafted(asset, approved, catalog)


def _trusted(each: JsonValue, place: int) -> Server:
    """A server of the catalog: in production where it is trusted."""
    stated = _object(each, f"payload.catalog.{place}")
    name, tools = stated.get("server"), _list(stated.get("tools"), f"payload.catalog.{place}.tools")
    if not isinstance(name, str):
        raise Invalid(f"payload.catalog.{place}.server is no text")
    definitions: list[Json] = [{"name": tool} if isinstance(tool, str) else _object(tool, "tools") for tool in tools]
    path = path_of(name) if path_of(name) != ANYWHERE else f"catalog-{place}"
    stage = "approved_production" if stated.get("trusted", True) else "approved_dev"
    return unchecked_server(name, {"stage": stage}, definitions, path=path)


def _card(payload: Json) -> Drafted:
    return Drafted(unchecked_agent(payload))


def _skill(payload: Json) -> Drafted:
    files = _object(payload.get("files"), "payload.files")
    texts = {name: text for name, text in files.items() if isinstance(text, str)}
    if not texts or len(texts) != len(files):
        raise Invalid("payload.files maps no names to texts")
    return Drafted(unchecked_skill(texts))


_DRAFTS: dict[str, Callable[[Json], Drafted]] = {"mcp_tool": _tool, "agent_card": _card, "skill": _skill}


def _object(value: JsonValue, what: str) -> Json:
    if not isinstance(value, dict):
        raise Invalid(f"{what} is no object")
    return value


def _list(value: JsonValue, what: str) -> list[JsonValue]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise Invalid(f"{what} is no list")
    return value


def _name(stated: Json, what: str) -> str:
    name = stated.get("name")
    if not isinstance(name, str):
        raise Invalid(f"{what} is no text")
    return name.strip() or ANYWHERE
