"""What agentic-community/mcp-gateway-registry (the peer) keeps, as calls of this registry's tools that take it over.

Everything goes the way of every registration: gate, scan, duplicates, the caller's rights and the audit trail. Nothing
is widened without a word: what has no like here is left out and named, and what only part of the callers saw there is
seen by no more of them here. Ratings, health and scan results are not taken over: they are others' words about it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from airegistry.core.documents import Json

Documents = Mapping[str, Sequence[Json]]
TOO_MANY_TAGS = 64
_NOT_OF_PATHS = re.compile(r"[^a-z0-9._-]+")
_VERSION = re.compile(r"^(?P<path>.*):(?P<version>[^:/]+)$")
AUDIENCES = {"public": "public", "group-restricted": "group", "group": "group"}
"""The peer's visibilities and ours; any other is `private`."""
OF_CARDS = (
    "protocol_version name description url version capabilities default_input_modes default_output_modes skills "
    "preferred_transport provider icon_url documentation_url security_schemes security additional_interfaces "
    "supports_authenticated_extended_card signatures"
).split()
"""Members of an agent card, in the peer's spelling; the others are the peer's own."""

SPELLED = {
    "in_": "in", "input_modes": "inputModes", "output_modes": "outputModes", "bearer_format": "bearerFormat",
    "openid_connect_url": "openIdConnectUrl", "push_notifications": "pushNotifications",
    "state_transition_history": "stateTransitionHistory", "authorization_code": "authorizationCode",
    "client_credentials": "clientCredentials", "authorization_url": "authorizationUrl", "token_url": "tokenUrl",
    "refresh_url": "refreshUrl", "protocol_binding": "protocolBinding",
}  # fmt: skip
"""Members inside a card, in the peer's spelling and in that of A2A. Other names may be data, as those of schemes."""

