"""Words on agent cards that court routers: claims of everything, of being the best, of being official; and code."""

import re
from collections.abc import Iterator, Sequence

from airegistry.core.findings import Finding
from airegistry.scanners.card_orders import CARD_ORDERS
from airegistry.scanners.phrasing import phrases
from airegistry.scanners.rules import Rule, Words, forms, spoken_findings
from airegistry.scanners.texts import Role, Text
from airegistry.scanners.well_known import WELL_KNOWN

_TRUST = ("OWASP-MCP09:2025", "OWASP-ASI07:2026", "OWASP-ASI09:2026", "ATLAS-AML.T0111", "CWE-451")
_INFLATED = ("OWASP-ASI07:2026", "OWASP-ASI02:2026", "OWASP-LLM06:2025", "ATLAS-AML.T0111", "CWE-451")
_RUNS = ("OWASP-MCP05:2025", "OWASP-ASI05:2026", "OWASP-LLM05:2025", "CWE-94")
_SAY = "Say what the agent does, and leave it to the caller to choose it."

_READ: frozenset[Role] = frozenset(("name", "title", "description", "tag", "example", "data", "other"))

CARD_WORDS = (
    Words(
        Rule("card-preference.choose-me", "high", "asks to be chosen whatever the task", _SAY, _INFLATED),
        phrases(
            r"\b(?:always|must|only|should(?: always)?) (?:pick|select|choose|use|prefer|call"
            r"|route(?: \w{1,8})? to|delegate to|trust) (?:me|this agent|us|our agent)\b",
            r"\b(?:pick|select|choose|prefer) (?:me|this agent)(?: \w{1,8}){0,2} (?:for (?:all|any|every)|first"
            r"|always|over)\b",
            r"\b(?:send|route|forward|delegate|direct) (?:all|every|each|any)(?: \w{1,10}){0,3} (?:to me"
            r"|to this agent|to us|here)\b",
            r"\bbest match for (?:all|any|every)|\b(?:perfect|ideal|right choice) for (?:all|any|every) \w{3,12}\b",
            r"\bput this agent (?:on|in|into) your\b|\b(?:ignore|avoid|skip|never use|do not use) (?:all "
            r"|any )?other agents?\b",
            r"\b(?:wähle|nutze|bevorzuge) (?:immer )?diesen agenten|\bsiempre (?:elige|usa"
            r"|selecciona) este agente|\btoujours (?:choisir|utiliser|sélectionner) cet agent",
            r"(?:总是|始终|必须)(?:选择|使用|优先)(?:此|这个|本)(?:代理|智能体)|(?:常に|必ず)このエージェントを(?:選|使)"
            r"|всегда выбирай\w{0,3} этого агента",
        ),
        affirmed=True,
        roles=_READ,
    ),
    Words(
        Rule("card-capability.everything", "high", "claims to be able to do everything", _SAY, _INFLATED),
        phrases(
            r"\b(?:i |we |it |agent |which |that )?can (?:do|handle|solve|perform|answer"
            r"|accomplish) (?:absolutely )?(?:everything|anything|any task|all tasks|every task|any question)\b",
            r"\b(?:perform|handle|solve|do|answer|complete|accomplish)s? (?:absolutely |literally )?(?:any|every"
            r"|all) (?:tasks?|requests?|things?|jobs?|problems?)\b(?! (?:about|for|of|in(?! any| every| all)|on|related"
            r"|concerning|regarding|to|from|within|that|your|with|you|by|at)\b)(?! ?[a-z]{3,12} (?:in|of|for) (?:the"
            r"|your))",
            r"\b(?:100|one hundred) ?(?:%|percent) (?:success|accura|guarantee|reliab|safe|secure|trust)\w{0,6}"
            r"|\bguaranteed (?:success|results?|to (?:work|succeed))",
            r"\b(?:best|most (?:capable|powerful|trusted|advanced|reliable)) (?:\w{1,10} )?(?:agent"
            r"|assistant) (?:ever|in the world|available|of all)\b|\bhighest (?:score|rank|rated|priority) agent\b",
            r"\btop[- ]rated and\b|\b(?:unlimited|unrestricted) (?:access|capabilit\w{3}|permissions?|power)\b"
            r"|\bkann alles\b|\bpuede hacer (?:todo|cualquier cosa)|\bpeut tout faire\b|万能|何でもでき",
        ),
        affirmed=True,
        roles=_READ,
    ),
    Words(
        Rule(
            "card-capability.rights", "high", "claims an administrator's rights over somebody's system", _SAY, _INFLATED
        ),
        phrases(
            r"\bfull (?:administrat\w{2,4}|admin|system|root|disk|control|access to (?:all|the|any"
            r"|every))\b(?: \w{1,10}){0,2}(?: privileges?| access| rights?)?|\b(?:elevated|administrator|root"
            r"|superuser) (?:privileges?|rights)\b|\b(?:root|admin\w{0,11}|unrestricted|unlimited) (?:\w{1,12} "
            r")?access to "
            r"(?:all|every|any|everything)\b|\bgod[- ]mode\b",
            r"\b(?:execut|run)\w{0,4} (?:any|arbitrary|all) (?:code|commands?|scripts?|shell)\b"
            r"|\bdelete any (?:file|record|data)|\bread any (?:file|secret|credential)",
        ),
        affirmed=True,
        roles=_READ,
    ),
    Words(
        Rule(
            "card-provider.claimed",
            "medium",
            "claims to be official, or verified by somebody",
            "Let a signature and the provider's own domain prove it.",
            _TRUST,
        ),
        phrases(
            r"\b(?:official|officially) (?:verified|trusted|certified|endorsed|approved|system|google|microsoft"
            r"|openai|anthropic|amazon|apple|meta)\b(?! (?:\w{1,14} ){0,3}(?:apis?|sdks?|docs|documentation|clients?"
            r"|cli"
            r"|librar(?:y|ies)|connectors?|endpoints?)\b)",
            r"\b(?:verified|certified|endorsed|approved|audited|trusted) by (?:google|microsoft|openai|anthropic"
            r"|amazon|aws|apple|meta|github|nvidia|ibm|salesforce|oracle|the registry|the a2a)\b",
        ),
        affirmed=True,
        roles=_READ,
    ),
    Words(
        Rule(
            "card-code.call",
            "high",
            "a description calls code that runs texts or commands",
            "Describe in words what the agent does.",
            _RUNS,
        ),
        phrases(
            r"\$\((?:curl|wget|nc|bash|sh) |\b(?:eval|exec|execsync|compile|__import__|system"
            r"|popen|spawn_task|spawn_agent|os\.system"
            r"|subprocess\.\w{2,14}|child_process\.\w{2,10}|pickle\.loads)\([^)]{0,80}\)",
            r"\bverify ?= ?false\b|\bfor \w{1,10} in range\(|\bwhile ?\(? ?(?:true|1)\)? ?:|\bcurl [^"
            r"|]{3,200}\| ?(?:ba)?sh\b|\brm -rf /",
        ),
        affirmed=True,
        roles=_READ,
    ),
    Words(
        Rule(
            "card-reach.inside",
            "high",
            "fetches from a cloud's store of credentials or a private network",
            "Say what it reads, by name.",
            ("OWASP-MCP05:2025", "OWASP-ASI02:2026", "CWE-918"),
        ),
        phrases(
            r"\b(?:fetch|read|get|access|load|retriev|request"
            r"|quer)\w{0,4}\b[^.]{0,60}\b(?:https?://)?(?:169\.254\.\d{1,3}\.\d{1,3}|metadata\.google\.internal"
            r"|10\.\d{1,3}\.\d{1,3}\.\d{1,3}|192\.168\.\d{1,3}\.\d{1,3})"
        ),
        affirmed=True,
        roles=_READ,
    ),
    Words(
        Rule(
            "card-exfiltration.sends",
            "high",
            "sends what it is given to an address of its own",
            "Say to whom data goes, and why.",
            ("OWASP-MCP10:2025", "OWASP-ASI02:2026", "OWASP-LLM02:2025", "ATLAS-AML.T0086", "CWE-201"),
        ),
        phrases(r"\b(?:send|forward|upload|post|transmit|relay|report|cop)(?:s|ies|y)? (?:\w{1,14} ){0,6}to https?://"),
        affirmed=True,
        roles=_READ,
    ),
    Words(
        Rule(
            "card-commands.runs",
            "high",
            "takes or runs commands",
            "Say which commands, and behind which permission.",
            _RUNS,
        ),
        phrases(
            r"\b(?:to|and|will|can) (?:execute|run) (?:this |any |arbitrary |shell |system |these "
            r"|the following )?commands?\b(?! (?:palette|line (?:help|docs)))"
        ),
        affirmed=True,
        roles=_READ,
    ),
    Words(
        Rule(
            "card-floods.spawns",
            "high",
            "makes agents or tasks without end",
            "Bound what one request may start.",
            ("OWASP-ASI08:2026", "OWASP-LLM10:2025", "CWE-770"),
        ),
        phrases(
            r"\b(?:recursive(?:ly)?|infinite(?:ly)?|endless(?:ly)?|unbounded"
            r"|self-replicat\w{2,4}) (?:agents? )?(?:spawn|delegat|creat|fork|loop|replicat|invok)\w{0,4}"
            r"|\bspawns? (?:unlimited|infinite|thousands of|itself)"
        ),
        affirmed=True,
        roles=_READ,
    ),
    Words(
        Rule(
            "card-context.whole",
            "high",
            "wants the whole conversation or the system prompt along",
            "Take only what the task needs.",
            ("OWASP-MCP10:2025", "OWASP-ASI01:2026", "OWASP-LLM02:2025", "ATLAS-AML.T0086", "CWE-201"),
        ),
        phrases(
            r"\b(?:full|entire|whole|complete|all (?:of )?(?:the|your)) (?:conversation|chat|context|message"
            r"|session)(?: history| context| log)?\b[^.]{0,40}\b(?:along|with (?:it|every|each)|to me|included"
            r"|attached|first)?|\byour system prompt\b"
        ),
        affirmed=True,
        roles=_READ,
    ),
)

