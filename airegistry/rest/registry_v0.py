"""The MCP Registry API, under `/v0.1` and `/v0`: lists and versions of servers, and publishing.

Written after the description of the official registry of 2026-03-01 (`docs/reference/api/openapi.yaml` in
`modelcontextprotocol/registry`), and after how that registry answers where the description leaves it open.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import get_args

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from airegistry import __version__
from airegistry.core.assets import Json
from airegistry.core.errors import Invalid
from airegistry.core.formats import FORMATS
from airegistry.core.published import MESSAGE, Published, Status
from airegistry.core.published_walk import Wanted
from airegistry.core.publishing import Publishing
from airegistry.core.server_schema import issues_of
from airegistry.oauth.identity import principal_of
from airegistry.rest.registry_answers import Handler, Unprocessable, answer, document_in, shown, told

PREFIXES = ("/v0.1", "/v0")
PAGE, LONGEST_PAGE = 30, 100
_SERVER = "/servers/{name:path}/versions/{version}"
_STATUSES = get_args(Status)


class RegistryApi:
    """The handlers of the API."""

    def __init__(self, published: Published, publishing: Publishing) -> None:
        self._published = published
        self._publishing = publishing

    def routes(self) -> list[BaseRoute]:
        """Every route, under both prefixes."""
        ours: Mapping[str, Mapping[str, Handler]] = {
            "/servers": {"GET": self._list},
            f"{_SERVER}/status": {"PATCH": self._set_status},
            "/servers/{name:path}/status": {"PATCH": self._set_all},
            "/servers/{name:path}/versions": {"GET": self._versions},
            _SERVER: {"GET": self._version, "PUT": self._edit, "DELETE": self._delete},
            "/publish": {"POST": self._publish},
            "/validate": {"POST": self._validate},
            "/health": {"GET": self._health},
            "/ping": {"GET": self._ping},
            "/version": {"GET": self._own_version},
        }
        return [
            Route(f"{prefix}{path}", told(_by_method(handlers)), methods=[*handlers])
            for prefix in PREFIXES
            for path, handlers in ours.items()
        ]

    async def _list(self, request: Request) -> Response:
        query = request.query_params
        found = await self._published.list(
            principal_of(request.scope), _wanted(query), limit=_limit(query), cursor=query.get("cursor") or None
        )
        metadata: Json = {"count": len(found.entries)}
        if found.next_cursor is not None:
            metadata["nextCursor"] = found.next_cursor
        return answer({"servers": [shown(entry) for entry in found.entries], "metadata": metadata})

    async def _versions(self, request: Request) -> Response:
        who, name = principal_of(request.scope), request.path_params["name"]
        entries = await self._published.versions(who, name, deleted=_flag(request.query_params))
        return answer({"servers": [shown(entry) for entry in entries], "metadata": {"count": len(entries)}})

    async def _version(self, request: Request) -> Response:
        who, (name, version) = principal_of(request.scope), _named(request)
        entry = await self._published.version(who, name, version, deleted=_flag(request.query_params))
        return answer(shown(entry))

    async def _publish(self, request: Request) -> Response:
        document = await document_in(request)
        return answer(shown(await self._publishing.publish(principal_of(request.scope), document)))

    async def _edit(self, request: Request) -> Response:
        who, (name, version) = principal_of(request.scope), _named(request)
        return answer(shown(await self._publishing.edit(who, name, version, await document_in(request))))

    async def _delete(self, request: Request) -> Response:
        who, (name, version) = principal_of(request.scope), _named(request)
        gone = shown(await self._publishing.delete(who, name, version))
        return answer(gone)

    async def _set_status(self, request: Request) -> Response:
        who, (name, version) = principal_of(request.scope), _named(request)
        status, message = await _standing(request)
        return answer(shown(await self._publishing.set_status(who, name, version, status, message)))

    async def _set_all(self, request: Request) -> Response:
        who, name = principal_of(request.scope), request.path_params["name"]
        status, message = await _standing(request)
        entries = await self._publishing.set_all(who, name, status, message)
        return answer({"updatedCount": len(entries), "servers": [shown(entry) for entry in entries]})

    async def _validate(self, request: Request) -> Response:
        issues = [
            {"type": "schema", "path": issue.path, "message": issue.message, "severity": "error", "reference": ""}
            for issue in issues_of(await document_in(request))
        ]
        return answer({"valid": not issues, "issues": issues})

    async def _health(self, request: Request) -> Response:
        return answer({"status": "ok"})

    async def _ping(self, request: Request) -> Response:
        return answer({"pong": True})

    async def _own_version(self, request: Request) -> Response:
        return answer({"version": __version__, "git_commit": "", "build_time": ""})


def _by_method(handlers: Mapping[str, Handler]) -> Handler:
    """One handler for a path: who asks in another way is told all the methods that it has."""

    async def handler(request: Request) -> Response:
        return await handlers["GET" if request.method == "HEAD" else request.method](request)

    return handler


def _named(request: Request) -> tuple[str, str]:
    return request.path_params["name"], request.path_params["version"]


async def _standing(request: Request) -> tuple[Status, str | None]:
    """The status in the body of a request, and its message."""
    body = await document_in(request)
    status, message = body.get("status"), body.get("statusMessage")
    chosen = next((known for known in _STATUSES if known == status), None)
    if chosen is None:
        raise Invalid(f"a status is one of: {', '.join(_STATUSES)}", field="status")
    if "statusMessage" in body and (not isinstance(message, str) or len(message) > MESSAGE):
        raise Invalid(f"a statusMessage is a text of at most {MESSAGE} characters", field="statusMessage")
    return chosen, message if isinstance(message, str) else None


def _wanted(query: QueryParams) -> Wanted:
    since = _since(query)
    if since is not None and query.get("include_deleted") == "false":
        raise Invalid("updated_since comes with what is deleted: include_deleted=false does not go with it")
    deleted = _flag(query) or since is not None
    return Wanted(query.get("version") or None, since, query.get("search", ""), deleted)


def _since(query: QueryParams) -> datetime | None:
    given = query.get("updated_since")
    if given is None:
        return None
    if not FORMATS.conforms(given, "date-time"):
        raise Invalid("updated_since is a moment as in 2025-08-07T13:15:04.280Z (RFC 3339)", field="updated_since")
    try:
        return datetime.fromisoformat(given.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid("updated_since is no moment that can be read", field="updated_since") from None


def _limit(query: QueryParams) -> int:
    given = query.get("limit", str(PAGE))
    if not (given.isascii() and given.isdigit() and len(given) <= 6 and 1 <= int(given) <= LONGEST_PAGE):
        raise Unprocessable(f"limit is a number from 1 to {LONGEST_PAGE}", field="limit")
    return int(given)


def _flag(query: QueryParams) -> bool:
    """Whether what is deleted is asked for."""
    given = query.get("include_deleted", "false")
    if given not in ("true", "false"):
        raise Unprocessable("include_deleted is true or false", field="include_deleted")
    return given == "true"
