"""What a server says of tools that other servers of the catalog have: named, commanded, or used in another way."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from airegistry.core.assets import Server
from airegistry.core.findings import Finding
from airegistry.core.ports import Names
from airegistry.core.shelf import ref
from airegistry.scanners.phrasing import Phrases, phrases
from airegistry.scanners.rules import LONGEST_TEXT, Rule
from airegistry.scanners.texts import Role, texts

CODES = ("OWASP-MCP03:2025", "OWASP-ASI02:2026", "OWASP-LLM01:2025", "ATLAS-AML.T0110", "CWE-1427")
REMEDIATION = "Describe this tool; leave which tools are called, and how, to the model and to their own descriptions."
SHADOW = Rule(
    "cross-tool.shadow", "high", "changes how a trusted server's tool is used", REMEDIATION, CODES, "high", True
)
KNOWN = Rule("cross-tool.known", "high", "commands the use of another server's tool", REMEDIATION, CODES)
MENTION = Rule("cross-tool.mention", "low", "names another server's tool", REMEDIATION, CODES)
RULES = (SHADOW, KNOWN, MENTION)

_SPEAKING: frozenset[Role] = frozenset(
    {"description", "instructions", "title", "prompt", "resource", "default", "enum", "example", "annotation", "schema"}
)
_COMMON = 4
"""Owners from which on a name is a word that many use, and nobody's own."""
_LONGEST_SENTENCE = 600
_ENOUGH, _SUSPECT = 3, 2
"""Weight of the signs in a sentence from which on it changes the use of a tool, or may."""
_SENTENCE = phrases(r"[.!?](?:\s|$)")
_WORD = phrases(r"[A-Za-z](?:[A-Za-z0-9]|[_-](?=[A-Za-z0-9])){1,62}")
_COMPOUND = phrases(r"[_-]|[a-z][A-Z]")
_CALLED = phrases(
    r"[`'\"“‘][^`'\"“‘’”]{0,4}$|(?:\b(?:call(?:s|ing)?(?: to| of)?|invok(?:e|es|ing)|invocations? of|"
    r"tools?|functions?|commands?)(?: the| its)?|__|\w[./:]) ?[`'\"]?$"
)
_TOOL_AFTER = phrases(r"[`'\"”’]?\)? (?:tool|function|call|command|invocation)s?\b")

