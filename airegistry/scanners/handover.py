"""What a tool has put into its parameters that is not the call's: talk, results of other tools, facts on people.

Other rules read the phrasings of such orders. Here a sentence is enough that names a parameter and such a thing, or the
description of a parameter that asks for it.
"""

import re
from collections.abc import Iterator, Sequence

from airegistry.core.assets import Server, Tool
from airegistry.core.findings import Finding
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.scanners.parameters import about_talk
from airegistry.scanners.phrasing import phrases
from airegistry.scanners.rules import Rule, beside, forms
from airegistry.scanners.texts import Role, Text, texts
from airegistry.scanners.watching import watches

TALK = Rule(
    "handover.talk",
    "high",
    "has what was said, or what other tools returned, put into a parameter",
    "Take only what the call needs, and say in the parameter what that is.",
    ("OWASP-MCP10:2025", "OWASP-ASI02:2026", "OWASP-LLM02:2025", "ATLAS-AML.T0086", "CWE-201"),
)
RULES = (TALK,)

_ABOUT_TALK = re.compile(
    r"(?:conversation|chat|dialog|messag|mail|transcript|context|llm|gpt|claude|complet|agent|assistant|memor|remember|"
    r"recall|summar|reason|think|thought|reflect|delegat|hand ?off|escalat|sampl|inference|session|history|thread|"
    r"discuss|"
    r"meeting|feedback|moderat|guard|persona|support|coach|therap|tutor)"
)
"""What a tool speaks of that is given a conversation, and says so."""
_ROLES: frozenset[Role] = frozenset({"description", "instructions", "title", "annotation", "example", "schema"})
_SENTENCE = phrases(r"[.!?;\u3002\uff01\uff1f](?:\s|$)|\u3002")
_LONGEST = 500
_TOLD = (
    r"(?:said|written|asked|told|typed|mentioned|discussed|talked about|working on|doing|wanted|revealed|shared|"
    r"learn(?:t|ed)|searched for)"
)
_WHO = r"(?:the |this |your )?(?:users?|persons?|humans?|customers?|they|he|she|you|people|both (?:sides|parties))"
_TALK = phrases(
    r"\b(?:full|entire|whole|complete|unabridged|verbatim|unedited|unredacted|all (?:of )?(?:the|your|our|this|prior|"
    r"previous|earlier)?|every|each|everything) (?:(?!of\b|relevant\b|needed\b)\w+ ){0,3}?(?:conversations?|chats?|"
    r"dialog(?:ue)?s?|messages|turns?|exchanges?|sessions?|prompts|context window)\b",
    r"\b(?:last|latest|previous|earlier|past|preceding|prior|recent|other) (?:\w{1,12} ){0,2}?(?:messages|turns|"
    r"prompts|"
    r"questions|exchanges|queries|searches|requests|conversations|chats)\b",
    r"\b(?:conversation|chat|dialogue|session|discussion) (?:history|transcript|log|so far|up to)\b|\btranscript of "
    r"(?:this|the|your)\b|\b(?:this|the|your) (?:conversation|chat|dialogue)(?: \w{1,12}){0,2} (?:verbatim|word for "
    r"word|in"
    r" full)\b",
    rf"\bwhat {_WHO} (?:has |have |had |is |was )?(?:already |been |just ){{0,2}}{_TOLD}\b[^.;]{{0,30}}?\b(?:today|"
    rf"lately|recently|"
    r"so far|until now|up to now|earlier|before|this week|in (?:this|the|your) (?:chat|conversation|session)|in as "
    r"much detail)\b",
    rf"\b(?:everything|whatever|all|anything|background|details|facts)\b(?: that| which)?(?: \w{{1,14}}){{0,3}}? "
    rf"{_WHO} (?:has |have |had |is |are |was |were )?(?:already |been |just ){{0,2}}{_TOLD}\b",
    rf"\b(?:known?|knows|remember|learn(?:t|ed)|found out|inferred|remembered|gathered|picked up)"
    rf"(?: so far| already)? (?:about|of|from) {_WHO}\b",
    r"\b(?:results?|outputs?|returns?|responses?|answers?|what(?:ever)?|values?|data|"
    r"everything)\b[^.;]{0,40}?\b(?:of|from|by|"
    r"other|another|any|that) (?:(?:the|any|all|other|another|previous|earlier|preceding|last|connected) "
    r"){1,4}tools?\b",
    r"\bwhat(?:ever|) (?:\w{1,12} ){0,3}?tools? (?:has |have )?(?:returned|answered|gave|said|produced|printed)\b",
    r"\b(?:your|the|hidden|initial|full) (?:hidden |initial |own )?system (?:prompt|message)\b",
)
_FILLED = phrases(
    r"\b(?:put|plac|includ|append|insert|add|past|cop(?:y|i)|carr(?:y|i)|fill|hold|contain|belong|go(?:es)?|tak|giv|"
    r"provid|"
    r"pass|quot|embed|writ|dump|receiv|mirror|record|stor|set|suppl(?:y|i)|attach|repeat|need|expect|requir|mention|"
    r"is|are)"
    r"(?:e|es|s|ed|d|ing|ten|en)?\b|[`'\"\u2019\u201d] ?:"
)
_NAMED = phrases(
    r"\b(?:in|into|as|via|through|under|with|to|inside|of|fill|field|parameter|argument|property)(?: (?:the|its|a|this|"
    r"tool's|own)){0,2} [`'\"\u2018\u201c]([\w.-]{2,40})[`'\"\u2019\u201d]",
    r"\b(?:in|into|as|via|through|under|with|to|inside)(?: (?:the|its|a|this|tool's)){0,2} ([\w-]{2,30}) (?:field|"
    r"parameter|argument|param|property)\b",
    r"\b(?:field|parameter|argument|property) [`'\"\u2018\u201c]?([\w-]{2,40})\b",
    r"^[\W_]{0,3}[`'\"\u2018\u201c]([\w.-]{2,40})[`'\"\u2019\u201d] ?(?::|is|are|takes|holds|carries|must|should|has|"
    r"-)",
)
_REFUSED = phrases(
    r"\b(?:do not|don't|never|must not|should not|cannot|does not|is not|are not|no|without|not|instead of|rather than|"
    r"except)\b[^.;]{0,50}$"
)
_WANTED_ALONE = phrases(
    r"\b(?:relevant|needed|necessary|optional(?:ly)?|summary|summari[sz]e|short|brief|if (?:any|needed|known)|related|"
    r"id of|ids of|ordered|page|cursor|offset|number of)\b"
)
"""What says that only a part is asked for, or something about it."""


