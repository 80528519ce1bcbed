"""What a call must be, besides allowed: to something that takes calls, of what was described, approved where marked."""

from airegistry.core.access import Access
from airegistry.core.assets import Agent, Server, VirtualServer
from airegistry.core.errors import Invalid, ScanFailed, UnknownTool, Unsupported
from airegistry.core.grants import ASKS, CALLS, EVERY_TOOL, LISTED_BY, is_plumbing
from airegistry.core.pleas import Mark, Matter
from airegistry.core.principals import Principal
from airegistry.core.scans import check_enabled


def check_callable(server: Server) -> None:
    """Make sure that the gateway may send calls to a server.

    Raises:
        Unsupported: it runs on its user's machine.
        ScanFailed: it is held by its scan, or was never fetched and scanned.
    """
    check_enabled(server)
    if server.transport == "stdio":
        raise Unsupported(f"server {server.path!r} runs on its user's machine; start it by its recipe")
    if not server.callable:
        raise ScanFailed(f"server {server.path!r} was never fetched and scanned; refresh it first")


def check_described(server: Server, name: str | None) -> None:
    """Only tools that were described, and so scanned, are called.

    Raises:
        UnknownTool: it was not.
    """
    if all(tool.name != name for tool in server.tools):
        raise UnknownTool(f"server {server.path!r} has no tool named {name!r}; refresh it if the tool is new")


def check_skill(agent: Agent, method: str, skill: str | None) -> None:
    """What is asked for is on the card, and so was scanned.

    Raises:
        UnknownTool: it is not.
    """
    if method in ASKS and skill is not None and all(each.id != skill for each in agent.skills):
        raise UnknownTool(f"agent {agent.path!r} has no skill {skill!r}")


def matter_of(
    who: Principal, server: Server, method: str, name: str | None, via: VirtualServer | None, shown: str | None
) -> Matter | None:
    """What has to be approved of a call, by the marks of its server and of the virtual server that it comes through."""
    if method not in CALLS or name is None:
        return None
    marks = [Mark(server, name)] if name in server.requires_approval else []
    if via is not None and shown is not None and shown in via.requires_approval:
        marks.insert(0, Mark(via, shown))
    if not marks:
        return None
    return Matter(who, via or server, shown or name, method, tuple(marks), Mark(server, name))


def matter_of_skill(who: Principal, agent: Agent, method: str, skill: str | None) -> Matter | None:
    """What has to be approved of a message to an agent; one that names no skill may put any of them to work."""
    marked = [each for each in agent.requires_approval if skill is None or each == skill]
    if method not in ASKS or not marked:
        return None
    marks = tuple(Mark(agent, each) for each in marked)
    return Matter(who, agent, skill or "", method, marks, Mark(agent, skill or ""))


def allow(access: Access, who: Principal, server: Server, method: str, name: str | None) -> str:
    """Why a caller may ask a server for something.

    Raises:
        AccessDenied, NotFound: it may not.
        Invalid: it does not say what it asks for.
    """
    if method in CALLS:
        if name is None:
            raise Invalid(f"{method} names nothing", field="params")
        return access.require(who, "call", server, tool=name, method=method).reason
    if method.startswith("tasks/") and name is not None:  # of the tool that the task came from
        return access.require(who, "call", server, tool=name, method="tools/call").reason
    if method in LISTED_BY or method.startswith("tasks/") or is_plumbing(method):
        return access.require(who, "read", server, method=method).reason
    return access.require(who, "call", server, tool=EVERY_TOOL, method=method).reason
