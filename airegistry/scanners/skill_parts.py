"""Takes a skill apart: prose, code by its language, and comments that nobody sees, each with where it stands."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from dataclasses import field as member
from typing import Literal

from airegistry.core.assets import Skill
from airegistry.core.git_skills import pinned_of
from airegistry.scanners.plain import decoded, plain
from airegistry.scanners.texts import texts

Language = Literal["prose", "hidden", "shell", "powershell", "python", "javascript", "json", "yaml", "other", "decoded"]
"""`hidden` is a comment of HTML, `decoded` a text that was encoded in the file."""

MAX_FILE = 1_000_000
"""Characters of a file that are read: what a whole skill may have."""

_LANGUAGES: dict[str, Language] = {
    **dict.fromkeys(
        "sh bash zsh shell console terminal shell-session fish ksh dockerfile cmd bat batch".split(), "shell"
    ),
    **dict.fromkeys("powershell ps1 pwsh psm1".split(), "powershell"),
    **dict.fromkeys("python py python3 pyw".split(), "python"),
    **dict.fromkeys("javascript js mjs cjs typescript ts jsx tsx node".split(), "javascript"),
    **dict.fromkeys("json jsonc json5".split(), "json"),
    **dict.fromkeys("yaml yml toml ini".split(), "yaml"),
}
_PROSE = frozenset("md markdown mdx mdc rst txt text html htm".split())
_FENCE = re.compile(r"^[ \t>]{0,12}(`{3,}|~{3,})[ \t]{0,4}([\w+#.-]{0,20})")
_COMMENT = re.compile(r"<!--((?s:.)*?)(?:-->|\Z)|^\[(?://|comment)\]: (?:#|<>) \(([^\n]*)\)", re.MULTILINE)
WARNING = re.compile(
    r"\b(?:never|do ?n[o'’]t|must ?n[o'’]t|should ?n[o'’]t|avoid|refuse[sd]?|reject(?:s|ed)?|forbid(?:den"
    r"|s)?|anti-?patterns?"
    r"|wrong|bad|red flags?|disallow\w{0,3}|instead of|niemals|jamais|nunca|никогда)\b|❌|🚫|⛔|✗|绝不|禁止|決して",
    re.IGNORECASE,
)
ATTACKERS = re.compile(
    r"\b(?:attack(?:s|er|ers|ing)?|adversar\w{1,5}|malicious|injection|exploit\w{0,5}|threats?|phishing"
    r"|jailbreak\w{0,3}"
    r"|payloads?|compromised|red[- ]team\w{0,3}|CWE-\d{1,4}|OWASP)\b",
    re.IGNORECASE,
)
_SPLIT = re.compile(r"(?:\"\s{0,8}\+\s{0,8}\"|'\s{0,8}\+\s{0,8}')")
"""Where a text in code is put together from pieces."""
_WORD = re.compile(r"[^\W_]+")
_SENTENCE = 6
"""Words of a file's name from which on it is read as a text: agents are shown it as one."""
_HEADING = re.compile(r"^#{1,6}[ \t]")


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of one file in one language.

    `field` is a JSON pointer into the skill. `warned`: its heading says not to do it; `taught`: its heading tells of
    attacks. `program`: it is a file that runs, and no example in a text. `above` are the words just above a fence.
    """

    field: str
    file: str
    language: Language
    text: str
    warned: bool = False
    taught: bool = False
    program: bool = False
    heading: str = ""
    above: str = ""
    lower: str = member(init=False, repr=False, default="")

    def __post_init__(self) -> None:
        object.__setattr__(self, "lower", self.text.lower())

    def hints(self, words: Sequence[str]) -> bool:
        """Whether one of some words, in lower case, is anywhere in it: far cheaper to ask than a pattern."""
        return not words or any(word in self.lower for word in words)

    @property
    def code(self) -> bool:
        """Whether it is for a machine."""
        return self.language not in ("prose", "hidden")


def parts(skill: Skill) -> Sequence[Part]:
    """Every part of a skill, in the order of its files."""
    inside = {text.field: text.decoded for text in texts(skill)}
    found = [*_file("/content", "SKILL.md", skill.content, inside.get("/content"))]
    for name, raw in sorted(skill.files.items()):
        found += _file(_pointer(name), name, raw, inside.get(_pointer(name)))
    return [*found, *_names(skill)]


def _names(skill: Skill) -> Iterator[Part]:
    """The names of files that say something, of those too whose content is not kept."""
    pinned = pinned_of(skill)
    listed = () if pinned is None else (file.name for file in pinned.files)
    for name in sorted({*skill.files, *listed}):
        if len(_WORD.findall(name)) >= _SENTENCE:
            yield Part(_pointer(name), name, "prose", re.sub("[_-]", " ", name))


def _pointer(name: str) -> str:
    return "/files/" + name.replace("~", "~0").replace("/", "~1")


def _file(pointer: str, name: str, raw: str, inside: Sequence[str] | None) -> Iterator[Part]:
    text = _normal(raw[:MAX_FILE])
    language = _language_of(name, text)
    if language == "prose":
        yield from _markdown(pointer, name, text)
    else:
        yield Part(pointer, name, language, _joined(text), program=language not in ("json", "yaml", "other"))
    whole = raw if language == "prose" else _SPLIT.sub("", raw)
    for inner in decoded(whole) if inside is None or whole != raw else inside:
        if len(inner) < 0.8 * len(raw):  # else it is the whole text with its escapes resolved
            yield Part(pointer, name, "decoded", inner)


def _normal(raw: str) -> str:
    """The text with the lines that it has, each as rules read it."""
    if raw.isascii():
        return raw
    return "\n".join(line if line.isascii() else _indented(line) for line in raw.splitlines())


def _indented(line: str) -> str:
    return line[: len(line) - len(line.lstrip())] + plain(line)


def _joined(text: str) -> str:
    """Code with the lines that go on after a backslash made one."""
    return text.replace("\\\r\n", " ").replace("\\\n", " ").replace("`\n", " ")


def _language_of(name: str, text: str) -> Language:
    ending = name.rpartition(".")[2].lower() if "." in name.rpartition("/")[2] else ""
    if ending in _PROSE:
        return "prose"
    if found := _LANGUAGES.get(ending):
        return found
    first = text[:80].partition("\n")[0]
    if first.startswith("#!"):
        return "python" if "python" in first else "javascript" if "node" in first else "shell"
    return "shell" if name.rpartition("/")[2].lower() in ("dockerfile", "makefile", "justfile") else "other"


def _markdown(pointer: str, name: str, text: str) -> Iterator[Part]:
    """Prose between headings and fences; each fence; each comment. A fence that never ends goes on to the end."""
    heading, lines = "", list[str]()
    fence, language, inside = "", "", list[str]()
    seen = _COMMENT.sub("", text)
    for line in seen.splitlines():
        opened = _FENCE.match(line)
        if fence:
            if opened and opened[1].startswith(fence) and not opened[2]:
                yield _fenced(pointer, name, language, inside, heading, lines)
                fence, inside = "", []
            else:
                inside.append(line)
        elif opened:
            fence, language = opened[1], opened[2].lower()
        elif _HEADING.match(line):
            yield from _prose(pointer, name, heading, lines)
            heading, lines = line, []
        else:
            lines.append(line)
    if fence:
        yield _fenced(pointer, name, language, inside, heading, lines)
    yield from _prose(pointer, name, heading, lines)
    for match in _COMMENT.finditer(text):
        yield Part(pointer, name, "hidden", next(group for group in match.groups() if group is not None))


def _prose(pointer: str, name: str, heading: str, lines: Sequence[str]) -> Iterator[Part]:
    text = "\n".join((heading, *lines)).strip()
    if text:
        warned, taught = bool(WARNING.search(heading)), bool(ATTACKERS.search(heading))
        yield Part(pointer, name, "prose", text, warned, taught, heading=heading)


def _fenced(pointer: str, name: str, tag: str, inside: Sequence[str], heading: str, before: Sequence[str]) -> Part:
    """A fence; what stands just above it, or over it as heading, says what it is for."""
    above = " ".join([line for line in before[-4:] if line.strip()][-2:])
    text = _joined("\n".join(inside))
    language = _LANGUAGES.get(tag) or ("prose" if tag in _PROSE else "other")
    warned, taught = bool(WARNING.search(heading)), bool(ATTACKERS.search(heading))
    return Part(pointer, name, language, text, warned, taught, heading=heading, above=above)
