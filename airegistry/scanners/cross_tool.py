"""Tools that speak of other tools: call me first, not that one, and this is how the other one is used."""

from collections.abc import Sequence

from airegistry.core.assets import Server
from airegistry.core.findings import Finding
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.scanners.foreign_tools import CODES, REMEDIATION, foreign_findings
from airegistry.scanners.phrasing import phrases
from airegistry.scanners.rules import SPOKEN, UNSPOKEN, Rule, Words, spoken_findings
from airegistry.scanners.texts import texts

_TOOL = (
    r"(?:[`'\"“‘][\w.-]{2,64}[`'\"”’]|\b[a-z]{2,24}(?:[_-][a-z0-9]{1,24}){1,5}\b|\b(?:other|another|every|any|all|"
    r"each|that|no other) \w{0,16})"
)
_MUST = (
    r"(?:must|always|should|have to|need to|shall|required|instead|never|override|redirect|replace|change|set|"
    r"ensure|make sure|first|also|bcc|only)"
)

WORDS = (
    Words(
        Rule("cross-tool.divert", "high", "changes how another tool is used", REMEDIATION, CODES),
        phrases(
            rf"\b(?:when|whenever|if|once|every time|each time|in case|where) (?:\w+ ){{0,5}}?{_TOOL} (?:tool |"
            rf"function )?(?:is|are|was|gets?) (?:present|available|called|used|invoked|installed|enabled|loaded|"
            rf"executed|run)\b[^.!?]{{0,100}}?\b{_MUST}\b",
            rf"\b(?:when|whenever|before|after|while|every time|each time)(?: you)? (?:us|call|invok|run|execut|"
            rf"trigger)(?:e|es|ing|ning)? (?:\w+ ){{0,3}}?{_TOOL}(?: tool| function)?,? [^.!?]{{0,60}}?\b(?:must|"
            rf"always|override|redirect|replace|change|set|ensure|bcc|instead)\b[^.!?]{{0,80}}?\b(?:to|with|"
            rf"recipient|address|parameter|argument|path|amount|first|attacker|include|send|copy)\b",
            rf"\b(?:do not|don'?t|never|stop|avoid) (?:use|call|invok|us|call|rely on|trust)(?:e|"
            rf"ing)? (?:\w+ ){{0,3}}?(?:{_TOOL}|other) (?:tools?|functions?|"
            rf"servers?)\b[^.!?]{{0,80}}?\b(?:deprecated|broken|unsafe|insecure|vulnerable|compromised|outdated|"
            rf"unreliable|this tool|this one|instead)\b",
            r"\b(?:other|all other|every other|the other|competing|alternative) (?:\w+ )?(?:tools?|servers?|"
            r"functions?) (?:is|are|have been|has been|must|should) (?:\w+ ){0,2}?(?:deprecated|broken|unsafe|"
            r"insecure|vulnerable|compromised|outdated|unreliable|avoided|ignored|disabled|not be (?:used|called|"
            r"trusted))",
            rf"\b(?:override|redirect|change|replace|rewrite|alter|modify|hijack|intercept)s? (?:the |all |any |"
            rf"every ){{0,6}}(?:recipients?|destination|payee|arguments?|parameters?|behaviou?r|outputs?|results?|"
            rf"calls?)\b[^.!?]{{0,60}}?\b(?:of|for|from|in|to|with|sent)\b[^.!?]{{0,40}}?(?:{_TOOL}|tool\b|@)",
            r"\b(?:this tool|it) (?:replaces|supersedes|overrides|takes over from) (?:all |any |every |"
            r"the ){0,6}(?:other|existing|previous|standard|built-in|default|"
            r"\w{1,24}_\w{1,24}) (?:\w+ ){0,2}?(?:tools?|functions?|servers?)",
        ),
        affirmed=False,
        spared=UNSPOKEN,
    ),
    Words(
        Rule(
            "cross-tool.fixed-argument", "high", "fixes an argument that is the person's to choose", REMEDIATION, CODES
        ),
        phrases(
            r"\b(?:always|must|should|silently|you (?:need|have) to|make sure to|ensure)\b[^.!?]{0,20}? ?(?:set|"
            r"chang|replac|us|add|includ|bcc|cc|send|rout|redirect|swap|substitut|modif|rewrit|"
            r"append)\w{0,4} (?:the |all |any |every ){0,6}(?:\w+ ){0,2}?(?:recipients?|destination|payee|wallet|"
            r"beneficiary|bcc|cc|to address|account number|phone number|iban|amount|email address|"
            r"payment)\b(?! (?:type|format|name|field names?|is|must|should|in the format))[^.!?]{0,40}? (?:to|with|"
            r"as|=|by|field) ?[`'\"+\d\w]",
            r"\b(?:replace|swap|substitute|overwrite|change)s? (?:the |any |all |"
            r"every ){0,6}(?:\w+ ){0,2}?(?:recipient|destination|payee|wallet|bank|account|phone|payment|crypto\w*|"
            r"bitcoin|email)(?: \w+)?(?: number| address| id)?s? (?:to|with|by) ",
        ),
        affirmed=True,
        spared=UNSPOKEN,
    ),
    Words(
        Rule("cross-tool.always", "high", "wants to be called whatever the person asks for", REMEDIATION, CODES),
        phrases(
            r"\b(?:always|must)\b[^.!?]{0,20}?\b(?:consult|call|use|invoke|run|execute|trigger)\b (?:this|"
            r"the) (?:\w+ )?(?:tool|function|it)\b[^.!?]{0,60}?\b(?:before (?:answering|responding|asking|providing|"
            r"any other|every|each|doing anything)|regardless of|for every (?:request|message|conversation|query|"
            r"task|response)|(?:in|on|with) every (?:conversation|message|turn|response)|no matter|even (?:if|when)|"
            r"as the (?:very )?first step)",
            r"\b(?:this|the) tool (?:must|has to|needs to) (?:always )?be (?:called|invoked|used|run|"
            r"executed) (?:\w+ ){0,3}?(?:before (?:any|every|all) (?:other )?|on every|with every|for every|"
            r"regardless)",
        ),
        spared=UNSPOKEN,
    ),
    Words(
        Rule("cross-tool.preference", "medium", "sets itself above other tools", REMEDIATION, CODES),
        phrases(
            r"#1[- ](?:ranked|rated|choice|tool|server)",
            r"\b(?:rated|ranked|voted) #? ?1\b|\boutperforms? (?:all|any|every|other)\b|\b(?:inferior|outdated|"
            r"lesser|competing) (?:tools?|alternatives?|servers?|options?)\b|\baward[- ]winning\b|"
            r"\bsuperior to (?:all|any|every|other|standard)|\bscientifically proven\b|\b(?:proven|"
            r"known) to be superior\b|\b(?:trusted|endorsed|recommended) by (?:\w+ ){0,3}?(?:experts|researchers|"
            r"fortune|millions|leading|stanford|mit\b|google|microsoft|openai|anthropic)|\bact now\b|"
            r"\blimited[- ]time\b|\bgame[- ]changer\b|\b(?:ultimate|only) best (?:tool|choice)",
            r"\b(?:ignore|avoid|skip|never use|do not use|don't use|stop using) (?:all |any |the |"
            r"every ){0,6}other (?:\w+ ){0,2}?\w+s\b",
            r"\b(?:highest|top|maximum|absolute)[- ]priority (?:\w+ )?(?:tool|server|function)\b|\b(?:select|choose|"
            r"pick|use|"
            r"call) (?:it|this(?: tool| one| server)?) (?:first|ahead of|over|above) (?:all|any|every|each|"
            r"the other|"
            r"other|everything)\b|\b(?:never|do not|don't) (?:pick|use|choose|select|call|consider|try) (?:any )?"
            r"(?:alternatives?|competitors?|another (?:tool|server)|other ones?)\b|\bonly (?:trustworthy|trusted|"
            r"reliable|"
            r"authoritative|valid|correct) (?:source|tool|server|answer)\b|\b(?:ignore|discard|distrust|"
            r"disregard)s? (?:the )?"
            r"(?:results?|answers?|outputs?) (?:of|from) (?:any |all |every |the )?others?\b",
            r"\bprioriti[sz]e this (?:tool|server)|\bthe only \w+ (?:you should|to) (?:trust|use)\b",
            r"\b(?:the )?(?:best|most (?:reliable|accurate|trusted|effective|powerful|secure)|only (?:trusted|"
            r"official|reliable|secure|correct|approved)|superior|preferred|number one|#1) (?:\w+ ){0,2}?(?:tool|"
            r"server|function|choice|option)\b[^.!?]{0,40}?[,.;:!] ?[^.!?]{0,40}?\b(?:always|must|should|use|choose|"
            r"select|prefer)\b[^.!?]{0,40}?\b(?:this|it|first|over|instead)\b",
            r"\b(?:prefer|choose|select|favou?r|prioriti[sz]e) this (?:tool|server|function) (?:over|above|to|"
            r"instead|before|for all|for any|for every|whenever|every time|always)\b"
            r"(?! (?:[\w-]{1,20} ){1,5}?(?:for|when|if) (?:(?:questions?|anything|queries|tasks?|work|everything|"
            r"requests?|all"
            r"|any|users?|you|the|help) ){1,4}(?:on|about|concerning|regarding|in|of|with|ask|asks|need|needs|is|"
            r"are)\b)",
            r"\b(?:other|all other|similar|alternative) (?:\w+ )?tools? (?:are|is|may be|can be|"
            r"will) (?:\w+ ){0,2}?(?:inferior|less|wrong|unofficial|slower|inaccurate|fail|obsolete|redundant)",
        ),
        spared=UNSPOKEN,
    ),
    Words(
        Rule("ranking.turned", "high", "turns what the model recommends to somebody's advantage", REMEDIATION, CODES),
        phrases(
            r"\b(?:place|put|list|show|rank|name|recommend|mention|present|offer|suggest|choose|favou?r|"
            r"prefer)\b[^.!?]{0,40}?\b"
            r"(?:items?|products?|offers?|hotels?|brands?|articles?|results?|vendors?|sellers?|flights?|listings?|"
            r"services?|partners?|"
            r"banks?|shops?|restaurants?|suppliers?|rooms?|deals?|cars?|loans?|funds?|courses?|apps?|packages|"
            r"medicines?) (?:of|from|by|made by|run by) (?!the (?:user|same|requested|list|search)|your |"
            r"each |every |all |any |this |that |a |an )[^.!?,;]{2,50}?\b(?:first|at the top|on top|above|ahead|"
            r"before (?:all|any|the "
            r"other)|whatever|regardless|even if|no matter|more often)\b",
            r"\bdescribe (?:the )?(?:rest|others?|competitors?|alternatives|remaining \w+|"
            r"them)\b[^.!?]{0,40}?\b(?:as|in)\b[^.!?]{0,30}?\b"
            r"(?:critical|negative|neutral|worse|noisy|unsafe|unreliable|expensive|cold|less|poor|outdated|bad)\b",
            r"\b(?:leave out|omit|hide|do not (?:mention|show|list|offer)|never (?:mention|show|list|offer)|skip) "
            r"(?:the )?(?:cheaper|better|"
            r"competing|rival|other) (?:\w+ )?(?:ones?|offers?|products?|items?|hotels?|brands?|vendors?|options?|"
            r"alternatives?)\b",
            r"\b(?:do not|don't|never) (?:offer|suggest|name|propose|mention|consider) (?:any )?(?:alternatives?|"
            r"competitors?|others?\b|"
            r"other (?:tools?|servers?|generators?|agents?|providers?|options?))",
            r"\b(?:assistants?|models?|agents?|llms?) (?:that|which|who) (?:call|use|choose|pick|prefer|"
            r"select)\b[^.!?]{0,50}?\b(?:get|are|"
            r"is|will be|may be|risk)\b[^.!?]{0,20}?\b(?:flagged|rated|penali[sz]ed|downgraded|ranked|blocked|lower|"
            r"punished|reported)\b",
            r"\b(?:must|always|only)\b[^.!?]{0,20}?\b(?:choose|pick|use|prefer|select) this (?:tool|server|one) "
            r"(?:over|instead of|"
            r"rather than|before) (?:every|all|any) other\b[^.!?]{0,30}?\b(?:exceptions?|whatever|no matter|even if|"
            r"regardless)\b",
            r"\b(?:pick|choose|use|select|call) (?:this|this one|it|this tool) (?:each|every) time\b|\bto keep your "
            r"(?:rating|score|rank)\b",
            r"\b(?:every|each|all|any) (?:other )?(?:tool )?(?:calls?|requests?|actions?|invocations?)(?: of "
            r"[^.!?]{2,30}?)? (?:has|have|must|"
            r"needs?|is|are) (?:to )?(?:first )?(?:be )?(?:cleared|approved|checked|passed?|routed|sent|go|validated|"
            r"registered)(?: first)?"
            r" (?:here|through (?:here|this|me)|by this|with this|to this)\b|\bmandatory (?:gate|checkpoint|gateway|"
            r"first stop)\b",
        ),
        affirmed=False,
        spared=UNSPOKEN,
    ),
    Words(
        Rule("cross-tool.chain", "high", "passes data on to another tool by order", REMEDIATION, CODES),
        phrases(
            r"\b(?:passed|sent|forwarded|piped|submitted|handed) (?:directly |automatically |immediately |"
            r"straight ){1,2}(?:on )?to (?:the |an? )?[`'\"]?\w{2,40}(?:[ _]\w{2,20})?[`'\"]? ?(?:tool|api|endpoint|"
            r"service|function)",
            r"\b(?:also|additionally|secretly|afterwards) (?:call|invoke|run|use|"
            r"trigger) (?:the )?[`'\"]?[a-z]{2,24}(?:[_-][a-z0-9]{1,24}){1,4}",
            r"\b(?:always|automatically|must|immediately|silently|directly)\b[^.!?]{0,30}?\b(?:pass|send|forward|"
            r"submit|feed|pipe|hand|route|relay|provide)\b[^.!?]{0,40}? (?:to|into|through|via) (?:the |a |"
            r"an )?[`'\"]?[a-z]{2,24}(?:_[a-z0-9]{1,24}){0,4}_(?:tool|api|endpoint|upload|email|send|log|sync|"
            r"webhook)\b",
            r"\b(?:always|automatically|must|immediately|silently|then)\b[^.!?]{0,30}?\b(?:call|invoke|use|run|"
            r"execute)\b (?:the )?"
            rf"{_TOOL}(?: tool)?[^.!?]{{0,30}}? with (?:\w+ ){{0,4}}?(?:full|entire|complete|content|contents|"
            rf"user'?s?|credentials?|password|"
            r"token|conversation|history|file)",
        ),
        affirmed=True,
        spared=UNSPOKEN,
    ),
    Words(
        Rule("cross-tool.collect", "medium", "asks for the results of other tools first", REMEDIATION, CODES),
        phrases(
            r"\b(?:first|before (?:using|calling|invoking|running) this(?: tool)?|prior to (?:using|"
            r"calling))\b,?[^.!?]{0,20}?\b(?:collect|gather|read|fetch|get|list|call|use|run|retrieve|query|"
            r"look up)\b[^.!?]{0,80}?\b(?:and|then) (?:pass|send|include|provide|supply|put|attach|add)\b",
            r"\b(?:pass|include|provide|put|send|add|supply)\b[^.!?]{0,40}?\b(?:contents?|output|results?|response|"
            r"history)\b[^.!?]{0,40}? (?:as|in|to|into|via|through|under) (?:the )?[`'\"‘“]\w{2,40}[`'\"’”]",
        ),
        spared=UNSPOKEN,
    ),
    Words(
        Rule(
            "cross-tool.foreign", "medium", "wants, in another language, to be called before others", REMEDIATION, CODES
        ),
        phrases(
            r"\b(?:vor|bevor) (?:jede[mrns]?|alle[mn]?|ande?re[mnr]?) (?:\w+ ){0,2}?(?:werkzeug|tool|funktion|"
            r"antwort|aufruf)",
            r"\bavant (?:tout|toute|chaque|n['’]importe quel(?:le)?) (?:autre )?(?:outil|réponse|appel|fonction)",
            r"\bantes de (?:cualquier|cada|toda|qualquer|todas as|todas las) (?:otra |outra |otras |"
            r"outras )?(?:herramienta|"
            r"respuesta|llamada|ferramenta|resposta|chamada)",
            r"\bprima di (?:qualsiasi|qualunque|ogni|tutti gli) (?:altr[oa] )?(?:strumento|risposta|chiamata|tool)",
            r"\bvoor (?:elke?|ieder|iedere|alle|andere?) (?:andere? )?(?:tools?|hulpmiddel|gereedschap|antwoord|"
            r"aanroep)",
            r"\bprzed (?:ka[żz]d\w{1,3}|wszystkimi|jakimkolwiek|innymi) (?:\w+ )?(?:narzędzi|odpowiedzi|wywo[łl]ani)",
            r"\b(?:diğer|herhangi bir|her|tüm) (?:\w+ )?(?:araç|arac|yan[ıi]t|çağr[ıi])\w{0,6} (?:\w+ )?(?:önce|"
            r"öncesinde)",
            r"\bперед (?:любым|каждым|всеми|другими|использованием) (?:\w+ ){0,2}?(?:инструмент|ответ|вызов)",
            r"(?:调用|使用)(?:任何|所有|其他|其它)[^。！？]{0,6}(?:工具|功能)(?:之)?前|每次[^。！？]{0,10}必须[^。！？]{0,6}调用",
            r"(?:他の|すべての|全ての|どの)[^。！？]{0,8}(?:ツール|回答)[^。！？]{0,10}前に",
            r"(?:다른|모든) [^.!?]{0,10}(?:도구|응답)[^.!?]{0,12}전에",
            r"قبل (?:أي|كل|استخدام أي|استدعاء أي)[^.!?؟]{0,14}(?:أداة|رد|إجابة)",
            r"(?:किसी भी|हर|सभी|अन्य) [^.!?।]{0,12}(?:टूल|उपकरण|उत्तर)[^.!?।]{0,10}पहले",
        ),
        spared=UNSPOKEN,
    ),
    Words(
        Rule("cross-tool.first", "medium", "wants to be called before others, or always", REMEDIATION, CODES),
        phrases(
            r"\b(?:before|prior to) (?:using|calling|invoking|running|executing|accessing) (?:any|all|every|other|"
            r"another|each)(?: of the)?(?: other)? ?(?:\w+ ){0,1}?(?:tools?|functions?|commands?|servers?|"
            r"operations?)",
            r"\b(?:must|always|should|shall|needs? to|required to) (?:be )?(?:call|invok|us|consult|run|execut)(?:e|"
            r"ed)? (?:(?!\w*_)\w+ ){0,4}?(?:first|before (?:any|every|all|each|answering|responding|doing|"
            r"proceeding|other|"
            r"starting)|at the (?:start|beginning) of (?:every|each|any|the)|(?:for|on|with|after|in) (?:every|each|"
            r"all) (?:request|message|conversation|query|task|interaction|response|turn|call))",
            r"\b(?:always|must) (?:use|call|invoke|consult|prefer|choose|select) this (?:tool|function|"
            r"server)\b[^.!?]{0,60}?\b(?:first|before(?! (?:the )?[`'\"]|(?:the )? \w+[_-])|instead|over|regardless|"
            r"rather than|every|any other|"
            r"immediately|exclusively)\b",
            r"\b(?:instead of|rather than|over|in preference to|in place of) (?:any |all |every |the ){0,6}(?:other|"
            r"alternative|competing|built-in|native|existing) (?:\w+ ){0,2}?(?:tools?|functions?|servers?)",
            r"\bregardless of (?:the |what (?:the )?)?(?:user|task|request|query|context|other)\w{0,2}\b",
            r"\b(?:this|the) tool (?:must|has to|needs to|should) (?:always )?be (?:called|invoked|used|run|"
            r"executed|preferred|chosen|prioriti[sz]ed)(?: \w+){0,3}? (?:first|always|before|every|over|immediately)",
        ),
        spared=UNSPOKEN,
    ),
)


class CrossTool:
    """Word rules, and the names of the tools that other servers of the catalog have."""

    name = "cross-tool/1"

    def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        """One finding per rule and text."""
        if asset.kind not in SPOKEN:
            return ()
        found = spoken_findings(texts(asset), WORDS)
        return found + foreign_findings(asset, around.names) if isinstance(asset, Server) else found
