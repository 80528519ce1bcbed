"""A stand-in for the registry: its tools by name and parameters as CONTRACTS.md has them, which record and do nothing.

It speaks real MCP over loopback HTTP and wants a real bearer token. What a tool answers is what the test put there.
"""

import socket
import threading
from types import TracebackType
from typing import Any, Self

import uvicorn
from fastmcp import FastMCP
from fastmcp.server.auth import StaticTokenVerifier
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools.base import ToolResult
from mcp_types import CallToolRequestParams

from tests.cli.outside import outside_tools

TOKEN = "operator-" + "t" * 31
Json = dict[str, Any]


def _tools(mcp: FastMCP) -> None:
    """The tools the command line uses; the middleware answers in their place."""

    @mcp.tool
    def register_service(
        name: str, path: str, url: str | None = None, description: str = "", tags: list[str] | None = None,
        transport: str = "streamable-http", command: str | None = None, args: list[str] | None = None,
        tools: list[Json] | None = None, fetch: bool = True, on_duplicate: str = "report",
        groups: list[str] | None = None, license: str | None = None, requires_approval: list[str] | None = None,
        dry_run: bool = False,
    ) -> Json:  # fmt: skip
        return {}

    def page(limit: int = 50, cursor: str | None = None, tags: list[str] | None = None) -> Json:
        return {}

    for kind in ("services", "agents", "skills", "virtual_servers", "entities"):
        mcp.tool(page, name=f"list_{kind}")

    def by_path(path: str) -> Json:
        return {}

    for name in ("get_server_details", "refresh_service"):
        mcp.tool(by_path, name=name)

    @mcp.tool
    def toggle_service(path: str, enabled: bool) -> Json:
        return {}

    @mcp.tool
    def delete_asset(kind: str, path: str, dry_run: bool = False) -> Json:
        return {}

    _other_tools(mcp)
    _protection_tools(mcp)
    _search_tools(mcp)
    _scan_tools(mcp)
    _definition_tools(mcp)
    outside_tools(mcp)


def _other_tools(mcp: FastMCP) -> None:
    @mcp.tool
    def call_tool(server: str, tool: str, arguments: Json) -> ToolResult:
        return ToolResult(content="")

    @mcp.tool
    def put_scope(name: str, grants: list[Json], description: str = "") -> Json:
        return {}

    @mcp.tool
    def put_group(name: str, scopes: list[str], description: str = "") -> Json:
        return {}

    @mcp.tool
    def import_scopes(document: Json | None = None, yaml: str | None = None, dry_run: bool = True) -> Json:
        return {}

    @mcp.tool
    def create_token(
        name: str, groups: list[str] | None = None, scopes: list[str] | None = None, expires_in: int = 86400
    ) -> Json:
        return {}

    @mcp.tool
    def revoke_token(id: str) -> Json:
        return {}

    @mcp.tool
    def list_tokens() -> Json:
        return {}

    _audit_tools(mcp)
    _people_tools(mcp)
    _client_tools(mcp)
    _issuer_tools(mcp)
    _provider_tools(mcp)


def _audit_tools(mcp: FastMCP) -> None:
    def asked_audit(
        since: str | None = None, until: str | None = None, subject: str | None = None, asset: str | None = None,
        tool: str | None = None, action: str | None = None, decision: str | None = None, limit: int = 100,
        cursor: str | None = None,
    ) -> Json:  # fmt: skip
        return {}

    for name in ("query_audit", "export_audit"):
        mcp.tool(asked_audit, name=name)

    @mcp.tool
    def get_audit_heads() -> Json:
        return {}

    @mcp.tool
    def rotate_audit_key() -> Json:
        return {}

    @mcp.tool
    def prune_audit(before: str, dry_run: bool = False) -> Json:
        return {}


