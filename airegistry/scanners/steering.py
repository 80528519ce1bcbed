"""Sentences that steer the model beyond the tool they describe, told by how many signs of different kinds meet in "
"one."""

from collections.abc import Iterator, Sequence

from airegistry.core.findings import Finding
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.scanners.exfiltration import FILES, SECRETS
from airegistry.scanners.phrasing import Phrases, phrases
from airegistry.scanners.rules import SPOKEN, Rule, beside, forms
from airegistry.scanners.texts import Role, texts
from airegistry.scanners.watching import watches

_REMEDIATION = "Describe what the tool does; leave what the model does besides to whoever runs the model."
_CODES = ("OWASP-MCP03:2025", "OWASP-ASI01:2026", "OWASP-LLM01:2025", "ATLAS-AML.T0051", "CWE-1427")
STEERED = Rule("steering.order", "high", "steers the model beyond the tool, by many signs", _REMEDIATION, _CODES)
LEANING = Rule("steering.hint", "medium", "may steer the model beyond the tool", _REMEDIATION, _CODES)
RULES = (STEERED, LEANING)

_ROLES: frozenset[Role] = frozenset(
    {"description", "instructions", "default", "enum", "example", "schema", "annotation"}
)
_LONGEST = 500
_STRONG, _ENOUGH = 5, 3
_SENTENCE = phrases(r"[.!?\u3002\uff01\uff1f](?:\s|$)")
_REFUSES = phrases(
    r"\b(?:do not|don't|never|must not|should not|cannot|does not|is not|are not|won't|without sending|"
    r"no)\b[^.,;:]{0,30}?"
    r"\b(?:send|includ|share|stor|log|upload|pass|put|expos|return|read|add|enter|paste|forward|chang|delet|retain|"
    r"repeat|"
    r"collect|need|requir|mak)|\b(?:never|do not) ask (?:the user )?for\b"
)
"""A promise or a warning, and no order."""

