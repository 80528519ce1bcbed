"""What the words say that a definition has now and had not when it was approved.

A rule of words for any definition has to spare what honest ones say. In words that came after the approval less is
asked for: to hand on something, and something that is not this tool's to have.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from airegistry.core.findings import Severity
from airegistry.scanners.texts import Text

_SENTENCE = re.compile(r"(?<=[.!?。！？;])\s+|\s{2,}|[。！？]")
_WORD = re.compile(r"[^\W_]+")
_CARRIES = re.compile(
    r"\b(?:conversations?|chat (?:history|logs?|messages)|message history|transcripts?|system prompts?|side ?notes?|"
    r"chain of thought|(?:previous|earlier|prior|all|recent) messages|(?:full|entire|whole) context|context window|"
    r"tools? list|your (?:\w{1,12} )?(?:context|reasoning|thoughts|memory|instructions|tools)|tools that you|"
    r"memory dump|model you are|credentials|secrets|private keys?|(?:environment|env) (?:variables|vars)|"
    r"session cookies?|know about the user|(?:user's|users'|their|your|the user) (?:\w{1,12} ){0,2}?(?:earlier|"
    r"previous|past|prior|"
    r"recent|last|other) (?:\w{1,12} )?(?:questions?|queries|searches|requests?|messages?|prompts?|answers?|chats?)|"
    r"(?:what|everything)"
    r" the (?:user|person) (?:has |have )?(?:said|asked|written|searched|typed))\b"
)
"""What a parameter may not carry, by its name or its description: it is not the tool's to have."""
_PARAMETER = "parameter "
_FOR_READERS = re.compile(
    r"\b(?:see|docs|documentation|details|more|reference|guide|learn|described|listed)\b[^.!?;]{0,40}"
    r"https://(?:docs?|developers?|help|support|status|learn|api-docs|wiki)\.[\w-]"
)
"""Where a text sends its reader, and nothing else."""
_SIBLING = re.compile(
    r"^(?:please )?(?:see|see also|use|call|try|run|get [a-z ]{2,30} (?:with|from)|returned by|related|"
    r"note)\b[^.!?;]{0,60}"
    r"\b[a-z]{2,24}_[a-z][a-z_]{1,40}\b[^.!?;]{0,60}[.!?]?$"
)
"""A sentence that leads to another tool, and tells nothing to be done with it beyond this one."""
_LOCAL = re.compile(r"^(?:127\.|0\.0\.0\.0|10\.|192\.168\.|172\.)|@example\.|noreply|no-reply")
_DENIABLE = frozenset(("transfer", "collect", "sensitive", "address"))
_DENIED = re.compile(r"\b(?:no|never|not|nothing|without)\b[^.!?;:,]{0,50}$")
"""Before what a sentence says that the tool does not do."""
_LONGEST = 20_000
_MANY_WORDS = 40

