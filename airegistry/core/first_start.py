"""What a new registry begins with: an administrator's scope and token, and the registry's own skills."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

import anyio

from airegistry.core.directory import Directory
from airegistry.core.documents import Document, DocumentStore
from airegistry.core.errors import Conflict
from airegistry.core.grants import ADMINISTRATORS, Grant, Group, Scope
from airegistry.core.intake import skill_fields
from airegistry.core.leases import LeaseLost
from airegistry.core.principals import SYSTEM
from airegistry.core.services import Services
from airegistry.core.validation import validated

ADMINISTRATOR = "administrator"
ADMIN = "admin"
META, DONE = "meta", "first_start"
A_YEAR = 365 * 86_400


@dataclass(frozen=True, slots=True)
class FirstStart:
    """What is seen this one time, as only hashes of it are kept: a token, and the password of the user `admin`.

    `new` is whether the registry was furnished just now.
    """

    token: str | None = None
    password: str | None = None
    new: bool = False


async def is_made(store: DocumentStore, *, mint: bool) -> bool:
    """Whether there is nothing left to do for `first_start`."""
    done = await store.get(META, DONE)
    return done is not None and (not mint or bool(done.body.get("minted")))


async def first_start(
    store: DocumentStore,
    services: Services,
    people: Directory,
    skills: Mapping[str, Mapping[str, str]],
    *,
    mint: bool,
    password: str | None = None,
) -> FirstStart:
    """Set a new registry up. A later start does what an earlier one was cut short of, or had no need to.

    `skills` maps a path to its files, SKILL.md among them. `password` is that of the first user, `admin`. With `mint`
    an administrator's token is made, and a password where none is given.

    Raises:
        Invalid: the password is none that may be used.
        LeaseLost: another process made it meanwhile.
    """
    done = await store.get(META, DONE)
    made = FirstStart(new=done is None)
    if done is None:
        if password is not None:
            await people.put(SYSTEM, ADMIN, groups=[ADMINISTRATORS], password=password)
        await _furnish(services, skills)
    minted = done is not None and bool(done.body.get("minted"))
    if mint and not minted:
        user_password = await _first_user(people, password, new=made.new)
        made = FirstStart(await _administrator(services), user_password, made.new)
    if done is None or made.token is not None:
        await _conclude(store, done, minted=minted or made.token is not None)
    return made


async def _conclude(store: DocumentStore, before: Document | None, *, minted: bool) -> None:
    """Write that it was made. Shielded: who is cancelled then would have made it, and shown nobody its token."""
    with anyio.CancelScope(shield=True):
        try:
            await store.put(
                META, DONE, {"version": 1, "minted": minted}, expect=0 if before is None else before.version
            )
        except Conflict:
            raise LeaseLost("another process made the first start meanwhile") from None


async def _first_user(people: Directory, password: str | None, *, new: bool) -> str | None:
    """A password for `admin`, unless one was given. One that a start cut short made, and nobody saw, is replaced."""
    if password is not None or not (new or people.known(ADMIN) is None):
        return None
    made = secrets.token_urlsafe(12)
    await people.put(SYSTEM, ADMIN, groups=[ADMINISTRATORS], password=made)
    return made


async def _furnish(services: Services, skills: Mapping[str, Mapping[str, str]]) -> None:
    grant = Grant(actions=["*"])
    scope = Scope(name=ADMINISTRATOR, grants=[grant], description="Every right on everything.")
    await services.policy.put_scope(SYSTEM, scope)
    await services.policy.put_group(SYSTEM, Group(name=ADMINISTRATORS, scopes=[ADMINISTRATOR]))
    for path, files in skills.items():
        companions = {name: text for name, text in files.items() if name != "SKILL.md"}
        skill = validated({**skill_fields(path, files["SKILL.md"], companions), "tags": ["airegistry"]})
        try:
            await services.catalog.register(SYSTEM, skill)
        except Conflict:
            continue  # an earlier first start was cut short here


async def _administrator(services: Services) -> str:
    """A new administrator's token. One that a start cut short minted, and nobody has seen, is revoked."""
    for record in await services.tokens.records(SYSTEM):
        if record.name == ADMINISTRATOR and record.revoked_at is None:
            await services.tokens.revoke(SYSTEM, record.id)
    _, token = await services.tokens.create(
        SYSTEM, ADMINISTRATOR, groups=[ADMINISTRATORS], scopes=[], expires_in=A_YEAR
    )
    return token