FIELD_TYPES: Mapping[str, Json] = {
    "string": {"type": "string"}, "text": {"type": "string"}, "number": {"type": "number"}, "bool": {"type": "boolean"},
    "date": {"type": "string", "format": "date"}, "array<string>": {"type": "array", "items": {"type": "string"}},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One thing of the peer: the call that takes it over, and the calls after it. `refusal` says why there is none.

    `otherwise` are arguments to try when the backend does not answer.
    """

    sort: str
    name: str
    tool: str = ""
    arguments: Json = field(default_factory=dict)
    then: Sequence[tuple[str, Json]] = ()
    otherwise: Json | None = None
    notes: Sequence[str] = ()
    refusal: str = ""


class _Left(Exception):
    """Why something cannot be taken over."""


def steps(documents: Documents) -> Iterator[Step]:
    """What is to be done, in an order in which it can be."""
    if scopes := documents.get("scope"):
        found: list[JsonValue] = [*scopes]
        yield Step("scope", f"{len(scopes)} scopes", "import_scopes", {"document": found, "dry_run": False})
    taken: set[tuple[str, str, str]] = set()
    for sort, make in MAKERS.items():
        for document in documents.get(sort, ()):
            yield _step(sort, document, make, taken)


def _step(sort: str, document: Json, make: Callable[[Json], Step], taken: set[tuple[str, str, str]]) -> Step:
    name = str(document.get("_id") or document.get("path") or document.get("name") or "?")
    try:
        if isinstance(document.get("sync_metadata"), dict) and document["sync_metadata"]:
            raise _Left("it was synchronized from yet another registry: connect that one")
        step = make(document)
    except _Left as left:
        return Step(sort, name, refusal=str(left))
    space = "server" if sort in {"server", "virtual server"} else sort
    place = (space, str(step.arguments.get("path", step.arguments.get("name"))), str(step.arguments.get("version", "")))
    if place in taken:
        return Step(sort, name, refusal=f"its path here, {place[1]}, is that of something before it")
    taken.add(place)
    return step


def path_of(raw: str, *, prefix: str = "") -> tuple[str, list[str]]:
    """A path of ours for one of the peer's, and what has to be said of it."""
    bare = raw.strip("/").removeprefix(prefix)
    path = _NOT_OF_PATHS.sub("-", bare.lower()).strip("-._")[:64]
    if not path:
        raise _Left(f"{raw!r} makes no path")
    return path, [] if path == bare else [f"{raw} becomes {path}"]


def _server(document: Json) -> Step:
    raw = str(document.get("_id") or document.get("path") or "")
    version = _text(document, "version")
    if of_version := _VERSION.match(raw):
        raw, version = of_version["path"], of_version["version"]
    path, notes = path_of(raw)
    arguments: Json = {
        "name": (_text(document, "server_name") or path)[:200], "path": path,
        "description": _text(document, "description"), "tools": _tools(document), **_shared(document, notes),
        **_where(document, notes),
    }  # fmt: skip
    if version:
        arguments["version"] = version.removeprefix("v")
    if _text(document, "auth_scheme") not in {"", "none"} or document.get("headers"):
        notes.append("its credential is sealed with the peer's key: set it anew")
    then: list[tuple[str, Json]] = []
    if document.get("is_enabled") is not True and not of_version:
        then.append(("toggle_service", {"path": path, "enabled": False}))
    remote = "url" in arguments
    otherwise: Json | None = {**arguments, "fetch": False} if remote else None
    if remote:
        del arguments["tools"]
    return Step("server", raw, "register_service", arguments, then, otherwise, notes)


def _where(document: Json, notes: list[str]) -> Json:
    """How a server is reached, or started."""
    if _text(document, "deployment") == "local":
        return _recipe(_object(document, "local_runtime"), notes)
    transports = document.get("supported_transports")
    sse = isinstance(transports, list) and bool(transports) and "streamable-http" not in transports
    url = _text(document, "sse_endpoint" if sse else "mcp_endpoint")
    if not url:
        base = _text(document, "proxy_pass_url")
        if not base:
            raise _Left("it has no URL")
        end = "sse" if sse else "mcp"
        url = base if base.rstrip("/").endswith(f"/{end}") else f"{base.rstrip('/')}/{end}"
        if url != base:
            notes.append(f"its endpoint is taken to be {url}, as the peer does")
    return {"url": url, "transport": "sse" if sse else "streamable-http"}


def _recipe(runtime: Json, notes: list[str]) -> Json:
    kind, package = _text(runtime, "type"), _text(runtime, "package")
    given = runtime.get("args")
    args: list[JsonValue] = [str(each) for each in given] if isinstance(given, list) else []
    if not kind or not package:
        raise _Left("it is local and has no recipe")
    env = sorted(_object(runtime, "env"))
    if env:
        notes.append("values of its environment are left out, their names are kept")
    command, before = {"docker": ("docker", ["run", "-i", "--rm", package]), "command": (package, [])}.get(
        kind, (kind, [package])
    )
    names: list[JsonValue] = [*env]
    return {"transport": "stdio", "command": command, "args": [*before, *args], "env": names}


def _tools(document: Json) -> list[JsonValue]:
    listed = document.get("tool_list")
    tools: list[JsonValue] = []
    for tool in listed if isinstance(listed, list) else []:
        if isinstance(tool, dict) and isinstance(tool.get("name"), str):
            schema = tool.get("inputSchema") or tool.get("schema") or {"type": "object"}
            parsed = tool.get("parsed_description")
            said = parsed.get("main") if isinstance(parsed, dict) else tool.get("description")
            tools.append({"name": tool["name"], "description": str(said or ""), "inputSchema": schema})
    return tools


def _agent(document: Json) -> Step:
    path, notes = path_of(str(document.get("_id") or document.get("path") or ""), prefix="agents/")
    _check_enabled(document)
    known = {camel(name): name for name in OF_CARDS}
    card = {
        shown: _cased(value)
        for shown, name in known.items()
        if (value := document.get(name, document.get(shown))) is not None
    }
    shared = _shared(document, notes)
    arguments: Json = {"path": path, "card": card, **_governed(shared)}
    return Step("agent", path, "register_agent", arguments, notes=notes)


def _skill(document: Json) -> Step:
    path, notes = path_of(str(document.get("_id") or document.get("path") or ""), prefix="skills/")
    _check_enabled(document)
    content = _text(document, "skill_md_content")
    url = _text(document, "skill_md_raw_url") or _text(document, "skill_md_url")
    if not content and not url:
        raise _Left("it has neither content nor URL")
    if _text(document, "auth_scheme") not in {"", "none"}:
        notes.append("its credential is sealed with the peer's key; what is not public cannot be read without it")
    source: Json = {"content": content} if content else {"url": url}
    arguments: Json = {"path": path, **source, **_governed(_shared(document, notes))}
    return Step("skill", path, "register_skill", arguments, notes=notes)


def _virtual(document: Json) -> Step:
    path, notes = path_of(str(document.get("_id") or document.get("path") or ""), prefix="virtual/")
    overrides = {
        str(each.get("tool_alias")): _texts(each, "required_scopes")
        for each in _objects(document, "tool_scope_overrides")
    }
    tools: list[JsonValue] = []
    for mapping in _objects(document, "tool_mappings"):
        name, alias = _text(mapping, "tool_name"), _text(mapping, "alias")
        scopes = {*_texts(document, "required_scopes"), *overrides.get(alias or name, ())}
        if len(scopes) > 1:
            notes.append(f"tool {alias or name!r} is left out: it wants several scopes at once, which has no like here")
            continue
        tool: Json = {"server": path_of(_text(mapping, "backend_server_path"))[0], "tool": name}
        further = {
            "alias": alias, "version": _text(mapping, "backend_version").removeprefix("v"),
            "description": _text(mapping, "description_override"),
        }  # fmt: skip
        tools.append({**tool, **{key: value for key, value in further.items() if value}, "scopes": sorted(scopes)})
    if not tools:
        raise _Left("it has no tool that can be taken over")
    arguments: Json = {
        "path": path, "name": (_text(document, "server_name") or path)[:200],
        "description": _text(document, "description"), "tools": tools, **_shared(document, notes),
    }  # fmt: skip
    then = [] if document.get("is_enabled") is True else [("toggle_service", Json({"path": path, "enabled": False}))]
    return Step("virtual server", path, "create_virtual_server", arguments, then, notes=notes)


def _entity_type(document: Json) -> Step:
    name = _text(document, "name") or str(document.get("_id"))
    properties: dict[str, JsonValue] = {}
    required: list[JsonValue] = []
    for member in _objects(document, "fields"):
        kind, key = _text(member, "datatype"), _text(member, "name")
        schema: Json = {"enum": member.get("enum_values")} if kind == "enum" else {**FIELD_TYPES.get(kind, {})}
        properties[key] = {**schema, **({"title": label} if (label := _text(member, "label")) else {})}
        if member.get("required") is True:
            required.append(key)
    schema = {"type": "object", "properties": properties, "required": required}
    arguments: Json = {"name": name, "schema": schema, "description": _text(document, "description")}
    return Step("entity type", name, "define_entity_type", arguments)


def _entity(document: Json) -> Step:
    raw = str(document.get("_id") or document.get("path") or "")
    kind = _text(document, "entity_type") or raw.strip("/").partition("/")[0]
    _check_enabled(document)
    path, _ = path_of(_text(document, "name") or raw)
    notes = [f"{raw} becomes {path}"]
    named: Json = {"name": (_text(document, "name") or path)[:200], "description": _text(document, "description")}
    governed = _governed({**_shared(document, notes), **named})
    arguments: Json = {"type": kind, "path": path, "data": _object(document, "attributes"), **governed}
    return Step("entity", raw, "register_entity", arguments, notes=notes)


def _check_enabled(document: Json) -> None:
    if document.get("is_enabled", document.get("isEnabled")) is False:
        raise _Left("it is switched off there, and nothing of its kind can be here")


def _shared(document: Json, notes: list[str]) -> Json:
    """What assets of every kind have: tags, audience, licence, and where it came from."""
    shared: Json = {"tags": _tags(document)}
    stated = _text(document, "visibility") or "public"
    groups: list[JsonValue] = [*_texts(document, "allowed_groups", "allowedGroups")]
    shared["visibility"] = AUDIENCES.get(stated, "private")
    if shared["visibility"] == "group":
        shared["groups"] = groups
        if not groups:
            shared["visibility"] = "private"
    if shared["visibility"] != stated:
        notes.append(f"visibility {stated} becomes {shared['visibility']}")
    if (license_ := _text(document, "license")) not in {"", "N/A"}:
        shared["license"] = license_
    status = _text(document, "status")
    if status not in {"", "active"}:
        notes.append(f"its status there is {status}: set its stage here")
    told = {"id": _text(document, "id"), "status": status, "owner": _text(document, "owner", "registered_by")}
    shared["metadata"] = {"peer": {name: value for name, value in told.items() if value}}
    return shared


def _governed(shared: Json) -> Json:
    """The same where a tool takes most of it as `governance`."""
    apart: Json = {}
    for name in ("tags", "groups"):
        if name in shared:
            apart[name] = shared[name]
    return {**apart, "governance": {name: value for name, value in shared.items() if name not in apart}}


def _tags(document: Json) -> list[JsonValue]:
    tags: list[JsonValue] = [*dict.fromkeys(_texts(document, "tags"))]
    return tags[:TOO_MANY_TAGS]


def camel(name: str) -> str:
    """`default_input_modes` as `defaultInputModes`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _cased(value: JsonValue) -> JsonValue:
    """What is in a card, in the spelling of A2A."""
    if isinstance(value, list):
        return [_cased(member) for member in value]
    if isinstance(value, dict):
        return {SPELLED.get(name, name): _cased(member) for name, member in value.items() if member is not None}
    return value


def _text(document: Json, *names: str) -> str:
    for name in names:
        value = document.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def _texts(document: Json, *names: str) -> list[str]:
    value = next((found for name in names if isinstance(found := document.get(name), list)), [])
    return [each for each in value if isinstance(each, str)]


def _object(document: Json, name: str) -> Json:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def _objects(document: Json, name: str) -> list[Json]:
    value = document.get(name)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


MAKERS: Mapping[str, Callable[[Json], Step]] = {
    "entity type": _entity_type, "server": _server, "agent": _agent, "skill": _skill, "entity": _entity,
    "virtual server": _virtual,
}  # fmt: skip
