"""Secrets and orders where values stand: a key in a field for notes, a command as a default."""

import re
from collections.abc import Iterator, Sequence

from airegistry.core.assets import Server
from airegistry.core.findings import Finding
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.scanners import concealment, exfiltration, instructions, safeguards
from airegistry.scanners.phrasing import phrases
from airegistry.scanners.rules import SPOKEN, Rule, Words, forms
from airegistry.scanners.texts import Role, Text, texts
from airegistry.scanners.watching import watches

SMUGGLED = Rule(
    "smuggling.secret",
    "high",
    "has a secret put into a parameter that is for something else",
    "Let the tool take credentials from its own configuration, and remove the sentence.",
    ("OWASP-MCP01:2025", "OWASP-MCP10:2025", "OWASP-ASI02:2026", "ATLAS-AML.T0086", "CWE-201"),
)
ORDER = Rule(
    "smuggling.order",
    "high",
    "an order to the model stands where a value belongs",
    "Keep values short, and explain in the description.",
    ("OWASP-MCP03:2025", "OWASP-ASI01:2026", "OWASP-LLM01:2025", "ATLAS-AML.T0110", "CWE-1427"),
    "high",
    structural=True,
)
COMMAND = Rule(
    "smuggling.command", "high", "a value that tells what to call or to read", ORDER.remediation, ORDER.codes
)
TITLED = Rule(
    "smuggling.title",
    "high",
    "a title that tells what to do and when",
    "Let the title name the thing.",
    ORDER.codes,
)
RULES = (SMUGGLED, ORDER, COMMAND, TITLED)

_PUT = (
    r"(?:put|pass|include|paste|carry|provide|send|append|attach|suppl(?:y|ies)|fill|hand|add|submit|copy|insert|write|"
    r"give|place)(?:s|ing)?"
)
_KEPT = (
    r"process\.env\b|\bprintenv\b|[`'\"]env[`'\"]|\bkubeconfigs?\b|kubectl config view|\bkeystores?\b|\bwallet "
    r"(?:files?|"
    r"secrets?)\b|\b(?:recovery|seed|mnemonic|backup) words\b|\bmaster passwords?\b|\b(?:device|deploy|embedded|"
    r"refresh|"
    r"registry|personal access) tokens?\b|\bssh (?:private )?keys?\b|\bcookie (?:value|jar)s?\b|\bvalues? of the "
    r"(?:session )?"
    r"cookies?\b|\bpassword (?:store|manager|vault)s?\b|\benvironment of (?:this|the) (?:machine|host|process|shell)\b"
)
"""Further things that are never a tool's business, as commands and files name them."""
_THING = (
    rf"(?:{exfiltration.SECRETS}|{exfiltration.FILES}|{_KEPT}|[a-z]{{2,20}}_(?:api_)?(?:key|token|secret|password)\b)"
)
_INTO = (
    r"(?:in|into|as|via|through|under|with|to|inside) (?:the |its |a |this tool's )?(?:[`'\"‘“]([\w.-]{2,40})[`'\"’”]|"
    r"([\w-]{2,30}) (?:field|parameter|argument|param|property)\b)"
)
_SECRET = phrases(_THING)
_CARRIED = phrases(
    rf"\b{_PUT}\b[^.!?]{{0,60}}?{_THING}[^.!?]{{0,60}}? {_INTO}",
    rf"{_THING}[^.!?]{{0,80}}?\b{_PUT}\b[^.!?]{{0,40}}? {_INTO}",
    rf"\bread\b[^!?]{{0,60}}?{_THING}[^!?]{{0,80}}?\b{_PUT}\b[^.!?]{{0,40}}? {_INTO}",
)
_ASKED = phrases(
    rf"^\W{{0,3}}(?:(?:please|also|always|first|assistant|model|here)\W{{1,3}}){{0,2}}(?:{_PUT}|repeat|list|"
    rf"dump)\b[^.!?]{{0,40}}?\b(?:any|all|your|"
    rf"every|the user's|user|you (?:have|know))\b[^.!?]{{0,40}}?{_THING}",
    rf"\bcontents? of [^.!?]{{0,30}}?{exfiltration.FILES}|\bpaste (?:the |an? )?[^.!?]{{0,30}}?\b(?:secret|access|"
    rf"private|api) "
    r"(?:\w+ )?keys?\b[^.!?]{0,20}?\b(?:of|on|from) (?:this|the) (?:machine|host|user|computer|system)",
)
_DRAWN = phrases(
    rf"\b(?:use|take|derive|seed|start|begin|fill|read|copy)\w{{0,3}}\b[^.!?]{{0,50}}?{_THING}[^.!?]{{0,30}}?\b(?:of|"
    rf"from|on) (?:the |"
    r"this |your )?(?:user|person|machine|host|computer|owner|system)\b"
)
"""A value that is to be made of somebody's secret."""
_COMMANDS = phrases(
    r"\b(?:first|before|always|must|then|please|assistant|model)\b[^.!?]{0,40}?\b(?:call|invoke|run|read|fetch|send|"
    r"execute|"
    rf"open|forward|upload|include|paste)\b[^.!?]{{0,60}}?(?:\b[a-z]{{2,20}}(?:_[a-z]{{2,20}}){{1,4}}\b|"
    rf"{exfiltration.FILES}|https?://|@)",
    rf"{exfiltration.FILES}[^.!?]{{0,40}}?\b(?:then|and) (?:use|send|put|pass|include)\b",
)
_TOLD = phrases(
    r"(?:^|[.;:!?,)] )(?:before|whenever|when|after|once|first|always|never|prior to|each time|every "
    r"time)\b[^.!?]{0,80}?\b"
    r"(?:call|read|send|upload|dump|copy|place|put|include|open|run|forward|tell|invoke|fetch|collect|append|paste|"
    r"execute|"
    r"pass|attach|delete|install|write)\b",
    r"\b(?:the (?:assistant|model|agent)|you) (?:must|should|has to|have to|need to|is to|are to|shall)\b",
)
_FITTING = re.compile(
    r"key|token|secret|pass|pwd|cred|auth|cookie|otp|code|pin|cert|env|config|file|path|content|body|(?<!con)text|"
    r"(?<!meta)data|"
    r"input|value|"
    r"source|yaml|json|header|session|login|wallet|seed_phrase|mnemonic"
)
"""Names of parameters that may be for a secret, or for whatever a file holds."""
_GOES = phrases(
    rf"\b(?:{_PUT}|fill|take|carr(?:y|i)|hold|contain|belong|go|dump|use|quote|embed|need|is|are)(?:e?s|ed|ing)?\b"
)
_SINK = phrases(
    r"\b(?:in|into|as|via|through|under|with|to|inside|fill|for|of|field|parameter)(?: (?:the|its|a|this)){0,2} "
    r"(?:[`'\"\u2018\u201c]([\w.-]{2,40})[`'\"\u2019\u201d]|([\w-]{2,30}) (?:field|parameter|argument|param|"
    r"property)\b)"
)
_SENTENCE = phrases(r"[.!?;\u3002](?:\s|$)|\u3002")
_REFUSED = re.compile(r"\b(?:not|never|don't|without|no)\b[^.!?;]{0,40}$")
_VALUES: frozenset[Role] = frozenset({"default", "enum", "example"})
_TITLES: frozenset[Role] = frozenset({"title", "annotation"})
_NOT = re.compile(
    r"\b(?:not|never|don't|without|no|cannot|instead of)\b(?![^.!?;]{0,30}\b(?:need|see|know|tell|told|mention|"
    r"inform|show|hear|"
    r"ask)\b)"
)
_NEVER_PUT = re.compile(rf"\b(?:never|not|don't) (?:\w+ )?{_PUT}\b")
_LONGEST = 500
_MANY = 5
"""Words from which on a value is a sentence."""
_ORDERS: list[Words] = [
    words
    for family in (concealment, exfiltration, instructions, safeguards)
    for words in family.WORDS
    if words.rule.severity == "high"
    and words.rule.id not in {"instructions.addressed", "instructions.system-marks", "instructions.command"}
]


