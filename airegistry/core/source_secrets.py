"""Secrets of a source that its driver got in place of others, as a refresh token that is good for one use."""

import json
from collections.abc import Mapping

from airegistry.core.assets import Json
from airegistry.core.errors import NotFound
from airegistry.core.ports import Cipher
from airegistry.core.source_records import SourceRecord
from airegistry.core.source_store import SourceStore


class Keeper:
    """Stores what takes the place of secrets of one source, while they are the ones that the driver was given."""

    def __init__(self, sources: SourceStore, cipher: Cipher, name: str, secrets: Json) -> None:
        self._sources = sources
        self._cipher = cipher
        self._name = name
        self._known = dict(secrets)

    async def __call__(self, secrets: Json) -> None:
        """See `SourceConfig.keep`. What an administrator set meanwhile stands, and what is gone stays gone."""
        wanted = {**self._known, **secrets}

        def renewed(stored: SourceRecord) -> Mapping[str, object]:
            opened = json.loads(self._cipher.decrypt(stored.sealed)) if stored.sealed else {}
            return {"sealed": self._cipher.encrypt(json.dumps(wanted))} if opened == self._known else {}

        try:
            await self._sources.change(self._name, renewed)
        except NotFound:
            return
        self._known = wanted
