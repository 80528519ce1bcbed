"""What is said of a match: how good it is by itself, why it is one, and which tools together do a task."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from airegistry.core.assets import Agent, Server, Tool, VirtualServer, usable_tools
from airegistry.core.names import most_edits, plain
from airegistry.core.ports import AnyAsset, Match
from airegistry.core.ranking import display_score, tokens
from airegistry.core.sight import BARE

Strength = Literal["strong", "fair", "weak"]
STRONG = 0.4
FAIR = 0.28
"""Absolute scores from which a match is called so. None tells answers from near misses: nothing is left out."""

MEANT = 0.35
"""Cosine from which meaning is named as a reason beside words."""

REASONS = 6
REASON = 60
"""Reasons that are named, and characters of each: they are other people's words."""

ALIKE = 0.8
"""Share of common words from which two tools are near-identical."""
COPIES = 2
"""Of near-identical tools so many are among the first."""
POOL = 40
"""Tools that a set is chosen from, for the task and for each step."""
SET, SIFTED = 20, 100
"""So many tools are chosen with regard to each other, and looked at for copies; what follows is in order of score."""
IDENTIFIERS = 6
"""Words of a query that are looked up as names."""
RELEVANCE, FILLING = 0.7, 0.1
"""Of maximal marginal relevance: the share of the score against likeness to what is chosen, and what all of it
counts beside a step that no tool is there for yet."""

_FIELDS = {"tags": "tag", "tools": "tool", "parameters": "parameter", "schema": "details", "body": "text"}
_IDENTIFIER = re.compile(r"\w[-_./\w]*[-_./0-9][-_./\w]*|\w*[a-z][A-Z]\w*")


@dataclass(frozen=True, slots=True)
class Hit:
    """One result: the asset, the tool when the match is a tool of it, and a score in [0, 1] that orders one answer.

    `absolute` is comparable between queries, which the score is not. `why` is empty unless it was asked for.
    """

    asset: AnyAsset
    tool: Tool | None
    score: float
    absolute: float = 0.0
    why: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The kind of what matched."""
        return "tool" if self.tool is not None else self.asset.kind

    @property
    def match(self) -> Strength:
        """How good the match is by itself."""
        return "strong" if self.absolute >= STRONG else "fair" if self.absolute >= FAIR else "weak"


@dataclass(frozen=True, slots=True)
class Found:
    """The best hits, and how many visible things matched before the cut."""

    hits: Sequence[Hit]
    total: int


def absolute(match: Match) -> float:
    """How good a match is by itself, in [0, 1]; one without a vector is judged by its words alone."""
    score = display_score(match.dense, match.lexical)
    return score if match.dense else 2 * score


def is_called(asset: AnyAsset, tool: Tool | None, typed: str) -> bool:
    """Whether this is the name of something, however its words are joined."""
    names = (asset.path, asset.name, asset.title) if tool is None else (tool.name, tool.title)
    key = plain(typed)
    return bool(key) and any(plain(name or "") == key for name in names)


def reasons(match: Match, asset: AnyAsset) -> tuple[str, ...]:
    """Why it matched: `name: invoice` for a word in a field, `tool: list_invoices` for the part that means what was
    asked for, and `meaning`."""
    meant = match.dense >= MEANT or (match.dense > 0 and not match.words)
    part = _part(asset, match) if meant else None
    found = [f"{_FIELDS.get(field, field)}: {word}" for field, word in match.words]
    found += [part] if part is not None else []
    found = [" ".join(reason.split())[:REASON] for reason in dict.fromkeys(found)][: REASONS - meant]
    return (*found, "meaning") if meant else tuple(found)


def _part(asset: AnyAsset, match: Match) -> str | None:
    """The tool, or the skill of an agent, that the nearest part vector of a match is of."""
    if match.part is None or match.id.startswith("tool/") or match.id.endswith(BARE):
        return None
    match asset:
        case Server():
            word, names = "tool", [tool.name for tool in usable_tools(asset)]
        case VirtualServer():
            word, names = "tool", [tool.shown_as for tool in asset.tools]
        case Agent():
            word, names = "skill", [skill.name for skill in asset.skills]
        case _:
            return None
    return f"{word}: {names[match.part]}" if match.part < len(names) else None


def typed_names(query: str) -> list[str]:
    """What of a query may be meant as a name: all of it, and the words that look like identifiers."""
    found = [query, *_IDENTIFIER.findall(query)[:IDENTIFIERS]]
    return [name for name in dict.fromkeys(found) if most_edits(plain(name))]


def without_copies(hits: Sequence[Hit], limit: int) -> list[Hit]:
    """The best hits with at most two near-identical tools among them, if there are others."""
    chosen, copies, words = list[Hit](), list[Hit](), list[frozenset[str]]()
    for hit in hits[:SIFTED]:
        own = _words(hit)
        if sum(likeness(own, other) >= ALIKE for other in words) >= COPIES:
            copies.append(hit)
        else:
            chosen.append(hit)
            words.append(own)
    return [*chosen, *copies, *hits[SIFTED:]][:limit]


def complementary(whole: Sequence[Hit], by_step: Sequence[Sequence[Hit]], limit: int) -> list[Hit]:
    """Tools that do a task of several steps together, the most useful beside those before it first.

    A tool is worth what it adds to the best match so far of each step; beyond that maximal marginal relevance decides.
    """
    known: dict[str, Hit] = {}
    for hit in (*whole[:POOL], *chain.from_iterable(by_step)):
        known.setdefault(_place(hit), hit)
    grades = [{_place(hit): hit.absolute for hit in hits} for hits in (whole, *by_step)]
    words = {place: _words(hit) for place, hit in known.items()}
    covered = [0.0] * len(grades)
    left, chosen = list(known), list[str]()

    def worth(place: str) -> tuple[bool, float]:
        gain = sum(max(0.0, grade.get(place, 0.0) - had) for grade, had in zip(grades, covered, strict=True))
        alike = [likeness(words[place], words[other]) for other in chosen]
        marginal = RELEVANCE * known[place].score - (1 - RELEVANCE) * max(alike, default=0.0)
        return sum(each >= ALIKE for each in alike) < COPIES, gain + FILLING * marginal

    while left and len(chosen) < min(limit, SET):
        best = max(left, key=worth)
        left.remove(best)
        chosen.append(best)
        covered = [max(grade.get(best, 0.0), had) for grade, had in zip(grades, covered, strict=True)]
    rest = [hit for hit in whole if _place(hit) not in chosen]
    return [*(known[place] for place in chosen), *rest][:limit]


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of common words, in [0, 1]."""
    return len(one & other) / len(one | other) if one or other else 1.0


def _words(hit: Hit) -> frozenset[str]:
    """The words of a tool by which it is told from others: not those of its server."""
    assert hit.tool is not None  # sets are of tools
    properties = hit.tool.input_schema.get("properties")
    parameters = " ".join(properties) if isinstance(properties, dict) else ""
    return frozenset(tokens(f"{hit.tool.name} {hit.tool.description} {parameters}"))


def _place(hit: Hit) -> str:
    assert hit.tool is not None  # as above
    return f"{hit.asset.path}/{hit.tool.name}"
