"""What a request says: its path, query and body as the arguments of a tool."""

import json
from collections.abc import Mapping

import orjson
from starlette.requests import Request

from airegistry.core.assets import Json
from airegistry.core.errors import Invalid
from airegistry.rest.api.routes import Endpoint

MAX_BODY = 4 * 2**20
"""Bytes of a body, as many as the tools take."""


class TooLarge(Invalid):
    """A body over the limit."""


class WrongType(Invalid):
    """A body that is not sent as JSON."""


async def body_of(request: Request) -> bytes:
    """The body of a request.

    Raises:
        TooLarge: it is longer than any that is taken.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise TooLarge(f"a body has at most {MAX_BODY} bytes")
    return bytes(body)


def arguments_of(request: Request, endpoint: Endpoint, in_path: Mapping[str, str], body: bytes) -> Json:
    """Everything that a request says to an endpoint, by the names of its arguments.

    Raises:
        Invalid: there is something in it that the endpoint does not take.
        WrongType: its body is none of JSON.
    """
    said: Json = {**endpoint.fixed, **in_path, **_query(request, endpoint)}
    names = endpoint.in_body if endpoint.twin.method not in {"GET", "DELETE"} else []
    if not names:
        if body.strip():
            raise Invalid("there is no body here")
        return said
    if not body.strip() and endpoint.twin.body is None:
        return said
    document = document_of(request, body)
    if endpoint.twin.body is not None:
        return {**said, endpoint.twin.body: document}
    if unknown := sorted(document.keys() - set(names)):
        raise Invalid(f"{unknown[0][:40]!r} is no member of the body here", field=unknown[0][:40])
    return {**said, **document}


def _query(request: Request, endpoint: Endpoint) -> Json:
    taken = endpoint.in_query
    said: Json = {}
    for name in request.query_params:
        if name not in taken:
            raise Invalid(f"{name[:40]!r} is no parameter here", field=name[:40])
        values = request.query_params.getlist(name)
        if _is_list(endpoint.properties[name]):
            said[name] = [*values]
        elif len(values) > 1:
            raise Invalid(f"{name} is given more than once", field=name)
        else:
            said[name] = values[0]
    return said


def _is_list(schema: Json) -> bool:
    alternatives = schema.get("anyOf")
    known = [schema, *(alternatives if isinstance(alternatives, list) else ())]
    return any(isinstance(each, dict) and each.get("type") == "array" for each in known)


def document_of(request: Request, body: bytes) -> Json:
    """A body as a JSON object.

    Raises:
        Invalid: it is none.
        WrongType: it is not sent as one.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if content_type != "application/json" or coding != "identity":
        raise WrongType("the body is JSON, sent as application/json without a content coding")
    try:
        orjson.loads(body)  # refuses what is no Unicode, no number or too deep
        document = json.loads(body)  # and this keeps large integers as they are
    except (ValueError, RecursionError):
        raise Invalid("the body is no JSON") from None
    if not isinstance(document, dict):
        raise Invalid("the body is no JSON object")
    return document
