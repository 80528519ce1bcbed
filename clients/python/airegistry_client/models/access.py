"""Who may do what, and by which credentials."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue

from airegistry_client.models.answer import Answer


class Grant(Answer):
    """One rule of a scope. Globs follow `fnmatch`; a list that is left out means everything of its sort.

    `actions` left out means list, read and call for an allow, everything for a deny.
    """

    kinds: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    actions: tuple[str, ...] | None = None
    effect: str = "allow"


class Scope(Answer):
    """A named set of grants."""

    name: str
    grants: tuple[Grant, ...] = ()
    description: str = ""


class Group(Answer):
    """A group of callers and the scopes it brings; its name is that of the identity provider's group."""

    name: str
    scopes: tuple[str, ...] = ()
    description: str = ""


class Policy(Answer):
    """Scopes and groups in force."""

    scopes: tuple[Scope, ...]
    groups: tuple[Group, ...]


class Rule(Answer):
    """A grant: `grant` counts those of the scope from 0; `effect` is `allow` or `deny`."""

    scope: str
    grant: int
    effect: str


class Explanation(Answer):
    """Whether somebody may do something, which rule decided, and what would help.

    `via` are the groups through which the subject holds the rule's scope; empty when it holds it directly.
    `visibility` says why the subject may know of the asset, or not. `stops` is what keeps a call from going out
    whatever the rules say. `step_up` are scopes that a broader token of the same subject would carry.
    """

    allowed: bool
    reason: str
    missing: tuple[str, ...]
    step_up: tuple[str, ...]
    rule: Rule | None
    via: tuple[str, ...]
    visibility: str
    stops: tuple[str, ...]


class Reach(Answer):
    """One asset: `why` it may be known of, the `actions` allowed on it, and which `tools` (of an agent: skills) may be
    called, of how many `parts`. One that a denial hides is `hidden`.
    """

    kind: str
    path: str
    name: str
    stage: str
    enabled: bool
    visibility: str
    why: str
    hidden: bool
    actions: tuple[str, ...]
    tools: tuple[str, ...]
    parts: int


class AccessPreview(Answer):
    """A page of assets in order of path. `total` counts those of all pages, `callable` those of which something may be
    called.
    """

    assets: tuple[Reach, ...]
    total: int
    callable: int
    next_cursor: str | None = None


class ScopeImport(Answer):
    """What was taken over, or would be; `notes` name what was left out and what became wider."""

    scopes: tuple[Scope, ...]
    groups: tuple[Group, ...]
    notes: tuple[str, ...]
    dry_run: bool


class Token(Answer):
    """What is known of a token; the token itself is not kept."""

    id: str
    name: str
    groups: tuple[str, ...]
    scopes: tuple[str, ...]
    restraints: tuple[str, ...]
    created_by: str
    created_at: datetime
    expires_at: datetime
    subject: str
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


class NewToken(Answer):
    """A new token, shown this once, and the scopes it carries."""

    id: str
    token: str
    name: str
    expires_at: datetime
    scopes: tuple[str, ...] = ()


class User(Answer):
    """A user: `groups` were given here, `provider_groups` by the identity provider at the last login.

    `provisioned` says how somebody stands whom the identity provider announced beforehand (SCIM): `active`, `inactive`
    or `removed`; None for others. `user_name` is the name it calls them, `provisioned_groups` are those of the groups
    it put them into that count.
    """

    id: str
    name: str
    email: str
    provider: str
    groups: tuple[str, ...]
    provider_groups: tuple[str, ...]
    active: bool
    has_password: bool
    second_factor: bool
    created_at: datetime
    login_at: datetime | None = None
    provisioned_groups: tuple[str, ...] = ()
    provisioned: str | None = None
    user_name: str = ""


class EndedSessions(Answer):
    """How many web sessions ended."""

    id: str
    sessions: int


class NewPassword(Answer):
    """That a password was set. `password` is there when it was generated; it is shown this once."""

    id: str
    password: str | None = None


