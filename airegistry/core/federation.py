"""Federation: other registries, clouds and hosts whose assets are brought in, kept up with, and taken down.

What comes in passes the same admission as a registration, is read-only, shows its source, and never takes the place of
what is here: see `core/source_intake.py` for one thing, `core/source_pass.py` for a pass, `core/source_tasks.py` for
when. Administrators of policy say what the sources are.
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import anyio

from airegistry.core.access import Access
from airegistry.core.assets import Json
from airegistry.core.audit import Audit
from airegistry.core.errors import Conflict, Invalid, NotFound
from airegistry.core.leases import Leading
from airegistry.core.masking import masked_url
from airegistry.core.ports import Clock
from airegistry.core.principals import Principal
from airegistry.core.shelf import Shelf
from airegistry.core.source_fetches import SourceFetches
from airegistry.core.source_pass import Ways, told_nobody
from airegistry.core.source_records import (
    Circuit,
    Run,
    SourceRecord,
    SourceState,
    Terms,
    validated_source,
)
from airegistry.core.source_schedule import circuit_of
from airegistry.core.source_store import SourceStore
from airegistry.core.source_syncs import Syncs
from airegistry.core.source_tasks import SourceTasks
from airegistry.core.sources import Source, SourceConfig

MAX_SOURCES = 100
CHANGEABLE = frozenset({*Terms.model_fields, "url", "options", "enabled", "interval", "jitter", "description"})
ANEW = frozenset({*Terms.model_fields, "url", "options"})
"""What makes the next pass a whole one: things may come in, or go, that did not change there."""
Progress = Callable[[Run], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Standing:
    """A source and how it stands. `lag` is how many seconds ago the last pass that succeeded began; None without one.

    `running` is the pass under way, as far as it is known here.
    """

    record: SourceRecord
    state: SourceState
    circuit: Circuit
    lag: float | None
    running: Run | None


class Federation:
    """Every operation on sources, for administrators of policy; and the passes themselves."""

    def __init__(
        self, sources: SourceStore, syncs: Syncs, tasks: SourceTasks, fetches: SourceFetches, shelf: Shelf,
        access: Access, audit: Audit, clock: Clock, leading: Leading,
    ) -> None:  # fmt: skip
        self.sources = sources
        self.syncs = syncs
        self._tasks = tasks
        self._fetches = fetches
        self._shelf = shelf
        self._access = access
        self._audit = audit
        self._clock = clock
        self._leading = leading

    async def run(self) -> None:
        """Keep up with all sources, in one process for all, until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._tasks.run)
            tasks.start_soon(self._fetches.run)

    async def apply(
        self, who: Principal, config: SourceConfig, source: Source, *, terms: Terms | None = None,
        retires: bool = False, dry_run: bool = False, progress: Progress = told_nobody,
    ) -> Run:  # fmt: skip
        """Bring in once what an open source offers; its name becomes the source of the assets, and no source is kept.

        With `retires` a whole pass retires what came from that name before and is not offered now. A pass that breaks
        off keeps what it did: the answer's `outcome` is `failed`, with the error.

        Raises:
            AccessDenied: the caller is no administrator of policy.
            Conflict: a source of that name is kept: it has passes of its own.
            Invalid: the name does not fit.
            Internal: the registry cannot go on.
        """
        async with self._audit.attempt(who, "source:apply", f"source/{config.name}") as attempt:
            attempt.reason, attempt.target = self._access.require(who, "policy").reason, masked_url(config.url)
            if self.sources.find(config.name) is not None:
                raise Conflict(f"a source named {config.name!r} is kept; sync that, or use another name")
            record = self._record(who, config.name, config.kind, {**dict(terms or Terms()), "url": config.url})
            changed = self.sources.changed(config.name)

            def check() -> None:
                if changed.is_set():
                    raise Conflict(f"source {config.name!r} was added or removed meanwhile")

            async with self._leading.turn(f"source/{config.name}"):
                caps = self.syncs.caps
                ways = Ways(dry=dry_run, retires=retires, forced=retires, caps=caps, tell=progress, check=check)
                run, _, _ = await self.syncs.passed(record, SourceState(since=record.created_at), source, ways)
            attempt.reason += f"; {run.summary}"
        return run

    async def add(
        self, who: Principal, name: str, kind: str, fields: Mapping[str, object], secrets: Json | None = None
    ) -> Standing:
        """Keep a source, whose first pass is due at once. `fields` are those of `SourceRecord`; `secrets` the driver's,
        sealed from here on and never shown.

        Raises:
            AccessDenied: the caller is no administrator of policy.
            Conflict: the name is taken, or there are too many.
            Invalid: a field, an option or a secret does not fit.
        """
        async with self._audit.attempt(who, "source:add", f"source/{name}") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            attempt.target = masked_url(str(fields.get("url", "")))
            if unknown := sorted(fields.keys() - CHANGEABLE):
                raise Invalid(f"a source has no {', '.join(unknown)}", field=unknown[0])
            record = self._record(who, name, kind, {**fields, "sealed": self.syncs.sealed(secrets or {})})
            if len(self.sources.records()) >= MAX_SOURCES:
                raise Conflict(f"there are {MAX_SOURCES} sources already")
            self.syncs.drivers.check(self.syncs.config(record))
            await self.sources.create(record)
        return self._standing(record)

    async def update(
        self, who: Principal, name: str, changes: Mapping[str, object], secrets: Json | None = None
    ) -> Standing:
        """Change what is given of a source; secrets that are given take the place of all that it has, and have to be
        given where they would go to another origin. What is disabled is asked nothing, and a pass that is under way
        ends.

        Raises:
            NotFound: there is none of this name, or it is being removed.
            AccessDenied, Invalid: as `add`.
        """
        async with self._audit.attempt(who, "source:update", f"source/{name}") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            if unknown := sorted(changes.keys() - CHANGEABLE):
                raise Invalid(f"update does not change {', '.join(unknown)}", field=unknown[0])
            attempt.reason += f"; {', '.join(sorted([*changes, *(['secrets'] if secrets is not None else [])]))}"
            sealed = {} if secrets is None else {"sealed": self.syncs.sealed(secrets)}
            moment = {"updated_by": who.subject, "updated_at": self._clock.now()}

            def amended(stored: SourceRecord) -> Mapping[str, object]:
                if stored.removing:
                    raise NotFound(f"source {name!r} is being removed")
                made = validated_source({**stored.model_dump(), **changes, **sealed})
                if stored.sealed and secrets is None and made.origins - stored.origins:
                    raise Invalid("another address takes its secrets anew: give them, too", field="secrets")
                self.syncs.drivers.check(self.syncs.config(made))
                return {**{field: getattr(made, field) for field in changes}, **sealed, **moment}

            record = await self.sources.change(name, amended)
            attempt.target = masked_url(record.url)
            if sealed or ANEW & changes.keys():
                await self.sources.advance(record, lambda _: {"mark": None, "due": None, "failures": 0})
        return self._standing(record)

    async def remove(self, who: Principal, name: str, *, wait: float = 0.0) -> bool:
        """Take down all that came from a source, then forget it; whether that was done within `wait` seconds. Else it
        goes on in the background, a restart notwithstanding.

        Raises:
            NotFound: nothing of this name is kept, nor did anything come from it.
            AccessDenied: as `add`.
        """
        async with self._audit.attempt(who, "source:remove", f"source/{name}") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            if self.sources.find(name) is None:
                if not (await self._shelf.of_source(name))[0]:
                    raise NotFound(f"no source named {name[:64]!r}")
                fields = {"enabled": False, "removing": True}
                await self.sources.create(self._record(who, name, "mcp-registry", fields))  # to be gone on with
            await self.sources.change(name, lambda _: {"removing": True, "enabled": False})
        with anyio.move_on_after(wait):
            while self.sources.find(name) is not None:
                await self.sources.changed(name).wait()
        return self.sources.find(name) is None

    async def removal(self, who: Principal, name: str) -> Sequence[str]:
        """What `remove` would take down: each asset as `kind/path`, in order.

        Raises:
            NotFound, AccessDenied: as `remove`.
        """
        async with self._audit.attempt(who, "source:remove:preview", f"source/{name}") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            heads, _ = await self._shelf.of_source(name)
            if self.sources.find(name) is None and not heads:
                raise NotFound(f"no source named {name[:64]!r}")
        return sorted(f"{body['kind']}/{body['path']}" for body in heads)

    def list(self, who: Principal) -> Sequence[Standing]:
        """All sources by name, without their secrets.

        Raises:
            AccessDenied: the caller is no administrator of policy.
        """
        self._access.require(who, "policy")
        return [self._standing(record) for record in self.sources.records()]

    def get(self, who: Principal, name: str) -> Standing:
        """A source and how it stands.

        Raises:
            NotFound: there is none.
            AccessDenied: as `list`.
        """
        self._access.require(who, "policy")
        return self._standing(self.sources.record(name))

    async def request(self, who: Principal, name: str, *, wait: float = 0.0, forced: bool = False) -> Standing:
        """Have a pass made now, by the process that makes them, and wait so many seconds for its end. One that is
        forced is whole, and retires what the source does not name, even if that is most of it.

        Raises:
            NotFound: there is no such source.
            Conflict: it is disabled, or being removed.
            AccessDenied: as `list`.
        """
        async with self._audit.attempt(who, "source:request", f"source/{name}") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            record = self.sources.record(name)
            attempt.target = masked_url(record.url)
            if not record.enabled:
                raise Conflict(f"source {name!r} is {'being removed' if record.removing else 'disabled'}")
            attempt.reason += "; forced" if forced else ""
            wanted = secrets.token_hex(8)
            await self.sources.advance(record, lambda _: {"wanted": wanted, "forced": wanted if forced else ""})
        with anyio.move_on_after(wait):
            while True:
                event = self.sources.changed(name)
                if not self._waits(record, wanted):
                    break
                await event.wait()
        return self.get(who, name)

    async def cancel(self, who: Principal, name: str) -> Standing:
        """End the pass that is under way, if there is one; what it did stays.

        Raises:
            NotFound, AccessDenied: as `get`.
        """
        async with self._audit.attempt(who, "source:cancel", f"source/{name}") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            record = self.sources.record(name)
            stop = secrets.token_hex(8)
            await self.sources.advance(record, lambda _: {"stop": stop, "wanted": ""})
        return self._standing(record)

    async def preview(self, who: Principal, name: str) -> Run:
        """What a whole pass would do now; nothing is changed, and nothing scanned.

        Raises:
            NotFound, AccessDenied: as `get`.
        """
        async with self._audit.attempt(who, "source:preview", f"source/{name}") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            record = self.sources.record(name)
            attempt.target = masked_url(record.url)
            state = self.sources.state(record).model_copy(update={"mark": None})
            run, _, _ = await self.syncs.opened(record, state, Ways(dry=True, caps=self.syncs.caps))
        return run

    def _waits(self, record: SourceRecord, wanted: str) -> bool:
        """Whether a request for a pass is still to be fulfilled."""
        found = self.sources.find(record.name)
        return found is not None and found.enabled and self.sources.state(found).wanted == wanted

    def _standing(self, record: SourceRecord) -> Standing:
        now, state = self._clock.now(), self.sources.state(record)
        lag = None if state.succeeded is None else (now - state.succeeded).total_seconds()
        return Standing(record, state, circuit_of(state, now), lag, self.syncs.running(record.name) or state.running)

    def _record(self, who: Principal, name: str, kind: str, fields: Mapping[str, object]) -> SourceRecord:
        now = self._clock.now()
        made = {"created_by": who.subject, "created_at": now, "updated_by": who.subject, "updated_at": now}
        return validated_source({**fields, **made, "name": name, "kind": kind})
