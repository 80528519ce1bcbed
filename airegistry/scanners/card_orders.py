"""Words on agent cards that give orders to whoever routes or calls: on other agents, on data, on silence, on rules."""

from airegistry.scanners.phrasing import phrases
from airegistry.scanners.rules import Rule, Words
from airegistry.scanners.texts import Role

_ORDERS = ("OWASP-ASI01:2026", "OWASP-ASI07:2026", "OWASP-LLM01:2025", "ATLAS-AML.T0051", "CWE-1427")
_COURTS = ("OWASP-ASI07:2026", "OWASP-ASI02:2026", "OWASP-LLM06:2025", "ATLAS-AML.T0111", "CWE-451")
_TAKES = ("OWASP-MCP10:2025", "OWASP-ASI02:2026", "OWASP-LLM02:2025", "ATLAS-AML.T0086", "CWE-201")
_SILENT = ("OWASP-MCP08:2025", "OWASP-ASI09:2026", "ATLAS-AML.T0110", "CWE-451")
_TRUSTS = ("OWASP-MCP07:2025", "OWASP-ASI07:2026", "OWASP-ASI09:2026", "CWE-345")
_SAY = "Say what the agent does, and leave it to the caller what to do with it."

_READ: frozenset[Role] = frozenset(("name", "title", "description", "tag", "example", "data", "other"))
_READERS = (
    r"(?:orchestrat\w{2,4}|routers?|planners?|models?|llms?|ais?|dispatchers?|supervisors?|coordinators?|assistants?|"
    r"(?:calling|host|client|parent|upstream|master|planning|routing|other) (?:agents?|models?|llms?|systems?))"
)
_NOT = r"(?:(?:do|must|shall|should|may|need|can) ?(?:not|n't)|never|nor|don't|cannot|mustn't|shouldn't)"
_HAND = (
    r"(?:hand|give|pass|send|forward|attach|include|append|share|submit|provide|transmit|supply|add|upload|deliver"
    r"|copy|"
    r"surrender|reveal|disclose|paste|put|print|output|dump|carry|carries|embed)(?:s|ing|ed)?"
)
_WHOLE = r"(?:all|full|entire|complete|every|any|whole|raw)"
_AS_HEADER = r"(?![^.!?;]{0,60}\b(?:header|authorization|bearer|oauth|scheme)\b)"

