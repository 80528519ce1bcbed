"""Brings a realm of Keycloak to what the registry wants: what is missing is made, what differs is changed."""

from dataclasses import dataclass
from typing import Literal

from airegistry.cli.setup.keycloak_admin import KeycloakAdmin, realm_path
from airegistry.cli.setup.keycloak_wanted import Wanted, added, differing, merged
from airegistry.cli.values import Json

Did = Literal["created", "updated", "unchanged"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing, what was done to it, the fields that were not as wanted, and what others added to it and stays."""

    kind: str
    name: str
    did: Did
    fields: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    def json(self) -> Json:
        """As `--json` prints it."""
        return {"kind": self.kind, "name": self.name, "did": self.did, "fields": [*self.fields], "kept": [*self.kept]}


class Realm:
    """A realm that is being set up. With `dry_run` everything is looked at and nothing changed."""

    def __init__(self, admin: KeycloakAdmin, wanted: Wanted, *, dry_run: bool) -> None:
        self._admin = admin
        self._wanted = wanted
        self._dry = dry_run
        self._path = realm_path(wanted.realm)

    async def bring(self) -> list[Step]:
        """Do it, and say what was done.

        Raises:
            NoAnswer, Refused: Keycloak does not answer, or says no; what was done before stays.
        """
        there = await self._admin.realm(self._wanted.realm)
        steps = [await self._one("realm", self._wanted.realm, "", self._path, self._wanted.realm_fields(), there)]
        absent = there is None and self._dry
        for name in self._wanted.groups:
            known = None if absent else await self._admin.group(self._wanted.realm, name)
            # A group is its name alone: what an administrator gave it besides is not ours to change.
            steps.append(await self._one("group", name, f"{self._path}/groups", "", {"name": name}, known))
        for name, fields in self._wanted.clients().items():
            steps += await self._client(name, fields, absent=absent)
        return steps

    async def secret(self, client: str) -> str:
        """The secret of a client that was set up."""
        return await self._admin.secret(self._wanted.realm, await self._uuid(client))

    async def _client(self, name: str, fields: Json, *, absent: bool) -> list[Step]:
        realm, place = self._wanted.realm, f"{self._path}/clients"
        known = None if absent else await self._admin.client(realm, name)
        steps = [await self._one("client", name, place, f"{place}/{_id(known)}", fields, known)]
        uuid = _id(known) if known is not None or self._dry else await self._uuid(name)
        there = await self._admin.mappers(realm, uuid) if uuid else []
        place = f"{place}/{uuid}/protocol-mappers/models"
        for mapper, wanted in self._wanted.mappers(name).items():
            has = next((each for each in there if each.get("name") == mapper), None)
            steps.append(await self._one("mapper", f"{name}/{mapper}", place, f"{place}/{_id(has)}", wanted, has))
        return steps

    async def _one(self, kind: str, name: str, place: str, path: str, wanted: Json, there: Json | None) -> Step:
        """Make it at `place`, or correct it at `path`."""
        if there is None:
            if not self._dry:
                await self._admin.create(place, wanted)
            return Step(kind, name, "created")
        kept = tuple(added(wanted, there))
        if not (fields := differing(wanted, there)):
            return Step(kind, name, "unchanged", kept=kept)
        if not self._dry:
            await self._admin.update(path, merged(wanted, there))
        return Step(kind, name, "updated", tuple(fields), kept)

    async def _uuid(self, client: str) -> str:
        return _id(await self._admin.client(self._wanted.realm, client))


def _id(there: Json | None) -> str:
    return "" if there is None else str(there.get("id"))
