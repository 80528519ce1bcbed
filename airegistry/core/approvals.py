"""Approvals of calls: what is marked waits until a person agrees, in its caller's client or in a queue for approvers.

A request for approval goes one way, through `pending`, `approved` and `used`: whoever comes second finds it done, and
one approval lets one call through. No answer is a refusal.
"""

import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Final, Literal

import anyio

from airegistry.core.access import Access
from airegistry.core.approval_requests import (
    OPEN,
    ApprovalRequest,
    ApprovalRequests,
    Marked,
    NotApproved,
    Status,
    Told,
    by,
)
from airegistry.core.approval_waits import BEAT, Waits
from airegistry.core.approved_states import ApprovedStates
from airegistry.core.assets import Json
from airegistry.core.audit import Audit
from airegistry.core.documents import DocumentStore
from airegistry.core.errors import AccessDenied, ApprovalRequired, Conflict, NotFound, RateLimited
from airegistry.core.pleas import InputWanted, Matter, Plea, Ticket, Unapproved, Verdict, digest_of
from airegistry.core.ports import Clock
from airegistry.core.principals import Principal
from airegistry.core.shelf import Shelf
from airegistry.core.shown_arguments import plain, shown
from airegistry.core.telemetry import Telemetry

Channel = Literal["client", "queue"]
Decision = Literal["approve", "refuse"]
KEEP_ALIVE: Final = 5.0
"""Seconds between two signs to a client that its call still waits."""
LOOK: Final = 0.5
"""Seconds within which a decision of another process on the store is seen, where `woken` does not tell of it."""
SWEEP: Final = 15.0
ASKED_FOR: Final = timedelta(minutes=5)
"""How long a client has to come back with its person's answer."""
MAX_QUESTION: Final = 1500


