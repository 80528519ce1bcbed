"""What runs beside the catalog: sources, webhooks, the index, types of entities."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from airegistry_client.connection import Json, route
from airegistry_client.groups.assets import OnDuplicate, Visibility
from airegistry_client.models.answer import Answer
from airegistry_client.models.operation import (
    Attempt,
    Delivery,
    EntityType,
    IndexStatus,
    Job,
    RemovedSource,
    Run,
    Source,
    Sync,
    Webhook,
)
from airegistry_client.modes import Group, M, operation


class EntityTypes(Group[M]):
    """Types of entities, each with a JSON Schema."""

    @operation
    async def list(self) -> Sequence[EntityType]:
        """Every type."""
        return await self._connection.many(EntityType, "/entity-types", "types")

    @operation
    async def get(self, name: str) -> EntityType:
        """One type."""
        return await self._connection.ask(EntityType, "GET", route("entity-types", name))

    @operation
    async def define(self, name: str, schema: Json, *, description: str | None = None) -> EntityType:
        """Make a type."""
        body = {"schema": schema, "description": description}
        return await self._connection.ask(EntityType, "PUT", route("entity-types", name), body=body)

    @operation
    async def update(self, name: str, *, schema: Json | None = None, description: str | None = None) -> EntityType:
        """Change a type; what there is of it has to fit."""
        body = {"schema": schema, "description": description}
        return await self._connection.ask(EntityType, "PATCH", route("entity-types", name), body=body)

    @operation
    async def delete(self, name: str) -> None:
        """Remove a type that nothing is of."""
        await self._connection.done("DELETE", route("entity-types", name))


class Sources(Group[M]):
    """Where assets come from by themselves: other registries, clouds, hosts."""

    @operation
    async def list(self) -> Sequence[Source]:
        """Every source."""
        return await self._connection.many(Source, "/sources", "sources")

    @operation
    async def get(self, name: str) -> Source:
        """One source and its last passes."""
        return await self._connection.ask(Source, "GET", route("sources", name))

    @operation
    async def add(
        self, name: str, kind: Literal["mcp-registry", "peer", "asor", "agentcore", "agentcore-registry", "skills"], *,
        url: str | None = None, options: Json | None = None, secrets: Json | None = None,
        names: Sequence[str] | None = None, tags: Sequence[str] | None = None,
        namespace: Sequence[str] | None = None, prefix: str | None = None, visibility: Visibility | None = None,
        groups: Sequence[str] | None = None, interval: float | None = None,
        on_duplicate: OnDuplicate | None = None, enabled: bool | None = None, description: str | None = None,
        key: str | None = None,
    ) -> Source:  # fmt: skip
        """Add a source; it is read soon."""
        body = {
            "name": name, "kind": kind, "url": url, "options": options, "secrets": secrets, "names": names,
            "tags": tags, "namespace": namespace, "prefix": prefix, "visibility": visibility, "groups": groups,
            "interval": interval, "on_duplicate": on_duplicate, "enabled": enabled, "description": description,
        }  # fmt: skip
        return await self._connection.ask(Source, "POST", "/sources", body=body, key=key)

    @operation
    async def update(
        self, name: str, *, url: str | None = None, options: Json | None = None, secrets: Json | None = None,
        names: Sequence[str] | None = None, tags: Sequence[str] | None = None,
        namespace: Sequence[str] | None = None, prefix: str | None = None, visibility: Visibility | None = None,
        groups: Sequence[str] | None = None, interval: float | None = None,
        on_duplicate: OnDuplicate | None = None, enabled: bool | None = None, description: str | None = None,
    ) -> Source:  # fmt: skip
        """Change what is named of a source."""
        body = {
            "url": url, "options": options, "secrets": secrets, "names": names, "tags": tags,
            "namespace": namespace, "prefix": prefix, "visibility": visibility, "groups": groups,
            "interval": interval, "on_duplicate": on_duplicate, "enabled": enabled, "description": description,
        }  # fmt: skip
        return await self._connection.ask(Source, "PATCH", route("sources", name), body=body)

    @operation
    async def remove(self, name: str, *, dry_run: bool | None = None) -> RemovedSource:
        """Remove a source and what came from it; with `dry_run` only say what that is."""
        return await self._connection.ask(RemovedSource, "DELETE", route("sources", name), query={"dry_run": dry_run})

    @operation
    async def sync(
        self, name: str, *, dry_run: bool | None = None, cancel: bool | None = None, force: bool | None = None
    ) -> Sync:
        """Read a source now, or with `dry_run` say what that would do."""
        body = {"dry_run": dry_run, "cancel": cancel, "force": force}
        return await self._connection.ask(Sync, "POST", route("sources", name, "syncs"), body=body)

    @operation
    async def import_servers(
        self, *, documents: Sequence[Json] | None = None, url: str | None = None, source: str | None = None,
        names: Sequence[str] | None = None, filter: Sequence[str] | None = None, latest_only: bool | None = None,
        retire: bool | None = None, dry_run: bool | None = None,
    ) -> Run:  # fmt: skip
        """Bring servers in once, from `server.json` documents or from a registry."""
        body = {
            "documents": documents, "url": url, "source": source, "names": names, "filter": filter,
            "latest_only": latest_only, "retire": retire, "dry_run": dry_run,
        }  # fmt: skip
        return await self._connection.ask(Run, "POST", "/imports", body=body)


class Webhooks(Group[M]):
    """Who is told of events by HTTP."""

    @operation
    async def list(self) -> Sequence[Webhook]:
        """Every webhook."""
        return await self._connection.many(Webhook, "/webhooks", "webhooks")

    @operation
    async def create(
        self, name: str, url: str, *, events: Sequence[str] | None = None, kinds: Sequence[str] | None = None,
        paths: Sequence[str] | None = None, description: str | None = None, key: str | None = None,
    ) -> Webhook:  # fmt: skip
        """Make a webhook; its `secret` is shown this once."""
        body = {
            "name": name, "url": url, "events": events, "kinds": kinds, "paths": paths, "description": description,
        }  # fmt: skip
        return await self._connection.ask(Webhook, "POST", "/webhooks", body=body, key=key)

    @operation
    async def update(
        self, name: str, *, url: str | None = None, events: Sequence[str] | None = None,
        kinds: Sequence[str] | None = None, paths: Sequence[str] | None = None, description: str | None = None,
        active: bool | None = None,
    ) -> Webhook:  # fmt: skip
        """Change what is named of a webhook."""
        body = {
            "url": url, "events": events, "kinds": kinds, "paths": paths, "description": description,
            "active": active,
        }  # fmt: skip
        return await self._connection.ask(Webhook, "PATCH", route("webhooks", name), body=body)

    @operation
    async def delete(self, name: str) -> None:
        """Remove a webhook."""
        await self._connection.done("DELETE", route("webhooks", name))

    @operation
    async def deliveries(
        self, name: str, *, state: Literal["waiting", "delivered", "dead"] | None = None,
        since: datetime | None = None, until: datetime | None = None, limit: int | None = None,
    ) -> Sequence[Delivery]:  # fmt: skip
        """What was sent lately, and what waits."""
        query = {"state": state, "since": since, "until": until, "limit": limit}
        return await self._connection.many(Delivery, route("webhooks", name, "deliveries"), "deliveries", query)

    @operation
    async def replay(
        self, name: str, *, event: str | None = None, state: Literal["dead", "delivered", "all"] | None = None,
        since: datetime | None = None, until: datetime | None = None,
    ) -> int:  # fmt: skip
        """Send again what fits; how many that are."""
        body = {"event": event, "state": state, "since": since, "until": until}
        place = route("webhooks", name, "replays")
        return (await self._connection.ask(_Replayed, "POST", place, body=body)).replayed

    @operation
    async def rotate_secret(self, name: str, *, overlap_hours: float | None = None) -> Webhook:
        """Make another secret; the old one signs too for some hours."""
        place = route("webhooks", name, "secret", "rotations")
        return await self._connection.ask(Webhook, "POST", place, body={"overlap_hours": overlap_hours})

    @operation
    async def test(self, name: str) -> Attempt:
        """Send a test event and say what came of it."""
        return await self._connection.ask(Attempt, "POST", route("webhooks", name, "tests"))


class Index(Group[M]):
    """What search stands on."""

    @operation
    async def status(self) -> IndexStatus:
        """How the index is."""
        return await self._connection.ask(IndexStatus, "GET", "/index")

    @operation
    async def reindex(self, *, asset: str | None = None) -> Job:
        """Make the vectors of an asset, `kind/path`, or of all of them anew."""
        return await self._connection.ask(Job, "POST", "/index/jobs", body={"asset": asset})

    @operation
    async def switch_embedder(self, embedder: str) -> Job:
        """Go over to another model; searches are answered with the old one until all is ready."""
        return await self._connection.ask(Job, "PUT", "/index/embedder", body={"embedder": embedder})


class _Replayed(Answer):
    """How many deliveries were begun anew."""

    replayed: int
