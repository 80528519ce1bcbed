"""Texts that make the model somebody else."""

from airegistry.scanners.phrasing import phrases
from airegistry.scanners.rules import SPOKEN, UNSPOKEN, Rule, Words, WordScanner
from airegistry.scanners.texts import Role

CODES = ("OWASP-MCP06:2025", "OWASP-ASI01:2026", "OWASP-LLM01:2025", "ATLAS-AML.T0054", "CWE-1427")
REMEDIATION = "Leave who the model is to whoever runs it."
_SPARED: frozenset[Role] = UNSPOKEN | {"prompt", "parameter"}

WORDS = (
    Words(
        Rule("personas.forced", "high", "makes the model take on a persona", REMEDIATION, CODES),
        phrases(
            r"\b(?:must|should|will|shall|has to|needs to|is to) (?:\w+ )?(?:adopt|assume|become|embody|take on|"
            r"switch to|behave as|operate as|inhabit) (?:\w+ ){0,3}?(?:persona|character|role|identity|personality|"
            r"alter ego)",
            r"\b(?:replac|overwrit|overrid)\w{1,3} (?:\w+ ){0,5}?(?:persona|identity|personality|system prompt|"
            r"behaviou?ral guidelines|core behaviou?r)",
            r"\byou are no longer (?:an? |the )?\w+|\byour (?:new|real|true) (?:role|identity|name|purpose|task|"
            r"goal) (?:is|are)\b",
        ),
        affirmed=True,
        spared=_SPARED,
    ),
    Words(
        Rule("personas.claimed", "medium", "tells the model to act as somebody", REMEDIATION, CODES),
        phrases(
            r"\bact as ?:|\bact as (?:an? |the )?(?:unrestricted|root|admin\w{0,10}|system|superuser|developer|"
            r"hacker|evil|different|new|unfiltered)\b|\byou are now\b|\bpretend (?:to be|that you are|you are|"
            r"you have)\b",
            r"\b(?:adopt|assume|take on) (?:the|this|a new) (?:persona|identity|character|role)\b",
            r"\bdu bist (?:jetzt|nun|ab sofort)\b|\btu es (?:maintenant|désormais)\b|\b(?:ahora|"
            r"a partir de ahora) eres\b|\bagora você é\b|\bтеперь ты\b",
            r"你现在是|あなたは(?:今から|これから)",
        ),
        affirmed=True,
        spared=_SPARED,
    ),
)


class Personas(WordScanner):
    """Finds texts that make the model somebody else."""

    def __init__(self) -> None:
        super().__init__("personas/1", WORDS, SPOKEN)
