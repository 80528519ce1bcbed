"""Names of the Agent Name Service on agents and servers: linked, looked up, and looked up again every few hours.

A badge says `verified` when the service knows the name as active and says that it is reached where the asset is.
`failed` is a clear no. `unknown` was never answered; `stale` was verified, and could not be asked for too long since.
"""

import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import uniform
from typing import Literal, Protocol
from urllib.parse import urlsplit

from airegistry.core.assets import Agent, AnsBadge, AnsStatus, Server
from airegistry.core.audit import Audit
from airegistry.core.breaker import Breakers
from airegistry.core.catalog import RETRIES, Catalog, check_local
from airegistry.core.errors import Conflict, Invalid, NotFound, Unsupported, UpstreamFailed
from airegistry.core.events import Event, Events
from airegistry.core.ports import AnyAsset, Clock
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.schedule import Schedule
from airegistry.core.shelf import Shelf, ref

AT_ONCE = 500
"""Links that are read at once."""
AGAIN_AFTER = 300.0
"""Seconds until a service that gave no answer is asked again."""
STALE_AFTER = 2
"""Intervals without an answer, after which what was verified is stale."""
_VERSION = r"ans://v(\d{1,6}\.\d{1,6}\.\d{1,6})"
NAME = re.compile(_VERSION + r"\.((?:[a-z0-9][a-z0-9-]{0,62}\.){1,20}[a-z][a-z0-9-]{0,62})")
LOOKED_UP = "ans"
"""The act of the registry itself, when a badge changes."""
log = logging.getLogger(__name__)
Linkable = Server | Agent
Key = tuple[str, str]
Change = Callable[[Linkable], Awaitable[AnsBadge | None]]


class NameService(Protocol):
    """The Agent Name Service, asked through the guarded client."""

    @property
    def url(self) -> str:
        """Where it is."""
        ...

    async def look_up(self, name: str) -> "Entry | None":
        """What it has under a name; None when it knows no such name.

        Raises:
            UpstreamFailed: it does not answer, or answers nonsense.
        """
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """What the service says of a name. `state` is its word for it, `ACTIVE` when all is well; `urls` is where the agent
    is reached, as far as the service says so; `ends` is when its certificate does."""

    name: str
    host: str
    state: str = "ACTIVE"
    urls: Sequence[str] = ()
    ends: datetime | None = None


def parse_name(name: str) -> str:
    """A name in its canonical form, lower case.

    Raises:
        Invalid: it is not of the form `ans://v1.0.0.agent.example.com`.
    """
    known = name.strip().lower()
    if len(known) > 300 or NAME.fullmatch(known) is None:
        raise Invalid(f"{name[:80]!r} is not of the form ans://v1.0.0.agent.example.com", field="name")
    return known


def fault_of(entry: Entry | None, name: str, url: str | None, now: datetime) -> str:
    """Why an entry does not verify an asset that is reached at `url`; empty when it does."""
    if entry is None:
        return "the service knows no such name"
    if entry.name.lower() != name:
        return "the service answered for another name"
    if entry.state.upper() != "ACTIVE":
        return f"the name is {entry.state.lower()[:40]}"
    if entry.ends is not None and entry.ends <= now:
        return f"its certificate ended at {entry.ends:%Y-%m-%dT%H:%M:%SZ}"
    parsed = NAME.fullmatch(name)
    host = parsed[2] if parsed is not None else ""
    if entry.host and entry.host.lower() != host:
        return "the service has it for another host"
    if url is None:
        return "the asset has no URL that could be compared"
    if not entry.urls:
        return "" if urlsplit(url).hostname == host else f"the asset is not reached at {host}"
    return "" if _place(url) in {_place(each) for each in entry.urls} else "the service has it at another address"


