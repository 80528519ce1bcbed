"""The built files of the page: which they are, and which form of one a browser takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

MANIFEST: Final = "manifest.json"
ENTRY: Final = "src/main.tsx"
_TYPES: Mapping[str, str] = {
    ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
}  # fmt: skip
_CODINGS = (("br", ".br"), ("gzip", ".gz"))
"""Content codings that files were compressed in when they were built, the better one first."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file on disk in the form that is sent, and what is said of it."""

    path: Path
    headers: Mapping[str, str]


class Built:
    """What Vite wrote to a folder: `manifest.json`, and `assets/` with a digest in each name."""

    def __init__(self, folder: Path) -> None:
        manifest = orjson.loads((folder / MANIFEST).read_bytes())
        self.script: str = _name(manifest[ENTRY]["file"])
        self.style: str = _name(manifest["style.css"]["file"] if "style.css" in manifest else manifest[ENTRY]["css"][0])
        self._folder = folder / "assets"
        self._names = frozenset(each.name for each in self._folder.iterdir())

    def find(self, name: str, accepted: str) -> Found | None:
        """The file of a name for a browser that accepts these codings; None when there is none."""
        kind = _TYPES.get(Path(name).suffix)
        if kind is None or name not in self._names:
            return None
        headers = {
            "content-type": kind, "cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding",
            "x-content-type-options": "nosniff", "cross-origin-resource-policy": "same-origin",
        }  # fmt: skip
        taken = _taken(accepted)
        for coding, suffix in _CODINGS:
            if coding in taken and name + suffix in self._names:
                return Found(self._folder / (name + suffix), {**headers, "content-encoding": coding})
        return Found(self._folder / name, headers)


def _taken(accepted: str) -> set[str]:
    """The codings of Accept-Encoding that are not refused (RFC 9110, section 12.5.3)."""
    found = set()
    for each in accepted.lower().split(","):
        coding, _, weight = each.partition(";")
        if weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}:
            found.add(coding.strip())
    return found


def _name(file: str) -> str:
    return file.rpartition("/")[2]
