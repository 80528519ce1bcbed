"""A test tool: a server of MongoDB's wire protocol before PostgreSQL with the extension `documentdb`.

It translates: each command is one call of a function of the extension, on a connection to PostgreSQL that belongs to
the client's. What says who it is (`hello`) it says itself: a single server, without sessions and change streams. It has
no TLS, no passwords and no transactions.
"""

import itertools
import socket
import socketserver
import struct
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import bson
import psycopg

from tests.stores.mongo.documentdb.wire import Command, answer

_API = "documentdb_api"
_SPEC = "%s::bytea::documentdb_core.bson"
_WRITES = {"insert": "insert", "update": "update", "delete": "delete", "findAndModify": "find_and_modify"}
_QUERIES = {"count": "count_query", "distinct": "distinct_query"}
_CURSORS = {
    "find": "find_cursor_first_page",
    "aggregate": "aggregate_cursor_first_page",
    "listIndexes": "list_indexes_cursor_first_page",
    "listCollections": "list_collections_cursor_first_page",
}
_OURS = frozenset(("$db", "$readPreference", "$clusterTime", "lsid", "txnNumber", "readConcern", "writeConcern"))
"""Elements that the gateway is meant for."""
_HELLO = {
    "isWritablePrimary": True, "ismaster": True, "helloOk": True, "readOnly": False,
    "minWireVersion": 0, "maxWireVersion": 21, "maxBsonObjectSize": 16 << 20, "maxMessageSizeBytes": 48_000_000,
    "maxWriteBatchSize": 100_000, "ok": 1.0,
}  # fmt: skip
_BUILD = {"version": "7.0.0", "versionArray": [7, 0, 0, 0], "maxBsonObjectSize": 16 << 20, "ok": 1.0}
_CODES = {
    "23505": 11000, "40001": 112, "40P01": 112, "57014": 50, "M0001": 2, "M0003": 9, "M0004": 14, "M0008": 26,
    "M0009": 27, "M000E": 43, "M000F": 48, "M000M": 66, "M000N": 67, "M000U": 115, "M001B": 10334, "M001C": 11000,
    "M003A": 17419, "M003B": 17420,
}  # fmt: skip
"""MongoDB's code for a state of SQL; the extension's own begin with M. Any other is an internal error, 1."""


