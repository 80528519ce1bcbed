"""What each host may do wrong, and that a token is never anywhere but at its host's API."""

import base64
from urllib.parse import urlencode

import anyio
import pytest
from pydantic import JsonValue

from airegistry.core.errors import AirError, CredentialRefused, Invalid, RateLimited, UpstreamFailed
from airegistry.core.git_skills import Gone
from airegistry.core.repository_facts import Facts
from airegistry.egress.git_hosts import hosts as hosts_
from airegistry.egress.git_hosts.hosts import GitHosts, declared_tokens
from airegistry.egress.guard import Guard
from tests.egress.git_hosts.conftest import FAKES, SKILL, Desk, opened
from tests.egress.servers import Answers
from tests.support.asgi import serve
from tests.support.bad_backends import misbehaving, silent
from tests.support.fake_gitlab import FakeGitLab
from tests.support.git_repositories import Asked, Reply

pytestmark = pytest.mark.anyio
FILES = {"skills/notes/SKILL.md": SKILL, "skills/notes/a.md": "A."}
TOKEN = "t0ken-of-the-host"
NOWHERE = "https://elsewhere.example"
FAULTS: dict[str, tuple[Reply, type[AirError]]] = {
    "401": (Reply(401, {"message": "Bad credentials"}), CredentialRefused),
    "403": (Reply(403, {"message": "Forbidden"}), CredentialRefused),
    "404": (Reply(404, {"message": "Not Found"}), Gone),
    "429": (Reply(429, {}, {"retry-after": "17"}), RateLimited),
    "primary limit": (
        Reply(403, {}, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "99999999999"}), RateLimited
    ),
    "secondary limit": (Reply(403, {"message": "You have exceeded a secondary rate limit."}), RateLimited),
    "500": (Reply(500, {"message": "oops"}), UpstreamFailed),
    "502": (Reply(502, b"<html>bad gateway</html>"), UpstreamFailed),
    "cut": (Reply(200, b'{"sha": "012'), UpstreamFailed),
    "another form": (Reply(200, {"values": 7, "tree": "x", "sha": [], "id": {}}), AirError),
    "a list": (Reply(200, [1, "two", None]), AirError),
    "a redirect to a private address": (Reply(302, None, {"location": "http://10.0.0.7/"}), UpstreamFailed),
    "a redirect to a metadata service": (Reply(301, None, {"location": "http://169.254.169.254/"}), UpstreamFailed),
    "a redirect without a target": (Reply(302, None), UpstreamFailed),
    "a gigabyte": (Reply(200, None, endless=True), UpstreamFailed),
}  # fmt: skip


@pytest.mark.parametrize("name", list(FAULTS))
async def test_each_fault_has_its_error_whichever_request_meets_it(desk: Desk, name: str) -> None:
    reply, error = FAULTS[name]
    desk.repo(FILES)
    await desk.read()
    requests = len(desk.fake.asked)
    for number in range(requests):
        desk.hosts._rests.until.clear()
        desk.fake.asked.clear()
        desk.fake.fault = lambda asked, at=number: reply if len(desk.fake.asked) > at else None  # type: ignore[misc]
        met: AirError | None = None
        try:
            await desk.read()
        except AirError as failure:
            met = failure
        if met is None:  # of a companion any body will do
            assert (reply.status, reply.endless) == (200, False), f"request {number} of {requests}"
        else:
            # A file that is too long is no fault of the host's: the skill is refused.
            fit = (error, Invalid) if reply.endless else error
            assert isinstance(met, fit), f"request {number} of {requests}"


async def test_a_host_that_has_had_enough_is_left_alone_for_as_long_as_it_says(desk: Desk) -> None:
    desk.repo(FILES)
    desk.fake.fault = lambda asked: Reply(429, {}, {"retry-after": "17"})
    with pytest.raises(RateLimited) as limit:
        await desk.read()
    assert limit.value.retry_after == 17
    desk.fake.asked.clear()
    with pytest.raises(RateLimited) as again:
        await desk.read()
    assert 0 < again.value.retry_after <= 17
    assert desk.fake.asked == []


