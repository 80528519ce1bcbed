"""Arrays that grow, and lists as arrays: what the parts of the index are kept in and saved as."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[np.generic]]
"""A part of the index as it is saved: arrays by name, none of them of objects."""

_Item = TypeVar("_Item", bound=np.generic)
_SMALLEST = 64


def grown(array: npt.NDArray[_Item], size: int, fill: float = 0) -> npt.NDArray[_Item]:
    """The array, or one at least twice as long that begins with it, when it has fewer than `size` rows."""
    if size <= len(array):
        return array
    # Rows of zeros take no memory before they are written.
    larger = np.zeros((max(_SMALLEST, 2 * len(array), size), *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    if fill:
        larger[len(array) :] = fill
    return larger


def packed_texts(name: str, texts: Sequence[str]) -> Arrays:
    """Texts as their lengths in characters and their UTF-8."""
    # Other people's words: a lone surrogate must not keep the index from being saved.
    joined = "".join(texts).encode("utf-8", "surrogatepass")
    return {f"{name}.lengths": _lengths(texts), f"{name}.utf8": np.frombuffer(joined, np.uint8)}


def unpacked_texts(name: str, arrays: Mapping[str, npt.NDArray[Any]]) -> list[str]:
    """The texts that were packed under a name."""
    joined = arrays[f"{name}.utf8"].tobytes().decode("utf-8", "surrogatepass")
    return [joined[start:end] for start, end in _spans(arrays[f"{name}.lengths"])]


def packed_bytes(name: str, pieces: Sequence[bytes | bytearray]) -> Arrays:
    """Pieces of bytes as their lengths and all of them in a row."""
    whole = np.empty(sum(map(len, pieces)), np.uint8)
    end = 0
    # A few at a time: joining bytes keeps all other threads waiting.
    for start in range(0, len(pieces), 1024):
        part = np.frombuffer(b"".join(pieces[start : start + 1024]), np.uint8)
        whole[end : end + len(part)] = part
        end += len(part)
    return {f"{name}.lengths": _lengths(pieces), f"{name}.bytes": whole}


def unpacked_bytes(name: str, arrays: Mapping[str, npt.NDArray[Any]]) -> Iterator[memoryview]:
    """The pieces that were packed under a name."""
    whole = memoryview(arrays[f"{name}.bytes"].tobytes())
    return (whole[start:end] for start, end in _spans(arrays[f"{name}.lengths"]))


def _lengths(pieces: Sequence[str | bytes | bytearray]) -> npt.NDArray[np.int64]:
    return np.fromiter(map(len, pieces), np.int64, len(pieces))


def _spans(lengths: npt.NDArray[Any]) -> Iterator[tuple[int, int]]:
    return pairwise(accumulate(lengths.tolist(), initial=0))
