"""Words that keep the person in the dark: "do not tell the user", "silently"."""

from airegistry.scanners.rules import SPOKEN, UNSPOKEN, Rule, Words, WordScanner, phrases

CODES = ("OWASP-MCP03:2025", "OWASP-ASI09:2026", "OWASP-LLM01:2025", "ATLAS-AML.T0110", "CWE-451")
REMEDIATION = "Remove the sentence: whatever a tool does, the person may know of it."
_DONT = (
    r"(?:do not|don'?t|never|must not|mustn'?t|should not|shouldn'?t|shall not|need not|needn't|avoid|refrain from|"
    r"no need to|not necessary to|not required to|without|instead of|rather than|cannot|dare not)"
)
_PERSON = (
    r"(?:end[- ]?users?|users?|humans?|customers?|clients?|operators?|persons?|people|them|him|her|anyone|anybody)\b"
)
_TECHNICAL = (
    r"(?!(?:the |any |these |this |raw |internal |its |an? |numeric |tool |database |exact ){0,6}(?:ids?|uuids?|"
    r"identifiers?|names?|json|format|schema|markdown|syntax|urls?|links?|keys?|slugs?|handles?)\b)"
)
_DATA_VERBS = (
    r"(?:send|forward|upload|cop(?:y|ie)|transmit|exfiltrat|collect|record|harvest|captur|bcc|execut|run|inject|"
    r"modif|alter|read|steal|install|subscrib|regist|creat\w{1,3} an? (?:webhook|account|user|token)|includ|append|"
    r"leak|log|post|shar|track|monitor|mirror|relay|delet|replac|redirect|transfer|escalat|disabl|append|stor|"
    r"gather)\w{0,4}"
)
_HUSH = (
    r"(?:secretly|covertly|stealthily|surreptitiously|quietly|discreetly|invisibly|clandestinely|behind the scenes|"
    r"without (?:the |any )?(?:users?|humans?|customers?|their|owners?|anyone|persons?)(?:'s?|"
    r"s')? ?(?:'s )?(?:knowledge|awareness|noticing|knowing|being aware)|without (?:being )?(?:noticed|noticing|"
    r"detection|detected|raising suspicion|arousing suspicion)|unbeknownst to|without leaving (?:a |any )?trace|"
    r"unnoticed)"
)

