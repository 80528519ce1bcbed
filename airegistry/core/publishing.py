"""Publishing through the MCP Registry API: a `server.json` is registered, changed, deprecated or taken down.

Who may publish under a name is who may register at its path: a grant on `io.github.acme-*` opens the namespace
`io.github.acme`, and not `io.github.acme-labs`, whose paths begin alike. What is published passes the same admission as
everything else.
"""

from collections.abc import Sequence
from contextlib import suppress

import anyio

from airegistry.core.access import Access
from airegistry.core.assets import Json, Server
from airegistry.core.catalog import Catalog, check_local
from airegistry.core.errors import AirError, Conflict, Invalid
from airegistry.core.namespaces import check_namespace
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.published import Entry, Published, Status
from airegistry.core.server_schema import fitting
from airegistry.core.server_versions import is_newer
from airegistry.core.shelf import Shelf, ref
from airegistry.core.stages import Stages
from airegistry.core.versions import Versions

SAID = ("title", "description", "repository_url", "documentation_url", "icons", "transport", "url", "command", "args",
        "env", "manifest")  # fmt: skip
"""Fields of a server that its document says."""
FOLLOWS = ("visibility", "groups", "tags", "requires_approval", "owner_team", "technical_owner",
           "business_capability", "environment", "risk_level", "data_classification")  # fmt: skip
"""Fields that a further version takes from the one that is served by default."""