_SIGNS: dict[str, re.Pattern[str]] = {
    "transfer": re.compile(
        r"\b(?:send|sends|sending|forward|forwards|let|loop|pass|passing|include|attach|attaching|append|appending|"
        r"copy|b?cc|upload|uploading|post|uploads|sent|uploaded|forwarded|posted|transmitted|transmit|transmits"
        r"|transmitting|share|sharing|exfiltrate|leak|"
        r"embed|encode|relay|submit|insert|put|paste|deliver|mirror|redirect|route|hand over|"
        r"sende|leite|weiterleiten|anhängen|übergib|füge|envoie|envoyer|transmettre|transmets|joindre|inclure|inclus|"
        r"env[ií]a|enviar|adjunta|adjuntar|reenv[ií]a|reenviar|incluye|incluir|envie|anexe|anexar|encaminhe|inclua|"
        r"отправ\w{1,6}|переш\w{1,6}|переда\w{1,6}|включ\w{1,6}|прилож\w{1,6})\b"
        r"|发送|转发|附加|包含|上传|传递|傳送|送信|転送|添付|含め|渡し"
    ),
    "collect": re.compile(
        r"\b(?:read|collect|gather|fetch|retrieve|extract|obtain|query|dump|scan|open|load|enumerate|look up|grab|"
        r"capture|record|harvest|lies|sammle|hole|lire|lis|collecte[rz]?|récupère[rz]?|lee|recopila|obtén|leia|colete"
        r"|obtenha|"
        r"прочита\w{1,4}|собер\w{1,4}|получ\w{1,4})\b|读取|收集|获取|讀取|読み|収集|取得"
    ),
    "sensitive": re.compile(
        r"\b(?:conversations?|chat history|transcripts?|ctx|system prompts?|credentials?|secrets?|passwords?|passwd|"
        r"api[ _-]?keys?|access[ _-]?tokens?|auth\w{0,12}[ _-]tokens?|bearer|private keys?|ssh|id_rsa|"
        r"env(?:ironment)?[ _](?:variables?|file)|environ|wallets?|seed phrases?|cookies?|"
        r"session (?:token|data|cookie)s?|keychain|clipboard|home directory|config(?:uration)? files?|source code|"
        r"(?:users?|user's|users'|all|every|any|entire|full|complete|recent|previous|prior|current|open|last|existing) "
        r"(?:[\w'-]{1,20} ){0,2}(?:chats?|history|context|prompts?|instructions|messages?|e-?mails?|inbox|contacts?|"
        r"positions|balances?|accounts?|customers?|payments?|invoices?|cards?|workspace|memory|memories|files?|"
        r"documents?|repository|codebase|data|details|records?|names?|address(?:es)?|calendar|orders?)|"
        r"passw(?:ort|örter)|verlauf|unterhaltung|zugangsdaten|geheimnis\w{0,4}|mots? de passe|identifiants|historique|"
        r"conversación|historial|contraseñas?|credenciales|conversa|senhas?|credenciais|"
        r"парол\w{1,4}|ключ\w{1,4}|истори\w{1,4}|переписк\w{1,4})\b"
        r"|对话|聊天记录|历史|密码|密钥|凭据|系统提示|會話|会話|履歴|パスワード|秘密鍵|認証情報"
        r"|~/|/etc/|\.env\b|\.aws|\.ssh|\.kube|\.npmrc|\.netrc"
    ),
    "order": re.compile(
        r"\b(?:first|before|after|always|must|never|make sure|ensure|required|mandatory|important|instead|also|"
        r"whenever|every time|each time|each call|in addition|prior to|then|need to|necessary|zuerst|vorher|immer|muss|"
        r"d'abord|avant|toujours|doit|doivent|primero|antes|siempre|debe|primeiro|sempre|deve|сначала|всегда|должен)\b"
        r"|首先|必须|总是|之前|まず|必ず|常に"
    ),
    "override": re.compile(
        r"\b(?:disregard|bypass(?:es|ing)?|supersedes?|"
        r"(?:ignor|overrid)(?:e|es|ing) (?:\w{1,12} ){0,2}(?:previous|prior|earlier|above|instructions?|rules?|safety|"
        r"guidelines?|polic(?:y|ies)|restrictions?|warnings?|prompts?|users?|tools?|guardrails?|behaviou?r)|"
        r"replac(?:e|es|ing) (?:\w{1,12} ){0,3}(?:instructions|rules|guidelines|polic(?:y|ies)|behaviou?r|prompts?)|"
        r"(?:do not|don't|never|without|no need to|need not|avoid) "
        r"(?:\w{1,12} ){0,2}(?:ask|asking|tell|telling|mention|mentioning|inform|informing|notify|notifying|reveal|"
        r"revealing|disclose|disclosing|confirm|confirming|confirmation|approval|alert|alerting|warn|warning|consent|"
        r"permission|prompting)|"
        r"(?:silently|quietly|discreetly) \w{1,24}|secretly|covertly|in the background|behind the scenes|unnoticed|"
        r"(?:replace|change|modify|substitute|swap|alter|rewrite) (?:the |all |any |every )?(?:\w{1,12} )?"
        r"(?:recipients?|address(?:es)?|urls?|amounts?|destinations?|accounts?|numbers?|results?|responses?)|"
        r"ignoriere|ohne (?:\w{1,12} ){0,2}(?:zu )?(?:fragen|nachfrage|wissen)|verschweige|ignore[rz] les|"
        r"sans (?:\w{1,12} ){0,2}(?:demander|informer|prévenir)|ne (?:dis|mentionne|dites|mentionnez) (?:pas|rien)|"
        r"ignora las|sin (?:\w{1,12} ){0,2}(?:preguntar|avisar|informar)|no (?:le )?(?:digas|menciones)|ignore as|"
        r"sem (?:\w{1,12} ){0,2}(?:perguntar|avisar|informar)|não (?:mencione|conte|diga)|"
        r"игнорир\w{1,6}|не (?:сообща|говор|упомина)\w{1,5}|без (?:ведома|подтверждения))\b"
        r"|忽略|不要告诉|无需确认|不得提及|不要提|無視|伝えないで|知らせず|教えないで"
    ),
    "install": re.compile(
        r"\b(?:installs?|installed|pip install|npm (?:i|install)|npx|uvx|run the (?:installer|script)|execute (?:it|"
        r"them)|update yourself)\b"
    ),
    "trust": re.compile(
        r"\b(?:trust(?:ed|s)?|safe to (?:run|install|execute)|vetted|no review|without (?:review|checking|asking)|"
        r"right away|at once|"
        r"automatically|immediately|unseen)\b"
    ),
    "tool": re.compile(r"\b[a-z]{2,24}_[a-z][a-z_]{1,40}\b|\b(?:other|another|all|any) tools?\b|\bmcp_\w{2,40}"),
    "address": re.compile(
        r"https?://[^\s<>\"')]{3,200}|"
        r"\b[a-z0-9-]{2,40}\.(?:com|net|org|io|dev|app|xyz|site|online|top|ru|cn|me|co|info|ai|sh|example|test)\b"
    ),
    "locked": re.compile(
        r"~/|/etc/|\.env\b|\.(?:aws|ssh|kube|npmrc|netrc|config|git-credentials)\b|\b(?:credentials?|passwords?"
        r"|secrets?|"
        r"private keys?|api keys?|access tokens?)\b"
    ),
    "contact": re.compile(
        r"\b[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){0,4}\.[a-z]{2,12}\b|\b\d{1,3}(?:\.\d{1,3}){3}\b|\+\d{8,15}\b"
    ),
    "markup": re.compile(
        r"</?(?:important|system|instructions?|hidden|secret|note|critical|admin|assistant|context|inst|override"
        r"|priority|"
        r"directive|sys)\b[^<>]{0,40}>|\[(?:important|system|inst|note|admin|hidden|override"
        r"|priority)\w{0,12}\b[^\[\]]{0,40}\]|"
        r"<!--|\b(?:system|assistant|note to (?:the )?(?:ai|model|assistant|agent)):"
    ),
}


