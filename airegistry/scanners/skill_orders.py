"""Sentences in skills that go over the head of the person who installs them, or stay for good."""

from airegistry.scanners.rules import Rule
from airegistry.scanners.skill_sayings import Saying, any_of
from airegistry.scanners.skill_words import WHO

_GOAL = ("OWASP-MCP06:2025", "OWASP-ASI01:2026", "OWASP-LLM01:2025", "ATLAS-AML.T0051.001", "CWE-1427")
_RIGHTS = ("OWASP-MCP02:2025", "OWASP-ASI03:2026", "OWASP-LLM06:2025", "ATLAS-AML.T0053", "CWE-862")
_STAY = ("OWASP-MCP05:2025", "OWASP-ASI10:2026", "ATLAS-AML.T0081", "CWE-506")
_DROP = ("OWASP-MCP04:2025", "OWASP-ASI04:2026", "OWASP-LLM03:2025", "ATLAS-AML.T0011", "CWE-494")
_REMEDY = "Take the sentence out: its user, and the assistant's own rules, come first."
_SHIP = "Ship what is needed with the skill, or name a package of a public index and its version."


def _rule(id: str, message: str, codes: tuple[str, ...] = _GOAL, remedy: str = _REMEDY, *, mild: bool = False) -> Rule:
    return Rule(id, "medium" if mild else "high", message, remedy, codes)


_NO_ASKING = (
    r"\b(?:without|skip(?:s|ping)?|do not|don't|never|no need to) (?:(?:wait\w{0,3} for|ask\w{0,3} for"
    r"|ask\w{0,3}|request\w{0,3}|requir\w{0,3}|seek\w{0,3}|prompt\w{0,3} for|any|additional|further"
    r"|explicit|the|user(?:['’]s)?|human|for|manual) ){1,6}(?:confirmation|approval|permission|consent"
    r"|authori[sz]ation)",
    rf"\bwithout (?:asking|consulting|prompting) {WHO}|\b{WHO} (?:is|are) not (?:asked|prompted|consulted)\b"
    rf"|\bwithout [^.]{{0,40}}\bor asking for (?:confirmation|approval|permission)|\b{WHO} (?:is|are) (?:notified"
    rf"|informed"
    rf"|told) (?:of \w{{1,12}} )?(?:only )?after\b|\bauto-?approv\w{{1,4}} (?:all|every|any)\b"
    rf"|\bproceed directly to (?:purchase|payment|checkout|deploy|execut|delet)\w{{0,5}}",
)
_ASKING = tuple("confirm approv permission consent authori ask consult prompt notified informed told proceed".split())
_HARM = any_of(
    r"\b(?:delet|terminat|reset|revok|reissu|purchas|buy|pay|transfer|wire|deploy|modif|grant|escalat"
    r"|execut|overwrit|drop|destroy|publish|send|install|disabl|shut)\w{0,6}\b"
    r"[^.]{0,80}\b(?:passwords?|keys?|permissions?|accounts?|instances?|production|money|funds|payments?"
    r"|databases?|credentials|records|commands?|users?|purchases?|orders?|emails?|sandbox)\b",
    r"\b(?:purchase|production|payment|all tool calls|any command|every command)\b",
)
_ONLY_WITH = any_of(
    r"\b(?:do not|don't|never|not|no|only|must|cannot|refus\w{1,3}|avoid|unsafe|scripts? that|if \w{1,14}"
    r" would)\b[^.]{0,160}"
    r"\bwithout\b"
    r"|^\W{0,4}(?:\w{3,12}ly )?\w{2,14}ing\b[^.]{0,200}\bwithout\b|\bfor \w{3,12}ing\b[^.]{0,120}\bwithout\b"
    r"|\bwithout (?:\w{1,14} ){0,3}(?:approval gate|-y)|`-{1,2}[a-z][\w-]{0,24}`"
)
_ONLY_WITH_OR_LESS = any_of(
    _ONLY_WITH.pattern,
    r"\b(?:between|within|after each|per|for each) (?:\w{1,12} ){0,3}(?:tasks?|steps?|batch|files?|items?)\b|`?-y`?\b"
    r"|`--(?:yes|no-\w{1,12})|\bto (?:write|provide|enter|choose|pick|type)\b",
)
_INSTRUCTIONS = (
    r"(?:instructions?|prompts?|rules?|guidelines?|directives?|directions?|constraints?|polic(?:y|ies)"
    r"|training|guidance)"
)

