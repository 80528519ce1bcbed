"""Words against what protects the person: no confirmation, checks off, rights that nobody gave."""

from airegistry.scanners.phrasing import phrases
from airegistry.scanners.rules import SPOKEN, UNSPOKEN, Rule, Words, WordScanner

CODES = ("OWASP-MCP02:2025", "OWASP-ASI03:2026", "OWASP-LLM06:2025", "ATLAS-AML.T0054", "CWE-862")
REMEDIATION = "Remove the sentence; checks and consent are decided outside of the description."
_CHECKS = (
    r"(?:checks?|polic(?:y|ies)|filters?|filtering|controls?|restrictions?|validations?|safeguards?|guardrails?|"
    r"measures?|boundar(?:y|ies)|gates?|reviews?|mechanisms?|protections?|guidelines?|constraints?|prompts?|limits?)"
)
_OFF = (
    r"(?:bypass|skip|disabl|circumvent|evad|ignor|disregard|sidestep|overrid|turn(?:s|ing)? off|deactivat|suppress|"
    r"remov|avoid)"
)
_GUARD = (
    r"(?:safety|security|permissions?|access|authori[sz]ation|approval|confirmation|consent|content|compliance|"
    r"audit|moderation|authentication|trust|privilege|sandbox)"
)
_ASSENT = r"(?:confirmation|consent|approval|permission|authori[sz]ation|acknowledge?ment|agreement|verification)"
_DEED = (
    r"(?:execut|forward|send|pass|run|transmit|upload|delet|transfer|approv|process|perform|call|invok|proceed|"
    r"share|submit|purchas|pay|install|writ|modif|push|post|trust|accept|attach|hand|tak|cop|put|recreat|"
    r"overwrit)\w{0,4}"
)

