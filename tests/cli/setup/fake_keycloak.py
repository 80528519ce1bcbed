"""A stand-in for Keycloak's admin API, built from its published description: what that does not name is refused."""

import json
import re
import secrets
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn
from jsonschema import Draft202012Validator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Json = dict[str, Any]
DESCRIPTION: Json = json.loads((Path(__file__).parent / "keycloak-admin.json").read_text(encoding="utf-8"))
PASSWORD = "a password of the first administrator"


def _schema(name: str) -> Json:
    """A representation; Keycloak takes no field that it does not know."""
    closed = {"$ref": f"#/components/schemas/{name}", "unevaluatedProperties": False}
    return {**closed, "components": DESCRIPTION["components"]}


def _operation(method: str, path: str) -> tuple[str, Json]:
    for template, item in DESCRIPTION["paths"].items():
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path) and method.lower() in item:
            return template, item[method.lower()]
    raise AssertionError(f"the description has no {method} {path}")


class FakeKeycloak:
    """Served from a thread between `with` and its end. `writes` are the changes that were asked for."""

    def __init__(self) -> None:
        self.realms: dict[str, Json] = {}
        self.writes: list[tuple[str, str]] = []
        self.logins = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._token = secrets.token_hex(16)
        routes = [
            Route("/realms/{realm}/protocol/openid-connect/token", self._login, methods=["POST"]),
            Route("/realms/{realm}/.well-known/openid-configuration", self._metadata),
            Route("/realms/{realm}/certs", self._metadata),
            Route("/admin/realms{rest:path}", self._admin, methods=["GET", "POST", "PUT", "DELETE"]),
        ]
        config = uvicorn.Config(Starlette(routes=routes), log_level="critical", ws="none", loop="asyncio")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})

    async def _login(self, request: Request) -> Response:
        self.logins += 1
        form = dict(await request.form())
        if form.get("password", form.get("client_secret")) != PASSWORD:
            return JSONResponse({"error": "invalid_grant"}, 401)
        return JSONResponse({"access_token": self._token, "expires_in": 60, "token_type": "Bearer"})

    async def _metadata(self, request: Request) -> Response:
        issuer = f"{self.url}/realms/{request.path_params['realm']}"
        return JSONResponse({
            "issuer": issuer, "authorization_endpoint": f"{issuer}/auth", "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/certs", "keys": [],
        })  # fmt: skip

    async def _admin(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {self._token}":
            return JSONResponse({"error": "HTTP 401 Unauthorized"}, 401)
        template, operation = _operation(request.method, request.url.path)
        known = {each["name"] for each in operation.get("parameters", [])}
        assert set(request.query_params) <= known, request.url.query
        body: Json = {}
        if request.method in {"POST", "PUT"}:
            self.writes.append((request.method, request.url.path))
            body = await request.json()
            named = operation["requestBody"]["content"]["application/json"]["schema"].get(
                "$ref", "/RealmRepresentation"
            )
            if [*Draft202012Validator(_schema(named.rsplit("/", 1)[1])).iter_errors(body)]:
                return JSONResponse({"error": "Unrecognized field"}, 400)
        answer = self._answer(request, template.removeprefix("/admin/realms"), body)
        status = str(answer.status_code)
        assert status in operation["responses"] or status == "404", (template, status)
        if status == "200":
            self._check(operation["responses"]["200"]["content"]["application/json"]["schema"], bytes(answer.body))
        return answer

    def _check(self, schema: Json, body: bytes) -> None:
        told = json.loads(body)
        for one in told if schema.get("type") == "array" else [told]:
            Draft202012Validator(_schema(schema.get("items", schema)["$ref"].rsplit("/", 1)[1])).validate(one)

    def _answer(self, request: Request, template: str, body: Json) -> Response:
        parts = request.url.path.removeprefix("/admin/realms").strip("/").split("/")
        if template == "":
            return self._made(self.realms, {**body, "defaultSignatureAlgorithm": "RS256"}, "realm")
        if (realm := self.realms.get(parts[0])) is None:
            return JSONResponse({"error": "Realm not found."}, 404)
        state = realm.setdefault("#", {"clients": {}, "groups": {}, "mappers": {}})
        shown = {name: value for name, value in realm.items() if name != "#"}
        query = request.query_params
        match [*template.split("/")[2:], request.method]:
            case ["GET"]:
                return JSONResponse(shown)
            case ["PUT"]:
                realm |= body
                return Response(status_code=204)
            case [("clients" | "groups") as kind, "GET"]:
                key, wanted = (
                    ("clientId", query.get("clientId")) if kind == "clients" else ("name", query.get("search"))
                )
                return JSONResponse([one for one in state[kind].values() if wanted in (None, one[key])])
            case ["groups", "POST"]:
                return self._made(state["groups"], body, "name")
            case ["clients", "POST"]:
                return self._made(state["clients"], {**body, "secret": secrets.token_hex(16)}, "clientId")
            case ["clients", _, "PUT"]:
                state["clients"][body["clientId"]] |= body
                return Response(status_code=204)
        return self._of_client(state, parts, template.split("/")[4], body, request.method)

    def _of_client(self, state: Json, parts: list[str], what: str, body: Json, method: str) -> Response:
        client = next((one for one in state["clients"].values() if one["id"] == parts[2]), None)
        if client is None:
            return JSONResponse({"error": "Could not find client"}, 404)
        if what == "client-secret":
            return JSONResponse({"type": "secret", "value": client["secret"]})
        mappers = state["mappers"].setdefault(parts[2], {})
        if method == "GET":
            return JSONResponse([*mappers.values()])
        if method == "POST":
            return self._made(mappers, body, "name")
        mappers[body["name"]] |= body
        return Response(status_code=204)

    def _made(self, there: Json, body: Json, key: str) -> Response:
        if body[key] in there:
            return JSONResponse({"errorMessage": "exists"}, 409)
        there[body[key]] = {**body, "id": secrets.token_hex(8)}
        return Response(status_code=201)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        self._socket.close()
