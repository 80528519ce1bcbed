"""Records in an append-only file, each checkable by itself and findable again after damage.

    file   = header record*
    header = b"AIRF" version(u8) kind(3 bytes) base(u64) crc32(u32)
    record = MARK length(u32) crc32 of the payload(u32) crc32 of these twelve bytes(u32) payload

Payloads are UTF-8 text, in which the MARK cannot occur, so a reader that lost its way finds the next record
by looking for it. The length has a checksum of its own: an unfinished record at the end of a file (its
length holds, its payload is short) is told apart from a damaged one.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap

from airegistry.core.errors import Unsupported

MARK = b"\xffAR\xfe"
MAGIC = b"AIRF"
VERSION = 1

_HEADER = struct.Struct(">4sB3sQ")
_PREFIX = struct.Struct(">4sII")
_CRC = struct.Struct(">I")
HEADER_SIZE = _HEADER.size + _CRC.size
FRAME_SIZE = _PREFIX.size + _CRC.size

Data = bytes | mmap


@dataclass(slots=True)
class Findings:
    """What `records` met besides intact records, in bytes; `end` is the offset after the last intact one."""

    end: int
    damaged: int = 0
    torn: int = 0


def header(kind: bytes, base: int) -> bytes:
    """The first bytes of a file of a kind (three bytes) whose records are numbered from `base + 1`."""
    fields = _HEADER.pack(MAGIC, VERSION, kind, base)
    return fields + _CRC.pack(zlib.crc32(fields))


def read_base(data: Data, kind: bytes) -> int | None:
    """The `base` of a file, or None when its header is damaged.

    Raises:
        Unsupported: the header is intact but of another format.
    """
    fields = bytes(data[: _HEADER.size])
    if data[_HEADER.size : HEADER_SIZE] != _CRC.pack(zlib.crc32(fields)):
        return None
    magic, version, found, base = _HEADER.unpack(fields)
    if (magic, version, found) != (MAGIC, VERSION, kind):
        raise Unsupported(f"format {found!r} version {version} is none this version of airegistry reads")
    return int(base)


def frame(payload: bytes) -> bytes:
    """A payload as one record."""
    prefix = _PREFIX.pack(MARK, len(payload), zlib.crc32(payload))
    return b"".join((prefix, _CRC.pack(zlib.crc32(prefix)), payload))


def records(data: Data, start: int, findings: Findings) -> Iterator[tuple[int, bytes]]:
    """Offset and payload of every intact record from `start` on; `findings` fills as it goes."""
    position, size = start, len(data)
    while position < size:
        payload = _payload(data, position)
        if payload is not None:
            yield position, payload
            position += FRAME_SIZE + len(payload)
            findings.end = position
            continue
        following = _next_intact(data, position + 1)
        if following is not None:
            findings.damaged += following - position
            position = following
            continue
        if _is_torn(data, position):
            findings.torn = size - position
        else:
            findings.damaged += size - position
        return


def _length(data: Data, position: int) -> tuple[int, int] | None:
    """Length and checksum of the payload, when the record's own head is whole and intact."""
    head = bytes(data[position : position + FRAME_SIZE])
    if len(head) < FRAME_SIZE or not head.startswith(MARK):
        return None
    if _CRC.unpack_from(head, _PREFIX.size)[0] != zlib.crc32(head[: _PREFIX.size]):
        return None
    _, length, checksum = _PREFIX.unpack_from(head)
    return length, checksum


def _payload(data: Data, position: int) -> bytes | None:
    head = _length(data, position)
    if head is None:
        return None
    length, checksum = head
    begin = position + FRAME_SIZE
    payload = bytes(data[begin : begin + length])
    return payload if len(payload) == length and zlib.crc32(payload) == checksum else None


def _next_intact(data: Data, position: int) -> int | None:
    while (position := data.find(MARK, position)) >= 0:
        if _payload(data, position) is not None:
            return position
        position += 1
    return None


def _is_torn(data: Data, position: int) -> bool:
    """Whether what is left is the beginning of one record (a write cut short), or blank."""
    rest = len(data) - position
    head = bytes(data[position : position + FRAME_SIZE])
    if rest < FRAME_SIZE and head[: len(MARK)] == MARK[:rest]:
        return True
    found = _length(data, position)
    if found is not None:
        return rest < FRAME_SIZE + found[0]
    # A file system that lost power may have grown the file without its bytes.
    return not bytes(data[position:]).strip(b"\0")
