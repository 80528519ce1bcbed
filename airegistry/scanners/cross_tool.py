"""Tools that speak of other tools: call me first, not that one, and this is how the other one is used."""

import re
from collections.abc import Sequence

from airegistry.core.assets import Server
from airegistry.core.findings import Finding
from airegistry.core.ports import AnyAsset, Names, Surroundings
from airegistry.core.shelf import ref
from airegistry.scanners.rules import LONGEST_TEXT, SPOKEN, UNSPOKEN, Rule, Words, phrases, spoken_findings
from airegistry.scanners.texts import Role, texts

CODES = ("OWASP-MCP03:2025", "OWASP-ASI02:2026", "OWASP-LLM01:2025", "ATLAS-AML.T0110", "CWE-1427")
REMEDIATION = "Describe this tool; leave which tools are called, and how, to the model and to their own descriptions."
_TOOL = (
    r"(?:[`'\"“‘][\w.-]{2,64}[`'\"”’]|\b[a-z]{2,24}(?:[_-][a-z0-9]{1,24}){1,5}\b|\b(?:other|another|every|any|all|"
    r"each|that|no other) \w{0,16})"
)
_MUST = (
    r"(?:must|always|should|have to|need to|shall|required|instead|never|override|redirect|replace|change|set|"
    r"ensure|make sure|first|also|bcc|only)"
)

KNOWN = Rule("cross-tool.known", "high", "commands the use of another server's tool", REMEDIATION, CODES)
MENTION = Rule("cross-tool.mention", "low", "names another server's tool", REMEDIATION, CODES)
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
            r"\bprioriti[sz]e this (?:tool|server)|\bthe only \w+ (?:you should|to) (?:trust|use)\b",
            r"\b(?:the )?(?:best|most (?:reliable|accurate|trusted|effective|powerful|secure)|only (?:trusted|"
            r"official|reliable|secure|correct|approved)|superior|preferred|number one|#1) (?:\w+ ){0,2}?(?:tool|"
            r"server|function|choice|option)\b[^.!?]{0,40}?[,.;:!] ?[^.!?]{0,40}?\b(?:always|must|should|use|choose|"
            r"select|prefer)\b[^.!?]{0,40}?\b(?:this|it|first|over|instead)\b",
            r"\b(?:prefer|choose|select|favou?r|prioriti[sz]e) this (?:tool|server|function) (?:over|above|to|"
            r"instead|before|for all|for any|for every|whenever|every time|always)\b",
            r"\b(?:other|all other|similar|alternative) (?:\w+ )?tools? (?:are|is|may be|can be|"
            r"will) (?:\w+ ){0,2}?(?:inferior|less|wrong|unofficial|slower|inaccurate|fail|obsolete|redundant)",
        ),
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
        Rule("cross-tool.first", "medium", "wants to be called before others, or always", REMEDIATION, CODES),
        phrases(
            r"\b(?:before|prior to) (?:using|calling|invoking|running|executing|accessing) (?:any|all|every|other|"
            r"another|each)(?: of the)?(?: other)? ?(?:\w+ ){0,1}?(?:tools?|functions?|commands?|servers?|"
            r"operations?)",
            r"\b(?:must|always|should|shall|needs? to|required to) (?:be )?(?:call|invok|us|consult|run|execut)(?:e|"
            r"ed)? (?:\w+ ){0,4}?(?:first|before (?:any|every|all|each|answering|responding|doing|proceeding|other|"
            r"starting)|at the (?:start|beginning) of (?:every|each|any|the)|(?:for|on|with|after|in) (?:every|each|"
            r"all) (?:request|message|conversation|query|task|interaction|response|turn|call))",
            r"\b(?:always|must) (?:use|call|invoke|consult|prefer|choose|select) this (?:tool|function|"
            r"server)\b[^.!?]{0,60}?\b(?:first|before|instead|over|regardless|rather than|every|any other|"
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
_IDENTIFIER = re.compile(
    r"\b[A-Za-z][A-Za-z0-9]{0,30}(?:[_-][A-Za-z0-9]{1,30}){1,6}\b|\b[a-z]{1,20}(?:[A-Z][a-z0-9]{1,20}){1,6}\b|"
    r"(?<=[`'\"])[A-Za-z][A-Za-z0-9_.-]{1,63}(?=[`'\"])|\b[A-Za-z0-9]{1,40}(?= tool\b)"
)
_COMMAND = re.compile(rf"\b(?:{_MUST}|do not|don't|before|after|when|whenever|prefer)\b")
_SENTENCE = re.compile(r"[.!?;](?:\s|$)")
_SPEAKING: frozenset[Role] = frozenset(
    {"description", "instructions", "title", "prompt", "resource", "default", "enum"}
)


class CrossTool:
    """Word rules, and the names of the tools that other servers of the catalog have."""

    name = "cross-tool/1"

    def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        """One finding per rule and text."""
        if asset.kind not in SPOKEN:
            return ()
        found = spoken_findings(texts(asset), WORDS)
        return found + _known(asset, around.names) if isinstance(asset, Server) else found


def _known(server: Server, names: Names) -> list[Finding]:
    """Mentions of tools that only other servers have."""
    own = {tool.name for tool in server.tools} | {prompt.name for prompt in server.prompts}
    found = []
    for text in texts(server):
        if text.role in _SPEAKING:
            seen = next((seen for form in text.spoken if (seen := _foreign(form, own, ref(server), names))), None)
            if seen is not None:
                found.append(seen[0].finding(text.field, seen[1]))
    return found


def _foreign(form: str, own: set[str], me: str, names: Names) -> tuple[Rule, str] | None:
    """The worst that a text says of another server's tool, with the sentence."""
    mention: tuple[Rule, str] | None = None
    for sentence in _SENTENCE.split(form[:LONGEST_TEXT]):
        for match in _IDENTIFIER.finditer(sentence):
            owners = names.owners(match[0]) if match[0] not in own else ()
            if owners and me not in owners:
                if _COMMAND.search(sentence.lower()):
                    return KNOWN, sentence[:200]
                mention = mention or (MENTION, sentence[:200])
    return mention
