"""Imports: servers from documents, or from another registry once."""

from typing import Annotated

from fastmcp import Context
from pydantic import Field, JsonValue

from airegistry.core.errors import Invalid
from airegistry.core.federation import Federation
from airegistry.core.importing import MAX_DOCUMENTS, Choice, import_documents, import_registry
from airegistry.core.source_records import Run
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.sources import RunShape

Documents = Annotated[
    list[dict[str, JsonValue]] | None,
    Field(
        max_length=MAX_DOCUMENTS,
        description="`server.json` documents, or entries of a registry; all versions of a server in one call.",
    ),
]
Url = Annotated[
    str | None, Field(max_length=2048, description="A registry that speaks the MCP Registry API, instead of documents.")
]
Named = Annotated[list[str] | None, Field(max_length=1000, description="Only servers of these names.")]
Globs = Annotated[
    list[str] | None, Field(max_length=100, description="Only servers whose name fits one of these globs.")
]


class ImportTools:
    """Tools for whoever decides what comes in from elsewhere."""

    def __init__(self, federation: Federation) -> None:
        self._federation = federation

    @tool("Import servers", destructive=True, idempotent=True, open_world=True, needs="policy")
    async def import_servers(
        self, context: Context, documents: Documents = None, url: Url = None,
        source: Annotated[str, Field(max_length=64, description="Name under which they come in.")] = "import",
        names: Named = None, filter: Globs = None,
        latest_only: Annotated[bool, Field(description="Of a registry: the latest version of each only.")] = False,
        retire: Annotated[
            bool, Field(description="Of a registry: retire what came under this name and is not listed now.")
        ] = False,
        dry_run: Annotated[bool, Field(description="Only say what would be done; nothing is scanned.")] = False,
    ) -> RunShape:  # fmt: skip
        """Bring in MCP servers once, from `server.json` documents or from the registry at `url`.

        They are scanned, read-only, and never take the place of what is here. A call that broke off is made again and
        goes on. To keep up with a registry use `add_source`; to take everything down again, `remove_source`.
        """
        if (documents is None) == (url is None):
            raise Invalid("give either documents or a url", field="documents")
        who, choice = current_principal(), Choice(names or (), filter or ())
        if url is None:
            run = await import_documents(self._federation, who, source, documents or [], choice, dry_run=dry_run)
        else:

            async def progress(run: Run) -> None:
                await context.report_progress(run.offers, None, run.summary)

            run = await import_registry(
                self._federation, who, source, url, choice, latest_only=latest_only, retires=retire, dry_run=dry_run,
                progress=progress,
            )  # fmt: skip
        return RunShape(**run.model_dump(exclude={"request"}))