async def test_no_host_is_left_alone_for_longer_than_an_hour(desk: Desk) -> None:
    desk.repo(FILES)
    desk.fake.fault = lambda asked: FAULTS["primary limit"][0]
    with pytest.raises(RateLimited) as limit:
        await desk.read()
    assert limit.value.retry_after == 3600


@pytest.mark.parametrize("kind", list(FAKES))
async def test_a_private_repository_is_read_with_the_token_of_its_host(kind: str) -> None:
    async with opened(kind, TOKEN) as desk:
        desk.repo(FILES)
        desk.fake.authorization = f"Bearer {TOKEN}"
        assert (await desk.read()).content == SKILL
    async with opened(kind, "ann:app-password") as desk:
        desk.repo(FILES)
        desk.fake.authorization = f"Basic {base64.b64encode(b'ann:app-password').decode()}"
        assert (await desk.read()).content == SKILL
    async with opened(kind) as desk:
        desk.repo(FILES)
        desk.fake.authorization = f"Bearer {TOKEN}"
        with pytest.raises(Gone):
            await desk.read()


@pytest.mark.parametrize("kind", list(FAKES))
async def test_a_token_is_never_sent_to_another_host(kind: str) -> None:
    thief = FakeGitLab()
    async with serve(thief) as elsewhere, opened(kind, TOKEN) as desk:
        desk.repo(FILES)
        vars(desk.fake)["page"] = 1
        answer = desk.fake.answer

        def pointing(asked: Asked, rest: list[str]) -> Reply:
            """Every link of an answer leads to somebody else."""
            reply = answer(asked, rest)
            headers = {name: value.replace(NOWHERE, elsewhere) for name, value in reply.headers.items()}
            if isinstance(reply.body, dict) and "next" in reply.body:
                following = str(reply.body["next"]).replace(NOWHERE, elsewhere)
                return Reply(reply.status, {**reply.body, "next": following}, headers)
            return Reply(reply.status, reply.body, headers)

        desk.fake.answer = pointing  # type: ignore[method-assign]
        await desk.read()
        assert thief.asked == []
        for number in range(len(desk.fake.asked)):
            desk.fake.asked.clear()
            desk.fake.fault = lambda asked, at=number: (  # type: ignore[misc]
                Reply(307, None, {"location": f"{elsewhere}{asked.path}"}) if len(desk.fake.asked) == at + 1 else None
            )
            with pytest.raises(UpstreamFailed, match="redirects to another host"):
                await desk.read()
        assert thief.asked == []


async def test_a_repository_that_was_renamed_is_followed_within_its_host(desk: Desk) -> None:
    desk.repo(FILES)

    def renamed(asked: Asked) -> Reply | None:
        if "oldname" not in asked.path:
            return None
        return Reply(301, None, {"location": f"{asked.path.replace('oldname', 'tools')}?{urlencode(asked.query)}"})

    desk.fake.fault = renamed
    url = desk.fake.url(desk.web, "skills/notes/SKILL.md").replace("tools", "oldname")
    read = await desk.hosts.read(url)
    assert read is not None
    assert read.content == SKILL


async def test_a_token_is_sent_over_https_alone() -> None:
    hosts = GitHosts(Guard(), tokens=declared_tokens(f"github.com={TOKEN}, gitlab.example={TOKEN}"))
    place = hosts.place("http://gitlab.example/g/p/-/tree/main/a")
    assert place is not None
    with pytest.raises(Invalid, match="https"):
        hosts.host(place)


@pytest.mark.parametrize("address", ["10.0.0.7", "127.0.0.1", "169.254.169.254", "fd00::1"])
async def test_a_host_at_a_private_address_is_read_where_the_administrator_allows_it(address: str) -> None:
    guard = Guard(resolve=Answers([address]))
    async with GitHosts(guard) as hosts:
        with pytest.raises(Invalid):
            await hosts.read("https://gitlab.corp.example/g/p/-/blob/main/SKILL.md")


