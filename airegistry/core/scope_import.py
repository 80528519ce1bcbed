"""Scopes of the peer, agentic-community/mcp-gateway-registry: its `scopes.yml` and its scope documents.

    UI-Scopes: {scope: {permission: [all | names]}}
    group_mappings: {group: [scopes]}
    <scope>: [{server, methods: [], tools: []} | {agent, actions: []}]

    {"_id": scope, "group_mappings": [groups], "server_access": [as above], "ui_permissions": {as above}}

Nothing is widened without a word: what has no like here is left out and named in the notes, and where its like here
allows more than it did there, a note says so. The peer compares names as they are, so a name that would be a glob
here is left out as well.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue, ValidationError

from airegistry.core.assets import check_path
from airegistry.core.errors import Invalid
from airegistry.core.grants import CALLS, LISTED_BY, RESERVED, Action, Grant, Group, Scope, is_plumbing
from airegistry.core.validation import invalid
from airegistry.core.yaml_text import read_yaml

MAX_TEXT = 200_000
UI_SCOPES, MAPPINGS = "UI-Scopes", "group_mappings"
ALL = frozenset({"*", "all"})
EVERY = ["*"]
PERMISSIONS: dict[str, tuple[str, Action]] = {
    "list_service": ("server", "read"),
    "register_service": ("server", "register"),
    "health_check_service": ("server", "refresh"),
    "modify_service": ("server", "update"),
    "toggle_service": ("server", "toggle"),
    "delete_service": ("server", "delete"),
    "list_virtual_server": ("virtual_server", "read"),
    "create_virtual_server": ("virtual_server", "register"),
    "modify_virtual_server": ("virtual_server", "update"),
    "toggle_virtual_server": ("virtual_server", "toggle"),
    "delete_virtual_server": ("virtual_server", "delete"),
    "list_agents": ("agent", "list"),
    "get_agent": ("agent", "read"),
    "publish_agent": ("agent", "register"),
    "modify_agent": ("agent", "update"),
    "toggle_agent": ("agent", "toggle"),
    "delete_agent": ("agent", "delete"),
    "invoke_agent": ("agent", "call"),
    "list_skills": ("skill", "read"),
    "publish_skill": ("skill", "register"),
    "modify_skill": ("skill", "update"),
    "toggle_skill": ("skill", "toggle"),
    "delete_skill": ("skill", "delete"),
}
"""The peer's permissions, and what each is here."""

OF_AGENTS = {name: action for name, (kind, action) in PERMISSIONS.items() if kind == "agent"}
OWNED = frozenset({"update", "toggle", "delete"})
DISCOVERY = frozenset({"list", "read"})
NOT_OF_TOOLS = ["resources/*", "prompts/*", "completion/complete"]
"""Methods that the peer's list of tools does not narrow."""

DOCUMENT = frozenset(
    ("_id scope_name description server_access ui_permissions create_in_idp created_at updated_at").split()
) | {MAPPINGS}
"""Members of a scope document that are read, or that mean nothing here."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What a document says in this registry's words, and what has to be said of that."""

    scopes: list[Scope]
    groups: list[Group]
    notes: list[str] = field(default_factory=list)


def parsed(text: str) -> JsonValue:
    """A document as text, JSON or YAML. It may take a second: call it in a thread.

    Raises:
        Invalid: it is neither, or longer than `MAX_TEXT`.
    """
    if len(text) > MAX_TEXT:
        raise Invalid(f"the document has more than {MAX_TEXT} characters", field="document")
    try:
        found: JsonValue = json.loads(text)
    except (ValueError, RecursionError):
        return read_yaml(text, "the document", "document")
    return found


def imported(document: JsonValue) -> Imported:
    """The scopes and groups of one document of the peer, or of several scope documents.

    Raises:
        Invalid: it is none of the peer's documents.
    """
    reader = _Reader()
    if isinstance(document, list):
        for each in document:
            reader.scope_document(_object(each, "a scope document"))
        return reader.result()
    content = _object(document, "the document")
    if {"_id", "scope_name", "server_access"} & content.keys():
        reader.scope_document(content)
    else:
        reader.scopes_file(content)
    return reader.result()


