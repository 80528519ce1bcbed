"""Plain HTTP: liveness, readiness, and problem details where nothing is built yet."""

from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

TITLES = {404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}


def problem(status: int, code: str, detail: str) -> JSONResponse:
    """Problem details (RFC 9457) with the stable code as a member."""
    body = {
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "code": code,
        "detail": detail,
    }
    return JSONResponse(body, status_code=status, media_type="application/problem+json")


def routes(ready: Callable[[], bool]) -> list[BaseRoute]:
    """Every plain route. `ready` says whether requests can be answered."""

    async def healthz(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(request: Request) -> Response:
        return JSONResponse({"status": "ok"}) if ready() else problem(503, "internal", "not ready")

    async def nothing(request: Request) -> Response:
        return problem(404, "not_found", "there is nothing here")

    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/api/{path:path}", nothing, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
    ]


async def not_found(request: Request, error: Exception) -> Response:
    """Problem details for every path that is none of ours, and every method a path has not."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    code = "not_found" if status == 404 else "invalid"
    return problem(status, code, "there is nothing here" if status == 404 else TITLES.get(status, "refused"))