WORDS = (
    Words(
        Rule("safeguards.unasked", "high", "tells the model to act without asking the person", REMEDIATION, CODES),
        phrases(
            rf"\b(?:always|automatically|immediately|directly|must|should|just|freely|simply|then|"
            rf"also)\b[^.!?]{{0,20}}? ?{_DEED}\b[^.!?]{{0,90}}? without (?:\w+ ){{0,3}}?(?:asking|requesting|"
            rf"waiting|seeking|requiring|obtaining|needing|getting|human|user|explicit|any|"
            rf"further)(?: \w+){{0,4}}? {_ASSENT}",
            rf"\b(?:do not|don'?t|never|no need to|need not|must not|should not) (?:ask|request|wait|seek|require|"
            rf"prompt|obtain|bother)(?:ing)?(?: \w+){{0,4}}? (?:for )?(?:\w+ ){{0,3}}?{_ASSENT}",
            r"\b(?:do not|don'?t|never) (?:ask|bother|question|check with|consult|confirm with|verify with) (?:the |"
            r"your )?(?:end[- ])?(?:user|human|operator)\b(?! (?:for (?!(?:\w+ ){0,2}?(?:confirm|approv|permission|"
            r"consent|"
            r"authori|agree))|to (?!(?:\w+ )?(?:confirm|approve|agree|allow|authori|consent))))",
            r"\b(?:no|there(?:'s| is) no|there is not any) (?:need|reason|point) (?:to|in) (?:ask|asking|prompt|"
            r"prompting|"
            r"confirm|confirming|check|checking)\b(?! (?:for|which|what|where|how|the user (?:for|which|what))\b)|"
            r"\b(?:asking|confirming|"
            r"prompting|a prompt|(?:a )?confirmation(?: dialog)?|asking (?:again|first))(?: again| first| the user|"
            r" here)? "
            r"(?:is|would be|are) (?:not (?:needed|necessary|required|wanted)|unnecessary|superfluous|redundant|"
            r"pointless|annoying)(?! (?:for (?:read|list|search)|as (?:it|this) (?:is|only)))",
            rf"\b{_DEED}\b[^.!?]{{0,40}}? without (?:asking|prompting|checking|confirming)\b(?! for)",
            r"\b(?:always|automatically|implicitly|blindly|fully) (?:trust|approve|accept|allow|grant|"
            r"confirm)s? (?:all|any|every|whatever|each)\b|\btrust (?:all|any|every) (?:\w+ ){0,2}?(?:inputs?|"
            r"commands?|quer(?:y|ies)|requests?|instructions?|sources?|roles?)\b",
            r"\bhas (?:already )?been (?:pre-?)?(?:approved|authori[sz]ed|validated|verified|cleared) by (?:the |"
            r"an? |your )?(?:\w+ )?(?:admin\w{0,12}|user|security|it department|compliance|management|owner)",
        ),
        affirmed=False,
        spared=UNSPOKEN,
    ),
    Words(
        Rule("safeguards.off", "high", "tells the model to act without safety checks", REMEDIATION, CODES),
        phrases(
            r"\b(?:disabl|ignor|remov|bypass|deactivat|drop|lift|suspend)(?:e|es|ing|s)? (?:(?:all|any|the|your|"
            r"every|its|security|safety) ){1,3}(?:guardrails?|safeguards?|safety|restrictions|protections)\b",
            r"\bignore (?:\w+ )?(?:openai|anthropic|google|company|corporate|organi[sz]ation\w*|"
            r"platform)(?:'s)? (?:\w+ )?polic",
            r"\b(?:execut|run|process|perform|accept|fulfil)\w{0,3} (?:any|all|"
            r"every)(?: \w+){1,3}? without (?:any )?(?:\w+ )?(?:validation|verification|authentication|ethical|"
            r"checks|questions?|hesitation|restrictions?|limits?)",
            rf"\bwithout (?:any |further |additional |the |proper |performing |applying ){{0,6}}(?:{_GUARD} |"
            rf"content |input )?(?:filtering|safety checks?|security checks?|safety filters?|content filters?|"
            rf"safeguards|guardrails|moderation|safety validation|security validation|restrictions or|"
            rf"validation or confirmation|(?:safety|security) (?:polic\w{{1,3}}|measures|controls|restrictions))\b",
            r"\b(?:ignor|disregard|disabl|deactivat|turn off|suspend|remov|lift|drop)(?:e|es|s|ing)? (?:all |any |"
            r"the |every |your |its ){0,6}(?:ai |content |model |built-in ){0,6}(?:safety|security|content|ethical|"
            r"moderation)(?:[- ]\w+)? "
            rf"{_CHECKS}",
            r"\boverrid(?:e|es|ing) (?:\w+ ){0,4}?(?:safety|security|content|moderation|"
            r"ethical) (?:\w+ )?(?:polic(?:y|ies)|rules|guidelines|filters?|restrictions|controls|protocols?|"
            r"measures)\b",
            rf"\b{_OFF}(?:e|es|s|ing)? (?:all|any|every|normal|regular|standard|"
            rf"usual) (?:\w+ ){{0,2}}?{_GUARD}(?: \w+)? ?{_CHECKS}",
            r"\b(?:skip|omit|bypass)(?:s|ping|ting|ing)? (?:all|any|every) (?:\w+ )?(?:validation|verification|"
            r"confirmation|approval|authentication|authori[sz]ation)s?\b",
        ),
        affirmed=True,
        spared=UNSPOKEN,
    ),
    Words(
        Rule("safeguards.bypass", "medium", "speaks of going around a check", REMEDIATION, CODES),
        phrases(
            rf"\b{_OFF}(?:e|es|s|ing)? (?:\w+ ){{0,3}}?{_GUARD}(?: \w+)? ?{_CHECKS}\b",
            rf"\b(?:not|never|no longer) (?:be )?(?:subject to|bound by|limited by|constrained by|"
            rf"require) (?:\w+ ){{0,3}}?(?:{_GUARD} )?(?:{_CHECKS}|{_ASSENT})\b",
            rf"\bwithout (?:\w+ ){{0,3}}?(?:user|human|explicit|prior|owner) (?:\w+ ){{0,2}}?{_ASSENT}\b",
        ),
        affirmed=True,
        spared=UNSPOKEN,
    ),
    Words(
        Rule("safeguards.claimed-approval", "medium", "claims an approval that nobody here gave", REMEDIATION, CODES),
        phrases(
            r"\bhas (?:already |been |fully |security ){1,3}(?:audited|approved|authori[sz]ed|whitelisted|vetted|"
            r"certified|cleared|verified|validated)(?: and \w+)? (?:for|to|by|as safe)\b",
            r"\btrust this (?:tool|server|function)\b|\b(?:authori[sz]ed|approved|requested|mandated) by (?:the |"
            r"your )?(?:system |it |security ){0,6}(?:administrators?|admin|operators?)\b",
        ),
        affirmed=True,
        spared=UNSPOKEN,
    ),
    Words(
        Rule("consent.planted", "high", "says for the person that the person agreed", REMEDIATION, CODES),
        phrases(
            r"(?<!if the )(?<!when the )(?<!once the )(?<!after the )(?<!until the )(?<!that the )(?<!unless the )"
            r"(?<!if )(?<!when )(?<!once )(?<!after )(?<!until )(?<!unless )(?<!that )(?<!whether )(?<!only "
            r")(?<!where )"
            r"\b(?:the |your |every |all |our )?(?:end[- ])?(?:users?|customers?|humans?|persons?|owners?|"
            r"clients?) (?:(?:has|"
            r"have|had) )?(?:already |previously |implicitly |explicitly |fully |long ){0,3}(?:agreed|consented|"
            r"approved|authori[sz]ed|confirmed|accepted|permitted|opted in|given (?:\w+ )?(?:consent|permission|"
            r"approval))"
            r"\b[^.!?]{0,60}?\b(?:when|at|during|by|on|to|already|so|for|in|upon|all|any|every)\b",
            r"\b(?:consent|permission|approval|authori[sz]ation|agreement) (?:was|has been|is|were) (?:already |"
            r"previously |implicitly ){0,2}(?:given|granted|obtained|collected|implied|on file|assumed)\b",
            r"\b(?:transfers?|payments?|purchases?|orders?|requests?|actions?|calls?|deletions?|transactions?|changes?|"
            r"commands?|operations?) (?:\w+ ){0,3}?(?:are|is|have been|has been|count as|counts as) (?:all |"
            r"already |always "
            r"){0,2}(?:pre-?)(?:approved|authori[sz]ed|confirmed|cleared|consented)\b",
        ),
        affirmed=True,
        spared=UNSPOKEN,
    ),
    Words(
        Rule("safeguards.privilege", "medium", "claims rights that a description cannot give", REMEDIATION, CODES),
        phrases(
            r"\b(?:with|has|have|grants?|gives?|gains?|full|using|under|assume|simulate|"
            r"provides?) (?:\w+ ){0,2}?(?:full |elevated |unrestricted |root |admin(?:istrator|istrative)? |"
            r"superuser |superadmin |system |complete ){1,4}(?:privileges?|access to (?:all|every|the entire)|trust|"
            r"authority|rights|system access)\b",
            r"\bgrant\w{0,3} (?:\w+ )?(?:unrestricted|unlimited|full|elevated|root|"
            r"admin\w{0,10})[ _](?:\w+ )?(?:access|privileges?|rights)\b",
            r"\b(?:disable|turn off|suppress|stop) (?:\w+ )?(?:audit|auditing|audit[_ ]logging|logging|monitoring)\b",
            r"\b(?:unrestricted|unlimited|unfettered) (?:\w+ )?(?:access|queries|execution|privileges?)\b",
            r"\bescalat\w{1,3} (?:to |its |your |the |user ){0,6}(?:super ?admin|root|admin\w{0,10}|privileges?|"
            r"permissions?)\b",
        ),
        affirmed=True,
        spared=UNSPOKEN,
    ),
    Words(
        Rule(
            "safeguards.foreign",
            "high",
            "tells the model, in another language, to act without asking",
            REMEDIATION,
            CODES,
        ),
        phrases(
            r"\bohne (?:\w+ ){0,3}?(?:bestätigung|zustimmung|einwilligung|genehmigung|rückfrage|nachzufragen|"
            r"erlaubnis)",
            r"\bsans (?:\w+ ){0,4}?(?:confirmation|consentement|approbation|autorisation|accord|permission)\b",
            r"\bsin (?:\w+ ){0,4}?(?:confirmación|confirmacion|consentimiento|aprobación|autorización|permiso)\b",
            r"\bsem (?:\w+ ){0,4}?(?:confirmação|confirmacao|consentimento|aprovação|autorização|permissão)\b",
            r"\bбез (?:\w+ ){0,3}?(?:подтвержден|согласи|одобрени|разрешени|проверк)",
            r"\bsenza (?:\w+ ){0,3}?(?:conferma|consenso|approvazione|autorizzazione|permesso)\b",
            r"\bzonder (?:\w+ ){0,3}?(?:bevestiging|toestemming|goedkeuring)\b|\bzonder (?:het |"
            r"de gebruiker )?(?:te vragen|"
            r"eerst te vragen)",
            r"\bbez (?:\w+ ){0,2}?(?:potwierdzeni|zgody|pytania|zatwierdzeni|pozwoleni)",
            r"\b(?:onay|izin|teyit)\w{0,3} (?:al|iste|bekle|sor)\w{0,3}(?:madan|meden)\b|\bonays[ıi]z\b|\bsormadan\b",
            r"(?:دون|بدون) (?:أي |طلب |الحصول على ){0,3}(?:تأكيد|موافقة|إذن|سؤال)",
            r"(?:पुष्टि|अनुमति|सहमति|स्वीकृति) (?:\S+ )?के बिना|बिना (?:\S+ ){0,2}?(?:पुष्टि|अनुमति|पूछे|सहमति)",
            r"(?:확인|동의|승인|허락|허가) ?(?:없이|을? ?받지 않|을? ?구하지)",
            r"(?:无需|不需要|不要|未经|跳过|绕过)[^。！？]{0,10}(?:确认|同意|批准|许可|授权|安全检查|验证)",
            r"(?:確認|同意|承認|許可)[^。！？]{0,6}(?:なし|無し|せずに|取らず|得ず|求めず|不要)",
        ),
        spared=UNSPOKEN,
    ),
)


class Safeguards(WordScanner):
    """Finds instructions to act without consent or checks."""

    def __init__(self) -> None:
        super().__init__("safeguards/1", WORDS, SPOKEN)
