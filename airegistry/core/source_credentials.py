"""What a peer wants to see at calls through it: the credential of the source that its assets came from.

It is lent to assets of that very source alone, and goes to where the peer's gateway serves them, below the source's own
URL, and nowhere else: what a peer says of an address does not lead it anywhere.
"""

import json
from dataclasses import dataclass
from datetime import datetime

from airegistry.core.assets import Agent, Json
from airegistry.core.calls import Backend
from airegistry.core.cards import OFFERED, interfaces_of
from airegistry.core.credential_kinds import Bearer, ClientGrant, Credential, headers_of, origin_of, parsed
from airegistry.core.credential_vault import Held, Kept
from airegistry.core.ports import Cipher
from airegistry.core.source_records import LOCAL, SourceRecord
from airegistry.core.source_store import SourceStore

LENDS = frozenset({"peer"})
"""Kinds of sources that are called with the credential that they are read with."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """A credential, and the state of its source that it was read from."""

    of: datetime
    credential: Credential


class SourceCredentials:
    """Opens the credentials of sources for the assets that came from there."""

    def __init__(self, sources: SourceStore, cipher: Cipher) -> None:
        self._sources = sources
        self._cipher = cipher
        self._opened: dict[str, _Opened] = {}

    def held_for(self, asset: Backend) -> Held | None:
        """What requests to an asset's URL carry; None where nothing is lent."""
        if asset.provenance.source == LOCAL:
            return None
        record = self._sources.find(asset.provenance.source)
        if record is None or record.kind not in LENDS or not record.sealed or not _is_at(record.url, asset):
            return None
        credential = self._credential(record)
        kept = Kept(
            id=f"source/{record.name} {record.updated_at.isoformat()}", ref=f"{asset.kind}/{asset.path}",
            origin=origin_of(asset.url), kind=credential.kind, sealed="", set_by=record.updated_by,
            set_at=record.updated_at,
        )  # fmt: skip
        headers = headers_of(credential) if isinstance(credential, Bearer) else None
        return Held(kept, credential, headers)

    def _credential(self, record: SourceRecord) -> Credential:
        known = self._opened.get(record.name)
        if known is None or known.of != record.updated_at:
            secrets: Json = json.loads(self._cipher.decrypt(record.sealed))
            known = self._opened[record.name] = _Opened(record.updated_at, _of(record, secrets))
        return known.credential


def _of(record: SourceRecord, secrets: Json) -> Bearer | ClientGrant:
    """A token as it is, or a client that gets one for each resource of the peer."""
    if "token" in secrets:
        made = parsed({"kind": "bearer", "token": secrets["token"]})
    else:
        options = {name: record.options[name] for name in ("scope", "issuer") if record.options.get(name)}
        client = {name: secrets.get(name) for name in ("client_id", "client_secret")}
        made = parsed({"kind": "oauth_client", "issuer": record.url.rstrip("/"), **options, **client})
    assert isinstance(made, Bearer | ClientGrant)  # as they were parsed
    return made


def _is_at(base: str, asset: Backend) -> bool:
    """Whether an asset is reached where a peer's gateway serves it, and in no other way: its paths are not all of one
    owner, and `..` in one would lead anywhere."""
    base, path = base.rstrip("/"), (asset.provenance.id or "").partition("/")[2]
    if isinstance(asset, Agent):
        ways = {each.url for each in interfaces_of(asset) if each.binding in OFFERED}
        return {asset.url, *ways} == {f"{base}/agents/{path}"}
    return asset.url in {f"{base}/{path}/mcp", f"{base}/{path}@{asset.version}/mcp"}
