"""Why somebody may or may not do something."""

from airegistry.core.access import Access, Action, Decision
from airegistry.core.assets import MODELS, Kind
from airegistry.core.errors import Invalid, NotFound
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from airegistry.core.shelf import Shelf
from airegistry.core.tokens import Tokens
from airegistry.core.visibility import Visibility


class Explainer:
    """Asks the one policy engine on behalf of others; administrators may ask about anybody, others about themselves."""

    def __init__(self, access: Access, visibility: Visibility, shelf: Shelf, tokens: Tokens) -> None:
        self._access = access
        self._visibility = visibility
        self._shelf = shelf
        self._tokens = tokens

    async def explain(
        self, who: Principal, subject: str, action: Action, asset: str, *, tool: str | None = None
    ) -> Decision:
        """The decision on a subject: `me`, `token:NAME`, `group:NAME` or `scope:NAME`.

        `asset` reads `kind/path`; a path alone means a server or virtual server.

        Raises:
            AccessDenied: the caller asks about somebody else and is no administrator.
            NotFound: there is no such asset the caller may know of, or no such subject.
        """
        about = who if subject in {"me", who.subject} else await self._other(who, subject)
        target = await self._asset(who, asset)
        method = "tools/call" if action == "call" and tool is not None else None
        decision = self._access.decide(about, action, target, tool=tool, method=method)
        if decision.allowed and action == "call" and not self._visibility.serves(target):
            reason = f"stage {target.stage} is not served in environment {self._visibility.environment}"
            return Decision(False, reason)
        return decision

    async def _other(self, who: Principal, subject: str) -> Principal:
        self._access.require(who, "policy")
        kind, _, name = subject.partition(":")
        if kind == "token":
            return self._tokens.principal_named(name)
        if kind == "group":
            return Principal(subject, groups=frozenset({name}), scopes=self._access.scopes_of([name]))
        if kind == "scope":
            if not self._access.has_scope(name):
                raise NotFound(f"no scope named {name!r}")
            return Principal(subject, scopes=frozenset({name}))
        raise Invalid("subject is me, token:NAME, group:NAME or scope:NAME", field="subject")

    async def _asset(self, who: Principal, asset: str) -> AnyAsset:
        prefix, _, rest = asset.removeprefix("/").partition("/")
        kind: Kind = next((known for known in MODELS if rest and known == prefix), "server")
        path = rest if rest and kind == prefix else asset.removeprefix("/")
        found = await self._shelf.get(kind, path)
        if found is None or not self._visibility.shows(who, found[0]):
            raise NotFound(f"no {kind} named {path!r}")
        return found[0]
