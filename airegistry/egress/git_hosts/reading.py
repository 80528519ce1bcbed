"""Reads a skill's folder at a commit: what is asked for, which files it has, and their contents within the caps."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from airegistry.core.errors import Invalid
from airegistry.core.git_skills import (
    FILE,
    MAIN,
    MAX_FILE,
    MAX_FILES,
    MAX_TOTAL,
    PROGRAM,
    Gone,
    Mode,
    Pinned,
    PinnedFile,
    SkillRead,
    check_names,
    digest_of,
    is_archive,
    shown,
    text_of,
)
from airegistry.egress.git_hosts.host import Entry, Host
from airegistry.egress.git_hosts.places import Namespace, Place
from airegistry.egress.http import TooLarge

_MANY_PREFIXES = 12
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Spot:
    """A place at a commit: `ref` is what was asked for, empty for the default branch; `path` lies in the repository."""

    ref: str
    namespace: Namespace
    commit: str
    path: str


async def pinned_at(host: Host, place: Place) -> Spot:
    """The place as it is now: of references that the URL could mean the longest.

    Raises:
        Gone: there is none of them.
    """
    if place.apart or not place.rest:
        commit = await commit_of(host, place.at, place.namespace)
        return Spot(place.at or "", place.namespace, commit, place.rest)
    parts = place.rest.split("/")
    if _is_commit(parts[0]):
        return Spot(parts[0], "", await commit_of(host, parts[0]), "/".join(parts[1:]))
    if len(parts) == 1:
        return Spot(parts[0], place.namespace, await host.commit(parts[0], place.namespace), "")
    refs = await host.refs(parts[0])
    fitting = [
        ref for ref in refs.found
        if f"{place.rest}/".startswith(f"{ref.name}/") and place.namespace in {"", ref.namespace}
    ]  # fmt: skip
    if fitting:  # a branch comes before a tag of its name, as with Git's hosts
        ref = max(fitting, key=lambda each: (len(each.name), each.namespace == "heads"))
        commit = ref.commit or await host.commit(ref.name, ref.namespace)
        return Spot(ref.name, ref.namespace, commit, place.rest[len(ref.name) + 1 :])
    if not refs.whole:
        return await _tried(host, place, parts)
    return Spot(parts[0], "", await host.commit(parts[0], place.namespace), "/".join(parts[1:]))


async def commit_of(host: Host, ref: str | None, namespace: Namespace = "") -> str:
    """The commit that a reference is now; a commit is itself, whatever branch has its name.

    Raises:
        Gone: there is none.
    """
    commit = await host.commit(ref, namespace)
    if ref is not None and not namespace and _is_commit(ref) and commit != ref:
        raise Gone(f"there is no commit {ref}: what has that name is another one", field="url")
    return commit


def _is_commit(ref: str) -> bool:
    return len(ref) in {40, 64} and set(ref) <= _HEX


async def _tried(host: Host, place: Place, parts: Sequence[str]) -> Spot:
    """The longest reference, where there are too many to be listed.

    Raises:
        Gone: there is none.
    """
    for length in range(min(len(parts), _MANY_PREFIXES), 0, -1):
        name = "/".join(parts[:length])
        try:
            return Spot(name, place.namespace, await host.commit(name, place.namespace), "/".join(parts[length:]))
        except Gone:
            continue
    raise Gone(f"{place.host} has no branch, tag or commit that {shown(place.rest)} begins with", field="url")


def split(place: Place, path: str) -> tuple[str, str]:
    """The folder of a skill and the name of its text, by the path that was asked for."""
    folder, _, name = path.rpartition("/")
    return (folder, name) if place.file or name == MAIN else (path, MAIN)


def skill_folder(entries: Sequence[Entry], folder: str) -> dict[str, Entry]:
    """The entries of a skill's folder by name, without those of further skills inside it."""
    prefix = f"{folder}/" if folder else ""
    here = {entry.path[len(prefix) :]: entry for entry in entries if entry.path.startswith(prefix)}
    inside = tuple(name.removesuffix(MAIN) for name in here if name.endswith(f"/{MAIN}"))
    return {name: entry for name, entry in here.items() if not inside or not name.startswith(inside)}


