"""What `airegistry scan` reads: a file, a folder or a URL, as assets. Nothing of it is run or stored."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from airegistry.core.cards import MAX_CARD, MAX_SKILL
from airegistry.core.errors import Invalid
from airegistry.core.ports import AnyAsset, Backends
from airegistry.core.recognised import recognised
from airegistry.core.unchecked import SKILL_FILE, path_of, unchecked_server, unchecked_skill

MAX_FILE = 16_000_000
MAX_COMPANION = 1_000_000
MAX_FILES = 1_000
LEFT_OUT = frozenset({".git", "node_modules", "__pycache__", ".venv"})


@dataclass(frozen=True, slots=True)
class Source:
    """An asset and where it was read: a path relative to here, or a URL. `unread` are companions that are no text,
    too long, or links that lead elsewhere."""

    asset: AnyAsset
    uri: str
    unread: Sequence[str] = ()


def read_path(path: Path) -> list[Source]:
    """The assets of a JSON file, of a SKILL.md, or of all skills in a folder.

    Raises:
        Invalid: it cannot be read, or is nothing that can be scanned.
    """
    if path.is_dir():
        mains = sorted(each for each in path.rglob(SKILL_FILE) if not LEFT_OUT & {*each.parts})
        if not mains:
            raise Invalid(f"`{path}` holds no {SKILL_FILE}; name a file to scan it")
        return [_skill(main) for main in mains]
    text = _text(path, MAX_FILE)
    if text is None:
        raise Invalid(f"cannot read `{path}` as text of at most {MAX_FILE} bytes")
    if path.suffix.lower() in {".md", ".markdown"}:
        return [Source(unchecked_skill({path.name: text}), path.as_posix())]
    return [Source(asset, path.as_posix()) for asset in _parsed(text, path.stem, f"`{path}`")]


async def read_url(url: str, backends: Backends) -> list[Source]:
    """The assets at a URL: a document that ends in .json or .md, or else a live MCP server.

    Raises:
        Invalid: the URL is none that may be fetched, or what is there cannot be scanned.
        UpstreamFailed: it cannot be had.
    """
    backends.check_url(url)
    parts = urlsplit(url)
    if parts.path.lower().endswith((".md", ".markdown")):
        text = await backends.fetch_text(url, limit=MAX_SKILL)
        return [Source(unchecked_skill({SKILL_FILE: text}), url)]
    if parts.path.lower().endswith(".json"):
        text = await backends.fetch_text(url, limit=MAX_CARD)
        return [Source(asset, url) for asset in _parsed(text, parts.hostname or "", url)]
    server = unchecked_server(parts.hostname or "", {"url": url}, [], path=path_of(parts.hostname or ""))
    said = await backends.describe(server)
    found = server.model_copy(update={
        "tools": [*said.tools], "resources": [*said.resources], "resource_templates": [*said.resource_templates],
        "prompts": [*said.prompts], "instructions": said.instructions, "server_info": said.server_info,
    })  # fmt: skip
    return [Source(found, url)]


def _skill(main: Path) -> Source:
    """A skill with its companions, as text."""
    files, unread = {SKILL_FILE: _text(main, MAX_COMPANION) or ""}, []
    for each in sorted(main.parent.rglob("*")):
        name = each.relative_to(main.parent).as_posix()
        if (
            each == main
            or LEFT_OUT & {*each.relative_to(main.parent).parts}
            or (each.is_dir() and not each.is_symlink())
        ):
            continue
        text = None if each.is_symlink() or len(files) >= MAX_FILES else _text(each, MAX_COMPANION)
        if text is None:
            unread.append(name)
        else:
            files[name] = text
    return Source(unchecked_skill(files), main.as_posix(), unread)


def _parsed(text: str, name: str, what: str) -> list[AnyAsset]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"{what} is no JSON: {str(error)[:200]}") from None
    try:
        return recognised(value, name)
    except Invalid as error:
        raise Invalid(f"{what}: {error.message}") from None


def _text(path: Path, limit: int) -> str | None:
    """The text of a file; None when it is too long or no UTF-8.

    Raises:
        Invalid: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise Invalid(f"cannot read `{path}`: {error.strerror or error}") from None
    if len(data) > limit or b"\0" in data:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
