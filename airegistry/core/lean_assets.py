"""All assets of a catalog in little memory: each as compressed JSON, and beside it what decides on who sees it.

A parsed asset takes ten kilobytes and more, packed it is one: a hundred thousand fit beside their index. Those that
were read last are kept parsed.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from threading import Lock

from pydantic import ValidationError
from zstandard import DICT_TYPE_RAWCONTENT, ZstdCompressionDict, ZstdCompressor, ZstdDecompressor

from airegistry.core.assets import ASSET
from airegistry.core.ports import AnyAsset
from airegistry.core.said import Said
from airegistry.core.sketches import Sketch

RECENT = 500
"""Assets that are kept parsed."""
_OFTEN = (
    b'"license":"","compatibility":"","frontmatter":{},"files":{},"content_hash":""}"content":"---\\nname: '
    b'"card":{"name":"protocolVersion":"0.3.0","capabilities":{"streaming":true},"defaultInputModes":["text/plain"],'
    b'"skills":[{"id":"","name":"","description":"","tags":[""],"examples":[]},"scopes":[],"health_url":"card_url":"'
    b'"rating":{"average":0.0,"count":0,"distribution":{"1":0,"2":0,"3":0,"4":0,"5":0}},"auth":{"kind":"none"},'
    b'{"path":"","name":"","title":"","description":"","version":"1.0.0","tags":["","enabled":true,"held_by_scan":false,'
    b'"stage":"approved_production","stage":"approved_dev","visibility":"group","groups":[""],"visibility":"public",'
    b'"groups":[],"health":"unknown","health":"healthy","health_report":{},"owner_team":"","environment":"dev","icons":[],'
    b'"metadata":{},"review":{"registered_by":"","changed_by":[],"submitted_by":"","four_eyes":false,"history":[]},'
    b'"requires_approval":[],"rating":{"average":0.0,"count":0,"distribution":{"1":0,"2":0,"3":0,"4":0,"5":0}},'
    b'"provenance":{"source":"local","via":[]},"created_at":"2026-11-21T00:00:00.000000Z","created_by":"user:",'
    b'"updated_at":"2026-11-21T00:00:00.000000Z","updated_by":"","kind":"skill","kind":"agent","kind":"server",'
    b'"transport":"streamable-http","url":"https:///mcp","args":[],"env":[],"fetched_at":"2026-11-21T00:00:00.000000Z",'
    b'"tools":[{"name":"","title":"","annotations":{"readOnlyHint":true,"destructiveHint":false,"idempotentHint":true,'
    b'"openWorldHint":true},"outputSchema":{"type":"object","properties":{"items":{"type":"array","items":{"type":"object",'
    b'"additionalProperties":false},"type":"integer","default":"enum":[","type":"number"},"type":"boolean"},'
    b'"anyOf":[{"type":"string"},{"type":"null"}],"default":null,"title":"},"required":[""]}},{"name":"get_list_create_'
    b'update_delete_search_","description":"","inputSchema":{"type":"object","properties":{"":{"type":"string",'
    b'"description":""}}}}],"resources":[],"resource_templates":[],"prompts":[],"server_info":{},"manifest":{},"held":{}}'
)
"""What most assets say, as they say it: a repetition of it takes next to nothing, which halves them."""


class _Packer:
    """Packs texts that never leave the process, as Zstandard does. Safe from several threads."""

    def __init__(self) -> None:
        often = ZstdCompressionDict(_OFTEN, dict_type=DICT_TYPE_RAWCONTENT)
        often.precompute_compress(level=1)
        self._packs = ZstdCompressor(level=1, dict_data=often, write_checksum=False)
        self._unpacks = ZstdDecompressor(dict_data=often)
        self._lock = Lock()

    def packed(self, text: bytes) -> bytes:
        """A text as few bytes."""
        with self._lock:
            packed = self._packs.compress(text)
        return bytes(memoryview(packed))  # a copy: what the packer gives holds as much memory as the text

    def unpacked(self, packed: bytes) -> bytes:
        """The text."""
        with self._lock:
            return self._unpacks.decompress(packed)


_PACKER = _Packer()


class LeanAssets(Mapping[str, AnyAsset]):
    """Assets by name. Safe from several threads; copy the names before you go through them."""

    def __init__(self) -> None:
        self.sketches: dict[str, Sketch] = {}
        self._packed: dict[str, bytes | AnyAsset] = {}
        self._recent: OrderedDict[str, tuple[bytes, AnyAsset]] = OrderedDict()
        self._lock = Lock()

    def __getitem__(self, name: str) -> AnyAsset:
        with self._lock:
            packed, recent = self._packed[name], self._recent.get(name)
            if not isinstance(packed, bytes):
                return packed
            if recent is not None and recent[0] is packed:
                self._recent.move_to_end(name)
                return recent[1]
        asset = ASSET.validate_json(_PACKER.unpacked(packed), by_alias=True, by_name=False)
        self._remember(name, packed, asset)
        return asset

    def __contains__(self, name: object) -> bool:
        return name in self._packed

    def __iter__(self) -> Iterator[str]:
        return iter([*self._packed])

    def __len__(self) -> int:
        return len(self._packed)

    def copy(self) -> "LeanAssets":
        """Another one that holds the same, and shares what it takes."""
        copied = LeanAssets()
        with self._lock:
            copied._packed, copied.sketches = self._packed.copy(), self.sketches.copy()
        return copied

    def put(self, name: str, asset: AnyAsset, said: Said | None = None, *, stored: bool = False) -> None:
        """Hold an asset in place of what had the name; one that was `stored` can be read again. `said` is what it says,
        for those who know that already."""
        packed, sketch = _packed(asset, said or Said.of(asset), stored), Sketch.of(asset)
        with self._lock:
            self._packed[name], self.sketches[name] = packed, sketch
            self._recent.pop(name, None)

    def remove(self, name: str) -> None:
        """Forget a name; nothing happens when there is none."""
        with self._lock:
            for held in (self._packed, self.sketches, self._recent):
                held.pop(name, None)

    def _remember(self, name: str, packed: bytes, asset: AnyAsset) -> None:
        with self._lock:
            if self._packed.get(name) is packed:
                self._recent[name] = packed, asset
            if len(self._recent) > RECENT:
                self._recent.popitem(last=False)


def _packed(asset: AnyAsset, said: Said, stored: bool) -> bytes | AnyAsset:
    """An asset as bytes. One that no registry takes, as evaluations have them, could not be read again: it stays."""
    text = said.whole
    try:
        if not stored:
            ASSET.validate_json(text, by_alias=True, by_name=False)
    except ValidationError:
        return asset
    return _PACKER.packed(text)
