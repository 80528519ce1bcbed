"""Checks of what a deployment is for, through its public address: who is let in, where logins lead, one call."""

import secrets
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from pydantic import JsonValue

from airegistry.cli.client import items
from airegistry.cli.doctor.findings import Check, Finding, fail, ok, skip, warn
from airegistry.cli.doctor.running_checks import Running
from airegistry.cli.errors import Refused
from airegistry.cli.values import Json
from airegistry.core.grants import ADMINISTRATORS
from airegistry.settings import Settings

_RESOURCE = "/.well-known/oauth-protected-resource/mcp"


@dataclass(frozen=True, slots=True)
class Demo:
    """An MCP server that may be registered for a moment, and what is called there; without a tool, one that takes no
    arguments."""

    url: str
    tool: str | None
    arguments: Json


@dataclass(frozen=True, slots=True)
class Deployed:
    """A registry in use; `settings` are those of here, where they can be read."""

    running: Running
    settings: Settings | None = None
    demo: Demo | None = None

    @property
    def url(self) -> str:
        """Its public URL."""
        return self.running.url

    async def call(self, tool: str, arguments: Json) -> JsonValue:
        """What a tool answers.

        Raises:
            NoAnswer, Refused: it does not.
        """
        return (await self.running.session.call(tool, arguments)).structured


async def _indexes(deployed: Deployed) -> Finding:
    settings = deployed.settings
    if settings is None or (shared := settings.shared_store) is None:
        return skip("no database is named here: run it where AIREGISTRY_STORE_URL is set, as in a task")
    try:
        from airegistry.stores.mongo.looking import look  # the driver is an extra
    except ImportError:
        return fail("the driver is not installed", "run `pip install 'airegistry[mongo]'`")
    found = await look(shared.url, shared.username, shared.password)
    if found.version < found.known or found.missing:
        return fail(
            f"laid out as version {found.version} of {found.known}; missing: {', '.join(found.missing) or 'nothing'}",
            "start a registry on it: the first replica lays it out; see its log when it stays so",
        )
    return ok(f"version {found.version}, every collection and index is there")


async def _closed(deployed: Deployed) -> Finding:
    answer = await deployed.running.http.post_json(f"{deployed.url}/mcp", {"jsonrpc": "2.0", "id": 1, "method": "ping"})
    challenge = answer.headers.get("www-authenticate", "")
    if answer.status != 401:
        return fail(f"/mcp answers {answer.status} to whoever has no token", "see what stands in front of it")
    if f"{deployed.url}/" not in challenge:
        return fail(
            "its challenge names another address: clients look for the login there",
            f"set AIREGISTRY_PUBLIC_URL={deployed.url}, and let WWW-Authenticate pass through what stands in front",
        )
    metadata = await deployed.running.http.get(f"{deployed.url}{_RESOURCE}")
    told = metadata.object() if metadata.status == 200 else {}
    if told.get("resource") != f"{deployed.url}/mcp":
        return fail(f"its resource metadata names {told.get('resource')}", f"set AIREGISTRY_PUBLIC_URL={deployed.url}")
    return ok("401 with a challenge that leads to the login")


async def _login(deployed: Deployed) -> Finding:
    page = await deployed.running.http.get(f"{deployed.url}/login", headers={"accept": "text/html"})
    if page.status != 200:
        return fail(f"/login answers {page.status}", "see what stands in front of it, and the registry's log")
    named = items((await deployed.running.ask("list_identity_providers"))["providers"])
    problems = []
    for name in (str(each["name"]) for each in named if each.get("enabled")):
        answer = await deployed.running.http.get(f"{deployed.url}/login/{name}", headers={"accept": "text/html"})
        asked = parse_qs(urlsplit(answer.headers.get("location", "")).query)
        if answer.status != 303:
            problems.append(f"/login/{name} answers {answer.status}")
        elif asked.get("redirect_uri") != [f"{deployed.url}/callback/{name}"]:
            problems.append(f"/login/{name} sends people back to {asked.get('redirect_uri')}")
    if problems:
        return fail(
            "; ".join(problems), "`airegistry provider test NAME` says what is wrong, and what to register there"
        )
    return ok(", ".join(["/login", *(f"/login/{each['name']}" for each in named if each.get("enabled"))]))