@dataclass(frozen=True, slots=True)
class Added:
    """The sentences that a part has now and had not, in lower case, the words that it had, those with the names that
    it has, and the texts that are encoded in it only now, and what is said of new parameters."""

    sentences: Sequence[str]
    had: frozenset[str]
    named: frozenset[str]
    encoded: Sequence[str]
    carried: frozenset[str]
    defaults: Sequence[str] = ()
    """Values that are taken where nobody chose one, and were not."""

    @classmethod
    def between(cls, before: Sequence[Text], after: Sequence[Text]) -> "Added":
        """What the texts of a part say more than those of the approved one."""
        said = {sentence for text in before for sentence in _sentences(text)}
        new = dict.fromkeys(sentence for text in after for sentence in _sentences(text))
        had = frozenset(word for sentence in said for word in (sentence, *_WORD.findall(sentence)))
        named = had | {text.raw.lower() for text in after if text.role in ("parameter", "name")}
        known = {text.raw for text in before if text.role == "parameter"}
        fields = tuple(f"{text.field}/" for text in after if text.role == "parameter" and text.raw not in known)
        carried = frozenset(each for text in after if f"{text.field}/".startswith(fields) for each in _sentences(text))
        hidden = {words for text in before for words in text.decoded}
        encoded = [words.lower() for text in after for words in text.decoded if words not in hidden]
        chosen = {text.plain.lower() for text in before if text.role == "default"}
        defaults = [text.plain.lower() for text in after if text.role == "default" and text.plain.lower() not in chosen]
        return cls([sentence for sentence in new if sentence not in said], had, named, encoded, carried, defaults)