class Approvals:
    """Asks, decides, and lets approved calls through: an `Approver`.

    `timeout` is how many seconds a call waits; `validity` how many a request in the queue can be decided, and after
    that an approval be used. `most` bounds what waits of one caller. With `by_caller` whoever calls may approve its own
    call in the queue; with `by_machine` machines that hold the right approve too. With `alone` no other process works
    on the store: what waited in one that ended is withdrawn at once, and else when it has shown no life for a while.
    """

    def __init__(
        self, store: DocumentStore, shelf: Shelf, access: Access, audit: Audit, clock: Clock, telemetry: Telemetry,
        *, timeout: float = 60.0, validity: float = 600.0, most: int = 20, by_caller: bool = False,
        by_machine: bool = False, keep_alive: float = KEEP_ALIVE, alone: bool = False,
    ) -> None:  # fmt: skip
        self._validity = timedelta(seconds=validity)
        self._waits = Waits(store, clock, alone=alone)
        self._requests = ApprovalRequests(store, audit, clock, telemetry, self._validity, self._waits)
        self._shelf = shelf
        self._access = access
        self._audit = audit
        self._clock = clock
        self._telemetry = telemetry
        self._timeout = timeout
        self._most = most
        self._by_caller = by_caller
        self._by_machine = by_machine
        self._keep_alive = keep_alive
        self._states = ApprovedStates(store, clock, alone=alone)
        self._asking = anyio.Lock()

    async def run(self) -> None:
        """Note what is over, forget what is long over, and show that calls wait here, until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._beat)
            tasks.start_soon(self._states.run)
            while True:
                await self.sweep()
                await anyio.sleep(SWEEP)

    async def _beat(self) -> None:
        while True:
            await self._live()
            await anyio.sleep(BEAT)

    async def _live(self) -> None:
        if self._waits.events:
            await self._waits.beat()

    async def sweep(self) -> None:
        """Do that once."""
        await self._live()
        await self._states.sweep()
        await self._requests.sweep()

    async def woken(self, ids: Iterable[str] | None = None) -> None:
        """Have calls that wait here look at their requests, by id, or at all of them: another process wrote these."""
        for id in list(self._waits.events) if ids is None else ids:
            self._waits.wake(id)
            if (found := await self._requests.find_one(id)) is not None:
                self._requests.tell(found[0])

    def follow(self, told: Told) -> None:
        """Have somebody told whenever a request comes or changes, here or in another process."""
        self._requests.told = told

    @property
    def waiting(self) -> int:
        """Calls that wait here for a person's answer."""
        return len(self._waits.events)

    # For calls

    async def obtain(self, error: Unapproved, plea: Plea | None) -> Principal:
        """Wait until a person has agreed, and leave a ticket in the plea; returns who the caller is by then.

        Raises:
            ApprovalRequired: nobody did; `id` names the request.
            InputWanted: the caller's own client is to ask, and to come again.
            RateLimited: too many calls of the caller wait.
            AccessDenied: the caller's token ended meanwhile.
        """
        if plea is None:
            raise error
        began = self._clock.monotonic()
        with anyio.CancelScope() as scope:
            plea.on_gone(scope.cancel)
            plea.ticket = await self._ticket(error.matter, plea)
        if plea.ticket is None:
            raise ApprovalRequired("the call was taken back before anybody approved it")
        self._telemetry.record("airegistry.approval.wait.duration", self._clock.monotonic() - began)
        who = plea.now()
        if who is None or who.subject != error.matter.who.subject:
            raise AccessDenied("the token ended while the call waited for approval")
        return who

    async def use(self, matter: Matter, plea: Plea) -> str:
        """Use the ticket of a plea up for exactly this call; returns who approved it.

        Raises:
            ApprovalRequired: it is not for this call, or is used up, or over.
        """
        ticket = plea.ticket
        if ticket is None or ticket.digest != matter.digest(plea.params):
            raise Unapproved(matter)
        if ticket.state is not None:
            if not await self._states.take(_key(ticket.digest, ticket.state)):
                raise Unapproved(matter)
            return "goes on with an approved call"
        found = await self._requests.find_one(ticket.id)
        if found is None or found[0].status != "approved" or found[0].digest != ticket.digest:
            raise Unapproved(matter) if found is None else NotApproved(found[0], "the approval is used up, or over")
        used = await self._requests.settle(*found, "used")
        return f"approved by {used.decided_by} ({used.id})"

    def goes_on(self, ticket: Ticket, state: str) -> None:
        """Let the approved call go on once with a `requestState` that its backend gave."""
        self._states.put(_key(ticket.digest, state), self._clock.now() + self._validity)

    async def _ticket(self, matter: Matter, plea: Plea) -> Ticket:
        who, digest = matter.who, matter.digest(plea.params)
        if (state := plea.state) is not None and await self._states.knows(_key(digest, state)):
            return Ticket("", digest, state)
        if (answered := plea.answered) is not None:
            return await self._answered(who, digest, answered.id, answered.verdict)
        standing = await self._standing(who, digest)
        if standing is not None and standing.status == "approved":
            return Ticket(standing.id, digest)
        if who.kind == "person" and not who.actor and plea.can_ask:
            return await self._in_client(matter, digest, plea)
        return await self._in_queue(matter, digest, plea, standing)

    async def _standing(self, who: Principal, digest: str) -> ApprovalRequest | None:
        """An approval of exactly this call that nobody used, or else a request in the queue that nobody waits for."""
        best: ApprovalRequest | None = None
        async for request in self._requests.find(OPEN, subject=who.subject):
            if request.digest == digest and self._waits.is_left(request.id, request.waiter):
                if request.status == "approved":
                    return request
                best = request if request.channel == "queue" else best
        return best

    async def _in_client(self, matter: Matter, digest: str, plea: Plea) -> Ticket:
        request = await self._ask(matter, digest, plea.params, "client")
        self._waits.events[request.id] = anyio.Event()
        verdict: Verdict = "cancel"
        try:
            with anyio.move_on_after(self._timeout):
                verdict = await plea.ask(request.id, _question(request))
        except InputWanted:
            await self._requests.leave(request.id)
            raise
        except BaseException:
            await self._requests.withdraw(request.id)
            raise
        finally:
            del self._waits.events[request.id]
        return await self._answered(matter.who, digest, request.id, verdict)

    async def _answered(self, who: Principal, digest: str, id: str, verdict: Verdict) -> Ticket:
        """Take a person's answer, given in the client, to what exactly this call asked."""
        found = await self._requests.find_one(id)
        if found is None or found[0].digest != digest or found[0].channel != "client":
            raise ApprovalRequired("no such request for approval: it is over, or another call's")
        if found[0].status != "pending":
            raise NotApproved(found[0], f"the request is {found[0].status} already")
        reason = "not answered" if verdict == "cancel" else "in the client"
        status: Status = "approved" if verdict == "accept" else "refused"
        decided = await self._requests.settle(*found, status, by=who.subject, reason=reason)
        self._requests.note(who, "approval:approve" if status == "approved" else "approval:refuse", decided)
        if status == "refused":
            raise NotApproved(decided, "the question was not answered" if verdict == "cancel" else "you refused it")
        return Ticket(id, digest)

    async def _in_queue(self, matter: Matter, digest: str, plea: Plea, standing: ApprovalRequest | None) -> Ticket:
        request = None if standing is None else await self._requests.join(standing.id)
        if request is None:
            request = await self._ask(matter, digest, plea.params, "queue")
        self._waits.events[request.id] = anyio.Event()
        try:
            return await self._decided(request.id, digest, plea)
        except NotApproved:
            raise  # what is not answered yet can be approved still, for a call in the same words
        except BaseException:
            await self._requests.withdraw(request.id)
            raise
        finally:
            del self._waits.events[request.id]

    async def _decided(self, id: str, digest: str, plea: Plea) -> Ticket:
        began = told = anyio.current_time()
        event = self._waits.events[id]
        times, found = 0, await self._requests.find_one(id)
        while found is not None:
            request, now = found[0], anyio.current_time()
            left = began + self._timeout - now
            if request.status == "pending" and left <= 0:
                request = await self._requests.leave(id) or request
            if request.status == "approved":
                return Ticket(id, digest)
            if request.status != "pending" or left <= 0:
                raise NotApproved(request, _outcome(request))
            if now - told >= self._keep_alive:
                told, times = now, times + 1
                await plea.waiting(id, times)
            with anyio.move_on_after(min(left, told + self._keep_alive - now, LOOK)):
                await event.wait()
            event = self._waits.events[id]  # before the look: what is written after that sets it
            found = await self._requests.find_one(id)
        raise ApprovalRequired("no such request for approval")

    async def _ask(self, matter: Matter, digest: str, params: Json, channel: Channel) -> ApprovalRequest:
        who, now = matter.who, self._clock.now()
        given = params.get("arguments") if matter.method == "tools/call" else _without_meta(params)
        arguments, whole = shown(given if isinstance(given, dict) else {})
        request = ApprovalRequest(
            id=f"{int(now.timestamp() * 1000):x}-{secrets.token_hex(8)}", subject=who.subject, client=who.client,
            actor=who.actor, kind=matter.asset.kind, path=matter.asset.path, name=matter.name, method=matter.method,
            marks=[Marked(kind=each.asset.kind, path=each.asset.path, name=each.name) for each in matter.marks],
            arguments=arguments, arguments_whole=whole, digest=digest, channel=channel, asked_at=now,
            expires_at=now + (self._validity if channel == "queue" else ASKED_FOR), waiter=self._waits.here,
        )  # fmt: skip
        await self._waits.beat()
        async with self._asking:
            await self._make_room(who)
            await self._requests.create(who, request)
        return request

    async def _make_room(self, who: Principal) -> None:
        """Keep what waits of one caller bounded: of what its client was asked and forgot, the oldest gives way."""
        pending = [request async for request in self._requests.find(("pending",), subject=who.subject)]
        if len(pending) < self._most:
            return
        left = (each for each in pending if each.channel == "client" and self._waits.is_left(each.id, each.waiter))
        oldest = next(left, None)
        if oldest is None:
            raise RateLimited(f"{len(pending)} calls of yours wait for approval", retry_after=self._timeout)
        await self._requests.withdraw(oldest.id)

    # For approvers

    async def decide(self, who: Principal, id: str, decision: Decision, reason: str = "") -> ApprovalRequest:
        """Approve a call that waits in the queue, or refuse it.

        Raises:
            NotFound: there is no such request, or none that the caller may know of.
            AccessDenied: the caller may not `approve` on an asset whose mark asks, is a machine, or is who called.
            Conflict: somebody else decided first, or nothing is left to decide.
        """
        found = await self._requests.find_one(id)
        if found is None or not await self._knows(who, found[0]):
            raise NotFound(f"no request for approval {id[:80]!r}")
        request, act = found[0], f"approval:{decision}"
        async with self._audit.attempt(who, act, request.ref, request.name) as attempt:
            attempt.reason = f"{id} of {request.subject}: {reason}"
            await self._check_decider(who, request)
            if request.channel == "client":
                raise Conflict(f"{id} is asked of {request.subject} in its own client")
            if request.status != "pending":
                raise Conflict(f"{id} is settled already: {request.status}{by(request)}")
            status: Status = "approved" if decision == "approve" else "refused"
            try:
                return await self._requests.settle(*found, status, by=who.subject, reason=reason)
            except NotApproved:
                raise Conflict(f"somebody else decided on {id} first, or its caller went away") from None

    async def list(
        self, who: Principal, *, status: Status | None = "pending", limit: int = 50, cursor: str | None = None
    ) -> tuple[list[ApprovalRequest], str | None]:
        """Requests that the caller made or may decide on, the oldest first, and the cursor of the next page.

        `status` None is all there are.
        """
        found: list[ApprovalRequest] = []
        async for request in self._requests.find(None if status is None else (status,), after=cursor):
            if await self._knows(who, request):
                found.append(request)
            if len(found) > limit:
                return found[:limit], found[limit - 1].id
        return found, None

    async def _check_decider(self, who: Principal, request: ApprovalRequest) -> None:
        person = who.kind == "person" or who.operator or self._by_machine
        if not person or who.actor:
            raise AccessDenied("calls are approved by persons, not by machines or by what acts for a person")
        if who.subject == request.subject and not self._by_caller:
            raise AccessDenied("nobody approves a call of its own: ask somebody else")
        for mark in request.marks:
            found = await self._shelf.get(mark.kind, mark.path)
            if found is None:
                raise Conflict(f"{mark.kind} {mark.path!r} is gone")
            self._access.require(who, "approve", found[0])

    async def _knows(self, who: Principal, request: ApprovalRequest) -> bool:
        """Whether a caller learns of a request: it made it, or may decide on each asset whose mark asks."""
        if who.subject == request.subject:
            return True
        for mark in request.marks:
            found = await self._shelf.get(mark.kind, mark.path)
            if found is None or not self._access.allows(who, "approve", found[0]):
                return False
        return True


def _outcome(request: ApprovalRequest) -> str:
    if request.status == "pending":
        return f"request {request.id} is not answered yet; call again in the same words once it is approved"
    return f"request {request.id} is {request.status}" + (f": {request.reason}" if request.reason else "")


def _question(request: ApprovalRequest) -> str:
    client = f"{plain(request.client)[:100]} asks" if request.client else "You are asked"
    what = f"{plain(request.name)[:200]} of {request.kind.replace('_', ' ')} {request.path}"
    said = ", ".join(f"{name} = {value}" for name, value in request.arguments.items()) or "none"
    return f"{client} to call {what}, which needs your approval each time. Arguments: {said}"[:MAX_QUESTION]


def _without_meta(params: Json) -> Json:
    return {name: value for name, value in params.items() if name not in ("_meta", "inputResponses", "requestState")}


def _key(digest: str, state: str) -> str:
    return digest_of([digest, state])
