"""Scopes and groups as administrators keep them, and the snapshot of them that `Access` decides on."""

import anyio

from airegistry.core.access import Access, Group, Scope
from airegistry.core.audit import Audit
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import Invalid
from airegistry.core.principals import Principal


class Policy:
    """Keeps scopes and groups; a change holds from the next request on."""

    def __init__(self, store: DocumentStore, access: Access, audit: Audit) -> None:
        self._scopes = Repository(store, "scopes", Scope)
        self._groups = Repository(store, "groups", Group)
        self._access = access
        self._audit = audit
        self._lock = anyio.Lock()

    async def reload(self) -> None:
        """Give `Access` the stored policy."""
        async with self._lock:  # a slow reader must not put what it read over what was written meanwhile
            scopes = [scope async for _, scope in self._scopes.find()]
            groups = [group async for _, group in self._groups.find()]
            self._access.replace(scopes, groups)

    async def put_scope(self, who: Principal, scope: Scope) -> Scope:
        """Create or replace a scope.

        Raises:
            AccessDenied: the caller is no administrator of policy.
        """
        async with self._audit.attempt(who, "scope:put", f"scope/{scope.name}") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            await self._scopes.save(scope.name, scope)
            await self.reload()
        return scope

    async def put_group(self, who: Principal, group: Group) -> Group:
        """Create or replace a group.

        Raises:
            AccessDenied: the caller is no administrator of policy.
            Invalid: it names a scope that does not exist.
        """
        async with self._audit.attempt(who, "group:put", f"group/{group.name}") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            await self.check_scopes(group.scopes)
            await self._groups.save(group.name, group)
            await self.reload()
        return group

    async def delete_scope(self, who: Principal, name: str) -> bool:
        """Remove a scope; groups and tokens that name it hold nothing by it any more."""
        async with self._audit.attempt(who, "scope:delete", f"scope/{name}") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            gone = await self._scopes.delete(name)
            await self.reload()
        return gone

    async def delete_group(self, who: Principal, name: str) -> bool:
        """Remove a group; its members hold nothing by it any more."""
        async with self._audit.attempt(who, "group:delete", f"group/{name}") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            gone = await self._groups.delete(name)
            await self.reload()
        return gone

    async def scopes(self, who: Principal) -> list[Scope]:
        """All scopes.

        Raises:
            AccessDenied: the caller is no administrator of policy.
        """
        self._access.require(who, "policy")
        return [scope async for _, scope in self._scopes.find()]

    async def groups(self, who: Principal) -> list[Group]:
        """All groups.

        Raises:
            AccessDenied: the caller is no administrator of policy.
        """
        self._access.require(who, "policy")
        return [group async for _, group in self._groups.find()]

    async def check_scopes(self, names: list[str]) -> None:
        """Refuse names of scopes that do not exist, so that a typing error grants or denies nothing silently.

        Raises:
            Invalid: there is no such scope.
        """
        for name in names:
            if await self._scopes.find_one(name) is None:
                raise Invalid(f"no scope named {name!r}", field="scopes")
