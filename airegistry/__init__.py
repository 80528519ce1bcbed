"""airegistry: the registry and gateway for MCP servers, A2A agents and skills."""

__version__ = "0.1.0"
