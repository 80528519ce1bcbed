"""Imports: what comes in once, from documents that a caller has or from a registry that is asked a single time.

They go the way of every source (`core/federation.py`): scanned, read-only, under the name of a source that is not kept.
Whatever breaks an import off, the same import again goes on with what is left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from glob import escape

from pydantic import JsonValue

from airegistry.core.assets import Json
from airegistry.core.errors import Invalid
from airegistry.core.federation import Federation, Progress
from airegistry.core.principals import Principal
from airegistry.core.registry_entries import Entry, Wanted, entry_of, offers_of, unnamed
from airegistry.core.source_pass import told_nobody
from airegistry.core.source_records import Run, Terms
from airegistry.core.sources import Offer, OfferPage, SourceConfig

MAX_DOCUMENTS = 1_000


@dataclass(frozen=True, slots=True)
class Choice:
    """Which servers of an import are taken: those named exactly or by a glob, all where neither is said."""

    names: Sequence[str] = ()
    globs: Sequence[str] = ()

    @property
    def patterns(self) -> Sequence[str]:
        """Globs that fit what is taken."""
        return [*(escape(name) for name in self.names), *self.globs]


@dataclass(frozen=True, slots=True)
class Documents:
    """A source of documents: `server.json` each, or an entry of a registry. Fills `core.sources.Source`."""

    documents: Sequence[JsonValue]
    choice: Choice

    async def page(self, since: str | None, after: str | None) -> OfferPage:
        """All at once: one offer for each name, of its versions that are among the documents."""
        wanted = Wanted(self.choice.patterns)
        by_name: dict[str, list[Entry]] = {}
        offers: list[Offer] = []
        for value in self.documents:
            try:
                entry = entry_of(value)
            except Invalid as error:
                offers.append(unnamed(value, error))
                continue
            if wanted.takes(entry.name):
                by_name.setdefault(entry.name, []).append(entry)
        for name, entries in by_name.items():
            offers += offers_of(name, entries, wanted, "")
        return OfferPage(offers, whole=False)


async def import_documents(
    federation: Federation, who: Principal, name: str, documents: Sequence[JsonValue], choice: Choice, *,
    dry_run: bool = False,
) -> Run:  # fmt: skip
    """Bring in servers from their documents; all versions of a server have to be among those of one call.

    Raises:
        AccessDenied, Conflict: see `Federation.apply`.
        Invalid: there are too many at once, or the name does not fit.
    """
    if len(documents) > MAX_DOCUMENTS:
        raise Invalid(f"more than {MAX_DOCUMENTS} documents at once", field="documents")
    config = SourceConfig(name, "mcp-registry", "")
    return await federation.apply(who, config, Documents(documents, choice), dry_run=dry_run)


async def import_registry(
    federation: Federation, who: Principal, name: str, url: str, choice: Choice, *,
    latest_only: bool = False, retires: bool = False, dry_run: bool = False, progress: Progress = told_nobody,
) -> Run:  # fmt: skip
    """Bring in once what a registry lists; with `retires` what came under that name and is not listed now is retired.

    Raises:
        AccessDenied, Conflict: see `Federation.apply`.
        Invalid: the URL is none that may be asked, or the name does not fit.
    """
    options: Json = {"latest_only": latest_only}
    if choice.names and not choice.globs:
        options["names"] = [*choice.names]
    else:
        options["filter"] = [*choice.patterns]
    config = SourceConfig(name, "mcp-registry", url, options)
    drivers = federation.syncs.drivers
    drivers.check(config)
    async with drivers.open(config) as source:
        return await federation.apply(
            who, config, source, terms=Terms(), retires=retires, dry_run=dry_run, progress=progress
        )
