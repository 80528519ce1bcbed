"""`python -m airegistry_agents.on_strands GOAL [name=value …]`, with AIREGISTRY_URL and AIREGISTRY_TOKEN."""

import json
import os
import sys
from typing import Any

from strands.tools.mcp import MCPClient

from airegistry_agents.on_strands.agent import agent_at
from airegistry_agents.on_strands.scripted import ScriptedModel
from airegistry_agents.planner import ScriptedPlanner, facts_of


def main() -> None:
    """Work towards the goal of the command line."""
    goal, *facts = sys.argv[1:]
    url, token = os.environ["AIREGISTRY_URL"], os.environ["AIREGISTRY_TOKEN"]
    agent = agent_at(url, token, ScriptedModel(ScriptedPlanner(facts_of(facts))))
    try:
        answer = agent(goal)
        for use in [
            block["toolUse"] for message in agent.messages for block in message["content"] if "toolUse" in block
        ]:
            tell("tool", f"{use['name']} {json.dumps(use['input'])}")
        tell("answer", str(answer).strip())
    finally:
        agent.cleanup()
    tell("audit", record(url, token))


def record(url: str, token: str) -> str:
    """The last call in the audit trail; who may not read it is told so."""
    with MCPClient(url=f"{url}/mcp", headers={"authorization": f"Bearer {token}"}) as registry:
        result = registry.call_tool_sync("audit", "query_audit", {"action": "tools/call", "limit": 1})
    said: dict[str, Any] = json.loads(result["content"][0]["text"]) if result["status"] == "success" else {}
    events = said.get("events")
    if not events:
        return "not for me to read"
    return " ".join(str(events[0][part]) for part in ("action", "asset", "tool", "decision", "outcome"))


def tell(act: str, said: str) -> None:
    """Print an act."""
    print(f"{act:8} {said}")  # noqa: T201  # a program


main()
