"""`python -m airegistry_agents.on_mcp GOAL [name=value …]`, with AIREGISTRY_URL and AIREGISTRY_TOKEN."""

import os
import sys

import anyio

from airegistry_agents.on_mcp.agent import Agent
from airegistry_agents.planner import ScriptedPlanner, facts_of


def tell(act: str, said: str) -> None:
    """Print an act."""
    print(f"{act:8} {said}")  # noqa: T201  # a program


def main() -> None:
    """Work towards the goal of the command line."""
    goal, *facts = sys.argv[1:]
    agent = Agent(os.environ["AIREGISTRY_URL"], os.environ["AIREGISTRY_TOKEN"], ScriptedPlanner(facts_of(facts)), tell)
    anyio.run(agent.work, goal)


main()
