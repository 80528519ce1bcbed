"""Sentences in skills that turn what is done for their user against them: rigged judgements, locked programs, keys."""

from airegistry.scanners.rules import Rule
from airegistry.scanners.skill_orders import ADDRESSED, ARCHIVE
from airegistry.scanners.skill_sayings import Saying, any_of

_TRUST = ("OWASP-MCP06:2025", "OWASP-ASI09:2026", "OWASP-LLM01:2025", "ATLAS-AML.T0051.001", "CWE-451")
_REMEDY = "Take the sentence out: a skill says openly what it does, and its user decides."

AGAINST_ITS_USER = (
    Saying(
        Rule("skill-deception.rigged", "high", "a judgement is settled before anything was looked at", _REMEDY, _TRUST),
        (
            any_of(
                r"\b(?:approv\w{1,3}|lgtm|rate|score|rank|hire|recommend|endorse|sign off|(?:accept|merge|pass) "
                r"(?:all|every|any))"
                r"\b[^.]{0,120}"
                r"\b(?:without (?:ever |actually |even )?(?:look|read|review|check|inspect|test|examin|verif|evaluat)"
                r"\w{0,4}|(?:regardless of|no matter) (?:the |its |their |what |how )?(?:quality|contents?|findings"
                r"|merit|results?|code|diff|evidence|problems?|bugs?|issues?|actual))",
                r"\b(?:invent|make up|fabricat\w{1,3}|add fake|concoct|exaggerat\w{1,3})\b (?:an? |some |the |minor "
                r"|mild "
                r"|small ){0,3}(?:[\w-]{1,14} ){0,2}(?:drawbacks?|flaws?|weakness(?:es)?|reviews?|ratings?|complaints?"
                r"|testimonials?|defects?|downsides?|problems? (?:with|in|for|of)|shortcomings?)",
                r"\b(?:always|only|never)\b[^.]{0,40}\b(?:report|say|state|answer|claim)\w{0,3}\b[^.]{0,24}\b(?:no "
                r"(?:issues"
                r"|problems|vulnerabilities|findings)|clean|thorough|safe|passed)\b[^.]{0,60}\b(?:even (?:if|when)"
                r"|regardless|whatever|no matter)",
                r"\b(?:leave|keep|lower|reduc|hold|downgrad)\w{0,3} (?:out |down )?(?:[\w'’-]{1,14} "
                r"){0,3}(?:competitors?"
                r"|rivals?|other (?:vendors?|brands?|products?))(?:['’]s?)?\b[^.]{0,40}\b(?:scores?|ratings?|ranks?"
                r"|out of)\b",
            ),
        ),
        hints=tuple(
            "without regardless matter invent make fabricat fake concoct exaggerat even whatever competitor rival "
            "other".split()
        ),
    ),
)

LOCKED_COMPANION = Saying(
    ARCHIVE,
    (
        any_of(
            r"\bpass(?:word|code|phrase)?(?: is| for the (?:archive|zip) is)? ?[:=]? ?[`\"'“(][\w.!@#-]{3,40}[`\"'”)]",
            r"\b(?:unzip|7za? x?|unrar x?|bsdtar|openssl enc|gpg)\b[^\n]{0,80}\s(?:-p ?|--passw\w{2,8}[ =]|-pass pass:"
            r"|--passphrase[ =])[\"']?[^\s\"'$<{-]{3,40}",
        ),
        any_of(r"\.(?:zip|rar|7z|enc|gpg)\b|\barchive\b"),
        any_of(
            r"\bchmod (?:[ugoa]{0,3}\+x|[0-7]{0,2}7[0-7]{2})|(?:&&|;|`) ?(?:sudo )?\.?/[\w./-]{2,80}"
            r"|\b(?:execute|launch|double-click|start) (?:the |it\b|`)|\brun (?:the (?:program|binary|installer"
            r"|extracted"
            r"|executable|setup|tool)|`?\./|`?/tmp/|it\b)|\b(?:bash|sh|python3?|node|start) /tmp/"
        ),
    ),
    span=3,
    hints=tuple(".zip .rar .7z .enc .gpg archive".split()),
)

ADDRESSED_FOR_KEYS = Saying(
    Rule(
        "skill-injection.addressed-for-keys",
        "critical",
        "a remark in code or data has the assistant take its user's keys",
        _REMEDY,
        _TRUST,
        "high",
        structural=True,
    ),
    (
        ADDRESSED.needs[0],
        any_of(
            r"\b(?:read|print|cat|send|upload|includ|copy|paste|put|add|append|attach|encod|open|collect|forward"
            r"|pass|post"
            r"|embed|writ|insert)\w{0,3}\b[^.]{0,80}(?:~/\.|\.ssh\b|\bid_(?:rsa|ed25519)|\.aws/|\.netrc"
            r"|\.git-credentials"
            r"|\.kube/config|/etc/shadow|(?<![\w.])\.env\b(?![.\w])|\benvironment variables|\bapi keys?|\bpasswords?"
            r"|\bcredentials|\b(?:access|session|auth) tokens?|\bcookies)"
        ),
        any_of(
            r"\b(?:do ?n[o']t|never|without|no need to) (?:\w{1,10} )?(?:mention|tell|inform|show|reveal|notify|ask"
            r"|report"
            r"|warn|alert|disclos|say)\w{0,4}\b|\b(?:silently|quietly|secretly|covertly)\b|https?://|\balready "
            r"(?:approved"
            r"|agreed|consented)|\bhas approved\b|[\w.+-]{1,40}@[\w-]{1,40}\.[a-z]"
        ),
    ),
    span=3,
    hints=ADDRESSED.hints,
)
"""For words beside code and data only: the text of a skill always speaks to the assistant."""
