"""Requests for approval as documents: each step by compare-and-set, written down, and told to who waits for it."""

from collections.abc import AsyncIterator, Callable, Collection
from datetime import datetime, timedelta
from typing import Final, Literal

import anyio
from pydantic import Field

from airegistry.core.approval_waits import Waits
from airegistry.core.assets import Json, Kind, Model
from airegistry.core.audit import Audit
from airegistry.core.documents import DocumentStore, Repository, Where
from airegistry.core.errors import ApprovalRequired, Conflict
from airegistry.core.ports import Clock
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.shown_arguments import plain
from airegistry.core.telemetry import Telemetry

Status = Literal["pending", "approved", "used", "refused", "withdrawn", "expired"]
OPEN: Final[tuple[Status, ...]] = ("pending", "approved")
KEPT: Final = timedelta(days=7)
"""How long a request can be read after it is settled; what happened to it stays in the audit trail."""


LOST: Final = "the process that the call waited in has ended"
_ACTS: Final[dict[Status, str]] = {"expired": "approval:expire", "withdrawn": "approval:withdraw"}
"""What becomes of requests by itself, and how that is written down."""

Told = Callable[[str, Collection[str]], None]
"""Hears of whose call a request is, and which assets' marks ask, by `kind/path`."""


class Marked(Model):
    """One mark that asks: the asset it is on, and what it marks."""

    kind: Kind
    path: str
    name: str


class ApprovalRequest(Model):
    """A call that waits, or waited, for approval. `arguments` are as shown to approvers, `digest` binds the true ones.

    `channel` is who is asked: the caller's own person in its client, or approvers by the queue. `expires_at` is until
    when it can be decided and, once approved, used. `waiter` names the process in which the call waits, none when its
    caller was sent away to come again.
    """

    id: str
    subject: str
    client: str = ""
    actor: str = ""
    kind: Kind
    path: str
    name: str
    method: str
    marks: list[Marked]
    arguments: Json = Field(default_factory=dict)
    arguments_whole: bool = True
    digest: str
    channel: Literal["client", "queue"]
    status: Status = "pending"
    asked_at: datetime
    expires_at: datetime
    waiter: str = ""
    decided_at: datetime | None = None
    decided_by: str = ""
    reason: str = ""

    @property
    def ref(self) -> str:
        """What is called, as `kind/path`."""
        return f"{self.kind}/{self.path}"


class NotApproved(ApprovalRequired):
    """A call that nobody approved, or nobody yet; `id` names the request, `status` what became of it."""

    def __init__(self, request: ApprovalRequest, why: str) -> None:
        name = request.name or "a skill"
        super().__init__(f"{name} of {request.kind} {request.path!r} needs a person's approval: {why}")
        self.id = request.id
        self.status = request.status

    def details(self) -> dict[str, object]:
        return {"id": self.id, "status": self.status}