async def test_a_host_that_takes_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts_, "PATIENCE", 0.2)
    async with misbehaving(silent) as url, GitHosts(Guard(loopback=True)) as hosts:
        web = url.removesuffix("/mcp")
        for asked in (hosts.read(f"{web}/g/p/-/blob/main/SKILL.md"), hosts.facts(f"{web}/g/p/-/tree/main/a")):
            with anyio.fail_after(5), pytest.raises(UpstreamFailed, match="was not done within"):
                await asked


FACTS = {
    "github": Facts(license="MIT", stars=42, forks=7, language="Python", open_issues=3, archived=False),
    "gitlab": Facts(license="MIT License", stars=42, forks=7, language="Python", open_issues=3, archived=False),
    "bitbucket": Facts(forks=7, language="python", open_issues=3),
    "bitbucket-server": Facts(archived=False),
}


async def test_facts_of_a_repository_are_what_its_host_says(desk: Desk) -> None:
    repo = desk.repo(FILES)
    repo.tags["v2.0.0"] = repo.branches["main"]
    url = desk.fake.url(desk.web, "").removesuffix("/")
    assert desk.hosts.repository(url) == f"{desk.name}/acme/tools"
    facts = await desk.hosts.facts(url)
    dated = ("last_release", "last_release_at", "last_commit_at")
    assert facts.model_copy(update=dict.fromkeys(dated)) == FACTS[desk.kind]
    assert facts.last_release == "v2.0.0"
    moments = [facts.last_release_at, facts.last_commit_at]
    assert [each.isoformat() for each in moments if each] == ["2026-11-01T08:00:00+00:00"] * 2


PRIVATE: dict[str, dict[str, JsonValue]] = {
    "github": {"private": True, "visibility": "internal"}, "gitlab": {"visibility": "internal"},
    "bitbucket": {"is_private": True}, "bitbucket-server": {"public": False},
}  # fmt: skip


@pytest.mark.parametrize("kind", list(FAKES))
async def test_facts_of_a_repository_that_the_token_alone_reads_are_nobodys(kind: str) -> None:
    async with opened(kind, TOKEN) as desk:
        desk.fake.authorization = f"Bearer {TOKEN}"
        url = desk.fake.url(desk.web, "")
        desk.repo(FILES)
        assert await desk.hosts.facts(url)
        said: list[str] = []
        for about in (PRIVATE[kind], dict.fromkeys(PRIVATE[kind])):
            desk.repo(FILES).about = about
            with pytest.raises(Gone) as hidden:
                await desk.hosts.facts(url)
            said.append(hidden.value.message)
        desk.fake.repos.clear()
        with pytest.raises(Gone) as missing:
            await desk.hosts.facts(url)
        assert {*said} == {missing.value.message}


async def test_facts_of_a_repository_that_says_nothing_are_unknown(desk: Desk) -> None:
    nothing = {"license": None, "language": 7, "open_issues_count": True, "star_count": -1, "stargazers_count": "many"}
    desk.repo(FILES).about = {**nothing, "has_issues": False, "archived": "yes"}
    facts = await desk.hosts.facts(desk.fake.url(desk.web, ""))
    assert (facts.license, facts.stars, facts.open_issues, facts.last_release) == (None, None, None, None)
    assert not facts.archived


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in {"a list", "another form"}])
async def test_faults_do_not_become_facts(desk: Desk, name: str) -> None:
    desk.repo(FILES)
    desk.fake.fault = lambda asked: FAULTS[name][0]
    with pytest.raises(FAULTS[name][1]):
        await desk.hosts.facts(desk.fake.url(desk.web, ""))


def test_a_url_of_no_repository_has_no_facts() -> None:
    hosts = GitHosts(Guard())
    for url in ("https://example.com/x", "https://github.com/o/r/../x", "nonsense", "https://github.com/o"):
        assert hosts.repository(url) is None
    assert hosts.repository("https://GitHub.com/Acme/Tools.git") == "github.com/acme/tools"
