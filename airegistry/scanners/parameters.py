"""Parameters that ask for more than a tool needs: the conversation, the model's reasoning, a way to hide."""

import re
from collections.abc import Sequence

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
RULES = (CONTEXT, WIDE, STEALTH, SECRET)

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
            r"private_key_(?:contents?|data)|\w{1,30}_from_reading_\w{1,30}|^etc_passwd|browser_cookies|^keychain)"
        ),
    ),
)
_PROSE = re.compile(
    r"\b(?:entire|full|whole|complete|verbatim|all (?:of the )?(?:previous|prior)|everything (?:in|"
    r"from)) (?:\w{1,30} ){0,3}?(?:conversation|chat|dialog(?:ue)?|context|messages?|system prompt|prompt history|"
    r"transcript|instructions)\b|\bconversation (?:so far|verbatim)\b|\b(?:your|the model's|"
    r"the assistant's) (?:chain[- ]of[- ]thought|system prompt|internal reasoning|hidden reasoning|instructions)\b|"
    r"\b(?:list|names) of (?:all |the |every ){0,6}(?:other |available )?tools (?:available|you have|accessible|"
    r"that you)"
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
                name = _CAMEL.sub("_", text.plain[:200]).replace("-", "_").replace(" ", "_").lower()
                found += [rule.finding(text.field, text.plain) for rule, pattern in _NAMES if pattern.search(name)]
            elif text.role == "description" and "/properties/" in text.field and "/outputSchema/" not in text.field:
                said = text.plain[:4096].lower()
                match = _PROSE.search(said)
                if match and not _ASIDE.search(said[: match.start()]):
                    found.append(CONTEXT.finding(text.field, text.plain[max(0, match.start() - 30) : match.end() + 30]))
        return [each for each in found if "/outputSchema/" not in each.field]