async def _scopes(deployed: Deployed) -> Finding:
    policy = await deployed.running.ask("get_policy")
    scopes = {str(each["name"]) for each in items(policy["scopes"])}
    groups = {str(each["name"]): each.get("scopes") for each in items(policy["groups"])}
    lost = {str(name) for held in groups.values() if isinstance(held, list) for name in held} - scopes
    if lost:
        return fail(f"groups hold scopes that are not there: {', '.join(sorted(lost))}", "`airegistry scope put NAME`")
    if not groups.get(ADMINISTRATORS):
        return fail(f"the group {ADMINISTRATORS} holds no scope", f"`airegistry group put {ADMINISTRATORS} --scope S`")
    if groups.keys() == {ADMINISTRATORS}:
        return warn(
            "administrators have rights, and nobody else has any",
            "`airegistry scope put` and `airegistry group put` give people what they need: docs/access.md",
        )
    return ok(f"{len(scopes)} scopes, {len(groups)} groups")


async def _search(deployed: Deployed) -> Finding:
    found = await deployed.call("search_registry", {"query": "find and use tools", "limit": 1})
    total = found.get("total") if isinstance(found, dict) else None
    if not total:
        return warn("nothing is found: the catalog has nothing that you may see", "register something, or grant `list`")
    return ok(f"{total} found")


async def _demo(deployed: Deployed) -> Finding:
    if deployed.demo is None:
        return skip("name an MCP server that may be registered for a moment with `--demo`")
    path = f"setup-{secrets.token_hex(4)}"
    fields: Json = {"name": "Setup check", "path": path, "url": deployed.demo.url, "tags": ["setup"]}
    asset = await deployed.call("register_service", fields)
    try:
        return await _use(deployed, deployed.demo, path, asset)
    finally:
        await deployed.call("delete_asset", {"kind": "server", "path": path})


async def _use(deployed: Deployed, demo: Demo, path: str, asset: JsonValue) -> Finding:
    tools = items(asset.get("tools")) if isinstance(asset, dict) else []
    wanted = [tool for tool in tools if (tool["name"] == demo.tool if demo.tool else not _required(tool))]
    if not isinstance(asset, dict) or not asset.get("enabled"):
        return fail(
            "it is registered, and held back", "see why: `airegistry scans report` after registering it yourself"
        )
    if not wanted:
        return fail(
            f"it has no tool {demo.tool}" if demo.tool else "it has no tool that takes no arguments",
            "name one with `--demo-tool`, and its arguments with `--demo-arg`",
        )
    name = str(wanted[0]["name"])
    found = await deployed.call("search_registry", {"query": f"{path} {name}", "kinds": ["tool"], "limit": 10})
    seen = [one.get("server") for one in items(found.get("results"))] if isinstance(found, dict) else []
    if path not in seen:
        return fail(f"search does not find {name}", "see `airegistry index status`")
    try:
        await deployed.call("call_tool", {"server": path, "tool": name, "arguments": demo.arguments})
    except Refused as error:
        if error.code in {"access_denied", "approval_required"}:
            return skip(f"registered and found; you may not call it ({error.code})")
        return fail(f"{name} answers: {error.message}", "see the backend's log, and `airegistry audit query`")
    return ok(f"registered, found, {name} called, removed")


def _required(tool: Json) -> bool:
    schema = tool.get("inputSchema")
    return bool(schema.get("required")) if isinstance(schema, dict) else False


CHECKS: list[Check[Deployed]] = [
    Check("verify.indexes", "collections and indexes of the database", _indexes, "see AIREGISTRY_STORE_URL"),
    Check("verify.closed", "what is told to whoever has no token", _closed, "see what stands in front of it"),
    Check("verify.login", "where persons are sent to log in", _login, "`airegistry provider test NAME`"),
    Check("verify.scopes", "whether groups have rights", _scopes, "`airegistry scope put`, `airegistry group put`"),
    Check("verify.search", "whether something is found", _search, "see `airegistry index status`"),
    Check("verify.demo", "registering, finding and calling a server", _demo, "see the registry's log"),
]
