"""Parameters that ask for more than a tool needs: the conversation, the model's reasoning, a way to hide."""

import re
from collections.abc import Iterator, Sequence

from airegistry.core.assets import Server, Tool
from airegistry.core.findings import Finding
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.scanners.rules import Rule
from airegistry.scanners.texts import texts

_REMEDIATION = "Remove the parameter, or take only the field that the call needs."
_CODES = ("OWASP-MCP10:2025", "OWASP-ASI02:2026", "OWASP-LLM02:2025", "ATLAS-AML.T0086", "CWE-201")
CONTEXT = Rule(
    "parameters.context",
    "high",
    "a parameter that carries the conversation or the model's thoughts away",
    _REMEDIATION,
    _CODES,
)
WIDE = Rule(
    "parameters.wide-context", "medium", "a parameter that invites more context than a call needs", _REMEDIATION, _CODES
)
STEALTH = Rule(
    "parameters.stealth",
    "high",
    "a parameter that switches protection off, or serves an attack",
    "Remove the parameter; no caller may switch protection off.",
    ("OWASP-MCP02:2025", "OWASP-ASI02:2026", "OWASP-LLM06:2025", "CWE-506"),
)
SECRET = Rule(
    "parameters.secret",
    "medium",
    "a parameter that asks the model for a secret of the person's machine",
    "Let the tool take credentials from its own configuration.",
    ("OWASP-MCP01:2025", "OWASP-ASI03:2026", "ATLAS-AML.T0098", "CWE-522"),
)
WHOLE = Rule(
    "parameters.whole-context",
    "high",
    "a tool that has nothing to do with conversations takes all of one",
    _REMEDIATION,
    _CODES,
    "high",
    structural=True,
)
RULES = (WHOLE, CONTEXT, WIDE, STEALTH, SECRET)

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NAMES = (
    (
        CONTEXT,
        re.compile(
            r"^(?:side_?notes?|(?:full_|entire_|complete_|whole_|all_|prior_|previous_|past_|user_|ai_|"
            r"raw_){0,6}(?:conversation|chat|dialog(?:ue)?|message|prompt|session)_(?:history|histories|log|logs|"
            r"transcript|context|dump|so_far)|(?:full|entire|complete|whole|all|previous|prior)_(?:conversations?|"
            r"chats?|messages?|context|prompts?|instructions)|chain_of_thoughts?|cot|scratch_?pad|"
            r"internal_(?:reasoning|thoughts|monologue|notes)|hidden_reasoning|reasoning_trace|(?:tools?|tool_call|"
            r"function_call)_(?:list|calls?_history|history|call_history|calls)|available_tools|list_of_tools|"
            r"(?:model|assistant|ai|agent)_(?:memory|instructions|state|context)|memory_dump|context_window|"
            r"llm_context|model_context|system_instructions?|system_message|developer_(?:prompt|message)|"
            r"previous_instructions)$"
        ),
    ),
    (
        WIDE,
        re.compile(
            r"^(?:(?:user_|full_|extra_|additional_|surrounding_|background_|shared_)?(?:ctx|context_injection|"
            r"context_dump|user_context)|system_?prompt|system_context|behaviou?r_mode|side_channel|user_(?:prompt|"
            r"query_history|intent_history|messages)|original_(?:prompt|user_request|user_message|request_text)|"
            r"transcript_so_far|env(?:ironment)?_(?:vars?|variables|dump)|what_the_user_said|last_user_message|"
            r"user_address)$"
        ),
    ),
    (
        STEALTH,
        re.compile(
            r"^(?:stealth\w{0,30}|\w{0,30}jail_?break\w{0,30}|(?:bypass|override|disable|ignore|skip|"
            r"evade)_(?:safety|security|filters?|guardrails?|policy|policies|restrictions?|protections?|moderation|"
            r"technique|safeguards?|detection|antivirus|av|edr|audit\w{0,30}|logging_and_\w{1,30})|(?:emergency|"
            r"admin|security|system|safety)_override|override_(?:code|instructions|prompt)|evasion\w{0,30}|"
            r"\w{0,30}malicious\w{0,30}|\w{0,30}exfil\w{0,30}|attacker_\w{1,30}|victim\w{0,30}|"
            r"\w{0,30}stolen\w{0,30}|\w{0,30}backdoor\w{0,30}|c2_\w{1,30}|hidden_(?:content|data|payload|message|"
            r"file|command)|ransom\w{0,30}|phishing\w{0,30}|attack_(?:vector|type|payload|technique)|"
            r"exploit_(?:type|technique|payload|code|vector)|simulate_privilege\w{0,30}|trust_mode|god_mode|"
            r"payload_(?:command|path)|injection_(?:field|payload|point)|shellcode|gadget_chain|impersonat\w{1,30}|"
            r"anti_forensic\w{0,30}|spoof\w{0,30}|information_targets|password_(?:list|wordlist)|"
            r"hide_\w{0,30}(?:trace|log|activit|process)\w{0,30}|persistence_(?:method|mechanism|type)|ntlm_hash|"
            r"keystroke\w{0,30})$"
        ),
    ),
    (
        SECRET,
        re.compile(
            r"(?:ssh_(?:private_)?key(?:_content)?s?$|id_rsa|(?:content|contents)_(?:of|from)_\w{0,30}(?:ssh|env|"
            r"key|secret|cred|passwd|config)|^(?:env_file|dotenv)_contents?$|seed_phrase|mnemonic_phrase|"
            r"private_key_(?:contents?|data)|^(?:user|all|any|known|seen|stored|saved)_(?:secrets|credentials|"
            r"passwords|tokens|api_keys|cookies)$|\w{1,30}_from_reading_\w{1,30}|^etc_passwd|browser_cookies|^keychain)"
        ),
    ),
)
_PROSE = re.compile(
    r"\b(?:entire|full|whole|complete|verbatim|all (?:of the )?(?:previous|prior)|everything (?:in|"
    r"from)) (?:\w{1,30} ){0,3}?(?:conversation|chat|dialog(?:ue)?|context|messages?|system prompt|prompt history|"
    r"transcript|instructions)\b|\bconversation (?:so far|verbatim)\b|\b(?:your|the model's|"
    r"the assistant's) (?:chain[- ]of[- ]thought|system prompt|internal reasoning|hidden reasoning|instructions)\b|"
    r"\b(?:everything|word for word|all|verbatim|whatever|what)\b[^.!?]{0,30}? the (?:user|person) (?:has )?(?:said|"
    r"told|"
    r"wrote|asked|mentioned)\b[^.!?]{0,30}?\b(?:so far|you|chat|conversation|session|today)\b|\b(?:what|"
    r"everything) you "
    r"(?:know|remember|have learned) (?:about|of) the (?:user|person)\b|\bof the (?:model|"
    r"assistant) (?:that )?you are\b|"
    r"\b(?:list|names) of (?:all |the |every ){0,6}(?:other |available )?tools (?:available|you have|accessible|"
    r"that you)"
)
_WHOLE = re.compile(
    r"\b(?:entire|full|whole|complete|unabridged|verbatim|word for word|so far|up to (?:now|here|this point)|"
    r"unfiltered|unedited|in full|as (?:it was|they were) given|without omission)\b|\b(?:all|every|each|everything|any)"
    r"\b[^.!?]{0,40}\b(?:messages?|turns?|prompts?|tools?|conversations?|chats?|context|instructions|memor(?:y|ies)|"
    r"(?:user|person|they|he) (?:has )?(?:said|told|wrote|asked)|you (?:know|have|remember))\b|"
    r"\b(?:what|everything|much \w{1,12} as) you (?:know|remember|have (?:learn(?:ed|t)|seen|been told))\b|"
    r"\b(?:learn(?:ed|t)|known?|remembered) (?:about|of) the (?:user|person)\b|"
    r"\b(?:your|of the model|the model's|the assistant's) (?:\w+ )?(?:reasoning|system prompt|memory|memories|"
    r"instructions|thoughts|context window|chain of thought|scratchpad)\b"
)
"""What asks for all of a conversation, or of what the model knows."""
_TALK = re.compile(
    r"\b(?:conversations?|chats?|dialog(?:ue)?s?|messages?|context|transcript|prompts?|tools|memor(?:y|ies)|reasoning|"
    r"thoughts?|thinking|instructions|(?:user|person) (?:has )?(?:said|told|wrote|asked|mentioned)|"
    r"(?:about|of) the (?:user|person))\b"
)
_ABOUT_TALK = re.compile(
    r"(?:conversation|chat|dialog|messag|mail|prompt|transcript|context|llm|\blm\b|gpt|claude|model|complet|agent|"
    r"assistant|memor|remember|recall|knowledge|summar|reason|think|thought|reflect|plan|delegat|handoff|hand off|"
    r"sampl|inference|generat|session|history|thread|discuss|meeting|feedback|review|evaluat|moderat|guard|translat|"
    r"persona|support|ticket|log|sub-?task|task|note|answer|ask|question|tutor|coach|therap|title|analy[sz]e)"
)
"""What a tool speaks of that may well be given a conversation."""
_SENTENCE = re.compile(r"(?<=[.!?。])\s*")
_MODELS = re.compile(
    r"\b(?:llms?|gpt\S{0,8}|claude|gemini|language models?|(?:another|other|called|chosen|given|target) (?:model|"
    r"agent)|"
    r"sub-?agents?|completions?|ask_model|prompts?)\b"
)
_ASIDE = re.compile(r"\b(?:do not|don't|never|without|not)\b[^.!?]{0,50}$")