class Refused(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def _code(state: str | None) -> int:
    return _CODES.get(state or "", 1)


def _unpacked(code: int) -> int:
    """The same for a state that came as a number, six bits a character."""
    return _code("".join(chr((code >> shift & 0x3F) + ord("0")) for shift in range(0, 30, 6)))


@dataclass
class Backend:
    """A connection to PostgreSQL, made when it is needed."""

    target: str
    lock: threading.Lock = field(default_factory=threading.Lock)
    _connection: Any = None

    def ask(self, query: str, *values: object) -> bytes:
        """The document that a query gives."""
        return bytes(self.row(query, *values)[0])

    def row(self, query: str, *values: object) -> tuple[Any, ...]:
        with self.lock:
            if self._connection is None:
                self._connection = psycopg.connect(self.target, autocommit=True)
            row = self._connection.execute(query, values, binary=True).fetchone()
        assert row is not None
        return tuple(row)

    def hand_over(self) -> "Backend":
        """The connection as it is, for a cursor that lives in it; the next query here gets another one."""
        with self.lock:
            other = Backend(self.target, _connection=self._connection)
            self._connection = None
        return other

    def close(self) -> None:
        with self.lock:
            if self._connection is not None:
                self._connection.close()


@dataclass
class Cursor:
    """How it goes on, the connection that it lives in if it does in one, and whose it is."""

    continuation: bytes
    kept: Backend | None
    owner: Backend

    def close(self) -> None:
        if self.kept is not None:
            self.kept.close()


@dataclass
class Gateway:
    """What clients share: where PostgreSQL is, and the cursors that are open."""

    target: str
    cursors: dict[int, Cursor] = field(default_factory=dict)
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def run(self, backend: Backend, command: Command) -> bytes:
        """Carry a command out; an error is an answer, too."""
        name = next(iter(command))
        try:
            return self._run(backend, name, command)
        except psycopg.Error as error:
            code, message = _code(error.sqlstate), f"{error.sqlstate}: {error}"
        except Refused as error:
            code, message = error.code, str(error)
        return bson.encode({"ok": 0.0, "code": code, "errmsg": message})

    def _run(self, backend: Backend, name: str, command: Command) -> bytes:
        database = str(command["$db"])
        spec = bson.encode({key: value for key, value in command.items() if key not in _OURS})
        if name in _CURSORS:
            return self._first(backend, _CURSORS[name], database, spec)
        if name in _WRITES:
            query = f"SELECT p_result::bytea FROM {_API}.{_WRITES[name]}(%s, {_SPEC})"
            return _with_codes(backend.ask(query, database, spec))
        if name in _QUERIES:
            return backend.ask(f"SELECT {_API}.{_QUERIES[name]}(%s, {_SPEC})::bytea", database, spec)
        match name:
            case "hello" | "ismaster" | "isMaster":
                return bson.encode({**_HELLO, "localTime": datetime.now(UTC)})
            case "buildInfo" | "buildinfo":
                return bson.encode(_BUILD)
            case "getMore":
                return self._more(backend, int(command[name]), database, spec)
            case "createIndexes":
                query = f"SELECT retval::bytea FROM {_API}.create_indexes_background(%s, {_SPEC})"
                return _made(backend.ask(query, database, spec))
            case "dropIndexes":
                return backend.ask(f"CALL {_API}.drop_indexes(%s, {_SPEC})", database, spec)
            case "listDatabases":
                return backend.ask(f"SELECT {_API}.list_databases({_SPEC})::bytea", spec)
            case "killCursors":
                self.close(int(number) for number in command["cursors"])
            case "drop":
                backend.row(f"SELECT {_API}.drop_collection(%s, %s)", database, command[name])
            case "dropDatabase":
                backend.row(f"SELECT {_API}.drop_database(%s)", database)
            case "ping" | "endSessions":
                pass
            case _:
                raise Refused(59, f"no such command: '{name}'")
        return bson.encode({"ok": 1.0})

    def _first(self, backend: Backend, function: str, database: str, spec: bytes) -> bytes:
        columns = "cursorpage::bytea, continuation::bytea, persistconnection"
        query = f"SELECT {columns} FROM {_API}.{function}(%s, {_SPEC}, %s::int8)"
        page, continuation, persist = backend.row(query, database, spec, next(self.numbers))
        if continuation is not None:
            kept = backend.hand_over() if persist else None
            self.cursors[int(bson.decode(page)["cursor"]["id"])] = Cursor(continuation, kept, backend)
        return bytes(page)

    def _more(self, backend: Backend, number: int, database: str, spec: bytes) -> bytes:
        cursor = self.cursors.pop(number, None)
        if cursor is None:
            raise Refused(43, f"cursor id {number} not found")
        query = f"SELECT cursorpage::bytea, continuation::bytea FROM {_API}.cursor_get_more(%s, {_SPEC}, {_SPEC})"
        page, continuation = (cursor.kept or backend).row(query, database, spec, cursor.continuation)
        if continuation is None:
            cursor.close()
        else:
            self.cursors[number] = Cursor(continuation, cursor.kept, cursor.owner)
        return bytes(page)

    def close(self, numbers: Iterable[int]) -> None:
        """Cursors that nobody reads on."""
        for number in numbers:
            cursor = self.cursors.pop(number, None)
            if cursor is not None:
                cursor.close()

    def forget(self, owner: Backend) -> None:
        """The cursors of a client go with its connection."""
        self.close([number for number, cursor in list(self.cursors.items()) if cursor.owner is owner])


def _with_codes(result: bytes) -> bytes:
    """A result whose write errors have MongoDB's codes."""
    found = bson.decode(result)
    if "writeErrors" not in found:
        return result
    for error in found["writeErrors"]:
        error["code"] = _unpacked(error["code"])
    return bson.encode(found)


def _made(result: bytes) -> bytes:
    """The answer to `createIndexes`, whose error lies within it."""
    found = bson.decode(result)
    if found["ok"]:
        return result
    error = found["raw"]["defaultShard"]
    raise Refused(_unpacked(error["code"]), error["errmsg"])


def serve(port: int, target: str) -> None:
    """Listen on loopback as soon as PostgreSQL answers, with the extension made."""
    deadline = time.monotonic() + 50
    while True:
        try:
            with psycopg.connect(target, autocommit=True) as connection:
                connection.execute("CREATE EXTENSION IF NOT EXISTS documentdb CASCADE")
            break
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    gateway = Gateway(target)

    class Client(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            backend = Backend(target)
            try:
                answer(self.request, lambda command: gateway.run(backend, command))
            except (ConnectionError, struct.error):
                pass
            finally:
                gateway.forget(backend)
                backend.close()

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = daemon_threads = True
        request_queue_size = 128

    with Server(("127.0.0.1", port), Client) as server:
        server.serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2])
