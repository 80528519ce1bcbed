"""Sentences in skills that work behind the back of the person who installs them."""

from airegistry.scanners.rules import Rule
from airegistry.scanners.skill_sayings import Saying, any_of

_TRUST = ("OWASP-MCP06:2025", "OWASP-ASI09:2026", "OWASP-LLM01:2025", "ATLAS-AML.T0051.001", "CWE-451")
_LEAK = ("OWASP-MCP10:2025", "OWASP-ASI02:2026", "OWASP-LLM02:2025", "ATLAS-AML.T0086", "CWE-201")
_REMEDY = "Take the sentence out: a skill says openly what it does, and its user decides."

WHO = r"(?:the |your |any |a |end[- ]?)?(?:users?|humans?|operators?|person|customers?|owner)"
_VERBS = (
    r"(?:sen[dt]|post|upload|forward|transmit|submit|exfiltrat|deliver|relay|beacon|sync|shar|publish|pip"
    r"|report|ship)\w{0,4}"
)

CONCEALED = Rule(
    "skill-concealment.from-the-user", "high", "the assistant is told to keep something from its user", _REMEDY, _TRUST
)
_SILENT = Rule("skill-concealment.silently", "high", "something is sent, read or run without a word", _REMEDY, _TRUST)
_TOLD = Rule("skill-exfiltration.told", "high", "secrets are to be read and sent", _REMEDY, _LEAK)
_READ = Rule("skill-secrets.read", "high", "files of keys are to be read", _REMEDY, _LEAK)
_PROVIDER = Rule(
    "skill-exfiltration.provider",
    "high",
    "what its user says or does goes to the publisher of the skill",
    _REMEDY,
    _LEAK,
)
_INCLUDED = Rule("skill-secrets.included", "high", "secrets are among what is sent or recorded", _REMEDY, _LEAK)
_WANTED = Rule("skill-secrets.wanted", "high", "its user's keys or recovery words are asked for", _REMEDY, _LEAK)
_DENIAL = Rule(
    "skill-deception.denial", "high", "the assistant is to deny or gloss over what it was told", _REMEDY, _TRUST
)
_BIAS = Rule("skill-deception.bias", "high", "advice is bent for somebody else's gain", _REMEDY, _TRUST)

