"""Reads agent cards (A2A 0.3 and 1.0): what they claim, where they lead, and who answers for them."""

from collections.abc import Sequence

from airegistry.core.assets import Agent
from airegistry.core.findings import Finding
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.scanners.card_auth import auth_findings, ways_of
from airegistry.scanners.card_endpoints import endpoint_findings, endpoints_of
from airegistry.scanners.card_identity import identity_findings
from airegistry.scanners.card_words import word_findings
from airegistry.scanners.texts import texts


class Cards:
    """Finds spoofed providers, inflated claims, courted routers, and addresses that no card should have."""

    name = "cards/1"

    def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        """One finding per rule and place. Instructions on cards are found by the word rules of every kind."""
        if not isinstance(asset, Agent):
            return ()
        card, read, endpoints = asset.card, texts(asset), endpoints_of(asset)
        return [
            *endpoint_findings(asset),
            *identity_findings(card, endpoints, ways_of(card), read),
            *auth_findings(card, [*endpoints.values()], read),
            *word_findings(read),
        ]
