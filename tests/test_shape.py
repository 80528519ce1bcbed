"""The shape of the code: no file over 400 lines, no function over 50, and one place that reaches out."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("airegistry", "tests", "benchmarks", "scripts", "clients")
LONGEST_FILE = 400
LONGEST_FUNCTION = 50
CLIENTS = frozenset(
    (
        "aiohttp asyncio.open_connection asyncio.open_unix_connection fastmcp.Client fastmcp.client ftplib http.client "
        "httpcore httpcore2 httpx httpx2 imaplib mcp.client niquests nntplib poplib pycurl pyreqwest requests smtplib "
        "socket telnetlib urllib.request urllib3 websockets xmlrpc"
    ).split()
)
"""Modules, and names of modules, by which a program may connect to others. import-linter knows no standard library."""
CONNECTING = frozenset(
    (
        "connect_ex connect_tcp connect_unix create_connection create_datagram_endpoint create_unix_connection "
        "create_connected_udp_socket getaddrinfo open_connection open_unix_connection sock_connect urlopen urlretrieve"
    ).split()
)
"""Methods that connect, or look a name up, whatever object has them."""
REACHING_OUT = {
    "airegistry/app.py": {"socket"},  # to listen
    "airegistry/http_server.py": {"socket"},  # the same
    "airegistry/cli/session.py": {"httpx2", "mcp.client", "socket"},  # the command line talks to its registry
}
"""What other files than those of `egress` may use, each for its reason."""


def sources() -> Iterator[Path]:
    for folder in FOLDERS:
        yield from sorted((ROOT / folder).rglob("*.py"))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Every function's place and length in lines, from `def` to its end: decorators tell nothing of its duty."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1


def test_no_file_is_longer_than_400_lines() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in sources()}
    assert len(lengths) > 100
    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}


def test_no_function_is_longer_than_50_lines() -> None:
    lengths = dict(each for path in sources() for each in functions(path))
    assert len(lengths) > 1000
    assert {place: length for place, length in lengths.items() if length > LONGEST_FUNCTION} == {}


@pytest.mark.parametrize("folder", ["airegistry", "tests"])
def test_packages_are_empty_but_for_the_products_own(folder: str) -> None:
    filled = {str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob("__init__.py") if path.read_text("utf-8")}
    assert filled <= {"airegistry/__init__.py"}


def reaching_out(source: str) -> set[str]:
    """The ways to connect to others that a program names: imports, and methods that connect."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import():
                names = [alias.name for alias in node.names]
            case ast.ImportFrom(module=str(module)):
                names = [f"{module}.{alias.name}" for alias in node.names]
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                names = [f"{owner}.{name}"]
                found |= {name} & CONNECTING
            case ast.Attribute(attr=name):
                names = []
                found |= {name} & CONNECTING
            case _:
                continue
        found |= {client for client in CLIENTS for name in names if f"{name}.".startswith(f"{client}.")}
    return found


def test_nothing_but_egress_connects_to_others() -> None:
    product, egress = ROOT / "airegistry", ROOT / "airegistry" / "egress"
    files = [path for path in sources() if path.is_relative_to(product) and not path.is_relative_to(egress)]
    found = {str(path.relative_to(ROOT)): reaching_out(path.read_text("utf-8")) for path in files}
    assert {path: ways for path, ways in found.items() if ways} == REACHING_OUT


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("import urllib.request", {"urllib.request"}),
        ("from urllib import request", {"urllib.request"}),
        ("from http.client import HTTPSConnection", {"http.client"}),
        ("import socket as s", {"socket"}),
        ("import httpx2", {"httpx2"}),
        ("def f() -> None:\n    import requests.sessions", {"requests"}),
        ("from fastmcp import Client", {"fastmcp.Client"}),
        ("from mcp.client.streamable_http import streamable_http_client", {"mcp.client"}),
        ("import asyncio\nasyncio.open_connection('x', 1)", {"asyncio.open_connection", "open_connection"}),
        ("from asyncio import open_connection", {"asyncio.open_connection"}),
        ("import anyio\nanyio.connect_tcp('x', 1)", {"connect_tcp"}),
        ("loop().create_connection(None, 'x', 1)", {"create_connection"}),
        ("import asyncio, urllib.parse, http\nfrom fastmcp import FastMCP", set()),
    ],
)
def test_a_planted_way_out_is_found(planted: str, found: set[str]) -> None:
    assert reaching_out(planted) == found