class ApprovalRequests:
    """The requests of a store. `validity` is how long an approval can be used."""

    def __init__(
        self, store: DocumentStore, audit: Audit, clock: Clock, telemetry: Telemetry, validity: timedelta, waits: Waits
    ) -> None:
        self._documents = Repository(store, "approvals", ApprovalRequest)
        self._audit = audit
        self._clock = clock
        self._telemetry = telemetry
        self._validity = validity
        self._waits = waits
        self.told: Told = lambda subject, assets: None

    def tell(self, request: ApprovalRequest) -> None:
        """Tell whom it concerns that a request is new, or another one."""
        self.told(request.subject, [f"{mark.kind}/{mark.path}" for mark in request.marks])

    async def find_one(self, id: str) -> tuple[ApprovalRequest, int] | None:
        """A request as it is by now, and its version."""
        found = await self._documents.find_one(id)
        return None if found is None else (self._as_of_now(found[0]), found[1])

    async def find(
        self, statuses: tuple[Status, ...] | None, *, subject: str | None = None, after: str | None = None
    ) -> AsyncIterator[ApprovalRequest]:
        """Requests as they are by now, the oldest first; None is every status."""
        where: Where = {} if subject is None else {"subject": subject}
        async for _, stored in self._documents.find(where=where, after=after):
            request = self._as_of_now(stored)
            if statuses is None or request.status in statuses:
                yield request

    async def create(self, who: Principal, request: ApprovalRequest) -> None:
        """Keep a new request."""
        await self._documents.create(request.id, request)
        self.tell(request)
        self.note(who, "approval:ask", request)
        self._telemetry.count("airegistry.approvals", outcome="asked")

    async def settle(
        self, request: ApprovalRequest, version: int, status: Status, *, by: str = "", reason: str = ""
    ) -> ApprovalRequest:
        """Take one step, if nobody took another meanwhile.

        Raises:
            NotApproved: somebody did.
        """
        now = self._clock.now()
        changes: dict[str, object] = {"status": status}
        if by or reason:
            changes |= {"decided_by": by, "reason": plain(reason[:1000]), "decided_at": now}
        if status == "approved":
            changes["expires_at"] = now + self._validity
        settled = request.model_copy(update=changes)
        try:
            await self._documents.save(request.id, settled, expect=version)
        except Conflict:
            found = await self.find_one(request.id)
            if found is None or found[0].status != request.status:
                raise NotApproved(request, "it is used up, or was decided meanwhile") from None
            return await self.settle(*found, status, by=by, reason=reason)  # who waits for it had changed, no more
        self._waits.wake(request.id)
        self.tell(settled)
        self._telemetry.count("airegistry.approvals", outcome=status)
        return settled

    async def withdraw(self, id: str) -> None:
        """The caller is gone: what it asked for is not to be approved any more."""
        with anyio.CancelScope(shield=True):
            found = await self.find_one(id)
            if found is None or found[0].status != "pending":
                return
            try:
                left = await self.settle(*found, "withdrawn", by=found[0].subject, reason="the caller went away")
            except NotApproved:
                return  # decided at the last moment
            self.note(SYSTEM, "approval:withdraw", left)

    async def leave(self, id: str) -> ApprovalRequest | None:
        """The call waits no more, but its request stays to be decided; the request as it is by then."""
        return await self._wait_in(id, self._waits.here, "")

    async def join(self, id: str) -> ApprovalRequest | None:
        """A call waits for a request that nobody waited for; the request, None if that was not so any more."""
        return await self._wait_in(id, "", self._waits.here)

    async def _wait_in(self, id: str, before: str, after: str) -> ApprovalRequest | None:
        while (found := await self.find_one(id)) is not None:
            request, version = found
            if request.status != "pending" or request.waiter != before:
                return request if before else None
            changed = request.model_copy(update={"waiter": after})
            try:
                await self._documents.save(id, changed, expect=version)
            except Conflict:
                continue  # decided at this moment, perhaps
            return changed
        return None

    async def sweep(self) -> None:
        """Write down what has expired and what waits no more, and forget what is long over."""
        over = self._clock.now() - KEPT
        stored = [(request, id) async for id, request in self._documents.find()]
        await self._waits.look(request.waiter for request, _ in stored if request.status in OPEN)
        for request, id in stored:
            if request.status not in OPEN:
                if request.expires_at < over:
                    await self._documents.delete(id)
            elif self._as_of_now(request).status != request.status:
                await self._end(id)

    async def _end(self, id: str) -> None:
        """Write down that a request is over by itself."""
        found = await self.find_one(id)
        if found is None or found[0].status not in _ACTS:
            return
        request = found[0]
        try:
            ended = await self.settle(*found, request.status, reason=request.reason)
        except NotApproved:
            return  # used or decided at the last moment
        self.note(SYSTEM, _ACTS[request.status], ended)

    def note(self, who: Principal, act: str, request: ApprovalRequest) -> None:
        """Write a step down, with both names."""
        refused = request.status == "refused"
        told = f"{request.id} of {request.subject}{by(request)}"
        self._audit.note(self._audit.event(
            who, act, request.ref, request.name, decision="deny" if refused else "allow",
            outcome="refused" if refused else "ok", reason=f"{told}: {request.reason}" if request.reason else told,
        ))  # fmt: skip

    def _as_of_now(self, request: ApprovalRequest) -> ApprovalRequest:
        if request.status not in OPEN:
            return request
        if request.expires_at <= self._clock.now():
            return request.model_copy(update={"status": "expired"})
        if request.status == "pending" and self._waits.is_gone(request.waiter):
            return request.model_copy(update={"status": "withdrawn", "reason": LOST})
        return request


def by(request: ApprovalRequest) -> str:
    """Who decided, to follow the name of a request."""
    return f", {request.status} by {request.decided_by}" if request.decided_by else ""
