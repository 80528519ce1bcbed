"""`airegistry serve`: the registry itself."""

import logging
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from airegistry import memory
from airegistry.cli.errors import Status, Told
from airegistry.core.errors import AirError
from airegistry.stores.lock import FolderInUse


def serve(
    *,
    host: Annotated[str | None, Parameter(help="Address to listen on, else AIREGISTRY_HOST, else 127.0.0.1.")] = None,
    port: Annotated[
        int | None, Parameter(help="Port to listen on, 0 for a free one, else AIREGISTRY_PORT, else 8080.")
    ] = None,
    data: Annotated[
        Path | None, Parameter(help="Folder that keeps everything, else AIREGISTRY_DATA, else ~/.airegistry.")
    ] = None,
) -> None:
    """Run the registry until it is stopped."""
    memory.load()
    # uvicorn loads its reloader's library (1.3 MB) wherever it is installed, and nothing is reloaded here.
    sys.modules.setdefault("watchfiles", None)  # type: ignore[arg-type]  # None is how an import is refused
    # The whole product hangs on this import: no other command may wait for it.
    from airegistry.app import serve as run
    from airegistry.application_logs import writes_json
    from airegistry.settings import load

    settings = load(host=host, port=port, data=data)
    try:
        run(settings)
    except AirError as error:
        if not writes_json(settings):
            raise
        # Whoever reads objects is told in one, as all before.
        logging.getLogger(__name__).critical("%s: %s", error.code, error.message)
        raise Told(Status.IN_USE if isinstance(error, FolderInUse) else Status.REFUSED) from None
