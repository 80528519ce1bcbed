"""`airegistry data`: back up, restore, move and verify everything that a registry keeps, while none runs on it."""

import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import anyio
from cyclopts import App, Parameter

from airegistry import __version__
from airegistry.cli.consent import OnlyLook
from airegistry.cli.data_peer import import_peer
from airegistry.cli.errors import Usage
from airegistry.cli.output import note, show_fields, show_json
from airegistry.cli.progress import progress
from airegistry.cli.stores import carry_key, is_url, looked_at, opened

if TYPE_CHECKING:
    from airegistry.data.archive import Manifest
    from airegistry.data.transfer import Summary, Target, Tell
    from airegistry.stores.open import Stores

data = App("data", help="Back up, restore, move and verify everything a registry keeps; take over another registry's.")
data.command(import_peer)

Existing = Literal["refuse", "keep", "replace"]
Data = Annotated[
    str | None,
    Parameter(help="Data folder of a stopped registry, or URL of a database, else what the settings name."),
]
AsJson = Annotated[bool, Parameter(help="Print the answer as JSON.", show_default=False)]
OnExisting = Annotated[Existing, Parameter(help="What to do about a document that is there already and differs.")]
WithoutKey = Annotated[
    bool,
    Parameter(
        help="Leave out the documents whose secrets the key of the target does not open; else nothing is written.",
        show_default=False,
    ),
]


@data.command
def export(
    file: Annotated[
        str,
        Parameter(help="File to write, which must not be there yet, or `-` for stdout.", allow_leading_hyphen=True),
    ],
    *,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Write everything to one file: documents, and the audit trail with its numbers and hashes.

    Secrets stay sealed: the file is of use only with the key they were sealed with, which is not in it.
    """
    if file == "-" and (json or sys.stdout.isatty()):
        raise Usage("stdout cannot take the file", "name a file, or lead stdout into one without `--json`")
    with progress() as tell:
        manifest = anyio.run(_export, file, data, tell)
    _show_manifest(manifest, json=json, quiet=file == "-")


async def _export(file: str, place: str | None, tell: "Tell") -> "Manifest":
    # The stores take half a second to import, which `--help` must not wait for; so in every command here.
    from airegistry.data.archive import export, write_archive
    from airegistry.data.items import StoreSource

    async with opened(place) as stores:
        source, told = StoreSource(stores.documents, stores.log), partial(tell, "exported")
        if file == "-":
            return await write_archive(sys.stdout.buffer, source, product=__version__, tell=told)
        return await export(Path(file), source, product=__version__, tell=told)


@data.command
def verify(file: Annotated[Path, Parameter(help="File of `airegistry data export`.")], *, json: AsJson = False) -> None:
    """Check that a file is whole and as it was written, and show what it holds."""
    from airegistry.data.archive import Archive

    with progress() as tell:
        _, manifest = anyio.run(Archive(file).verify, partial(tell, "verified"))
    _show_manifest(manifest, json=json)


@data.command(name="import")
def import_(
    file: Annotated[Path, Parameter(help="File of `airegistry data export`.")],
    *,
    data: Data = None,
    existing: OnExisting = "refuse",
    without_key: WithoutKey = False,
    dry_run: OnlyLook = False,
    json: AsJson = False,
) -> None:
    """Read everything from such a file into a store; begun again, it goes on where it broke off.

    The file is verified and compared with what is there before anything is written.
    """
    with progress() as tell:
        summary = anyio.run(_import, file, data, existing, not without_key, dry_run, tell)
    _show_summary(summary, json=json, dry_run=dry_run)


async def _import(
    file: Path, place: str | None, existing: Existing, sealed: bool, dry_run: bool, tell: "Tell"
) -> "Summary":
    from airegistry.data.archive import Archive
    from airegistry.data.transfer import Choices, look, transfer

    await Archive(file).header()  # before anything is created
    choices = Choices(existing, sealed)
    if dry_run:
        async with looked_at(place) as stores:
            return await look(Archive(file), _target(stores), choices, tell=tell)
    async with opened(place, create=True) as stores:
        return await transfer(Archive(file), _target(stores), choices, tell=tell)


@data.command
def migrate(
    source: Annotated[str, Parameter(help="Data folder of a stopped registry, or URL of a database.")],
    target: Annotated[str, Parameter(help="Where everything goes: a folder or a database, new or begun so before.")],
    *,
    existing: OnExisting = "refuse",
    without_key: WithoutKey = False,
    dry_run: OnlyLook = False,
    json: AsJson = False,
) -> None:
    """Carry everything from one store to another; begun again, it goes on where it broke off.

    The source stays as it is. From folder to folder the key goes along; a database has it from AIREGISTRY_SECRET_KEY.
    """
    with progress() as tell:
        summary = anyio.run(_migrate, source, target, existing, not without_key, dry_run, tell)
    _show_summary(summary, json=json, dry_run=dry_run)


async def _migrate(
    source: str, target: str, existing: Existing, sealed: bool, dry_run: bool, tell: "Tell"
) -> "Summary":
    from airegistry.data.items import StoreSource
    from airegistry.data.transfer import Choices, look, transfer

    choices = Choices(existing, sealed)
    async with opened(source) as old:
        if dry_run:
            async with looked_at(target, before=None if is_url(source) else source) as new:
                return await look(StoreSource(old.documents, old.log), _target(new), choices, tell=tell)
        carry_key(source, target)
        async with opened(target, create=True) as new:
            carried = StoreSource(old.documents, old.log)
            return await transfer(carried, _target(new), choices, tell=tell)


def _target(stores: "Stores") -> "Target":
    from airegistry.data.sealed import opener
    from airegistry.data.transfer import Target

    return Target(stores.documents, stores.log, opener(stores.cipher))


def _show_manifest(manifest: "Manifest", *, json: bool, quiet: bool = False) -> None:
    if json:
        show_json(manifest.model_dump(exclude={"end"}))
        return
    documents, records = sum(manifest.documents.values()), sum(span.count for span in manifest.records.values())
    said = f"{documents} documents, {records} records, sha256 {manifest.sha256}"
    if quiet:
        note(said)
    else:
        show_fields({"documents": documents, "records": records, "chunks": manifest.chunks, "sha256": manifest.sha256})


def _show_summary(summary: "Summary", *, json: bool, dry_run: bool) -> None:
    fields = asdict(summary)
    if json:
        show_json({**fields, "dry_run": dry_run})
        return
    show_fields({name: value for name, value in fields.items() if value})
    if not any(fields.values()):
        note("there is nothing to carry over")
    if dry_run:
        note("nothing is written; this is what would be")
