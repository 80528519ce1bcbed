"""What happens around one call to a backend, whoever makes it: the gateway, virtual servers, `call_tool`."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from functools import partial

import anyio

from airegistry.core.access import Access
from airegistry.core.assets import Agent, Json, Server, VirtualServer, served_tools
from airegistry.core.audit import Audit
from airegistry.core.audit_parameters import Said
from airegistry.core.call_checks import allow, check_callable, check_described, check_skill, matter_of, matter_of_skill
from airegistry.core.call_figures import CallFigures
from airegistry.core.calls import (
    Backend,
    Call,
    Composed,
    Credentials,
    Member,
    NoCredentials,
    Outcome,
    Permit,
    Protection,
    Unguarded,
    check_held,
    failed_as,
    until_cut,
)
from airegistry.core.errors import AirError, NotFound, Quarantined, Unsupported
from airegistry.core.grants import ASKS, CALLS, EVERY_TOOL
from airegistry.core.pleas import Approver, Matter, NobodyApproves, Plea, Unapproved, state_asked_for
from airegistry.core.ports import NOBODY, AnyAsset, Audience, Clock, Upstream, UpstreamResult
from airegistry.core.principals import Principal
from airegistry.core.scans import check_enabled
from airegistry.core.shelf import Shelf, ref
from airegistry.core.telemetry import Telemetry
from airegistry.core.versions import check_sunset
from airegistry.core.visibility import Visibility

USED_BY: dict[Member, str] = {"tools": "tools/call", "prompts": "prompts/get", "resources": "resources/read"}
CALL_TIMEOUT = 300.0
_NOBODY = NoCredentials()
_UNGUARDED = Unguarded()
_NO_APPROVALS = NobodyApproves()
_NONE: Mapping[str, str] = {}


class Invocation:
    """Decides whether a call goes out, and writes down how it ended."""

    def __init__(
        self,
        shelf: Shelf,
        access: Access,
        visibility: Visibility,
        audit: Audit,
        telemetry: Telemetry,
        clock: Clock,
        upstream: Upstream,
        protection: Protection = _UNGUARDED,
        credentials: Credentials = _NOBODY,
        approvals: Approver = _NO_APPROVALS,
    ) -> None:
        self._shelf = shelf
        self._access = access
        self._visibility = visibility
        self._audit = audit
        self._figures = CallFigures(telemetry)
        self._clock = clock
        self._upstream = upstream
        self._protection = protection
        self._credentials = credentials
        self.approvals = approvals
        self.composed: Composed | None = None
        """Virtual servers; the gateway, which knows what is behind them, sets it."""
        self.ended: Callable[[Call, Outcome], None] | None = None
        """Told of each admitted call when it has ended."""

    async def find(
        self, who: Principal, path: str, method: str, name: str | None, *, version: str | None = None
    ) -> Server | VirtualServer:
        """What stands at a path, before anything is decided. That there is nothing is audited here.

        Raises:
            NotFound: no server, none the caller may know of, or it is disabled.
        """
        started = self._clock.monotonic()
        self._audit.check_writable()
        try:
            return await self._look(who, path, version)
        except AirError as error:
            self.refused(who, f"server/{path}", method, name, error, started=started)
            raise

    async def _look(self, who: Principal, path: str, version: str | None) -> Server | VirtualServer:
        head = await self._served(who, path)
        found = head if version is None or version == head.version else await self._served(who, path, version)
        assert isinstance(found, Server | VirtualServer)  # what the namespace holds
        if head is not found and not head.enabled:  # who switches a server off means all of its versions
            if self._access.allows(who, "read", found):
                check_enabled(head)
            raise NotFound(f"no server named {path!r}")
        return found

    async def enter(
        self, who: Principal, path: str, method: str, name: str | None = None, *, version: str | None = None,
        found: Server | VirtualServer | None = None, plea: Plea | None = None,
    ) -> Call:  # fmt: skip
        """Admit one request to a server. A refusal is audited here; an admitted call is by `leave`.

        `found` is what `find` found there. With a `plea` it waits for a person where one has to approve it, and then
        everything is decided anew.

        Raises:
            ApprovalRequired: what is called is marked to need a person's approval, and has none.
            NotFound: there is no such server, none the caller may know of, or it is disabled.
            AccessDenied: the caller may not use this method, tool, prompt or resource; `missing` names scopes.
            ScanFailed: the server is held by its scan, or was never fetched and scanned.
            Quarantined, RateLimited, UpstreamFailed: see `Protection`.
            Unsupported: it runs on its user's machine, or is no server.
        """
        started = self._clock.monotonic()
        self._audit.check_writable()
        server = await self.find(who, path, method, name, version=version) if found is None else found
        try:
            try:
                return await self._entered(who, server, method, name, started, plea)
            except Unapproved as error:
                who = await self.approvals.obtain(error, plea)
            server = await self._look(who, path, server.version)
            return await self._entered(who, server, method, name, started, plea)
        except AirError as error:
            self.refused(who, f"server/{path}", method, name, error, started=started, asset=server)
            raise

    async def _entered(
        self, who: Principal, server: Server | VirtualServer, method: str, name: str | None, started: float,
        plea: Plea | None,
    ) -> Call:  # fmt: skip
        if not isinstance(server, Server):
            raise Unsupported(f"{server.path!r} is a virtual server: its tools are called at its own endpoint")
        reason = allow(self._access, who, server, method, name)
        check_enabled(server)
        check_sunset(server, self._clock.now())
        return await self.admit(who, server, method, name, started=started, reason=reason, plea=plea)

    async def enter_agent(
        self, who: Principal, path: str, method: str, skill: str | None, *, some: bool = False,
        plea: Plea | None = None,
    ) -> Call:  # fmt: skip
        """Admit one request to an A2A agent, as `enter` does. `card` is what the registry answers itself.

        `skill` None stands for all of them or, with `some`, for any one that the caller may use.
        """
        started = self._clock.monotonic()
        self._audit.check_writable()
        seen: list[Agent] = []
        try:
            try:
                return await self._entered_agent(who, path, method, skill, some, started, plea, seen)
            except Unapproved as error:
                who = await self.approvals.obtain(error, plea)
            return await self._entered_agent(who, path, method, skill, some, started, plea, seen)
        except AirError as error:
            asset = seen[-1] if seen else None
            self.refused(who, f"agent/{path}", method, skill, error, started=started, asset=asset)
            raise

    async def _entered_agent(
        self, who: Principal, path: str, method: str, skill: str | None, some: bool, started: float,
        plea: Plea | None, seen: list[Agent],
    ) -> Call:  # fmt: skip
        found = await self._shelf.get("agent", path)
        if found is None or not self._visibility.shows(who, found[0]) or not self._visibility.serves(found[0]):
            raise NotFound(f"no agent named {path!r}")
        agent = found[0]
        assert isinstance(agent, Agent)
        seen.append(agent)
        check_sunset(agent, self._clock.now())
        if method == "card":
            reason = self._access.require(who, "read", agent).reason
            check_enabled(agent)
            self._protection.check(who, agent)
            return Call(who, agent, method, None, started, reason=reason)
        used = (each.id for each in agent.skills if some and self._asks(who, agent, each.id))
        tool = next(used, EVERY_TOOL) if skill is None else skill
        reason = self._access.require(who, "call", agent, tool=tool, method=method).reason
        check_enabled(agent)
        check_held(agent, method, skill)
        if not some:
            check_skill(agent, method, skill)
        matter = None if some else matter_of_skill(who, agent, method, skill)
        return await self._admitted(who, agent, method, skill, started=started, reason=reason, matter=matter, plea=plea)

    async def admit(
        self, who: Principal, server: Server, method: str, name: str | None, *, started: float, reason: str,
        via: VirtualServer | None = None, shown: str | None = None, plea: Plea | None = None,
    ) -> Call:  # fmt: skip
        """Whatever stands between a caller who may and a server that can; refusals are the caller's to record.

        Raises:
            Unapproved: it is marked to need approval, and the plea has none.
            AirError: as `enter`, but for what access decides.
        """
        check_callable(server)
        if method == "tools/call":
            check_described(server, name)
        check_held(server, method, name)
        matter = matter_of(who, server, method, name, via, shown)
        return await self._admitted(
            who, server, method, name, started=started, reason=reason, via=via, shown=shown, matter=matter, plea=plea
        )

    async def _admitted(
        self, who: Principal, asset: Backend, method: str, name: str | None, *, started: float, reason: str,
        via: VirtualServer | None = None, shown: str | None = None, matter: Matter | None = None,
        plea: Plea | None = None,
    ) -> Call:  # fmt: skip
        if matter is not None and (plea is None or plea.ticket is None):
            self._protection.check(who, asset, *(() if via is None else (via,)))
            raise Unapproved(matter)
        permit = self._protection.admit(who, asset, method, name, via=via, shown=shown)
        headers, approved = _NONE, None
        try:
            if self._credentials.needed(asset):
                headers = await self._credentials.headers(who, asset)
            if matter is not None and plea is not None:  # the last thing before it goes out: a ticket is good for once
                reason += f"; {await self.approvals.use(matter, plea)}"
                approved = plea.ticket
            said = None if plea is None else plea.taken_down
            record = await self._audit.begin_call(
                who, method, ref(asset), name, target=asset.url, said=said, via=None if via is None else ref(via),
                data_classification=asset.data_classification,
            )  # fmt: skip
        except BaseException:
            permit.release("cancelled")
            raise
        described: frozenset[str] = frozenset()
        if method not in CALLS and isinstance(asset, Server):
            described = frozenset(tool.name for tool in served_tools(asset))
        goes_on = None if approved is None else partial(self.approvals.goes_on, approved)
        return Call(
            who, asset, method, name, started, headers, reason, described, via, permit, goes_on, said, record
        )  # fmt: skip

    def answered(self, who: Principal, asset: VirtualServer, method: str, *, started: float, reason: str) -> None:
        """Write down an allowed request that is answered from the catalog.

        Raises:
            Quarantined: the caller or the virtual server is cut off.
        """
        self._protection.check(who, asset)
        self._note(
            who, f"{asset.kind}/{asset.path}", method, None, asset, started, decision="allow", reason=reason,
            outcome="ok", via=None,
        )  # fmt: skip

    def watching(self, who: Principal, asset: VirtualServer) -> Permit:
        """Take a place for a stream that is fed from the catalog; whoever took it releases it.

        Raises:
            Quarantined, RateLimited: see `Protection`.
        """
        return self._protection.admit(who, asset, "subscriptions/listen", None)

    def refused(
        self, who: Principal, ref: str, method: str, name: str | None, error: AirError, *, started: float,
        asset: AnyAsset | None = None, via: VirtualServer | None = None,
    ) -> None:  # fmt: skip
        """Write down a refusal. `ref` reads `kind/path`."""
        self._note(
            who, ref, method, name, asset, started, decision="deny", reason=f"{error.code}: {error.message}",
            outcome="refused", via=via,
        )  # fmt: skip

    def leave(self, call: Call, outcome: Outcome, error: str | None = None) -> None:
        """Write down how an admitted call ended. Returns at once."""
        if call.permit is not None:
            call.permit.release(outcome)
        if self.ended is not None:
            self.ended(call, outcome)
        self._note(
            call.who, f"{call.asset.kind}/{call.asset.path}", call.method, call.name, call.asset, call.started,
            decision="allow", reason=error or call.reason, via=call.via,
            outcome="upstream_failed" if outcome == "upstream_refused" else outcome, said=call.said, id=call.record,
        )  # fmt: skip

    async def credential(self, who: Principal, asset: Server) -> Mapping[str, str]:
        """The headers that a backend knows the registry by, on behalf of a caller; see `Credentials.headers`.

        Raises:
            Quarantined: the caller or the backend is cut off.
        """
        self._protection.check(who, asset)
        return await self._credentials.headers(who, asset) if self._credentials.needed(asset) else _NONE

    async def renewed(self, call: Call) -> Call | None:
        """The call with another credential after the backend refused the one it had; None when there is none."""
        if not self._credentials.needed(call.asset):
            return None
        headers = await self._credentials.renewed(call.who, call.asset, call.headers)
        return None if headers is None else replace(call, headers=headers)

    def may_use(self, call: Call, member: Member, name: str) -> bool:
        """Whether a tool, prompt or resource may stand in a list that answers this call."""
        if member == "tools" and name not in call.described:
            return False
        if call.server.held and f"{member}/{name}" in call.server.held:
            return False
        return self._access.allows(call.who, "call", call.server, tool=name, method=USED_BY[member])

    def may_ask(self, call: Call, skill: str) -> bool:
        """Whether the caller may use a skill of the agent that is called; the empty one stands for all of them."""
        return self._asks(call.who, call.asset, skill)

    def _asks(self, who: Principal, agent: Backend, skill: str) -> bool:
        return any(self._access.allows(who, "call", agent, tool=skill, method=method) for method in ASKS)

    def entitlement(self, call: Call) -> Hashable:
        """Equal for callers who are shown the same of a server, under the policy of now."""
        return self._access.entitlement(call.who, call.server)

    async def step_up(self, who: Principal, path: str, tool: str) -> tuple[str, ...]:
        """The scopes with which a broader token of the caller might call a tool that this one may not."""
        found = await self._shelf.get("server", path.removeprefix("/"))
        if found is None or not self._visibility.shows(who, found[0]):
            return ()
        return self._access.decide(who, "call", found[0], tool=tool, method="tools/call").step_up

    async def call_tool(
        self, who: Principal, path: str, tool: str, arguments: Json, *, audience: Audience = NOBODY,
        input: Json | None = None, plea: Plea | None = None,
    ) -> UpstreamResult:  # fmt: skip
        """Call a tool through the same rules as the gateway.

        `input` are the params with which a caller goes on after an answer `input_required`; `plea` says how to ask
        where a person has to approve the call.

        Raises:
            UpstreamFailed: the backend gave no answer.
            Quarantined: the call was cut off.
            AirError: whatever `enter` raises; NotFound too when the server has no such tool.
        """
        call = await self._tool_call(who, path.removeprefix("/"), tool, plea)
        outcome: Outcome = "error"
        failure = None
        try:
            params: Json = {"name": call.name, "arguments": arguments, **(input or {})}
            result = await until_cut(call, self._upstream.request(
                call.server, call.headers, "tools/call", params,
                timeout=CALL_TIMEOUT, owner=who.subject, audience=audience, renew=partial(self._headers_anew, call),
            ))  # fmt: skip
            outcome = "error" if result.error else "tool_error" if (result.result or {}).get("isError") else "ok"
            call.let_go_on(state_asked_for(result.result or {}))
        except AirError as error:
            outcome = "cancelled" if isinstance(error, Quarantined) else failed_as(error)
            failure = f"{error.code}: {error.message}"
            raise
        except anyio.get_cancelled_exc_class():
            outcome = "cancelled"
            raise
        finally:
            self.leave(call, outcome, failure)
        return result

    async def _tool_call(self, who: Principal, path: str, tool: str, plea: Plea | None) -> Call:
        found = await self.find(who, path, "tools/call", tool)
        if isinstance(found, VirtualServer) and self.composed is not None:
            return await self.composed.call(who, path, tool, plea)
        return await self.enter(who, path, "tools/call", tool, found=found, plea=plea)

    async def _headers_anew(self, call: Call) -> Mapping[str, str] | None:
        better = await self.renewed(call)
        return None if better is None else better.headers

    async def _served(self, who: Principal, path: str, version: str | None = None) -> AnyAsset:
        found = await self._shelf.get("server", path, version)
        if found is None or not self._visibility.shows(who, found[0]) or not self._visibility.serves(found[0]):
            raise NotFound(f"no server named {path!r}")
        return found[0]

    def _note(
        self, who: Principal, ref: str, method: str, name: str | None, asset: AnyAsset | None, started: float,
        *, decision: str, reason: str, outcome: str, via: VirtualServer | None, said: Said | None = None,
        id: str | None = None,
    ) -> None:  # fmt: skip
        took = self._audit.note_call(
            who, method, ref, name, decision=decision, outcome=outcome, reason=reason, started=started,
            target=asset.url if isinstance(asset, Server | Agent) else None,
            data_classification=asset.data_classification if asset else None,
            via=None if via is None else f"{via.kind}/{via.path}", said=said, id=id,
        )  # fmt: skip
        self._figures.note(asset, method, name, took, decision=decision, outcome=outcome)
