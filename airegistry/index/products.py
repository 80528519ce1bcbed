"""The products of one query with very many vectors of bytes, by ONNX Runtime: its kernel reads bytes as they are, where
numpy would widen each first, which takes three times as long.

It multiplies numbers of 0 to 255 by numbers of -128 to 127. On processors without instructions for that it adds pairs
of products in 16 bits, where they fit as long as the first are below 128: a query is given as two digits of 7 bits.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from airegistry.core.ports import Vectors

if TYPE_CHECKING:
    import onnxruntime

Bytes = npt.NDArray[np.int8]
Whole32 = npt.NDArray[np.int32]
Digits = tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]
_ZERO = 1 << 13
"""What is added to a query's components, of which none is negative then."""
_LOW = 7
_UINT8, _INT8, _INT32 = 2, 3, 6


def digits(query: Vectors) -> Digits:
    """A query of whole numbers between -8192 and 8191 as two rows of digits, the higher ones first."""
    shifted = np.clip(query, -_ZERO, _ZERO - 1).astype(np.int32)[np.newaxis] + _ZERO
    return (shifted >> _LOW).astype(np.uint8), (shifted & (1 << _LOW) - 1).astype(np.uint8)


def products(query: Digits, columns: Bytes, sums: Whole32) -> Whole32:
    """The product of a query with each column; `sums` are those of the columns' components."""
    session = _session()
    found: Whole32 = session.run(None, {"query": query[0], "columns": columns})[0][0]
    found <<= _LOW
    found += session.run(None, {"query": query[1], "columns": columns})[0][0]
    found -= sums * np.int32(_ZERO)
    return found


@cache
def _session() -> "onnxruntime.InferenceSession":
    import onnxruntime  # its 25 MB are paid where there are very many vectors

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # callers bring their own threads
    options.enable_cpu_mem_arena = False
    return onnxruntime.InferenceSession(_model(), options, providers=["CPUExecutionProvider"])


def _model() -> bytes:
    """`MatMulInteger` of opset 13 as a model: see onnx.proto3 of ONNX 1.10 for the numbers of the fields."""
    node = _told(1, b"query") + _told(1, b"columns") + _told(2, b"products") + _told(4, b"MatMulInteger")
    query, columns = _tensor(b"query", _UINT8), _tensor(b"columns", _INT8)
    graph = _told(1, node) + _told(2, b"products") + _told(11, query) + _told(11, columns)
    graph += _told(12, _tensor(b"products", _INT32))
    return _number(1, 8) + _told(7, graph) + _told(8, _told(1, b"") + _number(2, 13))


def _tensor(name: bytes, kind: int) -> bytes:
    """A matrix of any size, of one type of numbers."""
    return _told(1, name) + _told(2, _told(1, _number(1, kind) + _told(2, _told(1, b"") + _told(1, b""))))


def _told(field: int, value: bytes) -> bytes:
    """A field of protobuf that holds bytes; all of ours are shorter than 128."""
    return bytes((field << 3 | 2, len(value))) + value


def _number(field: int, value: int) -> bytes:
    return bytes((field << 3, value))


def summed(columns: Bytes) -> Whole32:
    """The sum of the components of each column."""
    found: Any = columns.sum(axis=0, dtype=np.int32)
    return np.asarray(found, np.int32)
