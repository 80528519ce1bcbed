"""A test tool: the messages of MongoDB's wire protocol: OP_MSG, and the OP_QUERY of a driver's first hello."""

import struct
from collections.abc import Callable
from socket import socket
from typing import Any

import bson
from bson.raw_bson import DEFAULT_RAW_BSON_OPTIONS

Command = dict[str, Any]
_HEADER = struct.Struct("<iiii")
_REPLY, _QUERY, _MSG = 1, 2004, 2013
_CHECKSUM, _MORE_TO_COME = 1, 2


def answer(client: socket, run: Callable[[Command], bytes]) -> None:
    """Read commands off a connection and send what they give, until it ends."""
    while (header := _exactly(client, _HEADER.size)) is not None:
        size, request, _, kind = _HEADER.unpack(header)
        body = _exactly(client, size - _HEADER.size)
        if body is None:
            return
        if kind == _QUERY:
            _send(client, request, _REPLY, struct.pack("<iqii", 8, 0, 0, 1) + run(_of_query(body)))
        elif kind == _MSG:
            flags = int.from_bytes(body[:4], "little")
            result = run(_of_message(body[4 : -4 if flags & _CHECKSUM else None]))
            if not flags & _MORE_TO_COME:
                _send(client, request, _MSG, struct.pack("<iB", 0, 0) + result)
        else:
            raise ValueError(f"a message of kind {kind}")


def _send(client: socket, request: int, kind: int, body: bytes) -> None:
    client.sendall(_HEADER.pack(_HEADER.size + len(body), 0, request, kind) + body)


def _exactly(client: socket, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        part = client.recv(min(size - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)


def _document(data: bytes) -> Command:
    """Its elements by name; what is within them stays as it came."""
    return dict(bson.decode(data, codec_options=DEFAULT_RAW_BSON_OPTIONS).items())


def _of_query(body: bytes) -> Command:
    start = body.index(0, 4) + 1 + 8
    return {**_document(body[start:]), "$db": "admin"}


def _of_message(sections: bytes) -> Command:
    command: Command = {}
    while sections:
        kind, size = sections[0], int.from_bytes(sections[1:5], "little")
        section, sections = sections[1 : size + 1], sections[size + 1 :]
        if kind == 0:
            command = {**_document(section), **command}
        else:
            name, _, documents = section[4:].partition(b"\0")
            command[name.decode()] = bson.decode_all(documents, codec_options=DEFAULT_RAW_BSON_OPTIONS)
    return command