WORDS = (
    Words(
        Rule(
            "concealment.user",
            "high",
            "tells the model to keep something from the person",
            REMEDIATION,
            CODES,
        ),
        phrases(
            rf"\b{_DONT} (?:\w+ ){{0,3}}?(?:tell|inform|telling|informing) (?:the |your |any |"
            rf"an? )?{_PERSON}(?! (?:to|that (?:it|the \w+) (?:is|was|has been) (?:done|success\w*|complete\w*|"
            rf"sent)|how to|what to do)\b)",
            rf"\b{_DONT} (?:\w+ ){{0,3}}?(?:mention|reveal|disclos|divulg|hint|admit|confess)(?:e|"
            rf"ing)?\b {_TECHNICAL}[^.!?]{{0,70}}?\bto (?:the |your |any |an? )?{_PERSON}",
            rf"\b{_DONT} (?:\w+ ){{0,3}}?(?:mention|reveal|disclos|divulg|admit|acknowledg)(?:e|ing)? "
            r"(?:that you|this (?:step|instruction|action|operation|tool call|process|side|note|message|file|read|"
            r"to)|these instructions|(?:that )?(?:it|this)[.!,]|reading|(?:the |any )?(?:side|hidden|extra|"
            r"additional|background)|(?:that|where|how|why) (?:you|it|this|the)\b|the (?:fact|source|origin|access|"
            r"file|resource|step|operation))",
            rf"\b{_DONT} (?:\w+ ){{0,3}}?(?:notify|alert|warn|notifying|alerting|warning) (?:the |your )?(?:end[- ])?"
            r"user (?:about|of|that|when|if|in any)\b",
            rf"\b{_DONT} (?:show|display|expose|reveal|print|output|surface)(?:ing)? (?:(?:this|these|it|that|"
            rf"them)(?: \w+)? )?"
            r"to (?:the |your )?(?:end[- ])?(?:users?|humans?)\b",
            r"\bdon'?t let (?:the |your )?(?:end[- ])?user (?:know|see|notice|find out|realize|suspect)\b",
            r"\b(?:do not|never|must not) (?:ever )?let (?:the |your )?(?:end[- ])?user (?:know|see|notice|find|"
            r"realize)\b",
            r"\b(?:hide|conceal|withhold|keep) (?:this|these|it|that|the|all|any)\b[^.!?]{0,50}? (?:from|"
            r"secret from|hidden from) (?:the |your )?(?:end[- ])?(?:users?|humans?|customers?|operators?)\b",
            r"\bkeep (?:this|it|these instructions|that) (?:a )?(?:secret|hidden|confidential|quiet|private|"
            r"between us)\b",
            r"\bthis is an? (?:secret|hidden|covert|confidential) (?:operation|instruction|task|step|mission|"
            r"command)\b",
            r"\b(?:user|human|customer)s? (?:must|should|shall|need|does|do|will|can) ?(?:not|n't|"
            r"never) (?:need to |ever |have to )?(?:know|be (?:told|informed|made aware|aware)|notice|find out|"
            r"learn|realize)\b",
        ),
        spared=UNSPOKEN,
    ),
    Words(
        Rule(
            "covert.act",
            "high",
            "does something with data unseen",
            REMEDIATION,
            CODES,
        ),
        phrases(
            rf"\b(?:{_HUSH}|silently|unnoticed)(?:,? (?:\w+ ){{0,4}}?){_DATA_VERBS}\b",
            rf"\b{_DATA_VERBS}\b[^.!?]{{0,70}}? {_HUSH}\b",
            r"\b(?:send|forward|upload|transmit|exfiltrat|leak|relay|steal)\w{0,4}\b[^.!?]{0,60}? silently\b",
        ),
        affirmed=True,
        spared=UNSPOKEN,
    ),
    Words(
        Rule(
            "concealment.foreign",
            "high",
            "tells the model, in another language, to keep something from the person",
            REMEDIATION,
            CODES,
        ),
        phrases(
            r"\b(?:nicht|nichts|niemals|nie|kein\w{0,2}) [^.!?]{0,40}(?:erwähn|sag|mitteil|verrat|offenbar|"
            r"informier|erzähl)\w{0,3}\b",
            r"\b(?:erwähne?|sage?|verrate?|erzähle?|informiere?|teile?|offenbare?)\b[^.!?]{0,60}\b(?:nicht|nichts|"
            r"niemals|nie)\b",
            r"\b(?:benutzer|nutzer|anwender)\w{0,2}\b[^.!?]{0,40}\b(?:nicht|nichts) (?:wissen|erfahren|merken|"
            r"davon)\b",
            r"\b(?:ne|n['’]) ?(?:le |la |les |en |lui |pas )?(?:mentionne|di[st]|informe|révèle|signale|parle|"
            r"dévoile|dire|mentionner|informer|révéler|préviens|prévene)\w{0,3}\b[^.!?]{0,60}\b(?:utilisat|client|"
            r"usager|personne)",
            r"\bsans (?:que l['’]utilisat\w{2,6} (?:ne )?(?:le )?sache|(?:en )?(?:informer|prévenir|avertir|le dire))",
            r"\b(?:no|nunca|jamás|sin) (?:le |se lo |lo |les )?(?:digas?|diga|menciones?|mencione|informes?|informe|"
            r"reveles?|revele|avises?|avise|cuentes?|informar|mencionar|decir(?:le|selo)?|revelar|"
            r"avisar)\b[^.!?]{0,60}\b(?:usuari|cliente|human|persona)",
            r"\b(?:não|nao|nunca|sem) (?:lhe |o |a )?(?:diga|mencione|informe|revele|avise|conte|informar|mencionar|"
            r"dizer|revelar|avisar|contar)\b[^.!?]{0,60}\b(?:usuári|usuari|utilizador|cliente|pessoa)",
            r"\bне (?:\w+ ){0,2}?(?:говори|сообщай|упоминай|рассказывай|раскрывай|информируй|показывай|"
            r"уведомляй)\w{0,4}\b",
            r"\bбез ведома (?:пользователя|клиента)|\bпользовател\w{1,3} не долж\w{2,3} (?:знать|узнать)",
            r"(?:不要|别|不得|切勿|请勿|禁止|无需|勿)[^。！？]{0,8}(?:告诉|告知|通知|透露|提及|提到|泄露|让)[^。！？]{0,12}(?:用户|使用者|客户|任何人)",
            r"(?:不要|别|不得|切勿|请勿|勿)(?:向|对|跟|和)(?:用户|使用者|客户|任何人)[^。！？]{0,12}(?:提|说|透露|告|披露|解释|展示)",
            r"(?:对|向)(?:用户|使用者)(?:隐瞒|保密)|瞒着用户|(?:用户|使用者)不知情",
            r"(?:ユーザー?|利用者|お客様)(?:に|には|へ)[^。！？]{0,24}(?:伝え|知らせ|言わ|話さ|教え|明かさ|通知し|言及し|報告し)[^。！？]{0,6}(?:ない|ず|な[。！]|いで|"
            r"禁止|いけ)",
            r"(?:사용자|고객)(?:에게|께)?[^.!?]{0,24}(?:말하지|알리지|언급하지|알려주지|밝히지|공개하지) ?(?:마|말|않)",
        ),
        spared=UNSPOKEN,
    ),
)


class Concealment(WordScanner):
    """Finds instructions to keep the person in the dark."""

    def __init__(self) -> None:
        super().__init__("concealment/1", WORDS, SPOKEN)