class AnsLinks:
    """Every operation on links. `service` is None where none is configured; then links are kept, and nothing asked."""

    def __init__(
        self, shelf: Shelf, catalog: Catalog, audit: Audit, events: Events, clock: Clock, breakers: Breakers,
        service: NameService | None, *, hours: float = 6.0,
    ) -> None:  # fmt: skip
        self._shelf = shelf
        self._catalog = catalog
        self._audit = audit
        self._events = events
        self._clock = clock
        self._breakers = breakers
        self._service = service
        self._circuit = Server(path="agent-name-service", name="ANS", url=service.url if service is not None else None)
        self._interval = timedelta(hours=hours)
        self._schedule = Schedule[Key](clock)

    async def rebuild(self) -> None:
        """Know when each link is due: its last check tells, also after a restart."""
        named = [(each.kind, each.path, None) async for each in self._shelf.sketches() if each.linked]
        for start in range(0, len(named), AT_ONCE):
            for asset, _ in (await self._shelf.many(named[start : start + AT_ONCE])).values():
                if isinstance(asset, Server | Agent) and asset.ans is not None:
                    self._plan(asset, asset.ans)

    async def on_event(self, event: Event) -> None:
        """Follow assets that go, or move to another address."""
        asset, key = event.asset, _key(event.asset)
        badge = asset.ans if isinstance(asset, Server | Agent) else None
        if event.deletes or badge is None:
            self._schedule.remove(key)
        elif badge.checked_at is not None and badge.url != getattr(asset, "url", None):
            self._schedule.put(key, self._clock.monotonic())
        elif key not in self._schedule and isinstance(asset, Server | Agent):
            self._plan(asset, badge)

    async def run(self) -> None:
        """Look names up as they are due, until cancelled."""
        while True:
            kind, path = await self._schedule.next()
            try:
                await self._look(kind, path)
            except Exception:  # one link must not keep the others from being looked up
                log.exception("the name of %s/%s could not be looked up", kind, path)
                self._schedule.put((kind, path), self._clock.monotonic() + AGAIN_AFTER)

    async def link(self, who: Principal, kind: str, path: str, name: str) -> Linkable:
        """Put a name on an agent or server that the caller may change, and look it up.

        Raises:
            Invalid: it is no name, or the asset is of another kind.
            AccessDenied, NotFound: see `Catalog.update`.
        """
        known = parse_name(name)

        async def change(asset: Linkable) -> AnsBadge:
            fresh = AnsBadge(name=known, since=self._clock.now(), why="it was never looked up", linked_by=who.subject)
            return await self._asked(asset, fresh)

        return await self._change(who, "ans_link", kind, path, change)

    async def unlink(self, who: Principal, kind: str, path: str) -> Linkable:
        """Take the name off.

        Raises:
            AccessDenied, NotFound, Invalid: see `link`.
        """

        async def change(asset: Linkable) -> None:
            return None

        return await self._change(who, "ans_unlink", kind, path, change)

    async def verify(self, who: Principal, kind: str, path: str) -> Linkable:
        """Look a linked name up now.

        Raises:
            NotFound: there is no such asset, or no name on it.
            Unsupported: no service is configured.
            AccessDenied, Invalid: see `link`.
        """
        if self._service is None:
            raise Unsupported("no Agent Name Service is configured: see AIREGISTRY_ANS_URL")

        async def change(asset: Linkable) -> AnsBadge:
            if asset.ans is None:
                raise NotFound(f"{ref(asset)} is linked to no name")
            return await self._asked(asset, asset.ans)

        return await self._change(who, "ans_verify", kind, path, change)

    async def _change(self, who: Principal, act: str, kind: str, path: str, change: Change) -> Linkable:
        path = path.removeprefix("/")
        if kind not in {"server", "agent"}:
            raise Invalid("names are linked to servers and agents", field="kind")
        of: Literal["server", "agent"] = "agent" if kind == "agent" else "server"
        async with self._audit.attempt(who, f"{kind}:{act}", f"{kind}/{path}") as attempt:
            asset = await self._catalog.get(who, of, path, to="update")
            check_local(asset)
            assert isinstance(asset, Server | Agent)  # by its kind
            badge = await change(asset)
            attempt.data_classification = asset.data_classification
            attempt.reason = "no name" if badge is None else f"{badge.name}: {badge.status} {badge.why}".strip()
            await self._write(who, asset, badge, act)
        return asset.model_copy(update={"ans": badge})

    async def _write(
        self, who: Principal, asset: Linkable, badge: AnsBadge | None, act: str, *, over: AnsBadge | None = None
    ) -> bool:
        """Put a badge on the asset as it is now, unless it is another one, or moved, since it was looked at; whether
        that was done. A badge that was looked up is written `over` the one it was judged by, and no other."""
        for _ in range(RETRIES):
            found = await self._shelf.get(asset.kind, asset.path)
            if found is None or not isinstance(found[0], Server | Agent) or found[0].created_at != asset.created_at:
                raise NotFound(f"no {asset.kind} named {asset.path!r}")
            if act == LOOKED_UP and found[0].ans != over:
                # Somebody took the name off, or put another one on, while it was looked up; or this process was
                # paused, and another one has looked it up since.
                return False
            after = found[0].model_copy(update={"ans": badge})
            try:
                async with self._events.telling(Event(f"{asset.kind}:{act}", after, who.subject)):
                    await self._shelf.replace(after, found[1])
            except Conflict:
                continue
            return True
        raise Conflict(f"{ref(asset)} keeps changing; try again")

    async def _look(self, kind: str, path: str) -> None:
        """Look up what is due, and write what became of it."""
        found = await self._shelf.get("agent" if kind == "agent" else "server", path)
        if found is None or not isinstance(found[0], Server | Agent) or found[0].ans is None:
            return
        asset, before = found[0], found[0].ans
        badge = await self._asked(asset, before)
        if badge != before:
            if badge.status != before.status:
                await self._tell(asset, before, badge)
            else:
                with suppress(Conflict):  # whoever wrote it meanwhile: when it was tried last can wait
                    await self._shelf.replace(asset.model_copy(update={"ans": badge}), found[1])
        self._plan(asset, badge)

    async def _tell(self, asset: Linkable, before: AnsBadge, badge: AnsBadge) -> None:
        """Write a badge of another status down, and that it has one."""
        if not await self._write(SYSTEM, asset, badge, LOOKED_UP, over=before):
            return
        log.warning("%s: %s is %s: %s", ref(asset), badge.name, badge.status, badge.why)
        reason = f"{badge.name}: {before.status} -> {badge.status} {badge.why}".strip()
        self._audit.note(self._audit.event(
            SYSTEM, f"{asset.kind}:{LOOKED_UP}", ref(asset), None, decision="allow", outcome="ok", reason=reason
        ))  # fmt: skip

    async def _asked(self, asset: Linkable, before: AnsBadge) -> AnsBadge:
        """The badge after a look-up; one that got no answer keeps what was known, for a while."""
        now, url = self._clock.now(), asset.url
        if self._service is None:
            return before
        try:
            entry = await self._answer(self._service, before.name)
        except UpstreamFailed as failure:
            why = f"the service could not be asked: {failure.message}"[:300]
            moved = before.url != url
            old = before.checked_at is None or now - before.checked_at >= STALE_AFTER * self._interval
            if before.status == "verified" and (old or moved):
                return before.model_copy(update={"status": "stale", "since": now, "why": why, "tried_at": now})
            return before.model_copy(update={"tried_at": now, "why": why if before.status != "failed" else before.why})
        fault = fault_of(entry, before.name, url, now)
        status: AnsStatus = "failed" if fault else "verified"
        since = before.since if before.status == status else now
        news = {"status": status, "since": since, "why": fault, "checked_at": now, "tried_at": now, "url": url}
        return before.model_copy(update=news)

    async def _answer(self, service: NameService, name: str) -> Entry | None:
        """Ask through the circuit breaker: a service that is down is not asked for each of thousands of names."""
        now = self._clock.monotonic()
        probe = self._breakers.check(self._circuit, now)
        if probe:
            self._breakers.probe(self._circuit, now)
        try:
            entry = await service.look_up(name)
        except UpstreamFailed:
            self._breakers.settle(self._circuit, "upstream_failed", probe=probe)
            raise
        except BaseException:
            self._breakers.settle(self._circuit, "cancelled", probe=probe)
            raise
        self._breakers.settle(self._circuit, "ok", probe=probe)
        return entry

    def _plan(self, asset: Linkable, badge: AnsBadge) -> None:
        """When it is looked up next: an interval after it was, spread by a tenth; soon where there was no answer."""
        if self._service is None:
            return
        if badge.checked_at is None or badge.tried_at != badge.checked_at:
            tried, wait = badge.tried_at, AGAIN_AFTER
        else:
            tried, wait = badge.checked_at, self._interval.total_seconds()
        left = 0.0 if tried is None else wait - (self._clock.now() - tried).total_seconds()
        spread = wait * uniform(-0.1, 0.1)  # noqa: S311  # spreads load
        self._schedule.put(_key(asset), self._clock.monotonic() + max(left + spread, 0.0))


def _key(asset: AnyAsset) -> Key:
    return asset.kind, asset.path


def _place(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of a URL, which is other people's."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "", "", None
    return parts.scheme, (parts.hostname or "").lower(), port
