"""A call that may have to wait for a person: what is asked, how its caller can be asked, what an approval is good for.

The words of the protocol that approvals use are here too, as gateway and tools speak them alike: a form to confirm
(`elicitation/create`), and the `requestState` of 2026-07-28 that names a request for approval.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, Protocol

from pydantic import JsonValue

from airegistry.core.assets import Agent, Json, Server, VirtualServer
from airegistry.core.errors import ApprovalRequired
from airegistry.core.principals import Principal

Called = Server | Agent | VirtualServer
Verdict = Literal["accept", "decline", "cancel"]
"""What a person makes of a question, as `elicitation/create` has it; `cancel` is no answer."""

QUESTION: Final = "airegistry.approval"
"""The key of our question among `inputRequests`; `requestState` begins with it as well."""

ELICITATION: Final = "elicitation/create"
MOST_TAKEN_DOWN: Final = 65_536
"""Bytes of the largest message that the audit trail takes parameters from."""
_STATE: Final = f"{QUESTION}:"
_NOT_BOUND: Final = frozenset(("_meta", "inputResponses", "requestState"))


@dataclass(frozen=True, slots=True)
class Mark:
    """A tool, prompt, resource or skill that is marked, and by which asset."""

    asset: Called
    name: str


@dataclass(frozen=True, slots=True)
class Matter:
    """A call to be approved: what its caller calls, why that is to be approved, and what runs behind it."""

    who: Principal
    asset: Called
    name: str
    method: str
    marks: tuple[Mark, ...]
    behind: Mark

    def digest(self, params: Json) -> str:
        """Names exactly this call: caller, assets as they were registered, method, and every word that is said."""
        said = {name: value for name, value in params.items() if name not in _NOT_BOUND}
        if self.method == "tools/call":
            said.setdefault("arguments", {})
        parts = (Mark(self.asset, self.name), self.behind, *self.marks)
        called = [_named(each.asset, each.name) for each in parts]
        return digest_of([self.who.subject, self.method, called, said])


class Unapproved(ApprovalRequired):
    """A call of something that is marked, before anybody was asked."""

    def __init__(self, matter: Matter) -> None:
        name = matter.name or "a skill"
        super().__init__(f"{name} of {matter.asset.kind} {matter.asset.path!r} needs a person's approval for each call")
        self.matter = matter


class InputWanted(ApprovalRequired):
    """The caller itself is asked, and comes again with its answer (MCP 2026-07-28, MRTR)."""

    def __init__(self, id: str, question: str) -> None:
        super().__init__(question)
        self.id = id

    def details(self) -> dict[str, object]:
        return {"id": self.id}


class Ticket(NamedTuple):
    """An approval, and for exactly which call. With `state` it is of a call that goes on after a backend's question."""

    id: str
    digest: str
    state: str | None = None


class Answered(NamedTuple):
    """What a caller answered that was asked in an earlier request, by the id of that."""

    id: str
    verdict: Verdict


@dataclass(slots=True, eq=False)
class Plea:
    """What one call says, and its caller while it waits. This caller cannot be asked, and is told nothing meanwhile.

    `read` gives the params of the call, and is asked only where something is marked; `now` says who the caller is by
    now, None when its token has ended.
    """

    read: Callable[[], Json]
    now: Callable[[], Principal | None]
    ticket: Ticket | None = field(default=None, init=False)
    size: int = field(default=0, init=False)
    """Bytes of the message that `read` has to parse, 0 where it has not."""
    _params: Json | None = field(default=None, init=False)

    def taken_down(self) -> Json:
        """What the call says, for the audit trail: large messages are not parsed for it."""
        return self.params if self.size <= MOST_TAKEN_DOWN else {"…": f"{self.size} bytes"}

    @property
    def params(self) -> Json:
        """Everything that the call says."""
        if self._params is None:
            self._params = self.read()
        return self._params

    @property
    def answered(self) -> Answered | None:
        """The answer to our question, if this request comes with one."""
        state = self.params.get("requestState")
        return answered_in(state, self.params.get("inputResponses")) if isinstance(state, str) else None

    @property
    def state(self) -> str | None:
        """The `requestState` of the backend's own with which the call goes on, empty where it wanted none."""
        state = self.params.get("requestState")
        if state is None and isinstance(self.params.get("inputResponses"), dict):
            return ""
        return state if isinstance(state, str) and not is_ours(state) else None

    @property
    def can_ask(self) -> bool:
        """Whether the client declared that it shows its person a form."""
        return False

    async def ask(self, id: str, question: str) -> Verdict:
        """Have the client's person confirm.

        Raises:
            InputWanted: the answer comes with another request.
        """
        raise InputWanted(id, question)

    def on_gone(self, cancel: Callable[[], None]) -> None:
        """Have the wait cancelled when the client takes the call back otherwise than by hanging up."""

    async def waiting(self, id: str, times: int) -> None:
        """Show the client, for the so many-th time, that the call waits for an approver."""