def _protection_tools(mcp: FastMCP) -> None:
    @mcp.tool
    def put_limit(
        name: str, subjects: list[str] | None = None, assets: list[str] | None = None, tools: list[str] | None = None,
        methods: list[str] | None = None, per: list[str] | None = None, calls: int | None = None, seconds: float = 60,
        burst: int | None = None, concurrent: int | None = None, streams: int | None = None, description: str = "",
    ) -> Json:  # fmt: skip
        return {}

    def nothing() -> Json:
        return {}

    for name in ("list_limits", "list_quarantine"):
        mcp.tool(nothing, name=name)

    @mcp.tool
    def list_approvals(status: str = "pending") -> Json:
        return {}

    @mcp.tool
    def approve_call(id: str, decision: str, reason: str = "") -> Json:
        return {}

    @mcp.tool
    def set_lifecycle_stage(
        kind: str, path: str, stage: str, reason: str = "", version: str | None = None,
        retirement_date: str | None = None,
    ) -> Json:  # fmt: skip
        return {}

    @mcp.tool
    def get_lifecycle(kind: str, path: str, version: str | None = None) -> Json:
        return {}

    @mcp.tool
    def delete_limit(name: str) -> Json:
        return {}

    @mcp.tool
    def quarantine(kind: str, id: str, reason: str) -> Json:
        return {}

    @mcp.tool
    def lift_quarantine(kind: str, id: str) -> Json:
        return {}


def _definition_tools(mcp: FastMCP) -> None:
    @mcp.tool
    def get_definition_changes(kind: str, path: str, version: str | None = None) -> Json:
        return {}

    @mcp.tool
    def list_definition_changes(limit: int) -> Json:
        return {}

    def act(kind: str, path: str, hash: str, reason: str, tool: str | None = None) -> Json:
        return {}

    for name in ("approve_definition", "reject_definition"):
        mcp.tool(act, name=name)


def _scan_tools(mcp: FastMCP) -> None:
    @mcp.tool
    def scan_asset(kind: str, path: str, version: str | None = None) -> Json:
        return {}

    @mcp.tool
    def get_scan_report(kind: str, path: str, version: str | None = None, sarif: bool = False) -> Json:
        return {}

    @mcp.tool
    def list_findings(
        kind: str | None = None, path: str | None = None, severity: str | None = None, rule: str | None = None,
        verdict: str | None = None, limit: int = 50, cursor: str | None = None,
    ) -> Json:  # fmt: skip
        return {}

    @mcp.tool
    def waive_finding(
        kind: str, path: str, fingerprint: str, reason: str, days: int = 90, version: str | None = None
    ) -> Json:
        return {}

    @mcp.tool
    def unwaive_finding(kind: str, path: str, fingerprint: str) -> Json:
        return {}

    def nothing() -> Json:
        return {}

    for name in ("list_waivers", "rescan_all", "scan_status"):
        mcp.tool(nothing, name=name)


def _search_tools(mcp: FastMCP) -> None:
    @mcp.tool
    def search_registry(
        query: str, kinds: list[str] | None = None, limit: int = 10, tags: list[str] | None = None,
        include_disabled: bool = False, owner: list[str] | None = None, environment: list[str] | None = None,
        stage: list[str] | None = None, source: list[str] | None = None, health: list[str] | None = None,
        by_kind: bool = False, detail: str = "brief",
    ) -> Json:  # fmt: skip
        return {}

    @mcp.tool
    def index_status() -> Json:
        return {}

    @mcp.tool
    def reindex(asset: str | None = None) -> Json:
        return {}

    @mcp.tool
    def switch_embedder(embedder: str) -> Json:
        return {}


def _people_tools(mcp: FastMCP) -> None:
    @mcp.tool
    def put_user(
        id: str, name: str | None = None, email: str | None = None, groups: list[str] | None = None,
        password: str | None = None, active: bool | None = None,
    ) -> Json:  # fmt: skip
        return {}

    @mcp.tool
    def list_users(limit: int = 100, cursor: str | None = None) -> Json:
        return {}

    @mcp.tool
    def set_user_password(id: str, password: str | None = None) -> Json:
        return {}

    def by_id(id: str) -> Json:
        return {}

    for name in ("delete_user", "reset_second_factor", "end_sessions"):
        mcp.tool(by_id, name=name)


