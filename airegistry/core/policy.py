"""Scopes and groups as administrators keep them, and the snapshot of them that `Access` decides on."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio
from pydantic import JsonValue

from airegistry.core.access import Access
from airegistry.core.audit import Audit
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import Invalid
from airegistry.core.grants import RESERVED, Group, Scope
from airegistry.core.principals import Principal
from airegistry.core.scope_import import Imported, imported

M = TypeVar("M", Scope, Group)


class Policy:
    """Keeps scopes and groups; a change holds from the next request on.

    Everything here is for administrators of policy: others get `AccessDenied`.
    """

    def __init__(self, store: DocumentStore, access: Access, audit: Audit) -> None:
        self._scopes = Repository(store, "scopes", Scope)
        self._groups = Repository(store, "groups", Group)
        self._access = access
        self._audit = audit
        self._lock = anyio.Lock()

    async def reload(self) -> None:
        """Give `Access` the stored policy."""
        async with self._lock:  # a slow reader must not put what it read over what was written meanwhile
            self._access.replace(await _all(self._scopes), await _all(self._groups))

    async def put_scope(self, who: Principal, scope: Scope) -> Scope:
        """Create or replace a scope.

        Raises:
            Invalid: its name has a meaning of its own.
        """
        async with self._attempt(who, "scope:put", f"scope/{scope.name}"):
            if scope.name in RESERVED:
                raise Invalid(f"{scope.name!r} is what tokens carry, and no scope of a policy", field="name")
            await self._scopes.save(scope.name, scope)
        return scope

    async def put_group(self, who: Principal, group: Group) -> Group:
        """Create or replace a group.

        Raises:
            Invalid: it names a scope that does not exist.
        """
        async with self._attempt(who, "group:put", f"group/{group.name}"):
            await self.check_scopes(group.scopes)
            await self._groups.save(group.name, group)
        return group

    async def delete_scope(self, who: Principal, name: str) -> bool:
        """Remove a scope; groups and tokens that name it hold nothing by it any more."""
        async with self._attempt(who, "scope:delete", f"scope/{name}"):
            return await self._scopes.delete(name)

    async def delete_group(self, who: Principal, name: str) -> bool:
        """Remove a group; its members hold nothing by it any more."""
        async with self._attempt(who, "group:delete", f"group/{name}"):
            return await self._groups.delete(name)

    async def scopes(self, who: Principal) -> list[Scope]:
        """All scopes."""
        self._access.require(who, "policy")
        return await _all(self._scopes)

    async def groups(self, who: Principal) -> list[Group]:
        """All groups."""
        self._access.require(who, "policy")
        return await _all(self._groups)

    async def import_(self, who: Principal, document: JsonValue, *, dry_run: bool = False) -> Imported:
        """Take over scopes and groups of the peer registry; what is given up on the way stands in `notes`.

        A scope that exists is replaced. A group that exists keeps its scopes and gains those that come. With
        `dry_run` nothing is stored.

        Raises:
            Invalid: it is none of the peer's documents.
        """
        if dry_run:
            self._access.require(who, "policy")
            return await self._merged(imported(document))
        async with self._attempt(who, "policy:import", "registry/"):
            found = await self._merged(imported(document))
            for scope in found.scopes:
                await self._scopes.save(scope.name, scope)
            for group in found.groups:
                await self._groups.save(group.name, group)
        return found

    async def check_scopes(self, names: Iterable[str]) -> None:
        """Refuse names of scopes that do not exist, so that a typing error grants or denies nothing silently.

        Raises:
            Invalid: there is no such scope.
        """
        for name in names:
            if await self._scopes.find_one(name) is None:
                raise Invalid(f"no scope named {name!r}", field="scopes")

    @asynccontextmanager
    async def _attempt(self, who: Principal, act: str, on: str) -> AsyncIterator[None]:
        """A change of the policy by whoever may change it, recorded, and in force when it is over."""
        async with self._audit.attempt(who, act, on) as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            yield
            await self.reload()

    async def _merged(self, found: Imported) -> Imported:
        """What comes, together with what is there."""
        notes = [
            f"scope {scope.name!r} exists: its grants are replaced"
            for scope in found.scopes
            if (known := await self._scopes.find_one(scope.name)) and known[0].grants != scope.grants
        ]
        groups = []
        for group in found.groups:
            known_group = await self._groups.find_one(group.name)
            if known_group is not None and (kept := set(known_group[0].scopes) - set(group.scopes)):
                notes.append(f"group {group.name!r} exists: it keeps {', '.join(sorted(kept))}")
            before = known_group[0] if known_group is not None else group
            groups.append(before.model_copy(update={"scopes": [*dict.fromkeys([*before.scopes, *group.scopes])]}))
        return Imported(found.scopes, groups, [*found.notes, *notes])


async def _all(repository: Repository[M]) -> list[M]:
    return [found async for _, found in repository.find()]
