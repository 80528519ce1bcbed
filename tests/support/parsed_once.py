"""FastMCP's reading of a tool's signature, kept for the process: many tests build the registry's tools anew."""

import inspect
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

from fastmcp.server.dependencies import transform_context_annotations
from fastmcp.tools.function_parsing import ParsedFunction

_READ = ParsedFunction.from_function
_KNOWN: dict[object, ParsedFunction] = {}


def parse_once() -> None:
    """Have methods of the product's own classes read once. What a test defines by itself is read each time."""
    ParsedFunction.from_function = staticmethod(_parsed)  # type: ignore[method-assign]  # for this process


def _parsed(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> ParsedFunction:
    method = inspect.unwrap(fn)
    owner = getattr(method, "__func__", None)
    if owner is None or not owner.__module__.startswith("airegistry."):
        return _READ(fn, *args, **kwargs)
    key = owner, str(inspect.signature(fn)), fn.__doc__, args, tuple(kwargs.items())
    if key not in _KNOWN:
        _KNOWN[key] = _own(_READ(fn, *args, **kwargs))
    known = _own(_KNOWN[key])
    return replace(known, fn=transform_context_annotations(fn))


def _own(parsed: ParsedFunction) -> ParsedFunction:
    """The same with schemas of its own."""
    return replace(parsed, input_schema=deepcopy(parsed.input_schema), output_schema=deepcopy(parsed.output_schema))
