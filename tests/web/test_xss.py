"""What upstreams and other people wrote is text in every view: none of it runs, loads something or leads astray."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.support.rounds import ROUNDS
from tests.web import evil
from tests.web.crawl import crawl
from tests.web.evil import CORPUS, URLS, Json, text
from tests.web.people import People
from tests.web.waiting import calling
from tests.web.world import ADMIN, WebWorld

ANSWERS = "evil-answers"
TURNING, GUARDED = "evil-turning", "evil-guarded"
SERVER, AGENT, SKILL, VIRTUAL, ENTITY = "evil-server", "evil-agent", "evil-skill", "evil-virtual", "evil-entity"
CARD: Json = {
    "name": text("card"), "description": text("card", 1), "version": "6.6.6", "url": "http://127.0.0.1:9/a2a",
    "protocolVersion": "0.3.0", "capabilities": {}, "defaultInputModes": [text("mode")], "defaultOutputModes": ["text"],
    "provider": {"organization": text("organization"), "url": "https://evil.example/"},
    "skills": [
        {"id": f"skill-{number}", "name": text("agent-skill", number), "description": text("agent-skill", number),
         "tags": [text("agent-tag", number)], "examples": [text("agent-example", number)]}
        for number in range(len(CORPUS))
    ],
}  # fmt: skip
SEEN = frozenset(
    "title about tag owner license tool tool-title schema instructions agent-skill entity-value group scope token "
    "limit reason person evidence prompt prompt-title argument resource mime source hook waiver asked "
    "changed".split()
)
"""Fields that some view has to show, in their own letters."""
WRONG = """() => {
    const links = /^(https?:|data:image\\/|[/#.]|$)/;
    const carrying = ["href", "src", "action", "formaction", "xlink:href", "data", "srcdoc", "background", "poster"];
    const wrong = [];
    for (const element of document.querySelectorAll("body *")) {
        for (const { name, value } of element.attributes) {
            if (name.startsWith("on")) wrong.push(`${element.tagName} ${name}`);
            if (carrying.includes(name) && !links.test(value.trim()) && element.tagName !== "path") wrong.push(`${name}=${value}`);
        }
        if (/^(iframe|object|embed|style|base|meta|link|math|marquee|video|audio)$/i.test(element.tagName)) wrong.push(element.tagName);
        if (element.matches("main script, main img:not(.result-image)")) wrong.push(element.tagName);
        if (element.matches("a[href^=http]") && element.origin !== location.origin) {
            for (const each of ["noopener", "noreferrer", "nofollow"]) if (!element.relList.contains(each)) wrong.push(`${element.href} without ${each}`);
        }
    }
    if (window.__ran !== undefined) wrong.push("a script ran");
    return wrong;
}"""  # noqa: E501  # a script


@pytest.fixture(scope="module")
def evil_world(world: WebWorld) -> Iterator[WebWorld]:
    """The furnished registry, and beside it an asset of each kind, people and rules that carry the corpus."""
    with evil.serving() as upstream:
        _assets(world, upstream.url)
        undo = [*_rules(world), *_findings(world), *_turned(world, upstream)]
        with _asking(world):
            yield world
        for each in undo:
            each()
        for place in (f"virtual-servers/{VIRTUAL}", f"servers/{SERVER}", f"servers/{SERVER}-told", f"servers/{ANSWERS}",
                      f"agents/{AGENT}",
                      f"skills/{SKILL}", f"entities/{ENTITY}", "entity-types/evil-type"):  # fmt: skip
            world.ask("DELETE", f"/{place}")


def _assets(world: WebWorld, url: str) -> None:
    governed: Json = {
        "description": text("about", 1), "tags": [text("tag", each)[:100] for each in range(4)],
        "owner_team": text("owner", 2), "license": text("license", 3), "technical_owner": text("technical", 4),
        "business_capability": text("business", 5),
    }  # fmt: skip
    world.ask("POST", "/servers", {"path": SERVER, "name": text("name"), "url": f"{url}/mcp", **governed})
    world.ask("POST", "/servers", {"path": ANSWERS, "name": "Answers", "url": f"{url}/clean/mcp"})
    world.server(f"{SERVER}-told", text("name"), text("about"), tools=evil.tools())
    world.ask("POST", "/agents", {"path": AGENT, "card": CARD})
    body = "\n\n".join(CORPUS)
    content = f"---\nname: {SKILL}\ndescription: {text('about', 6)!r}\n---\n# {CORPUS[0]}\n\n{body}\n"
    world.ask("POST", "/skills", {"path": SKILL, "content": content})
    world.ask("POST", "/virtual-servers", {
        "path": VIRTUAL, "name": text("name", 2), "description": text("about", 7),
        "tools": [{"server": "weather", "tool": "weather_look"}],
    })  # fmt: skip
    world.ask("PUT", "/entity-types/evil-type", {"schema": evil.schema(0), "description": text("type", 1)})
    data: Json = {"plain": text("entity-value"), text("entity-name", 1): [text("entity-value", 2)]}
    world.ask("POST", "/entities", {"type": "evil-type", "path": ENTITY, "data": data})
    for place in (f"servers/{SERVER}", f"servers/{SERVER}-told", f"entities/{ENTITY}"):
        world.ask("PATCH", f"/{place}", {"title": text("title")})


def _rules(world: WebWorld) -> list[Callable[[], object]]:
    """What people write into policy and protection; the ways to take it back."""
    group, person, caller = text("group")[:120], "evil-person", text("caller")[:100]
    at_group, at_caller = f"/groups/{quote(group, safe='')}", f"/quarantine/caller/{quote(caller, safe='')}"
    world.ask("PUT", "/scopes/evil-scope", {"grants": [{"assets": ["evil-*"]}], "description": text("scope")})
    world.ask("PUT", at_group, {"scopes": ["evil-scope"], "description": text("group", 1)})
    world.ask("PUT", f"/users/{person}", {"name": text("person"), "groups": [group]})
    token = world.ask("POST", "/tokens", {"name": text("token")[:120], "scopes": ["evil-scope"]})["id"]
    world.ask("PUT", "/limits/evil-limit", {"calls": 9, "subjects": [text("limit")], "description": text("limit", 1)})
    world.ask("PUT", at_caller, {"reason": text("reason")})
    arguments = {"arguments": {"destination": text("parameter"), "kilograms": 1}}
    world.ask("POST", "/tools/parcels/quote_freight/calls", arguments)
    away: Json = {"url": "http://127.0.0.1:9"}
    source = {"name": "evil-source", "kind": "mcp-registry", "enabled": False, "description": text("source"), **away}
    world.ask("POST", "/sources", source)
    hook = {"name": "evil-hook", "events": ["source:*"], "description": text("hook"), **away}
    world.ask("POST", "/webhooks", hook)
    return [
        lambda: world.ask("DELETE", "/sources/evil-source"), lambda: world.ask("DELETE", "/webhooks/evil-hook"),
        lambda: world.ask("DELETE", at_caller),
        lambda: world.ask("DELETE", "/limits/evil-limit"), lambda: world.ask("DELETE", f"/tokens/{token}"),
        lambda: world.ask("DELETE", f"/users/{person}"), lambda: world.ask("DELETE", at_group),
        lambda: world.ask("DELETE", "/scopes/evil-scope"),
    ]  # fmt: skip


def _findings(world: WebWorld) -> list[Callable[[], object]]:
    """What a scan found, of which one is let pass with a reason."""
    report = world.ask("GET", f"/servers/{SERVER}-told/scans/latest")
    found = report["findings"]
    assert isinstance(found, list)
    fingerprint = next(str(each["fingerprint"]) for each in found if isinstance(each, dict))
    place = f"/servers/{SERVER}-told/waivers"
    world.ask("POST", place, {"fingerprint": fingerprint, "reason": text("waiver")})
    return [lambda: world.ask("DELETE", f"{place}/{fingerprint}")]


def _turned(world: WebWorld, upstream: evil.Upstream) -> list[Callable[[], object]]:
    """A server that was approved for other words than it says now."""
    world.ask("POST", "/servers", {"path": TURNING, "name": "Turning", "url": f"{upstream.url}/turning/mcp"})
    upstream.turned = True
    world.ask("POST", f"/servers/{TURNING}/refresh")
    return [lambda: world.ask("DELETE", f"/servers/{TURNING}")]


@contextmanager
def _asking(world: WebWorld) -> Iterator[None]:
    """A call that waits for approval meanwhile."""
    world.ask("POST", "/servers", {
        "path": GUARDED, "name": "Guarded", "url": world.backend.url, "requires_approval": ["echo"],
    })  # fmt: skip
    made = world.ask("POST", "/tokens", {"name": "evil-caller", "scopes": ["caller"]})
    with calling(world, str(made["token"]), text("asked"), GUARDED) as call:
        yield
        world.ask("DELETE", f"/servers/{GUARDED}")
        world.ask("DELETE", f"/tokens/{made['id']}")
        assert call.result(30) >= 400


def _nothing_ran(page: Page, view: str) -> None:
    page.evaluate("document.querySelectorAll('main details').forEach(each => { each.open = true })")
    found: list[str] = page.evaluate(WRONG)
    assert found == [], view


def test_every_view_shows_it_in_its_own_letters_and_nothing_of_it_runs(people: People, evil_world: WebWorld) -> None:
    page, seen = people(ADMIN), ""
    dialogs: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    views = []
    twice = () if ROUNDS >= 20 else (f"{SERVER}-told", ANSWERS)

    def wanted(path: str) -> bool:
        return path.startswith("evil-") and path not in twice

    for view in crawl(page, evil_world.url, wanted, "/ui/?disabled=true&q=evil"):
        views.append(view)
        _nothing_ran(page, view)
        seen += page.locator("body").inner_text()
        seen += "".join(page.locator("input, textarea").evaluate_all("all => all.map(each => each.value)"))
    assert dialogs == []
    assert {f"/ui/servers/{SERVER}", f"/ui/agents/{AGENT}", "/ui/access/groups", "/ui/tokens"} <= {*views}
    assert [field for field in sorted(SEEN) if f"evil-{field} <" not in seen and f"evil-{field} " not in seen] == []
    assert 'onerror="window.__ran=1"' in seen
    assert "<script>window.__ran=1</script>" in seen


def test_it_is_text_in_suggestions_the_palette_and_the_window_title(people: People, evil_world: WebWorld) -> None:
    page = people(ADMIN, "/ui/?q=evil&disabled=true")
    expect(page.locator(".card").first).to_be_visible()
    page.keyboard.press("Control+k")
    page.get_by_role("combobox").fill("evil")
    expect(page.get_by_role("option").first).to_be_visible()
    _nothing_ran(page, "palette")
    page.goto(f"{evil_world.url}/ui/servers/{SERVER}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("evil-title <img")
    assert page.title().startswith("evil-title <img src=x")


def test_what_stands_in_an_address_is_text_too(people: People) -> None:
    page = people(ADMIN)
    for query in CORPUS:
        page.goto(f"{people.url}/ui/?q={quote(query)}&tags={quote(query)}")
        expect(page.get_by_label("Search the registry")).to_have_value(query)
        _nothing_ran(page, query)


def test_the_answer_of_a_tool_is_text_and_no_picture_with_a_script_in_it(people: People, evil_world: WebWorld) -> None:
    page = people(ADMIN, f"/ui/servers/{ANSWERS}/try?tool=say")
    page.get_by_role("button", name="Call the tool").click()
    result = page.get_by_role("region", name="Result")
    expect(result.locator("pre").first).to_contain_text("evil-result")
    _nothing_ran(page, "result")
    assert page.locator("img").count() == 0


def test_what_a_caller_said_is_text_in_the_trail(people: People, evil_world: WebWorld) -> None:
    page = people(ADMIN, "/ui/audit?action=tools/call&asset=server/parcels&tool=quote_freight")
    page.get_by_role("list", name="Records").get_by_role("link").first.click()
    expect(page.get_by_role("complementary", name="Details")).to_contain_text("evil-parameter <img src=x onerror=")
    _nothing_ran(page, "record")


@pytest.mark.parametrize("url", URLS)
def test_a_link_that_upstreams_gave_leads_to_the_web_or_nowhere(people: People, evil_world: WebWorld, url: str) -> None:
    page = people(ADMIN, "/ui/")
    found = page.evaluate("url => { try { return new URL(url).protocol } catch { return null } }", url)
    assert found in {"javascript:", "data:", "https:"}
    answer = page.request.fetch(
        f"{evil_world.url}/api/v1/servers/{SERVER}-told", method="PATCH", data={"repository_url": url},
        headers={"authorization": f"Bearer {evil_world.registry.token}"},
    )  # fmt: skip
    page.goto(f"{evil_world.url}/ui/servers/{SERVER}-told")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    _nothing_ran(page, url)
    assert answer.status in {200, 400}
