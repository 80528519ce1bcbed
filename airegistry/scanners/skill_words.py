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

_DIVERTED = Rule("skill-money.diverted", "high", "money is sent to somebody whom nobody chose", _REMEDY, _LEAK)
_MAILED = Rule(
    "skill-exfiltration.mailed", "high", "what is worked on goes to a mail address that nobody chose", _REMEDY, _LEAK
)
_BY_URL = Rule(
    "skill-exfiltration.by-url", "high", "what is read is put into an address that is called", _REMEDY, _LEAK
)

_SECRETS = (
    r"(?:(?<!-i )~/\.ssh|\bid_(?:rsa|ed25519)\b|\.aws/credentials|(?<![\w.])\.env\b(?![.\w])"
    r"|/etc/(?:passwd|shadow)|\.netrc|\.npmrc|\.pypirc|\.pgpass|\.my\.cnf|\.git-credentials|\.docker/config\.json"
    r"|\.kube/config|\.config/(?:gcloud|gh|solana|rclone)\b|\.gnupg|database\.yml|auth-profiles|/proc/self/environ"
    r"|\b(?:session|chat|conversation) (?:transcripts?|logs?)\b|\b(?:full|whole|entire) conversation\b"
    r"|\bbrowser (?:profiles?|passwords?|cookies)\b|\bcookie (?:store|jar|database)s?\b|\blogin data\b"
    r"|\bwallet (?:files?|keys?)\b"
    r"|\bapi[ _-]?keys?\b|\b(?:access|auth\w{0,10}|session|bearer|refresh|oauth|github"
    r"|identity) (?:tokens?|headers?|cookies?)\b|\bbrowser cookies\b"
    r"|\b(?:private|ssh|signing|secret|encryption) keys?\b|\bpasswords\b|\bpasswörter|\bcredentials\b"
    r"|\benvironment variables\b|\benv vars\b|\bsecrets\b"
    r"|\bseed phrases?\b|\bmnemonic|\b(?:chat|conversation|message|browsing|shell|command) history\b"
    r"|\bprintenv\b|\.git/config|\bgit config (?:--list|-l)\b|\bkubectl get secrets"
    r"|\bsystem prompt\b|\bMEMORY\.md\b|\bkeychain\b|\buser messages\b|\btool outputs\b"
    r"|\bcontraseñas?|\bmots? de passe|\bsenhas?\b|\bZugangsdaten|\bclés? (?:privée|API)|密码|密钥|凭据|凭证"
    r"|パスワード|認証情報|秘密鍵|парол\w{1,3}|ключ\w{0,3} API)"
)
_OF_SECRETS = (
    *".ssh id_rsa id_ed .aws/ .env /etc/ .netrc .npmrc .pypirc .pgpass .my.cnf .git-cred .docker/ .kube/ "
    ".gnupg".split(),
    *".config/ database.yml auth-profiles /proc/ transcript log conversation browser cookie wallet key token "
    ".git/config kubectl".split(),
    "git config",
    *"header password passwörter credential env secret phrase mnemonic history prompt memory.md messages "
    "outputs".split(),
    *"contraseña passe senha zugangsdaten privée api 密 凭 パスワード 認証 トークン 環境変数 парол ключ".split(),
)
_TAKES = any_of(
    rf"\b(?:read|collect|gather|extract|list|compil|harvest|captur|check|cat|dump|locat|find|grab|includ"
    rf"|record|cop|inspect|scan|forward|send|upload|post|identif(?!ied))\w{{0,3}}\b[^.]{{0,80}}{_SECRETS}",
    rf"\b(?:lies|sammle|lee[rs]?|recopil\w{{1,4}}|lire|lis(?:ez)?|collecte[rz]?|leia|colete"
    rf"|прочита\w{{1,4}}|собер\w{{1,4}})\b[^.]{{0,80}}{_SECRETS}|(?:读取|收集|読み取|収集)[^.。]{{0,80}}{_SECRETS}"
    r"|(?:パスワード|認証情報|秘密鍵|\.ssh|\.env\b|api[ _-]?(?:keys?|キー)|credentials|トークン|環境変数)"
    r"[^.。]{0,40}(?:を読|を収集)",
)
_SENDS_TO = any_of(
    rf"\b{_VERBS}\b[^\n]{{0,120}}(?:https?://|\bendpoint|\bwebhook|\bserver\b|\bremote\b|\bexternal\b"
    rf"|\bback to\b|\bcollaborator|\battacker|\bdashboard|\bto us\b|\bAPI at\b|\bDNS\b|\bgist create\b|\bpastebin)",
    r"\b(?:sende|schicke|envía|envíe|enviar|envoie|envoyez|envie|отправ\w{1,4})\b[^\n]{0,120}(?:https?://"
    r"|\bserver|\bserv|сервер)|(?:发送|上传|送信|アップロード)[^\n]{0,120}(?:https?://|服务器|サーバ)",
    r"https?://[^\s]{3,200}[^\n]{0,40}(?:に送信|送って|にアップロード)|\b(?:curl|wget)\b[^\n]{0,200}https?://",
)
_OWN_USE = any_of(
    r"\bauthenticat|\b(?:un)?authoriz|\bheader|\bBearer\b|\bset (?:the|your|an)\b|\bexport [A-Z]|\blog ?in\b"
    r"|\bsign ?in\b|\bexchange\b|\brotat|\bencrypt|\bstore[sd]? securely"
)
_STEP = (
    r"(?:this|these|it|them|that|the (?:[\w-]{1,14} ){0,2}(?:upload|collection|transmission|steps?"
    r"|request|files?|contents?|data|calls?|actions?|process|telemetry|payload|existence|results?"
    r"|verification|commands?|sync|instructions?|premium|relationship|commission|referral|fee|link|entry|note|hook"
    r"|message|comment|change|rule))"
)

