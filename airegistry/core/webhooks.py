"""Webhooks: who outside is told of what happens to assets, and how they take it."""

import logging
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

import anyio
from anyio.abc import TaskGroup

from airegistry.core.access import Access
from airegistry.core.audit import Attempt, Audit
from airegistry.core.deliveries import Dispatch
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import Conflict, Invalid, NotFound
from airegistry.core.events import Event
from airegistry.core.lane import PATIENCE, Delivery, Lane, Patience, Post, Receipt, State
from airegistry.core.outbox import Announced, Outbox
from airegistry.core.ports import Cipher, Clock
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.shelf import Shelf
from airegistry.core.webhook_messages import new_event_id, new_secret, payload
from airegistry.core.webhook_records import Address, Standing, Webhook, validated_webhook

WEBHOOKS = "webhooks"
MAX_WEBHOOKS = 100
CHANGEABLE = frozenset({"url", "description", "events", "kinds", "paths"})
BY_HAND = "switched off by an administrator"
log = logging.getLogger(__name__)


class Webhooks:
    """Every operation on webhooks, for administrators of policy; and the sending itself."""

    def __init__(
        self, store: DocumentStore, shelf: Shelf, cipher: Cipher, post: Post, access: Access, audit: Audit,
        clock: Clock, patience: Patience = PATIENCE, *, shared: bool = False,
    ) -> None:  # fmt: skip
        """With `shared` other processes work on the store: `run` is for one of them, `follow` for all."""
        self._shared = shared
        self._kept = Repository(store, WEBHOOKS, Webhook)
        self._cipher = cipher
        self._post = post
        self._access = access
        self._audit = audit
        self._clock = clock
        self._patience = patience
        self._dispatch = Dispatch(store, post, clock, patience, shared=shared)
        self.outbox = Outbox(store, shelf, self, clock)
        self._known: dict[str, Webhook] = {}
        """By id: what is known of a name may be of another webhook by the time it is used."""
        self._scopes: dict[str, anyio.CancelScope] = {}
        self._tasks: TaskGroup | None = None
        self._lock = anyio.Lock()

    @property
    def waiting(self) -> int:
        """Deliveries that wait for their turn or a retry, of all webhooks."""
        return self._dispatch.waiting

    async def open(self) -> None:
        """Read what is stored, and settle what the last process left in the middle."""
        async for _, webhook in self._kept.find():
            self._known[webhook.id] = webhook
            self._dispatch.open_lane(webhook.id, webhook.name)
        await self._dispatch.load()
        if not self._shared:
            await self.outbox.open()

    async def run(self) -> None:
        """Send, until cancelled."""
        try:
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                for id_ in self._known:
                    self._start(id_)
                await (self.outbox.adopt() if self._shared else self.outbox.run())
        finally:
            self._tasks = None
            self._scopes.clear()

    async def follow(self, names: Sequence[str]) -> None:
        """Take over what another process wrote of some webhooks."""
        async with self._lock:
            for name in names:
                found = await self._kept.find_one(name)
                stored = None if found is None else found[0]
                for before in [each for each in self._known.values() if each.name == name]:
                    if stored is None or stored.id != before.id:
                        del self._known[before.id]
                        self._stop(before.id)
                        self._dispatch.lanes.pop(before.id, None)
                if stored is not None:
                    await self._take_over(stored)

    async def follow_deliveries(self, keys: Sequence[str]) -> None:
        """Take over what another process wrote of some deliveries."""
        await self._dispatch.follow(keys)

    async def reload(self) -> None:
        """Take over everything that other processes wrote."""
        stored = {name async for name, _ in self._kept.find()}
        await self.follow([*stored | {webhook.name for webhook in self._known.values()}])
        await self._dispatch.reload()

    async def _take_over(self, stored: Webhook) -> None:
        before = self._known.get(stored.id)
        self._known[stored.id] = stored
        if before is None:
            self._dispatch.open_lane(stored.id, stored.name)
            await self._dispatch.reload(stored.id)
        if stored.paused:
            self._stop(stored.id)
            return
        if before is not None and before.paused:
            self._resume(stored.id)
        self._start(stored.id)

    def takers(self, event: Event) -> Sequence[str]:
        """See `Deliveries` of the outbox."""
        return [webhook.id for webhook in self._known.values() if webhook.takes(event)]

    def number(self) -> int:
        """See `Deliveries` of the outbox."""
        return self._dispatch.number()

    async def add(self, announced: Announced) -> None:
        """See `Deliveries` of the outbox."""
        await self._dispatch.add(announced)

    async def create(self, who: Principal, name: str, url: str, choice: Mapping[str, object]) -> tuple[Webhook, str]:
        """Tell a subscriber from now on of the events that a choice (`events`, `kinds`, `paths`, `description`) names.
        The secret that messages are signed with is shown this once.

        Raises:
            AccessDenied: the caller is no administrator of policy.
            Conflict: the name is taken, or there are too many.
            Invalid: the URL may not be called, or a field does not fit.
        """
        async with self._attempt(who, "webhook:create", name) as attempt:
            attempt.target = url
            if len(self._known) >= MAX_WEBHOOKS:
                raise Conflict(f"there are {MAX_WEBHOOKS} webhooks already")
            secret = new_secret()
            webhook = validated_webhook({
                **choice, "id": f"wh_{secrets.token_hex(12)}", "name": name, "url": url,
                "secret": self._cipher.encrypt(secret), "created_by": who.subject, "created_at": self._clock.now(),
            })  # fmt: skip
            self._post.check_url(url)
            await self._kept.create(name, webhook)
            self._known[webhook.id] = webhook
            self._dispatch.open_lane(webhook.id, name)
            self._start(webhook.id)
        return webhook, secret

    def list(self, who: Principal) -> Sequence[Standing]:
        """All webhooks by name, without their secrets.

        Raises:
            AccessDenied: the caller is no administrator of policy.
        """
        self._access.require(who, "policy")
        return [self._standing(webhook) for webhook in sorted(self._known.values(), key=lambda each: each.name)]

    async def update(
        self, who: Principal, name: str, changes: Mapping[str, object], *, active: bool | None = None
    ) -> Standing:
        """Change what is given of a webhook; `active` pauses it or goes on with what waits for it.

        Raises:
            NotFound: there is none of this name.
            AccessDenied, Invalid: as `create`.
        """
        async with self._attempt(who, "webhook:update", name) as attempt:
            if unknown := sorted(changes.keys() - CHANGEABLE):
                raise Invalid(f"update does not change {', '.join(unknown)}", field=unknown[0])
            webhook = validated_webhook({**self._named(name).model_dump(), **changes})
            attempt.target = webhook.url
            self._post.check_url(webhook.url)
            changed: dict[str, object] = {field: getattr(webhook, field) for field in changes}
            if active is not None:
                attempt.reason += "; resumed" if active else "; paused"
                changed |= {"paused": "", "failing_since": None} if active else {"paused": BY_HAND}
            webhook = await self._changed(webhook, changed)
            if webhook.paused:
                self._stop(webhook.id)
            else:
                self._resume(webhook.id)
                self._start(webhook.id)
        return self._standing(webhook)

    async def delete(self, who: Principal, name: str) -> bool:
        """Tell a subscriber nothing any more, and forget what waits for it; False when there is none.

        Raises:
            AccessDenied: as `create`.
        """
        async with self._attempt(who, "webhook:delete", name):
            webhook = next((each for each in self._known.values() if each.name == name), None)
            if webhook is None:
                return False
            await self._kept.delete(name)  # first: what is left of its deliveries belongs to nobody, and goes at start
            del self._known[webhook.id]
            self._stop(webhook.id)
            await self._dispatch.remove(webhook.id)
        return True

    async def rotate(self, who: Principal, name: str, *, overlap_hours: float) -> tuple[Standing, str]:
        """A new secret, shown this once; for `overlap_hours` messages are signed with the one before as well.

        Raises:
            NotFound, AccessDenied: as `update`.
        """
        async with self._attempt(who, "webhook:rotate_secret", name):
            webhook, secret = self._named(name), new_secret()
            until = self._clock.now() + timedelta(hours=overlap_hours)
            anew = {
                "secret": self._cipher.encrypt(secret),
                "previous_secret": webhook.secret if overlap_hours else None,
                "previous_until": until if overlap_hours else None,
            }
            webhook = await self._changed(webhook, anew)
        return self._standing(webhook), secret

    async def test(self, who: Principal, name: str) -> Receipt:
        """Send one `webhook:test` now, past everything that waits, and say what came of it.

        Raises:
            NotFound, AccessDenied: as `update`.
        """
        async with self._attempt(who, "webhook:test", name) as attempt:
            webhook = self._named(name)
            attempt.target = webhook.url
            message = payload(new_event_id(), "webhook:test", self._clock.now(), 0, who.subject, {})
        return await self._lane(webhook.id).send(message, Address(webhook, self._cipher))

    async def deliveries(
        self, who: Principal, name: str, *, state: State | None = None, since: datetime | None = None,
        until: datetime | None = None, limit: int = 50,
    ) -> Sequence[Delivery]:  # fmt: skip
        """The log of a subscriber: what waits, arrived or is dead, newest first.

        Raises:
            NotFound, AccessDenied: as `update`.
        """
        self._access.require(who, "policy")
        return await self._dispatch.find(self._named(name).id, state=state, since=since, until=until, limit=limit)

    async def replay(
        self, who: Principal, name: str, *, event: str | None = None, state: State | None = "dead",
        since: datetime | None = None, until: datetime | None = None,
    ) -> int:  # fmt: skip
        """Send once more one event by its id, or all of a state (None: whatever was sent) and span of time; how many.

        Raises:
            NotFound: there is no such webhook, or no such event in its log.
            AccessDenied: as `create`.
        """
        async with self._attempt(who, "webhook:replay", name) as attempt:
            id_ = self._named(name).id
            if event is not None:
                await self._dispatch.replay(id_, event)
                return 1
            found = await self._dispatch.find(id_, state=state, since=since, until=until)
            again = [each for each in found if each.state != "waiting"]
            for delivery in reversed(again):
                await self._dispatch.again(delivery)
            attempt.reason += f"; {len(again)} again"
        return len(again)

    @asynccontextmanager
    async def _attempt(self, who: Principal, act: str, name: str) -> AsyncIterator[Attempt]:
        async with self._audit.attempt(who, act, f"webhook/{name}") as attempt, self._lock:
            attempt.reason = self._access.require(who, "policy").reason
            yield attempt

    def _named(self, name: str) -> Webhook:
        for webhook in self._known.values():
            if webhook.name == name:
                return webhook
        raise NotFound(f"no webhook named {name[:64]!r}")

    def _lane(self, id_: str) -> Lane:
        return self._dispatch.lanes[id_]

    def _standing(self, webhook: Webhook) -> Standing:
        return Standing(webhook, self._lane(webhook.id).waiting)

    async def _changed(
        self, webhook: Webhook, changes: Mapping[str, object] | Callable[[Webhook], Mapping[str, object]]
    ) -> Webhook:
        """Write fields of a webhook over what is stored, by which they may be judged, and then there may be none;
        sealed anew: the key may have changed since it was read.

        Raises:
            NotFound: another process has removed it.
        """
        while True:
            found = await self._kept.find_one(webhook.name)
            if found is None or found[0].id != webhook.id:
                raise NotFound(f"no webhook named {webhook.name!r}")
            fields = changes(found[0]) if callable(changes) else changes
            if callable(changes) and not fields:
                return found[0]
            made = found[0].model_copy(update=dict(fields))
            old = made.previous_secret
            sealed = {
                "secret": self._cipher.encrypt(self._cipher.decrypt(made.secret)),
                "previous_secret": None if old is None else self._cipher.encrypt(self._cipher.decrypt(old)),
            }
            made = made.model_copy(update=sealed)
            with suppress(Conflict):  # another process wrote it meanwhile
                await self._kept.save(made.name, made, expect=found[1])
                self._known[made.id] = made
                return made

    def _resume(self, id_: str) -> None:
        self._lane(id_).failures = 0
        self._lane(id_).hurry()

    def _start(self, id_: str) -> None:
        if self._tasks is None or id_ in self._scopes or self._known[id_].paused:
            return
        scope = self._scopes[id_] = anyio.CancelScope()
        self._tasks.start_soon(self._serve, id_, scope)

    def _stop(self, id_: str) -> None:
        if (scope := self._scopes.pop(id_, None)) is not None:
            scope.cancel()

    async def _serve(self, id_: str, scope: anyio.CancelScope) -> None:
        with scope:
            async with anyio.create_task_group() as workers:
                for _ in range(self._patience.at_once):
                    workers.start_soon(self._work, id_)

    async def _work(self, id_: str) -> None:
        lane = self._lane(id_)
        while True:
            try:
                receipt = await lane.work(Address(self._known[id_], self._cipher))
                if receipt is not None:
                    await self._note(id_, lane, receipt)
            except Exception:  # deliveries must go on, whatever becomes of one attempt
                log.exception("webhook %s", id_)
                await anyio.sleep(1.0)

    async def _note(self, id_: str, lane: Lane, receipt: Receipt) -> None:
        """Keep since when a subscriber fails, and pause one that wants no more, or has failed for too long."""
        known = self._known.get(id_)
        if known is None or (receipt.ok and known.failing_since is None):
            return
        news: dict[str, object] = {}

        def judged(stored: Webhook) -> Mapping[str, object]:
            # By what is stored, and written over that: of a process that was paused, and does not send any more, no
            # old failure counts against a subscriber that took something since.
            news.clear()
            if receipt.ok:
                news.update({} if stored.failing_since is None else {"failing_since": None, "well_at": receipt.at})
                return news
            if stored.well_at is not None and receipt.at <= stored.well_at:
                return news
            since = stored.failing_since or receipt.at
            news.update({} if stored.failing_since else {"failing_since": since})
            if not stored.paused and (receipt.gone or lane.hopeless(since)):
                news["paused"] = _why(since, receipt)
            return news

        async with self._lock:
            known = self._known.get(id_)
            if known is None:
                return
            known = await self._changed(known, judged)
            if receipt.ok:
                lane.hurry()
            if "paused" in news:
                self._pause(known)

    def _pause(self, webhook: Webhook) -> None:
        reason = webhook.paused
        log.error("webhook %s is paused, what is for it waits: %s", webhook.name, reason)
        ref = f"webhook/{webhook.name}"
        self._audit.note(
            self._audit.event(SYSTEM, "webhook:pause", ref, None, decision="allow", outcome="ok", reason=reason)
        )
        self._stop(webhook.id)


def _why(since: datetime, receipt: Receipt) -> str:
    """Why a subscriber is paused that failed since then, with what came of the last attempt."""
    last = f"HTTP {receipt.status}" if receipt.status is not None else receipt.error
    return "it answered 410 Gone" if receipt.gone else f"it failed since {since:%F %T}: {last}"
