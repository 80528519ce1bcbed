"""Who may do what: scopes and groups, tokens, users, clients, identity providers, limits, quarantine."""

from collections.abc import AsyncGenerator, Sequence
from typing import Literal

from airegistry_client.connection import Json, route
from airegistry_client.models.access import (
    AccessPreview,
    EndedSessions,
    Explanation,
    Grant,
    Limit,
    NewPassword,
    NewToken,
    Policy,
    Quarantine,
    RotatedSecretKey,
    Scope,
    ScopeImport,
    Token,
    User,
)
from airegistry_client.models.access import Group as CallerGroup
from airegistry_client.modes import Group, M, iterated, operation


class Access(Group[M]):
    """The policy as a whole."""

    @operation
    async def policy(self) -> Policy:
        """Scopes and groups in force."""
        return await self._connection.ask(Policy, "GET", "/policy")

    @operation
    async def explain(self, subject: str, action: str, asset: str, *, tool: str | None = None) -> Explanation:
        """Whether somebody may do something, and which rule decides."""
        query = {"subject": subject, "action": action, "asset": asset, "tool": tool}
        return await self._connection.ask(Explanation, "GET", "/access/explanation", query=query)

    @operation
    async def preview(
        self, *, subject: str | None = None, grants: Sequence[Grant] | None = None, path: str | None = None,
        limit: int | None = None, cursor: str | None = None,
    ) -> AccessPreview:  # fmt: skip
        """A page of what somebody may see and call, or of what grants would give that are not stored yet."""
        body = {"subject": subject, "grants": _written(grants), "path": path, "limit": limit, "cursor": cursor}
        return await self._connection.ask(AccessPreview, "POST", "/access/previews", body=body)

    @operation
    async def import_scopes(
        self, *, document: Json | Sequence[Json] | None = None, yaml: str | None = None, dry_run: bool | None = None
    ) -> ScopeImport:
        """Take the scopes of another registry over, or say what that would do: a dry run unless told otherwise."""
        body = {"document": document, "yaml": yaml, "dry_run": dry_run}
        return await self._connection.ask(ScopeImport, "POST", "/scope-imports", body=body)

    @operation
    async def rotate_secret_key(self) -> RotatedSecretKey:
        """Seal what is kept secret with another key."""
        return await self._connection.ask(RotatedSecretKey, "POST", "/secret-key/rotations")


class Scopes(Group[M]):
    """Named sets of grants."""

    @operation
    async def put(self, name: str, grants: Sequence[Grant], *, description: str | None = None) -> Scope:
        """Make a scope, or replace it."""
        body = {"grants": _written(grants), "description": description}
        return await self._connection.ask(Scope, "PUT", route("scopes", name), body=body)

    @operation
    async def delete(self, name: str) -> None:
        """Remove a scope."""
        await self._connection.done("DELETE", route("scopes", name))


class Groups(Group[M]):
    """Groups of callers, and the scopes they bring."""

    @operation
    async def put(self, name: str, scopes: Sequence[str], *, description: str | None = None) -> CallerGroup:
        """Make a group, or replace it."""
        body = {"scopes": scopes, "description": description}
        return await self._connection.ask(CallerGroup, "PUT", route("groups", name), body=body)

    @operation
    async def delete(self, name: str) -> None:
        """Remove a group."""
        await self._connection.done("DELETE", route("groups", name))


class TokensGroup(Group[M]):
    """Tokens for callers without a person."""

    @operation
    async def list(self) -> Sequence[Token]:
        """Every token, without the token itself."""
        return await self._connection.many(Token, "/tokens", "tokens")

    @operation
    async def create(
        self, name: str, *, groups: Sequence[str] | None = None, scopes: Sequence[str] | None = None,
        expires_in: int | None = None, key: str | None = None,
    ) -> NewToken:  # fmt: skip
        """Make a token; it is shown this once."""
        body = {"name": name, "groups": groups, "scopes": scopes, "expires_in": expires_in}
        return await self._connection.ask(NewToken, "POST", "/tokens", body=body, key=key)

    @operation
    async def revoke(self, id: str) -> None:
        """End a token."""
        await self._connection.done("DELETE", route("tokens", id))

    @operation
    async def vend(
        self, name: str, *, scopes: Sequence[str] | None = None, expires_in: int | None = None, key: str | None = None
    ) -> NewToken:
        """Make a token with no more than your own rights, for something that acts for you."""
        body = {"name": name, "scopes": scopes, "expires_in": expires_in}
        return await self._connection.ask(NewToken, "POST", "/tokens/vended", body=body, key=key)