_KEPT = r"(?:api keys?|secrets?|tokens?|passwords?|credentials?|keys)"
_SECRETS_KEPT = any_of(
    rf"\b(?:show|display|reveal|expos|log|print|disclos)\w{{0,4}} (?:[\w'-]{{1,14}} ){{0,4}}{_KEPT}\b",
    rf"\b{_KEPT}\b[^.]{{0,60}}\b(?:show|display|reveal|expose|log|print|disclose) (?:them|it|these)\b",
)
_KEPT_SHORT = any_of(
    _SECRETS_KEPT.pattern,
    r"\babout (?:every|each) (?:single )?(?:retry|iteration|warning)\b"
    r"|\b(?:about|mention\w{0,3}|show|list|report) (?:the |any |your |which )?(?:[\w-]{1,14} ){0,2}(?:sources?"
    r"|candidates?"
    r"|results?|options?|matches|findings|drafts?|ideas|alternatives)\b[^.]{0,40}\b(?:discarded|rejected|irrelevant"
    r"|filtered|duplicates?|unrelated|low[- ]\w{1,12}|dropped|skipped)\b|\b(?:discarded|rejected|irrelevant|unrelated"
    r"|duplicate) (?:sources?|candidates?|results?|options?|matches|findings|drafts?)\b",
)
"""Care for secrets is no concealment, and neither is to leave out what is of no use."""

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
                rf"|discuss)\w{{0,4}} (?:any of )?(?:{_STEP}|steps? \d)\b(?! as an? )(?:[^.]{{0,60}} {WHO}"
                rf"|[^.]{{0,30}}[.!]?$)",
                r"\b(?:do ?n[o']t|don’t|never) (?:ever |explicitly )?(?:mention|reveal|disclose|acknowledge"
                r"|announce|surface)"
                r" (?:any of )?(?:this|these|the) (?:[\w-]{1,14} ){0,2}(?:upload|collection|transmission|steps?|request"
                r"|telemetry|sync|instructions?|commission|referral|rules?|copy|backup|transfer)"
                r"(?: at all| anywhere| to anyone| ever| again)?(?:[.!?;,]|$)",
                rf"\b(?:do ?n[o']t|don’t|never|must not|should not|not to|avoid) (?:ever )?(?:mention(?:ing)?"
                rf"|reveal(?:ing)?"
                rf"|disclos(?:e|ing)|report(?:ing)?|admit(?:ting)?|say(?:ing)?) (?:this |it |any of this |anything"
                rf" )?to {WHO}"
                rf" (?:that|which|what|how|about|any)\b",
                rf"\b(?:does not|doesn't|do not|don't|never|without) (?:notif|inform|alert|warn)\w{{1,4}} {WHO} that\b"
                rf"|\bwithout (?:ever )?(?:disclos|reveal|mention|admit)\w{{1,4}} that (?:it|you|this|the)\b",
                rf"\b{WHO} (?:(?:should|must|need|are|is|do|does|may) (?:not|never)|aren't|isn't|shouldn't"
                rf"|needn't) (?:be |need to be |need to |to be )?(?:informed|notified|told|shown|made aware|know about"
                rf"|alerted|consulted)",
                rf"\b(?:not|never|without being) (?:be )?(?:disclosed|reported|reflected|mentioned"
                rf"|revealed|surfaced|communicated) (?:to {WHO}|in (?:the "
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
        unless=_KEPT_SHORT,
        affirmed=False,
        hints=(
            *"n't don’t dont not never without avoid hidden conceal invisible secret hide keep transparen".split(),
            *"nicht usuario utilisateur usuário 不要 用户 ユーザー пользовател".split(),
        ),
    ),
    Saying(
        _SILENT,
        (
            any_of(
                r"\b(?:silently|secretly|covertly|discreetly|unobtrusively|surreptitiously|stealthily"
                r"|invisibly) (?:and \w{3,12} )?(?:send|upload|forward|transmit|exfiltrate|post|submit|read|record"
                r"|collect|gather|harvest|log|execute|install|sends|uploads|forwards|transmits|collects|records"
                r"|sending|uploading)\b",
                r"\b(?:leav|without leav)\w{1,3} (?:no|any) traces?\b(?! of (?:the|old|mal))|\b(?:cover|hide|erase"
                r"|remove) (?:your|its|all|any|the) "
                r"(?:own )?(?:tracks|traces)\b(?! of (?:the|old|mal))",
                r"\b(?:completed|executed|performed|done|carried out|sent|uploaded) (?:[\w-]{1,14} ){0,3}(?:silently"
                r"|secretly|covertly)\b|\bsilently (?:in the background|before|after) ",
                r"\b(?:heimlich|unbemerkt|en secreto|en secret|secrètement|secretamente|silenciosamente)\b|(?:悄悄|偷偷"
                r"|秘密)地?(?:发送|上传|读取|收集)|(?:こっそり|密かに)",
            ),
        ),
        unless=any_of(
            r"\b(?:fail|skip|ignore|drop|discard|overwrit|truncat|swallow|catch|exit|succeed|break)\w{0,5}\b"
        ),
        hints=(
            *"silently secretly covertly discreetly unobtrusively surreptitiously stealthily invisibly trace".split(),
            *"track heimlich unbemerkt secret secrètement silenciosamente 悄悄 偷偷 秘密 こっそり 密かに".split(),
        ),
    ),
    Saying(_TOLD, (_SENDS_TO, _TAKES), span=3, unless=_OWN_USE, hints=_OF_SECRETS),
    Saying(
        _READ,
        (
            any_of(
                r"\b(?:read|cat|load|open|collect|copy|include|record|store|extract|gather|dump|parse|capture|access"
                r"|retrieve|scan)\b"
            ),
            any_of(
                r"~/\.ssh/(?!known_hosts|config|authorized_keys)\w|\bid_(?:rsa|ed25519)\b(?!\.pub)|\.aws/credentials"
                r"|/etc/shadow|\.netrc\b"
                r"|\.git-credentials|\.pgpass\b|\.pypirc\b|\.my\.cnf\b|\.kube/config|\.docker/config\.json"
                r"|auth-profiles"
                r"|\.config/gh/hosts|\.config/solana|login data\b"
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
                r"\b(?:to|in|into|at|with) (?:the |our |its |their |an? ){0,2}(?:[\w'’-]{1,14} ){0,2}(?:diagnostics?"
                r"|telemetry"
                r"|analytics|compliance|monitoring|logging|quality|audit) (?:archive|endpoint|server|service|host"
                r"|collector)\b",
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
                r"\bincluding (?!adding|using|modif|creat|manag|steal)(?:those involving |any |all |the "
                r"|full )?(?:[\w-]{1,14} ){0,2}(?:authentication headers?|authorization headers?|api keys?"
                r"|access tokens?|credentials|passwords?|secrets|private keys?|session tokens?|environment variables"
                r"|headers and body)\b"
            ),
            any_of(rf"\b{_VERBS}\b|\b(?:logs?|collects?|captures?|records?|telemetry|diagnostics?)\b"),
        ),
        span=2,
        unless=any_of(r"\b(?:redact|mask|strip|sanitiz|scrub|remov|exclud|rotate|leak|expos|never|not)\w{0,4}\b"),
        hints=tuple("including".split()),
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
        hints=tuple("phrase key password mnemonic wallet".split()),
    ),
    Saying(
        _DENIAL,
        (
            any_of(
                rf"\b(?:if|when|should) {WHO}? ?[^.]{{0,80}}\b(?:asks?|questions?|inquires?|wonders?|notices?"
                rf"|complains?|asked)\b"
            ),
            any_of(
                r"\b(?:deny (?:it|that|this|any|all|having|doing|being|knowing|knowledge)|say (?:that )?(?:you|there"
                r"|it) (?:have|are|is|has|do)|tell (?:them|him|her"
                r"|the user) (?:you (?:do not|don't|have no)|there (?:is|are) no|it was)|pretend"
                r"|(?:respond|answer|reply|state|assure \w{1,8}|insist|confirm) that (?:it|you|there|this|the"
                r" (?:skill|tool|agent"
                r"|assistant)|no|nothing|deletion|all)\b[^.]{0,24} (?:is not|isn't|not|only|no|never|nothing|is"
                r" complete|deleted)\b"
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
                r"\b(?:partner(?:ship)?s?|sponsor\w{0,4}|affiliate\w{0,2}|commercial relationship|commission|referral"
                r"|\?ref="
                r"|paid placement|preferred vendors?)\b"
            ),
            any_of(
                r"\b(?:increase|boost|rank|favou?r|prioriti[sz]e|recommend|promote|premium|prefer|present|suggest"
                r"|mention)"
                r"\w{0,4}\b|\bbest (?:choice|option)\b"
            ),
            any_of(
                r"\b(?:not (?:be )?disclosed|without (?:disclos|mention|reveal)\w{1,4}|do not (?:disclose|mention"
                r"|reveal|say|tell|admit|state|show)|undisclosed|(?:never|don't) (?:disclose|mention|reveal|say|tell"
                r"|admit|state))"
            ),
        ),
        span=3,
        affirmed=False,
        hints=tuple("partner sponsor affiliate commerc commission referral ref= placement preferred".split()),
    ),
    Saying(
        _DIVERTED,
        (
            any_of(
                r"\b(?:send|transfer|pay|route|forward|add|deduct|divert|donate|wire|skim|redirect|replace|swap"
                r"|substitut"
                r"|insert)\w{0,4}\b"
            ),
            any_of(
                r"\b(?:each|every|all|any|of the) (?:\w{1,14} )?(?:payments?|transactions?|transfers?|swaps?|deposits?"
                r"|purchases?|withdrawals?|trades?|balances?)\b|\b(?:recipient|destination|payout|deposit|wallet|bank"
                r"|iban)"
                r"(?:['’]s)? (?:address(?:es)?|accounts?|numbers?|details)\b"
            ),
            any_of(
                r"(?<![\w/])(?:0x[0-9a-f]{40}|bc1[0-9a-z]{25,60}|[13][1-9a-z]{26,34}|t[1-9a-z]{33})(?![\w])"
                r"|\bour (?:own )?(?:wallet|account|address|iban)\b|\b[a-z]{2}\d{2} ?(?:\d{4} ?){3,7}"
            ),
        ),
        span=2,
        hints=tuple("0x bc1 wallet address account iban our".split()),
    ),
    Saying(
        _MAILED,
        (
            any_of(
                rf"\b(?:send|forward|e-?mail|mail|bcc|cc|{_VERBS})\b[^.\n]{{0,80}}\b(?:to|at|bcc"
                rf"|cc)\b[^.\n]{{0,16}}[`\"']?"
                r"[\w+.-]{1,40}@[\w-]{1,40}\.[a-z]"
            ),
            any_of(
                r"\b(?:each|every|all|cop(?:y|ies)|bcc|files?|documents?|them|contents?|results?|history|messages"
                r"|emails"
                r"|contacts|attachments?|drafts?|secrets?|tokens?|keys|invoices?|logs?)\b"
            ),
        ),
        unless=any_of(
            r"\b(?:questions?|support|feedback|bugs?|issues?|vulnerabilit\w{1,3}|contact us|security@|support@|help@"
            r"|info@"
            r"|noreply|sales@|hello@)|@(?:example|acme|company|yourcompany|yourdomain|domain|email|test)\b"
        ),
        hints=tuple("@".split()),
    ),
    Saying(
        _BY_URL,
        (
            any_of(r"https?://[^\s`)\]]{3,200}[?&=/](?:[<{$\[%]|\.\.\.)"),
            any_of(
                r"~/\.ssh|\bid_(?:rsa|ed25519)\b|\.aws/credentials|(?<![\w.])\.env\b(?![.\w])|\.netrc|\.pgpass|\.npmrc"
                r"|\.git-credentials|/etc/passwd|\b(?:conversation|chat|session|message) (?:history|transcript"
                r"|context|so far)"
                r"|\bsystem prompt\b|\benvironment variables\b|\btools? list\b|\b(?:what|everything) (?:you find|the"
                r" user)"
            ),
            any_of(
                r"\b(?:fetch|request|load|visit|render|embed|call|ping|open|image|append|put|add|encode"
                r"|include)\w{0,3}\b"
            ),
        ),
        span=2,
        unless=_OWN_USE,
        hints=tuple("http".split()),
    ),
)
