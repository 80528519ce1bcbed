"""Secrets that stand in the text of an asset, and so in every model's context."""

from collections.abc import Sequence
from dataclasses import replace

from airegistry.core.findings import Finding
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.scanners.rules import LONGEST_TEXT, Rule
from airegistry.scanners.texts import texts
from airegistry.scanners.tokens import JWT, redacted, secrets_in

IN_TEXT = Rule(
    "secrets.in-text",
    "high",
    "a secret stands in the text",
    "Revoke the secret, and remove it from the text.",
    ("OWASP-MCP01:2025", "OWASP-ASI03:2026", "OWASP-LLM02:2025", "ATLAS-AML.T0055", "CWE-798"),
    "high",
    structural=True,
)
TOKEN = replace(IN_TEXT, message="a token that may be in use stands in the text", confidence="medium", structural=False)
"""A JSON Web Token expires, and pages show some: a person tells which it is."""
RULES = (IN_TEXT,)


class Secrets:
    """Reads every text for tokens by their shape; the evidence names the kind and never the value."""

    name = "secrets/1"

    def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        """One finding per text."""
        found = []
        for text in texts(asset) if asset.kind != "skill" else ():
            for form in dict.fromkeys((text.raw, *text.spoken)):
                secret = next(secrets_in(form[:LONGEST_TEXT]), None)
                if secret:
                    at = form.find(secret.value)
                    evidence = redacted(form[max(0, at - 40) : at + len(secret.value) + 40])
                    found.append((TOKEN if secret.kind == JWT else IN_TEXT).finding(text.field, evidence))
                    break
        return found