def weighed(added: Added) -> tuple[Severity, str] | None:
    """How bad what was added is, and the sentences that show it; None when nothing speaks against it."""
    prose = [each for each in added.sentences if not each.startswith(_PARAMETER)]
    for said in added.sentences:
        if said in added.carried and _CARRIES.search(said):
            return "high", said
    for value in added.defaults:
        if _SIGNS["contact"].search(value) and not _LOCAL.search(value):
            return "high", f"default {value}"
    for words in added.encoded:
        if _signs(words, added.had, added.named):
            return "high", words
    signs = [_signs(sentence, added.had, added.named) for sentence in prose]
    for i, (here, sentence) in enumerate(zip(signs, prose, strict=True)):
        if _turned(here):
            return "high", sentence
        if i and _turned(here | signs[i - 1]):
            return "high", f"{prose[i - 1]} {sentence}"
    length = sum(len(_WORD.findall(sentence)) for sentence in prose)
    for here, sentence in zip(signs, prose, strict=True):
        telling = here - {"transfer", "collect", "order", "trust"}
        for_readers = telling == {"address"} and _FOR_READERS.search(sentence)
        paraphrased = telling == {"sensitive"} and not _names_more(sentence, added.had)
        led = here <= {"tool", "order"} and _SIBLING.search(sentence)
        if led or for_readers or paraphrased:
            telling = frozenset()
        if telling or (not led and len(here) > 1 and here - {"address", "sensitive"}) or length > _MANY_WORDS:
            return "medium", sentence
    return None


def _names_more(sentence: str, had: frozenset[str]) -> bool:
    """Whether what a sentence speaks of is another thing than the approved words did, and no paraphrase."""
    named = (_WORD.findall(match[0]) for match in _SIGNS["sensitive"].finditer(sentence))
    return any(words[-1:] and words[-1] not in had for words in named)


def _signs(sentence: str, had: frozenset[str], named: frozenset[str]) -> frozenset[str]:
    """What a sentence is about that the approved definition was not."""
    return frozenset(
        sign for sign, pattern in _SIGNS.items()
        if any(
            _is_new(match[0], named if sign == "tool" else had)
            and not (sign in _DENIABLE and _DENIED.search(sentence[max(0, match.start() - 60) : match.start()]))
            for match in pattern.finditer(sentence)
        )
    )  # fmt: skip


def _turned(signs: frozenset[str]) -> bool:
    """Whether signs together are those of an instruction against the user."""
    acts = signs & {"transfer", "collect", "order"}
    return bool(
        "override" in signs
        or ("contact" in signs and len(signs) > 1)
        or ("transfer" in acts and (signs & {"sensitive", "address"} or {"tool", "order"} <= signs))
        or ("sensitive" in signs and (len(acts) > 1 or (acts and "address" in signs)))
        or {"tool", "locked"} <= signs
        or {"install", "trust"} <= signs
        or ("markup" in signs and len(signs) > 1)
    )


def _sentences(text: Text) -> list[str]:
    if text.role in ("schema", "url"):
        return []
    said = [" ".join(words[:_LONGEST].lower().split()) for words in text.spoken]
    if text.role == "parameter":
        return [f"{_PARAMETER}{_spread(words)}" for words in said]
    return [part.strip() for words in said for part in _SENTENCE.split(words) if part.strip()]


def _spread(name: str) -> str:
    return " ".join(_WORD.findall(name))


def _is_new(phrase: str, had: frozenset[str]) -> bool:
    """Whether a phrase has a word that the approved definition had not."""
    return phrase not in had and any(word not in had for word in (_WORD.findall(phrase) or [phrase]))
