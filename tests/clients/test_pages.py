"""The pages of `clients/` hold what a reader can paste."""

import json

import pytest

from tests.clients.pages import FOLDER, blocks

PAGES = sorted(page.stem for page in FOLDER.glob("*.md") if page.stem != "README")


WITH_JSON = [page for page in PAGES if blocks(page, "json")]
WITH_COMMANDS = ["claude-code", "codex"]


@pytest.mark.parametrize("page", WITH_JSON + WITH_COMMANDS)
def test_each_page_has_one_block_for_persons_and_one_for_machines(page: str) -> None:
    for_persons, for_machines = [*blocks(page, "sh"), *blocks(page, "json")]
    assert "AIREGISTRY_TOKEN" not in for_persons
    assert "token" in for_machines.lower()


@pytest.mark.parametrize("page", WITH_JSON)
def test_each_json_block_names_the_endpoint_and_the_second_the_header(page: str) -> None:
    for text in blocks(page, "json"):
        block = json.loads(text)
        server = (block.get("mcpServers") or block["servers"])["airegistry"]
        assert (server.get("url") or server["httpUrl"]).endswith("/mcp")
        assert page == "gemini-cli" or "httpUrl" not in server
        assert ("headers" in server) == (text == blocks(page, "json")[1])
        assert server.get("headers", {}).get("Authorization", "Bearer $").startswith("Bearer $")


def test_the_overview_names_every_page() -> None:
    overview = (FOLDER / "README.md").read_text()
    assert all(f"({page}.md)" in overview for page in PAGES)
