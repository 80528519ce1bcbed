"""Users: who may sign in, in which groups, and with what."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from airegistry.core.directory import Directory
from airegistry.core.users import User
from airegistry.oauth.login.sessions import Sessions
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.shapes import Cursor, Done, Limit, Shape

Id = Annotated[
    str, Field(min_length=1, max_length=400, description="The user's id; `PROVIDER:SUB` for users of a provider.")
]


class UserShape(Shape):
    """A user: `groups` were given here, `provider_groups` by the identity provider at the last login.

    `provisioned` says how somebody stands whom the identity provider announced beforehand (SCIM): `active`, `inactive`
    or `removed`; null for others. `user_name` is the name it calls them, `provisioned_groups` are those groups that it
    put them into and that count.
    """

    id: str
    name: str
    email: str
    provider: str
    groups: list[str]
    provider_groups: list[str]
    provisioned_groups: list[str] = Field(default_factory=list)
    provisioned: Literal["active", "inactive", "removed"] | None = None
    user_name: str = ""
    active: bool
    has_password: bool
    second_factor: bool
    created_at: datetime
    login_at: datetime | None = None


class UserPage(Shape):
    """Users in order of id."""

    users: list[UserShape]
    next_cursor: str | None = None


class NewPassword(Shape):
    """That a password was set. `password` is there when it was generated; it is shown this once."""

    id: str
    password: str | None = None


class EndedSessions(Shape):
    """How many web sessions ended."""

    id: str
    sessions: int


class PeopleTools:
    """Tools for whoever looks after the users."""

    def __init__(self, directory: Directory, sessions: Sessions) -> None:
        self._directory = directory
        self._sessions = sessions

    @tool("Create or change a user", destructive=True, idempotent=True, needs="policy")
    async def put_user(
        self,
        id: Id,
        name: Annotated[str | None, Field(description="The person's name.")] = None,
        email: str | None = None,
        groups: Annotated[list[str] | None, Field(description="All groups given here; replaces those before.")] = None,
        password: Annotated[str | None, Field(description="A first or new password, of 8 to 1024 characters.")] = None,
        active: Annotated[bool | None, Field(description="False switches the user off, true on again.")] = None,
    ) -> UserShape:
        """Create a local user, or change of any user what is given; what is left out stays as it is.

        A user without a password cannot sign in until `set_user_password` gives one. Groups hold scopes: `put_group`
        defines them. Switching a user off, and a new password, end the user's sessions and tokens at once. Users of an
        identity provider come into being at their first login, or when it provisions them; groups, and whether they are
        active, are set here too. Whom the provider itself switched off it has to switch on.
        """
        user = await self._directory.put(
            current_principal(), id, name=name, email=email, groups=groups, password=password, active=active
        )
        return self._shape(user)

    @tool("List users", read_only=True, needs="policy")
    async def list_users(self, limit: Limit = 100, cursor: Cursor = None) -> UserPage:
        """Users in order of id, provisioned ones among them: their groups, whether they are active, have a password and
        a second factor, and when they last signed in; never a password. Give `next_cursor` as `cursor` for the next
        page."""
        users = await self._directory.users(current_principal(), after=cursor or "", limit=limit + 1)
        shown = users[:limit]
        cursor = shown[-1].id if users[limit:] else None
        return UserPage(users=[self._shape(user) for user in shown], next_cursor=cursor)

    @tool(
        "Remove a user",
        destructive=True,
        idempotent=True,
        needs="policy",
        confirm="Remove user '{id}'? Sessions and tokens end at once.",
    )
    async def delete_user(self, id: Id) -> Done:
        """Remove a user; sessions and tokens end at once. A user of a provider who signs in again comes back, without
        the groups given here: to keep somebody out, call `put_user` with `active` false."""
        await self._directory.remove(current_principal(), id)
        return Done()

    @tool("Set a user's password", destructive=True, needs="policy")
    async def set_user_password(
        self,
        id: Id,
        password: Annotated[str | None, Field(description="Leave out to have one generated.")] = None,
    ) -> NewPassword:
        """Give a local user a new password, for a first login or a forgotten one. Sessions and tokens end at once, and
        so does the wait after failed logins. A generated password is shown in this answer only; hand it over safely."""
        user, new = await self._directory.set_password(current_principal(), id, password)
        return NewPassword(id=user.id, password=new if password is None else None)

    @tool("Reset a second factor", destructive=True, idempotent=True, needs="policy")
    async def reset_second_factor(self, id: Id) -> UserShape:
        """Let a user sign in by the password alone, whose authenticator and recovery codes are lost. Make sure first
        that it is the user who asks for it."""
        return self._shape(await self._directory.reset_second_factor(current_principal(), id))

    @tool("End a user's sessions", destructive=True, idempotent=True, needs="policy")
    async def end_sessions(self, id: Id) -> EndedSessions:
        """Sign a user out everywhere: web sessions and tokens end at once, as after a lost laptop. The user may sign in
        again; to prevent it call `put_user` with `active` false."""
        open_ones = await self._sessions.of_user(id)
        user = await self._directory.log_out(current_principal(), id)
        await self._sessions.end_user(user.id)
        return EndedSessions(id=user.id, sessions=len(open_ones))

    def _shape(self, user: User) -> UserShape:
        said = user.scim
        standing: Literal["active", "inactive", "removed"] | None = None
        if said is not None:
            standing = "removed" if said.removed else "active" if said.active else "inactive"
        return UserShape(
            id=user.id, name=user.name, email=user.email, provider=user.provider, groups=user.groups,
            provider_groups=user.provider_groups, provisioned_groups=self._directory.provisioned_groups(user.id),
            provisioned=standing, user_name=said.user_name if said is not None else "", active=user.active,
            has_password=user.password_hash is not None, second_factor=user.second_factor,
            created_at=user.created_at, login_at=user.login_at,
        )  # fmt: skip
