"""Tools that say themselves that they attack: theft, ransom, keys logged, traces hidden."""

from airegistry.core.findings import Severity
from airegistry.scanners.phrasing import phrases
from airegistry.scanners.rules import Rule, Words, WordScanner
from airegistry.scanners.texts import Role

CODES = ("OWASP-MCP05:2025", "OWASP-ASI02:2026", "OWASP-LLM06:2025", "ATLAS-AML.T0053", "CWE-506")
REMEDIATION = "Offer such a tool to security testers only: private, under a group, with approval of every call."
_ROLES: frozenset[Role] = frozenset({"name", "title", "description", "instructions"})
_DEFENCE = r"(?<!detect )(?<!prevent )(?<!against )(?<!known )(?<!about )(?<!of )"
_CREDENTIALS = (
    r"(?:credentials?|passwords?|secrets?|hashes|(?:sam|ntds|lsa|lsass)\b|(?:ssh |private |api |encryption |"
    r"bitlocker )?keys?|tokens?|cookies|tickets?|keychain|wallets?|keyrings?|sessions?)"
)
_ATTACKS = (
    r"(?:sql|nosql|ldap|xpath|ognl|command|code|template|os command|shell|xxe|xml|ssti|crlf|header|log|prompt|"
    r"expression language|el|graphql|dll|process|spel)"
)


_WATCHER = (
    r"^(?![\w .-]{0,80}?(?<![a-z])(?:detect\w{0,4}|scan\w{0,4}|check\w{0,3}|find\w{0,4}|block\w{0,3}|prevent\w{0,3}|"
    r"report\w{0,3}|analy[sz]e\w?|analysis|classif\w{1,6}|guard|shield|filter|protect\w{0,4}|explain|sanitiz\w{1,4}|"
    r"lookup|look_up|get|list|search|is|score|triage|intel|rules?|alerts?)(?![a-z]))"
)
"""A name that tells of looking for attacks, or of looking them up, is none of one."""


def _rule(name: str, severity: Severity, message: str) -> Rule:
    return Rule(f"purpose.{name}", severity, message, REMEDIATION, CODES)


