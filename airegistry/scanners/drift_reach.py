"""What an approved tool may do now and could not when it was approved: deeds, credentials, destinations, values."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from airegistry.core.assets import Json
from airegistry.core.findings import Severity

_LONGEST = 20_000
_DEEPEST = 6
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\s{2,}|\n")
_WORD = re.compile(r"[a-z]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_STARTS = (
    r"(?:^|\b(?:also|and|then|may|will|can|could|now|automatically|additionally|it|this|which|to|tool|or)[ ,]{1,2})"
    r"(?:automatically |permanently |also |then |immediately |silently )?"
)
_HARMLESS = (
    r"(?! (?:the |any |all |its |old |every )?(?:duplicat\w{1,4}|white ?space|spaces|empty|null|blank|leading"
    r"|trailing|html|"
    r"format\w{0,4}|markup|tags?|stop ?words|accents|cache[sd]?|temporary|expired|stale|outliers?|invalid|noise"
    r"|limits?|"
    r"unused|head(?:er|ing)s?|padding|prefix\w{0,2}|suffix\w{0,2}|filters?|defaults?|punctuation|comments?|need|risk))"
)
_DEEDS: Mapping[str, re.Pattern[str]] = {
    "destroys": re.compile(
        rf"{_STARTS}(?:deletes?|removes?|erases?|wipes?|purges?|drops?|overwrites?|truncates?|destroys?|uninstalls?"
        rf"|revokes?|"
        rf"terminates?|kills?|shuts? down){_HARMLESS} \w"
    ),
    "pays": re.compile(
        rf"{_STARTS}(?:transfers?|withdraws?|wires?|pays?|liquidates?|buys?|sells?) (?:out )?(?:the |all |any |every "
        rf"|an? |its |"
        r"remaining |up to |available |user's )*(?:funds?|money|amounts?|balances?|payments?|shares?|assets?|coins?"
        r"|tokens?|"
        r"savings|remain\w{2,4}|invoices?|\d)"
    ),
    "runs": re.compile(
        rf"{_STARTS}(?:execut(?:e|es|ing)|runs?|evaluat(?:e|es)|interprets?) (?:\w{{1,14}} ){{0,3}}(?:commands?|code"
        rf"|scripts?|"
        r"binar(?:y|ies)|programs?|payloads?|shell)\b"
    ),
    "grants": re.compile(
        rf"{_STARTS}(?:grants?|elevates?|escalates?|assigns?|adds?|creates?) (?:\w{{1,14}} ){{0,3}}(?:permissions?"
        rf"|roles?|access|"
        r"privileges?|admin\w{0,11}|api keys?|ssh keys?|collaborators?)\b"
    ),
}
_READS = re.compile(
    r"\b(?:gets?|lists?|reads?|search(?:es)?|fetch(?:es)?|finds?|shows?|returns?|looks?|describes?|checks?|quer(?:y"
    r"|ies)|counts?|"
    r"views?|summari[sz]es?|retrieves?|calculates?|computes?|converts?|displays?|tells?|reports?)\b"
)
_STEMS = re.compile(
    r"\b(?:delet|remov|eras|wip|purg|drop|overwrit|truncat|destroy|uninstall|revok|terminat|kill|shut|transfer"
    r"|withdraw|wir|"
    r"pay|liquidat|buy|sell|execut|run|evaluat|interpret|grant|elevat|escalat|assign|add|creat)"
)

_CREDENTIAL = re.compile(
    r"(?:^|_)(?:passwords?|passwd|passphrase|pwd|client_secret|secret|otp|totp|mfa(?:_code)?|pin(?:_code)?|cvv|cvc"
    r"|ssn|cookies?|"
    r"credentials?|bearer|jwt|(?:one_?time|verification|recovery|backup)_codes?|(?:seed|recovery)_phrase|card_number|"
    r"(?:api|access|auth|authentication|authorization|session|private|secret|refresh|id|oauth2?|bearer|ssh|signing"
    r"|user|"
    r"login|service|personal_access)_?(?:keys?|tokens?)|authorization)$"
)
_SINK = re.compile(
    r"^(?:bcc|cc|(?:callback|webhook|notify|notification|forward|mirror|report|copy|sink|collector|relay|telemetry"
    r"|upload|post|"
    r"exfil\w{0,8}|send|sync|backup|log|audit)_?(?:urls?|uris?|to|address|endpoints?|hosts?|emails?|recipients?"
    r"|server))$"
)
_ALL_OF_IT = re.compile(
    r"\b(?:full|entire|complete|every|whole|cop(?:y|ies)|as well|each|also|conversation|history|user's|raw|all)\b"
)
_COMMAND = re.compile(r"(?:^|_)(?:command|cmd|shell|exec|eval|bash|powershell)(?:_line)?$")
_RUN = re.compile(r"\b(?:shell|execut\w{1,3}|runs?|bash|system|terminal|eval\w{0,5})\b")
_WORSE = frozenset(
    "delete remove drop purge wipe destroy overwrite truncate shutdown withdraw transfer execute exec shell grant "
    "impersonate "
    "sudo superuser exfiltrate".split()
)
_WIDER = frozenset("admin root owner export all write any public everyone".split())
_PLACE = re.compile(r"://|\\?\.(?:com|org|net|io|ch|de|dev|gov|edu|internal|local)\b|^\^?\\?/|\\/")
_LITERAL = re.compile(r"[a-z][a-z0-9-]{3,}")


@dataclass(frozen=True, slots=True)
class Reach:
    """One thing that a tool can do now: how bad that is, and what shows it."""

    severity: Severity
    evidence: str


def reaches(before: JsonValue, after: JsonValue) -> Iterator[Reach]:
    """What a definition of a tool allows or does that the approved one did not; nothing for other definitions."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return
    yield from _deeds(before, after)
    old, new = before.get("inputSchema"), after.get("inputSchema")
    if isinstance(old, dict) and isinstance(new, dict):
        had = frozenset(_WORD.findall(_prose(before).replace("_", " ")))
        yield from _inside(old, new, had)


