"""Checks every enabled backend by its own protocol: whether it answers, and whether what it offers is still the same.

A backend is unhealthy after two failed checks in a row and healthy after one that succeeds. The store is written when
that changes, the last check itself is kept in memory (`core/vitals.py`). A server that was never fetched takes no
calls, and is not checked.
"""

import json
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import anyio

from airegistry.core.assets import Agent, Health, HealthReport, Json, Kind, Server
from airegistry.core.audit import Audit
from airegistry.core.calls import Credentials
from airegistry.core.cards import MAX_CARD
from airegistry.core.catalog import Catalog
from airegistry.core.errors import (
    AccessDenied,
    AirError,
    Conflict,
    ConsentRequired,
    CredentialRefused,
    Unsupported,
    UpstreamFailed,
)
from airegistry.core.events import Event, Events
from airegistry.core.fetching import saying
from airegistry.core.leases import Lease
from airegistry.core.limits import Among, Limiter, alone
from airegistry.core.pins import Pins
from airegistry.core.ports import AnyAsset, Backends, Clock
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.schedule import Schedule
from airegistry.core.shelf import Shelf, ref
from airegistry.core.sketches import Sketch, has_endpoint
from airegistry.core.telemetry import Telemetry
from airegistry.core.vitals import Vital, Vitals

log = logging.getLogger(__name__)
INTERVAL = 60.0
"""Seconds from one check of a backend to the next, give or take a fifth."""

JITTER = 0.2
AT_ONCE = 8
TIMEOUT = 10.0
"""Seconds a check may take."""

MISSES = 2
"""Failed checks in a row that make a backend unhealthy."""

PATIENCE = 4
"""A backend that stays unhealthy is checked so many times less often; one that failed once, so many times sooner."""

MANY_TOOLS = 100
RARELY = 600.0
"""Seconds between comparisons of the tools of a server with many of them, which is only pinged between them; and of
prompts, resources and instructions of any."""

LOOKS_APART = 10.0
"""Seconds that `look_again` keeps between two checks."""

ON_DEMAND, PER = 10, 60.0
"""Checks that a caller may ask for, in so many seconds."""

Key = tuple[Kind, str]


@dataclass(frozen=True, slots=True)
class Look:
    """What a check saw: the error in a sentence, or how long the answer took; the asset as its backend has it now,
    where that was asked for, of a server its tools alone or the `whole`."""

    error: str | None = None
    seconds: float | None = None
    live: Server | Agent | None = None
    whole: bool = False


