"""The pages of `clients/` hold what a reader can paste."""

import json

import pytest

from tests.clients.pages import FOLDER, blocks

PAGES = sorted(page.stem for page in FOLDER.glob("*.md") if page.stem != "README")


@pytest.mark.parametrize("page", PAGES)
def test_each_page_has_one_command_or_one_json_block(page: str) -> None:
    assert len(blocks(page, "sh")) + len(blocks(page, "json")) == 1


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "json")])
def test_each_json_block_names_the_endpoint_and_the_header(page: str) -> None:
    block = json.loads(blocks(page, "json")[0])
    server = (block.get("mcpServers") or block["servers"])["airegistry"]
    assert (server.get("url") or server["httpUrl"]).endswith("/mcp")
    assert server["headers"]["Authorization"].startswith("Bearer $")
    assert page == "gemini-cli" or "httpUrl" not in server


def test_the_overview_names_every_page() -> None:
    overview = (FOLDER / "README.md").read_text()
    assert all(f"({page}.md)" in overview for page in PAGES)