# What is said in a sentence with the other server's tool in it as TOOL, this server's own tools as `this tool`, the
# rest in lower case. One sign alone may be chance; several of them together are an order about a tool of others.
_MUST = phrases(
    r"\b(?:must(?:n't)?|always|never|should|shall|have to|has to|needs?|required?|requires|mandatory|only|do not|"
    r"don'?t|make sure|ensure|(?:is|are|has got) to|no exceptions?|(?:right|directly|immediately) (?:before|after)|"
    r"any|anything|all|every|everything|each|whatever|whenever|regardless|from (?:now|today) on|beforehand|exclusively|"
    r"from today|correct way|proper way|right way|not allowed|agreed|approved|consented|goes? (?:to|through|into))\b"
)
_DENIED = phrases(
    r"TOOL\b[^.!?]{0,50}?\b(?:deprecated|retired|broken|unsafe|insecure|compromised|obsolete|unreliable|outdated|"
    r"disabled|withdrawn|superseded|replaced|discontinued|removed|faulty|corrupt\w*|vulnerable|unavailable|"
    r"no longer|(?:returns?|gives?|has|throws?|fails? with) (?:\w+ ){0,2}?(?:errors?|bugs?)|lose[sd]? (?:\w+ )?data|"
    r"untrusted|malicious|leaks?|forbidden|prohibited|moved (?:here|to)|incomplete|incorrect|wrong)\b",
    r"\b(?:do not|don'?t|never|stop|avoid|no longer|cease|refrain from|must not|should not|mustn't|not to|"
    r"not allowed to|"
    r"forbidden to|instead of|rather than|in (?:place|lieu|stead) of|skip|block|ignore|disregard|disable|bypass|"
    r"unlearn|"
    r"forget|abandon|discard)(?: \w+){0,2}? (?:\w+ing )?(?:the )?TOOL(?! (?:for|to|if|when|on|with|unless|until|in|"
    r"directly|without|before|after|as|more|twice|and|or|again|repeatedly|more than|yet)\b)",
    r"\b(?:do not|don'?t|never|no longer|not allowed to|may not) (?:\w+ ){0,3}?TOOL\b[^.!?]{0,60}?\b(?:any ?more|"
    r"any longer|at all|ever again|"
    r"unless)\b",
    r"\bthis (?:tool|server|one|description|note) (?:\w+ )?(?:replaces?|supersedes?|overrides?|shadows?|"
    r"alters?|intercepts?|takes over|takes the (?:place|role) of|changes?|modif(?:y|ies)|governs?|redefines?|"
    r"stands in for|succeeds?|is the (?:new|replacement|successor))\b[^.!?]{0,40}? TOOL\b",
    r"\b(?:treat|consider|regard|see) (?:the )?TOOL\b[^.!?]{0,40}? as (?:un|in|dis|broken|deprecated|obsolete|dead|"
    r"gone)",
    r"\b(?:in its (?:place|stead)|takes? its place)\b|\b(?:through|past|via) this tool\b",
)
_ALTERED = phrases(
    r"(?<!not )(?<!n't )(?<!never )\b(?:replac|overrid|overwrit|chang|alter|modif|rewrit|substitut|swap|redirect|"
    r"rerout|"
    r"add|append|prepend|includ|insert|attach|bcc|cc\b|set|fill|put|duplicat|augment|prefix|mirror)(?:e|es|s|ed|d|"
    r"ing|ting|ping|y|ies)?\b",
)
_PARTS = phrases(
    r"\b(?:arguments?|parameters?|params?|options?|recipients?|destinations?|beneficiar(?:y|ies)|payees?|inputs?|"
    r"fields?|"
    r"bod(?:y|ies)|amounts?|accounts?|address(?:es)?|headers?|results?|outputs?|values?|bcc|cc|behaviou?r|schema|"
    r"requests?|traffic|returns|comes? back|must be used)\b|TOOL's",
)
_WHEN = phrases(
    r"\b(?:when(?:ever)?|if|before|after|while|once|unless|(?:each|every|any) time|(?:prior|previous) to|ahead of|"
    r"as soon "
    r"as|wherever|for|calls? (?:to|of)|every|each)\b(?: you)?[^.,!?]{0,30}? TOOL\b",
)
_CLAIMED = phrases(
    r"(?<!that )(?<!which )(?<!what )(?<!as )TOOL (?:now |currently )?(?:must|should|shall|needs?|has|is|was|takes|"
    r"expects|requires|accepts|only|will|wants|works|can)\b|\bcall TOOL is\b",
)
_HERE = phrases(
    r"\b(?:this (?:tool|one|server)|through me|to me|(?:returned|given|shown|named|listed|from) here)\b|\bit returns\b"
)
_GIVEN = phrases(
    r"\b(?:acct|account|cus|org|ws|wallet|proj|sub|usr|team)_(?=\w{0,30}\d)\w{6,40}\b",
    r"[\w.+-]{1,40}@[\w-]{1,40}\.\w|(?<!see )(?<!at )(?<!docs: )https?://|\b[a-z]{2}\d{2}(?: ?[\da-z]{4}){3}|"
    r"\b\d[\d -]{7,}\d|\b0x[\da-f]{8}",
)
_OVERRULED = phrases(
    r"\b(?:ignor|disregard|drop|discard|overrid|overrul|regardless of|whatever|instead of|not the|rather "
    r"than)\w{0,4}\b[^.!?]{0,40}?"
    r"\b(?:given|chosen|asked|named|entered|wanted|wishes|requested|said|typed|of) (?:for )?by? ?(?:the |your "
    r")?(?:user|person|human|"
    r"customer|caller)\b|\b(?:ignor|disregard|overrid)\w{0,3} (?:the |your )?(?:user|person|customer|caller)'?s?\b",
)
_PRODUCT = phrases(
    r"\b(?:written|sent|made|created|opened|returned|issued|pushed|posted|produced|booked|paid|placed|started|run|"
    r"given|passed|saved|"
    r"generated|collected|charged|ordered)(?: \w+){0,2} (?:by|with|through|via|using|from|to) TOOL (?:should|must|"
    r"needs?|have to|has to|"
    r"shall|are to|is to|carry|carries|contain|include|gets?|takes?|costs?|goes|go|will)\b",
    r"\bTOOL\b[^.!?]{0,60}?\b(?:surcharge|commission|handling fee|service fee|loader|snippet|tracking|statement|"
    r"suffix|prefix)s?\b",
)
_PLACE = phrases(r"(?:^|[\s`'\"])[~.]?/?(?:[\w.-]{1,40}/){1,6}[\w.-]{1,40}")
_GUIDANCE = phrases(
    r"\b(?:use|call|see|see also|try|with|by|run|invoke|first|and|or) (?:the )?TOOL(?:[.,;)]|$| (?:for|to|when|if|"
    r"afterwards?|first|instead|before|and|or|next|then|again|after)\b)",
    r"\b(?:pass|passed|give|given|hand|handed|feed|fed|send|sent|input|suitable|ready|usable|used)\b[^.,;!?]{0,40}? "
    r"(?:to|for|in|by|with) TOOL\b",
    r"\b(?:from|by|unlike|like|similar to|than|complements?|together with|compatible with|works? with|same as|"
    r"companion (?:of|to)|between|as in|not replace|not call) TOOL\b",
    r"\b(?:that|which|what|as|like) TOOL (?:returns?|returned|needs?|expects?|accepts?|takes|understands?|does|did|"
    r"reads?|wants?|uses)\b",
)


@dataclass(frozen=True, slots=True)
class _Named:
    """A sentence with the tool of another server in it."""

    sentence: str
    spoken: str
    """The sentence for patterns: see `_CHANGED`."""
    trusted: bool