class HealthChecks:
    """Checks backends on a schedule and on demand, and tells of what changed."""

    def __init__(
        self,
        shelf: Shelf,
        catalog: Catalog,
        backends: Backends,
        credentials: Credentials,
        audit: Audit,
        events: Events,
        clock: Clock,
        telemetry: Telemetry,
        vitals: Vitals,
        pins: Pins,
        *,
        interval: float = INTERVAL,
        at_once: int = AT_ONCE,
        timeout: float = TIMEOUT,
        chance: Callable[[], float] = random.random,
        among: Among = alone,
    ) -> None:
        """`interval` 0 means on demand only. `chance` is evenly spread over [0, 1)."""
        self._shelf = shelf
        self._catalog = catalog
        self._backends = backends
        self._credentials = credentials
        self._audit = audit
        self._events = events
        self._clock = clock
        self._telemetry = telemetry
        self._vitals = vitals
        self._pins = pins
        self._interval = interval
        self._at_once = at_once
        self._timeout = timeout
        self._chance = chance
        self._schedule: Schedule[Key] = Schedule(clock)
        self._asked = Limiter(clock, burst=ON_DEMAND, seconds=PER, what="health checks", among=among)
        self._looked: dict[Key, float] = {}
        self._compared: dict[Key, float] = {}
        self._compared_whole: dict[Key, float] = {}
        self._told_held: dict[Key, Mapping[str, str]] = {}
        self._lease: Lease | None = None
        self.elsewhere: Callable[[Server], None] | None = None
        """What has a server checked soon, where another process makes the checks."""

    def under(self, lease: Lease | None) -> None:
        """Check for other processes too, as long as the lease holds; None when it does no more."""
        self._lease = lease

    async def run(self) -> None:
        """Check everything there is, again and again, until cancelled; the first checks are spread over an interval."""
        if self._interval <= 0:
            return
        async for sketch in self._shelf.sketches():
            self._expect(sketch)
        async with anyio.create_task_group() as tasks:
            for _ in range(self._at_once):
                tasks.start_soon(self._work)

    async def on_event(self, event: Event) -> None:
        """Follow what happens to assets."""
        asset = event.asset
        if asset.kind not in {"server", "agent"}:
            return
        if event.deletes:
            self._forget((asset.kind, asset.path))
        else:
            self._expect(Sketch.of(asset))
        if event.name.endswith(":refresh") and isinstance(asset, Server | Agent):
            await self._tell_held(asset)

    async def _tell_held(self, asset: Server | Agent) -> None:
        """Tell of what a refresh holds, or lets go, and no check has told of."""
        known = self._told_held.get((asset.kind, asset.path), {})
        self._told_held[asset.kind, asset.path] = asset.held
        news = _news(asset.model_copy(update={"held": known}), asset)
        self._record(asset, news)
        for what in news:
            await self._events.emit(Event(_act(asset, what), asset, SYSTEM.subject))

    def look_again(self, server: Server) -> None:
        """Check a server soon: it says that its tools have changed, or a call shows it. Not more often than every ten
        seconds, whatever it says."""
        if self._lease is None and self.elsewhere is not None:
            self.elsewhere(server)
        else:
            self.hurry((server.kind, server.path))

    def hurry(self, key: Key) -> None:
        """Check a backend soon, and all that it offers; nothing happens when it is not checked on schedule."""
        if key in self._schedule:
            self._compared.pop(key, None)
            self._compared_whole.pop(key, None)
            self._schedule.hurry(key, max(self._clock.monotonic(), self._looked.get(key, 0.0) + LOOKS_APART))

    async def check(self, who: Principal, kind: Kind, path: str) -> AnyAsset:
        """Check a backend now, for whoever may read it, and give it back as it is then.

        A caller may do so ten times a minute: it makes the registry send requests.

        Raises:
            AccessDenied, NotFound: see `Catalog.get`.
            RateLimited: the caller asked too often.
            Unsupported: there is nothing on the network to ask.
        """
        asset = await self._catalog.get(who, kind, path)
        if not has_endpoint(asset):
            raise Unsupported(f"{ref(asset)} has no endpoint to check")
        self._asked.take(who.subject)
        await self._examine(asset)
        return self._vitals.applied(await self._catalog.get(who, kind, path))

    def _expect(self, asset: Sketch) -> None:
        key: Key = (asset.kind, asset.path)
        if _is_checked(asset) and key not in self._schedule:
            self._schedule.put(key, self._clock.monotonic() + self._interval * self._chance())

    def _forget(self, key: Key) -> None:
        self._schedule.remove(key)
        self._vitals.forget("/".join(key))
        self._looked.pop(key, None)
        self._compared.pop(key, None)
        self._compared_whole.pop(key, None)
        self._told_held.pop(key, None)

    async def _work(self) -> None:
        while True:
            await self._survive(await self._schedule.next())

    async def _survive(self, key: Key) -> None:
        try:
            await self._turn(key)
        except Exception:  # a defect in one check must not end the checks of everything else
            log.exception("the check of %s failed", "/".join(key))
            self._schedule.put(key, self._clock.monotonic() + PATIENCE * self._interval)

    async def _turn(self, key: Key) -> None:
        """Check what is due; it is due again an interval later."""
        found = await self._shelf.get(*key)
        if found is None or found[0].kind != key[0] or not _is_checked(Sketch.of(found[0])):
            self._forget(key)
            return
        asset = found[0]
        assert has_endpoint(asset)  # what is checked has one
        # While it is asked it stays scheduled, so that `look_again` can ask for more; not so soon that two overlap.
        self._schedule.put(key, self._clock.monotonic() + self._timeout + PATIENCE * self._interval)
        vital = await self._examine(asset)
        factor = 1.0 if not vital.misses else 1 / PATIENCE if vital.misses < MISSES else PATIENCE
        spread = 1 + JITTER * (2 * self._chance() - 1)
        self._schedule.hurry(key, self._clock.monotonic() + self._interval * factor * spread)

    async def _examine(self, asset: Server | Agent) -> Vital:
        """One check, and what follows from it."""
        key: Key = (asset.kind, asset.path)
        self._looked[key] = self._clock.monotonic()
        look = Look(f"it did not answer within {self._timeout:g} s")
        with anyio.move_on_after(self._timeout):
            look = await self._look(asset)
        milliseconds = None if look.seconds is None else round(look.seconds * 1000, 1)
        report = HealthReport(checked_at=self._clock.now(), error=look.error, latency_ms=milliseconds)
        vital = self._vitals.put(asset, report)
        outcome = "ok" if look.error is None else "failed"
        self._telemetry.count("airegistry.health.checks", kind=asset.kind, outcome=outcome)
        if look.seconds is not None:
            self._telemetry.record("airegistry.health.check.duration", look.seconds, kind=asset.kind)
        await self._note(asset, vital, look)
        return vital

    async def _look(self, asset: Server | Agent) -> Look:
        started = self._clock.monotonic()
        whole = isinstance(asset, Server) and self._compares_whole(asset)
        try:
            live = await (self._ask_server(asset, whole) if isinstance(asset, Server) else self._ask_agent(asset))
        except AirError as error:
            return Look(error.message)
        return Look(None, self._clock.monotonic() - started, live, whole)

    async def _ask_server(self, server: Server, whole: bool) -> Server | None:
        """With its tools of now, or the whole of what it offers, when it is time to compare them."""
        headers: Mapping[str, str] = {}
        if self._credentials.needed(server):
            try:
                headers = await self._credentials.headers(SYSTEM, server)
            except (AccessDenied, ConsentRequired):  # it knows each user: without one only that it answers can be seen
                await self._ping_for_nobody(server)
                return None
        try:
            return await self._ask_with(server, headers, whole)
        except CredentialRefused:
            renewed = await self._credentials.renewed(SYSTEM, server, headers) if headers else None
            if renewed is None:
                raise
            return await self._ask_with(server, renewed, whole)

    async def _ask_with(self, server: Server, headers: Mapping[str, str], whole: bool) -> Server | None:
        key: Key = (server.kind, server.path)
        if whole:
            live = saying(server, await self._backends.describe(server, headers))
            self._compared[key] = self._compared_whole[key] = self._clock.monotonic()
            return live
        if not self._compares(server):
            await self._backends.ping(server, headers)
            return None
        tools = await self._backends.list_tools(server, headers)
        self._compared[key] = self._clock.monotonic()
        return server.model_copy(update={"tools": list(tools)})

    async def _ping_for_nobody(self, server: Server) -> None:
        try:
            await self._backends.ping(server)
        except CredentialRefused:
            return

    def _compares(self, server: Server) -> bool:
        if server.fetched_at is None or not server.tools:
            return False
        compared = self._compared.get((server.kind, server.path))
        rare = len(server.tools) > MANY_TOOLS
        return not rare or compared is None or self._clock.monotonic() - compared >= RARELY

    def _compares_whole(self, server: Server) -> bool:
        """Whether it is time to compare what a server offers beside tools."""
        beside = server.prompts or server.resources or server.resource_templates or server.instructions
        if server.fetched_at is None or not beside:
            return False
        compared = self._compared_whole.get((server.kind, server.path))
        return compared is None or self._clock.monotonic() - compared >= RARELY

    async def _ask_agent(self, agent: Agent) -> Agent | None:
        """With its card, where it was registered by one that is fetched; else whether something answers at all."""
        url = agent.health_url or agent.card_url
        if url is None or self._credentials.needed(agent):
            await self._backends.reach(url or agent.url or "")
            return None
        text = await self._backends.fetch_text(url, limit=MAX_CARD)
        if url != agent.card_url:
            return None
        card = _object(text)
        if card is None:
            raise UpstreamFailed(f"what {urlsplit(url).hostname} has for an agent card is no JSON object")
        return agent.model_copy(update={"card": card})

    async def _note(self, asset: Server | Agent, vital: Vital, look: Look) -> None:
        """Write what changed to the store, over whatever was written meanwhile, and tell of it."""
        live = look.live
        while True:
            if self._lease is not None:  # a process that was paused since, and makes no checks any more, writes none
                self._lease.check()
            found = await self._shelf.get(asset.kind, asset.path)
            if found is None or not isinstance(found[0], Server | Agent) or not vital.is_of(found[0]):
                return
            before = found[0]
            changes: dict[str, object] = {"health_report": vital.report, "health": _health(before, vital)}
            # A refresh, or an approval, since the check began knows better.
            if live is not None and live.updated_at == before.updated_at:
                changes["held"] = await self._pins.looked(before, live, whole=look.whole)
            after = before.model_copy(update=changes)
            if (after.health, after.held) == (before.health, before.held):
                return
            news = _news(before, after)
            try:
                async with self._events.telling(*(Event(_act(after, what), after, SYSTEM.subject) for what in news)):
                    await self._shelf.replace(after, found[1])
                    self._record(after, news)
            except Conflict:
                continue
            self._told_held[after.kind, after.path] = after.held
            return

    def _record(self, asset: Server | Agent, news: Mapping[str, str]) -> None:
        for what, reason in news.items():
            act = _act(asset, what)
            self._audit.note(
                self._audit.event(SYSTEM, act, ref(asset), None, decision="allow", outcome="ok", reason=reason)
            )
            self._telemetry.count(f"airegistry.{what}.changes", kind=asset.kind, path=asset.path)
        if "drift" in news:
            log.warning("%s: %s", ref(asset), news["drift"][:1000])


def _act(asset: Server | Agent, what: str) -> str:
    return f"{asset.kind}:{what}"


def _news(before: Server | Agent, after: Server | Agent) -> Mapping[str, str]:
    """What is told of a check, by the event's name, and why."""
    news = {}
    if after.health != before.health:
        error = after.health_report.error
        news["health"] = f"{before.health} -> {after.health}" + (f": {error}" if error else "")
    if (held := after.held) != (was := before.held):
        changed = [f"{name}: {why}" for name, why in sorted(held.items()) if was.get(name) != why]
        changed += [f"{name}: as it was again" for name in sorted(was.keys() - held.keys())]
        news["drift"] = "; ".join(changed)
    return news


def _health(now: Server | Agent, vital: Vital) -> Health:
    return "healthy" if not vital.misses else "unhealthy" if vital.misses >= MISSES else now.health


def _is_checked(asset: Sketch) -> bool:
    """Whether an asset is checked on schedule."""
    return asset.has_endpoint and asset.enabled and (asset.kind != "server" or asset.fetched)


def _object(text: str) -> Json | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
