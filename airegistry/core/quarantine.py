"""Callers and assets that an administrator cut off: from that moment on nothing of theirs goes through the gateway."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Literal

import anyio
from pydantic import Field

from airegistry.core.access import Access
from airegistry.core.assets import Model, check_path
from airegistry.core.audit import Audit
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import Conflict, Invalid, NotFound, Quarantined
from airegistry.core.ports import Clock
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.shelf import Shelf

Cut = Literal["caller", "server", "agent", "virtual_server"]
OPERATOR = "operator"
MAX_ID = 512


class Quarantine(Model):
    """Who or what is cut off, since when, by whom and why. `id` is a caller's subject, or an asset's path."""

    kind: Cut
    id: str
    reason: str = Field(min_length=1, max_length=1000)
    since: datetime
    by: str


class Quarantines:
    """Keeps what is cut off, and answers from memory whether something is.

    For administrators of policy: others get `AccessDenied`. `on_cut` is told of each new one and returns how many
    calls it ended.
    """

    def __init__(
        self,
        store: DocumentStore,
        shelf: Shelf,
        access: Access,
        audit: Audit,
        clock: Clock,
        on_cut: Callable[[Quarantine], int],
    ) -> None:
        self._repository = Repository(store, "quarantines", Quarantine)
        self._shelf = shelf
        self._access = access
        self._audit = audit
        self._clock = clock
        self._on_cut = on_cut
        self._held: dict[tuple[str, str], Quarantine] = {}
        self._lock = anyio.Lock()

    def __bool__(self) -> bool:
        """Whether anybody or anything is cut off."""
        return bool(self._held)

    async def reload(self) -> None:
        """Put in force what is stored, and end the calls that it forbids."""
        async with self._lock:  # a slow reader must not put what it read over what was written meanwhile
            stored = [found async for _, found in self._repository.find()]
            new = [each for each in stored if (each.kind, each.id) not in self._held]
            self._held = {(each.kind, each.id): each for each in stored}
        for each in new:
            self._on_cut(each)

    def kinds(self) -> Mapping[Cut, int]:
        """How many of each kind are cut off."""
        return Counter(each.kind for each in self._held.values())

    def holds(self, kind: str, id_: str) -> bool:
        """Whether a caller or an asset is cut off."""
        return (kind, id_) in self._held

    def check(self, names: Iterable[tuple[str, str]]) -> None:
        """Refuse what is cut off; names are pairs of kind and id. Why it is, is for administrators to know.

        Raises:
            Quarantined: one of them is.
        """
        for kind, id_ in names:
            if (kind, id_) in self._held:
                what = "you are" if kind == "caller" else f"{kind} {id_!r} is"
                raise Quarantined(f"{what} cut off by an administrator")

    async def put(self, who: Principal, kind: Cut, id_: str, reason: str) -> tuple[Quarantine, int]:
        """Cut a caller or an asset off, at once; again to give another reason. Returns also how many calls it ended.

        Raises:
            Invalid: the id or the reason is none.
            NotFound: there is no such asset.
            Conflict: the caller would cut itself off, or the registry's operator.
        """
        id_ = id_.strip()
        async with self._audit.attempt(who, "quarantine:put", f"{kind}/{id_.removeprefix('/')}") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            id_ = await self._checked(who, kind, id_)
            if not reason.strip():
                raise Invalid("say why: others will have to lift it", field="reason")
            made = Quarantine(kind=kind, id=id_, reason=reason.strip()[:1000], since=self._clock.now(), by=who.subject)
            async with self._lock:
                if (before := self._held.get((kind, id_))) is not None:
                    made = made.model_copy(update={"since": before.since})
                await self._repository.save(_key(kind, id_), made)
                self._held[kind, id_] = made
            ended = self._on_cut(made)
            attempt.reason += f"; {made.reason}; calls ended: {ended}"
        return made, ended

    async def lift(self, who: Principal, kind: Cut, id_: str) -> Quarantine:
        """Let a caller or an asset in again.

        Raises:
            NotFound: it is not cut off.
        """
        id_ = id_.strip() if kind == "caller" else id_.strip().removeprefix("/")
        async with self._audit.attempt(who, "quarantine:lift", f"{kind}/{id_}") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            async with self._lock:
                found = self._held.get((kind, id_))
                if found is None:
                    raise NotFound(f"{kind} {id_!r} is not cut off")
                await self._repository.delete(_key(kind, id_))
                del self._held[kind, id_]
        return found

    def list(self, who: Principal) -> list[Quarantine]:
        """All that is cut off, the latest first."""
        self._access.require(who, "policy")
        return sorted(self._held.values(), key=lambda each: each.since, reverse=True)

    async def _checked(self, who: Principal, kind: Cut, id_: str) -> str:
        """The id as it is kept."""
        if kind != "caller":
            path = check_path(id_)
            found = await self._shelf.get(kind, path)
            if found is None or found[0].kind != kind:
                raise NotFound(f"no {kind} named {path!r}")
            return path
        if not id_ or len(id_) > MAX_ID:
            raise Invalid(
                f"a caller is named by its subject, as in user:ann, of at most {MAX_ID} characters", field="id"
            )
        if id_ in {who.subject, who.actor}:
            raise Conflict("nobody cuts itself off: ask another administrator")
        if id_ in {OPERATOR, SYSTEM.subject}:
            raise Conflict(f"the {id_} cannot be cut off: replace its token")
        return id_


def _key(kind: str, id_: str) -> str:
    return f"{kind}/{id_}"