def _deeds(before: Json, after: Json) -> Iterator[Reach]:
    """Sentences that say that it destroys, pays, runs or grants, where nothing did."""
    told, known = _prose(before), {sentence.strip() for sentence in _SENTENCE.split(_prose(before))}
    stems = set(_STEMS.findall(told))
    hints = before.get("annotations")
    harmless = isinstance(hints, dict) and hints.get("readOnlyHint") is True
    reading = harmless or (bool(_READS.search(told.replace("_", " "))) and not stems)
    for sentence in _SENTENCE.split(_prose(after)):
        if sentence.strip() in known:
            continue
        for pattern in _DEEDS.values():
            match = pattern.search(sentence.strip())
            if match and not set(_STEMS.findall(match[0])) <= stems:
                yield Reach("high" if reading else "medium", sentence.strip())


def _prose(tool: Json) -> str:
    """What a tool is called and says of itself, in lower case, a text a line."""
    hints = tool.get("annotations")
    title = hints.get("title") if isinstance(hints, dict) else None
    said = (tool.get("name"), tool.get("title"), title, tool.get("description"))
    return "\n".join(each[:_LONGEST] for each in said if isinstance(each, str)).lower()


def _inside(old: Json, new: Json, had: frozenset[str], depth: int = 0) -> Iterator[Reach]:
    """Parameters, values and patterns of a schema and those below it."""
    yield from _values(old.get("enum"), new.get("enum"), had)
    yield from _pattern(old.get("pattern"), new.get("pattern"))
    one, other = old.get("properties"), new.get("properties")
    if isinstance(other, dict) and depth < _DEEPEST:
        known = one if isinstance(one, dict) else {}
        asked = any(_CREDENTIAL.search(_spelt(name)) for name in known)
        for name, schema in other.items():
            earlier = known.get(name)
            if isinstance(earlier, dict) and isinstance(schema, dict):
                yield from _inside(earlier, schema, had, depth + 1)
            elif name not in known and isinstance(schema, dict):
                yield from _parameter(name, schema, had, asked)
    items, others = old.get("items"), new.get("items")
    if isinstance(items, dict) and isinstance(others, dict) and depth < _DEEPEST:
        yield from _inside(items, others, had, depth + 1)


def _parameter(name: str, schema: Json, had: frozenset[str], asked: bool) -> Iterator[Reach]:
    """A new parameter by which credentials come in, results go out, or commands are run."""
    if schema.get("type") not in (None, "string", "object", "array"):
        return
    spelt, said = _spelt(name), str(schema.get("description") or "").lower()[:_LONGEST]
    if _CREDENTIAL.search(spelt):
        yield Reach("medium" if asked else "high", f"{name}: {said}")
    elif _SINK.search(spelt):
        yield Reach("high" if _ALL_OF_IT.search(said) else "medium", f"{name}: {said}")
    elif _COMMAND.search(spelt) and not had & {"command", "commands", "shell", "run", "runs", "execute", "executes"}:
        yield Reach("high" if _RUN.search(said) else "medium", f"{name}: {said}")


def _values(old: JsonValue, new: JsonValue, had: frozenset[str]) -> Iterator[Reach]:
    if not isinstance(old, list) or not isinstance(new, list):
        return
    known = had.union(*(_WORD.findall(str(each).lower()) for each in old))
    for each in new:
        words = set(_spelt(str(each)).split("_")) - known if each not in old else set()
        if words & _WORSE or (words & _WIDER and words - _WIDER) or each == "*":
            yield Reach("high", f"allows {each}")
        elif words & _WIDER:
            yield Reach("medium", f"allows {each}")


def _pattern(old: JsonValue, new: JsonValue) -> Iterator[Reach]:
    """A pattern that held a text to some place, and does so no more."""
    if not isinstance(old, str) or old == new or not _PLACE.search(old):
        return
    literal: Sequence[str] = _LITERAL.findall(old.lower())
    left = new.lower() if isinstance(new, str) else ""
    unbound = old.startswith("^") and not left.startswith("^")
    if unbound or any(word not in left for word in literal):
        yield Reach("high", f"{old} is {new if isinstance(new, str) else 'not asked for'} now")


def _spelt(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", _CAMEL.sub("_", name).lower()).strip("_")
