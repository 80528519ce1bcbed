"""A client of airegistry, the registry and gateway of MCP servers, A2A agents and skills."""

from airegistry_client.client import AsyncRegistry, Registry
from airegistry_client.retries import Retries
from airegistry_client.tokens import ClientCredentials

__all__ = ["AsyncRegistry", "ClientCredentials", "Registry", "Retries"]