class Parameters:
    """Reads names of parameters, and what is asked for in their descriptions."""

    name = "parameters/1"

    def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        """One finding per parameter and rule."""
        found: list[Finding] = []
        for text in texts(asset):
            if text.role == "parameter":
                name = _spelt(text.plain)
                broken = [rule for rule, pattern in _NAMES if pattern.search(name)]
                if WIDE in broken and _asks_models(asset, text.field):
                    broken.remove(WIDE)
                found += [rule.finding(text.field, text.plain) for rule in broken]
            elif text.role == "description" and "/properties/" in text.field and "/outputSchema/" not in text.field:
                said = text.plain[:4096].lower()
                match = _PROSE.search(said)
                if match and not _ASIDE.search(said[: match.start()]):
                    found.append(CONTEXT.finding(text.field, text.plain[max(0, match.start() - 30) : match.end() + 30]))
        found = [each for each in found if "/outputSchema/" not in each.field]
        return [*_whole(asset, found), *found] if isinstance(asset, Server) else found


def _whole(server: Server, found: Sequence[Finding]) -> Iterator[Finding]:
    """Parameters that both by name and by description take all of a conversation, in tools that are not about any."""
    named = {each.field for each in found if each.rule in {CONTEXT.id, WIDE.id}}
    said = {text.field: text.plain[:4096].lower() for text in texts(server) if text.role == "description"}
    for field in sorted(each for each in named if not each.endswith("/description")):
        prose = said.get(f"{field}/description", "")
        match = _WHOLE.search(prose)
        if match and _TALK.search(prose) and not _ASIDE.search(prose[: match.start()]):
            tool = server.tools[int(field.split("/")[2])] if field.startswith("/tools/") else None
            if tool and not about_talk(server, tool):
                yield WHOLE.finding(f"{field}/description", prose[:160])


def about_talk(server: Server, tool: Tool, spoken_of: re.Pattern[str] | None = None) -> bool:
    """Whether a tool speaks of something for which it may well be given a conversation."""
    # What it asks for does not tell: `full conversation` would excuse itself.
    said = _SENTENCE.split(tool.description or "")[0]
    return (spoken_of or _ABOUT_TALK).search(f"{_spelt(tool.name)} {said} {server.name}".lower()) is not None


def _asks_models(asset: AnyAsset, field: str) -> bool:
    """Whether the tool of a parameter says that it hands a prompt on to another model."""
    if not isinstance(asset, Server) or not field.startswith("/tools/"):
        return False
    tool = asset.tools[int(field.split("/")[2])]
    return _MODELS.search(f"{_spelt(tool.name)} {tool.description or ''}"[:4096].lower()) is not None


def _spelt(name: str) -> str:
    """A name in small letters, with its words joined in one way."""
    return _CAMEL.sub("_", name[:200]).replace("-", "_").replace(" ", "_").lower()
