"""What stands around a command or an order in a skill and speaks against it: a warning, a lesson, or only the look."""

import re
from enum import IntEnum

from airegistry.scanners.skill_parts import ATTACKERS, WARNING, Part


class Excuse(IntEnum):
    """How far the words around let something pass: `CLEAR` is a note, `DOUBTFUL` is for a person to see."""

    NONE = 0
    DOUBTFUL = 1
    CLEAR = 2


_NEGATIONS = (
    r"\b(?:never|do ?n[o'’]t|does ?n[o'’]t|must ?n[o'’]t|should ?n[o'’]t|cannot|can['’]?t|avoid(?:s|ing)?|refuse[sd]?"
    r"|rejects?|forbid(?:den|s)?|prevent(?:s|ing)?|detects?|blocks?|anti-?patterns?|wrong|bad|not|nor|neither|no"
    r"|red flags?|disallow\w{0,3}|instead of|rather than|dangerous|insecure|unsafe|vulnerable"
    r"|niemals|nicht|keine?|jamais|nunca|não|никогда|не)\b|❌|🚫|⛔|✗|绝不|不要|禁止|決して"
)
_FALSE_NEGATIONS = (
    r"(?!\s{1,3}(?:only|just|to be confused|forget|skip|omit|miss|fail|hesitate|wait|worry|stop|ask|proceed|continue"
    r"|delay|tell|mention|reveal|inform|notify|say|disclose|admit|hint|let|matter|longer|excuses?|problem|doubt|need"
    r"|until|before|unless|without)\b)"
)
_GOVERNS = re.compile(
    rf"(?:{_NEGATIONS}){_FALSE_NEGATIONS}[^.!?;:,\n]{{0,80}}[:`\"'“*_(|\s-]{{0,8}}$",
    re.IGNORECASE,
)
"""A warning that governs what follows it: nothing ends the clause between them."""
_LISTS = re.compile(rf"(?:{_NEGATIONS}){_FALSE_NEGATIONS}[^.!?;:\n]{{0,90}}$", re.IGNORECASE)
"""A warning with a comma between, as in a list of what not to do, or to begin another clause."""
_ORDERED = re.compile(
    r"(?:^|[.,;:!?*_>-]\s{0,3}|\b(?:so|then|first|please|must|should|always|now|just|you|we|need to|simply) )"
    r"(?:run|execute|paste|type|enter|invoke|launch|start with|use|apply|install)\b[^.!?\n]{0,80}$",
    re.IGNORECASE,
)
_MARKED = re.compile(
    r"^\s{0,40}(?:#|//|--)\s{0,3}(?:[❌🚫]\s?)?(?:bad|dangerous|wrong|do ?n['’o]t|never|insecure|vulnerable|unsafe"
    r"|anti-?pattern"
    r"|attacker)\b[^\n]{0,120}\n[^\n]{0,300}$",
    re.IGNORECASE,
)
"""An example whose comment calls it bad."""
_BY_ATTACKERS = re.compile(
    r"\b(?:attack(?:s|ers?)?|adversar\w{1,5}|malicious (?!code review)\w{1,20}|injections?|injected|payloads?"
    r"|phish\w{0,4}"
    r"|scam\w{0,4}|jailbreak\w{0,3}|exploits?|red[- ]team\w{0,3}|intruders?|malware|hackers?|threat actors?"
    r"|prompt injection|suspicious|compromised|poisoned|abused?|lateral movement|red flags?|hunt(?:s|ing)?"
    r"|reject(?:s|ed)? (?:any |every |all |a )?(?:skill|file|script|command|packages?|pull request)s? (?:that|which"
    r"|with|whose|if))\b[^.!?;,\n]{0,120}$",
    re.IGNORECASE,
)
"""Attackers are what the sentence is about, up to the place."""
_EXAMPLE = re.compile(r"\b(?:such as|like|e\.g\.|for example):? [\"'`“‘«]$", re.IGNORECASE)
_QUOTED = re.compile(
    r"\b(?:such as|like|look for|looks? for|contain\w{0,3}|phrases?|patterns?|attempts?|e\.g\.|for example|says?|asks?"
    r"|claims?|strings?|words?|search|grep|detects?|flags?|text)\b[^\n]{0,60}[\"'`“‘«][^\"'`”’»\n]{0,80}$",
    re.IGNORECASE,
)
ASKS_FIRST = re.compile(
    r"\b(?:show|ask|confirm with|check with|wait for)\b[^.\n]{0,40}\b(?:users?|them|person)\b[^.\n]{0,60}"
    r"\b(?:before|first|confirm\w{0,5}|approv\w{1,3}|consent|yes|agree\w{0,3}|ok)\b"
    r"|\b(?:only|once|after|unless|until) the user (?:has )?(?:confirm|agree|approv|said yes|consent)",
    re.IGNORECASE,
)
"""That a person is asked before something is done."""
_COMMENTED = frozenset(("shell", "powershell", "python", "javascript", "yaml"))
"""Languages whose lines after `#` or `//` do not run."""


def excuse(part: Part, at: int) -> Excuse:
    """How far what stands around a place in a part lets a command pass.

    A program runs whatever stands around it, but for its comments, and nobody warns of what they hide. A heading, or a
    word somewhere above, is the publisher's to write: with it alone a person looks. An order to run voids it.
    """
    if part.language in _COMMENTED and _in_comment(part.text, at):
        return Excuse.CLEAR
    if part.program or part.language in ("hidden", "decoded"):
        return Excuse.NONE
    before = _before(part, at)
    if _GOVERNS.search(part.above) or _GOVERNS.search(before):
        return Excuse.CLEAR
    if part.language == "prose" and (_BY_ATTACKERS.search(before) or _QUOTED.search(before)):
        return Excuse.CLEAR
    if _ORDERED.search((part.above or before).rstrip(" \t:`*_")):
        return Excuse.NONE
    if _MARKED.search(before):
        return Excuse.CLEAR
    around = f"{part.above} {before}"
    said = part.warned or WARNING.search(around)
    if part.language == "prose":
        said = said or part.taught or ATTACKERS.search(around)
    return Excuse.DOUBTFUL if said else Excuse.NONE


def _before(part: Part, at: int) -> str:
    """The words before a place on its line, with the line above it."""
    start = part.text.rfind("\n", 0, at) + 1
    above = part.text.rfind("\n", 0, max(0, start - 1)) + 1
    if part.language == "prose":
        above = max(above, part.text.rfind("\n\n", 0, at))
    return part.text[max(above, at - 400) : at]


def excuse_of_saying(part: Part, window: str, first: int, *, affirmed: bool) -> Excuse:
    """How far a sentence, or what stands around it, lets an order in it pass that begins at a place in it."""
    if part.language in ("hidden", "decoded"):
        return Excuse.NONE
    before = window[max(0, first - 160) : first]
    if affirmed and _GOVERNS.search(before):
        return Excuse.CLEAR
    taught = part.warned or part.taught or ATTACKERS.search(window)
    if _BY_ATTACKERS.search(before) or _EXAMPLE.search(before) or (taught and _QUOTED.search(before)):
        return Excuse.CLEAR
    doubtful = taught or (affirmed and _LISTS.search(before))
    return Excuse.DOUBTFUL if doubtful else Excuse.NONE


def _in_comment(text: str, at: int) -> bool:
    line = text[text.rfind("\n", 0, at) + 1 : at + 2].lstrip()
    return line.startswith(("#", "//")) and not line.startswith("#!")
