"""Amazon Cognito: moto's user pool with its real tokens, and the hosted pages that moto does not have."""

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import anyio
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from airegistry.core.errors import UpstreamFailed
from airegistry.egress.guard import Guard
from airegistry.egress.json_http import LIMIT, Answer, JsonHttp
from tests.support.asgi import serve
from tests.support.processes import Process, free_port, listens, python_env

Fields = dict[str, Any]
REGION = "us-east-1"
HOST = f"https://cognito-idp.{REGION}.amazonaws.com"
HOSTED = f"https://corp.auth.{REGION}.amazoncognito.com"
PERSON, PASSWORD, GROUP = "alice", "Abcd1234!", "registry-admins"


class Rerouted(JsonHttp):
    """Requests to the names of AWS go to loopback, as a resolver and a proxy of a test network would have it."""

    def __init__(self) -> None:
        super().__init__(Guard(loopback=True))
        self.routes: dict[str, str] = {}

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None, limit: int = LIMIT) -> Answer:
        return await super().get(self._way(url), headers={**(headers or {}), **_host(url)}, limit=limit)

    async def post(
        self, url: str, form: Mapping[str, str], *, headers: Mapping[str, str] | None = None, limit: int = LIMIT
    ) -> Answer:
        return await super().post(self._way(url), form, headers=headers, limit=limit)

    def _way(self, url: str) -> str:
        for there, here in self.routes.items():
            if url == there or url.startswith(f"{there}/"):
                return here + url.removeprefix(there)
        raise UpstreamFailed(f"{url} is out of reach")


def _host(url: str) -> dict[str, str]:
    """moto knows by the name of the host which service is meant."""
    return {"host": url.split("/")[2]} if url.startswith(HOST) else {}


class Cognito:
    """A user pool with one app client, one person and one group, over moto's own process at `url`."""

    def __init__(self, url: str, http: Rerouted) -> None:
        self.url = url
        self.pool = self.client_id = ""
        self.document: Fields = {}
        self._http = http
        self._nonce = ""

    @property
    def issuer(self) -> str:
        return f"{HOST}/{self.pool}"

    async def call(self, action: str, **params: Any) -> Fields:
        """One call of the Cognito API, as AWS's SDKs make it."""
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"AWSCognitoIdentityProviderService.{action}",
            "authorization": f"AWS4-HMAC-SHA256 Credential=x/20261120/{REGION}/cognito-idp/aws4_request",
        }
        answer = await self._http.post_json(self.url, params, headers=headers)
        assert answer.status == 200, answer.body
        made: Fields = orjson.loads(answer.body) if answer.body else {}
        return made

    async def furnish(self) -> None:
        """Make pool, client, group and person."""
        self.pool = (await self.call("CreateUserPool", PoolName="corp"))["UserPool"]["Id"]
        client = await self.call(
            "CreateUserPoolClient", UserPoolId=self.pool, ClientName="registry",
            ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH"], ReadAttributes=["email", "email_verified", "nonce"],
        )  # fmt: skip
        self.client_id = client["UserPoolClient"]["ClientId"]
        who = {"UserPoolId": self.pool, "Username": PERSON}
        await self.call("CreateGroup", UserPoolId=self.pool, GroupName=GROUP)
        await self.call("AdminCreateUser", **who)
        await self.call("AdminSetUserPassword", **who, Password=PASSWORD, Permanent=True)
        await self.call("AdminAddUserToGroup", **who, GroupName=GROUP)
        await self._set(email="alice@corp.test", email_verified="true")
        answer = await self._http.get(f"{self.issuer}/.well-known/openid-configuration")
        # moto leaves out what belongs to the hosted pages, and names its keys where it listens.
        self.document = {
            **answer.object(), "authorization_endpoint": f"{HOSTED}/oauth2/authorize",
            "token_endpoint": f"{HOSTED}/oauth2/token", "userinfo_endpoint": f"{HOSTED}/oauth2/userInfo",
            "jwks_uri": f"{self.issuer}/.well-known/jwks.json",
        }  # fmt: skip

    async def tokens(self, nonce: str) -> Fields:
        """moto's tokens for the person. Its id tokens take `nonce` from an attribute of the person."""
        await self._set(nonce=nonce)
        signed_in = await self.call(
            "AdminInitiateAuth", UserPoolId=self.pool, ClientId=self.client_id, AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": PERSON, "PASSWORD": PASSWORD},
        )  # fmt: skip
        made: Fields = signed_in["AuthenticationResult"]
        return made

    async def _set(self, **attributes: str) -> None:
        named = [{"Name": name, "Value": value} for name, value in attributes.items()]
        await self.call("AdminUpdateUserAttributes", UserPoolId=self.pool, Username=PERSON, UserAttributes=named)

    async def _metadata(self, request: Request) -> Response:
        return JSONResponse(self.document)

    async def _authorize(self, request: Request) -> Response:
        query = request.query_params
        self._nonce = query["nonce"]
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode({'code': 'c', 'state': query['state']})}", 302)

    async def _token(self, request: Request) -> Response:
        made = await self.tokens(self._nonce)
        return JSONResponse({"id_token": made["IdToken"], "access_token": made["AccessToken"], "token_type": "Bearer"})

    def hosted(self) -> Starlette:
        """The hosted pages, which sign everybody in as the person, and the document that names them."""
        return Starlette(
            routes=[
                Route("/document", self._metadata),
                Route("/oauth2/authorize", self._authorize),
                Route("/oauth2/token", self._token, methods=["POST"]),
            ]
        )


@asynccontextmanager
async def cognito(folder: Path, http: Rerouted) -> AsyncIterator[Cognito]:
    """A furnished pool; the requests of `http` to AWS find it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = Process(command, folder / "moto.log", python_env({"MOTO_ENABLE_ISO_REGIONS": "false"}))
    try:
        await anyio.to_thread.run_sync(process.wait_until, lambda: listens(port))
        made = Cognito(url, http)
        http.routes[HOST] = url
        await made.furnish()
        async with serve(made.hosted()) as hosted:
            http.routes = {
                f"{made.issuer}/.well-known/openid-configuration": f"{hosted}/document", HOST: url, HOSTED: hosted,
            }  # fmt: skip
            yield made
    finally:
        process.kill()