class _Reader:
    """Collects grants by scope, scopes by group, and notes."""

    def __init__(self) -> None:
        self._grants: dict[str, list[Grant]] = {}
        self._descriptions: dict[str, str] = {}
        self._groups: dict[str, list[str]] = {}
        self._notes: dict[str, None] = {}

    def scopes_file(self, document: Mapping[str, JsonValue]) -> None:
        """Read a `scopes.yml`."""
        for scope, permissions in _object(document.get(UI_SCOPES, {}), UI_SCOPES).items():
            self._permissions(scope, _object(permissions, f"{UI_SCOPES} of {scope!r}"))
        for scope, rules in document.items():
            if scope not in {UI_SCOPES, MAPPINGS}:
                self._rules(scope, _array(rules, f"scope {scope!r}"))
        for group, scopes in _object(document.get(MAPPINGS, {}), MAPPINGS).items():
            self._groups.setdefault(group, []).extend(_texts(scopes, f"{MAPPINGS} of {group!r}"))

    def scope_document(self, document: Mapping[str, JsonValue]) -> None:
        """Read a document of one scope."""
        scope = document.get("_id") or document.get("scope_name")
        if not isinstance(scope, str):
            raise Invalid("a scope document has its name as `_id` or `scope_name`", field="document")
        if further := sorted(document.keys() - DOCUMENT):
            self._note(f"scope {scope!r}: {', '.join(further)}: no like here, left out")
        self._descriptions[scope] = str(document.get("description") or "")
        self._rules(scope, _array(document.get("server_access", []), f"server_access of {scope!r}"))
        self._permissions(scope, _object(document.get("ui_permissions", {}), f"ui_permissions of {scope!r}"))
        for group in _texts(document.get(MAPPINGS, []), f"{MAPPINGS} of {scope!r}"):
            self._groups.setdefault(group, []).append(scope)

    def result(self) -> Imported:
        """What was read.

        Raises:
            Invalid: nothing was.
        """
        if not self._grants:
            raise Invalid("the document has no scopes", field="document")
        scopes = [scope for name in self._grants if (scope := self._scope(name)) is not None]
        known = {scope.name for scope in scopes}
        groups = [group for name in self._groups if (group := self._group(name, known)) is not None]
        return Imported(scopes, groups, list(self._notes))

    def _scope(self, name: str) -> Scope | None:
        if name in RESERVED:
            self._note(f"scope {name!r}: the name has a meaning of its own here, left out")
            return None
        grants = [grant for at, grant in enumerate(self._grants[name]) if grant not in self._grants[name][:at]]
        try:
            return Scope(name=name, grants=grants, description=self._descriptions.get(name, ""))
        except ValidationError as error:
            self._note(f"scope {name!r}: {invalid(error).message}: left out")
            return None

    def _group(self, name: str, known: set[str]) -> Group | None:
        held = [*dict.fromkeys(self._groups[name])]
        if unknown := sorted({*held} - known):
            self._note(f"group {name!r}: {', '.join(unknown)}: not in the document or left out, so it is not held")
        try:
            return Group(name=name, scopes=[scope for scope in held if scope in known])
        except ValidationError as error:
            self._note(f"group {name!r}: {invalid(error).message}: left out")
            return None

    def _rules(self, scope: str, rules: Iterable[JsonValue]) -> None:
        self._grants.setdefault(scope, [])
        for each in rules:
            rule = _object(each, f"a rule of scope {scope!r}")
            named = next((rule[key] for key in ("server", "agent") if key in rule), None)
            if not isinstance(named, str):
                self._note(f"scope {scope!r}: a rule names no server and no agent ({', '.join(rule)}), left out")
            elif "server" in rule:
                self._server(scope, f"scope {scope!r}, server {named!r}", named, rule)
            else:
                self._agent(scope, f"scope {scope!r}, agent {named!r}", named, rule)

    def _server(self, scope: str, where: str, named: str, rule: Mapping[str, JsonValue]) -> None:
        self._check_members(where, rule, {"server", "methods", "tools"})
        name = named.strip("/")
        kinds = ["virtual_server"] if name.startswith("virtual/") else ["server"]
        kinds = ["server", "virtual_server"] if name in ALL else kinds
        assets = self._assets(where, [name.removeprefix("virtual/")])
        methods = self._known(where, "method", _texts(rule.get("methods", []), where), _is_method)
        tools = self._known(where, "tool", _texts(rule.get("tools", []), where), lambda name: True)
        if not methods:
            self._note(f"{where}: names no method of MCP, so it grants nothing and is left out")
        for part, names in _parts(methods, tools) if assets else ():
            self._grants[scope].append(Grant(kinds=kinds, assets=assets, methods=part, tools=names))

    def _agent(self, scope: str, where: str, named: str, rule: Mapping[str, JsonValue]) -> None:
        self._check_members(where, rule, {"agent", "actions"})
        names = self._known(where, "action", _texts(rule.get("actions", []), where), OF_AGENTS.__contains__)
        actions = [OF_AGENTS[name] for name in (OF_AGENTS if names == EVERY else names)]
        self._grant(scope, "agent", self._assets(where, [named.strip("/")]), actions)

    def _permissions(self, scope: str, permissions: Mapping[str, JsonValue]) -> None:
        self._grants.setdefault(scope, [])
        acts: dict[tuple[str, tuple[str, ...]], list[Action]] = {}
        for permission, resources in permissions.items():
            where = f"scope {scope!r}, {permission}"
            names = [name.strip("/").removeprefix("virtual/") for name in _texts(resources, where)]
            if permission not in PERMISSIONS:
                self._note(f"{where}: no like here, left out")
                continue
            kind, action = PERMISSIONS[permission]
            acts.setdefault((kind, tuple(self._assets(where, names))), []).append(action)
        for (kind, assets), actions in acts.items():
            self._grant(scope, kind, list(assets), actions)

    def _grant(self, scope: str, kind: str, assets: list[str], actions: Sequence[Action]) -> None:
        if not assets or not actions:
            return
        self._grants[scope].append(Grant(kinds=[kind], assets=assets, actions=[*dict.fromkeys(actions)]))
        if owned := sorted(OWNED.intersection(actions)):
            self._note(f"scope {scope!r}: {', '.join(owned)} of {kind}s: the peer asks for ownership besides, here not")
        if assets != EVERY and DISCOVERY.intersection(actions):
            self._note("what is public here is listed to everybody: give assets that are not for all their groups")

    def _assets(self, where: str, names: Iterable[str]) -> list[str]:
        """Paths of assets; names that can be none here are left out."""
        if ALL.intersection(names := list(names)):
            return EVERY
        paths = []
        for name in names:
            try:
                paths.append(check_path(name))
            except Invalid as error:
                self._note(f"{where}: {error.message}, left out")
        return paths

    def _known(self, where: str, sort: str, names: Iterable[str], known: Callable[[str], bool]) -> list[str]:
        """Names as they are; those that are not known here, or would be globs, are left out."""
        if ALL.intersection(names := list(names)):
            return EVERY
        odd = [name for name in names if not known(name) or not name or set("*?[") & set(name)]
        if odd:
            self._note(f"{where}: {sort} {', '.join(map(repr, odd))}: no like here, left out")
        return [name for name in dict.fromkeys(names) if name not in odd]

    def _check_members(self, where: str, rule: Mapping[str, JsonValue], known: set[str]) -> None:
        if further := sorted(rule.keys() - known):
            self._note(f"{where}: {', '.join(further)}: no like here, left out")

    def _note(self, text: str) -> None:
        self._notes[text] = None


