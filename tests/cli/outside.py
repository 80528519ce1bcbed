"""The tools of webhooks and names, as the stand-in has them: they record and do nothing."""

from typing import Any

from fastmcp import FastMCP

Json = dict[str, Any]


def outside_tools(mcp: FastMCP) -> None:
    """Add them."""

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
