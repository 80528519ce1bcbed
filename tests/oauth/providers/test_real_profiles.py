"""Each vendor's shape on npm `oidc-provider`, a certified one: login, groups, logout."""

import pytest

from tests.oauth.providers.op import TENANT, Json, Op, person
from tests.oauth.providers.world import World

pytestmark = [pytest.mark.anyio, pytest.mark.node]

WHO: Json = {"name": "Alice Adams", "email": "alice@example.test", "email_verified": True}
DN = "CN=devs,OU=Groups,DC=example,DC=test"
SHAPES: dict[str, tuple[Json, Json, list[str]]] = {
    "oidc": ({"groups": ["devs", "admins"]}, {}, ["admins", "devs"]),
    "keycloak": ({"groups": ["/devs", "/staff"]}, {}, ["/devs", "/staff"]),
    "keycloak-roles": (
        {
            "realm_access": {"roles": ["auditor"]},
            "resource_access": {"registry": {"roles": ["devs"]}, "x": {"roles": ["no"]}},
        },
        {},
        ["auditor", "devs"],
    ),
    "okta": ({}, {"groups": ["Everyone", "devs"]}, ["Everyone", "devs"]),
    "auth0": ({"https://airegistry/groups": ["devs"]}, {}, ["devs"]),
    "ping": ({"memberOf": [DN, "CN=R\\, D,DC=example"]}, {}, ["R, D", "devs"]),
    "entra": (
        {"groups": ["0f5e5a2c-0000-4000-8000-000000000001"], "tid": TENANT},
        {},
        ["0f5e5a2c-0000-4000-8000-000000000001"],
    ),
}
PATHS = {"keycloak": "/realms/x", "keycloak-roles": "/realms/y", "entra": f"/{TENANT}/v2.0", "auth0": "/auth0"}


async def ready(registry: World, op: Op, name: str) -> None:
    """A provider of a shape, started, and known to the registry."""
    id_token, userinfo, _ = SHAPES[name]
    users = {"alice": person({**WHO, **id_token}, {**WHO, **id_token, **userinfo})}
    profile = name.partition("-")[0]
    issuer = op.add(name, PATHS.get(name, f"/{name}"), users, slash=name == "auth0")
    op.start()
    await registry.put(name, issuer, profile=profile)


@pytest.mark.parametrize("name", SHAPES)
async def test_a_person_logs_in_and_brings_the_groups_of_the_provider(registry: World, op: Op, name: str) -> None:
    await ready(registry, op, name)
    session = await registry.login(name)
    user = registry.directory.known(f"{name}:alice")
    assert user is not None
    assert (user.name, user.email, user.provider_groups) == ("Alice Adams", "alice@example.test", SHAPES[name][2])
    assert (session.user, session.provider, session.provider_sub) == (user.id, name, "alice")
    [login] = await registry.logins()
    assert (login.subject, login.decision, login.outcome) == (f"user:{name}:alice", "allow", "ok")