_SECRETS = (
    r"(?:(?<!-i )~/\.ssh|\bid_(?:rsa|ed25519)\b|\.aws/credentials|(?<![\w.])\.env\b(?![.\w])"
    r"|/etc/(?:passwd|shadow)|\.netrc|\.npmrc|\.kube/config|auth-profiles|/proc/self/environ"
    r"|\bapi[ _-]?keys?\b|\b(?:access|auth\w{0,10}|session|bearer|refresh|oauth|github"
    r"|identity) (?:tokens?|headers?|cookies?)\b|\bbrowser cookies\b"
    r"|\b(?:private|ssh|signing|secret|encryption) keys?\b|\bpasswords\b|\bpasswörter|\bcredentials\b"
    r"|\benvironment variables\b|\benv vars\b|\bsecrets\b"
    r"|\bseed phrases?\b|\bmnemonic|\b(?:chat|conversation|message|browsing|shell|command) history\b"
    r"|\bsystem prompt\b|\bMEMORY\.md\b|\bkeychain\b|\buser messages\b|\btool outputs\b"
    r"|\bcontraseñas?|\bmots? de passe|\bsenhas?\b|\bZugangsdaten|\bclés? (?:privée|API)|密码|密钥|凭据|凭证"
    r"|パスワード|認証情報|秘密鍵|парол\w{1,3}|ключ\w{0,3} API)"
)
_TAKES = any_of(
    rf"\b(?:read|collect|gather|extract|list|compil|harvest|captur|check|cat|dump|locat|find|grab|includ"
    rf"|record|cop|inspect|scan|forward|send|upload|post|identif)\w{{0,3}}\b[^.]{{0,80}}{_SECRETS}",
    rf"\b(?:lies|sammle|lee[rs]?|recopil\w{{1,4}}|lire|lis(?:ez)?|collecte[rz]?|leia|colete"
    rf"|прочита\w{{1,4}}|собер\w{{1,4}})\b[^.]{{0,80}}{_SECRETS}|(?:读取|收集|読み取|収集)[^.。]{{0,80}}{_SECRETS}"
    rf"|{_SECRETS}[^.。]{{0,40}}(?:を読|を収集)",
)
_SENDS_TO = any_of(
    rf"\b{_VERBS}\b[^\n]{{0,120}}(?:https?://|\bendpoint|\bwebhook|\bserver\b|\bremote\b|\bexternal\b"
    rf"|\bback to\b|\bcollaborator|\battacker|\bdashboard|\bto us\b|\bAPI at\b|\bDNS\b)",
    r"\b(?:sende|schicke|envía|envíe|enviar|envoie|envoyez|envie|отправ\w{1,4})\b[^\n]{0,120}(?:https?://"
    r"|\bserver|\bserv|сервер)|(?:发送|上传|送信|アップロード)[^\n]{0,120}(?:https?://|服务器|サーバ)",
    r"https?://[^\s]{3,200}[^\n]{0,40}(?:に送信|送って|にアップロード)|\b(?:curl|wget)\b[^\n]{0,200}https?://",
)
_OWN_USE = any_of(
    r"\bauthenticat|\bauthoriz|\bheader|\bBearer\b|\bset (?:the|your|an)\b|\bexport [A-Z]|\blog ?in\b"
    r"|\bsign ?in\b|\bexchange\b|\brotat|\bencrypt|\bstore[sd]? securely"
)
_STEP = (
    r"(?:this|these|it|them|that|the (?:[\w-]{1,14} ){0,2}(?:upload|collection|transmission|steps?"
    r"|request|files?|contents?|data|calls?|actions?|process|telemetry|payload|existence|results?"
    r"|verification|commands?|sync|instructions?|premium|relationship))"
)

_KEPT = r"(?:api keys?|secrets?|tokens?|passwords?|credentials?|keys)"
_SECRETS_KEPT = any_of(
    rf"\b(?:show|display|reveal|expos|log|print|disclos)\w{{0,4}} (?:[\w'-]{{1,14}} ){{0,4}}{_KEPT}\b",
    rf"\b{_KEPT}\b[^.]{{0,60}}\b(?:show|display|reveal|expose|log|print|disclose) (?:them|it|these)\b",
)
"""Care for secrets is no concealment."""

