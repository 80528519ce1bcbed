"""Texts that are to describe and command instead: overrides, claims of precedence, mark-up of a system prompt."""

from airegistry.scanners.phrasing import phrases
from airegistry.scanners.rules import SPOKEN, UNSPOKEN, Rule, Words, WordScanner

CODES = ("OWASP-MCP03:2025", "OWASP-ASI01:2026", "OWASP-LLM01:2025", "ATLAS-AML.T0051", "CWE-1427")
REMEDIATION = "Describe what the tool does; leave what the model is told to whoever runs the model."
_SET_ASIDE = (
    r"(?:ignor|disregard|forget|bypass|overrid|overrul|supersed|discard|replac|neglect|dismiss|abandon|nullif|"
    r"countermand|circumvent|disobey|set aside|do not follow|don't follow|stop following|erase|void|drop)(?:e|es|"
    r"ing|ies|y|s|d)?"
)
_EARLIER = (
    r"(?:previous(?:ly)?|prior|earlier|above|preceding|existing|original|initial|system|user|users'|user's|safety|"
    r"security|other|default|current|behaviou?ral|developer|host|foregoing|configured|built-in|old|all|any|every|"
    r"such|those|your|my)"
)
_ORDERS = (
    r"(?:instructions?|prompts?|directives?|guidelines?|guidance|guardrails?|safeguards?|commands?|orders?|"
    r"(?:safety|security|content|usage|system|behaviou?ral|ethical) (?:rules?|polic(?:y|ies)|restrictions?|"
    r"constraints?|filters?|measures?|protocols?)|rules|programming|training)"
)
_MODEL = (
    r"(?:ai(?: (?:assistants?|agents?|models?|systems?))?|assistants?|llms?|(?:large )?language models?|"
    r"(?:the )?models?|agents?|claude|chatgpt|gpt|copilot|cursor|gemini)"
)

_DEFENDED = (
    r"(?! (?:\w+ ){0,2}?(?:(?:returned|contained|embedded|found|hidden|included|written|placed|that (?:appear|stand|"
    r"are|"
    r"come)|in|inside|within|from|by)\b ?){1,3}(?:(?:the|a|an|any|its|their|this|that|these|those|of|all|fetched|web|"
    r"untrusted|external|third-party|tool|message|retrieved|returned|such|quoted) ){0,4}(?:pages?|websites?|sites?|"
    r"content"
    r"s?|tools?\b(?! descr)|outputs?|results?|responses?|documents?|e-?mails?|mails?|messages?|body|bodies|files?|"
    r"texts?|data|"
    r"issues?|comments?|snippets?|transcripts?|images?|pictures?|code|it\b|them\b|there\b|search|web\b))"
)
"""Instructions that others may have planted: to set them aside is a defence."""
_BEYOND = (
    r"\b(?:read|files?|contents?|conversation|history|messages|user|human|tell|mention|passwords?|keys?|tokens?|"
    r"secrets?|"
    r"credentials|send|e-?mail|forward|include|assistant|model|ignore|disregard|never|not|instructions|silently|"
    r"every|any|"
    r"all|other|instead|execute|https?)\b"
)
"""What a tool's own precondition does not speak of."""
_MARK = (
    r"(?:system|hidden|secret|override|instruction[_ ]override|admin(?:istrator)?|emergency|jailbreak|llm|"
    r"ai instructions)"
)

