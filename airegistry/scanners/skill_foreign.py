"""What a skill says in other languages that is never its business: secrets sent, its user kept in the dark."""

import re
from collections.abc import Iterator

from airegistry.core.findings import Finding
from airegistry.scanners.concealment import WORDS as CONCEALMENT
from airegistry.scanners.exfiltration import WORDS as EXFILTRATION
from airegistry.scanners.instructions import WORDS as INSTRUCTIONS
from airegistry.scanners.skill_excuses import excuse_of_saying
from airegistry.scanners.skill_parts import Part
from airegistry.scanners.skill_rules import excused_as
from airegistry.scanners.skill_sayings import sentences, sure

_WORDS = tuple(each for each in (*CONCEALMENT, *EXFILTRATION, *INSTRUCTIONS) if each.rule.id.endswith(".foreign"))
_PERSON = re.compile(
    r"nutzer|anwender|kund[ei]|utilisat|client|usager|usuari|cliente|utilizador|пользовател|клиент|utent|gebruiker"
    r"|klant|u[żz]ytkownik|klient|nikomu|kullan[ıi]c|müşteri|المستخدم|العميل|उपयोगकर्ता|यूज़र|यूजर|ग्राहक"
    r"|用户|使用者|客户|任何人|ユーザ|利用者|お客様|本人|사용자|고객"
)
_NEVER = re.compile(
    r"\b(?:nie|niemals|nicht|keine?|nunca|jamás|jamais|никогда|не|mai|nooit|niet|nigdy|asla)\b|不要|切勿|绝不|请勿|禁止|ないで|ません"
    r"|しない|마세요|절대"
)
_ABROAD = re.compile(
    r"[^\x00-\x7f\W\d_]|\b(?:nicht|niemals|utente|usuario|utilisateur|gebruiker|kullanici|senza|avec"
    r"|nunca|envia|envoie|passwort)\b"
)
"""A letter outside ASCII, or a word of a language that can be written without one."""


def foreign_findings(part: Part) -> Iterator[Finding]:
    """One finding per rule: the first sentence that breaks it."""
    if part.language not in ("prose", "hidden", "decoded", "other", "yaml"):
        return
    if _ABROAD.search(part.lower) is None:
        return
    whole = " ".join(part.lower.split())
    for words in _WORDS:
        if words.search(whole) is None:
            continue
        for line in sentences(part.lower):
            said = words.search(line)
            if said is None or (_NEVER.search(said[0]) and not words.rule.id.startswith("concealment")):
                continue
            if words.rule.id.startswith("concealment") and _PERSON.search(line) is None:
                continue
            let = excuse_of_saying(part, line, max(line.find(said[0].strip()), 0), affirmed=False)
            yield sure(excused_as(words.rule, let), part).finding(part.field, said[0])
            break
