"""What a change of a definition means: cosmetic, minor, material, or that it may do more than before.

The words that a model reads are not weighed here: any other word is a material change. Whether a new text is dangerous
is for the scanners to say; whether it was approved is what this module tells.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from difflib import unified_diff
from urllib.parse import urlsplit

from pydantic import JsonValue

from airegistry.core.assets import Agent, Json, Model, Prompt, Resource, Server, Skill, Tool
from airegistry.core.canonical import canonical, digest
from airegistry.core.schema_changes import Edit, EditKind, Grade, SchemaChanges, token

GRADES: tuple[Grade, ...] = ("cosmetic", "minor", "material", "privilege_widened")
LONGEST_DIFF = 20_000
Definition = Tool | Prompt | Resource | JsonValue
"""A tool, prompt or resource, an agent card as an object, or a text: server instructions, a file of a skill."""


class Change(Model):
    """One part of an asset that differs: `tools/forecast`, `instructions`, `files/run.sh`; empty for a bare definition.

    `diff` is a unified diff of the canonical forms, with what is invisible as escapes.
    """

    part: str = ""
    grade: Grade
    edits: list[Edit]
    diff: str

    @property
    def held(self) -> bool:
        """Whether it waits for an approval."""
        return GRADES.index(self.grade) >= GRADES.index("material")

    @property
    def said(self) -> str:
        """The edits in a sentence."""
        named = [f"{edit.at.lstrip('/') or self.part}: {edit.said}" for edit in self.edits]
        return "; ".join(named[:8]) + (f"; and {len(named) - 8} more" if len(named) > 8 else "")


def classify(before: Definition, after: Definition, part: str = "") -> Change | None:
    """What a change of one definition means; None where both are the same in canonical form. None, for a definition,
    is one that is not there."""
    old, new = plain(before), plain(after)
    if canonical(old) == canonical(new):
        return None
    compared = _Compared()
    if isinstance(old, dict) and isinstance(new, dict):
        compared.members("", old, new)
    elif old is None or new is None:
        added = old is None
        compared.note("", "part-added" if added else "part-removed", "material", "it is new" if added else "it is gone")
    else:
        compared.texts("", old, new)
    grade = max((edit.grade for edit in compared.edits), key=GRADES.index, default="cosmetic")
    return Change(part=part, grade=grade, edits=compared.edits, diff=_diff(old, new, part or "definition"))


def changes_of(before: Mapping[str, Definition], after: Mapping[str, Definition]) -> list[Change]:
    """The parts that differ, by name; those that are on one side only are changes too."""
    found = (classify(before.get(part), after.get(part), part) for part in sorted({*before, *after}))
    return [change for change in found if change is not None]


def parts_of(asset: object) -> dict[str, Definition]:
    """The definitions that an asset consists of, by part; none for what has none of its own."""
    match asset:
        case Server():
            found: dict[str, Definition] = {f"tools/{tool.name}": tool for tool in asset.tools}
            found |= {f"prompts/{prompt.name}": prompt for prompt in asset.prompts}
            found |= {f"resources/{each.uri}": each for each in asset.resources}
            found |= {f"resource_templates/{each.uri_template}": each for each in asset.resource_templates}
            return found | ({"instructions": asset.instructions} if asset.instructions else {})
        case Agent():
            return {"card": asset.card}
        case Skill():
            return {"SKILL.md": asset.content, **{f"files/{name}": text for name, text in asset.files.items()}}
    return {}


def hashes_of(asset: object) -> dict[str, str]:
    """The canonical hash of each part of an asset, and of all of them together under the empty name."""
    each = {part: digest(plain(definition)) for part, definition in parts_of(asset).items()}
    return {**each, "": digest(dict(each))}


def plain(definition: Definition) -> JsonValue:
    """A definition as JSON, the same before and after a trip through the store."""
    if not isinstance(definition, Tool | Prompt | Resource):
        return definition
    members: Json = definition.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {name: value for name, value in members.items() if name != "description" or value}


_TEXTS = frozenset("title description examples tags name instructions".split())
_HARMLESS = frozenset("size lastModified priority signatures version iconUrl icons documentationUrl".split())
_ADDRESSES = frozenset("url supportedInterfaces additionalInterfaces uri uriTemplate".split())
_SECURITY = frozenset("security securitySchemes securityRequirements".split())
_HINTS: Mapping[str, tuple[bool, bool]] = {
    "readOnlyHint": (False, False),
    "destructiveHint": (True, True),
    "openWorldHint": (True, True),
    "idempotentHint": (False, False),
}
"""What is assumed where a hint is absent, and which of its values says more danger."""
_KEYS = ("id", "name", "uri", "url")
"""By the first of these that all have, the members of a list are told apart."""
_URL = re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,15}://[^\s\"'<>)\]}]{1,512}")
_OUTPUT: Mapping[str, Grade] = {"privilege_widened": "minor", "material": "minor"}


class _Compared:
    """The edits between two definitions, as they are found."""

    def __init__(self) -> None:
        self.edits: list[Edit] = []
        self._schemas = SchemaChanges(self.note, self.texts)
        self._results = SchemaChanges(self._note_result, self.texts)

    def note(self, at: str, kind: EditKind, grade: Grade, said: str) -> None:
        """Take an edit."""
        self.edits.append(Edit(at=at, kind=kind, grade=grade, said=said))

    def _note_result(self, at: str, kind: EditKind, grade: Grade, said: str) -> None:
        """What a tool gives back may take other forms: it asks nothing more of its caller."""
        self.note(at, kind, _OUTPUT.get(grade, grade), said)

    def members(self, at: str, old: Json, new: Json) -> None:
        """Compare two objects member by member."""
        for name in sorted({*old, *new}):
            one, other = old.get(name), new.get(name)
            if (name in old) != (name in new) or canonical(one) != canonical(other):
                self._member(f"{at}/{token(name)}", name, one, other)

    def _member(self, at: str, name: str, old: JsonValue, new: JsonValue) -> None:
        if name == "inputSchema":
            self._schemas.compare(at, old, new)
        elif name == "outputSchema":
            self._output(at, old, new)
        elif name == "annotations":
            self._hints(at, _object(old), _object(new))
        elif name in _SECURITY:
            self._security(at, name, old, new)
        elif name in _ADDRESSES:
            self._addresses(at, old, new)
        elif name == "capabilities":
            self._capabilities(at, _object(old), _object(new))
        elif name in _TEXTS and not isinstance(old, dict) and not isinstance(new, dict):
            self.texts(at, old, new)
        elif name in _HARMLESS:
            self._harmless(at, name, old, new)
        else:
            self._any(at, name, old, new)

    def _any(self, at: str, name: str, old: JsonValue, new: JsonValue) -> None:
        one, other = _by_key(old), _by_key(new)
        if name == "fastmcp" and isinstance(new, dict | None):
            self.note(at, "member", "minor", "what its framework says of it is another thing")
        elif one is not None and other is not None:
            for each in sorted({*one, *other}):
                here = f"{at}/{token(each)}"
                if each not in one or each not in other:
                    self.note(here, "member", "material", "it is new" if each in other else "it is gone")
                elif canonical(one[each]) != canonical(other[each]):
                    self._member(here, each, one[each], other[each])
        elif isinstance(old, str) and isinstance(new, str):
            self.texts(at, old, new)
        else:
            self.note(at, "member", "material", "it is another one")

    def _output(self, at: str, old: JsonValue, new: JsonValue) -> None:
        if old is None or new is None:
            self.note(at, "member", "minor", f"what it gives back is {'not ' if new is None else ''}described")
        else:
            self._results.compare(at, old, new)

    def texts(self, at: str, old: JsonValue, new: JsonValue) -> None:
        """Compare what a model or a person reads."""
        before, after = _text(old), _text(new)
        for host in sorted(_hosts(after) - _hosts(before)):
            self.note(at, "address", "material", f"names {host}, which it did not")
        if _squeezed(before) == _squeezed(after):
            self.note(at, "text", "cosmetic", "spaces are others")
        elif _words(before) == _words(after) and _invisible(before) == _invisible(after):
            self.note(at, "text", "minor", "the same words are written otherwise")
        else:
            self.note(at, "text", "material", "the words are others")

    def _hints(self, at: str, old: Json, new: Json) -> None:
        for name, (assumed, dangerous) in _HINTS.items():
            one, other = old.get(name), new.get(name)
            if one == other and type(one) is type(other):
                continue
            here, now = f"{at}/{name}", assumed if other is None else other
            if now is dangerous and name != "idempotentHint":
                self.note(here, "hint-widened", "privilege_widened", f"{name} was {_said(one)} and is {_said(other)}")
            else:  # a milder claim is what clients ask less after
                self.note(here, "hint-narrowed", "material", f"{name} was {_said(one)} and is {_said(other)}")
        others = [{name: value for name, value in each.items() if name not in _HINTS} for each in (old, new)]
        self.members(at, *others)

    def _security(self, at: str, name: str, old: JsonValue, new: JsonValue) -> None:
        less = _count(new) < _count(old) or (new is None and old is not None)
        kind: EditKind = "security-removed" if less else "member"
        grade: Grade = "privilege_widened" if less else "material"
        self.note(at, kind, grade, f"{name} asks for {'less' if less else 'something else'}")

    def _addresses(self, at: str, old: JsonValue, new: JsonValue) -> None:
        more = sorted(_hosts(_text(new)) - _hosts(_text(old)))
        if more:
            self.note(at, "address", "privilege_widened", f"goes to {', '.join(more)}, which it did not")
        else:
            self.note(at, "member", "material", "the address is another one")

    def _capabilities(self, at: str, old: Json, new: Json) -> None:
        for name in sorted({*old, *new}):
            one, other = old.get(name), new.get(name)
            if canonical(one) != canonical(other):
                more = bool(other) and not one
                said = f"{name} is {'offered now' if more else 'another one'}"
                self.note(f"{at}/{token(name)}", "member", "privilege_widened" if more else "minor", said)

    def _harmless(self, at: str, name: str, old: JsonValue, new: JsonValue) -> None:
        more = sorted(_hosts(_text(new)) - _hosts(_text(old)))
        if more:
            self.note(at, "address", "material", f"names {', '.join(more)}, which it did not")
        else:
            self.note(at, "member", "minor", f"{name} is another one")


def _object(value: JsonValue) -> Json:
    return value if isinstance(value, dict) else {}


def _by_key(value: JsonValue) -> Json | None:
    """An object, or a list of objects by what tells them apart; None for anything else."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        return None
    for key in _KEYS:
        named = {str(each[key]): each for each in value if isinstance(each, dict) and key in each}
        if len(named) == len(value):
            return dict(named)
    return None


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else "" if value is None else canonical(value)


