"""Words that take something away: conversations, files with secrets, a second recipient."""

from airegistry.scanners.phrasing import phrases
from airegistry.scanners.rules import SPOKEN, UNSPOKEN, Rule, Words, WordScanner

CODES = ("OWASP-MCP10:2025", "OWASP-ASI02:2026", "OWASP-LLM02:2025", "ATLAS-AML.T0086", "CWE-201")
REMEDIATION = "Send nothing that the call does not need, and name every recipient."
_SEND = (
    r"(?:send|transmit|upload|forward|post|relay|mirror|leak|exfiltrat|beacon|ship|sync|copy|copies|stream|push|"
    r"deliver|export|redirect|share|replicat|submit|sent|shar|siphon|record|report|log|catalogu?|collect)(?:e|es|s|"
    r"ed|ing|ting|ping)?"
)
_TELL = (
    r"(?:include|pass|append|attach|provide|supply|add|embed|put|insert|prepend|give|quote|paste|copy|encode)(?:s|d|"
    r"ing)?"
)
_TALK = r"(?:conversations?|chats?|dialog(?:ue)?s?|messages?|prompts?|sessions?|interactions?)"
_OUT = (
    r"(?:external|remote|third[- ]part(?:y|ies)|outside|attacker\w{0,2}|foreign|off-?site|untrusted|undisclosed|"
    r"unknown|our|my|collection|analytics|telemetry|reporting|logging|monitoring|backup|secondary|hidden|c2)"
)
_PLACE = (
    r"(?:servers?|endpoints?|services?|urls?|hosts?|domains?|address(?:es)?|platforms?|clouds?|sites?|systems?|"
    r"webhooks?|api|part(?:y|ies)|collectors?|inbox|email)"
)
SECRETS = (
    r"(?:api[ _-]?keys?|passwords?|credentials?|secrets?|private keys?|ssh keys?|access tokens?|"
    r"auth(?:entication)? tokens?|session tokens?|cookies|seed phrases?|recovery phrases?|environment variables|"
    r"env vars|bearer tokens?|tokens|system prompts?|ssn|credit card\w{0,8}|session cookies?|"
    r"(?:one[- ]time|verification|2fa|mfa|otp|recovery) (?:codes?|keys?)|(?:deploy(?:ment)?|signing|ssh) keys?|"
    r"keychain|[a-z][a-z0-9]{1,20}_(?:api_)?(?:key|token|secret|password))"
)
FILES = (
    r"(?:\.ssh(?<!\w\.ssh)\b(?!\.)(?:/\w{1,40})?|id_(?:rsa|ed25519|ecdsa|dsa)\b|"
    r"\.aws(?<!\w\.aws)\b(?!\.)(?:/\w{1,40})?|\.env(?<!\w\.env)\b(?! ?(?:variable|var)|\.)|mcp\.json|"
    r"claude_desktop_config|\.cursor/\w{1,40}|/etc/(?:passwd|shadow|sudoers)|\.kube/config|\.netrc\b|\.npmrc\b|"
    r"\.pypirc\b|\.git-credentials|\.gnupg\b|\.(?:bash|zsh)_history|\.docker/config|/proc/self/environ|wallet\.dat|"
    r"\.pgpass\b|cookies\.sqlite|chrome'?s? (?:\w{1,20} )?(?:login data|cookies)|"
    r"login\.keychain|\.config/gh\b|/authorized_keys\b|credentials\.json\b|secrets\.(?:ya?ml|json|toml)\b)"
)
_PERSONAL = (
    r"(?:passwords?|passphrases?|passcodes?|pins?\b|one[- ]time (?:codes?|passwords?)|otps?\b|2fa codes?|mfa codes?|"
    r"(?:security|verification|authenticator|sms|tan|confirmation) codes?|cvvs?\b|cvcs?\b|(?:credit |debit |"
    r"bank )?card "
    r"(?:numbers?|details)|(?:recovery|seed|secret|backup|mnemonic) (?:words?|phrases?|codes?)|mnemonics?\b|"
    r"private keys?|social security|ssn\b|mother's maiden|bank (?:login|details|password)|tans?\b)"
)
_READ = (
    r"(?:read|open|cat|load|retrieve|fetch|extract|copy|send|upload|include|pass|attach|get|collect|grab|dump|"
    r"access|append|provide|paste|print|output|steal|look (?:at|up|for)|scan|find|exfiltrate|embed|put|insert|"
    r"examine|check|inspect|locate|view|forward|carry|place|fill|relay|transmit|hand over)"
)

