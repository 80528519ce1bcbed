"""What a request to a virtual server is about, why it is refused, and how its words are told on either side."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from mcp_types import INVALID_PARAMS, METHOD_NOT_FOUND
from pydantic import JsonValue

from airegistry.core.access import Access
from airegistry.core.assets import Json, Lent, VirtualServer
from airegistry.core.errors import (
    AccessDenied,
    AirError,
    ApprovalRequired,
    Retired,
    ScanFailed,
    UnknownTool,
)
from airegistry.core.parts import (
    HELD,
    OVER,
    SCHEME,
    UNSCANNED,
    Part,
    carries_one,
    covering,
    expands,
    namespaced,
    split_uri,
    why_not,
)
from airegistry.core.principals import Principal
from airegistry.gateway.errors import Malformed
from airegistry.gateway.virtual_lists import Allowed, Index, Offer

Sort = Literal["tool", "prompt", "resource"]

_ABOUT: Mapping[str, tuple[Sort, str]] = {
    "tools/call": ("tool", "name"),
    "prompts/get": ("prompt", "name"),
    "resources/read": ("resource", "uri"),
    "resources/subscribe": ("resource", "uri"),
    "resources/unsubscribe": ("resource", "uri"),
}
"""Methods that go to one server, what they are about, and the parameter that names it."""
_COMPLETES: Mapping[str, Sort] = {"name": "prompt", "uri": "resource"}
"""What `completion/complete` is about, by the member of its ref."""
_PROBLEMS: Mapping[str, type[AirError]] = {HELD: ScanFailed, UNSCANNED: ScanFailed, OVER: Retired}
"""The error for a problem of a part; others read as unknown."""
_NEUTRAL: Mapping[str, str] = {
    "not_found": "is gone from the server behind it",
    "quarantined": "is cut off, or held until its change is reviewed",
    "rate_limited": "is called too often",
    "scan_failed": "is held by a security scan",
    "unsupported": "cannot be reached through the registry",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request is about: what clients call it, and the name and entry behind it where there is one."""

    sort: Sort
    shown: str
    name: str = ""
    entry: Lent | None = None

    @property
    def is_plain_uri(self) -> bool:
        """Whether it is a URI as its server knows it, and not namespaced."""
        return self.sort == "resource" and not self.shown.startswith(SCHEME)

    def resolved(self, offer: Offer, allowed: Allowed) -> "Asked":
        """The same with the namespaced URI, if just one server that the caller may read from offers the plain one."""
        found = {
            item.entry.server: item.entry
            for method in ("resources/list", "resources/templates/list")
            for item in offer.items(method)
            if (item.name == self.shown or ("{" in item.name and expands(item.name, self.shown)))
            and allowed(item, "resources/read")
        }
        if len(found) != 1:
            return self
        ((server, entry),) = found.items()
        return replace(self, shown=namespaced(server, self.shown), name=self.shown, entry=entry)


class Refusal(NamedTuple):
    """Why a call is refused, and what its caller is told of it."""

    true: AirError
    told: AirError


def asked_by(index: Index, method: str, params: Json) -> Asked:
    """What a request is about.

    Raises:
        Malformed: it names nothing, or virtual servers have no such method.
    """
    sort, name = _subject(method, params)
    match sort:
        case "tool":
            tool = index.tools.get(name)
            return Asked(sort, name) if tool is None else Asked(sort, name, tool.tool, tool)
        case "prompt":
            prompt = index.prompts.get(name)
            return Asked(sort, name) if prompt is None else Asked(sort, name, prompt.prompt, prompt)
    parts = split_uri(name)
    entry = None if parts is None else covering(index.virtual.resources, *parts)
    return Asked(sort, name) if parts is None or entry is None else Asked(sort, name, parts[1], entry)


def _subject(method: str, params: Json) -> tuple[Sort, str]:
    if method == "completion/complete":
        ref = params.get("ref")
        named = [member for member in _COMPLETES if isinstance(ref, dict) and member in ref]
        if not isinstance(ref, dict) or len(named) != 1:
            raise Malformed("params.ref needs either a name or a uri", rpc=INVALID_PARAMS)
        sort, name = _COMPLETES[named[0]], ref[named[0]]
    elif method in _ABOUT:
        sort, name = _ABOUT[method][0], params.get(_ABOUT[method][1])
    else:
        raise Malformed(f"virtual servers have no {method[:80]}", rpc=METHOD_NOT_FOUND, status=404)
    if not isinstance(name, str) or not name:
        raise Malformed(f"{method} needs the name of a {sort}", rpc=INVALID_PARAMS)
    return sort, name


def rewritten(method: str, params: Json, name: str | None) -> Json:
    """Parameters as the server behind understands them."""
    ref = params.get("ref")
    if method == "completion/complete" and isinstance(ref, dict):
        return {**params, "ref": {**ref, ("name" if "name" in ref else "uri"): name}}
    return {**params, _ABOUT[method][1]: name}


def result_back(server: str, result: Json) -> Json:
    """The result of `resources/read` with the URIs that clients of the virtual server know."""
    contents = result.get("contents")
    if not isinstance(contents, list):
        return result
    return {**result, "contents": [_back(server, each) for each in contents]}


def notice_back(server: str, params: Json) -> Json:
    """The params of a notification with the URI that clients of the virtual server know."""
    back = _back(server, params)
    return back if isinstance(back, dict) else params


def _back(server: str, item: JsonValue) -> JsonValue:
    if not isinstance(item, dict) or not isinstance(uri := item.get("uri"), str):
        return item
    return {**item, "uri": namespaced(server, uri)}


def unknown(virtual: VirtualServer, asked: Asked) -> UnknownTool:
    """What is said of what does not exist, and of what the caller may not know of."""
    return UnknownTool(f"virtual server {virtual.path!r} has no {asked.sort} named {asked.shown[:200]!r}")


def refusal_of(
    access: Access, who: Principal, virtual: VirtualServer, method: str, asked: Asked, part: Part
) -> Refusal | None:
    """Why what is there may not be called, by the rules of the virtual server and of its part."""
    entry, server = asked.entry, part.server
    assert entry is not None  # what is not there is unknown
    if server is None:
        if not entry.lent or not carries_one(access, who, entry):
            return Refusal(AccessDenied("the server behind it is gone"), unknown(virtual, asked))
    elif why := why_not(access, who, virtual, entry, server, shown=asked.shown, name=asked.name, method=method):
        return Refusal(AccessDenied(why), unknown(virtual, asked))
    what = f"{asked.shown[:200]!r} of virtual server {virtual.path!r}"
    if part.problem is not None:
        kind = _PROBLEMS.get(part.problem, UnknownTool)
        error: AirError = kind(f"{what} is not available: the server behind it is {part.problem}")
        return Refusal(error, error)
    return None


def neutral(error: AirError, virtual: VirtualServer, shown: str) -> AirError:
    """A refusal that does not name the server behind, which the caller may not know of."""
    if not isinstance(error, ApprovalRequired):  # who is to connect an account learns where
        said = _NEUTRAL.get(error.code)
        error.message = error.message if said is None else f"{shown[:200]!r} of virtual server {virtual.path!r} {said}"
    return error