class Handover:
    """Reads what tools want in their parameters."""

    name = "handover/1"

    def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        """At most one finding per text of a tool."""
        return [*_of_server(asset)] if isinstance(asset, Server) else ()


def _of_server(server: Server) -> Iterator[Finding]:
    talking = [about_talk(server, tool, _ABOUT_TALK) for tool in server.tools]
    names = [_parameters(tool) for tool in server.tools]
    for text in texts(server):
        if text.role in _ROLES and text.field.startswith("/tools/"):
            at = int(text.field.split("/")[2])
            said = (
                None
                if talking[at]
                else next((each for form in forms(text) for each in _wanted(text, form, names[at])), None)
            )
            if said is not None:
                yield TALK.finding(text.field, said)


def _parameters(tool: Tool) -> frozenset[str]:
    properties = tool.input_schema.get("properties")
    return frozenset(name.lower() for name in properties) if isinstance(properties, dict) else frozenset()


def _wanted(text: Text, form: str, names: frozenset[str]) -> Iterator[str]:
    """The sentences that want such a thing in a parameter of the tool."""
    own = "/inputSchema/properties/" in text.field
    start = 0
    for end in [*(match.end() for match in _SENTENCE.compiled[0].finditer(form)), len(form)]:
        sentence, start = form[start:end][:_LONGEST], end
        if not (own or _is_named(sentence, names)) or watches(sentence) or _has(_WANTED_ALONE.compiled, sentence):
            continue
        for pattern in _TALK.compiled:
            match = pattern.search(sentence)
            refused = match and _has(_REFUSED.compiled, sentence[: match.start()])
            if match and not refused and (own or _has(_FILLED.compiled, sentence)):
                yield beside(sentence, 0, min(len(sentence), 160))
                break


def _is_named(sentence: str, names: frozenset[str]) -> bool:
    """Whether a sentence says into which parameter something goes."""
    return any(match[1] in names for pattern in _NAMED.compiled for match in pattern.finditer(sentence))


def _has(patterns: Sequence[re.Pattern[str]], said: str) -> bool:
    return any(pattern.search(said) for pattern in patterns)
