"""One admitted request to a backend, and what guards its way: ports that `core/invocation.py` asks."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

import anyio

from airegistry.core.assets import Agent, Server, VirtualServer
from airegistry.core.audit_parameters import Said
from airegistry.core.errors import AirError, CallRefused, Quarantined, UpstreamFailed
from airegistry.core.pleas import Plea
from airegistry.core.principals import Principal

Outcome = Literal["ok", "tool_error", "error", "upstream_failed", "upstream_refused", "cancelled"]
"""`upstream_refused` reads as `upstream_failed`, but is the caller's affair: it says nothing of the backend."""
Member = Literal["tools", "prompts", "resources"]
Backend = Server | Agent
Guarded = Backend | VirtualServer
T = TypeVar("T")


def failed_as(error: AirError) -> Outcome:
    """How a call ended that failed so: what one caller is refused must not keep others from the backend."""
    if not isinstance(error, UpstreamFailed):
        return "error"
    return "upstream_refused" if isinstance(error, CallRefused) else "upstream_failed"


_HELD_AS = {
    "tools/call": "",
    "prompts/get": "prompts/",
    "resources/read": "resources/",
    "resources/subscribe": "resources/",
}


def check_held(asset: Backend, method: str, name: str | None) -> None:
    """Refuse to call what is not as it was approved: see `core/pins.py`.

    Raises:
        Quarantined: it is held.
    """
    if not asset.held:
        return
    held = "card" if isinstance(asset, Agent) else f"{_HELD_AS[method]}{name}" if method in _HELD_AS else ""
    if held in asset.held:
        raise Quarantined(
            f"{held} of {asset.kind} {asset.path!r} is held: {asset.held[held]}; it waits until that is approved"
        )


class Permit(Protocol):
    """A place among the calls under way: held from admission to the end."""

    def release(self, outcome: Outcome) -> None:
        """Give the place back; the outcome tells the circuit breaker how the backend does. The second time is none."""
        ...

    def on_cut(self, cut: Callable[[], None]) -> None:
        """Have the call cut off when its caller or asset is quarantined; at once if that has happened meanwhile."""
        ...


class Protection(Protocol):
    """Quarantine, limits and circuit breakers: what is asked last before a call goes out."""

    def admit(
        self, who: Principal, asset: Guarded, method: str, name: str | None, *, via: VirtualServer | None = None,
        shown: str | None = None,
    ) -> Permit:  # fmt: skip
        """Take a place. `method` tells streams (`stream/open`, `subscriptions/listen`) from calls. Never blocks.

        `shown` is what the virtual server calls what is named `name`.

        Raises:
            Quarantined: the caller, the asset or the virtual server is cut off.
            RateLimited: too much, too often, or too much at once; `retry_after` in seconds.
            BackendResting: the backend failed too often lately, and is left alone for a while.
        """
        ...

    def check(self, who: Principal, *assets: Guarded) -> None:
        """Refuse whoever or whatever is cut off, where an answer from memory needs no place.

        Raises:
            Quarantined: the caller or one of the assets is cut off.
        """
        ...


class Credentials(Protocol):
    """The backends' own credentials, as headers."""

    def needed(self, asset: Backend) -> bool:
        """Whether `headers` has anything to say; from memory."""
        ...

    async def headers(self, who: Principal, asset: Backend) -> Mapping[str, str]:
        """What a request to the asset's URL carries on behalf of a caller; names are lower case.

        Raises:
            ConsentRequired: the caller has to connect an account first; it says where.
            UpstreamFailed: the authorization server of the backend does not answer, or refuses.
            Unsupported: the credential was given for another origin than the asset's present one.
        """
        ...

    async def renewed(self, who: Principal, asset: Backend, used: Mapping[str, str]) -> Mapping[str, str] | None:
        """Other headers after the backend answered 401 to `used`; None when there are none to be had."""
        ...


class Composed(Protocol):
    """Virtual servers, as far as `call_tool` needs them."""

    async def call(self, who: Principal, path: str, tool: str, plea: Plea | None = None) -> "Call":
        """Admit a call of a virtual server's tool: to the server, and by the name, that are behind it.

        Raises:
            AirError: refused; recorded already.
        """
        ...


@dataclass(slots=True, eq=False)
class Call:
    """One admitted request to a backend. Nothing is set on it after it was made.

    `headers` carry the backend's own credential and nothing of the caller's. `started` is monotonic. `reason` is
    why it was allowed. `described` names the tools that were fetched and scanned, where a list may answer. `via` is the
    virtual server that it came through. `goes_on` is told the `requestState` with which a backend wants a call that a
    person approved to go on. `said` gives its params for the audit trail, `record` is the id of its record there, if it
    was begun.
    """

    who: Principal
    asset: Backend
    method: str
    name: str | None
    started: float
    headers: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    described: frozenset[str] = frozenset()
    via: VirtualServer | None = None
    permit: Permit | None = None
    goes_on: Callable[[str], None] | None = None
    said: Said | None = None
    record: str | None = None

    def let_go_on(self, state: str | None) -> None:
        """Have an approved call go on whose backend asks something first: see `state_asked_for`."""
        if self.goes_on is not None and state is not None:
            self.goes_on(state)

    @property
    def server(self) -> Server:
        """The MCP server that is called."""
        assert isinstance(self.asset, Server)
        return self.asset


class Unguarded:
    """A Protection without limits and without memory."""

    def admit(
        self, who: Principal, asset: Guarded, method: str, name: str | None, *, via: VirtualServer | None = None,
        shown: str | None = None,
    ) -> Permit:  # fmt: skip
        """Let everybody in."""
        return self

    def check(self, who: Principal, *assets: Guarded) -> None:
        """Nobody is cut off."""

    def release(self, outcome: Outcome) -> None:
        """Nothing is held."""

    def on_cut(self, cut: Callable[[], None]) -> None:
        """Nobody is cut off."""


class NoCredentials:
    """Credentials where there are none."""

    def needed(self, asset: Backend) -> bool:
        """Never."""
        return False

    async def headers(self, who: Principal, asset: Backend) -> Mapping[str, str]:
        """None."""
        return {}

    async def renewed(self, who: Principal, asset: Backend, used: Mapping[str, str]) -> Mapping[str, str] | None:
        """None."""
        return None


async def until_cut(call: Call, asked: Awaitable[T]) -> T:
    """The answer, unless the caller or the server is cut off before it comes.

    Raises:
        Quarantined: it was.
    """
    with anyio.CancelScope() as scope:
        if call.permit is not None:
            call.permit.on_cut(scope.cancel)
        return await asked
    raise Quarantined("cut off by an administrator")
