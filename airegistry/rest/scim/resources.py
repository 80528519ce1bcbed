"""People and groups of the registry as resources of SCIM, and back."""

import zlib
from datetime import UTC, datetime

from pydantic import JsonValue

from airegistry.core.assets import Json
from airegistry.core.memberships import Memberships
from airegistry.core.provisioned import People, Person, ProvisionedGroup
from airegistry.core.provisioned_people import ID, ProvisionedPeople
from airegistry.core.users import User
from airegistry.rest.scim.schemas import GROUPS, USERS

OURS = ("schemas", "id", "meta", "groups", "userName", "externalId", "active")
"""Members of a user that are kept by themselves, or are the registry's to say."""


class Resources:
    """Shows them. `base` is the URL below which they are."""

    def __init__(self, base: str, people: ProvisionedPeople, memberships: Memberships) -> None:
        self.base = base
        self._people = people
        self._memberships = memberships

    def user(self, user: User) -> Json:
        """A person."""
        said = user.scim
        assert said is not None, "only who is provisioned is shown"
        groups = self._memberships.of(said.id)
        shown = kept_user(user) | {"id": said.id}
        shown["schemas"] = [USERS.schema, *(urn for urn in USERS.extensions if urn in shown)]
        if groups:
            shown["groups"] = [
                {"value": each.id, "$ref": f"{self.base}/Groups/{each.id}", "display": each.name, "type": "direct"}
                for each in groups
            ]
        mark = zlib.crc32("\n".join(f"{each.id} {each.name}" for each in groups).encode())
        version = f'W/"{said.revision}.{mark:x}"' if groups else f'W/"{said.revision}"'
        shown["meta"] = self._meta("User", f"/Users/{said.id}", said.created_at, said.updated_at, version)
        return shown

    def group(self, group: ProvisionedGroup, *, members: bool = True) -> Json:
        """A group, with its members where they are asked for."""
        shown: Json = {"schemas": [GROUPS.schema], "id": group.id, "displayName": group.name}
        if group.external_id:
            shown["externalId"] = group.external_id
        listed = [found for id_ in group.members if (found := self._member(id_)) is not None] if members else []
        if listed:
            shown["members"] = [*listed]
        version = f'W/"{group.revision}"'
        shown["meta"] = self._meta("Group", f"/Groups/{group.id}", group.created_at, group.updated_at, version)
        return shown

    def _member(self, id_: str) -> Json | None:
        """A member; None for one who was removed."""
        known = self._people.known(ID, id_)
        said = known[0].scim if known else None
        if said is None or said.removed:
            return None
        return {"value": id_, "$ref": f"{self.base}/Users/{id_}", "type": "User"}

    def _meta(self, kind: str, path: str, created: datetime, changed: datetime, version: str) -> Json:
        return {
            "resourceType": kind, "created": _time(created), "lastModified": _time(changed),
            "location": f"{self.base}{path}", "version": version,
        }  # fmt: skip


def kept_user(user: User) -> Json:
    """What was said of a person, as clients write it."""
    said = user.scim
    assert said is not None, "only of who is provisioned something is said"
    shown: Json = {**said.attributes, "userName": said.user_name, "active": said.active}
    if said.external_id:
        shown["externalId"] = said.external_id
    return shown


def kept_group(group: ProvisionedGroup) -> Json:
    """A group as clients write it."""
    shown: Json = {"displayName": group.name, "members": [{"value": id_} for id_ in group.members]}
    if group.external_id:
        shown["externalId"] = group.external_id
    return shown


def person_of(resource: Json) -> Person:
    """What a resource, as it is kept, says of a person."""
    active = resource.get("active")
    return Person(
        user_name=_text(resource.get("userName")), external_id=_text(resource.get("externalId")),
        active=active if isinstance(active, bool) else None, name=_name(resource), email=_email(resource),
        attributes={name: value for name, value in resource.items() if name not in OURS},
    )  # fmt: skip


def people_of(resource: Json) -> People:
    """What a resource, as it is kept, says of a group."""
    members = resource.get("members")
    listed = members if isinstance(members, list) else []
    ids = [_text(each.get("value")) for each in listed if isinstance(each, dict)]
    return People(
        name=_text(resource.get("displayName")), external_id=_text(resource.get("externalId")), members=tuple(ids)
    )


def _name(resource: Json) -> str:
    name = resource.get("name")
    parts = name if isinstance(name, dict) else {}
    both = " ".join(part for key in ("givenName", "familyName") if (part := _text(parts.get(key))))
    return _text(resource.get("displayName")) or _text(parts.get("formatted")) or both


def _email(resource: Json) -> str:
    """The first choice of the addresses, else the first one of work, else the first; what is none is left out."""
    emails = resource.get("emails")
    listed = [each for each in emails if isinstance(each, dict)] if isinstance(emails, list) else []
    ordered = sorted(listed, key=lambda each: (each.get("primary") is not True, each.get("type") != "work"))
    found = _text(ordered[0].get("value")) if ordered else ""
    return found if len(found) <= 320 and found.isprintable() else ""


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
