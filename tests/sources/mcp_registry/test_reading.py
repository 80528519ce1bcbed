"""Passes over a replica of the official registry: what they tell, and what they ask."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any

import pytest

from airegistry.core.assets import Server
from airegistry.sources.registry_reading import OVERLAP
from tests.sources.mcp_registry.reading import config, told
from tests.support.registry_replica import LONG_AGO, Replica
from tests.support.registry_seed import catalogue, invented

pytestmark = pytest.mark.anyio
Json = dict[str, Any]


def versions_of(documents: list[Json]) -> dict[str, list[str]]:
    """The versions of each name, the one that was published last first."""
    published: dict[str, list[str]] = defaultdict(list)
    for document in documents:
        published[document["name"]].insert(0, document["version"])
    return dict(published)


def document(name: str, version: str = "1.0.0", **more: object) -> Json:
    remotes = [{"type": "streamable-http", "url": f"https://{name.replace('/', '.')}.example/mcp"}]
    return {"name": name, "description": f"Serves {name}.", "version": version, "remotes": remotes, **more}


def server(offer: Any, number: int = 0) -> Server:
    asset = offer.versions[number]
    assert isinstance(asset, Server)
    return asset


async def test_a_whole_pass_tells_of_every_version_of_every_server_once() -> None:
    seed = list(catalogue())
    replica = Replica(seed)
    async with replica.served() as url:
        pass_ = await told(config(url))
    assert pass_.whole
    assert Counter(offer.id for offer in pass_.offers).most_common(1)[0][1] == 1
    taken = {offer.id: [asset.version for asset in offer.versions] for offer in pass_.offers if offer.versions}
    refused = {offer.id.partition("@")[0] for offer in pass_.offers if offer.refused}
    expected = {name: versions for name, versions in versions_of(seed).items() if name not in refused}
    assert {name: versions for name, versions in taken.items() if name not in refused} == expected
    assert len(refused) <= len(seed) // 50
    assert len(replica.asked) == 1 + len(replica.rows) // 100 + 1  # one to find the API, then the pages
    assert {asset.tags[0] for offer in pass_.offers for asset in offer.versions} == {"ANTHROPIC"}
    assert {asset.provenance.url for offer in pass_.offers for asset in offer.versions} == {url}


@pytest.mark.parametrize("versions", [99, 100, 101, 250])
async def test_a_server_whose_versions_are_cut_by_pages_is_one_offer(versions: int) -> None:
    many = [document("com.example/many", f"1.0.{number}") for number in range(versions)]
    async with Replica([document("com.example/first"), *many, document("com.example/other")]).served() as url:
        pass_ = await told(config(url))
    assert [offer.id for offer in pass_.offers if not offer.refused] == [
        "com.example/first", "com.example/many", "com.example/other",
    ]  # fmt: skip
    numbers = [asset.version for asset in pass_.by_id["com.example/many"].versions]
    assert numbers == [f"1.0.{number}" for number in reversed(range(max(0, versions - 100), versions))]
    refused = [offer for offer in pass_.offers if offer.refused]
    assert len(refused) == max(0, versions - 100)
    assert all("more than 100 versions" in offer.refused for offer in refused)


async def test_an_empty_registry_tells_of_nothing() -> None:
    async with Replica().served() as url:
        pass_ = await told(config(url))
    assert (pass_.offers, pass_.whole, pass_.mark) == ([], True, None)


async def test_an_older_registry_is_asked_under_v0() -> None:
    replica = Replica([document("com.example/a")], prefixes=["v0"])
    async with replica.served() as url:
        assert list((await told(config(url + "/v0.1/servers"))).by_id) == ["com.example/a"]
    assert replica.asked[-1].startswith("/v0/servers?")


async def test_the_same_registry_twice_has_the_same_digests() -> None:
    replica = Replica(invented(150, seed=1))
    async with replica.served() as url:
        first, second = await told(config(url)), await told(config(url))
    assert [(offer.id, offer.digest) for offer in first.offers] == [(offer.id, offer.digest) for offer in second.offers]
    assert first.mark == second.mark


async def test_what_changed_changes_the_digest_of_its_server_alone() -> None:
    replica = Replica([document("com.example/a"), document("com.example/b"), document("com.example/c")])
    async with replica.served() as url:
        before = await told(config(url))
        replica.publish(document("com.example/a", description="Serves better."))
        replica.set_status("com.example/b", "deprecated")
        after = await told(config(url))
    changed = [offer.id for offer in after.offers if offer.digest != before.by_id[offer.id].digest]
    assert changed == ["com.example/a", "com.example/b"]


async def test_a_later_pass_tells_of_what_changed_alone_with_all_its_versions() -> None:
    replica = Replica(invented(150, seed=2))
    name = next(iter(replica.rows))[0]
    async with replica.served() as url:
        first = await told(config(url))
        replica.publish(document(name, "9.0.0"))
        replica.publish(document("com.example/new"))
        replica.asked.clear()
        later = await told(config(url), first.mark)
    assert not later.whole
    changed = set(later.by_id) - {row.server["name"] for row in replica.rows.values() if row.updated < LONG_AGO}
    assert {name, "com.example/new"} <= changed
    known = {asset.version for asset in first.by_id[name].versions}
    assert later.by_id[name].versions[0].version == "9.0.0"
    assert {asset.version for asset in later.by_id[name].versions} == known | {"9.0.0"}


async def test_a_pass_without_a_change_asks_twice_and_keeps_the_mark() -> None:
    documents = [document(f"com.example/s-{number}") for number in range(300)]
    replica = Replica()
    for number, one in enumerate(documents):
        replica.publish(one, at=LONG_AGO + timedelta(hours=number))
    async with replica.served() as url:
        first = await told(config(url))
        replica.asked.clear()
        later = await told(config(url), first.mark)
    newest = LONG_AGO + timedelta(hours=299)
    assert first.mark is not None
    assert datetime.fromisoformat(first.mark) == newest - OVERLAP
    assert (later.mark, later.whole) == (first.mark, False)
    assert [offer.id for offer in later.offers] == ["com.example/s-299"]  # within the overlap; its digest is known
    assert later.offers[0].digest == first.by_id["com.example/s-299"].digest
    assert len(replica.asked) == 3


async def test_a_registry_whose_newest_change_lies_in_the_future_does_not_move_the_mark_there() -> None:
    replica = Replica([document("com.example/a")])
    replica.publish(document("com.example/b"), at=datetime.fromisoformat("2999-01-01T00:00:00Z"))
    async with replica.served() as url:
        mark = (await told(config(url))).mark
    assert mark is not None
    assert datetime.fromisoformat(mark) < datetime.now(LONG_AGO.tzinfo)


async def test_when_very_much_changed_the_whole_list_is_read_instead() -> None:
    replica = Replica(invented(50, seed=3))
    async with replica.served() as url:
        mark = (await told(config(url))).mark
        for number in range(201):
            replica.publish(document(f"com.example/new-{number:03}"))
        replica.asked.clear()
        later = await told(config(url), mark)
    assert later.whole
    assert len(later.offers) == 251
    assert len(replica.asked) < 12


async def test_deleted_servers_and_versions_are_gone_and_deprecated_ones_say_since_when() -> None:
    replica = Replica(
        document(f"com.example/{name}", version) for name in ("a", "b", "c") for version in ("1.0.0", "1.1.0")
    )
    async with replica.served() as url:
        mark = (await told(config(url))).mark
        replica.set_status("com.example/a", "deleted")
        replica.set_status("com.example/b", "deleted", version="1.1.0")
        replica.set_status("com.example/c", "deprecated", version="1.0.0", message="Use 1.1.0.")
        whole, later = await told(config(url)), await told(config(url), mark)
    assert "com.example/a" not in whole.by_id
    assert (len(later.by_id["com.example/a"].versions), later.by_id["com.example/a"].refused) == (0, "")
    for pass_ in (whole, later):
        assert [asset.version for asset in pass_.by_id["com.example/b"].versions] == ["1.0.0"]
        newest, old = pass_.by_id["com.example/c"].versions
        assert (newest.deprecation, newest.version) == (None, "1.1.0")
        assert old.deprecation is not None
        assert old.deprecation.successor == "1.1.0"
        assert old.deprecation.since == replica.rows["com.example/c", "1.0.0"].changed
        assert old.metadata["status_message"] == "Use 1.1.0."


async def test_remotes_become_servers_of_the_gateway_and_packages_recipes() -> None:
    package: Json = {
        "registryType": "npm", "identifier": "@example/a", "version": "1.2.3", "transport": {"type": "stdio"},
        "environmentVariables": [{"name": "API_KEY", "isRequired": True}],
    }  # fmt: skip
    local = {"name": "com.example/local", "description": "Local.", "version": "1.0.0", "packages": [package]}
    replica = Replica([document("com.example/remote"), document("com.example/both", packages=[package]), local])
    async with replica.served() as url:
        by_id = (await told(config(url))).by_id
        remote_only = (await told(config(url, remotes_only=True))).by_id
    assert server(by_id["com.example/remote"]).url == "https://com.example.remote.example/mcp"
    assert server(by_id["com.example/both"]).transport == "streamable-http"
    recipe = server(by_id["com.example/local"])
    assert (recipe.transport, recipe.command, recipe.url) == ("stdio", "npx", None)
    assert "@example/a@1.2.3" in recipe.args
    assert [name.partition("=")[0] for name in recipe.env] == ["API_KEY"]
    assert recipe.manifest == local
    assert {name for name, offer in remote_only.items() if offer.versions} == {"com.example/remote", "com.example/both"}


async def test_the_latest_version_alone_is_taken_where_that_is_wanted() -> None:
    replica = Replica(document("com.example/a", f"1.{number}.0") for number in range(5))
    async with replica.served() as url:
        first = await told(config(url, latest_only=True))
        replica.publish(document("com.example/a", "2.0.0"))
        later = await told(config(url, latest_only=True), first.mark)
    assert [asset.version for asset in first.by_id["com.example/a"].versions] == ["1.4.0"]
    assert [asset.version for asset in later.by_id["com.example/a"].versions] == ["2.0.0"]


async def test_search_and_globs_narrow_what_is_told_in_every_pass() -> None:
    names = ("com.example/weather-a", "com.example/weather-b", "org.example/weather-c", "com.example/ledger")
    replica = Replica(document(name) for name in names)
    async with replica.served() as url:
        narrow = config(url, search="weather", filter=["com.example/*"])
        first = await told(narrow)
        for name in names:
            replica.publish(document(name, "2.0.0"))
        replica.asked.clear()
        later = await told(narrow, first.mark)
    assert set(first.by_id) == set(later.by_id) == {"com.example/weather-a", "com.example/weather-b"}
    assert not any("ledger" in asked or "weather-c" in asked for asked in replica.asked)


async def test_named_servers_are_asked_for_one_by_one_and_those_that_do_not_exist_are_gone() -> None:
    replica = Replica(document(f"com.example/s-{number:02}") for number in range(60))
    wanted = [f"com.example/s-{number:02}" for number in range(0, 60, 2)] + ["com.example/none"]
    async with replica.served() as url:
        pass_ = await told(config(url, names=wanted))
        again = await told(config(url, names=wanted), pass_.mark)
    assert sorted(pass_.by_id) == sorted(again.by_id) == sorted(wanted)
    assert pass_.whole
    assert pass_.pages == 2
    assert not pass_.by_id["com.example/none"].versions
    assert all(offer.versions for offer in pass_.offers if offer.id != "com.example/none")


async def test_what_is_malformed_is_refused_with_its_reason_and_ends_nothing() -> None:
    replica = Replica([document("com.example/a", "1.0.0"), document("com.example/a", "not a version!")])
    replica.publish(document("no-namespace"))
    replica.publish(document("com.example/deep", _meta={"x": _nested(200)}))
    replica.publish(document("com.example/z"))
    async with replica.served() as url:
        pass_ = await told(config(url))
    assert [asset.version for asset in pass_.by_id["com.example/a"].versions] == ["1.0.0"]
    assert "version" in pass_.by_id["com.example/a@not a version!"].refused
    assert "namespace/server" in pass_.by_id["no-namespace"].refused
    assert "deep" in pass_.by_id["com.example/deep"].refused
    assert pass_.by_id["com.example/z"].versions


def _nested(depth: int) -> Json:
    return {"x": _nested(depth - 1)} if depth else {}
