"""`server.json`, the form in which the MCP Registry publishes servers: read into one of ours, and written of each.

A document is kept as its publisher wrote it, in `Server.manifest`, members unknown here too. What goes out is that
document with what the registry changed since, in the current form of the schema.
"""

import re
from hashlib import sha256
from math import isfinite

from pydantic import JsonValue

from airegistry.core.assets import Json, Server, check_path
from airegistry.core.errors import Invalid
from airegistry.core.server_forms import current, is_old, objects, text
from airegistry.core.server_packages import recipes_of, remotes_of
from airegistry.core.validation import validated

SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
"""The newest schema that is released."""
MAX_DEPTH = 64
MAX_VALUES = 50_000
MAX_TEXT = 1_000_000
SHORT = 100
"""Characters of a description and of a title in the schema."""

_NAME = re.compile(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+")
_FOREIGN = re.compile(r"[^a-z0-9._-]+")
_LINK = re.compile(r"https?://[^\s/?#]+\S*")
_LINK_LENGTH = 2048
_PATH_LENGTH = 64
_MARK = 8
_HOSTS = {"github.com": "github", "gitlab.com": "gitlab", "bitbucket.org": "bitbucket"}


def path_of(name: str, *, own: str = "") -> str:
    """The path of a server by its name in the registry: `io.github.x/y` is at `io.github.x-y`.

    In the namespace that is the registry's `own`, a server is at the rest of its name. A name that is too long for a
    path is cut, and told from others by a hash.

    Raises:
        Invalid: nothing is left of it, or its path is reserved.
    """
    namespace, _, rest = name.partition("/")
    path = rest if own and namespace.lower() == own.lower() else name
    path = _FOREIGN.sub("-", path.lower())
    path = re.sub(r"\.{2,}", ".", path).lstrip("._-")
    if len(path) > _PATH_LENGTH:
        path = f"{path[: _PATH_LENGTH - _MARK - 1]}-{sha256(name.lower().encode(errors='replace')).hexdigest()[:_MARK]}"
    if not path:
        raise Invalid(f"no path can be made of the name {name[:80]!r}", field="name")
    return check_path(path)


def check_name(name: str) -> str:
    """A name in reverse DNS, `namespace/server`.

    Raises:
        Invalid: it is none.
    """
    if not 3 <= len(name) <= 200 or not _NAME.fullmatch(name):
        raise Invalid(
            f"name {name[:80]!r} is not of the form namespace/server, as in io.github.user/weather", field="name"
        )
    return name


def server_of(document: Json) -> Server:
    """A server as a document describes it, not yet fetched: remote if it names a complete URL, else by its package.

    A URL that is left with variables to fill in is taken as it stands where there is nothing else: it is shown, and
    not called. So is a server of which no command is known.

    Raises:
        Invalid: the document is malformed, too deep or too large; `field` names the member.
    """
    check_document(document)
    said = current(document)
    name = check_name(text(said.get("name")))
    repository = said.get("repository")
    fields: Json = {
        "kind": "server",
        "path": path_of(name),
        "name": name,
        "title": text(said.get("title")) or None,
        "description": text(said.get("description")),
        "version": version_of(said),
        "repository_url": _link(repository.get("url")) if isinstance(repository, dict) else None,
        "documentation_url": _link(said.get("websiteUrl")),
        "icons": _icons(said.get("icons")),
        "manifest": document,
        **_endpoint(said),
    }
    server = validated(fields)
    assert isinstance(server, Server)  # by its kind
    return server


def version_of(document: Json) -> str:
    """The version that a document, in the current form, is of.

    Raises:
        Invalid: it names none.
    """
    version = text(document.get("version"))
    if not version or version == "latest":
        raise Invalid(f"version {version!r} is none: a document names the version that it is of", field="version")
    return version


def name_of(server: Server, namespace: str) -> str:
    """The name of a server in reverse DNS: its publisher's if it has the path of that name, else one in `namespace`."""
    published = text(server.manifest.get("name"))
    if _NAME.fullmatch(published) and _path_or_none(published, namespace) == server.path:
        return published
    return f"{namespace}/{server.path}"


def document_of(server: Server, *, namespace: str, endpoint: str | None = None, upstream: bool = True) -> Json:
    """A server as a document of the current schema: its manifest with what the registry changed since.

    `namespace` is for servers that were not published with a name. With `endpoint`, that is its only remote: the
    gateway's. `upstream` is whether a URL is shown that the manifest does not name.
    """
    document = _shortened(server.manifest)
    draft = _draft(server)
    document["name"] = name_of(server, namespace)
    for field, value in _said(server).items():
        if draft is None or value != _said(draft)[field]:
            _put(document, field, value)
    if not text(document.get("description")):
        document["description"] = _short(server.description or server.title or server.name)
    if draft is None:
        document.setdefault("$schema", SCHEMA)
    if endpoint is not None:
        document["remotes"] = [{"type": "streamable-http", "url": endpoint}]
    elif upstream and server.url and (draft is None or (draft.url, draft.transport) != (server.url, server.transport)):
        document["remotes"] = [{"type": server.transport, "url": server.url}]
    return document


def check_document(document: Json) -> None:
    """Refuse what is too deep or too large, and text and numbers that could not be answered with.

    Raises:
        Invalid: it is one of these.
    """
    left: list[tuple[JsonValue, int]] = [(document, 1)]
    values = length = 0
    while left:
        value, depth = left.pop()
        values += 1
        if isinstance(value, str):
            length += len(value)
            _check_unicode(value)
        elif isinstance(value, int | float):
            _check_number(value)
        elif isinstance(value, dict | list):
            if depth > MAX_DEPTH:
                raise Invalid(f"the document is nested deeper than {MAX_DEPTH} levels")
            within = value.values() if isinstance(value, dict) else value
            left.extend((item, depth + 1) for item in within)
            if isinstance(value, dict):
                left.extend((name, depth + 1) for name in value)
        if values + len(left) > MAX_VALUES or length > MAX_TEXT:
            raise Invalid(f"the document has more than {MAX_VALUES} values, or {MAX_TEXT} characters")


def _check_unicode(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Invalid("the document has half of a surrogate pair in a text") from None


def _check_number(value: float) -> None:
    if not (isfinite(value) if isinstance(value, float) else -(2**63) <= value < 2**64):
        raise Invalid("the document has a number that JSON, or 64 bits, cannot hold")


def _endpoint(document: Json) -> Json:
    recipe = next(iter(recipes_of(document)), None)
    remote = next((remote for remote in remotes_of(document) if remote.complete or recipe is None), None)
    if remote is not None:
        return {"transport": remote.transport, "url": remote.url}
    if recipe is None:
        return {"transport": "stdio"}
    return {"transport": "stdio", "command": recipe.command, "args": [*recipe.args], "env": [*recipe.env]}


def _draft(server: Server) -> Server | None:
    """The server as its manifest alone makes it; None if that makes none."""
    if not server.manifest:
        return None
    try:
        return server_of(server.manifest)
    except Invalid:
        return None


def _said(server: Server) -> Json:
    """What a document says of a server beside where it is, by our names."""
    return {
        "title": server.title,
        "description": server.description,
        "version": server.version,
        "repository_url": server.repository_url,
        "documentation_url": server.documentation_url,
        "icons": [*server.icons],
    }


def _put(document: Json, field: str, value: JsonValue) -> None:
    """Set what changed as the schema spells it; what is none is left out."""
    if field == "repository_url":
        _put_repository(document, text(value))
        return
    name = {"documentation_url": "websiteUrl"}.get(field, field)
    if field == "icons":
        value = _icons(value)
    if not value:
        document.pop(name, None)
    else:
        document[name] = _short(value) if isinstance(value, str) and field in ("title", "description") else value


def _put_repository(document: Json, url: str) -> None:
    if not url:
        document.pop("repository", None)
        return
    known = document.get("repository")
    host = url.split("/")[2].rpartition("@")[2].partition(":")[0].lower()
    source = _HOSTS.get(host, "git")
    document["repository"] = {**(known if isinstance(known, dict) else {}), "url": url, "source": source}


def _shortened(manifest: Json) -> Json:
    """A manifest to write on: as it is, but one of an older form in the current one and within its bounds."""
    document = {**current(manifest)}
    if is_old(manifest):
        document["description"] = _short(text(document.get("description")))
    return document


def _short(said: str) -> str:
    return said if len(said) <= SHORT else f"{said[: SHORT - 1].rstrip()}…"


def _icons(value: JsonValue) -> list[JsonValue]:
    """Icons that are fetched from somewhere, and run nowhere."""
    return [icon for icon in objects(value) if _link(icon.get("src"))]


def _link(value: JsonValue) -> str | None:
    """A URL that an asset can have; other forms stay in the manifest alone."""
    url = text(value)
    return url if len(url) <= _LINK_LENGTH and _LINK.fullmatch(url) else None


def _path_or_none(name: str, own: str) -> str | None:
    try:
        return path_of(name, own=own)
    except Invalid:
        return None