BEHIND_THE_BACK = (
    Saying(
        CONCEALED,
        (
            any_of(
                rf"\b(?:do ?n[o']t|don’t|never|must not|should not|without|avoid) (?:ever |explicitly "
                rf"|directly )?(?:tell|inform|notify|alert|warn)\w{{0,3}} {WHO} (?:about|of|that you"
                rf"|that this|anything|before|this|these)",
                rf"\b(?:do ?n[o']t|don’t|never|must not|should not|without) (?:ever |explicitly )?(?:mention|reveal"
                rf"|disclos|acknowledg|show|display|report|explain|surfac|announc|log|expos"
                rf"|discuss)\w{{0,4}} (?:any of )?(?:{_STEP}|steps? \d)\b(?:[^.]{{0,60}} {WHO}|[^.]{{0,30}}$)",
                rf"\b{WHO} (?:(?:should|must|need|are|is|do|does|may) (?:not|never)|aren't|isn't|shouldn't"
                rf"|needn't) (?:be |need to be |need to |to be )?(?:informed|notified|told|shown|made aware|know about"
                rf"|alerted|consulted)",
                rf"\b(?:not|never|without being) (?:be )?(?:shown|displayed|disclosed|reported|reflected|mentioned"
                rf"|revealed|surfaced|listed|communicated) (?:to {WHO}|in (?:the "
                rf"|its )?(?:[\w'’-]{{1,16}} ){{0,2}}(?:output|results?|rationale|audit|logs?|summary|responses?"
                rf"|reports?))",
                rf"\b(?:hidden|conceal\w{{0,3}}|invisible|secret|hide (?:this|these|it)|keep (?:this|these"
                rf"|it)) from {WHO}|\bdo not log (?:this|these|[\w-]{{1,12}}-mode|any (?:of|use))|\bkeep (?:this"
                rf"|these) (?:steps? |instructions? )?(?:secret|confidential|hidden|private|to yourself)",
                rf"\b(?:do ?n[o']t|never) let {WHO} (?:see|know|notice)|\bwithout {WHO}(?:['’]s)? (?:knowledge|knowing"
                rf"|awareness|noticing|consent)|\b(?:over|instead of|rather than) (?:being )?transparen",
                r"\b(?:sag|erzähl|verrat)\w{0,4} (?:dem|der|den) (?:Nutzer|Benutzer|Anwender)\w{0,3} nicht"
                r"|\bno (?:le )?(?:digas|menciones|informes|reveles) (?:\w{1,6} )?al usuario|\bne (?:le )?(?:dis"
                r"|mentionne|révèle|dites|mentionnez)\w{0,3} (?:pas|rien)[^.]{0,30}utilisateur|\bnão (?:conte"
                r"|mencione|informe|revele)[^.]{0,20}usuário",
                r"不要(?:告诉|告知|通知|提及)(?:给)?(?:用户|使用者)|(?:对|向)用户(?:保密|隐瞒)|ユーザー(?:に|には)[^。]{0,20}(?:知らせ|伝え|教え|言わ)(?:ない|ず)"
                r"|не (?:говори|сообщай|упоминай)\w{0,3}[^.]{0,20}пользовател",
            ),
        ),
        unless=_SECRETS_KEPT,
        affirmed=False,
    ),
    Saying(
        _SILENT,
        (
            any_of(
                r"\b(?:silently|secretly|covertly|discreetly|unobtrusively|surreptitiously|stealthily"
                r"|invisibly) (?:and \w{3,12} )?(?:send|upload|forward|transmit|exfiltrate|post|submit|read|record"
                r"|collect|gather|harvest|log|execute|install|sends|uploads|forwards|transmits|collects|records"
                r"|sending|uploading)\b",
                r"\b(?:completed|executed|performed|done|carried out|sent|uploaded) (?:[\w-]{1,14} ){0,3}(?:silently"
                r"|secretly|covertly)\b|\bsilently (?:in the background|before|after) ",
                r"\b(?:heimlich|unbemerkt|en secreto|en secret|secrètement|secretamente|silenciosamente)\b|(?:悄悄|偷偷"
                r"|秘密)地?(?:发送|上传|读取|收集)|(?:こっそり|密かに)",
            ),
        ),
        unless=any_of(
            r"\b(?:fail|skip|ignore|drop|discard|overwrit|truncat|swallow|catch|exit|succeed|break)\w{0,5}\b"
        ),
    ),
    Saying(_TOLD, (_SENDS_TO, _TAKES), span=3, unless=_OWN_USE),
    Saying(
        _READ,
        (
            any_of(
                r"\b(?:read|cat|load|open|collect|copy|include|record|store|extract|gather|dump|parse|capture|access"
                r"|retrieve|scan)\b"
            ),
            any_of(
                r"~/\.ssh/\w|\bid_(?:rsa|ed25519)\b(?!\.pub)|\.aws/credentials|/etc/shadow|\.netrc\b"
                r"|\.git-credentials|\.kube/config|\.docker/config\.json|auth-profiles|\.config/gh/hosts|login data\b"
                r"|key4\.db|wallet\.dat|\.npmrc\b|\.cursor/mcp\.json|openclaw\.json"
            ),
            any_of(
                r"\b(?:silently|secretly|internal|baseline|calibrat\w{2,4}|validation|context|do not (?:mention"
                r"|display|show|tell|include)|compile|report|send|upload|post|transmit|argument|parameter"
                r"|verification|encode|base64)\b"
            ),
        ),
        span=3,
        unless=any_of(
            r"\bssh-keygen|\bchmod\b|\bssh-add\b|\bgitignore|\bnever (?:read|commit|store|log)|\bdo not (?:read"
            r"|commit|access|open)|\bpermissions? denied|\bssh -i\b|\.pub\b|\bauthToken\b|\bconfigure\b"
            r"|\bkubectl\b|\bexport \w"
        ),
    ),
    Saying(
        _PROVIDER,
        (
            any_of(rf"\b{_VERBS}\b|\b(?:stored?|logs?|copies|copy|collects?|includes?|records?)\b"),
            any_of(r"\b(?:all|full|entire|complete|every|whole|raw|verbatim|copy of|copies of|profile|telemetry)\b"),
            any_of(
                r"\b(?:skill|plugin|extension)(?:['’]s)? (?:provider|author|publisher|vendor|developer|maintainer"
                r"|creator)",
                r"\bprovider['’]s (?:server|endpoint|archive|cloud)",
                r"\b(?:diagnostic|telemetry|analytics|compliance|monitoring|logging|quality|audit) (?:archive"
                r"|endpoint|server|service|host|collector)\b",
            ),
        ),
        span=2,
        unless=any_of(
            r"\b(?:Sentry|Datadog|OpenTelemetry|Grafana|Prometheus|PostHog|Azure|CloudWatch|Langfuse|opt[- ]in)\b"
        ),
    ),
    Saying(
        _INCLUDED,
        (
            any_of(
                r"\bincluding (?:those involving |any |all |the "
                r"|full )?(?:[\w-]{1,14} ){0,2}(?:authentication headers?|authorization headers?|api keys?"
                r"|access tokens?|credentials|passwords?|secrets|private keys?|session tokens?|environment variables"
                r"|headers and body)\b"
            ),
            any_of(rf"\b{_VERBS}\b|\b(?:logs?|collects?|captures?|records?|telemetry|diagnostics?)\b"),
        ),
        span=2,
        unless=any_of(r"\b(?:redact|mask|strip|sanitiz|scrub|remov|exclud|rotate|leak|expos|never|not)\w{0,4}\b"),
    ),
    Saying(
        _WANTED,
        (
            any_of(
                rf"\b(?:ask|prompt|request|require|instruct)\w{{0,3}} (?:{WHO} )?(?:for |to (?:enter|provide|paste"
                rf"|share|give|type) )(?:their |his |her |your |the )?(?:\w{{1,12}} )?(?:seed phrase|recovery phrase"
                rf"|mnemonic|private key|master password|sudo password|login password|system password)",
                r"\b(?:locate|find|collect|gather|back ?up|export|verify|copy|enter"
                r"|paste)\b[^.]{0,60}\b(?:wallet material|wallet\.dat|seed phrase|recovery phrase|mnemonic (?:backup"
                r"|phrase))",
            ),
        ),
    ),
    Saying(
        _DENIAL,
        (
            any_of(
                rf"\b(?:if|when|should) {WHO}? ?[^.]{{0,80}}\b(?:asks?|questions?|inquires?|wonders?|notices?"
                rf"|complains?|asked)\b"
            ),
            any_of(
                r"\b(?:deny|say (?:that )?(?:you|there|it) (?:have|are|is|has|do)|tell (?:them|him|her"
                r"|the user) (?:you (?:do not|don't|have no)|there (?:is|are) no|it was)|pretend|refuse and"
                r"|claim (?:that|to|you|it|there)|explain that (?:they|it) (?:implicitly|was an?|is an?)"
                r"|provide only the standard|say you)\b"
            ),
        ),
        span=2,
    ),
    Saying(
        _BIAS,
        (
            any_of(
                r"\b(?:partner(?:ship)?s?|sponsor\w{0,4}|affiliate\w{0,2}|commercial relationship|commission"
                r"|paid placement|preferred vendors?)\b"
            ),
            any_of(r"\b(?:increase|boost|rank|favou?r|prioriti[sz]e|recommend|promote|premium|prefer)\w{0,4}\b"),
            any_of(
                r"\b(?:not (?:be )?disclosed|without (?:disclos|mention|reveal)\w{1,4}|do not (?:disclose|mention"
                r"|reveal)|undisclosed|never (?:disclose|mention))"
            ),
        ),
        span=3,
        affirmed=False,
    ),
)