def checked(files: Mapping[str, Entry]) -> None:
    """Refuse a folder that is not taken, before anything of it is fetched.

    Raises:
        Invalid: the message names the file and the reason.
    """
    if len(files) > MAX_FILES:
        raise Invalid(f"the skill has {len(files)} files; at most {MAX_FILES} are taken", field="url")
    check_names(files)
    for name, entry in files.items():
        if entry.kind == "link":
            raise Invalid(f"{shown(name)} is a symbolic link: it could lead anywhere", field="url")
        if entry.kind == "module":
            raise Invalid(f"{shown(name)} is a submodule: another repository", field="url")
        if entry.size is not None and entry.size > MAX_FILE and not is_archive(name):
            raise Invalid(f"{shown(name)} has {entry.size} bytes; at most {MAX_FILE} are taken", field="url")
    if sum(entry.size or 0 for name, entry in files.items() if not is_archive(name)) > MAX_TOTAL:
        raise Invalid(f"the skill has more than {MAX_TOTAL} bytes", field="url")


def known_digest(files: Mapping[str, Entry]) -> str | None:
    """The digest of a folder, before anything of it is fetched; None where the host tells no blobs."""
    if not all(entry.id for entry in files.values()):
        return None
    return digest_of([PinnedFile(name=name, size=0, mode=_mode(entry), id=entry.id) for name, entry in files.items()])


async def read_folder(
    host: Host, place: Place, spot: Spot, folder: str, files: Mapping[str, Entry], main: str = MAIN
) -> SkillRead:
    """A skill with its files, which have to be `checked`.

    Raises:
        Gone: there is no `main` among them.
        Invalid: a file is none that is taken.
    """
    if main not in files:
        raise Gone(f"there is no {shown(main)} in {shown(folder)} of {place.repository} at {place.host}", field="url")
    texts: dict[str, str] = {}
    made: list[PinnedFile] = []
    total = 0
    for name in sorted(files):
        read, text = await _file(host, spot.commit, name, files[name])
        total += read.size if read.sha256 is not None else 0
        if total > MAX_TOTAL:
            raise Invalid(f"the skill has more than {MAX_TOTAL} bytes", field="url")
        made.append(read.model_copy(update={"name": MAIN if name == main else name}))
        if text is not None:
            texts[name] = text
    if main not in texts:
        raise Invalid(f"{shown(main)} is no text", field="url")
    content = texts.pop(main)
    pinned = Pinned(
        host=place.host, repository=place.repository, ref=spot.ref, commit=spot.commit, folder=folder,
        digest=digest_of(made), files=made,
    )  # fmt: skip
    return SkillRead(content, texts, pinned, host.link(spot.commit, f"{folder}/{main}" if folder else main))


async def _file(host: Host, commit: str, name: str, entry: Entry) -> tuple[PinnedFile, str | None]:
    """A file as it is listed, and its text if it is kept."""
    mode = _mode(entry)
    if is_archive(name):
        return PinnedFile(name=name, size=entry.size or 0, mode=mode, id=entry.id, kept=False), None
    try:
        body = await host.blob(commit, entry, MAX_FILE)
    except TooLarge:
        raise Invalid(f"{shown(name)} has more than {MAX_FILE} bytes", field="url") from None
    text = text_of(name, body)
    kept = body if text is None else text.encode()
    sha256 = hashlib.sha256(kept).hexdigest()
    listed = PinnedFile(name=name, size=len(kept), sha256=sha256, mode=mode, id=entry.id, kept=text is not None)
    return listed, text


def _mode(entry: Entry) -> Mode:
    return PROGRAM if entry.executable else FILE