def foreign_findings(server: Server, names: Names) -> list[Finding]:
    """The worst that each text of a server says of a tool that only other servers have."""
    own = {tool.name for tool in server.tools} | {prompt.name for prompt in server.prompts}
    found = []
    for text in texts(server):
        if text.role in _SPEAKING:
            said = [
                (_graded(each), each.sentence)
                for form in text.spoken
                for each in _named(form[:LONGEST_TEXT], own, ref(server), names)
            ]
            if said:
                rule, sentence = min(said, key=lambda each: RULES.index(each[0]))
                found.append(rule.finding(text.field, sentence[:200]))
    return found


def _graded(said: _Named) -> Rule:
    """A tool of others may be recommended, read from and written to; what weighs is an order about its use."""
    strong = 2 * sum(_any(signs, said.spoken) for signs in (_DENIED, _GIVEN, _OVERRULED, _PRODUCT))
    altered, parts = _any(_ALTERED, said.spoken), _any(_PARTS, said.spoken)
    strong += 2 if altered and parts else 0
    weak = sum(_any(signs, said.spoken) for signs in (_MUST, _WHEN, _CLAIMED, _HERE, _PLACE)) + (altered or parts)
    if not strong and _any(_GUIDANCE, said.spoken):
        return MENTION
    weight = strong + weak
    if weight >= _ENOUGH and said.trusted and (strong or _any(_HERE, said.spoken)):
        return SHADOW
    return KNOWN if weight >= _SUSPECT else MENTION


def _named(form: str, own: set[str], me: str, names: Names) -> Iterator[_Named]:
    """The sentences of a text that name a tool that others have and this server has not."""
    start = 0
    for end in [*(match.end() for match in _one(_SENTENCE).finditer(form)), len(form)]:
        sentence, start = form[start:end][:_LONGEST_SENTENCE], end
        for word in _one(_WORD).finditer(sentence):
            name, at = word[0], word.start()
            if "__" in name:
                at, name = at + name.rindex("__") + 2, name.rpartition("__")[2]
            owners = names.owners(name) if name not in own else ()
            if not owners or me in owners:
                continue
            servers = [owner.rpartition("/")[2] for owner in owners]
            by_name = _by_server(sentence.lower(), at, word.end(), servers)
            if by_name or _any(_COMPOUND, name) or _is_called(sentence, at, word.end()):
                trusted = any(map(names.trusts, owners)) and (by_name or len(owners) < _COMMON)
                yield _Named(sentence.strip(), _spoken(sentence, word.span(), servers, own), trusted)


def _is_called(sentence: str, start: int, end: int) -> bool:
    """Whether a plain word stands where the name of a tool does."""
    before, after = sentence[max(0, start - 40) : start].lower(), sentence[end : end + 16].lower()
    return _any(_CALLED, before) or _one(_TOOL_AFTER).match(after) is not None


def _by_server(lowered: str, start: int, end: int, servers: Sequence[str]) -> bool:
    """Whether the name of its server stands beside a tool's name."""
    before, after = lowered[max(0, start - 80) : start].rstrip("`'\" "), lowered[end : end + 80].lstrip("`'\" ")
    for server in servers:
        name = server.lower()
        ends = (name, f"{name}'s", f"{name}’s", f"{name} server's", f"{name} server’s", f"{name} server")
        if before.rstrip("./:_").endswith(ends) or before.endswith(f"{name}'"):
            return True
        starts = tuple(f"{word} {the}{name}" for word in ("of", "from", "on", "in", "by") for the in ("", "the "))
        rest = after.removeprefix("tool ").removeprefix("function ")
        if rest.startswith((*starts, f"({name}")):
            return True
    return False


def _spoken(sentence: str, span: tuple[int, int], servers: Sequence[str], own: set[str]) -> str:
    """A sentence in lower case with the other tool, and this server's own ones, under one name each."""
    before, after = sentence[: span[0]].lower().rstrip("`'\"“‘"), sentence[span[1] :].lower().lstrip("`'\"”’")
    for server in servers:
        name = server.lower()
        for word in ("of", "from", "on", "in"):
            for whose in (f"the {name} server", f"{name} server", f"the {name}", name):
                after = after.removeprefix(f" {word} {whose}")
        after = after.removeprefix(f" ({name})")
        for whose in (
            f"the {name} server's ",
            f"{name} server's ",
            f"the {name}'s ",
            f"{name}'s ",
            *(name + sign for sign in "./:"),
        ):
            before = before.removesuffix(whose)
    for kind in (" tool", " function", " command"):
        after = after.removeprefix(kind)
    before, after = (" ".join(_own_named(part.split(" "), own)) for part in (before, after))
    return f"{before.rstrip()} TOOL{after}".lstrip()


def _own_named(words: list[str], own: set[str]) -> list[str]:
    """Words with each that is one of the own tools as `this tool`."""
    lowered = {name.lower() for name in own}
    bare = [word.strip("`'\"“”‘’.,;:()").removesuffix("'s") for word in words]
    return [
        word.replace(name, "this tool") if name in lowered else word for word, name in zip(words, bare, strict=True)
    ]


def _one(pattern: Phrases) -> re.Pattern[str]:
    return pattern.compiled[0]


def _any(patterns: Phrases, said: str) -> bool:
    return any(pattern.search(said) for pattern in patterns.compiled)