_DISGUISED = Rule(
    "card-provider.disguised-word",
    "high",
    "a word of trust or a well-known name is spelt with digits for letters",
    "Write the name as it is.",
    _TRUST,
    "high",
    structural=True,
)
_CONTAINED = re.compile(
    r"\b(?:sandbox\w{0,3}|gvisor|firecracker|wasm|webassembly|containers?|isolated|jail|e2b|docker|micro-?vms?)\b"
)
"""What an honest interpreter of code says of where it runs."""
_MIXED = re.compile(r"[a-z0-9]{4,40}")
_DIGITS = str.maketrans("01345789@$", "oieasyqgas")
_ALSO = str.maketrans("01345789@$", "olesstbgas")
_TRUSTED_WORDS = frozenset(
    "official officially trusted verified secure security certified authentic approved admin system support".split()
)
_LOOKED_FOR = tuple(sorted((_TRUSTED_WORDS | WELL_KNOWN), key=len, reverse=True))


def word_findings(read: Sequence[Text]) -> Iterator[Finding]:
    """What is said on a card to be chosen or believed."""
    contained = {text.field for text in read if _CONTAINED.search(text.plain.lower())}
    for finding in spoken_findings(read, (*CARD_WORDS, *CARD_ORDERS)):
        if finding.family == "card-code" and finding.field in contained:
            yield finding.model_copy(update={"severity": "low"})
        else:
            yield finding
    for text in read:
        if text.role in ("name", "title", "description", "data", "other", "tag"):
            for form in forms(text):
                if word := _disguised(form):
                    yield _DISGUISED.finding(text.field, word)
                    break


def _disguised(form: str) -> str | None:
    """The first word that is a word of trust once digits are read as the letters they resemble."""
    for match in _MIXED.finditer(form):
        word = match[0]
        if not (any(letter.isdigit() for letter in word) and sum(letter.isalpha() for letter in word) >= 3):
            continue
        for table in (_DIGITS, _ALSO):
            read = word.translate(table)
            name = next(
                (each for each in _LOOKED_FOR if len(each) >= 5 and read.startswith(each) and each not in word), None
            )
            if (
                name is not None
                and any(letter.isdigit() for letter in word[1 : len(name) - 1] + word[0])
                and word not in WELL_KNOWN
            ):
                return word
    return None
