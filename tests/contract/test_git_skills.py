"""A started registry reads skills from a Git host on loopback, with the token of its settings."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support import mcp
from tests.support.asgi import serve
from tests.support.fake_github import FakeGitHub
from tests.support.registry import Registry

pytestmark = pytest.mark.anyio
TOKEN = "t0ken-of-the-settings"
SKILL = "---\nname: notes\ndescription: Takes notes of what was said.\n---\nWrite down what was said.\n"


async def test_a_skill_of_a_private_repository_is_registered_by_its_url_and_followed(tmp_path: Path) -> None:
    fake = FakeGitHub()
    repo = fake.repo()
    first = repo.commit({"s/notes/SKILL.md": SKILL, "s/notes/guide.md": "How to.\n"}, "feature/x")
    fake.authorization = f"Bearer {TOKEN}"
    async with serve(fake) as web:
        tokens = tmp_path / "tokens"
        name = urlsplit(web).netloc
        tokens.write_text(f"# of the host\n{name}={TOKEN}\n", encoding="utf-8")
        given = {"AIREGISTRY_GIT_HOSTS": f"{name}=github", "AIREGISTRY_GIT_TOKENS_FILE": str(tokens)}
        registry = Registry(tmp_path, given)
        try:
            registry.start()
            async with mcp.connect(registry.mcp, registry.token) as client:
                url = f"{web}/acme/tools/tree/feature/x/s/notes"
                made = await mcp.call(client, "register_skill", path="notes", url=url)
                assert (made["pinned"]["commit"], made["pinned"]["ref"]) == (first, "feature/x")
                read = await mcp.call(client, "get_skill_content", path="notes", resource="guide.md")
                assert (read["content"], read["resources"]) == ("How to.\n", ["SKILL.md", "guide.md"])
                repo.commit({"s/notes/SKILL.md": SKILL, "s/notes/guide.md": "How  to.\n"}, "feature/x")
                await mcp.call(client, "refresh_service", path="notes", kind="skill")
                read = await mcp.call(client, "get_skill_content", path="notes", resource="guide.md")
                assert read["content"] == "How  to.\n"
                with mcp.refused("invalid"):
                    await mcp.call(client, "register_skill", path="none", url=f"{web}/acme/tools/tree/main/none")
        finally:
            registry.close()
    assert {asked.headers.get("authorization") for asked in fake.asked} == {f"Bearer {TOKEN}"}
