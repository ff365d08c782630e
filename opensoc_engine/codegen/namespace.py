"""Generated source becomes functions: what it may use, and how it is run.

The source has no builtins of Python but those named here, and imports nothing.
"""

from __future__ import annotations

import linecache
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from opensoc_engine import runtime
from opensoc_engine.builtins import BUILTINS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import CodeType

_FILE = "<generated from"
# A service may compile sets for years.
_SHOWN = 64
_RUNTIME = (
    "add",
    "attribute_at",
    "by_text",
    "default_at",
    "divide",
    "exact",
    "first_kept",
    "flat",
    "gains",
    "has",
    "item",
    "modulo",
    "multiply",
    "negate",
    "same",
    "subtract",
    "times",
    "twins",
)


def builtin_name(name: str) -> str:
    """What the source calls a builtin of policies.

    >>> builtin_name("net.cidr_contains")
    'b_net_cidr_contains'
    """
    return f"b_{name.replace('.', '_')}"


_NAMESPACE: dict[str, Any] = {
    "__builtins__": {},
    "E": {},
    "ONCE": (None,),
    "all": all,
    "any": any,
    "chain": chain,
    "enumerate": enumerate,
    "frozenset": frozenset,
    "id": id,
    "len": len,
    "lru_cache": lru_cache,
    "sorted": sorted,
    "str": str,
    "tuple": tuple,
    **{name: getattr(runtime, name) for name in _RUNTIME},
    **{builtin_name(name): row.implementation for name, row in BUILTINS.items()},
}


def compiled(source: str, name: str) -> CodeType:
    """The source as code, whose lines tracebacks can show; `name` appears there."""
    file_name = f"{_FILE} {name}>"
    _show(file_name, source)
    return compile(source, file_name, "exec")


def _show(file_name: str, source: str) -> None:
    """Let tracebacks show the source, in place of the oldest one of many."""
    known = linecache.cache
    lines = source.splitlines(keepends=True)
    known.pop(file_name, None)
    known[file_name] = (len(source), None, lines, file_name)
    for name in [name for name in list(known) if name.startswith(_FILE)][:-_SHOWN]:
        known.pop(name, None)


def defined(code: CodeType, constants: Mapping[str, Any]) -> dict[str, Any]:
    """The names that generated code defines."""
    namespace = {**_NAMESPACE, **constants}
    exec(code, namespace)  # noqa: S102 - our own text, written from typed IR
    return namespace
