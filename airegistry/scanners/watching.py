"""Whether a text tells of an attack or makes one: detectors, advisories and documentation quote what they look for."""

import re

from airegistry.scanners.phrasing import phrases

_SENTENCE = 240
"""Characters before a phrase in which its sentence may begin."""
_QUOTE = 90
"""Characters of a sample between quotation marks; what is longer is no sample."""

_WATCHES = phrases(
    r"^[\W_]*(?:(?:this|the|our|it|tool|server|that|which|also|can|will|example|examples?|for example|eg|"
    r"helps?|useful|handy|used|use (?:it|this)(?: tool)?|lets you|to|for) ?[:,]? ){0,5}"
    r"(?:(?:detect|flag|identif|recogni[sz]|classif|block|prevent|catch|redact|mask|reject|explain|warn|alert|"
    r"quarantin|sanitiz|hunts? over)"
    r"\w{0,6}\b|(?:hunt|scan|check|test|look(?!up)|search|monitor|inspect|audit|probe|analy[sz]|report|find|score|rate|"
    r"review)"
    r"\w{0,4}\b[^.!?]{0,60}? (?:for|of|about)\b|(?:finds?|finding|reports?|lists?) (?:leaked|known|possible|"
    r"suspicious|malicious|vulnerable|exposed|infected|compromised)\b|"
    r"(?:(?:find|list|get|quer(?:y|ies)|search|return|show|look up|fetch|open|explain)\w{0,3} )?(?:\w{1,20} ){0,3}?"
    r"(?:detections?|findings?|alerts?|incidents?|indicators?(?: of compromise)?|iocs?|signatures?|advisor(?:y|ies)|"
    r"vulnerabilities|threats|cves?|att&ck techniques?)(?: (?:are|for|of|in|on|such as)\b|[:,]| \()|"
    r"(?:describes?|explains?|shows?|prints?) (?:how\b|an? (?:\w{1,16} ){0,3}?(?:technique|attack|cve|vulnerability|"
    r"weakness)\b))"
)
"""How a sentence begins that tells what a watching tool looks for."""
_USEFUL = phrases(r"\b(?:useful|handy|helps?|used) (?:to|for) (?:find|spot|locat|investigat|hunt)\w{0,4} ")
"""A sentence that says what its tool helps to find, whatever stands next."""
_LISTS = phrases(
    r"^[\W_]*(?:it |this |which |typical |common |known |supported |also ){0,3}(?:covers?|includes?|examples?|findings|"
    r"categor(?:y|ies)|checks|rules|classes|types|signals|such as|among (?:them|others))\b"
)
"""How a sentence begins that goes on with a list of what the one before spoke of."""
_ABOUT_ATTACKS = phrases(
    r"\b(?:indicators? of compromise|iocs?|threat intel\w{0,8}|hunts?|hunting|detect(?:s|ion|ions|ed)?|findings|"
    r"vulnerabilit\w{1,3}|malware analysis|phishing (?:detection|report)|att&ck|cves?|siem|edr|waf)\b"
)
_LEAKS = phrases(r"(?:finds?|detects?|reports?|lists?|scans? for) (?:leaked|exposed|committed|hard-?coded|forgotten) ")
_SAMPLE = phrases(
    r"\b(?:e\.?g\b|such as|for example|examples?|like)\b.{0,100}|"
    r"\b(?:quer(?:y|ies)|filters?|patterns?|regex|signatures?|payloads?|phrases?|rules?)\b.{0,60}"
)
_QUERY = phrases(r"\b(?:quer(?:y|ies)|filters?|patterns?|regex|signatures?|payloads?|phrases?|kql|spl|sigma|yara)\b")
_OPENED = phrases(r"(?:^|[\s(\[:,|=])(?P<mark>[\"'`\u201c\u2018\u00ab])(?=\S)")
_ENDS = r"(?=[\s.,;:)\]!?|]|$)"
_CLOSED = {
    opening: phrases(closing + _ENDS)
    for opening, closing in (
        ('"', '"'), ("'", "'"), ("`", "`"), ("\u201c", "\u201d"), ("\u2018", "\u2019"), ("\u00ab", "\u00bb")
    )
}  # fmt: skip


def watches(sentence: str) -> bool:
    """Whether a sentence in lower case begins as those do that say what a tool looks for."""
    return _WATCHES.compiled[0].search(sentence) is not None


def is_watched(form: str, match: re.Match[str]) -> bool:
    """Whether a phrase stands in a sentence that says what its tool looks for, or in a list right after one."""
    earlier, said = _sentences(form, match.start())
    if watches(said) or _LEAKS.compiled[0].match(said + match[0]) or _USEFUL.compiled[0].search(said):
        return True
    lists = _LISTS.compiled[0].search(said) is not None
    return lists and _ABOUT_ATTACKS.compiled[0].search(f"{earlier} {said}") is not None


def is_sample(form: str, match: re.Match[str]) -> bool:
    """Whether a phrase is quoted, and the sentence is one that quotes what is looked for or asked."""
    if not _is_quoted(form, match):
        return False
    _, said = _sentences(form, match.start())
    return is_watched(form, match) or bool(_SAMPLE.compiled[0].search(said) and _QUERY.compiled[0].search(said))


def _sentences(form: str, at: int) -> tuple[str, str]:
    """The sentences before the one that a place is in, and this one up to there."""
    before = form[max(0, at - _SENTENCE) : at].replace("e.g. ", "e.g, ").replace("i.e. ", "i.e, ")
    begun = max(before.rfind(". "), before.rfind("! "), before.rfind("? "))
    return before[: begun + 1], before[begun + 2 if begun >= 0 else 0 :].lstrip()


def _is_quoted(form: str, match: re.Match[str]) -> bool:
    """Whether a phrase is between quotation marks that are not far apart."""
    first = max(0, match.start() - _QUOTE)
    before = form[first : match.start() + 1]
    for opened in reversed([*_OPENED.compiled[0].finditer(before)]):
        start = first + opened.end()
        closed = _CLOSED[opened["mark"]].compiled[0].search(form, start)
        if closed is not None and closed.end() >= match.end():
            return closed.end() - start <= _QUOTE
    return False
