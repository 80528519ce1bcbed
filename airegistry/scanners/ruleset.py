"""Names the rules that are in force: what was scanned under other ones is scanned again."""

import hashlib
from collections.abc import Iterable
from importlib import resources
from importlib.resources.abc import Traversable

SHOWN = 16


def ruleset_of(scanners: Iterable[str]) -> str:
    """A hash over the names of the scanners that run, and over everything that their rules are written in."""
    digest = hashlib.sha256("\n".join(sorted(scanners)).encode())
    core = resources.files("airegistry.core")
    judging = (core / name for name in ("findings.py", "known_names.py", "slips.py", "confusables.py"))
    for file in (*judging, *_files(resources.files("airegistry.scanners"))):
        digest.update(b"\0" + file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:SHOWN]


def _files(folder: Traversable) -> Iterable[Traversable]:
    """The sources and tables of rules, in order of name."""
    for each in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if each.is_dir():
            yield from () if each.name == "__pycache__" else _files(each)
        else:
            yield each
