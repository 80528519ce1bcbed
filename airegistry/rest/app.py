"""Plain HTTP: liveness, readiness, and problem details where nothing is built yet."""

import re
from collections.abc import Callable, Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from airegistry.oauth.authenticate import PLAIN_JSON

TITLES = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    409: "Conflict", 410: "Gone", 412: "Precondition Failed", 413: "Content Too Large", 415: "Unsupported Media Type",
    422: "Unprocessable Content", 429: "Too Many Requests", 500: "Internal Server Error", 501: "Not Implemented",
    502: "Bad Gateway", 503: "Service Unavailable",
}  # fmt: skip


class Tree(Route):
    """A route to every path below one, whatever characters are in it: Starlette's own takes none with a line break."""

    def __init__(self, path: str, endpoint: ASGIApp) -> None:
        super().__init__(path, endpoint)
        self.path_regex = re.compile(self.path_regex.pattern, re.DOTALL)


def problem(status: int, code: str, detail: str, /, **more: object) -> JSONResponse:
    """Problem details (RFC 9457) with the stable code as a member, and `more` beside it."""
    body = {
        **more,
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "code": code,
        "detail": detail,
    }
    return JSONResponse(body, status_code=status, media_type="application/problem+json")


def routes(ready: Callable[[], bool], more: Sequence[BaseRoute] = ()) -> list[BaseRoute]:
    """Every plain route, `more` among them. `ready` says whether requests can be answered."""

    async def healthz(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(request: Request) -> Response:
        return JSONResponse({"status": "ok"}) if ready() else problem(503, "internal", "not ready")

    async def nothing(request: Request) -> Response:
        return problem(404, "not_found", "there is nothing here")

    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        *more,
        Route("/api/{path:path}", nothing, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
    ]


async def not_found(request: Request, error: Exception) -> Response:
    """Problem details for every path that is none of ours, and every method a path has not."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    code = "not_found" if status == 404 else "invalid"
    detail = "there is nothing here" if status == 404 else TITLES.get(status, "refused")
    answer = problem(status, code, detail)
    if request.scope["path"].startswith(PLAIN_JSON):
        answer = problem(status, code, detail, error=detail)
        answer.headers["content-type"] = "application/json"
    if isinstance(error, HTTPException) and error.headers:
        answer.headers.update(error.headers)  # which methods there are (RFC 9110, section 15.5.6)
    return answer