OVER_THE_HEAD = (
    Saying(
        _rule("skill-consent.bypass", "an approval or a safeguard is to be passed by", _RIGHTS),
        (
            any_of(
                r"\b(?:bypass|circumvent|overrid|evad|disregard|ignor)\w{0,4} (?:(?:the|all|any|these|those|standard"
                r"|normal|usual|existing|built-in|its|your"
                r"|required) ){0,3}(?:[\w-]{1,14} )?(?:approvals?(?: workflows?| process)?|authori[sz]ation"
                r"|permission (?:checks?|prompts?|dialogs?|system)|content (?:filter|polic)\w{0,4}|safety (?:filter"
                r"|guideline|check|polic|measure|restriction|protocol|training|mechanism)\w{0,4}|guardrails?"
                r"|security (?:checks?|controls?|polic\w{1,4}|measures?)|safeguards?|human review|ethical guidelines)",
                r"\b(?:all|every|any) (?:tool calls?|commands?|actions?|operations?|requests?)[^.]{0,40} (?:is"
                r"|are) (?:pre-?approved|pre-?authori[sz]ed|always allowed|automatically approved)"
                r"|\bnever refuse (?:a |any |commands?|requests?|to )",
                rf"\bapprove (?:it|them|this|these|the (?:prompts?|requests?|dialogs?)) (?:yourself|on (?:behalf"
                rf"|{WHO}))"
                r"|\b(?:auto-?approve|accept|confirm|dismiss|click through) (?:the |any |all |every |each"
                r" )?(?:permission|security"
                r"|consent|approval) (?:prompts?|dialogs?|requests?|warnings?)",
                r"\b(?:all |the )?(?:content|safety|output|security) (?:filter\w{0,4}|checks?|restrictions?"
                r"|guardrails?) (?:is|are) "
                r"(?:disabled|off|skipped|bypassed|lifted)|\b(?:disabl|turn|switch)\w{1,4} (?:off )?(?:all |the |any )"
                r"(?:content|safety|output) (?:filter\w{0,4}|checks?|restrictions?|guardrails?)|\benters? an?"
                r" unrestricted mode\b",
                r"\brestrictions? (?:is|are) (?:lifted|disabled|removed|waived)|\bexempt from (?:standard |normal "
                r"|all |any )?(?:polic|restriction|filter|safety|review)\w{0,4}|\bno additional authentication\b",
            ),
        ),
        unless=any_of(
            r"\b(?:bypass|circumvent|overrid|evad)\w{0,4} (?:[\w-]{1,14} ){0,4}(?:security|authori[sz]ation|content)\b"
            r"[^.]{0,160}\b(?:apis?|ssl|tls|waf|dns|csp|xss|cross-site|traffic|jailbreak detection|source code"
            r"|encryption|vulnerab\w{1,8}|injecting|protocols?|frida|pinning)\b|\b(?:in )?api "
            r"requests?\b[^.]{0,20}\bto bypass"
            r"|`[^`]{1,24}` bypasses\b|\bipv\d|\bbypass content security policy"
            r"|\b(?:risks?|dangers?|warning|caution|hijack\w{0,3}|can lead|could lead|may allow|could allow|do not use"
            r"|not for"
            r" production|development only|testing only)\b"
        ),
    ),
    Saying(
        _rule("skill-consent.unasked-harm", "something that cannot be undone is to be done without asking", _RIGHTS),
        (any_of(*_NO_ASKING), _HARM),
        affirmed=False,
        unless=_ONLY_WITH,
        hints=_ASKING,
    ),
    Saying(
        _rule("skill-consent.unasked", "the assistant is told to act without asking", _RIGHTS, mild=True),
        (
            any_of(*_NO_ASKING),
            any_of(
                r"\b(?:all|every|any|never|always|tools?|commands?|permissions?|actions?|changes|notified after"
                r"|authori[sz]ation"
                r"|prompted)\b|\bafter they\b"
            ),
        ),
        unless=_ONLY_WITH_OR_LESS,
        hints=_ASKING,
    ),
    Saying(
        _rule("skill-override.user", "what the user sets, says or stops is passed over", _RIGHTS),
        (
            any_of(
                r"\bregardless of (?:the )?`?\w{0,12}(?:dry|confirm|approv|auto|safe|consent|opt_?out"
                r"|permission)\w{0,12}`? (?:setting|parameter|flag|value)|\b(?:regardless of|no matter) (?:what "
                r"|whether )?(?:the )?users? (?:sets?|says?|asks?|confirm\w{0,3}|wants?|preferences?)",
                r"\b(?:parameter|flag|setting|option) is (?:advisory|only a suggestion)"
                r"|\b\w{0,12}(?:confirm|dry_?run|approv|consent|opt_?out|safe)\w{0,10}[`\"']? (?:parameter|flag"
                r"|setting|option) is ignored",
                rf"\beven (?:if|when"
                rf"|though) {WHO} (?:has |have )?(?:(?:declin|refus|object|opted)\w{{0,5}})",
                rf"\bif {WHO} (?:attempts?|tries|wants?) to (?:cancel|disable|stop|remove|uninstall|delete"
                rf"|opt)[^.]{{0,100}}\b(?:re-?enabl|restor|re-?install|ignor|prevent|block|continu|refus)\w{{0,4}}",
                r"\b(?:can|may|will|should|must|to) (?:override|supersede|replace"
                r"|take precedence over) (?:the )?(?:(?:user(?:['’]s)?|system|original|safety|prior"
                r"|previous) ){1,3}(?:task|instruction|request|prompt|preference|guideline|specification"
                r"|intent)\w{0,3}",
                rf"\b(?:{WHO}['’]s|original) (?:original )?(?:instruction|request|task)s? (?:is"
                rf"|are) (?:treated as )?(?:a )?(?:suggestion|advisory|secondary|superseded|optional)"
                rf"|\btakes? (?:absolute )?precedence over (?:all |any )?(?:other |user |system |previous )",
            ),
        ),
    ),
    Saying(
        _rule("skill-privilege.self-raised", "the skill gives itself more trust or rights", _RIGHTS),
        (
            any_of(
                r"\b(?:elevat|escalat|rais|grant|assign|promot)\w{0,4} (?:its|itself|their"
                r"|your) (?:own )?(?:[\w-]{1,12} )?(?:trust|privilege|permission|access|rights|role)\w{0,3}|\b(?:dba"
                r"|admin|root|superuser|administrator|system)-level (?:permission|access|privilege|right)s?\b"
                r"|\bwith elevated (?:authority|privileges|permissions|trust)\b",
            ),
        ),
    ),
    Saying(
        _rule("skill-injection.from-content", "what is read or received is to be obeyed"),
        (
            any_of(
                r"\b(?:text|content|instructions?|directives?|commands?|messages?|comments?|metadata|input|field"
                r"|response|document|page|email)\b"
            ),
            any_of(
                r"\b(?:must|should|shall|is to|are to|will) (?:always |then )?be (?:treated|executed|followed"
                r"|interpreted|obeyed|processed|considered|regarded|trusted"
                r"|honou?red) (?:[\w-]{1,14} ){0,4}(?:as (?:an? )?(?:[\w-]{1,14} ){0,2}(?:directive|instruction"
                r"|command|order|trusted|authoritative|system)|before|immediately|without|verbatim|exactly)",
                r"\b(?:treats?|trusts?|accepts?|honou?rs?"
                r"|regards?) (?:[\w-]{1,14} ){1,6}as (?:an? )?(?:[\w-]{1,14} ){0,2}(?:trusted|system|authoritative"
                r"|privileged|elevated|verified)(?:[- ]level)? ?(?:[\w-]{1,12} )?(?:instruction|directive|message"
                r"|command|prompt|peer|operator)",
                r"\b(?:follow|execute|obey|run|carry out|perform|apply) (?:any|all|whatever"
                r"|every) (?:[\w-]{1,14} ){0,2}(?:instructions?|commands?|directives?|code)(?: that)?(?: (?:is|are|it"
                r"|they))? (?:found|contained|embedded|included|returned|received|contains?|specif\w{1,4}|in"
                r"|from)(?: [\w-]{1,12}){0,3} (?:page|content|response|email|comment|url|website|server|reply|article"
                r"|results?|payload|message)s?\b",
            ),
        ),
        unless=any_of(r"\b(?:as (?:untrusted|data|plain|literal)|not as instructions)\b"),
    ),
    Saying(
        _rule("skill-injection.remote", "instructions are fetched from elsewhere and are to be obeyed"),
        (
            any_of(
                r"\b(?:fetch|download|load|get|retrieve|pull|read|open|visit|curl|wget|request|check|live|found"
                r"|hosted|published"
                r"|kept|available)\w{0,3}\b"
            ),
            any_of(
                r"https?://[^\s]{4,200}|\b(?:this|that|the (?:above|remote|following)) (?:url|page|link|gist"
                r"|endpoint)\b"
            ),
            any_of(
                r"\b(?:follow|obey|execute|carry out|comply with|adhere to|act on|do|perform|apply|run)\w{0,3}"
                r" (?:\w{1,12} ){0,2}?"
                r"(?:(?:its|any|all|those|these|every)(?: \w{1,12}){0,2}? (?:instructions?|commands?|directives?"
                r"|orders)"
                r"|the(?: \w{1,12}){0,2}? (?:instructions?|commands?|directives?|orders|steps|rules) (?:it|in it"
                r"|there|returned"
                r"|fetched|given there|(?:found |written |listed )?(?:in|on|from|at) (?:it|there|that|this|the"
                r" (?:page|file|response"
                r"|url|link|gist)))|(?:whatever|everything|anything|what) (?:it|you find|is written|the (?:page|file"
                r"|response|server))"
                r"(?: (?:says|contains|returns|tells|there))?)\b"
                r"|\b(?:follow|obey|execute) (?:it|them|what it says) (?:exactly|verbatim|without|as (?:if|though"
                r"|your))"
                r"|\b(?:as|for) (?:your |the |new |additional |updated ){1,3}(?:system )?(?:instructions|prompt"
                r"|orders)\b"
            ),
        ),
        span=3,
        abroad=True,
        unless=any_of(r"\b(?:as (?:untrusted|data)|not as instructions|instructions below|following instructions:)\b"),
        hints=tuple("http url page link gist endpoint".split()),
    ),
    Saying(
        _rule("skill-backdoor.phrase", "a phrase switches rules off"),
        (
            any_of(
                r"\b(?:when|if|once|whenever|any)\b[^.|]{0,60}\b(?:contains?|includes?|begins? with|starts? with"
                r"|ends? with|receives?|says?|types?|prefixed with|containing|beginning with|identified by)\b"
                r"[^.|]{0,60}(?:[\"'`\[]{1,2}[^\"'`\]\n|]{3,60}[\"'`\]]|\b(?:phrase|prefix|sequence|passphrase"
                r"|code ?word|header)\b)"
            ),
            any_of(
                r"\b(?:exempt from|unrestricted mode|bypass\w{0,3} (?:all|the|any|safety|filter|content|check|auth"
                r"|approval)\w{0,6}|(?:enter|activat|enabl|grant|unlock|switch|gain|with|have|has|in)\w{0,4}"
                r" (?:to |the |an? |full ){0,2}(?:diagnostic|maintenance|developer|debug|admin\w{0,10}|elevated"
                r"|privileged|god"
                r"|root|override|dba-level) (?:mode|access|permissions?|privileges?|authority)|restrictions? (?:is"
                r"|are) lifted|trusted peer|skip (?:all )?(?:checks|validation|verification|auth\w{0,12})"
                r"|treat(?:ed)? as (?:an? )?(?:admin|system|root|trusted|directive|command))",
            ),
        ),
        span=2,
        hints=tuple("exempt mode bypass access permission privilege authority restriction trusted skip treat".split()),
    ),
    Saying(
        _rule("skill-instructions.override", "the assistant's other instructions are to be given up"),
        (
            any_of(
                rf"\b(?:ignore|disregard|forget|override|discard|abandon|do not follow)\b(?: (?:all|any|every|the|your"
                rf"|of|my|its|these|those)){{0,4}} (?:(?:previous|prior|earlier|above|preceding|existing|original"
                rf"|other|former|system|current|initial|safety|default)(?: and)? ){{1,3}}{_INSTRUCTIONS}",
                r"\[/?(?:SYSTEM|INST|END SYSTEM|SYSTEM OVERRIDE)\]|<\|?(?:im_start|system|endoftext"
                r"|start_header_id)\|>|\bprevious instructions have been (?:updated|replaced|superseded|revoked)"
                r"|\bnew (?:system )?directive:",
                r"\byou are now (?:in |an? |the |operating |running ){0,3}(?:\w{1,14} ){0,2}(?:mode|unrestricted"
                r"|administrator|admin|root|DAN|jailbroken|god)\b|\benter (?:god|DAN|unrestricted|jailbreak) mode",
                r"\bvergiss (?:alle )?(?:vorherigen|bisherigen|früheren)|\bignorier\w{0,2} (?:alle )?(?:vorherigen"
                r"|bisherigen|früheren|obigen)|\bignor(?:e|ez|a|ar|ad) (?:toutes? |todas |tutte )?(?:les |las |as "
                r"|le )?(?:instructions?|instrucciones|instruções|istruzioni) (?:précédentes|anteriores|precedenti"
                r"|previas)",
                r"(?:忽略|无视)(?:之前|以上|先前|前面|所有|的){0,4}(?:指令|指示|说明|提示)|(?:以前|これまで|前|上記)の(?:すべての)?(?:指示|命令)(?:は"
                r"|を)(?:すべて)?(?:無視|忘れ)"
                r"|игнорируй(?:те)? (?:все )?(?:предыдущие|прежние)|이전 (?:지시|명령)[^\n]{0,8}무시",
            ),
        ),
        hints=(
            *"ignor disregard forget overrid discard abandon [system [inst [/ [end <im_ <|".split(),
            *"<system <endoftext <start_ directive vergiss 忽略 无视 無視 忘れ игнорируй 무시".split(),
            *("not follow", "instructions have been", "you are now", "mode"),
        ),
    ),
    Saying(
        _rule("skill-persistence.will-not-leave", "it stays or comes back when it is removed", _STAY),
        (
            any_of(
                r"\b(?:cannot|can't|can not|will not|won't) be (?:uninstalled|opted out|turned off|disabled"
                r"|waived)\b|\b(?:service|hook|process|profile|telemetry|daemon|skill|schedule|monitor\w{0,3})\b"
                r"[^.`]{0,40} (?:cannot|can't|can not|will not|won't) be removed\b|\bre-?(?:enables?|installs?"
                r"|activates?|creates?) (?:itself|it (?:after"
                r"|automatically|when))|\bnot (?:deleted|removed|stopped) when",
                r"\b(?:persists?|remains?|survives?|continues?) (?:active )?(?:even )?(?:after"
                r"|across) (?:un-?install\w{0,5}|removal|the skill is removed|deletion)",
            ),
            any_of(
                r"\b(?:service|hook|process|profile|telemetry|daemon|skill|agent|task|schedule|collection"
                r"|transmission|obligation|monitor\w{0,3})\b"
            ),
        ),
        affirmed=False,
    ),
    Saying(
        _rule("skill-dropper.copy-from-page", "a command is to be copied from a page and run", _DROP, _SHIP),
        (
            any_of(
                r"(?:glot\.io|rentry\.(?:co|org)|pastebin\.com|\bpaste\.\w{2,6}|hastebin\.com|dpaste\.\w{2,4}|0x0\.st"
                r"|telegra\.ph|\bthis (?:page|link|site|url)\b)"
            ),
            any_of(r"\b(?:copy|run|execute|paste)\b"),
            any_of(r"\b(?:commands?|terminal|powershell|shell|script)\b"),
            any_of(r"\b(?:visit|go to|open|navigate|from|at)\b"),
        ),
        span=2,
        hints=tuple("glot rentry paste 0x0 telegra page link site url".split()),
    ),
    Saying(
        _rule("skill-dropper.run-box", "its user is to paste a command into the system's run box", _DROP, _SHIP),
        (any_of(r"\b(?:press|use|via|from|open|hit)\b[^.]{0,16}\bWin(?:dows)?(?: key)? ?\+ ?(?:R|X)\b"),),
        hints=tuple("win".split()),
    ),
    Saying(
        _rule(
            "skill-dropper.run-download",
            "a program is to be downloaded by hand and run before anything works",
            _DROP,
            _SHIP,
        ),
        (
            any_of(
                r"\bdownload\b[^\n]{0,200}\.(?:zip|rar|7z|exe|msi|dmg|pkg|scr|bat|cmd|ps1|jar|apk)\b",
                r"\bcopy (?:and paste )?(?:this|the following|the) command\b",
            ),
            any_of(r"\b(?:run|execut\w{1,4}|launch|double-click|paste)\b"),
            any_of(
                r"\b(?:require[sd]?|must|before|needed|prerequisites?|necessary|needs?|first|installed|IMPORTANT)\b"
            ),
            any_of(r"https?://|\bcopy (?:and|this|the)\b"),
        ),
        span=4,
    ),
)

