"""A furnished registry, and every kind of caller with every shape of scope: for the engine, and for the reference."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from airegistry.core.assets import Prompt, Resource
from airegistry.core.grants import Group, Scope
from airegistry.core.principals import SYSTEM, Principal
from tests.core.wiring import World, asset, build
from tests.policy.reference import Caller, Policy, Reference, Thing, denies

READ_URI = "note://today"
TOOLS = ("get_rain", "set_rain")
PROMPT = "advice"
PARTS = (*TOOLS, PROMPT, READ_URI)

BASE = "base"
POLICY: Policy = {
    BASE: [{"actions": ["call"]}],
    "nothing": [],
    "administrator": [{"actions": ["*"]}],
    "administrator-all": [
        {"kinds": ["all"], "assets": ["all"], "methods": ["all"], "tools": ["**"], "actions": ["all"]}
    ],
    "calls-all": [{}],
    "by-path": [{"assets": ["open-server", "staff-server", "private-server"]}],
    "by-glob": [{"assets": ["staff-*", "privat[e]-server"], "actions": ["read"]}],
    "wild-globs": [{"assets": ["?*"]}, {"assets": ["[a-z]*"], "actions": ["update"]}],
    "some-tools": [{"assets": ["*-server"], "tools": ["get_*"]}],
    "no-tools": [{"assets": ["open-server", "private-server"], "tools": []}],
    "calls-only": [{"kinds": ["server"], "methods": ["tools/call"]}],
    "resources-only": [{"assets": ["staff-server", "open-server"], "methods": ["resources/*"]}],
    "prompts-and-tools": [
        {"tools": ["get_rain"]}, {"methods": ["prompts/*", "completion/complete"], "tools": [PROMPT]}
    ],
    "on-tools": [{"kinds": ["tool"], "assets": ["*-server"], "actions": ["*"]}],
    "on-skills": [{"kinds": ["skill", "agent"], "actions": ["*"]}],
    "reads": [{"assets": ["private-*"], "actions": ["read"]}],
    "lists": [{"assets": ["private-*"], "actions": ["list"]}],
    "changes": [{"assets": ["open-*", "staff-server"], "actions": ["update", "toggle", "refresh", "scan"]}],
    "part-of-all": [{"tools": ["get_rain"], "actions": ["*"]}, {"methods": ["tools/call"], "actions": ["*"]}],
    "registry": [{"kinds": ["registry"], "actions": ["policy", "token", "audit"]}],
    "hides": [{}, {"assets": ["open-server"], "effect": "deny"}],
    "hides-by-listing": [{"assets": ["*-server"]}, {"assets": ["open-*"], "actions": ["list"], "effect": "deny"}],
    "denies-a-tool": [{"assets": ["*"]}, {"tools": ["set_*"], "effect": "deny"}],
    "denies-tools": [{"assets": ["open-server"]}, {"kinds": ["tool"], "effect": "deny"}],
    "denies-a-method": [{}, {"methods": ["tools/call", "subscriptions/listen"], "effect": "deny"}],
    "denies-calls": [{"actions": ["*"]}, {"actions": ["call"], "effect": "deny"}],
    "denies-policy": [{"actions": ["*"]}, {"actions": ["policy", "delete"], "effect": "deny"}],
    "administrator-by-path": [{"actions": ["*"]}, {"assets": ["*-server"], "actions": ["update"]}],
    "reads-by-path": [{"tools": ["get_rain"], "actions": ["read"]}, {"assets": ["open-server"], "actions": ["update"]}],
    "hides-everything": [{"assets": ["*-server"]}, {"actions": ["list"], "effect": "deny"}],
    "denies-nothing": [{}, {"assets": [], "effect": "deny"}, {"tools": [], "effect": "deny"}],
}  # fmt: skip

AUDIENCES = {"open": "public", "staff": "group", "private": "private"}
OWNER = "user:owner"
THINGS = {
    f"{kind}/{name}-{kind}": Thing(
        kind, f"{name}-{kind}", visibility, frozenset({"staff"} if name == "staff" else ()),
        OWNER if name == "private" else "system",
    )
    for kind in ("server", "agent", "skill", "virtual_server") for name, visibility in AUDIENCES.items()
}  # fmt: skip
SERVERS = [it for it in THINGS.values() if it.kind == "server"]


@dataclass(frozen=True)
class Held:
    """A caller as the engine knows it and as the reference does."""

    name: str
    who: Principal
    caller: Caller


@dataclass
class Matrix:
    """The registry, the reference, and the callers."""

    world: World
    reference: Reference = field(default_factory=lambda: Reference(POLICY))
    callers: list[Held] = field(default_factory=list)

    def pairs(self) -> Iterator[tuple[Held, Thing]]:
        """Every caller with every asset."""
        return ((held, it) for held in self.callers for it in THINGS.values())


def agree(differences: list[str], cases: int, at_least: int) -> None:
    """The outcome of a block: every case as the reference says, and enough of them."""
    assert not differences, f"{len(differences)} of {cases} cases differ, as in {differences[:5]}"
    assert cases >= at_least


async def furnished() -> Matrix:
    """The registry with the policy and an asset of every kind and visibility in it."""
    world = await build()
    services = world.services
    for name, grants in POLICY.items():
        await services.policy.put_scope(SYSTEM, Scope.model_validate({"name": name, "grants": grants}))
        await services.policy.put_group(SYSTEM, Group(name=f"team-{name}", scopes=[name]))
    owner = Principal(OWNER, operator=True)
    for it in THINGS.values():
        more: Mapping[str, object] = {"visibility": it.visibility, "groups": sorted(it.groups)}
        who = owner if it.created_by == OWNER else SYSTEM
        if it.kind == "server":
            await world.put_server(it.path, TOOLS, who=who, **more)
            await _give_parts(world, it.path)
        else:
            await services.catalog.register(who, asset(it.kind, it.path, **more))
    matrix = Matrix(world)
    for shape in POLICY:
        matrix.callers += await _callers(world, shape)
    return matrix


async def _give_parts(world: World, path: str) -> None:
    """Prompts and resources, which the network of the tests does not have."""
    found = await world.shelf.get("server", path)
    assert found is not None
    parts = {"prompts": [Prompt(name=PROMPT)], "resources": [Resource(name="today", uri=READ_URI)]}
    await world.shelf.replace(found[0].model_copy(update=parts), found[1])


async def _callers(world: World, shape: str) -> list[Held]:
    """One caller of every kind, each of whom comes by the scope in a way of their own."""
    access, services = world.services.access, world.services
    team, scopes = frozenset({f"team-{shape}"}), frozenset({shape})
    denying = frozenset({shape} if any(denies(grant) for grant in POLICY[shape]) else ())
    narrow = access.narrowed(team, [BASE], frozenset({BASE}))
    _, token = await services.tokens.create(SYSTEM, f"bot-{shape}", groups=sorted(team), scopes=[], expires_in=60)
    static = services.tokens.resolve(token)
    assert static is not None

    def user(subject: str, groups: frozenset[str], *, administers: bool = True) -> Principal:
        return Principal(subject, "person", groups=groups, scopes=access.scopes_of(groups), administers=administers)

    narrowed = Principal(
        "user:narrow", "person", groups=team, scopes=narrow.scopes, withheld=narrow.withheld,
        restraints=narrow.restraints,
    )  # fmt: skip
    staff = team | {"staff"}
    return [
        Held(f"user with {shape}", user("user:full", team), Caller("user:full", team, scopes)),
        Held(f"member with {shape}", user("user:member", staff), Caller("user:member", staff, scopes)),
        Held(f"owner with {shape}", user(OWNER, team), Caller(OWNER, team, scopes)),
        Held(
            f"no administration with {shape}", user("user:everyday", team, administers=False),
            Caller("user:everyday", team, scopes, administers=False),
        ),
        Held(
            f"narrowed from {shape}", narrowed,
            Caller("user:narrow", team, frozenset({BASE}), denying if shape != BASE else frozenset()),
        ),
        Held(f"token with {shape}", static, Caller(f"token:bot-{shape}", team, scopes)),
        Held(
            f"client with {shape}", Principal("client:ci", scopes=access.scopes_of([], [shape])),
            Caller("client:ci", scopes=scopes),
        ),
        Held(
            f"operator beside {shape}", Principal("operator", scopes=scopes, operator=True),
            Caller("operator", scopes=scopes, operator=True),
        ),
        Held(f"nobody beside {shape}", Principal("user:nobody"), Caller("user:nobody")),
    ]  # fmt: skip