class OAuthClient(Answer):
    """What is known of a client; its secret is not kept."""

    client_id: str
    origin: str
    client_name: str
    redirect_uris: tuple[str, ...]
    grant_types: tuple[str, ...]
    token_endpoint_auth_method: str
    application_type: str
    groups: tuple[str, ...]
    scopes: tuple[str, ...]
    active: bool
    created_at: datetime
    created_by: str
    jwks: Mapping[str, JsonValue] | None = None
    jwks_uri: str | None = None
    client_uri: str | None = None
    logo_uri: str | None = None
    used_at: datetime | None = None
    expires_at: datetime | None = None


class NewClient(Answer):
    """A client as it is now. `client_secret` is there when a new one was made, and shown this once."""

    client: OAuthClient
    client_secret: str | None = None


class IdentityProvider(Answer):
    """An identity provider; its secret is never shown. `fixed` are those of the settings, which tools do not change."""

    name: str
    profile: str
    title: str
    issuer: str
    client_id: str
    scopes: tuple[str, ...]
    group_filter: tuple[str, ...]
    group_map: Mapping[str, str]
    email_domains: tuple[str, ...]
    tenants: tuple[str, ...]
    api: str
    enabled: bool
    token_endpoint_auth_method: str | None = None
    groups_claim: str | None = None
    dn_to_cn: bool | None = None
    max_age: int | None = None
    logout_endpoint: str | None = None
    fixed: bool = False


class ProviderTest(Answer):
    """What a provider answered. `problems` is empty when a login can begin there.

    `redirect_uri` and `backchannel_logout_uri` are to be registered at the provider.
    """

    name: str
    issuer: str
    redirect_uri: str
    backchannel_logout_uri: str
    endpoints: Mapping[str, str]
    algorithms: tuple[str, ...]
    keys: int
    problems: tuple[str, ...]


class TrustedIssuer(Answer):
    """A trusted issuer. `fixed` are those of the settings, which tools do not change."""

    name: str
    issuer: str
    accepts: tuple[str, ...]
    audiences: tuple[str, ...]
    algorithms: tuple[str, ...]
    subject_claim: str
    groups: tuple[str, ...]
    group_map: Mapping[str, tuple[str, ...]]
    group_filter: tuple[str, ...]
    scopes: tuple[str, ...]
    required_claims: Mapping[str, JsonValue]
    leeway: int
    active: bool
    jwks_uri: str | None = None
    groups_claim: str | None = None
    scopes_claim: str | None = None
    fixed: bool = False


class Credential(Answer):
    """A credential without its secrets, and the origin it is sent to. `current`: the asset is reached there now."""

    origin: str
    current: bool
    credential: Mapping[str, JsonValue]
    set_by: str
    set_at: datetime


class Credentials(Answer):
    """The credentials of one asset: one for each origin."""

    path: str
    credentials: tuple[Credential, ...]


class RotatedSecretKey(Answer):
    """How far the change of the key is: done when there is one key, else the registry finishes it by itself."""

    keys: int
    resealed: int
    done: bool


class Limit(Answer):
    """A limit. Lists are globs; `subjects` match callers, `assets` match `path` or `kind/path`, `tools` match tools,
    prompts, resources (by URI) and skills of agents. Each combination of what `per` names is counted for itself.

    `calls` in `seconds` is a token bucket of `burst` tokens, as many as `calls` unless given. `concurrent` are calls at
    once, `streams` event streams at once. `methods` left out means calls of tools, prompts, resources and completions,
    and every message to an agent.
    """

    name: str
    subjects: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    methods: tuple[str, ...] | None = None
    per: tuple[str, ...] = ()
    calls: int | None = None
    seconds: float = 60.0
    burst: int | None = None
    concurrent: int | None = None
    streams: int | None = None
    description: str = ""


class Quarantine(Answer):
    """What was cut off; `ended` counts the calls and streams that were under way."""

    kind: str
    id: str
    reason: str
    since: datetime
    by: str
    ended: int = 0


class Caller(Answer):
    """Who you are here. `actions` are what you may do on something at least."""

    subject: str
    kind: str
    groups: tuple[str, ...]
    scopes: tuple[str, ...]
    actions: tuple[str, ...]
    url: str
    gateway_url: str
    version: str
    client: str = ""
