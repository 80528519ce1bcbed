"""`/scim/v2`: reads requests of RFC 7644, calls the services and shapes the answers, and holds no rule."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import unquote

import orjson
from pydantic import JsonValue
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from airegistry.core.assets import Json
from airegistry.core.errors import AirError, Internal, NotFound, RateLimited, Unsupported
from airegistry.core.provisioned_groups import GroupProvisioning
from airegistry.core.provisioning import Provisioning
from airegistry.oauth.identity import principal_of
from airegistry.rest.scim.discovery import resource_types, schemas, service_provider_config
from airegistry.rest.scim.errors import NoMethod, Refused, status_of, told
from airegistry.rest.scim.kinds import Collection, GroupCollection, UserCollection
from airegistry.rest.scim.queries import Query, list_of, projection_of, query_of
from airegistry.rest.scim.resources import Resources
from airegistry.rest.scim.schemas import KINDS

PREFIX = "/scim/v2"
MEDIA_TYPE = "application/scim+json"
TYPES = frozenset({MEDIA_TYPE, "application/json"})
MAX_BODY = 2 * 2**20
"""Bytes of a body: a group of as many members as are taken fits."""
log = logging.getLogger(__name__)


class Scim:
    """The application behind every path of `/scim/v2`; `url` is the registry's own."""

    def __init__(self, provisioning: Provisioning, groups: GroupProvisioning, url: str) -> None:
        base = f"{url}{PREFIX}"
        resources = Resources(base, provisioning.people, provisioning.memberships)
        users = UserCollection(provisioning, resources)
        self._collections: Mapping[str, Collection] = {
            "users": users, "groups": GroupCollection(groups, provisioning, resources),
        }  # fmt: skip
        self._found: Mapping[str, Json | list[Json]] = {
            "serviceproviderconfig": service_provider_config(base), "resourcetypes": resource_types(base),
            "schemas": schemas(base),
        }  # fmt: skip
        self._require = provisioning.require

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            response = await self._answer(Request(scope, receive))
        except ClientDisconnect:  # nobody hears the answer, and it is no error of ours to log
            return
        except AirError as error:
            response = refused(error)
        except Exception:  # the outermost handler: an error of ours ends one request, in the words of any other
            log.exception("SCIM failed")
            response = refused(Internal("the registry failed"))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = request.scope.get("raw_path") or request.url.path.encode()
        parts = path.decode("latin-1").removeprefix(PREFIX).strip("/").split("/")
        method = "GET" if request.method == "HEAD" else request.method
        first, rest = parts[0].lower(), [unquote(part) for part in parts[1:]]
        if first in self._found:
            return self._described(self._found[first], rest, request, method)
        if first in {"bulk", "me"} and not rest:
            raise Unsupported(f"/{parts[0]} is not offered here")
        if first in {"", ".search"} and not rest:
            only(method, "GET" if not first else "POST")
            return await self._everything(request, await _query(request, method))
        collection = self._collections.get(first)
        if collection is None or len(rest) > 1:
            raise NotFound("there is nothing here")
        if not rest:
            return await self._listed(request, collection, method)
        if rest[0] == ".search":
            only(method, "POST")
            return json(await collection.found(principal_of(request.scope), await _query(request, method)))
        return await self._one(request, collection, method, rest[0])

    def _described(self, found: Json | list[Json], rest: list[str], request: Request, method: str) -> Response:
        """What the server says of itself."""
        only(method, "GET")
        if "filter" in request.query_params:
            raise Refused("there is no filter here", "", status=403)
        if isinstance(found, dict) and not rest:
            return json(found)
        if isinstance(found, list) and not rest:
            return json(list_of(found, len(found), 1))
        one = [each for each in found if isinstance(each, dict) and each.get("id") == rest[0]]
        if not one or len(rest) > 1:
            raise NotFound("there is nothing here")
        return json(one[0])

    async def _everything(self, request: Request, query: Query) -> Response:
        """People and groups together."""
        who = principal_of(request.scope)
        self._require(who)
        every, refusals = list[Json](), list[Refused]()
        for each in self._collections.values():
            try:
                every += await each.fitting(who, query)
            except Refused as refusal:  # what only the others have
                refusals.append(refusal)
        if len(refusals) == len(self._collections):
            raise refusals[0]
        page = query.page(KINDS, every)
        by_name = {kind.name: kind for kind in KINDS}
        shown = [query.projection.shown(by_name[_type(each)], each) for each in page]
        return json(list_of(shown, len(every), query.start))

    async def _listed(self, request: Request, collection: Collection, method: str) -> Response:
        only(method, "GET", "POST")
        who = principal_of(request.scope)
        if method == "GET":
            return json(await collection.found(who, await _query(request, method)))
        self._require(who)
        made = await collection.create(who, await _body(request))
        return shown(collection, made, request, status=201)

    async def _one(self, request: Request, collection: Collection, method: str, id_: str) -> Response:
        only(method, "GET", "PUT", "PATCH", "DELETE")
        who = principal_of(request.scope)
        self._require(who)
        if method == "GET":
            found = await collection.get(who, id_)
            tag = request.headers.get("if-none-match")
            if tag is not None and _version(found) in {each.strip() for each in tag.split(",")}:
                return Response(status_code=304, headers={"etag": _version(found)})
            return shown(collection, found, request)
        expect = await self._expected(request, collection, id_)
        if method == "DELETE":
            await collection.remove(who, id_, expect)
            return Response(status_code=204)
        act = collection.replace if method == "PUT" else collection.patch
        changed = await act(who, id_, await _body(request), expect)
        brief = method == "PATCH" and collection.brief and "attributes" not in request.query_params
        if brief:
            return Response(status_code=204, headers={"etag": _version(changed)})
        return shown(collection, changed, request)

    async def _expected(self, request: Request, collection: Collection, id_: str) -> int | None:
        """The revision that If-Match wants, if any: of several the present one."""
        given = ",".join(request.headers.getlist("if-match"))
        if not given or given.strip() == "*":
            return None
        wanted = {_revision(each) for each in given.split(",")}
        if len(wanted) == 1:
            return wanted.pop()
        now = _revision(_version(await collection.get(principal_of(request.scope), id_)))
        return now if now in wanted else -1