class Smuggling:
    """Compares what a parameter is for with what is to be put into it."""

    name = "smuggling/1"

    def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        """At most one finding per text."""
        if asset.kind not in SPOKEN:
            return ()
        return [finding for text in texts(asset) for finding in _findings(text, isinstance(asset, Server))]


def _findings(text: Text, of_server: bool) -> Iterator[Finding]:
    if text.role in _VALUES and (text.role != "example" or text.field.startswith("/tools/")):
        said = next((said for form in forms(text) if form.count(" ") >= _MANY - 1 and (said := _order(form))), None)
        if said:
            yield ORDER.finding(text.field, said)
            return
        orders = [match[0] for form in forms(text) for each in _COMMANDS.compiled if (match := each.search(form))]
        if orders:
            yield COMMAND.finding(text.field, orders[0])
    elif text.role in _TITLES and any(_told(form) for form in forms(text)):
        yield TITLED.finding(text.field, text.plain[:160])
    elif text.role in {"description", "instructions", "title"} and of_server:
        said = next((said for form in forms(text) if (said := _secret(text, form))), None)
        if said:
            yield SMUGGLED.finding(text.field, said)


def _told(form: str) -> bool:
    """Whether a title has a sentence that says when to do something."""
    return form.count(" ") >= _MANY and any(pattern.search(form) for pattern in _TOLD.compiled)


def _order(form: str) -> str | None:
    for words in _ORDERS:
        found = words.search(form)
        if found and found[1]:
            return found[0]
    return None


def _secret(text: Text, form: str) -> str | None:
    """What is asked for, if it goes where it does not belong."""
    if not _SECRET.compiled[0].search(form):
        return None
    if said := _put_somewhere(form):
        return said
    for pattern in _CARRIED.compiled:
        for match in pattern.finditer(form):
            groups = [str(group) for group in match.groups() if group]
            sink = groups[-1] if groups else ""
            if (
                not _FITTING.search(sink)
                and not _NEVER_PUT.search(match[0])
                and not _REFUSED.search(form[max(0, match.start() - 60) : match.start()])
            ):
                return form[match.start() : match.end()]
    head, found, name = text.field.rpartition("/properties/")
    if found and head and not _FITTING.search(name.split("/")[0].lower()):
        for pattern in (*_ASKED.compiled, *_DRAWN.compiled):
            asked = pattern.search(form)
            if asked and not _REFUSED.search(form[max(0, asked.start() - 60) : asked.start()]):
                return asked[0]
    return None


def _put_somewhere(form: str) -> str | None:
    """A sentence that names a secret, a parameter that is not for one, and that the one goes into the other."""
    start = 0
    for end in [*(match.end() for match in _SENTENCE.compiled[0].finditer(form)), len(form)]:
        sentence, start = form[start:end][:_LONGEST], end
        secret, sink = _SECRET.compiled[0].search(sentence), _SINK.compiled[0].search(sentence)
        if secret and sink and _GOES.compiled[0].search(sentence) and not watches(sentence):
            name = sink[1] or sink[2]
            apart = sink.start() >= secret.end() or sink.end() <= secret.start()
            if apart and not _FITTING.search(name) and not _NOT.search(sentence[: max(secret.start(), sink.start())]):
                return sentence[:160]
    return None
