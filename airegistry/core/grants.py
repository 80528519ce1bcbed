"""What a policy is written in: grants, scopes, groups, and the words that they may use."""

from collections.abc import Sequence
from typing import Literal, get_args

from pydantic import Field, ValidationInfo, field_validator

from airegistry.core.assets import MODELS, Model

Action = Literal[
    "list", "read", "call", "register", "update", "toggle", "refresh", "delete", "rate", "transition", "scan",
    "approve", "audit", "policy", "token", "provision",
]  # fmt: skip
ACTIONS = frozenset((*get_args(Action), "*", "all"))
KINDS = frozenset((*MODELS, "tool", "registry", "*", "all"))
HAVE_TOOLS = frozenset({"server", "virtual_server"})
"""The kinds that a grant on kind `tool` speaks of: it is a grant on parts of them."""

PARTIAL = frozenset({"list", "read", "call"})
"""Actions that a grant on some tools or methods carries; any other act is on the asset as a whole."""

ADMINISTRATION = frozenset({"policy", "token", "approve", "provision"})
"""Actions that a token has to carry by name: a person's everyday token does not."""

BASELINE: tuple[Action, ...] = ("list", "read", "rate")
DEFAULT_ACTIONS: tuple[Action, ...] = ("list", "read", "call")
IMPLIES: dict[str, tuple[Action, ...]] = {"call": ("read", "list"), "read": ("list",)}
LISTED_BY: dict[str, tuple[str, ...]] = {
    "tools/list": ("tools/call",),
    "prompts/list": ("prompts/get",),
    "resources/list": ("resources/read",),
    "resources/templates/list": ("resources/read",),
}
"""Methods that whoever may use another method of their family may use too."""

CALLS = frozenset(
    {
        "tools/call",
        "prompts/get",
        "resources/read",
        "resources/subscribe",
        "resources/unsubscribe",
        "completion/complete",
    }
)
"""Methods that need `call` on the tool, prompt or resource they name."""

ASKS = ("message/send", "message/stream")
"""Methods that put an agent to work; a skill is granted for one of them, or not at all."""

PLUMBING = frozenset(
    (
        "initialize ping server/discover logging/setLevel subscriptions/listen skills/list skills/get stream/open "
        "session/close"
    ).split()
)
"""Methods that need `read` alone, as notifications do. A method that is unknown here needs `call` on everything."""

EVERY_TOOL = ""
"""As a tool's name: all of them at once. Only a grant of all tools allows it, and a deny of any one denies it."""

REGISTRY = ("registry", "")
"""Kind and path that acts on the registry itself (policy, tokens, audit) are decided on."""

EVERYTHING = "mcp"
"""As a scope that a token carries: all that its subject is entitled to."""

ADMINISTERS = "mcp:admin"
"""As a scope that a token carries: administration, as far as its subject is entitled to it."""

ADMINISTRATORS = "administrators"
"""The group of the first start, which holds every right."""

RESERVED = frozenset({EVERYTHING, ADMINISTERS, "offline_access"})
"""Names that no scope of a policy may have: tokens carry them with a meaning of their own."""


def is_plumbing(method: str) -> bool:
    """Whether a method is what a connection is made of, and so comes with any grant to read."""
    return method in PLUMBING or method.startswith("notifications/")


def is_everything(globs: Sequence[str]) -> bool:
    """Whether one of these names everything of its sort."""
    return any(glob == "all" or (glob and not glob.strip("*")) for glob in globs)


class Grant(Model):
    """One rule of a scope. Globs follow `fnmatch`; a list that is left out means everything of its sort.

    `actions` left out means list, read and call for an allow, everything for a deny.
    """

    kinds: list[str] = Field(default=["*"])
    assets: list[str] = Field(default=["*"])
    methods: list[str] = Field(default=["*"])
    tools: list[str] = Field(default=["*"])
    actions: list[str] | None = None
    effect: Literal["allow", "deny"] = "allow"

    @field_validator("assets")
    @classmethod
    def _paths(cls, assets: list[str]) -> list[str]:
        """A path may carry one leading slash; another slash would match nothing, ever."""
        paths = [asset.removeprefix("/") for asset in assets]
        if wrong := [path for path in paths if "/" in path]:
            raise ValueError(f"{wrong[0]!r} is no path or glob of paths; kinds have a list of their own")
        return paths

    @field_validator("kinds", "actions")
    @classmethod
    def _known(cls, names: list[str] | None, field: ValidationInfo) -> list[str] | None:
        """A typing error would grant nothing, or worse deny nothing, without a word."""
        known = KINDS if field.field_name == "kinds" else ACTIONS
        if unknown := sorted({*(names or ())} - known):
            raise ValueError(f"{unknown[0]!r} is none of {', '.join(sorted(known))}")
        return names


class Scope(Model):
    """A named set of grants."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$")
    grants: list[Grant] = Field(default_factory=list)
    description: str = ""


class Group(Model):
    """A group of callers and the scopes it brings; its name is that of the identity provider's group."""

    name: str = Field(min_length=1, max_length=256)
    scopes: list[str] = Field(default_factory=list)
    description: str = ""
