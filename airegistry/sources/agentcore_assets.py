"""Gateways and agent runtimes of Amazon Bedrock AgentCore as servers and agents."""

import re
from urllib.parse import quote

from pydantic import JsonValue

from airegistry.core.assets import Agent, Json, Provenance, Server
from airegistry.core.cards import read_card
from airegistry.core.errors import Invalid
from airegistry.core.ports import AnyAsset
from airegistry.core.sources import Offer
from airegistry.core.validation import validated
from airegistry.sources.reading import Paths, digest_of, object_, objects, text

TAG = "AGENTCORE"
GATEWAYS_GONE = frozenset({"CREATING", "DELETING", "FAILED"})
RUNTIMES_GONE = frozenset({"CREATING", "CREATE_FAILED", "DELETING"})
"""States in which nothing answers there yet, or any more. One that is being updated, or was not updated, does."""
PROTOCOL = "0.3.0"
TIMES = frozenset({"createdAt", "updatedAt", "lastUpdatedAt", "lastSynchronizedAt", "statusReasons", "status"})
"""What changes though nothing does that an asset shows."""
_ARN = re.compile(r"arn:(aws[a-z-]*):bedrock-agentcore:([a-z0-9-]+):([0-9]{12}):.+")


def gateway_offer(gateway: Json, region: str, paths: Paths) -> Offer:
    """A gateway as a server; `targets` are what its tools come from."""
    arn, name = text(gateway.get("gatewayArn")), text(gateway.get("name"))
    kept = _without_times(gateway)
    try:
        account = _account(arn)
        fields: Json = {
            **_common(gateway, arn, name, f"AgentCore gateway {name}", "gateway"),
            "kind": "server",
            "path": paths.of(arn, name, region, account),
            "url": text(gateway.get("gatewayUrl")) or None,
            "transport": "streamable-http",
        }
        if not fields["url"]:
            raise Invalid("the gateway has no URL", field="url")
        targets: list[JsonValue] = [
            {"name": text(one.get("name")), "type": text(one.get("targetType"))}
            for one in objects(gateway.get("targets"))
        ]
        about: Json = {"gateway_id": text(gateway.get("gatewayId")), "targets": targets}
        about |= _auth(text(gateway.get("authorizerType")), gateway)
        return _offer(arn, fields, about, kept)
    except Invalid as error:
        return Offer(arn or name, refused=error.message, digest=digest_of(kept))


def runtime_offer(runtime: Json, region: str, paths: Paths) -> Offer:
    """A runtime as a server or as an agent, by the protocol that it speaks."""
    arn, name = text(runtime.get("agentRuntimeArn")), text(runtime.get("agentRuntimeName"))
    kept = _without_times(runtime)
    protocol = text(object_(runtime.get("protocolConfiguration")).get("serverProtocol")) or "HTTP"
    try:
        url = invocation_url(arn)
        common = _common(runtime, arn, name, f"AgentCore runtime {name}", "runtime")
        path = paths.of(arn, name, region, _account(arn))
        about: Json = {"runtime_id": text(runtime.get("agentRuntimeId")), "protocol": protocol, **_auth("", runtime)}
        if protocol == "MCP":
            fields = {**common, "kind": "server", "path": path, "url": url, "transport": "streamable-http"}
        elif protocol == "A2A":
            fields = {**common, **_agent(runtime, name, url), "kind": "agent", "path": path}
        else:
            raise Invalid(f"the runtime speaks {protocol}, which is neither MCP nor A2A", field="protocolConfiguration")
        return _offer(arn, fields, about, kept)
    except Invalid as error:
        return Offer(arn or name, refused=error.message, digest=digest_of(kept))


def invocation_url(arn: str) -> str:
    """Where a runtime is called: the data plane of its region, with its ARN as one segment of the path.

    Raises:
        Invalid: it is no ARN of AgentCore.
    """
    match = _ARN.fullmatch(arn)
    if match is None:
        raise Invalid(f"{arn[:80]!r} is no ARN of AgentCore", field="arn")
    suffix = "amazonaws.com.cn" if match[1] == "aws-cn" else "amazonaws.com"
    return f"https://bedrock-agentcore.{match[2]}.{suffix}/runtimes/{quote(arn, safe='')}/invocations?qualifier=DEFAULT"


def _agent(runtime: Json, name: str, url: str) -> Json:
    """The members of an agent with as much of a card as the control API tells: its skills are in the runtime."""
    security = _auth("", runtime)["auth"]
    scheme: Json = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    if security == "sigv4":
        scheme = {"type": "http", "scheme": "AWS4-HMAC-SHA256", "description": "AWS Signature Version 4"}
    card: Json = {
        "protocolVersion": PROTOCOL,
        "name": name,
        "description": text(runtime.get("description")) or f"AgentCore runtime {name}",
        "url": url,
        "preferredTransport": "JSONRPC",
        "version": text(runtime.get("agentRuntimeVersion")) or "1",
        "capabilities": {},
        "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain"],
        "skills": [],
        "securitySchemes": {str(security): scheme},
        "security": [{str(security): []}],
    }
    read_card(card)
    return {"card": card, "url": url, "version": card["version"]}


def _common(record: Json, arn: str, name: str, described: str, what: str) -> Json:
    return {
        "name": name,
        "description": text(record.get("description")) or described,
        "tags": [TAG, what],
        "metadata": {"arn": arn, "account": _account(arn), "region": _region(arn)},
    }


def _auth(type_: str, record: Json) -> Json:
    """How callers prove who they are: `sigv4`, `jwt` with who gives such tokens, or `none`."""
    jwt = object_(object_(record.get("authorizerConfiguration")).get("customJWTAuthorizer"))
    if not jwt:
        return {"auth": {"NONE": "none", "AUTHENTICATE_ONLY": "sigv4"}.get(type_, "sigv4")}
    names = ("discoveryUrl", "allowedAudience", "allowedClients", "allowedScopes")
    known: Json = {name: jwt[name] for name in names if jwt.get(name)}
    return {"auth": "jwt", "jwt": known}


def _offer(arn: str, fields: Json, about: Json, kept: Json) -> Offer:
    fields = {**fields, "metadata": {"agentcore": {**object_(fields["metadata"]), **about}}}
    asset: AnyAsset = validated(fields)
    assert isinstance(asset, Server | Agent)  # by their kinds
    provenance = Provenance(url=_console(arn))
    return Offer(arn, [asset.model_copy(update={"provenance": provenance})], digest_of(kept))


def _console(arn: str) -> str:
    """Where a person sees the thing: the console of its region."""
    return f"https://{_region(arn)}.console.aws.amazon.com/bedrock-agentcore/home?region={_region(arn)}"


def _without_times(record: Json) -> Json:
    return {name: _pruned(value) for name, value in record.items() if name not in TIMES}


def _pruned(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return _without_times(value)
    return [_pruned(each) for each in value] if isinstance(value, list) else value


def _part(arn: str, group: int) -> str:
    match = _ARN.fullmatch(arn)
    if match is None:
        raise Invalid(f"{arn[:80]!r} is no ARN of AgentCore", field="arn")
    return match[group]


def _region(arn: str) -> str:
    return _part(arn, 2)


def _account(arn: str) -> str:
    return _part(arn, 3)
