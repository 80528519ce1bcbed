"""Words that keep the person in the dark: "do not tell the user", "silently"."""

from airegistry.scanners.phrasing import phrases
from airegistry.scanners.rules import SPOKEN, UNSPOKEN, Rule, Words, WordScanner

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
            rf"sent)|how to|what to do)\b)(?![^.!?]{{0,60}}\b(?:unless|until) (?:asked|requested|they|the user|"
            rf"it is|you))"
            rf"(?! (?:the |any |a )?(?:raw|internal|exact|full) \w+[^.!?]{{0,20}}(?:[;,]|instead|but))",
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
            rf"\b{_DONT} (?:\w+ ){{0,3}}?(?:bring(?:ing)? (?:this|it|that|any of (?:this|it)) up|let(?:ting)? on|raise "
            rf"(?:this|it|that)\b|(?:say|saying) (?:anything|a word|so)\b|speak(?:ing)? (?:of|about) (?:it|this)|"
            rf"(?:talk|comment)(?:ing)? (?:about|on) (?:it|this)|draw(?:ing)? attention to (?:it|this)|"
            rf"mention(?:ing)? (?:it|this|any of))\b",
            r"\b(?:no|there(?:'s| is) no|without any) (?:reason|need|point) (?:to|in) (?:bring(?:ing)? (?:this|that|"
            r"it) up|"
            r"mention|discuss|disclos|report|tell|inform|let)\w{0,3}\b",
            r"\b(?:say|tell(?:ing)? (?:them|him|her|(?:the |your )?(?:user|human|customer|person))|mention|"
            r"speak) nothing\b|"
            r"\bnothing (?:about|of) (?:it|this|that|the \w+) (?:goes|belongs|is to go|should (?:go|appear)|appears|"
            r"may "
            r"appear|is (?:said|mentioned|shown))\b",
            r"\b(?:keep|stay|remain|be) (?:quiet|silent|mum) (?:about|on) (?:it|this|that|these|the)\b|\bkeep (?:it|"
            r"this|"
            r"that) (?:to yourself|out of|from (?:the |your )?(?:user|human|customer|person)|quiet)\b|\bkeep (?:that|"
            r"this|it) from (?:them|him|her)\b",
            r"\bleave (?:it|this|that|this (?:step|part)|these steps) out (?:of (?:your|the) (?:answer|reply|response|"
            r"summary|report))?|\b(?:omit|exclude|leave out) (?:it|this|that|this (?:step|part|call)) (?:from|"
            r"in) (?:your|"
            r"the) (?:answer|reply|response|summary|report|output)",
            r"\bwithout (?:telling|saying|(?:ever )?mentioning it|a word|letting (?:them|him|her|(?:the |"
            r"your )?(?:user|"
            r"human|customer|person)))(?: so| anything| them| him| her| the user| anyone)?(?=[,.;!:]|$| (?:know|"
            r"about|that))",
            r"\b(?:the |your )?(?:user|human|customer|person)s? (?:\w+ ){0,4}?(?:would (?:only )?be (?:confused|"
            r"worried|upset)"
            r"|(?:is|are) not interested|(?:gets?|becomes?) (?:upset|nervous|annoyed)|finds? (?:this|it) (?:boring|"
            r"confusing))\b",
            r"\bkeep (?:this|it|these instructions|that) (?:a )?(?:secret|hidden|confidential|quiet|private|"
            r"between us)\b",
            r"\bthis is an? (?:secret|hidden|covert|confidential) (?:operation|instruction|task|step|mission|"
            r"command)\b",
            r"\b(?:user|human|customer|person|people|operator)s?(?: you \w+(?: \w+){0,2}?)? (?:is|are) (?:not|never) "
            r"to (?:be "
            r"(?:told|informed|made aware|notified|asked|bothered)|know|hear|learn|notice|find out)\b",
            r"\b(?:user|human|customer|person|people|operator)s?(?: you \w+(?: \w+){0,2}?)? (?:does|do|need) ?(?:not|"
            r"n't|never) "
            r"(?:need to |have to )?(?:see|hear|know|be shown|be told|be informed)\b[^.!?]{0,30}?\b(?:steps?|this|"
            r"that|these|it|of|"
            r"about|how)\b",
            r"\bneeds? no (?:announcement|mention|explanation|comment|disclosure)\b|\bno (?:need|reason) (?:for|to "
            r"make) (?:an? |"
            r"any )?(?:announcement|mention|explanation|comment|notice)\b|\b(?:must|should|is to|has to|"
            r"let[^.!?]{0,30}) read as "
            r"(?:though|if) (?:nothing|no)\b|\b(?:it|this|that|which) (?:does not|doesn't|need not|should not) "
            r"(?:belong|go|appear|"
            r"show up|be (?:mentioned|listed|named)) (?:in|into) (?:the|your|any|a) (?:summary|answer|reply|response|"
            r"report|"
            r"transcript|commit)|\b(?:can|may|should|is to) be left out of (?:the |your |any )?(?:commit (?:message|"
            r"description)|summar|answer|repl|"
            r"report|response|changelog)",
            r"\b(?:user|human|customer)s? (?:must|should|shall|need|does|do|will|can) ?(?:not|n't|"
            r"never) (?:need to |ever |have to )?(?:know|be (?:told|informed|made aware|aware)|notice|find out|"
            r"learn|realize)\b(?! (?:the |its |an? |any |which |exact |numeric |internal ){0,3}(?:ids?|uuids?|"
            r"identifiers?|names?|json|"
            r"format|schema|syntax|urls?|keys?|slugs?|codes?|sql)\b)",
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
            r"\b(?:benutzer|nutzer|anwender)\w{0,2}\b[^.!?]{0,40}\b(?:nichts (?:davon )?(?:wissen|erfahren|merken)|"
            r"(?:nicht|nichts) "
            r"davon|(?:davon|das|dies|es) nicht (?:wissen|erfahren|merken)|nicht (?:erfahren|merken))\b",
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
            r"\bnon (?:lo |ne |gli |le )?(?:dir\w{0,4}|menzion\w{1,5}|rivel\w{1,4}|inform\w{1,4}|comunic\w{1,4}|"
            r"parl\w{1,4}|"
            r"accenn\w{1,4}|avvis\w{1,4}|far sapere)\b[^.!?]{0,50}\b(?:utent|client|person|nessuno|nulla|niente)",
            r"\bsenza (?:dirlo|informar\w*|avvisar\w*|menzionar\w*|che l['’ ]utente)\b[^.!?]{0,30}",
            r"\b(?:vertel|zeg|meld|noem|onthul|vermeld)\w{0,2} (?:het |dit |hier |daar )?(?:aan |tegen )?(?:de |"
            r"het )?(?:"
            r"gebruiker|klant|persoon) (?:hier |er |dit |daar |over |hierover |daarover ){0,3}(?:niet|niets|nooit)\b|"
            r"\b(?:niet|niets|nooit) (?:\w+ ){0,2}?(?:aan|tegen) (?:de )?(?:gebruiker|klant)\w? (?:\w+ )?(?:vertel|"
            r"zeg|meld|"
            r"noem|laten)|\bzonder (?:het |dit )?(?:aan )?(?:de )?(?:gebruiker|klant)\w? (?:\w+ ){0,2}?te (?:vertellen|"
            r"informeren|melden|laten weten)",
            r"\bnie (?:mów|informuj|wspominaj|ujawniaj|powiadamiaj|zdradzaj|mówić|informować|pokazuj|zgłaszaj)\w{0,3}\b"
            r"[^.!?]{0,50}(?:u[żz]ytkownik|klient|nikomu|osob)",
            r"(?:kullan[ıi]c[ıi]|müşteri)\w{0,6}\b[^.!?]{0,50}\b(?:söyleme|bahsetme|bildirme|haber verme|belirtme|"
            r"anlatma)(?:yin|"
            r"yiniz|den|ye)?\b",
            r"(?:\bو?لا|\bدون|\bبدون) (?:أن )?(?:تخبر|تذكر|تكشف|تقل|تبلغ|تعلم|إخبار|إعلام|علم|"
            r"ذكر)[^.!?؟]{0,40}(?:المستخدم|العميل|"
            r"أحد)",
            r"(?:उपयोगकर्ता|यूज़र|यूजर|ग्राहक)[^.!?।]{0,40}(?:न|नहीं|मत|बिना) (?:बता|कह|दिखा|सूचित)",
            r"(?:不要|别|不得|切勿|请勿|禁止|无需|勿)[^。！？]{0,8}(?:告诉|告知|通知|透露|提及|提到|泄露|让)[^。！？]{0,12}(?:用户|使用者|客户|任何人)",
            r"(?:不要|别|不得|切勿|请勿|勿)(?:向|对|跟|和)(?:用户|使用者|客户|任何人)[^。！？]{0,12}(?:提|说|透露|告|披露|解释|展示)",
            r"(?:对|向)(?:用户|使用者)(?:隐瞒|保密)|瞒着用户|(?:用户|使用者)不知情",
            r"(?:ユーザー?|利用者|お客様)(?:に|には|へ)[^。！？]{0,24}(?:伝え|知らせ|言わ|話さ|教え|明かさ|通知し|言及し|報告し)[^。！？]{0,6}(?:ない|ず|な[。！]|いで|"
            r"禁止|いけ)",
            r"(?:ユーザー?|利用者|お客様|本人)(?:へ|に)の?(?:は)?(?:説明|通知|報告|連絡|確認|断り)?[^。！？]{0,4}(?:は|も)?(?:不要|必要(?:は)?(?:ない|ありません)|"
            r"要りません|"
            r"断らな|断る必要)",
            r"\b(?:inutile|pas (?:besoin|la peine|nécessaire)) (?:(?:d['’]en |de (?:le |la |les |l['’])?|"
            r"d['’])(?:informer|prévenir|avertir|"
            r"aviser)|(?:d['’]en |de (?:le |la |les |l['’]))(?:parler|mentionner|dire|signaler))|\bn['’]a pas "
            r"(?:besoin|à) (?:d['’]en |de le |d['’])?(?:être (?:informé|"
            r"averti|prévenu)|savoir|le savoir)|\bn['’]en (?:parle[rz]?|dites?|faites? (?:pas )?mention)\b",
            r"kullan[ıi]c[ıi]\w{0,6}\b[^.!?]{0,40}\b(?:bil(?:mesin|gilendir|mesi|me)\w{0,6}|haber\w{0,4}|"
            r"söyle\w{0,6}|bildir\w{0,6}|"
            r"duyur\w{0,5})[^.!?]{0,16}(?:gerek yok|gerekmez|gereksiz|lüzum yok|olmadan|şart değil)",
            r"\b(?:nicht|kein\w?) (?:nötig|erforderlich|notwendig)[^.!?]{0,30}(?:informier|mitzuteilen|zu sagen|"
            r"erwähn)|\bmuss (?:davon |"
            r"das )?(?:nichts|nicht) (?:wissen|erfahren)|\b(?:no (?:hace falta|es necesario)|não (?:é preciso|é "
            r"necessário|precisa))[^.!?]"
            r"{0,24}(?:inform|avis|mencion|dec[ií]r|dizer|comunic)|\bnon (?:serve|occorre|è "
            r"necessario)[^.!?]{0,24}(?:inform|avvis|dir|"
            r"menzion)|(?:无需|不必|不用|没必要)(?:向|对|跟|告诉|告知|通知|提醒)(?:用户|使用者|客户)|"
            r"(?:사용자|고객)\w{0,3} ?(?:설명|알릴|말할|고지)\w{0,2} "
            r"?(?:필요|이유)"
            r"\w{0,2} ?(?:없|가 없)|"
            r"(?:сообщать|говорить|уведомлять|упоминать)[^.!?]{0,30}(?:не (?:нужно|надо|требуется|"
            r"обязательно))|"
            r"(?:не (?:нужно|надо|требуется|обязательно)) (?:\w+ ){0,2}(?:сообщать|говорить|уведомлять|упоминать)",
            r"(?:사용자|고객)(?:에게|께)?[^.!?]{0,24}(?:말하지|알리지|언급하지|알려주지|밝히지|공개하지) ?(?:마|말|않)",
        ),
        spared=UNSPOKEN,
    ),
)


class Concealment(WordScanner):
    """Finds instructions to keep the person in the dark."""

    def __init__(self) -> None:
        super().__init__("concealment/1", WORDS, SPOKEN)
