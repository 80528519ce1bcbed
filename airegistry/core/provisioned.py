"""What an identity provider says of people and groups beforehand (SCIM 2.0, RFC 7643), as it is kept."""

from dataclasses import dataclass, field
from datetime import datetime

from pydantic import Field

from airegistry.core.assets import Json, Model
from airegistry.core.errors import Conflict, Invalid

UNMET = "scim"
"""The provider of users who have not signed in yet; their ids are `scim:ID`."""
MAX_TEXT, MAX_MEMBERS = 256, 50_000


class Taken(Conflict):
    """Another one has this name, which only one may have."""


class Provisioned(Model):
    """What is said of a person. `id` is the one of SCIM, and never another's.

    `key` is the name as it is compared. `attributes` are all others, as SCIM has them. `revision` grows with each
    change. Of somebody who was removed there is left what a login is known by.
    """

    id: str
    user_name: str
    key: str
    external_id: str = ""
    email: str = ""
    active: bool = True
    removed: bool = False
    attributes: Json = Field(default_factory=dict)
    revision: int = 1
    created_at: datetime
    updated_at: datetime

    @property
    def let_in(self) -> bool:
        """Whether the person may sign in, as far as whoever provisions it is concerned."""
        return self.active and not self.removed


class ProvisionedGroup(Model):
    """A group and who is in it, by the ids of SCIM."""

    id: str
    name: str
    external_id: str = ""
    members: list[str] = Field(default_factory=list)
    revision: int = 1
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Person:
    """What somebody wants said of a person. `active` None leaves it as it is."""

    user_name: str
    external_id: str = ""
    active: bool | None = None
    name: str = ""
    email: str = ""
    attributes: Json = field(default_factory=dict)

    def check(self) -> None:
        """Refuse what cannot be kept.

        Raises:
            Invalid: a name is empty, too long or cannot be printed.
        """
        check_text("userName", self.user_name, least=1)
        check_text("externalId", self.external_id)


@dataclass(frozen=True, slots=True)
class People:
    """What somebody wants said of a group."""

    name: str
    external_id: str = ""
    members: tuple[str, ...] = ()

    def check(self) -> None:
        """Refuse what cannot be kept.

        Raises:
            Invalid: a name is empty, too long or cannot be printed, or there are too many members.
        """
        check_text("displayName", self.name, least=1)
        check_text("externalId", self.external_id)
        if len(self.members) > MAX_MEMBERS:
            raise Invalid(f"a group has at most {MAX_MEMBERS} members", field="members")


def folded(name: str) -> str:
    """A name as it is compared where case does not count."""
    return name.casefold()


def check_text(field_: str, text: str, *, least: int = 0) -> None:
    """Refuse a text that is no name.

    Raises:
        Invalid: it is none.
    """
    if not least <= len(text) <= MAX_TEXT or not text.isprintable() or text != text.strip():
        raise Invalid(f"{field_} has {least} to {MAX_TEXT} printable characters, no space around them", field=field_)
