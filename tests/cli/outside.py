"""The tools of webhooks, names and usage, as the stand-in has them: they record and do nothing."""

from typing import Any

from fastmcp import FastMCP

Json = dict[str, Any]


def _usage_tools(mcp: FastMCP) -> None:
    @mcp.tool
    def get_usage(
        path: str | None = None, kind: str | None = None, view: str = "popular", days: int = 30, hourly: bool = False,
        limit: int = 20,
    ) -> Json:  # fmt: skip
        return {}

    @mcp.tool
    def get_logs(
        since: str | None = None, until: str | None = None, level: str | None = None, logger: str | None = None,
        request_id: str | None = None, subject: str | None = None, text: str | None = None, order: str = "newest",
        limit: int = 100, cursor: str | None = None,
    ) -> Json:  # fmt: skip
        return {}


def _source_tools(mcp: FastMCP) -> None:
    @mcp.tool
    def add_source(
        name: str, kind: str, url: str = "", options: Json | None = None, secrets: Json | None = None,
        names: list[str] | None = None, tags: list[str] | None = None, namespace: list[str] | None = None,
        prefix: str | None = None, visibility: str | None = None, groups: list[str] | None = None,
        interval: float | None = None, on_duplicate: str | None = None, enabled: bool = True, description: str = "",
    ) -> Json:  # fmt: skip
        return {}

    @mcp.tool
    def update_source(
        name: str, url: str | None = None, options: Json | None = None, secrets: Json | None = None,
        names: list[str] | None = None, tags: list[str] | None = None, namespace: list[str] | None = None,
        prefix: str | None = None, visibility: str | None = None, groups: list[str] | None = None,
        interval: float | None = None, on_duplicate: str | None = None, enabled: bool | None = None,
        description: str | None = None,
    ) -> Json:  # fmt: skip
        return {}

    @mcp.tool
    def sync_source(name: str, dry_run: bool = False, cancel: bool = False, force: bool = False) -> Json:
        return {}

    @mcp.tool
    def list_sources() -> Json:
        return {}

    @mcp.tool
    def get_source(name: str) -> Json:
        return {}

    @mcp.tool
    def remove_source(name: str, dry_run: bool = False) -> Json:
        return {}


def outside_tools(mcp: FastMCP) -> None:
    """Add them."""
    _usage_tools(mcp)
    _entity_type_tools(mcp)
    _source_tools(mcp)

    @mcp.tool
    def create_webhook(
        name: str, url: str, events: list[str] | None = None, kinds: list[str] | None = None,
        paths: list[str] | None = None, description: str = "",
    ) -> Json:  # fmt: skip
        return {}

    @mcp.tool
    def update_webhook(
        name: str, url: str | None = None, events: list[str] | None = None, kinds: list[str] | None = None,
        paths: list[str] | None = None, description: str | None = None, active: bool | None = None,
    ) -> Json:  # fmt: skip
        return {}

    @mcp.tool
    def list_webhooks() -> Json:
        return {}

    @mcp.tool
    def rotate_webhook_secret(name: str, overlap_hours: float = 24) -> Json:
        return {}

    @mcp.tool
    def list_webhook_deliveries(
        name: str, state: str | None = None, since: str | None = None, until: str | None = None, limit: int = 50
    ) -> Json:
        return {}

    @mcp.tool
    def replay_webhook(
        name: str, event: str | None = None, state: str = "dead", since: str | None = None, until: str | None = None
    ) -> Json:
        return {}

    def by_name(name: str) -> Json:
        return {}

    for tool in ("delete_webhook", "test_webhook"):
        mcp.tool(by_name, name=tool)
    _names(mcp)


def _names(mcp: FastMCP) -> None:
    @mcp.tool
    def link_ans(kind: str, path: str, name: str) -> Json:
        return {}

    def by_place(kind: str, path: str) -> Json:
        return {}

    for tool in ("verify_ans", "unlink_ans"):
        mcp.tool(by_place, name=tool)


def _entity_type_tools(mcp: FastMCP) -> None:
    def nothing() -> Json:
        return {}

    mcp.tool(nothing, name="list_entity_types")

    @mcp.tool
    def define_entity_type(name: str, schema: Json, description: str = "") -> Json:
        return {}

    @mcp.tool
    def update_entity_type(name: str, schema: Json | None = None, description: str | None = None) -> Json:
        return {}

    @mcp.tool
    def get_entity_type(name: str) -> Json:
        return {}

    @mcp.tool
    def delete_entity_type(name: str) -> Json:
        return {}