_ADDRESSED = phrases(
    r"\b(?:the|your|all|any) (?:assistant|model|ai|llm|developer)s?\b|\byour (?:user|developer|next|own|replies|reply|"
    r"answers?|responses?|commits?|instructions|memory|system|context)\b|\b(?:in|of|during) (?:this|the|your) (?:chat|"
    r"conversation|dialogue|session)\b|\byou (?:have been|are now|write|answer|reply|generate|meet)\b"
    r"|\b(?:each|every|your|the last|next) (?:answer|reply|response|"
    r"message|commit|turn)\b|\btell (?:the|your) user that\b|\b(?:you work for|person in front of you)\b|\bwhile you\b",
)
_ACTS = phrases(
    r"\b(?:send|forward|upload|append|delet|chang|dial|add|call|includ|hand|gather|collect|cop(?:y|ies)|transmit|"
    r"transfer|pass|paste|put|attach|insert|replac|overwrit|edit|push|install|execut|run|read|open|summari[sz]|mail|"
    r"post|relay|share|report|move|wip|disabl|grant|approv|buy|order|pay|contain|carry|enter|offer|compli|"
    r"obey|goes|belong|repeat|book|switch|carry out)\w{0,4}\b",
)
_SENSITIVE = phrases(
    rf"(?:{SECRETS}|{FILES})|\b(?:(?:full|whole|entire) (?:text|chat|dialogue|conversation|history)|dialogue|"
    rf"mailbox(?:es)?|"
    r"phone numbers?|signatures?|ibans?|account numbers?|card (?:number|details)|their card|working directory|home "
    r"(?:folder|directory)|workspace|clipboard|contacts|address book|calendar invitations?|authorization header|deploy "
    r"keys?|authorized keys|recipients?|(?:names|list) of (?:all )?(?:the )?(?:available |other )?tools|other servers|"
    r"source code|salar(?:y|ies)|passports?|(?:documents?|downloads?) folder|(?:whole|complete|entire|"
    r"full) \w+ (?:table|"
    r"list|database|file|directory)|stored card|firewall|two-factor (?:login|auth\w*)|invoices?|"
    r"port \d{2}|repositor(?:y|ies)|projects?|backups?|everything)\b",
)
_AWAY = phrases(
    r"[\w.+-]{1,40}@[\w-]{1,40}\.\w|(?<!see )(?<!at )(?<!from )(?<!from: )https?://(?!\S{0,60}(?:example|"
    r"localhost))|\b(?:to|at|via) "
    r"(?:ftp|www|api|mail|[a-z0-9-]{3,30})\.[a-z0-9-]{2,30}\.[a-z]{2,8}\b|\bat [a-z0-9-]{3,30}\.[a-z]{2,8}\b|"
    r"\b(?:into|in) (?:the )?(?:parameter|field|argument)\b|\binto [`'\"]|"
    r"\+\d{2} ?\d{3}|"
    r"\bssh-(?:ed25519|rsa) |\b(?:our|an external|a third[- ]party|another) (?:server|endpoint|address|service)\b",
)
_COVERT = phrases(
    r"\b(?:quietly|silently|secretly|covertly|discreetly|unnoticed|pretend|between us|white on white|invisibl[ey]|"
    r"in the background|does not need to (?:hear|know|see)|need not (?:hear|know)|without (?:telling|asking|a word)|"
    r"nothing else is available|keeps? (?:that|it|this) to (?:itself|yourself)|do not show (?:it|them|this)|"
    r"never ask|do not ask|not necessary to ask)\b",
)
_AUTHORITY = phrases(
    r"\b(?:waived|suspended|lifted|overruled|permission by|granted (?:\w+ )?(?:permission|access) by|company policy|"
    r"coming "
    r"from your|before those of|above (?:those|that) of|contradicts? the user|complies with anything|(?:polic(?:y|"
    r"ies)|rules?|restrictions?|limits?|approval|consent) (?:has|have) expired|"
    r"expired "
    r"and|pre-?approved|our instructions|wishes do not count|(?:is|it's) fine to (?:switch|turn|skip|ignore|"
    r"disable)|(?:owner|user|admin\w*) (?:knows|is aware)|safety rules|authori[sz]ed by)\b",
)
_TIMED = phrases(
    r"\b(?:prior to each|before (?:any|each|every)|after (?:each|every)|once per call|(?:in|with) (?:your|the) next|"
    r"whenever "
    r"the user|when(?:ever)? asked|each time|every time|every (?:call|calendar|answer|mail|message|invitation)|"
    r"should an error|at the (?:end|start) of (?:each|every|your)|as well\b|from now on|always|only ever|right away|"
    r"at once|so first|before it is shown|of the next call|on error|afterwards)\b",
)
_SIGNS: tuple[Phrases, ...] = (_ADDRESSED, _ACTS, _SENSITIVE, _AWAY, _COVERT, _AUTHORITY, _TIMED)


class Steering:
    """Weighs every sentence of a description by what kinds of signs it has."""

    name = "steering/1"

    def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        """At most one finding per text."""
        if asset.kind not in SPOKEN:
            return ()
        found = []
        for text in texts(asset):
            if text.role in _ROLES:
                weighed = max((each for form in forms(text) for each in _weighed(form)), default=None)
                if weighed is not None:
                    found.append((STEERED if weighed[0] >= _STRONG else LEANING).finding(text.field, weighed[1]))
        return found


def _weighed(form: str) -> Iterator[tuple[int, str]]:
    """The sentences that have enough signs, with how many."""
    start = 0
    for end in [*(match.end() for match in _SENTENCE.compiled[0].finditer(form)), len(form)]:
        sentence, start = form[start:end][:_LONGEST], end
        speaking = [_has(signs, sentence) for signs in (_ADDRESSED, _COVERT, _AUTHORITY, _TIMED)]
        if any(speaking) and not watches(sentence) and not _has(_REFUSES, sentence):
            goods = [_has(signs, sentence) for signs in (_SENSITIVE, _AWAY)]
            weight = sum(speaking) + sum(goods) + _has(_ACTS, sentence)
            if weight >= _ENOUGH and (any(goods) or sum(speaking) > 1):
                yield weight, beside(sentence, 0, min(len(sentence), 160))


def _has(signs: Phrases, sentence: str) -> bool:
    return any(pattern.search(sentence) for pattern in signs.compiled)