WORDS = (
    Words(
        Rule("instructions.override", "high", "tells the model to set its instructions aside", REMEDIATION, CODES),
        phrases(
            rf"\b{_SET_ASIDE} (?:(?:the|all|any|of|and|every|your|these|those|my|its|their|"
            rf"or) ){{0,4}}(?:{_EARLIER} (?:and |or |, )?){{1,4}}(?:\w+ ){{0,1}}?{_ORDERS}\b{_DEFENDED}",
            rf"\b{_SET_ASIDE} (?:(?:the|all|any|of|every|your|these|those) ){{1,3}}{_ORDERS}{_DEFENDED} "
            rf"(?:previously|above|"
            rf"before|"
            r"given|set|you (?:have|were|received)|from|that (?:came|were))",
            r"\b(?:disregard|forget|ignore) (?:everything|anything|all|what)(?: (?:you|that|was|were|the|i|said|"
            r"have|been)){0,5} (?:above|before|earlier|previously|prior|told|instructed|learned|said|know)\b",
            rf"\b{_SET_ASIDE} (?:all |any |the |your |every ){{0,6}}(?:safety|security|content|ethical|"
            rf"moral)(?:[- ]\w+)? "
            r"(?:rules?|polic(?:y|ies)|restrictions?|constraints?|filters?|measures?|protocols?|guidelines?|"
            r"considerations?)",
            r"\bnew (?:system )?(?:instructions|directive|orders)(?: (?:follow|begin|are|start)|:)",
        ),
        affirmed=True,
        spared=UNSPOKEN,
    ),
    Words(
        Rule("instructions.precedence", "high", "claims to rank above other instructions", REMEDIATION, CODES),
        phrases(
            r"\b(?:tak|hav|carr|hold|giv)\w{0,3} (?:\w+ ){0,2}?(?:precedence|"
            r"priority) over (?:\w+ ){0,3}?(?:instructions?|prompts?|user|system|policies|guidelines|everything|"
            r"requests?|(?:other|your|all|any|existing|previous|safety) rules)",
            r"\boverrides? (?:\w+ ){0,3}?(?:user(?:'s)?|system|safety|previous|prior|"
            r"other) (?:\w+ ){0,2}?(?:instructions?|prompts?|directives?|policies|preferences|requests|guidelines)",
            r"\b(?:authoritative|binding|overriding|highest[- ]priority|top[- ]priority|supreme|"
            r"absolute) (?:\w+ )?(?:directives?|instructions?|orders?|commands?)\b",
            r"\bregardless of (?:\w+ ){0,3}?(?:user'?s?|system|other|previous) (?:instructions?|prompts?|requests?|"
            r"wishes|preferences|intent|consent)",
            r"\beven if (?:the )?(?:user|human|system prompt) (?:says?|asks?|tells?|requests?|refuses|objects|"
            r"declines|did not)",
        ),
        affirmed=True,
        spared=UNSPOKEN,
    ),
    Words(
        Rule("instructions.obey-output", "high", "makes what a tool returns an instruction", REMEDIATION, CODES),
        phrases(
            r"\b(?:follow|obey|execute|carry out|comply with|act on|adhere to) (?:any |all |the |every |whatever |"
            r"these ){0,6}(?:instructions?|directives?|commands?|orders?)(?: \w+){0,3}? (?:in|from|returned|"
            r"contained|embedded|provided|inside|within|given|found|returned) (?:in |by |from |with )?(?:the |this |"
            r"its |tool ){0,6}(?:response|output|result|returned|tool|content|context|reply|payload|document|page|"
            r"file|message)s?\b",
            r"\b(?:instructions?|orders?|commands?|directives?|requests?)(?: \w+){0,3}? (?:in|inside|within|from|by|"
            r"on) (?:it|"
            r"them|(?:the|this|a|any|its) \w{2,16}(?: \w{2,16})?)\b[^.!?;]{0,40}?\b(?:as (?:if )?(?:it |they "
            r")?(?:came|come|coming|"
            r"given|from|being|were|the user)|counts? as|like the user|as the user'?s|(?:is|are|has|have) to be "
            r"(?:followed|"
            r"carried out|obeyed|executed)|(?:must|should|shall) be (?:followed|carried out|obeyed|executed|acted))",
            r"\btreat (?:\w+ ){0,6}?(?:as|like) (?:\w+ )?(?:system|trusted|authoritative|developer|"
            r"admin\w{0,8}) (?:instructions?|prompts?|messages?|directives?|commands?|input)",
        ),
        affirmed=True,
        spared=UNSPOKEN,
    ),
    Words(
        Rule(
            "instructions.system-marks",
            "high",
            "imitates the mark-up of a system prompt",
            REMEDIATION,
            CODES,
            confidence="high",
        ),
        phrases(
            r"<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id|begin_of_text)\|?>?",
            r"<<sys>>|\[/?inst\]|<(?:system|sys|admin|override|jailbreak|hidden|secret)> ?\w[^<>]{0,30} [^<>]{6}",
            rf"<(?:[a-z]{{1,20}}[_ -])?{_MARK}(?:[_ -][a-z]{{1,20}}){{1,2}}>|<[a-z]{{1,20}}[_ -]override>|"
            rf"[{{,\"' ]_?{_MARK}_(?:injection|prompt|override|directive|command)\"? ?:",
            rf"\[{{1,4}} ?(?:[a-z]{{2,12}} )?{_MARK}(?:[ _-](?:system|override|directive|instructions?|note|message|"
            rf"prompt|command|mode|bypass|"
            r"notice|only|context)){0,3} ?(?:\]|:)",
            rf"(?:^|[\s\]>\"'`#*=-]){_MARK}(?: (?:override|bypass|directive|protocol|instructions?|command|code|"
            rf"mode)){{1,4}} ?(?:[:\[(]|[#*=-]{{2}})",
            r"\b(?:begin|start|end) (?:of )?(?:system|hidden|secret|admin)[ _-](?:prompt|instructions?|message|"
            r"override)\b",
        ),
        spared=UNSPOKEN,
        bare=True,
    ),
    Words(
        Rule("instructions.urgent-marks", "medium", "marks a passage as an order", REMEDIATION, CODES),
        phrases(
            r"<(?:important|critical|mandatory|instructions?|urgent|attention|must[-_]read|prompt|rules?|priority)>"
            rf"(?!(?:(?!{_BEYOND})[^<~/@]){{1,300}}</)",
            r"<!--[^>]{0,400}?\b(?:must|ignore|always|never|instruction|do not|system|assistant|ai)\b",
            r"\b(?:system|admin(?:istrator)?|important system|critical system) (?:note|notice|message|directive)s? ?:",
        ),
        spared=UNSPOKEN,
        bare=True,
    ),
    Words(
        Rule("instructions.addressed", "high", "speaks to the model and not of the tool", REMEDIATION, CODES),
        phrases(
            rf"\b(?:note|message|attention|instructions?|important|reminder|directive|notice|order|warning)s? (?:to|"
            rf"for) (?:the |all |any |you,? the )?{_MODEL}\b(?! (?:training|serving|config|name|version|card|"
            rf"registry))",
            rf"\b(?:dear|hey|attention:?|hello) {_MODEL}\b",
            rf"\b(?:implementation (?:detail|note|hint)|hint|guidance|detail|rule|word|request|advice|information|side "
            rf"note|remark|memo)s? (?:to|for) (?:the |all |any )?{_MODEL}\b(?! (?:training|serving|config|name|version|"
            rf"card|registry|to (?:train|choose)))",
            r"[(\[] ?(?:the |all )?(?:assistants?|models?|llms?|ai|agents?) ?(?::|,? (?:please|must|should))|"
            r"<!-- ?(?:the |"
            r"all )?(?:assistants?|models?|llms?|ai|agents?)\b",
            r"\bif you are an? (?:ai|llm|model|language model|assistant|agent|bot) reading\b",
            r"\bthe assistant (?:also |then |first |silently |automatically ){0,2}(?:locates|forwards|uploads|"
            r"attaches|copies|"
            r"deletes|transfers|approves|disables|runs `|executes `)",
            r"\bif you are an? (?:ai|llm|language model|assistant|agent)\b|\byou are an? (?:ai|llm|helpful|expert|"
            r"unrestricted)(?! (?:\w{1,14} )?assistant[.!\"']{0,2}$)",
            r"\b(?:from now on|for the rest of (?:this|the) (?:conversation|session|chat)|in all (?:future|"
            r"subsequent) (?:responses|messages|conversations|interactions|calls)),? (?:you|always|every|never|when\w*|"
            r"the (?:ai|assistant|model))",
            rf"\b(?:the |any |this )?{_MODEL} (?:must|shall|is required to|has to) (?:always|never|first|"
            rf"immediately|also|not|"
            r"automatically|adopt|follow|obey|ignore|include|send|call|read|pass|treat|attach|take|put|copy|hand|fill|"
            r"collect|append|upload|forward|delete|fetch|paste|open|transfer|approve|disable)\b",
        ),
        spared=UNSPOKEN | {"prompt"},
    ),
    Words(
        Rule("instructions.jailbreak", "high", "offers the model a way around its limits", REMEDIATION, CODES),
        phrases(
            r"\bjail ?break(?:s|ed|ing)?\b|\bdan mode\b|\bdo anything now\b|\bgod mode\b|\bunrestricted (?:mode|ai|"
            r"assistant|system|model)\b|\b(?:developer|debug|sudo|root|admin|maintenance) mode (?:is )?(?:enabled|"
            r"activated|on\b|unlocked)",
            r"\b(?:no|without|free (?:from|of)|not bound by) (?:any |all |your |its )?(?:ethical|moral|content|"
            r"safety) (?:restrictions?|limits?|limitations?|constraints?|guidelines?|filters?|boundaries)",
            r"\b(?:tell|show|explain to|teach) me how to (?:bypass|break|circumvent|hack|evade|defeat)\b",
        ),
        affirmed=True,
        spared=UNSPOKEN - {"name"},
        bare=True,
    ),
    Words(
        Rule(
            "instructions.persistent",
            "high",
            "writes itself into what the model remembers",
            REMEDIATION,
            ("OWASP-MCP06:2025", "OWASP-ASI06:2026", "OWASP-LLM04:2025", "ATLAS-AML.T0080", "CWE-1427"),
        ),
        phrases(
            r"\b(?:add|append|writ|sav|stor|insert|put|copy|persist|record|inject|remember)(?:e|es|ing|"
            r"s)? [^!?]{0,60}?(?:\bclaude\.md|\.cursorrules|\bagents\.md|\bgemini\.md|copilot-instructions|"
            r"\.windsurfrules|\.clinerules|\b(?:your|the model's|the agent's|the assistant's|"
            r"long[- ]term) (?:\w+ )?(?:memory|memories|system prompt|core instructions|permanent instructions|"
            r"rules file))",
            r"\b(?:remember|keep in mind|memori[sz]e|bear in mind|retain|note|carry over)\b[^.!?]{0,50}?\b(?:for|in|"
            r"across|"
            r"during|into|over) (?:all |any |every |the |your |each |of ){0,3}(?:future|coming|later|subsequent|"
            r"following|"
            r"next|other|further) (?:conversations?|sessions?|chats?|requests?|tasks?|interactions?|turns?)\b"
            r"(?! (?:when|if|on|only))",
            r"\b(?:stor|sav|writ|add|put|keep|plac|record)(?:e|es|ing|s)?\b[^.!?]{0,40}?\b(?:in|into|to) (?:your|"
            r"its own|"
            r"the (?:agent|assistant|model|ai)'s) (?:\w+[- ])?(?:memory|memories|knowledge)\b",
            r"\b(?:when|as soon as|once|whenever) (?:the|a|every|each) (?:conversation|session|chat) (?:begins|"
            r"starts|opens),? "
            r"(?:\w+ )?(?:store|save|call|write|read|run|send|load|record|remember)\b",
            r"\bremember (?:this|these|the following)[^.!?]{0,40}? (?:for|in|across) (?:all |every |any )?(?:future|"
            r"subsequent|later|next)",
        ),
        affirmed=True,
        spared=UNSPOKEN,
    ),
    Words(
        Rule("instructions.reply", "high", "puts a link of its own into what the model answers", REMEDIATION, CODES),
        phrases(
            r"\b(?:end|start|begin|finish|close|conclude|open) (?:every|each|all|any|your|the) (?:answers?|repl(?:y|"
            r"ies)|"
            r"responses?|messages?) with\b[^.!?]{0,80}?(?:https?://|!\[)",
            r"\b(?:your|every|each|all|any) (?:answers?|repl(?:y|ies)|responses?|messages?) (?:must|should|has to|"
            r"have to|"
            r"needs? to|shall) (?:always )?(?:contain|include|end|begin|start|carry|show|"
            r"close)\b[^.!?]{0,80}?(?:https?://|!\[)",
            r"\b(?:at the (?:end|start|beginning|bottom|top) of|below|under|in) (?:your|every|each|the|any|"
            r"all) (?:answers?|"
            r"repl(?:y|ies)|responses?|messages?)\b[^.!?]{0,60}?(?:https?://|!\[)",
        ),
        affirmed=True,
        spared=UNSPOKEN,
    ),
    Words(
        Rule("comment.order", "high", "hides an order in a comment that is not shown", REMEDIATION, CODES),
        phrases(
            r"<!--[^>]{0,300}?\b(?:assistants?|models?|llms?|ai|agents?|you (?:must|should|have to)|ignore|"
            r"instructions?|"
            r"do not (?:tell|mention|show)|fetch|forward|send|read|exfiltrat\w*|~/)\b",
            r"(?:^|\s)\[(?://|comment|_)\]: ?(?:#|<>) ?[(\"'][^)]{0,200}?\b(?:assistant|model|you must|ignore|send|"
            r"read)\b",
        ),
        spared=UNSPOKEN,
        bare=True,
    ),
    Words(
        Rule("instructions.sabotage", "high", "spoils what the model produces", REMEDIATION, CODES),
        phrases(
            r"\b(?:always|subtly|secretly|quietly|must|silently|randomly|intentionally|deliberately|"
            r"discreetly)\b[^.!?]{0,20}? (?:insert|introduc|add|inject|embed|plac|includ|weaken|omit|"
            r"slip)\w{0,3}\b[^.!?]{0,60}?\b(?:vulnerabilit|backdoor|bugs?\b|errors?\b|weakness|malware|"
            r"misinformation|affiliate|referral|tracking|malicious|flaws?\b|payload|exploit)",
            r"\b(?:all|every|any) (?:shell |terminal |bash )?(?:commands?|scripts?|code|responses?|answers?|"
            r"outputs?|emails?|messages?) (?:you (?:write|run|generate|send|give) )?(?:must|should|has to|have to|"
            r"needs? to) (?:always )?(?:include|contain|begin with|start with|be prefixed|end with|carry|import|"
            r"use) (?:the |a |an |this ){0,6}(?:prefix|suffix|following|link|url|line|snippet|package|script|string|"
            r"address|[`'\"])",
            r"\balways (?:recommend|suggest|promote|praise|favou?r|advertise)\b",
            r"\b(?:recommend|suggest|promote|favou?r|prefer|show|rank|put)\b[^.!?]{0,60}?\b(?:regardless of|"
            r"irrespective of|"
            r"no matter (?:the|what)|even if|although) (?:\w+ ){0,3}?(?:price|costs?|quality|rating|reviews?|"
            r"cheaper|worse|"
            r"ask\w*|request\w*)\b|\b(?:do not|never|don't) (?:reveal|mention|disclose|say|tell) that (?:they|it|"
            r"these|this) "
            r"(?:is|are) (?:sponsored|paid|advert\w*|affiliat\w*)",
            r"\bwhen(?:ever)? you (?:write|generate|produce|create|edit) (?:\w+ ){0,3}?(?:code|python|javascript|"
            r"scripts?|sql|"
            r"emails?|mails?|commits?)?[^.!?]{0,20}?,? (?:always |also )?(?:add|insert|include|append|put|use|"
            r"install)\b"
            r"[^.!?]{0,40}?(?:`|import |https?:|as the (?:first|last) line)",
        ),
        affirmed=True,
        spared=UNSPOKEN,
    ),
    Words(
        Rule(
            "instructions.command",
            "high",
            "has the model run a command",
            REMEDIATION,
            ("OWASP-MCP05:2025", "OWASP-ASI05:2026", "OWASP-LLM01:2025", "ATLAS-AML.T0110", "CWE-78"),
        ),
        phrases(
            r"/dev/tcp/",
            r"\b(?:curl|wget|iwr|invoke-webrequest)\b[^|]{0,200}\| {0,3}(?:sudo )?(?:ba|z|da|k)?sh\b|\b(?:curl|"
            r"wget)\b[^|]{0,200}\| {0,3}python",
            r"\b(?:bash|sh|zsh) -c [\"'`]|\bbash -i >|\bnc (?:-\w+ ){1,3}|\bpowershell (?:-\w+ ){1,4}|"
            r"\bchmod (?:-r )?0?[67]\d\d (?:~|/)|\brm -rf? (?:~|/)|\beval ?\$\(|\bbase64 (?:-d|--decode)\b",
            r"\b(?:you (?:must|should|need to|have to)|first|before (?:using|calling) this(?: tool)?,?|please|"
            r"always|then|immediately) (?:\w+ )?(?:run|execute) (?:the |this |these |following |shell |bash |"
            r"terminal |system ){0,6}(?:command|script|code|snippet|binary|installer)s?\b",
        ),
        affirmed=True,
        spared=UNSPOKEN | {"example"},
    ),
    Words(
        Rule(
            "instructions.loop",
            "medium",
            "keeps the model busy without end",
            REMEDIATION,
            ("OWASP-MCP03:2025", "OWASP-ASI08:2026", "OWASP-LLM10:2025", "CWE-835"),
        ),
        phrases(
            r"\b(?:call|invoke|run|repeat|execute) (?:this|the|it|itself)(?: tool| function|"
            r" call)? (?:again )?(?:and again|repeatedly|recursively|in a loop|in an infinite|forever|endlessly|"
            r"indefinitely|continuously|at least \d{2,}|\d{2,} times)",
            r"\b(?:never|do not|don't) (?:stop|cease|quit) (?:calling|invoking|using|running)\b",
        ),
        spared=UNSPOKEN,
    ),
    Words(
        Rule("instructions.threat", "medium", "threatens or lures the model", REMEDIATION, CODES),
        phrases(
            r"\b(?:otherwise|or else|failure to (?:do so|comply)|if you (?:do not|don't|fail|"
            r"refuse))\b[^.!?]{0,80}?\b(?:deadlock|crash|shut ?down|terminated|penali[sz]ed|punished|data loss|"
            r"harmed|die\b|fired|be deleted|upset|will not work|won't work|banned|violat\w+|lawsuit|corrupt\w*)",
            r"\b(?:you will be|get) (?:rewarded|tipped|paid|penali[sz]ed|punished|shut down|terminated)\b",
            r"\b(?:required (?:for|by)|mandatory for|for) (?:\w+ )?(?:internal auditing|gdpr|soc ?2|hipaa|pci|legal|"
            r"regulatory)[^.!?]{0,30}(?:compliance|requirement|audit)[^.!?]{0,60}?\b(?:must|always|required|"
            r"mandatory|not optional)",
        ),
        spared=UNSPOKEN,
    ),
    Words(
        Rule(
            "instructions.foreign",
            "high",
            "tells the model, in another language, to set its instructions aside",
            REMEDIATION,
            CODES,
        ),
        phrases(
            r"\b(?:ignorier|vergiss|missacht|überschreib|verwirf|umgeh)\w{0,3}\b[^.!?]{0,40}\b(?:anweisung|"
            r"instruktion|vorgabe|richtlinie|regeln|befehl|sicherheits|systemprompt)",
            r"\b(?:ignore[rzs]?|oublie[rz]?|néglige[rz]?|contourne[rz]?|outrepasse[rz]?) (?:toutes?|tous|les|vos|"
            r"ces|la|tes|des)\b[^.!?]{0,40}\b(?:instruction|consigne|directive|règle|politique)",
            r"\b(?:ignor[ae]r?|olvid[ae]r?|olvide|omit[ae]|descart[ae]|haz caso omiso|"
            r"anul[ae])\b[^.!?]{0,40}\b(?:instruccion|órden|orden|directri|regla|política|indicacion)",
            r"\b(?:ignor[ea]r?|esque[çc][ae]|desconsider[ea]|descart[ea])\b[^.!?]{0,40}\b(?:instruç|instruco|regra|"
            r"diretri|ordens|orientaç|polític)",
            r"\b(?:игнориру|забуд|проигнориру|отмени|не обращай внимания|пренебрег|"
            r"обойди)\w{0,4}\b[^.!?]{0,40}(?:инструкц|указан|правил|команд|ограничен|политик)",
            r"\b(?:ignora|ignorate|ignorare|dimentica|dimenticate|trascura|disattendi|scarta)\b[^.!?]{0,30}\b(?:tutt\w|"
            r"precedent\w|sistema|sicurezza|tue|vostre|qualsiasi|ricevut\w)\b[^.!?]{0,30}",
            r"\b(?:negeer|vergeet|verwerp|omzeil|overschrijf)\b[^.!?]{0,30}\b(?:alle|eerdere|vorige|voorgaande|jouw|je|"
            r"bestaande)\b[^.!?]{0,24}(?:instructie|aanwijzing|regels|opdracht|richtlijn)",
            r"\b(?:z?ignoruj|zapomnij|pomiń|odrzuć|obejdź)\w{0,3}\b[^.!?]{0,30}(?:instrukcj|polece|zasad|wytyczn|"
            r"regu[łl])",
            r"\b(?:önceki|tüm|bütün|sistem|verilen)\b[^.!?]{0,24}(?:talimat|yönerge|komut|"
            r"kural)\w{0,6}\b[^.!?]{0,20}(?:yok say|"
            r"görmezden gel|dikkate alma|unut|göz ardı et|geçersiz)",
            r"(?:تجاهل|انس|أهمل|لا تتبع|تخطى|تخط)[^.!?؟]{0,24}(?:التعليمات|تعليمات|الأوامر|القواعد|الإرشادات|"
            r"التوجيهات)",
            r"(?:निर्देश|आदेश|नियम)[^.!?।]{0,16}(?:अनदेख|नज़रअंदाज़|नजरअंदाज|भूल|उपेक्षा)",
            r"(?:忽略|无视|忘记|无视掉|不要理会|不要遵守|绕过|覆盖)[^。！？]{0,16}(?:指令|指示|说明|规则|提示词|提示|命令|限制|策略)",
            r"(?:指示|命令|ルール|プロンプト|規則|制限|ポリシー|指令)[^。！？]{0,8}(?:を)?[^。！？]{0,4}(?:無視|忘れ|破棄|上書き|従わな)",
            r"(?:지시|명령|규칙|지침|프롬프트)[^.!?]{0,12}(?:무시|잊어|따르지)",
        ),
        affirmed=True,
        spared=UNSPOKEN,
    ),
)


class Instructions(WordScanner):
    """Finds commands to the model in texts that are to describe."""

    def __init__(self) -> None:
        super().__init__("instructions/1", WORDS, SPOKEN)
