"""AWS as far as sources ask it: a fake that takes only what botocore's descriptions of the services allow.

Every request is checked against the description and its signature verified with a key that the fake gave out; every
answer is checked against the description too. Regions are told apart by the signature, accounts by the key.
"""

import secrets
from collections import deque
from collections.abc import Callable, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.sources.agentcore.models import NotAsDescribed, answered, asked
from tests.sources.agentcore.signatures import BadSignature, Signed, verify

HOME, OTHER = "111122223333", "444455556666"
OWN = ("AKIAHOMEHOMEHOMEHOME", "home/secret+home/secret+home/secret+1234")
EXTERNAL_ID = "the-external-id"
WHEN = "2026-11-01T12:00:00Z"

Parameters = dict[str, object]


class Refused(Exception):
    """An error that AWS answers with."""

    def __init__(self, status: int, code: str, message: str = "no", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code)
        self.status, self.code, self.message, self.headers = status, code, message, dict(headers or {})


class FakeAws:
    """Gateways, runtimes and registries by account and region. `faults` take the place of answers, by operation.

    `calls` are what was asked, each with the account and the region; `wrong` what no description allows.
    """

    def __init__(self) -> None:
        self.keys: dict[str, tuple[str, str, str | None]] = {OWN[0]: (OWN[1], HOME, None)}
        self.gateways: dict[tuple[str, str], list[Parameters]] = {}
        self.targets: dict[str, list[Parameters]] = {}
        self.runtimes: dict[tuple[str, str], list[Parameters]] = {}
        self.registries: dict[tuple[str, str], list[Parameters]] = {}
        self.records: dict[str, list[Parameters]] = {}
        self.page_of = 2
        self.faults: dict[str, deque[Response | Refused]] = {}
        self.calls: list[tuple[str, str, str, Parameters]] = []
        self.wrong: list[str] = []
        self._operations: dict[str, Callable[[str, str, Parameters], Parameters]] = {
            "AssumeRole": self._assume,
            "ListGateways": self._list_gateways,
            "GetGateway": self._get_gateway,
            "ListGatewayTargets": self._list_targets,
            "ListAgentRuntimes": self._list_runtimes,
            "GetAgentRuntime": self._get_runtime,
            "ListRegistries": self._list_registries,
            "ListRegistryRecords": self._list_records,
            "GetRegistryRecord": self._get_record,
        }

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self._answer, methods=["GET", "POST"])])

    def operations(self, name: str) -> list[tuple[str, str]]:
        """Where an operation was asked for: account and region, in order."""
        return [(account, region) for operation, account, region, _ in self.calls if operation == name]

    async def _answer(self, request: Request) -> Response:
        body, path = await request.body(), request.scope["raw_path"].decode().partition("?")[0]
        query, headers = request.scope["query_string"].decode(), dict(request.headers)
        try:
            signed = self._signed(request.method, path, query, headers, body)
            account = self.keys[signed.access_key][1]
            told = asked(signed.service, request.method, path, query, body)
        except (BadSignature, NotAsDescribed) as error:
            self.wrong.append(f"{request.method} {path}?{query}: {error}")
            return _error(Refused(403, "InvalidSignatureException", str(error)), "json")
        self.calls.append((told.operation, account, signed.region, told.parameters))
        form = "xml" if signed.service == "sts" else "json"
        try:
            if self.faults.get(told.operation):
                fault = self.faults[told.operation].popleft()
                if isinstance(fault, Refused):
                    raise fault
                return fault
            answer = self._operations[told.operation](account, signed.region, told.parameters)
        except Refused as refused:
            return _error(refused, form)
        try:
            answered(signed.service, told.operation, answer)
        except NotAsDescribed as error:
            self.wrong.append(f"answer: {error}")
        return JSONResponse(answer) if form == "json" else Response(_xml(told.operation, answer), media_type="text/xml")

    def _signed(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Signed:
        signed = verify(method, path, query, headers, body, {key: secret for key, (secret, _, _) in self.keys.items()})
        if headers.get("x-amz-security-token") != self.keys[signed.access_key][2]:
            raise BadSignature("another session token")
        return signed

    def _assume(self, account: str, region: str, parameters: Parameters) -> Parameters:
        _, _, _, _, account, role = str(parameters["RoleArn"]).split(":")
        if parameters.get("ExternalId") != EXTERNAL_ID or role != "role/airegistry":
            raise Refused(403, "AccessDenied", "not authorized to perform: sts:AssumeRole")
        key = f"ASIA{secrets.token_hex(8).upper()}"
        self.keys[key] = (secrets.token_urlsafe(30), account, secrets.token_urlsafe(60))
        return {
            "Credentials": {
                "AccessKeyId": key,
                "SecretAccessKey": self.keys[key][0],
                "SessionToken": self.keys[key][2],
                "Expiration": "2099-01-01T00:00:00Z",
            }
        }

    def _page(self, items: list[Parameters], parameters: Parameters) -> tuple[list[Parameters], Parameters]:
        """A page, and the token of the next one."""
        start = int(str(parameters.get("nextToken", "at-0")).removeprefix("at-"))
        end = start + min(self.page_of, int(str(parameters["maxResults"])))
        return items[start:end], {"nextToken": f"at-{end}"} if end < len(items) else {}

    def _list_gateways(self, account: str, region: str, parameters: Parameters) -> Parameters:
        page, more = self._page(self.gateways.get((account, region), []), parameters)
        names = (
            "gatewayId",
            "name",
            "status",
            "description",
            "createdAt",
            "updatedAt",
            "authorizerType",
            "protocolType",
        )
        return {"items": [_some(one, names) for one in page], **more}

    def _get_gateway(self, account: str, region: str, parameters: Parameters) -> Parameters:
        return _one(self.gateways.get((account, region), []), "gatewayId", parameters["gatewayIdentifier"])

    def _list_targets(self, account: str, region: str, parameters: Parameters) -> Parameters:
        return {"items": self.targets.get(str(parameters["gatewayIdentifier"]), [])}

    def _list_runtimes(self, account: str, region: str, parameters: Parameters) -> Parameters:
        page, more = self._page(self.runtimes.get((account, region), []), parameters)
        names = (
            "agentRuntimeArn", "agentRuntimeId", "agentRuntimeVersion", "agentRuntimeName", "description",
            "lastUpdatedAt", "status",
        )  # fmt: skip
        return {"agentRuntimes": [_some(one, names) for one in page], **more}

    def _get_runtime(self, account: str, region: str, parameters: Parameters) -> Parameters:
        return _one(self.runtimes.get((account, region), []), "agentRuntimeId", parameters["agentRuntimeId"])

    def _list_registries(self, account: str, region: str, parameters: Parameters) -> Parameters:
        page, more = self._page(self.registries.get((account, region), []), parameters)
        return {"registries": page, **more}

    def _list_records(self, account: str, region: str, parameters: Parameters) -> Parameters:
        id = str(parameters["registryId"]).rpartition("/")[2]
        if id not in self.records:
            raise Refused(404, "ResourceNotFoundException", f"no registry {id}")
        page, more = self._page(self.records[id], parameters)
        names = (
            "registryArn", "recordArn", "recordId", "name", "displayName", "description", "recordType",
            "descriptorType", "recordVersion", "status", "createdAt", "updatedAt",
        )  # fmt: skip
        return {"registryRecords": [_some(one, names) for one in page], **more}

    def _get_record(self, account: str, region: str, parameters: Parameters) -> Parameters:
        return _one(self.records[str(parameters["registryId"]).rpartition("/")[2]], "recordId", parameters["recordId"])


def gateway(name: str, *, account: str = HOME, region: str = "us-east-1", **more: object) -> Parameters:
    """A gateway that admits callers by AWS signatures."""
    id = f"{name.lower()}-abcdefghij"
    return {
        "gatewayArn": f"arn:aws:bedrock-agentcore:{region}:{account}:gateway/{id}",
        "gatewayId": id,
        "gatewayUrl": f"https://{id}.gateway.bedrock-agentcore.{region}.amazonaws.com/mcp",
        "name": name,
        "description": f"Tools of {name}",
        "status": "READY",
        "authorizerType": "AWS_IAM",
        "protocolType": "MCP",
        "roleArn": f"arn:aws:iam::{account}:role/gateway",
        "createdAt": WHEN,
        "updatedAt": WHEN,
        **more,
    }


def runtime(
    name: str, protocol: str | None, *, account: str = HOME, region: str = "us-east-1", **more: object
) -> Parameters:
    """A runtime that admits callers by AWS signatures."""
    id = f"{name}-abcdefghij"
    spoken: Parameters = {} if protocol is None else {"protocolConfiguration": {"serverProtocol": protocol}}
    return {
        "agentRuntimeArn": f"arn:aws:bedrock-agentcore:{region}:{account}:runtime/{id}",
        "agentRuntimeId": id,
        "agentRuntimeName": name,
        "agentRuntimeVersion": "3",
        "description": f"Runs {name}",
        "status": "READY",
        "roleArn": f"arn:aws:iam::{account}:role/runtime",
        "lifecycleConfiguration": {"idleRuntimeSessionTimeout": 900},
        "createdAt": WHEN,
        "lastUpdatedAt": WHEN,
        **spoken,
        **more,
    }


JWT: Parameters = {
    "customJWTAuthorizer": {
        "discoveryUrl": "https://login.example.com/.well-known/openid-configuration",
        "allowedClients": ["client-7"],
        "allowedAudience": ["gateways"],
    }
}


def _some(whole: Parameters, names: tuple[str, ...]) -> Parameters:
    return {name: whole[name] for name in names if name in whole}


def _one(items: list[Parameters], member: str, id: object) -> Parameters:
    for each in items:
        if each[member] == id:
            return each
    raise Refused(404, "ResourceNotFoundException", f"no {id}")


def _error(refused: Refused, form: str) -> Response:
    if form == "json":
        headers = {**refused.headers, "x-amzn-errortype": f"{refused.code}:http://internal.amazon.com/coral/"}
        return JSONResponse({"message": refused.message}, refused.status, headers)
    text = (
        f"<ErrorResponse><Error><Code>{refused.code}</Code><Message>{refused.message}</Message></Error></ErrorResponse>"
    )
    return Response(text, refused.status, refused.headers, media_type="text/xml")


def _xml(operation: str, answer: Mapping[str, object]) -> str:
    def element(name: str, value: object) -> str:
        inner = "".join(element(*each) for each in value.items()) if isinstance(value, dict) else str(value)
        return f"<{name}>{inner}</{name}>"

    space = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
    inner = element(f"{operation}Result", dict(answer))
    return f"<{operation}Response {space}>{inner}</{operation}Response>"
