"""What a new registry begins with: an administrator's scope and token, and the registry's own skills."""

from collections.abc import Mapping

from airegistry.core.access import Grant, Group, Scope
from airegistry.core.documents import DocumentStore
from airegistry.core.errors import Conflict
from airegistry.core.intake import skill_fields
from airegistry.core.principals import SYSTEM
from airegistry.core.services import Services
from airegistry.core.validation import validated

ADMINISTRATOR = "administrator"
META, DONE = "meta", "first_start"
A_YEAR = 365 * 86_400


async def first_start(
    store: DocumentStore, services: Services, skills: Mapping[str, Mapping[str, str]], *, mint: bool
) -> str | None:
    """Set a new registry up. A later start does what an earlier one was cut short of, or had no need to.

    `skills` maps a path to its files, SKILL.md among them. Returns the administrator's token when one was minted:
    it is kept as a hash only, and this is the one time it is seen.
    """
    done = await store.get(META, DONE)
    if done is None:
        await _furnish(services, skills)
    minted = done is not None and bool(done.body.get("minted"))
    token = await _administrator(services) if mint and not minted else None
    if done is None or token is not None:
        await store.put(META, DONE, {"version": 1, "minted": minted or token is not None})
    return token


async def _furnish(services: Services, skills: Mapping[str, Mapping[str, str]]) -> None:
    grant = Grant(actions=["*"])
    scope = Scope(name=ADMINISTRATOR, grants=[grant], description="Every right on everything.")
    await services.policy.put_scope(SYSTEM, scope)
    await services.policy.put_group(SYSTEM, Group(name="administrators", scopes=[ADMINISTRATOR]))
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
        SYSTEM, ADMINISTRATOR, groups=["administrators"], scopes=[], expires_in=A_YEAR
    )
    return token
