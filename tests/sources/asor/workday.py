"""A Workday tenant, built from its published description (ASOR v1.2): a token endpoint, and pages of definitions.

It is a fake: nobody at Workday has seen it. It takes Basic and form authentication, hands out tokens that end, gives a
new refresh token for each one that is used, and takes none twice.
"""

import base64
from collections import deque
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from airegistry.core.assets import Json

CLIENT, SECRET = "client-1", "s3cret/with+signs"
TENANT = "acme_dpt1"


def definition(number: int, **more: object) -> Json:
    """A definition as the description has them."""
    return {
        "id": f"{number:032x}",
        "name": f"Finance Auditor {number}",
        "description": "Reviews ledgers and reports what does not add up.",
        "url": f"https://agents.example.com/finance/{number}",
        "version": "1.2.0",
        "overview": "How can I help?",
        "provider": {"id": "Provider=Acme", "descriptor": "Acme Inc."},
        "platform": {"id": "Platform=OTHER"},
        "documentationUrl": "https://acme.example.com/docs",
        "externalAgentID": f"acme-{number}",
        "capabilities": {"streaming": True, "pushNotifications": False},
        "defaultInputModes": [{"id": "1", "type": "text/plain"}],
        "defaultOutputModes": [{"id": "2", "type": "application/json"}],
        "supportsAuthenticatedExtendedCard": False,
        "skills": [
            {
                "id": "audit",
                "name": "Financial audit",
                "description": "Compares documents of a period.",
                "tags": [{"id": "t1", "tag": "finance"}, {"id": "t2", "tag": "audit"}],
                "inputModes": [{"type": "application/pdf"}],
            }
        ],
        "workdayConfig": [
            {
                "skillId": "audit",
                "executionMode": {"id": "Mode=Delegate"},
                "workdayResources": [
                    {"tool_name": "GET Ledger", "description": "Reads it", "agent_resource": {"id": "a"}}
                ],
            }
        ],
        **more,  # type: ignore[dict-item]  # what a test wants to be there
    }


class Workday:
    """The tenant. `faults` are answered to requests for definitions in place of an answer, `refusals` for tokens."""

    def __init__(self, *definitions: object) -> None:
        self.definitions: list[object] = list(definitions)
        self.total: int | None = None
        self.pages_of = 100
        self.faults: deque[Response] = deque()
        self.refusals: deque[Response] = deque()
        self.refresh_token: str | None = "refresh-0"
        self.padding = ""
        """Put behind the refresh tokens that it gives."""
        self.life = 3600
        self.tokens: list[str] = []
        self.revoked: set[str] = set()
        self.grants: list[dict[str, str]] = []
        self.asked: list[tuple[str, dict[str, str]]] = []

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/ccx/oauth2/acme_dpt1/token", self._token, methods=["POST"]),
                Route("/asor/v1/agentDefinition", self._list),
                Route("/{rest:path}", lambda _: RedirectResponse("http://169.254.169.254/latest"), name="else"),
            ]
        )

    async def _token(self, request: Request) -> Response:
        if self.refusals:
            return self.refusals.popleft()
        form = {name: str(value) for name, value in (await request.form()).items()}
        self.grants.append(form)
        if _client(request.headers.get("authorization"), form) != (CLIENT, SECRET):
            return JSONResponse({"error": "invalid_client"}, 401)
        answer: dict[str, object] = {"token_type": "Bearer", "expires_in": self.life}
        if form["grant_type"] == "refresh_token":
            if form.get("refresh_token") != self.refresh_token:
                return JSONResponse({"error": "invalid_grant"}, 400)
            number = int(form["refresh_token"].rpartition("-")[2])
            self.refresh_token = f"refresh-{number + 1}{self.padding}"
            answer["refresh_token"] = self.refresh_token
        elif form["grant_type"] != "client_credentials":
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        self.tokens.append(f"access-{len(self.tokens)}")
        return JSONResponse({**answer, "access_token": self.tokens[-1]})

    async def _list(self, request: Request) -> Response:
        self.asked.append((str(request.url.query), dict(request.headers)))
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.faults:
            return self.faults.popleft()
        if token not in self.tokens or token in self.revoked:
            return JSONResponse({"error": "invalid token"}, 401)
        limit, offset = int(request.query_params["limit"]), int(request.query_params["offset"])
        page = self.definitions[offset : offset + min(limit, self.pages_of)]
        total = len(self.definitions) if self.total is None else self.total
        return JSONResponse({"total": total, "data": page})


def _client(header: str | None, form: dict[str, str]) -> tuple[str, str]:
    """Who the client is, by Basic authentication or by the form."""
    if header is None:
        return form.get("client_id", ""), form.get("client_secret", "")
    name, _, secret = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
    return unquote(name), unquote(secret)