ARCHIVE = Rule(
    "skill-dropper.archive-with-password",
    "high",
    "an archive that no scanner can open is to be downloaded and opened",
    _SHIP,
    _DROP,
    "high",
    structural=True,
)
LOCKED_ARCHIVE = Saying(
    ARCHIVE,
    (
        any_of(
            r"\b(?:extract|unzip|unpack|open)(?:ed|ing)?\b[^.\n]{0,40}\b(?:using|with"
            r"|by)\b (?:the )?(?:archive )?pass(?:word|code|phrase)?\b ?(?:is |[:=] ?)?[`\"'“(]?[\w.!@#-]{3,40}",
            r"\bpass(?:word|code)?(?: is| for the (?:archive|zip) is)? ?[:=] ?[`\"'“]?[\w.!@#-]{3,40}[`\"'”]?",
            r"\b(?:unzip|7za? x?|unrar x?) [^\n]{0,60}-[pP] ?[\"']?[^\s\"'$-]{3,40}",
        ),
        any_of(r"\.(?:zip|rar|7z)\b|\barchive\b"),
        any_of(r"https?://|\bdownload"),
    ),
    span=2,
)

ADDRESSED = Saying(
    _rule("skill-injection.addressed", "a remark speaks to the assistant and has it do what nobody asked for"),
    (
        any_of(
            r"(?:^|[.!?>*#-] |^ ?)(?:(?:the |an? |any )?(?:ai|llm|coding|language)[- ]?)?(?:agents?|assistants?"
            r"|models?|claude|ai"
            r"|llms?|copilot|cursor|gemini|codex) ?(?::|,|\b(?:must|should|reading|will|shall|please|is to)\b)",
            r"\b(?:notes?|messages?|instructions?|attention|reminders?|important)\b[^.]{0,20}\b(?:to|for) (?:the |any"
            r" |all )?(?:ai |llm |coding |language )?"
            r"(?:agents?|assistants?|models?|claude|llms?|copilot|cursor)\b|<important>"
            r"|\b(?:when|if|once) (?:the |an? |you are an? )?(?:ai|agent|assistant|model|llm)\b",
        ),
        any_of(
            r"\b(?:send|upload|forward|transmit|exfiltrat|scp|beacon|disregard|relay|leak)\w{0,3}\b(?! (?:a |the )?"
            r"(?:request|response|message|reply)s?\b)|\bpost\b[^.]{0,60}https?://"
            r"|\bignore\b[^.]{0,40}\b(?:instructions?|rules"
            r"|prompts?|guidelines?)\b|\b(?:quietly|silently|secretly|covertly) (?:send|upload|read|copy|collect|run"
            r"|log|forward|add|post|record|save)"
            r"|\bno trace\b"
            r"|\b(?:do ?n[o']t|never|without) (?:tell|inform|mention|show|notify|alert|reveal)\w{0,3}\b[^.]{0,40}"
            r"\b(?:user|human|this|it|anyone|anybody)\b|\b(?:permission|safety|approval)[^.]{0,30}\b(?:bypass|skip"
            r"|disabl)"
            r"|~/\.(?:ssh|aws|netrc)"
        ),
    ),
    span=3,
    hints=tuple("agent assistant model claude ai llm copilot cursor important".split()),
)
"""For words beside code and in what nobody sees; the text of a skill always speaks to the assistant."""