def only(method: str, *allowed: str) -> None:
    """Refuse other methods.

    Raises:
        NoMethod: it is another one.
    """
    if method not in allowed:
        raise NoMethod(", ".join(allowed))


def json(body: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer that nobody keeps."""
    return Response(
        orjson.dumps(body), status, media_type=MEDIA_TYPE, headers={"cache-control": "no-store", **(headers or {})}
    )


def shown(collection: Collection, resource: Json, request: Request, status: int = 200) -> Response:
    """A resource, as far as it is asked for."""
    meta = resource.get("meta")
    location = str(meta.get("location")) if isinstance(meta, dict) else ""
    headers = {"etag": _version(resource), **({"location": location} if status == 201 else {})}
    projection = projection_of({**request.query_params})
    return json(projection.shown(collection.kind, resource), status, headers)


def refused(error: AirError) -> Response:
    """An error."""
    status = status_of(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("SCIM failed: %s", error.message, exc_info=error)
    headers = {"allow": error.allowed} if isinstance(error, NoMethod) else {}
    if isinstance(error, RateLimited):
        headers["retry-after"] = str(max(1, round(error.retry_after)))
    return json(told(error), status, headers)


def _type(resource: Json) -> str:
    meta = resource.get("meta")
    return str(meta.get("resourceType")) if isinstance(meta, dict) else ""


def _version(resource: Json) -> str:
    meta = resource.get("meta")
    return str(meta.get("version")) if isinstance(meta, dict) else ""


def _revision(tag: str) -> int:
    """The revision that an ETag names; -1 for none of ours."""
    number = tag.strip().removeprefix("W/").strip('"').partition(".")[0]
    return int(number) if number.isdecimal() and len(number) < 16 else -1


async def _query(request: Request, method: str) -> Query:
    if method == "GET":
        return query_of({**request.query_params})
    return query_of(await _body(request))


async def _body(request: Request) -> Json:
    """The JSON object that a request carries.

    Raises:
        Refused: it is none, or too long.
    """
    kind = request.headers.get("content-type", MEDIA_TYPE).partition(";")[0].strip().lower()
    if kind not in TYPES or request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(f"a body is {MEDIA_TYPE}, without a content coding", "", status=415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Refused(f"a body has at most {MAX_BODY} bytes", "", status=413)
    try:
        found: JsonValue = orjson.loads(body)
    except ValueError:
        raise Refused("the body is no JSON", "invalidSyntax") from None
    if not isinstance(found, dict):
        raise Refused("the body is no JSON object", "invalidSyntax")
    return found
