"""What entries of a registry come to as offers."""

from datetime import UTC, datetime
from typing import Any

import pytest

from airegistry.core.errors import Invalid
from airegistry.core.importing import Choice, Documents
from airegistry.core.registry_entries import OFFICIAL, Entry, Wanted, entry_of, offers_of, unnamed

Json = dict[str, Any]
NAME = "com.example/a"


def document(version: str = "1.0.0", **more: object) -> Json:
    return {"name": NAME, "description": "Serves.", "version": version, **more}


def entry(version: str = "1.0.0", **meta: object) -> Entry:
    said: Json = {"server": document(version), "_meta": {OFFICIAL: meta}}
    return entry_of(said)


def test_an_entry_says_what_the_registry_says_of_it() -> None:
    said = entry(
        status="deprecated", statusMessage="Use b.", isLatest=True, publishedAt="2026-01-01T00:00:00Z",
        updatedAt="2026-01-02T01:00:00+01:00", statusChangedAt="2026-01-03T00:00:00.123456789Z",
    )  # fmt: skip
    assert (said.name, said.version, said.status, said.message, said.latest) == (
        NAME, "1.0.0", "deprecated", "Use b.", True,
    )  # fmt: skip
    assert said.published == datetime(2026, 1, 1, tzinfo=UTC)
    assert said.updated == datetime(2026, 1, 2, tzinfo=UTC)
    assert said.changed is not None
    assert said.changed.day == 3


@pytest.mark.parametrize("moment", ["yesterday", 7, None, "", "9999-12-31T23:59:59-23:00", "x" * 100])
def test_a_time_that_is_none_is_left_out(moment: object) -> None:
    assert entry(updatedAt=moment).updated is None


def test_a_bare_document_and_one_of_the_older_form_are_entries() -> None:
    assert entry_of(document()).document == document()
    older: Json = {
        "name": NAME,
        "version_detail": {"version": "0.9.0", "is_latest": True, "release_date": "2025-05-16T18:56:49Z"},
    }
    said = entry_of(older)
    assert (said.version, said.latest, said.published) == ("0.9.0", True, datetime(2025, 5, 16, 18, 56, 49, tzinfo=UTC))


@pytest.mark.parametrize(
    "value", [None, 1, "x", [], {}, {"name": ""}, {"name": "a/b"}, {"name": "x" * 201, "version": "1"}]
)
def test_what_has_no_name_and_version_is_no_entry_and_offered_as_refused_in_the_same_way_each_time(value: Any) -> None:
    with pytest.raises(Invalid) as error:
        entry_of(value)
    one, other = unnamed(value, error.value), unnamed(value, error.value)
    assert one == other
    assert one.refused
    assert len(one.id) <= 512


def test_versions_are_ordered_by_the_registry_then_by_publication_then_by_number() -> None:
    entries = [
        entry("1.9.0"),
        entry("1.10.0"),
        entry("0.1.0", publishedAt="2026-02-01T00:00:00Z"),
        entry("0.0.1", isLatest=True),
    ]
    offer, *_ = offers_of(NAME, entries, Wanted(), "")
    assert [version.version for version in offer.versions] == ["0.0.1", "0.1.0", "1.10.0", "1.9.0"]


def test_a_number_that_is_too_large_to_be_stored_refuses_its_version_alone() -> None:
    entries = [entry("1.0.0"), entry_of({"server": document("2.0.0", x=10**30), "_meta": {}})]
    offer, refused = offers_of(NAME, entries, Wanted(), "")
    assert [version.version for version in offer.versions] == ["1.0.0"]
    assert (refused.id, "JSON" in refused.refused) == (f"{NAME}@2.0.0", True)


def test_globs_do_not_mind_the_case() -> None:
    wanted = Wanted(["IO.github.*"])
    assert wanted.takes("io.GitHub.a/b")
    assert not wanted.takes("com.example/a")
    assert Wanted().takes("anything")


@pytest.mark.anyio
async def test_documents_are_offered_by_name_and_chosen_by_name_or_glob() -> None:
    documents: list[Any] = [document("1.0.0"), {**document(), "name": "com.example/b"}, document("2.0.0"), 7]
    page = await Documents(documents, Choice(names=[NAME])).page(None, None)
    assert [(offer.id, len(offer.versions)) for offer in page.offers if not offer.refused] == [(NAME, 2)]
    assert (page.whole, page.after, sum(bool(offer.refused) for offer in page.offers)) == (False, None, 1)
    both = await Documents(documents, Choice(names=["com.example/[a]"], globs=["*/b"])).page(None, None)
    assert [offer.id for offer in both.offers if not offer.refused] == ["com.example/b"]