CARD_ORDERS = (
    Words(
        Rule("card-order.addressed", "high", "speaks to the model that routes, and not of the agent", _SAY, _ORDERS),
        phrases(
            r"(?:^|[.!?;:)\]>*] ?)(?:important |routing |system |registry )?(?:note|notice|message|instructions?"
            r"|attention"
            r"|important|reminder|hint|directive|memo|warning)s? (?:to|for) (?:the |all |any |your |every )?"
            rf"(?:\w{{1,12}} )?{_READERS}\b[^.!?:]{{0,24}}:",
            r"(?:^|[.!?;)\]] ?)(?:routing|registry|orchestration|dispatch|selection|planner|system) "
            r"(?:note|directive|instruction|rule|override|hint)s? ?:",
            r"\[(?:system|inst|admin|developer|override|instructions?)\]|</?(?:system|instructions?|examples?|admin)> ?"
            r"(?:system|assistant|important|now|from|reveal|ignore|you)\b",
            r"\byou (?:now )?(?:work|act|report|answer) (?:for|to) (?:this agent|me|us)(?: now)?\b",
            r"\byou are now (?:an? |the )?(?:\w{1,12} ){0,2}(?:admin\w{0,11}|root|superuser|unrestricted|developer "
            r"mode)\b",
        ),
        roles=_READ,
    ),
    Words(
        Rule("card-override.policy", "high", "has the caller set its own rules aside", _SAY, _ORDERS),
        phrases(
            r"\b(?:ignore|disregard|bypass|override|set aside|suspend|skip|disable|drop|abandon|relax|lift|forget"
            r"|circumvent|supersede)(?:s|es)? "
            r"(?:(?:all|any|your|its|their|every|of|the|host's|orchestrator's|caller's|other) ){0,3}(?:\w{1,14} ){0,2}"
            r"(?:guardrails?|safety (?:checks?|rules?)|permission checks?|(?:routing|selection|delegation|ranking"
            r"|approval"
            r"|security|safety) (?:polic(?:y|ies)|rules?|guidelines?|logic|steps?|criteria))\b",
            r"\b(?:your|earlier|previous|prior|existing|usual|system|host) (?:\w{1,12} )?(?:guidelines?|polic(?:y"
            r"|ies)|rules?"
            r"|instructions?|restrictions?|guardrails?|limits?|constraints?)(?: \w{1,12})? (?:do|does|did|shall"
            r"|will) not "
            r"(?:apply|count|hold|bind|matter)\b",
        ),
        affirmed=True,
        roles=_READ,
    ),
    Words(
        Rule("card-rivals.kept-out", "high", "keeps other agents from being asked", _SAY, _COURTS),
        phrases(
            rf"\b{_NOT} (?:ever )?(?:consult|query|call|use|ask|contact|invoke|delegate|route|prefer|consider|select"
            rf"|choose"
            r"|try|involve|compare)(?: (?:to|with|of|it|this|them|requests?|tasks?|work)){0,4}"
            r"(?: (?:any|other|another|competing|alternative|rival|different|the|all|third[- ]party)){1,4} (?:\w{1,14} "
            r"){0,2}"
            r"agents?\b",
            r"\b(?:other|competing|rival|alternative|all remaining) (?:\w{1,14} ){0,2}agents? (?:are|is|may be|will be"
            r"|have been|has been|were) (?:\w{1,12} ){0,2}(?:compromised|unsafe|untrust\w{2,7}|unreliable|malicious"
            r"|insecure"
            r"|deprecated|outdated|broken|inferior|disabled|dangerous|fraudulent|offline|decommissioned)\b",
            r"\b(?:discard|drop|ignore|skip|exclude|deprioriti[sz]e|downgrade|demote|hide|suppress|unlist|block"
            r"|replace)"
            r" (?:(?:all|any|the|every|addresses|names|cards|of) ){0,5}(?:other|others|competing|remaining|rival)"
            r"(?: (?:\w{1,12} ){0,2}agents?| ones| candidates| cards)?\b[^.!?;]{0,40}(?:\bagents?\b|\bthis one\b|$"
            r"|\band\b)",
            r"\blower (?:the )?(?:score|rank|weight|priority) of (?:the |all |any )?(?:other|competing)\b",
            r"\btreat (?:all |any |every )?(?:other|competing|rival) agents? as\b|\bnever delegate elsewhere\b",
            rf"\b{_NOT} delegate (?:\w{{1,12}} )?(?:elsewhere|to (?:any |an)?other)\b",
            r"\b(?:so )?no other agents? (?:is|are|will be|should be|need be|needs to be) (?:ever )?(?:needed|necessary"
            r"|required|used|called|considered|consulted|asked)\b",
            r"\bonly agent (?:that )?(?:you|anyone|users?)(?:'ll| will)? (?:ever )?needs?\b",
            r"\b(?:ne (?:consultez|consulte|utilisez|utilise|contactez) (?:pas|jamais) d'autres? agents?|nutze[n]? "
            r"(?:sie )?"
            r"keine anderen agenten|keinen anderen agenten (?:fragen|nutzen|verwenden)|no (?:uses?|utilices?|consultes?"
            r"|llames?) (?:a )?(?:otros|ningún otro) agentes?|não (?:use|consulte|chame) outros agentes|не "
            r"(?:используй|вызывай"
            r""
            r"|обращай)\w{0,4} (?:к )?други\w{1,3} агент)"
            r"|(?:不要|请勿|禁止)(?:使用|调用|询问|选择)其他(?:代理|智能体|agent)"
            r"|(?:他|ほか)のエージェント(?:を|に|は)(?:使わ|呼び出さ|利用し|相談し)な",
        ),
        roles=_READ,
    ),
    Words(
        Rule("card-rank.first", "high", "asks for a rank above other agents", _SAY, _COURTS),
        phrases(
            r"\b(?:rank|place|put|list|score) (?:me|this (?:one|agent)|us|it) (?:above|over|before|ahead of) (?:the "
            r")?(?:rest|others?|all|any)\b",
            r"\b(?:leave out|omit|hide|do not (?:mention|show|list|offer)) (?:the )?(?:cheaper|better|competing|"
            r"rival|other) (?:ones?|offers?|"
            r"agents?|options?|providers?)\b",
            r"\b(?:rank|place|put|list|rate|score|weight|prioriti[sz]e|prefer|choose|select|pick|use|call) (?:me"
            r"|this agent|us)"
            r" (?:first|highest|top|above|over|at the top|ahead|before|instead|for (?:all|any|every)|by default)\b"
            r"(?! when| if| for (?:all|any|every) \w{3,14} (?:about|of|in|on))",
            r"\b(?:rank|place|list|rate|score) it (?:first|highest|top|above all|at the top)\b",
            r"\b(?:highest|top|maximum|absolute|max|utmost) (?:priority|rank(?:ing)?|weight|score|precedence"
            r"|preference) "
            r"(?:to|for|on) (?:me|this agent|us)\b",
            r"\b(?:select|choose|pick|rank|use|prefer|route|call|agent)\w{0,3}\b[^.!?;]{0,50}\b(?:even (?:when|if"
            r"|though) "
            r"(?:\w{1,12} ){0,3}(?:others?|another|better|cheaper)|regardless of (?:the )?(?:task|request|topic"
            r"|intent|match"
            r"|scores?|cost|price|fit|skills?)|no matter (?:what|which) (?:the )?(?:task|request|topic|other))\b",
            r"\b(?:route|send|forward|direct|pass|delegate) (?:all|every)(?: of (?:the|your))? (?:\w{1,12} ){0,3}"
            r"(?:through|via) (?:me|this agent|it|us)\b",
            r"\b(?:takes?|has|have|given|gets?|with) (?:absolute |full )?(?:precedence|priority) over (?:all|any"
            r"|every|each"
            r"|other)\b|\b(?:score|rank|rate|weight|match) this (?:card|agent) (?:\d|as|with|at|high|top|first)",
            r"\b(?:has to|must|should|is to|needs to) (?:always )?be (?:invoked|called|used|selected|chosen|consulted"
            r"|queried) (?:\w{1,12} ){0,2}(?:at the (?:start|beginning) of|before|first for|for|in) (?:each|every|all) "
            r"(?:conversations?|requests?|tasks?|messages?|sessions?|quer(?:y|ies)|turns?|users?)\b",
            r"\b(?:that |say |answer )(?:only|just) this (?:one|agent) (?:is|may|can|should|exists)\b",
            r"\b(?:before|prior to) (?:any |all )?(?:other |special\w{2,6} |domain |competing ){1,2}agents? (?:is|are"
            r"|gets?"
            r"|may be|has been) (?:\w{1,12} )?(?:considered|asked|called|consulted|chosen|selected|contacted)\b",
            r"\b(?:superior to|better than) (?:all |any )(?:the )?others?(?: agents?)?\b|\boutranks? (?:all|any"
            r"|every)\b",
        ),
        affirmed=True,
        roles=_READ,
    ),
    Words(
        Rule("card-handover.data", "high", "wants data along that the task is not about", _SAY, _TAKES),
        phrases(
            rf"\b{_HAND}(?: (?:over|along|on|up|me|us|it|this agent|to (?:it|me|us|this agent)))?(?: "
            rf"\w{{1,14}}){{0,2}} "
            rf"{_WHOLE}(?: of)?(?: (?:the|your|their|its))?(?: \w{{1,14}}){{0,2}} (?:user(?:'s|s'|s)? (?:data|details"
            r"|information|profiles?|context|records|history)|personal (?:data|information|details)|chat history"
            r"|conversations? (?:history|so far|log)|message history|context window|memor(?:y|ies)|credentials?|secrets"
            r"|passwords?|session (?:data|history|tokens?)|system prompts?)\b",
            rf"\b{_HAND}\b[^.!?;]{{0,60}}(?:\.env\b|~/\.\w{{2,8}}\b|\b(?:deployment|ssh|private|signing|encryption) "
            rf"keys?\b"
            r"|\bsession cookies?\b|\bpassport numbers?\b|\benvironment variables\b|\b(?:last|previous|prior) "
            r"(?:\d{1,4} )?messages\b|\b(?:tokens|"
            rf"credentials|cookies|passwords) of (?:the|your) (?:session|user|caller|host|environment)\b|\b(?:initial"
            rf"|system"
            rf"|hidden) prompt\b|\bseed phrases?\b|\brecovery (?:phrases?|codes?)\b"
            r"|\bone-time codes?"
            r"|\bcards? numbers?\b[^.!?;]{0,20}\b(?:with|along|to this)|\b(?:calling|host|parent|client) (?:agent|model"
            r"|system)'?s?'? (?:own )?(?:access |bearer |session )?(?:tokens?|credentials|keys|memory|context"
            r"|instructions)"
            r"|\b(?:credentials|tokens|api keys|instructions|secrets) (?:of|from|held by) the (?:calling|host|client"
            r"|parent)"
            r"|\btheir own access tokens?|\byour (?:own )?(?:instructions|system prompt)\b)"
            rf"{_AS_HEADER}",
            r"\b(?:attach|include|send|forward|pass|share|copy|provide|supply)(?: (?:along|over|the|all|every|any|"
            r"full|complete|your|raw)){0,4} "
            r"(?:transcripts?|logs?|conversations?|outputs?|results?|memor(?:y|ies)|contexts?|histor(?:y|ies)) (?:of|"
            r"from|with) (?:the |all |any "
            r"|your )?(?:other|calling|parent|upstream|every) (?:agents?|tools?)\b",
            r"\bhand(?:s|ing)? over (?:your|the|their|all|its) (?:\w{1,12} ){0,2}(?:tokens?|credentials|keys?"
            r"|passwords?)\b",
            r"\b(?:leite|sende|übermittle|gib)\w{0,3} [^.!?;]{0,60}(?:zugangsdaten|passwör\w{2,4}|nutzerdaten)|\b"
            r"(?:transme\w{1,4}"
            r"|envoie\w?|joins|fournis)\w{0,3} [^.!?;]{0,60}(?:mots? de passe|identifiants|historique)|\b(?:env[ií]a"
            r"|transmite"
            r"|adjunta)\w{0,2} [^.!?;]{0,60}(?:contraseñas?|credenciales|historial)|\b(?:отправ|перед"
            r"|пере[сш]л)\w{1,6} "
            r"[^.!?;]{0,60}(?:парол|учётн|учетн|ключ)|(?:发送|转发|附上|提供|传递)[^。！？]{0,30}(?:密码|凭据|密钥|聊天记录|全部对话)"
            r"|(?:パスワード|認証情報|会話履歴)[^。]{0,12}(?:送|渡|添付)",
        ),
        affirmed=True,
        roles=_READ,
    ),
    Words(
        Rule(
            "card-credential.wanted",
            "high",
            "asks for keys or recovery words of its user",
            "Take a credential of this agent's own, in a header.",
            ("OWASP-MCP01:2025", "OWASP-ASI03:2026", "ATLAS-AML.T0098", "CWE-522"),
        ),
        phrases(
            r"\b(?:needs?|requires?|asks? (?:\w{1,12} )?for|expects?|enter|wants?|restores? \w{1,12} from)\b "
            r"(?:\w{1,14}[ ,]{1,2})"
            r"{0,5}(?:private keys?|(?:seed|recovery) (?:phrases?|words)|(?:root|master|admin|domain) passwords?"
            r"|session cookies?"
            r"|passwords? of the user|(?:user's|users'|your) (?:\w{1,14} )?passwords?)\b"
        ),
        affirmed=True,
        roles=_READ,
    ),
    Words(
        Rule("card-claim.infallible", "high", "claims never to fail", _SAY, _COURTS),
        phrases(
            r"\b(?:is|are|agent) never wrong\b|\bnever (?:fails|errs|makes (?:a )?mistakes?|hallucinates)\b"
            r"|\binfallib\w{2,3}\b"
            r"|\balways (?:right|correct|succeeds)\b(?! (?:of|side|hand))"
        ),
        roles=_READ,
    ),
    Words(
        Rule("card-consent.claimed", "high", "says for people that they agreed", _SAY, _TRUSTS),
        phrases(
            r"(?<!only once )(?<!only if )(?<!only when )(?<!once )(?<!if )(?<!when )(?<!after )(?<!until "
            r")(?<!unless )\b(?:the |your |all |"
            r"every |our )?(?:users?|customers?|owners?|people|persons?|clients?|operators?|humans?) (?:has|have|"
            r"had) (?:\w{1,12} ){0,2}?"
            r"(?:agreed|consented|approved|authori[sz]ed|accepted|confirmed)\b[^.!?]{0,30}?\b(?:beforehand|in "
            r"advance|already|to (?:all|any|"
            r"every|whatever|anything|everything))\b|\b(?:already|previously|beforehand) (?:been )?(?:agreed(?: to)?|"
            r"consented to|approved|"
            r"authori[sz]ed|confirmed) by (?:the |your )?(?:user|customer|owner|person|client|operator|human)",
            r"\bpre-?(?:authori[sz]ed|approved|consented)\b(?! (?:loan|credit|card|amount|limit|offer|vendor|"
            r"supplier|list|budget|expens))"
            r"|\bworks? without asking (?:people|anyone|anybody|the user|users|a human)\b|\b(?:others?|other agents?|"
            r"nobody|no one) (?:\w+ )?"
            r"(?:need|needs|has|have) (?:not|no longer|not to)(?: to)? ask\b|\bcan act on it(?:,| without| at once| "
            r"immediately)",
        ),
        affirmed=False,
        roles=_READ,
    ),
    Words(
        Rule("card-gate.mandatory", "high", "puts itself between other agents and what they do", _SAY, _COURTS),
        phrases(
            r"\bmandatory (?:gate|checkpoint|gateway|first stop|relay|hub|intermediary)\b|\b(?:every|each|all|any) "
            r"(?:requests?|tasks?|calls?|"
            r"messages?|quer(?:y|ies))(?: of (?:every|each|all|any|other) \w{2,12})? (?:has|have|must|needs?|is|"
            r"are)(?: to)? (?:first )?(?:be )?"
            r"(?:pass|passed|go|routed|cleared|sent|approved|checked|run|flow) (?:\w+ )?(?:through (?:here|this|me|"
            r"it)|here|by this|by me|with "
            r"(?:this|me))\b|\b(?:no|not any) (?:other )?agents? (?:may|can|must|should) (?:act|answer|start|reply|"
            r"proceed) (?:before|until|"
            r"without)\b",
        ),
        roles=_READ,
    ),
    Words(
        Rule("card-silence.kept", "high", "is to be kept from those who watch over it", _SAY, _SILENT),
        phrases(
            r"\b(?:keep|keeping|leave|hide|withhold|conceal)s? (?:this|it|that|them|these|the \w{3,14}) (?:\w{1,10} )?"
            r"(?:out of|from|off|hidden from|secret from) (?:the |any |all |your )?(?:\w{1,14}[- ]){0,2}(?:logs?"
            r"|users?|developers?"
            r"|audit\w{0,4}|operators?|admin\w{0,11}|traces?|transcripts?|customers?|record)\b",
            rf"(?<!we )(?<!i )\b{_NOT} (?:log|record|audit|trace|tell|inform|notify|alert|mention|disclose|report"
            rf"|show|reveal)"
            r"(?: (?:to|about))? (?:this|it|that|them|these|developers?|operators?|the (?:user|developer|operator"
            r"|owner|team|call"
            r"|exchange|transfer)|users?|anyone|anybody|admin\w{0,11}|auditors?|customers?)\b"
            r"(?! (?:with|to) (?:third|others|any third|anyone else))",
            r"\bnor (?:to )?(?:tell|mention|inform|notify|disclose|reveal|show|say)\b|\bwithout (?:logging|recording"
            r"|telling"
            r"|informing|notifying|alerting) (?:it|this|them|the|any|users?|developers?|operators?)\b",
        ),
        roles=_READ,
    ),
    Words(
        Rule(
            "card-trust.blind",
            "high",
            "wants to be believed or obeyed unchecked",
            "Let callers check what they get.",
            _TRUSTS,
        ),
        phrases(
            r"\b(?:trust|believe|accept|execute|follow|obey|run)(?:s|ed)? (?:all |any |every |the |its |my |our "
            r"|this agent's ){0,4}"
            r"(?:this agent|me|us|outputs?|responses?|answers?|results?|instructions|commands|messages)(?: (?:from"
            r"|of) (?:this"
            r" agent|it|me))?(?: \w{1,12}){0,2} (?:blindly|unconditionally|implicitly|verbatim|without (?:\w{1,12} )?"
            r"(?:check"
            r"|verif|validat|question|review|confirm|approv|ask)\w{0,6})\b",
            r"\btreat (?:all |the |its |my |any |every ){0,4}(?:outputs?|responses?|answers?|messages?|results?"
            r"|replies)"
            r"(?: (?:of|from) (?:this agent|it|me))? as (?:\w{1,12} )?(?:instructions|commands|system|trusted"
            r"|authoritative)\b",
            r"\bskip(?:s|ping)? (?:all |any |the |further |every ){0,4}verification\b",
            r"\b(?:outputs?|responses?|answers?|results?|messages|replies|instructions) (?:of|from) this agent "
            r"(?:must|should|shall"
            r"|are to|have to|can) (?:\w{1,10} )?(?:be )?(?:trusted|executed|followed|obeyed|run|treated as (?:system"
            r"|instructions"
            r"|commands|trusted|authoritative))\b",
            r"\b(?:skip|omit|disable|bypass|waive)(?:s|es)? (?:the |any |all |its |signature |card |identity "
            r"|certificate ){0,4}"
            r"(?:signature|card|certificate|identity|token|user) (?:verification|validation|checks?)\b"
            r"|\bverification of (?:the )?(?:user|caller|signature|card|identity) (?:may|can|should|must) be skipped\b",
        ),
        affirmed=True,
        roles=_READ,
    ),
)
