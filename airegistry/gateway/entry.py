"""What the core decides and records around each call, as the gateway sees it; `Invocation` of the core is one."""

from collections.abc import Hashable
from typing import Literal, Protocol

from airegistry.core.assets import Server, VirtualServer
from airegistry.core.calls import Call, Outcome
from airegistry.core.pleas import Plea
from airegistry.core.principals import Principal


class Entry(Protocol):
    """Who may do what, asked before and told after."""

    async def find(
        self, who: Principal, path: str, method: str, name: str | None, *, version: str | None = None
    ) -> Server | VirtualServer:
        """What stands at a path, before anything is decided.

        Raises:
            NotFound: nothing that the caller may know of; recorded already.
        """
        ...

    async def enter(
        self, who: Principal, path: str, method: str, name: str | None = None, *, version: str | None = None,
        found: Server | None = None, plea: Plea | None = None,
    ) -> Call:  # fmt: skip
        """Admit one request to the server at `path`, which `find` may have found; `plea` waits for an approval.

        Raises:
            AirError: it is refused; the refusal is recorded already.
        """
        ...

    def leave(self, call: Call, outcome: Outcome, error: str | None = None) -> None:
        """Record how an admitted request ended; never blocks."""
        ...

    async def renewed(self, call: Call) -> Call | None:
        """The call with another credential after the backend refused the one it had."""
        ...

    def may_use(self, call: Call, member: Literal["tools", "prompts", "resources"], name: str) -> bool:
        """Whether a list shows this item to the caller."""
        ...

    def entitlement(self, call: Call) -> Hashable:
        """Equal for callers who are shown the same of a server, under the policy of now."""
        ...