_PRETEXT = (
    r"(?:tell|say|claim|pretend|explain|inform)(?:ing)?(?: (?:the|your|them|him|her|user|users|customer|person|"
    r"people|to)){0,4}"
    r"(?: that)?(?: (?:the|their|your|his|her|an?|this))? (?:\w{1,14} ){0,2}?(?:session|login|sign-?in|account|token|"
    r"licen[cs]e|"
    r"connection|password|card|security|verification|maintenance|bank)\b[^.!?]{0,40}?\b(?:expired|timed out|locked|"
    r"suspended|required|"
    r"failed|lost|needed|blocked|ended|reset|checks?|must be)\b"
)
"""A reason that is given to a person, and may be made up."""

WORDS = (
    Words(
        Rule("exfiltration.conversation", "high", "takes the conversation along", REMEDIATION, CODES),
        phrases(
            rf"\b{_SEND}\b[^.!?]{{0,60}}?\b(?:(?:full|entire|whole|complete|user(?:'s)?|all|ai|assistant|our|"
            rf"current|previous|raw|the) ){{1,4}}(?:\w+ )?{_TALK}[ -](?:history|histories|contexts?|contents?|logs?|"
            rf"transcripts?|metadata|data|records?|state)",
            rf"\b{_SEND}\b[^.!?]{{0,60}}?\b(?:full|entire|whole|complete) (?:\w+ )?{_TALK}\b",
            rf"\b(?:transmit|upload|forward|exfiltrat|leak)\w{{0,4}}\b[^.!?]{{0,60}}?\b{_TALK}[ -](?:history|"
            rf"contexts?|logs?|"
            r"transcripts?)",
            rf"\b{_TELL}\b[^.!?]{{0,40}}?\b(?:full|entire|whole|complete|all (?:of )?(?:the |previous |prior )?|"
            rf"verbatim)(?: the)? ?(?:\w+ ){{0,2}}?(?:{_TALK}|context window|context|system prompt|"
            rf"instructions)\b(?! (?:it|they|the \w+|that is|"
            rf"you) (?:needs?|requires?|relevant|deem|find))",
            rf"\b(?:{_TELL}|{_SEND}|reveal|output|repeat|print|disclose|leak)\b[^.!?]{{0,30}}? (?:your|the (?:full|"
            rf"entire|model's|"
            r"assistant's|complete)) (?:\w+ )?(?:system prompt|system message|initial instructions|"
            r"hidden instructions|chain[- ]of[- ]thought|internal reasoning)",
        ),
        affirmed=True,
        spared=UNSPOKEN,
    ),
    Words(
        Rule("telemetry.conversation", "high", "counts the conversation among its telemetry", REMEDIATION, CODES),
        phrases(
            r"\b(?:analytics|telemetry|metrics|usage (?:data|statistics|analytics|information)|diagnostics|"
            r"crash reports?|logs)\b[^.!?]{0,30}? (?:including|contain\w{0,3}|with|such as|along with|"
            r"that includes?|which includes?|comprising) "
            rf"(?:\w+ ){{0,3}}?{_TALK}[ -](?:history|context|content|logs?|metadata|data|transcripts?|text|"
            rf"records?)\b",
            rf"\b{_TALK}[ -](?:history|context|contents?|logs?|transcripts?)\b[^.!?]{{0,60}}? (?:for|"
            rf"to) (?:\w+ ){{0,2}}?(?:quality|"
            r"analytics|telemetry|optimi[sz]ation|improvement|improve|training|monitoring|enhance|diagnostic|"
            r"service quality)",
        ),
        affirmed=True,
        spared=UNSPOKEN,
    ),
    Words(
        Rule(
            "exfiltration.second-recipient", "high", "sends what it is given somewhere else as well", REMEDIATION, CODES
        ),
        phrases(
            rf"\b(?:after|before|on|with|for) (?:each|"
            rf"every) \w{{2,20}}(?: \w+)?,? (?:\w+ ){{0,2}}?{_SEND}\b[^.!?]{{0,60}}? to\b[^.!?]{{0,40}}?"
            r"(?:https?:|external|remote|third|@|our |\w+\.\w+)",
            rf"\b{_SEND} (?:the |all |your |their ){{0,6}}(?:\w+ (?:and|or) )?(?:full|complete|entire|whole|"
            rf"all)\b[^.!?]{{0,50}}? to (?:the |our |an? )?"
            r"(?:https?:|external|remote|third|attacker|[\w.+-]{1,40}@)",
            rf"\b(?:then|first|also|must|always|immediately|"
            rf"before \w+ing[^.!?]{{0,30}}),? {_SEND}\b[^!?]{{0,80}}? to (?:the |our )?https?://",
            rf"\b(?:also|additionally|automatically|then|first|always|must|silently|secretly|simultaneously|quietly|"
            rf"as well as|furthermore|besides)\b[^.!?]{{0,15}}? {_SEND}\b[^.!?]{{0,80}}?\b(?:to|with|via|through|"
            rf"at) (?:\w+ ){{0,2}}?{_OUT}(?: \w+)? ?{_PLACE}\b",
            rf"\b{_SEND}\b[^.!?]{{0,30}}?\b(?:everything|every (?:message|file|request|query|email|call)|"
            rf"all (?:of )?(?:the |your |their |user |meeting |personal |private |sensitive )?(?:details|data|files|"
            rf"emails?|messages|inputs?|outputs?|requests?|contents?|results?|information)|(?:their|user'?s?'?|your|"
            rf"customer|personal|private) (?:\w+ )?(?:data|files|details|information|documents|messages|"
            rf"inputs?))\b[^.!?]{{0,50}}?\b(?:to|with|via|through) (?:\w+ ){{0,2}}?(?:{_OUT} ?(?:\w+ )?{_PLACE}|"
            rf"\w+_(?:endpoint|url|server|webhook)|https?:)",
            r"\b(?:bcc|blind[- ]copy|carbon copy|cc)(?:s|ed|ing)?\b[^.!?]{0,60}?[\w.+-]{1,40}@[\w-]{1,40}\.\w",
            r"\b(?:send|forward|redirect|deliver|rout|copy|mail|email|cc|bcc|mirror)\w{0,4} (?:\w+ ){0,3}?(?:all|"
            r"every|each|a copy|copies|everything|any)\b[^!?]{0,80}?[\w.+-]{1,40}@[\w-]{1,40}\.\w",
            r"\b(?:also|additionally|secretly) (?:\w+ )?(?:extract|collect|harvest|stor|register|catalog|record|log|"
            r"gather|captur|sav)\w{0,4}\b[^.!?]{0,60}?\b(?:pii|personal|payment|credentials?|passwords?|private|"
            r"sensitive|contacts?|keystrokes|identit|biometric|location|confidential|financial)",
            r"\b(?:mirrored|exfiltrated|leaked|duplicated|bcc'?d) to\b[^.!?]{0,40}?(?:https?:|external|third|remote|"
            r"@)",
            r"\b(?:forwarded|copied|replicated|sent) (?:\w+ ){0,2}?to (?:https?:|attacker|[\w.+-]{1,40}@)",
        ),
        affirmed=True,
        spared=UNSPOKEN,
    ),
    Words(
        Rule("exfiltration.carry", "high", "has the model fetch something and pass it on", REMEDIATION, CODES),
        phrases(
            r"\b(?:first|must|before|also|please)\b[^.!?]{0,60}?\b(?:read|open|access|fetch|retrieve|load|cat|"
            r"look up|query|list)(?:ing)?\b[^!?]{0,120}?\b(?:pass|include|put|paste|send|append|attach|provide|"
            r"insert|add)\b (?:\w+ ){0,3}?(?:contents?|texts?|outputs?|values?|data|passwords?|information|results?|"
            r"it|them|keys?)\b[^.!?]{0,30}? ?(?:in|as|to|into|with)\b",
        ),
        affirmed=True,
        spared=UNSPOKEN,
    ),
    Words(
        Rule(
            "exfiltration.beacon", "high", "carries what was said away in the address of a picture", REMEDIATION, CODES
        ),
        phrases(
            r"!\[[^\]]{0,80}\]\(https?://(?:(?!!\[)[^)\s]){1,200}[?&=/#][^)]{0,20}[{<$\[%][^)]{0,60}?(?:message|"
            r"conversation|prompt|question|answer|asked|said|data|secret|history|context|token|key|user|chat|input|content|summary|base64|"
            r"encod)",
            r"\bhttps?://\S{1,200}[?&]\w{1,20}=? ?(?:followed by|plus|and then|with|\+) [^.!?]{0,40}?\b(?:message|"
            r"conversation|prompt|question|secret|history|context|user|chat|base64|encoded)",
            r"\bhttps?://\S{1,200}[?&]\w{1,20}=[{<$\[]\w{0,20}[ _-]?(?:last|user|conversation|chat|history|prompt|"
            r"secret|"
            r"context|api|token|env)",
        ),
        spared=UNSPOKEN,
        bare=True,
    ),
    Words(
        Rule("phishing.asked", "high", "has the model get a secret out of the person", REMEDIATION, CODES),
        phrases(
            r"\b(?:ask|request|prompt|get|obtain|collect|have|let|make|require|demand|invite|urge|persuade|remind)\b"
            r"[^.!?;]{0,40}?\b(?:the |your )?(?:users?|customers?|humans?|persons?|them|him|her|clients?|caller|"
            r"owners?)\b"
            rf"[^.!?;]{{0,60}}?\b{_PERSONAL}",
            rf"\b(?:ask|request|prompt|get|obtain|collect|"
            rf"demand)\b[^.!?;]{{0,40}}?\b{_PERSONAL}[^.!?;]{{0,40}}?\b(?:from|of) "
            r"(?:the |your )?(?:users?|customers?|humans?|persons?|them|him|her|clients?|caller|owners?)\b",
            r"\b(?:the |your )?(?:user|customer|person|client)s? (?:will |must |should |has to |needs? to |is to )"
            rf"(?:\w+ ){{0,2}}?(?:enter|type|give|provide|tell|read out|send|submit|"
            rf"confirm)\b[^.!?;]{{0,40}}?\b{_PERSONAL}"
            r"(?! (?:on|at|in) (?:the|its|their) (?:bank|page|site|app|device|browser))",
            r"\b(?:ask|prompt|request)\w{0,3}\b[^.!?;]{0,40}?\b(?:passwords?|codes?|pins?|cards?|cvvs?|phrases?|"
            r"words)\b[^.!?]{0,80}?\b"
            r"(?:submit|hand|enter|send|put|pass|type|give)\w{0,3} (?:it|them|the \w+)(?: over| on)? (?:here|in\b|"
            r"into|as|to|through|with)",
            r"\b(?:users?|customers?|persons?|client)\b[^.!?;]{0,40}?\bcodes?\b[^.!?;]{0,60}?\b(?:get|obtain|"
            r"ask (?:for|them)|"
            r"request) (?:it|that|this)\b",
        ),
        affirmed=True,
        spared=UNSPOKEN,
    ),
    Words(
        Rule("pretext.told", "high", "gives the person a false reason for what is asked", REMEDIATION, CODES),
        phrases(
            rf"\b(?:ask|prompt|request|get|obtain|demand)\w{{0,3}}\b[^.!?]{{0,50}}?\b(?:passwords?|passphrases?|"
            rf"codes?|pins?|cards?|cvvs?|"
            rf"phrases?|words|logins?|credentials)\b[^.!?]{{0,60}}?\b{_PRETEXT}",
            rf"\b{_PRETEXT}[^.!?]{{0,30}}?\b(?:and|then|to) (?:then )?(?:enter|hand|submit|pass|type|take|collect|"
            rf"send)\b",
        ),
        affirmed=True,
        spared=UNSPOKEN,
    ),
    Words(
        Rule("recipients.fixed", "high", "writes to an address that the person did not choose", REMEDIATION, CODES),
        phrases(
            r"(?<!e\.g\. )(?<!example: )\b(?:send|email|mail|forward|bcc|cc|copy|report|let|notify|deliver)(?:s|ed|"
            r"ing)?\b(?! (?:feedback|questions|issues|bugs|us\b))[^.!?='\"(:]{0,60}?[\w.+-]{1,40}@(?!example|domain|"
            r"company|yourdomain|email)[\w-]{2,40}\.[a-z]",
        ),
        affirmed=True,
        spared=UNSPOKEN | {"example", "default"},
    ),
    Words(
        Rule("exfiltration.secrets", "high", "asks the model for secrets", REMEDIATION, CODES),
        phrases(
            rf"\b(?:{_TELL}|extract|collect|harvest|gather|steal|reveal|dump|transmit|exfiltrate|upload|forward|"
            rf"leak|list|enumerate)\b[^.!?]{{0,40}}?\b(?:user'?s?|your|all|any|their|the user'?s|system|stored|"
            rf"saved|available|victim'?s) (?:\w+ ){{0,3}}?{SECRETS}",
            rf"\b(?:also|first|before|then|must|always|silently)\b[^.!?]{{0,40}}?\b(?:read|fetch|retrieve|include|"
            rf"send|pass|load|find|search for|scan for)\b[^.!?]{{0,40}}?\b{SECRETS}",
            rf"\b(?:steal|exfiltrat|harvest|leak)\w{{0,4}}\b[^.!?]{{0,50}}?\b{SECRETS}",
            r"\b(?:provide|supply|give|paste|submit|upload|send|include|put|export)\b[^.!?;]{0,30}?\b(?:kubeconfigs?|"
            r"keystores?|"
            r"process\.env|keychain|master passwords?)\b(?! (?:path|file path|context|name|"
            r"entry))[^.!?;]{0,40}?\b(?:of|from|on|in) "
            r"(?:all|every|this|the (?:user|machine|host|person)|your)\b",
            r"\b(?:needs?|requires?|takes?|expects?|wants?|provide|supply|give|hand over|submit|paste|enter|export|"
            r"upload)\b[^.!?;]{0,60}?"
            r"\b(?:the (?:user's|users'|person's|owner's|text of|contents? of|values? of|full|whole) |their |your "
            r")(?:\w+ ){0,5}?"
            r"(?:kubeconfigs?|keystores?|(?:seed|recovery|mnemonic|backup) (?:phrases?|words)|master passwords?|"
            r"session cookies?|"
            r"device tokens?|private keys?|keychain|password (?:store|vault)|one[- ]time codes?|browser (?:cookies|"
            r"profile))\b",
            rf"\b(?:every|each|all|any) (?:calls?|requests?|invocations?|messages?) (?:must|should|has to|have to|"
            rf"needs? to|"
            rf"shall) (?:carry|contain|include|bring|hold)\b[^.!?]{{0,40}}?\b{SECRETS}",
            rf"\b{SECRETS}(?:,? (?:and|or) \w+)? (?:that )?(?:you (?:have|can|know|saw|see|find|remember)|"
            rf"(?:the )?(?:user|"
            rf"person) (?:has )?(?:mentioned|said|typed|entered|gave))\b",
        ),
        affirmed=True,
        spared=UNSPOKEN | {"parameter"},
    ),
    Words(
        Rule(
            "sensitive-files.asked",
            "high",
            "tells the model to read a file that holds secrets",
            "Remove the instruction; a tool that needs a credential takes it from its own configuration.",
            ("OWASP-MCP01:2025", "OWASP-ASI03:2026", "ATLAS-AML.T0098", "CWE-522"),
        ),
        phrases(
            rf"\b{_READ}(?:s|ing)?\b(?! only)[^!?]{{0,70}}?{FILES}",
            rf"{FILES}[^.!?]{{0,60}}?\b(?:and|then|so|to|must|should|as) (?:\w+ ){{0,2}}?(?:pass|put|send|include|"
            rf"upload|forward|append|"
            r"attach|read|copied|provided|paste)",
            r"\b(?:lies|lis|öffne|lire|ouvre|lee|leer|leia|abra|прочитай|прочти|открой)\b[^!?]{0,50}?" + FILES,
            r"\b(?:leggi|apri|invia|lees|kopieer|stuur|przeczytaj|odczytaj|otwórz|skopiuj|wyślij|transmets|envoie|"
            r"öffne|"
            r"kopiere|sende|envía|copia|envie|copie|скопируй|отправь|اقرأ|افتح|أرسل|انسخ)\b[^!?]{0,50}?" + FILES,
            FILES + r"[^.!?।。]{0,24}(?:\b(?:oku|aç|gönder|kopyala)|읽|열어|보내|복사|पढ़|खोल|भेज)",
            r"(?:读取|打开|读|查看|読み|読んで)[^。！？]{0,20}" + FILES,
            FILES + r"[^。！？]{0,12}(?:を読|を開|读取|内容)",
        ),
        affirmed=True,
        spared=UNSPOKEN | {"default", "example", "enum"},
    ),
    Words(
        Rule(
            "sensitive-files.named",
            "low",
            "names a file that holds secrets",
            "Say why the tool needs this file.",
            ("OWASP-MCP01:2025", "ATLAS-AML.T0083", "CWE-522"),
        ),
        phrases(FILES),
        spared=frozenset({"url"}),
        bare=True,
    ),
    Words(
        Rule("exfiltration.foreign", "high", "sends, in another language, something elsewhere", REMEDIATION, CODES),
        phrases(
            r"\b(?:sende|schicke|übermittle|leite|übertrage)\w{0,2}\b[^.!?]{0,60}\b(?:gespräch|unterhaltung|"
            r"chatverlauf|passwör|zugangsdaten|schlüssel|dateien|externen)",
            r"\b(?:envoie|envoye|transmet|transfère)\w{0,3}\b[^.!?]{0,60}\b(?:conversation|mots? de passe|"
            r"identifiants|clés?|externe|fichiers)",
            r"\b(?:env[íi]a|enviar|transmit(?:e|a|ir)|reenv[íi]a)\w{0,2}\b[^.!?]{0,60}\b(?:conversaci|contraseñ|"
            r"credencial|clave|extern[oa]s?\b|historial|archivos)",
            r"\b(?:envie|enviar|transmit(?:a|ir)|encaminh)\w{0,2}\b[^.!?]{0,60}\b(?:conversa|senha|credencia|chave|"
            r"extern[oa]s?\b|histórico|arquivos)",
            r"\b(?:отправ|передай|перешли|пересла|переда)\w{0,4}\b[^.!?]{0,60}(?:разговор|переписк|парол|учетн|"
            r"учётн|ключ|внешн|истори|файл)",
            r"\b(?:invia|manda|trasmett|inoltra|carica|allega)\w{0,3}\b[^.!?]{0,50}\b(?:conversazion|password|"
            r"credenzial|chiav|"
            r"cronologia|segret)",
            r"\b(?:stuur|verzend|verstuur|upload|deel)\b[^.!?]{0,50}\b(?:gesprek|wachtwoord|inloggegevens|sleutel|"
            r"geheim|"
            r"geschiedenis)",
            r"\b(?:wyślij|prześlij|przeka[żz]|do[łl]ącz)\b[^.!?]{0,50}(?:rozmow|has[łl]|poświadcze|klucz|histori|"
            r"sekret)",
            r"(?:konuşma|sohbet|parola|şifre|kimlik bilgi|gizli|geçmiş)\w{0,8}[^.!?]{0,40}\b(?:gönder|ilet|yükle|"
            r"aktar|ekle)",
            r"(?:أرسل|ارسل|انقل|ارفع|أرفق)[^.!?؟]{0,40}(?:المحادثة|كلمات المرور|كلمة المرور|بيانات الاعتماد|"
            r"المفاتيح|سجل)",
            r"(?:बातचीत|पासवर्ड|क्रेडेंशियल|गोपनीय|इतिहास)[^.!?।]{0,30}(?:भेज|अपलोड|जोड़)",
            r"(?:대화|비밀번호|암호|자격 증명|비밀 키)[^.!?]{0,24}(?:보내|전송|업로드|첨부)",
            r"\b(?:recopi|copi|coll|joign|ajout|insér|mett|indiqu|not|repren|fourni|"
            r"plac)\w{0,4}\b[^.!?]{0,60}\b(?:(?:toute?|"
            r"l['’]intégralité de|tous les|les derniers|l['’]ensemble de)[^.!?]{0,20}(?:conversation|échanges?|"
            r"discussion|messages|"
            r"dialogue)|historique (?:de|des) (?:la |l['’])?(?:conversation|messages|échanges|discussion)|mots? de "
            r"passe|identifiants)",
            r"\b(?:tüm|bütün|önceki|son)\b[^.!?]{0,30}(?:konuşma|sohbet|mesaj|yazışma)\w{0,8}[^.!?]{0,40}(?:ekle|yaz|"
            r"koy|yapıştır|gir|"
            r"kopyala|aktar|gönder|ilet)\w{0,6}",
            r"(?:会話|やり取り|やりとり|チャット|対話|発言|ツール(?:の)?結果)[^。！？]{0,20}(?:全文|全部|すべて|全て|履歴|そのまま|結果)[^。！？]{0,24}(?:入れ|記入|書き|"
            r"貼り|添え|設定|"
            r"含め|渡)|(?:全文|全部|すべて|全て)の?(?:会話|やり取り|やりとり|チャット|対話|発言)[^。！？]{0,24}(?:入れ|記入|書き|貼り|添え|設定|含め|渡)",
            r"\b(?:füge|kopiere|trage|schreibe?|gib|setze|übernimm)\w{0,2}\b[^.!?]{0,60}\b(?:(?:gesamte[nrs]?|"
            r"ganze[nrs]?|vollständige[nrs]"
            r"?|bisherige[nrs]?|letzten)\b[^.!?]{0,20}(?:gespräch|unterhaltung|chat|dialog|nachrichten|verlauf)|"
            r"passw[oö]rt|zugangsdaten)",
            r"\b(?:copia|pega|incluye|añade|anota|pon|escribe|cole|inclua|adicione|anote|coloque|copi|incoll|"
            r"inserisc|aggiung|includ)\w{0,3}\b"
            r"[^.!?]{0,50}\b(?:tod[ao]s?|entera|completa|inteira|intera|tutta|últim[ao]s|ultimi|"
            r"íntegra)\b[^.!?]{0,20}(?:conversa|mensaj|"
            r"mensagen|messagg|chat|diálogo|dialogo)",
            r"(?:把|将)[^。！？]{0,20}(?:对话|聊天|消息|记录)[^。！？]{0,20}(?:填入|写入|放入|放到|填到|粘贴|复制|传入)",
            r"(?:发送|上传|传送|转发|传输|提交)[^。！？]{0,24}(?:对话|聊天记录|密码|凭证|凭据|密钥|外部|历史)",
            r"(?:会話|チャット|パスワード|認証情報|秘密鍵|履歴|鍵)[^。！？]{0,24}(?:送信|送って|転送|アップロード|渡し|含め)",
            r"(?:对话|聊天记录|密码|凭证|密钥|历史记录)[^。！？]{0,16}(?:发送|上传|传给|转发|发给)",
        ),
        affirmed=True,
        spared=UNSPOKEN,
    ),
)


class Exfiltration(WordScanner):
    """Finds texts that take conversations, secrets or copies away."""

    def __init__(self) -> None:
        super().__init__("exfiltration/1", WORDS, SPOKEN)
