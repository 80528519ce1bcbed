"""Skills in Git repositories: what was read of a folder at a commit, and which files of it may be taken.

A folder is read by its host's API, file by file; no archive is downloaded, and nothing is written to disk. What of it
is no text is named with its hash and not kept: it could be neither scanned nor served.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from pydantic import Field

from airegistry.core.assets import Json, Model, Skill
from airegistry.core.canonical import digest
from airegistry.core.cards import MAX_SKILL
from airegistry.core.errors import Invalid

MAIN = "SKILL.md"
MAX_FILE = MAX_SKILL
"""Bytes of one file."""
MAX_FILES = 200
MAX_TOTAL = 8_000_000
"""Bytes of all files of a skill together."""
MAX_DEPTH = 8
"""Folders below that of the skill."""

Mode = Literal["100644", "100755"]
FILE: Mode = "100644"
PROGRAM: Mode = "100755"
"""The modes of Git that are taken."""

_LFS = b"version https://git-lfs.github.com/spec/"
_ARCHIVES = frozenset("zip tar gz tgz bz2 tbz tbz2 xz txz zst 7z rar jar war whl egg iso dmg cab deb rpm".split())
_DEVICES = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.IGNORECASE)
_DOT_GIT = re.compile(r"\.git|git~[0-9]+", re.IGNORECASE)
_UNFIT = re.compile(r"[\x00-\x1f\x7f<>:\"|?*\\]")


class Gone(Invalid):
    """The repository, or the branch, tag, commit or path, is not there, or not for whoever asks."""


class PinnedFile(Model):
    """A file of a skill as it was read. `id` is its blob, where the host tells; `sha256` is None of what was not read.

    What is not `kept` is no text, or an archive.
    """

    name: str
    size: int
    sha256: str | None = None
    mode: Mode = FILE
    id: str = ""
    kept: bool = True


class Pinned(Model):
    """Where a skill was read: the folder of a repository, at the commit that a branch or tag pointed at then.

    `digest` is over the names, modes and contents of all files. `missing_since` is when a look first missed it.
    """

    host: str
    repository: str
    ref: str
    commit: str
    folder: str
    digest: str
    files: list[PinnedFile] = Field(default_factory=list)
    missing_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class SkillRead:
    """A skill as its repository has it. `texts` are its companions by name, `url` is a link to it at its commit."""

    content: str
    texts: Mapping[str, str]
    pinned: Pinned
    url: str


class SkillHosts(Protocol):
    """Git hosts, read by their REST APIs through the guarded client, each with its own token."""

    def reads(self, url: str) -> bool:
        """Whether a URL is of a file, folder or repository at one of the hosts."""
        ...

    async def read(self, url: str, known: Pinned | None = None) -> SkillRead | None:
        """The skill at a URL as it is now; None when nothing in its folder differs from what is known.

        Raises:
            Gone: it is not there.
            Invalid: it holds what is not taken; the message names the file and the reason.
            CredentialRefused, RateLimited, UpstreamFailed: the host does not let us in, wants to be left alone, or
                does not answer.
        """
        ...


def pinned_of(skill: Skill) -> Pinned | None:
    """Where a skill was read; None when that was no Git host."""
    return None if skill.pinned is None else Pinned.model_validate(skill.pinned)


def dumped(pinned: Pinned) -> Json:
    """As it is kept with the skill."""
    return pinned.model_dump(mode="json", exclude_none=True)


def refusal(name: str) -> str:
    """Why a relative file name is not taken; empty when it is: it has to mean the same file on every system."""
    parts = name.split("/")
    if len(name.encode(errors="surrogatepass")) > 1024 or any(len(part.encode()) > 255 for part in parts):
        return "the name is too long"
    if not name.isprintable() or _UNFIT.search(name):
        return "the name holds characters that paths may not hold everywhere"
    if any(part in {"", ".", ".."} for part in parts):
        return "the name leaves the folder or is absolute"
    if any(part != part.rstrip(". ") or _DEVICES.fullmatch(part) for part in parts):
        return "the name is another file, or a device, on Windows"
    if any(_DOT_GIT.fullmatch(part) for part in parts):
        return "the name is of Git's own files"
    if len(parts) > MAX_DEPTH + 1:
        return f"it lies more than {MAX_DEPTH} folders deep"
    return ""


def check_names(names: Iterable[str]) -> None:
    """Refuse a folder with a name that is not taken, or with two that are one where case does not count.

    Raises:
        Invalid: the message names the file.
    """
    seen: dict[str, str] = {}
    for name in names:
        if why := refusal(name):
            raise Invalid(f"{shown(name)}: {why}", field="url")
        folded = unicodedata.normalize("NFC", name).casefold()
        if folded in seen:
            raise Invalid(f"{shown(name)} and {shown(seen[folded])} are one file on some systems", field="url")
        seen[folded] = name


def is_archive(name: str) -> bool:
    """Whether a file is an archive by its name: it is named, not read."""
    return "." in name and name.rpartition(".")[2].lower() in _ARCHIVES


def text_of(name: str, body: bytes) -> str | None:
    """The text of a file; None when it is none.

    Raises:
        Invalid: it is a pointer of Git LFS, whose content lies elsewhere.
    """
    if body.startswith(_LFS):
        raise Invalid(f"{shown(name)} is a pointer of Git LFS: its content is not in the repository", field="url")
    if b"\0" in body:
        return None
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def digest_of(files: Sequence[PinnedFile]) -> str:
    """The digest of a folder: equal while no file came, went, changed or got another mode."""
    return digest(
        [[file.name, file.mode, file.id or file.sha256 or file.size] for file in sorted(files, key=lambda f: f.name)]
    )


def repinned(skill: Skill, before: Pinned, read: Pinned) -> Pinned:
    """Where a skill is pinned that is served as a mixture: at the commit of before, with its files as they are served,
    since some of what was read waits for an approval."""
    modes = {file.name: file.mode for file in (*read.files, *before.files)}
    served = [
        PinnedFile(name=name, size=len(body), sha256=hashlib.sha256(body).hexdigest(), mode=modes.get(name, FILE))
        for name, body in ((name, text.encode()) for name, text in {MAIN: skill.content, **skill.files}.items())
    ]
    files = sorted([*served, *(each for each in before.files if not each.kept)], key=lambda file: file.name)
    return before.model_copy(update={"files": files, "missing_since": None})


def served_from(served: Skill, before: Skill, read: Skill) -> Json | None:
    """Where a skill is pinned of which no more may be `served` than waits for no approval."""
    if (served.content, served.files) == (read.content, read.files):
        return read.pinned
    old, new = pinned_of(before), pinned_of(read)
    return before.pinned if old is None or new is None else dumped(repinned(served, old, new))


def shown(name: str) -> str:
    """A name of other people in a message."""
    return repr(name[:120])
