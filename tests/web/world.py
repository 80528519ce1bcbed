"""A registry as people meet it at its web page: a real process, real backends, an administrator and people of teams."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2
from pydantic import JsonValue

from tests.support.backends import Backend, start_python
from tests.support.registry import Registry

Json = dict[str, JsonValue]
PASSWORD = "correct-horse-battery-staple-9"
ADMIN, ANN, BOB = "admin", "ann", "bob"
"""The administrator; Ann is of the team red and may call what she sees, Bob of the team blue."""
CARD: Json = {
    "name": "Trip planner", "description": "Plans trips by train, with stops and prices.", "version": "1.0.0",
    "url": "http://127.0.0.1:9/a2a", "protocolVersion": "0.3.0", "capabilities": {}, "defaultInputModes": ["text"],
    "defaultOutputModes": ["text"],
    "skills": [{"id": "plan", "name": "Plan a trip", "description": "From A to B by train.", "tags": ["travel"]}],
}  # fmt: skip
SKILL = "---\nname: {name}\ndescription: {about}\n---\n# {name}\n\n{about}\n"


@dataclass
class WebWorld:
    """A started registry, the backend behind its server `parcels`, and how to change things behind people's backs."""

    registry: Registry
    backend: Backend

    @property
    def url(self) -> str:
        return self.registry.url

    def ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Json:
        """As the operator; `path` is below /api/v1."""
        headers = {"authorization": f"Bearer {self.registry.token}"}
        with httpx2.Client(trust_env=False, timeout=60) as client:
            answer = client.request(method, f"{self.url}/api/v1{path}", headers=headers, json=body)
        assert answer.is_success, (method, path, answer.text)
        found: Json = answer.json()
        return found

    def server(self, path: str, name: str, description: str, **fields: object) -> None:
        """A server that nobody is asked for."""
        tools = fields.pop("tools", [{"name": f"{path.replace('-', '_')}_look", "description": f"Looks at {name}."}])
        self.ask("POST", "/servers", {
            "path": path, "name": name, "description": description, "url": f"http://127.0.0.1:9/{path}/mcp",
            "fetch": False, "tools": tools, **fields,
        })  # fmt: skip


def start(folder: Path) -> WebWorld:
    """A furnished one."""
    registry = Registry(folder, {"AIREGISTRY_ADMIN_PASSWORD": PASSWORD, "AIREGISTRY_EMBEDDER": "none"})
    registry.start()
    world = WebWorld(registry, start_python(folder))
    _people(world)
    _assets(world)
    return world


def stop(world: WebWorld) -> None:
    """Stop its processes."""
    world.registry.close()
    world.backend.close()


def _people(world: WebWorld) -> None:
    grants = [{"kinds": ["*"], "assets": ["*"], "actions": ["call", "rate"]}]
    world.ask("PUT", "/scopes/caller", {"grants": grants})
    for team, person in (("red", ANN), ("blue", BOB)):
        world.ask("PUT", f"/groups/{team}", {"scopes": ["caller"]})
        world.ask("PUT", f"/users/{person}", {"name": person.capitalize(), "groups": [team]})
        world.ask("PUT", f"/users/{person}/password", {"password": PASSWORD})


def _assets(world: WebWorld) -> None:
    world.ask("POST", "/servers", {
        "path": "parcels", "name": "Parcel desk", "url": world.backend.url, "tags": ["logistics", "shipping"],
        "description": "Quotes, books and tracks parcels with every carrier the company has a contract with.",
        "owner_team": "logistics", "risk_level": "low", "environment": "production",
        "repository_url": "https://git.example/parcels", "license": "MIT",
    })  # fmt: skip
    plain = [
        ("weather", "Weather", "Forecasts and warnings for any place on Earth.", "climate", ["geo", "forecast"]),
        ("maps", "Maps and places", "Geocoding, routes, and what is near a place.", "climate", ["geo"]),
        ("mailbox", "Mailbox", "Reads and sends mail on behalf of whoever calls.", "office", ["mail"]),
        ("calendar", "Calendar", "Free times, meetings and rooms.", "office", ["mail", "time"]),
        ("ledger", "Ledger", "Bookings of the general ledger, by account and period.", "finance", ["accounting"]),
        ("tickets", "Ticket queue", "Opens, finds and moves tickets of the service desk.", "support", ["helpdesk"]),
    ]
    for path, name, description, owner, tags in plain:
        world.server(path, name, description, owner_team=owner, tags=tags, risk_level="medium")
    for team in ("red", "blue"):
        world.server(f"{team}-vault", f"{team.capitalize()} vault", f"Secrets of the team {team}.", groups=[team],
                     visibility="group", owner_team=team, tags=[f"only-{team}"])  # fmt: skip
    world.ask("POST", "/agents", {"path": "planner", "card": CARD})
    about = "Writes release notes from merged changes"
    world.ask("POST", "/skills", {"path": "release-notes", "content": SKILL.format(name="release-notes", about=about)})
    lent = [{"server": "weather", "tool": "weather_look"}, {"server": "maps", "tool": "maps_look"}]
    world.ask("POST", "/virtual-servers", {"path": "outdoors", "name": "Outdoors", "tools": lent,
                                           "description": "What one needs on a walk."})  # fmt: skip
    schema: Json = {"type": "object", "properties": {"rows": {"type": "integer"}, "format": {"type": "string"}}}
    world.ask("PUT", "/entity-types/dataset", {"schema": schema})
    data: Json = {"rows": 70_412, "format": "parquet"}
    world.ask("POST", "/entities", {"type": "dataset", "path": "rainfall", "data": data})
    quiet: Json = {"name": "quiet", "url": "http://127.0.0.1:9"}
    world.ask("POST", "/sources", {**quiet, "kind": "mcp-registry", "enabled": False})
    world.ask("POST", "/webhooks", {**quiet, "events": ["source:*"]})