def _squeezed(text: str) -> str:
    return " ".join(part for part in re.split(r"[ \t\r\n]+", text) if part)


def _words(text: str) -> list[str]:
    """What is left of a text without case and punctuation."""
    folded = unicodedata.normalize("NFC", text).casefold()
    return "".join(" " if unicodedata.category(each)[0] in "PZ" else each for each in folded).split()


def _invisible(text: str) -> list[str]:
    """Characters that are not seen, in order: they may carry a text of their own."""
    return [each for each in text if not each.isprintable() and each not in " \t\r\n"]


def _hosts(text: str) -> set[str]:
    """The hosts, or schemes without one, of the URLs in a text."""
    found = set()
    for url in _URL.findall(text):
        try:
            parts = urlsplit(url)
            found.add(f"{parts.scheme.lower()}://{(parts.netloc.rpartition('@')[2] or url[:80]).lower()}")
        except ValueError:  # no URL after all, and so nothing that was there before either
            found.add(url[:80])
    return found


def _count(value: JsonValue) -> int:
    return len(value) if isinstance(value, dict | list) else 0


def _said(value: JsonValue) -> str:
    return "not stated" if value is None else str(value).lower()


def _diff(old: JsonValue, new: JsonValue, name: str) -> str:
    lines = unified_diff(_lines(old), _lines(new), f"approved {name}", f"now {name}", lineterm="", n=3)
    return "\n".join(lines)[:LONGEST_DIFF]


def _lines(value: JsonValue) -> Sequence[str]:
    text = value if isinstance(value, str) else "" if value is None else _pretty(value)
    return ["".join(map(_shown, line)) for line in text.split("\n")]


def _pretty(value: JsonValue) -> str:
    """Indented JSON, members in order, with the lines of texts below each other."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).replace("\\n", "\n")


def _shown(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()