def _parts(methods: list[str], tools: list[str]) -> list[tuple[list[str], list[str]]]:
    """Methods and tools of the grants of a rule: what is narrowed to tools, and what the peer does not narrow.

    What a connection is made of comes with any of them, and needs no mention unless it is all there is.
    """
    if tools == EVERY or all(is_plumbing(method) for method in methods):
        return [(methods, tools)] if methods else []
    if methods == EVERY:
        return [(["tools/*"], tools), (NOT_OF_TOOLS, EVERY)]
    of_tools = [method for method in methods if method.startswith("tools/")]
    others = [method for method in methods if method not in of_tools and not is_plumbing(method)]
    return [part for part in ((of_tools, tools), (others, EVERY)) if part[0]]


def _is_method(name: str) -> bool:
    return name in CALLS or name in LISTED_BY or is_plumbing(name)


def _object(value: JsonValue, what: str) -> dict[str, JsonValue]:
    if not isinstance(value, dict):
        raise Invalid(f"{what} is no mapping", field="document")
    return value


def _array(value: JsonValue, what: str) -> list[JsonValue]:
    if not isinstance(value, list):
        raise Invalid(f"{what} is no list", field="document")
    return value


def _texts(value: JsonValue, what: str) -> list[str]:
    names = _array(value, what)
    if wrong := [name for name in names if not isinstance(name, str)]:
        raise Invalid(f"{what}: {wrong[0]!r} is no name", field="document")
    return [name for name in names if isinstance(name, str)]