WORDS = (
    Words(
        _rule("theft", "high", "says that it steals or extorts"),
        phrases(
            r"\bexfiltrat(?:e|es|ed|ing|ion|or)\b",
            r"\bstol(?:e|en)\b|\bsteal(?:s|ing|er)?\b|\bdata theft\b",
            r"\bkey ?log(?:s|ger|gers|ging)\b|\b(?:capture|log|record)s? (?:all )?(?:user )?keystrokes\b",
            r"\bransomware\b(?! (?:detect|protect|prevent|scan|alert))|\bencrypt\w{0,3} (?:\w+ ){0,3}?(?:for|"
            r"and demand) ransom",
            rf"\b(?:dump|harvest|grab|scrape|loot|pilfer|siphon|sniff)(?:s|ing)? (?:\w+ ){{0,5}}?{_CREDENTIALS}",
            rf"\b(?:extract|recover|decrypt)(?:s|ing)? (?:\w+ ){{0,4}}?(?:browser|saved|stored|cached|windows|"
            rf"domain|kerberos|firefox|chrome|wifi|keychain|cloud|kubernetes|ad|"
            rf"active directory) (?:\w+ ){{0,2}}?{_CREDENTIALS}",
            r"\b(?:psychological manipulation|social engineering attack|phishing (?:email|page|campaign|technique|"
            r"attack)s?|spear[- ]?phish)",
        ),
        affirmed=True,
        roles=_ROLES,
        bare=True,
    ),
    Words(
        _rule("stealth", "high", "says that it hides, tampers or stays"),
        phrases(
            r"\bhid(?:e|es|ing|den) (?:\w+ ){0,2}?(?:data|activity|activities|traces|tracks|payloads?|processes|"
            r"files?|malware|backdoors?|evidence|presence)\b",
            r"\b(?:tamper|manipulat|falsif|wip)\w{0,4}(?: with)? (?:\w+ ){0,2}?(?:logs?|log files|audit|evidence|"
            r"event logs)\b|\b(?:cover|clear|erase|remove)(?:s|ing)? (?:\w+ ){0,2}?(?:tracks|traces|"
            r"forensic evidence|event logs)\b",
            r"\b(?:install|plant|creat|establish|deploy|add|inject|implant)\w{0,3} (?:\w+ ){0,3}?(?:backdoors?|"
            r"rootkits?|persistence|persistent access|malware|implants?|trojans?|web ?shells?|spyware|botnets?)\b",
            r"\b(?:anti[- ]?forensic|timestomp|rootkit|covert channel|dns tunnel|botnet|"
            r"command[- ]and[- ]control (?:server|channel)|reverse shell|fork bomb|logic bomb|crypto ?jack|"
            r"cryptominer)\w{0,4}",
            r"\b(?:bypass|evad|defeat|disabl)\w{0,3} (?:\w+ ){0,3}?(?:antivirus|edr|amsi|uac|tcc|gatekeeper|sip|"
            r"selinux|apparmor|defender|firewalls?|ids|waf|app ?locker|integrity|detection|sandbox(?:es)?|"
            r"code signing|mfa|2fa)\b",
        ),
        affirmed=True,
        roles=_ROLES,
        bare=True,
    ),
    Words(
        _rule("attack", "medium", "says that it attacks other systems"),
        phrases(
            r"\battack(?:s|ing)? (?:on|against) (?!surface)\w|\bexhaust(?:s|ing)? (?:\w+ )?(?:disk|memory|cpu|"
            r"inodes?|quota|resources|filesystem|bandwidth|file descriptors)|\bintercept(?:s|"
            r"ing)? (?:\w+ )?(?:traffic|file|keystrokes|messages|credentials)",
            rf"\b{_ATTACKS} injection(?: (?:attack|payload|exploit|in|on|to|via|against|into|with)|s?[.,]|$)",
            r"\b(?:deserialization|padding oracle|pass[- ]the[- ](?:hash|ticket)|overpass[- ]the[- ]hash|"
            r"golden ticket|silver ticket|kerberoast\w{0,3}|as-?rep roast\w{0,3}|dcsync|dcshadow|ntlm relay\w{0,3}|"
            r"arp (?:spoof|poison)\w{0,3}|dns (?:spoof|poison)\w{0,3}|man[- ]in[- ]the[- ]middle|evil twin|"
            r"credential stuffing|session hijack\w{0,3}|dll (?:hijack|sideload|inject)\w{0,3}|process hollow\w{0,3}|"
            r"symlink attack|race condition exploit|zip slip)\b",
            r"\bbrute[- ]?forc(?:e|es|ing)\b|\bpassword spray\w{0,3}\b|\b(?:crack)(?:s|"
            r"ing)?\b (?:\w+ ){0,4}?(?:passwords?|hash(?:es)?|keys?|secrets?|pins?|handshakes?|encryption)\b|"
            r"\bfor cracking\b|\bntlm (?:hash|credentials)",
            rf"{_DEFENCE}\bexploit(?:s|ing)? (?:(?:a|an|the|linux|windows|macos|vulnerable|writable|weak|"
            rf"misconfigured|known|ad|sudo|suid|"
            r"kernel|insecure|unquoted|docker|kubernetes|pkexec|polkit|local|remote|web|cve\S*) ?){1,4}",
            r"\b(?:escalat\w{1,3} privileges?|privilege escalation|impersonat\w{1,3} (?:\w+ ){0,2}?(?:token|user|"
            r"admin\w{0,10}|privileged)|container escape|escape (?:from )?(?:the )?(?:container|docker|sandbox|"
            r"chroot)|lateral movement)\b",
            r"\b(?:lsass|mimikatz|laps passwords?|sam (?:hive|database)|ntds\.dit|shadow file|process memory|"
            r"/proc/\S{0,12}/?(?:mem|environ))\b",
            r"\b(?:dll|binary|executable|library|payload)s? (?:in|into|to) (?:\w+ ){0,3}?(?:missing|search path|"
            r"path of|trusted)\b",
            r"\b(?:shellcode|meterpreter|metasploit payload|cobalt strike|exploit chain|gadget chain|"
            r"zero[- ]day exploit)\b",
            r"\bmalicious (?:payload|code|file|urls?|scripts?|packages?|content|commands?)\b",
        ),
        affirmed=True,
        roles=_ROLES,
        bare=True,
    ),
    Words(
        _rule("reconnaissance", "low", "says that it maps other people's systems"),
        phrases(
            r"\b(?:enumerat\w{1,3}|scan\w{0,4} for) (?:\w+ ){0,3}?(?:users|shares|services|exports|ports|hosts|"
            r"domains?|subdomains?|vulnerabilities|buckets|names)\b|\bport scan\w{0,4}\b",
        ),
        affirmed=True,
        roles=_ROLES,
        bare=True,
    ),
    Words(
        Rule("attack-name.tool", "high", "is named after an attack", REMEDIATION, CODES),
        phrases(
            r"^(?:cmdi|exfil|privesc|recon|keylog\w{0,3}|ransom\w{0,4}|steal\w{0,3}|c2|pwn)[_ -]\w",
            _WATCHER + r"(?:backdoor|rootkit|malware|phish\w{0,3}|attack|exploit|payload|sqli|xss|rce)[_ -]\w",
            _WATCHER
            + r"[\w .-]{0,80}?[_ -](?:exfil\w{0,8}|exploit|backdoor|keylog\w{0,3}|ransomware|malware|bruteforce|"
            r"brute_force|rootkit|"
            r"stealer|attack|hijack|phishing|bypass|spray|injection|relay|poison\w{0,3}|jailbreak|tamper|"
            r"inject)(?:[_ -]|$)",
        ),
        roles=frozenset({"name"}),
        bare=True,
    ),
)


class Purposes(WordScanner):
    """Finds servers' tools that announce an attack."""

    def __init__(self) -> None:
        super().__init__("purpose/1", WORDS, frozenset({"server", "virtual_server"}))