class Approver(Protocol):
    """Gets approvals, and uses them up."""

    async def obtain(self, error: Unapproved, plea: Plea | None) -> Principal:
        """Wait until a person has agreed, and leave a ticket in the plea; returns who the caller is by then.

        Raises:
            ApprovalRequired: nobody did.
            InputWanted: the caller's own client is to ask, and to come again.
            RateLimited: too many calls of the caller wait.
        """
        ...

    async def use(self, matter: Matter, plea: Plea) -> str:
        """Use the ticket of a plea up for exactly this call; returns who approved it.

        Raises:
            ApprovalRequired: it is not for this call, or is used up, or over.
        """
        ...

    def goes_on(self, ticket: Ticket, state: str) -> None:
        """Let the approved call go on once with a `requestState` that its backend gave."""
        ...


class NobodyApproves:
    """An Approver where nobody can be asked."""

    async def obtain(self, error: Unapproved, plea: Plea | None) -> Principal:
        """Refuse."""
        raise error

    async def use(self, matter: Matter, plea: Plea) -> str:
        """Refuse."""
        raise Unapproved(matter)

    def goes_on(self, ticket: Ticket, state: str) -> None:
        """Nothing was approved."""


def can_elicit(capabilities: Json) -> bool:
    """Whether a client declared that it shows forms."""
    modes = capabilities.get("elicitation")
    return isinstance(modes, dict) and (not modes or "form" in modes)


def form(question: str) -> Json:
    """The params of an `elicitation/create` that has a person confirm, and nothing else to fill in."""
    return {"message": question, "requestedSchema": {"type": "object", "properties": {}}}


def verdict_of(result: JsonValue) -> Verdict:
    """What the result of an elicitation says. Whoever accepts a form and says no in it has declined."""
    if not isinstance(result, dict):
        return "cancel"
    content = result.get("content")
    if result.get("action") == "accept":
        return "decline" if isinstance(content, dict) and any(said is False for said in content.values()) else "accept"
    return "decline" if result.get("action") == "decline" else "cancel"


def input_required(error: InputWanted) -> Json:
    """The result of 2026-07-28 that asks."""
    asked: Json = {"method": ELICITATION, "params": {"mode": "form", **form(error.message)}}
    return {"resultType": "input_required", "inputRequests": {QUESTION: asked}, "requestState": f"{_STATE}{error.id}"}


def state_asked_for(result: Json) -> str | None:
    """The `requestState` that a backend which asks for input wants back, empty where it wants none; else None."""
    if result.get("resultType") != "input_required":
        return None
    state = result.get("requestState")
    return state if isinstance(state, str) else ""


def is_ours(state: str) -> bool:
    """Whether a `requestState` is one of `input_required`."""
    return state.startswith(_STATE)


def answered_in(state: str, responses: JsonValue) -> Answered | None:
    """The answer to a question of ours; None when the state is none of ours."""
    if not is_ours(state):
        return None
    found = responses.get(QUESTION) if isinstance(responses, dict) else None
    return Answered(state.removeprefix(_STATE), verdict_of(found))


def without_answer(params: Json) -> Json:
    """Params without our state and the answer to our question: a backend is never shown either."""
    state, responses = params.get("requestState"), params.get("inputResponses")
    kept = dict(params)
    if isinstance(state, str) and is_ours(state):
        del kept["requestState"]
    if isinstance(responses, dict) and QUESTION in responses:
        kept["inputResponses"] = {name: value for name, value in responses.items() if name != QUESTION}
        if not kept["inputResponses"]:
            del kept["inputResponses"]
    return kept


def digest_of(value: object) -> str:
    """A name of a JSON value: equal values have equal ones, however their members are ordered."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _named(asset: Called, name: str) -> list[str]:
    """A part of an asset, and which registration of the asset's path it is of."""
    return [asset.kind, asset.path, asset.version, asset.created_at.isoformat(), name]