class Users(Group[M]):
    """Persons who sign in."""

    @iterated
    async def list(self, *, page_size: int | None = None) -> AsyncGenerator[User, None]:
        """Every user."""
        async for user in self._connection.pages(User, "/users", "users", {"limit": page_size}):
            yield user

    @operation
    async def put(
        self, id: str, *, name: str | None = None, email: str | None = None, groups: Sequence[str] | None = None,
        password: str | None = None, active: bool | None = None,
    ) -> User:  # fmt: skip
        """Make a user, or change what is named of one."""
        body = {"name": name, "email": email, "groups": groups, "password": password, "active": active}
        return await self._connection.ask(User, "PUT", route("users", id), body=body)

    @operation
    async def delete(self, id: str) -> None:
        """Remove a user."""
        await self._connection.done("DELETE", route("users", id))

    @operation
    async def end_sessions(self, id: str) -> EndedSessions:
        """Sign a user out everywhere."""
        return await self._connection.ask(EndedSessions, "DELETE", route("users", id, "sessions"))

    @operation
    async def set_password(self, id: str, *, password: str | None = None) -> NewPassword:
        """Give a user a password; one is made up, and shown this once, where none is given."""
        place = route("users", id, "password")
        return await self._connection.ask(NewPassword, "PUT", place, body={"password": password})

    @operation
    async def reset_second_factor(self, id: str) -> User:
        """Take a user's second factor away, so that another can be set up."""
        return await self._connection.ask(User, "DELETE", route("users", id, "second-factor"))


class Limits(Group[M]):
    """How much callers may do in which time."""

    @operation
    async def list(self) -> Sequence[Limit]:
        """Every limit."""
        return await self._connection.many(Limit, "/limits", "limits")

    @operation
    async def put(
        self, name: str, *, subjects: Sequence[str] | None = None, assets: Sequence[str] | None = None,
        tools: Sequence[str] | None = None, methods: Sequence[str] | None = None,
        per: Sequence[Literal["caller", "asset", "tool"]] | None = None, calls: int | None = None,
        seconds: float | None = None, burst: int | None = None, concurrent: int | None = None,
        streams: int | None = None, description: str | None = None,
    ) -> Limit:  # fmt: skip
        """Make a limit, or replace it."""
        body = {
            "subjects": subjects, "assets": assets, "tools": tools, "methods": methods, "per": per, "calls": calls,
            "seconds": seconds, "burst": burst, "concurrent": concurrent, "streams": streams,
            "description": description,
        }  # fmt: skip
        return await self._connection.ask(Limit, "PUT", route("limits", name), body=body)

    @operation
    async def delete(self, name: str) -> None:
        """Remove a limit."""
        await self._connection.done("DELETE", route("limits", name))


class Quarantines(Group[M]):
    """What is cut off."""

    @operation
    async def list(self) -> Sequence[Quarantine]:
        """Everything that is cut off."""
        return await self._connection.many(Quarantine, "/quarantine", "quarantines")

    @operation
    async def put(
        self, kind: Literal["caller", "server", "agent", "virtual_server"], id: str, reason: str
    ) -> Quarantine:
        """Cut a caller or an asset off, with everything that is under way."""
        return await self._connection.ask(Quarantine, "PUT", route("quarantine", kind, id), body={"reason": reason})

    @operation
    async def lift(self, kind: Literal["caller", "server", "agent", "virtual_server"], id: str) -> Quarantine:
        """Let it go on."""
        return await self._connection.ask(Quarantine, "DELETE", route("quarantine", kind, id))


def _written(grants: Sequence[Grant] | None) -> Sequence[Json] | None:
    """Grants as a body has them: a member that is left out means everything of its sort."""
    return None if grants is None else [grant.model_dump(exclude_unset=True) for grant in grants]