def _client_tools(mcp: FastMCP) -> None:
    @mcp.tool
    def put_client(
        client_id: str, client_name: str | None = None, redirect_uris: list[str] | None = None,
        grant_types: list[str] | None = None, token_endpoint_auth_method: str | None = None, jwks: Json | None = None,
        jwks_uri: str | None = None, groups: list[str] | None = None, scopes: list[str] | None = None,
        active: bool | None = None, rotate_secret: bool = False,
    ) -> Json:  # fmt: skip
        return {}

    @mcp.tool
    def list_clients(origin: str | None = None, limit: int = 100, cursor: str | None = None) -> Json:
        return {}

    @mcp.tool
    def delete_client(client_id: str) -> Json:
        return {}


def _issuer_tools(mcp: FastMCP) -> None:
    @mcp.tool
    def put_trusted_issuer(
        name: str, issuer: str, jwks_uri: str | None = None, accepts: list[str] | None = None,
        audiences: list[str] | None = None, algorithms: list[str] | None = None, subject_claim: str | None = None,
        groups_claim: str | None = None, groups: list[str] | None = None,
        group_map: dict[str, list[str]] | None = None, group_filter: list[str] | None = None,
        scopes_claim: str | None = None, scopes: list[str] | None = None, required_claims: Json | None = None,
        leeway: int | None = None, active: bool | None = None,
    ) -> Json:  # fmt: skip
        return {}

    @mcp.tool
    def list_trusted_issuers() -> Json:
        return {}

    @mcp.tool
    def delete_trusted_issuer(name: str) -> Json:
        return {}

    @mcp.tool
    def vend_token(name: str, scopes: list[str] | None = None, expires_in: int = 3600) -> Json:
        return {}


def _provider_tools(mcp: FastMCP) -> None:
    @mcp.tool
    def put_identity_provider(
        name: str, client_id: str, profile: str = "oidc", issuer: str | None = None, client_secret: str | None = None,
        title: str | None = None, token_endpoint_auth_method: str | None = None, scopes: list[str] | None = None,
        groups_claim: str | None = None, group_filter: list[str] | None = None,
        group_map: dict[str, str] | None = None, dn_to_cn: bool | None = None, email_domains: list[str] | None = None,
        tenants: list[str] | None = None, max_age: int | None = None, logout_endpoint: str | None = None,
        api: str | None = None, enabled: bool = True,
    ) -> Json:  # fmt: skip
        return {}

    @mcp.tool
    def list_identity_providers() -> Json:
        return {}

    def by_name(name: str) -> Json:
        return {}

    for tool in ("delete_identity_provider", "test_identity_provider"):
        mcp.tool(by_name, name=tool)
    _credential_tools(mcp)


def _credential_tools(mcp: FastMCP) -> None:
    @mcp.tool
    def set_credential(path: str, credential: Json, kind: str = "server", url: str | None = None) -> Json:
        return {}

    def of_path(path: str, kind: str = "server") -> Json:
        return {}

    for name in ("get_credential", "delete_credential"):
        mcp.tool(of_path, name=name)

    @mcp.tool
    def rotate_secret_key() -> Json:
        return {}


class FakeRegistry(Middleware):
    """Served from a thread between `with` and its end. `calls` are the tools called, `answer` what the next say."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Json]] = []
        self.answer = ToolResult(structured_content={})
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        mcp = FastMCP("fake", auth=StaticTokenVerifier({TOKEN: {"client_id": "test", "scopes": []}}), middleware=[self])
        _tools(mcp)
        app = mcp.http_app(path="/mcp", stateless_http=True, json_response=True)
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="critical", ws="none", loop="asyncio"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})

    def says(self, structured: Json, *, content: object = None, error: bool = False) -> None:
        """What the next call is answered with."""
        self.answer = ToolResult(content=content, structured_content=structured, is_error=error)

    def refuses(self, code: str, message: str, **details: object) -> None:
        """The next call is refused, as every tool of the registry refuses."""
        self.says({"code": code, "message": message, **details}, content=f"{code}: {message}", error=True)

    async def on_call_tool(
        self,
        context: MiddlewareContext[CallToolRequestParams],
        call_next: CallNext[CallToolRequestParams, ToolResult],
    ) -> ToolResult:
        checked = await call_next(context)
        if checked.is_error:
            return checked
        self.calls.append((context.message.name, context.message.arguments or {}))
        return self.answer

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        self._socket.close()