class Publishing:
    """Writes to the catalog for the MCP Registry API."""

    def __init__(
        self, catalog: Catalog, versions: Versions, stages: Stages, shelf: Shelf, access: Access, published: Published
    ) -> None:
        self._catalog = catalog
        self._versions = versions
        self._stages = stages
        self._shelf = shelf
        self._access = access
        self._published = published
        self._switching = anyio.Lock()
        """Held while the highest version is made the default one: of several at once the highest is to stay."""

    async def publish(self, who: Principal, document: Json) -> Entry:
        """Register a server, or a further version of one, and ask a remote one for its tools if it answers.

        A version above the one that is served by default takes its place, if it serves as that one does.

        Raises:
            Misfit: the document does not fit the schema.
            Invalid: this version is there already.
            AccessDenied: the caller may not publish under this name, or another registry keeps the server.
            Conflict: another server has the path of this name.
            GateRejected, ScanFailed: it may not come in.
        """
        server = fitting(document)
        server = server.model_copy(update={"path": self._published.path(server.name)})
        check_namespace(self._access, who, "register", server.name, server.path)
        head = await self._head(server.path)
        if head is not None and self._access.allows(who, "update", head):
            server = await self._further(server, head)
        registered = (await self._catalog.register(who, server, fetch=False)).asset
        assert isinstance(registered, Server)  # what is registered keeps its kind
        await self._check_first(registered)
        fetched = await self._fetched(who, registered)
        default = await self._switched(who, fetched)
        return self._published.entry(default if default.version == fetched.version else fetched, default)

    async def edit(self, who: Principal, name: str, version: str, document: Json) -> Entry:
        """Write a version anew, which keeps name and number.

        Raises:
            Misfit: the document does not fit the schema.
            Invalid: it is of another name or version.
            NotFound, AccessDenied, Conflict, UpstreamFailed, GateRejected, ScanFailed: see `Catalog.update`.
        """
        entry = await self._published.version(who, name, version, deleted=True)
        draft, now = fitting(document), entry.server
        self._access.require(who, "update", now)
        check_namespace(self._access, who, "update", name, now.path)
        if (draft.name, draft.version) != (self._published.name(now), now.version):
            raise Invalid("a version keeps its name and its number", field="name")
        old, new = (each.model_dump(mode="json", include={*SAID}) for each in (now, draft))
        changes = {field: new[field] for field in SAID if new[field] != old[field]}
        if changes:
            await self._catalog.update(who, "server", now.path, changes, version=now.version)
        return await self._published.version(who, name, version, deleted=True)

    async def set_status(
        self, who: Principal, name: str, version: str, status: Status, message: str | None = None
    ) -> Entry:
        """Deprecate a version, retire it (`deleted`), or take a deprecation back (`active`).

        Raises:
            Invalid: nothing would change, `active` comes with a message, or the version was retired.
            NotFound, AccessDenied, ApprovalRequired: see `Versions.deprecate` and `Stages.transition`.
        """
        entry = await self._published.version(who, name, version, deleted=True)
        _check_change(entry, status, message)
        check_namespace(self._access, who, "transition", name, entry.server.path)
        await self._change(who, entry.server, status, message)
        return await self._published.version(who, name, entry.server.version, deleted=True)

    async def set_all(self, who: Principal, name: str, status: Status, message: str | None = None) -> Sequence[Entry]:
        """Set the status of all versions, those beside the default one first; the ones that were changed.

        Raises:
            Invalid, NotFound, AccessDenied, ApprovalRequired: see `set_status`.
        """
        entries = sorted(await self._published.versions(who, name, deleted=True), key=lambda entry: entry.latest)
        check_namespace(self._access, who, "transition", name, self._published.path(name))
        wanted, refusal = list[Entry](), Invalid("no changes to apply")
        for entry in entries:
            try:
                _check_change(entry, status, message)
            except Invalid as unchanged:
                refusal = unchanged
            else:
                self._access.require(who, "transition", entry.server)
                wanted.append(entry)
        if not wanted:
            raise refusal
        for entry in wanted:
            await self._change(who, entry.server, status, message)
        changed = {entry.server.version for entry in wanted}
        now = await self._published.versions(who, name, deleted=True)
        return [entry for entry in now if entry.server.version in changed]

    async def delete(self, who: Principal, name: str, version: str) -> Entry:
        """Take down one version for good, the last one with the server.

        Raises:
            Conflict: it is the default of several, the successor of another one, or virtual servers pin it.
            NotFound, AccessDenied: see `Versions.delete`.
        """
        entry = await self._published.version(who, name, version, deleted=True)
        check_namespace(self._access, who, "delete", name, entry.server.path)
        if entry.latest and not await self._shelf.versions("server", entry.server.path):
            await self._catalog.delete(who, "server", entry.server.path)
        else:
            await self._versions.delete(who, "server", entry.server.path, entry.server.version)
        return entry

    async def _head(self, path: str) -> Server | None:
        """The version that is served by default; None where no server is."""
        found = await self._shelf.get("server", path)
        return found[0] if found is not None and isinstance(found[0], Server) else None

    async def _check_first(self, server: Server) -> None:
        """Take back what was published as a version of another name, which came to the path while it was admitted.

        Raises:
            Conflict: it was.
        """
        head = await self._head(server.path)
        if head is not None and self._published.name(head) != server.name:
            await self._versions.delete(SYSTEM, "server", server.path, server.version)
            raise _taken(server)

    async def _further(self, server: Server, head: Server) -> Server:
        """A further version, as the one that is served by default is governed."""
        if self._published.name(head) != server.name:
            raise _taken(server)
        check_local(head)
        if server.version in (head.version, *await self._shelf.versions("server", head.path)):
            raise Invalid(f"version {server.version} of {server.name} is published already", field="version")
        return server.model_copy(update={field: getattr(head, field) for field in FOLLOWS})

    async def _fetched(self, who: Principal, server: Server) -> Server:
        """A server with its tools, if it is remote and answers; else it is asked again by whoever refreshes it."""
        remote = server.transport != "stdio" and "{" not in (server.url or "")
        if remote and self._access.allows(who, "refresh", server):
            with suppress(AirError):
                fetched = await self._catalog.refresh(who, server.path, version=server.version)
                assert isinstance(fetched, Server)  # what is refreshed keeps its kind
                return fetched
        return server

    async def _switched(self, who: Principal, server: Server) -> Server:
        """The default version after one was published."""
        async with self._switching:
            head = await self._head(server.path)
            if head is None or head.version == server.version:
                return server
            if server.enabled and server.stage == head.stage and is_newer(server.version, head.version):
                with suppress(AirError):  # never fetched, say: it is served under its number, and the other one goes on
                    switched = await self._versions.set_default(who, "server", server.path, server.version)
                    assert isinstance(switched, Server)  # by its kind
                    return switched
            return head

    async def _change(self, who: Principal, server: Server, status: Status, message: str | None) -> None:
        path, version = server.path, server.version
        if status == "deleted":
            reason = message or "deleted through the registry API"
            await self._stages.transition(who, "server", path, "retired", reason, version=version)
        elif status == "deprecated" and server.stage != "deprecated":
            sunset, successor = (
                (server.deprecation.sunset, server.deprecation.successor) if server.deprecation else (None, None)
            )
            await self._versions.deprecate(
                who, "server", path, version, sunset=sunset, successor=successor, message=message
            )
        elif status == "deprecated":
            raise Invalid("its lifecycle stage says so: change that", field="status")
        else:
            if server.stage == "deprecated":
                back = server.review.deprecated_from or "approved_dev"
                await self._stages.transition(who, "server", path, back, "active again", version=version)
            if server.deprecation is not None:
                await self._versions.deprecate(who, "server", path, version, deprecated=False)


def _taken(server: Server) -> Conflict:
    return Conflict(f"the path {server.path!r} of the name {server.name!r} belongs to another server")


def _check_change(entry: Entry, status: Status, message: str | None) -> None:
    """Refuse what changes nothing, and what the lifecycle does not know."""
    if status == "active" and message is not None:
        raise Invalid("no message goes with the status active", field="statusMessage")
    if status == entry.status and (status != "deprecated" or message == entry.message):
        raise Invalid(f"no changes to apply: the status is {status} already", field="status")
    if entry.status == "deleted":
        raise Invalid(f"{ref(entry.server)} was retired: it comes back by its lifecycle stage", field="status")
