"""What labels by the portable rules: ours in three forms, and other engines."""

from __future__ import annotations

import json
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from benchmarks import portable
from benchmarks.measure import Contender
from benchmarks.peers import find_peers
from opensoc_engine.library import compile_policies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opensoc_engine import PolicySet


def load() -> PolicySet:
    """The portable rules, compiled by us."""
    return compile_policies(portable.opensoc_files())


def contenders(policies: PolicySet) -> tuple[list[Contender], list[str]]:
    """The contenders, and what is not installed; the first one is ours."""
    peers, missing = find_peers()
    ours = [Contender("generated code", "dict", dict, policies.outcome)]
    return [*ours, *_on_structs(policies), *peers], missing


def _on_structs(policies: PolicySet) -> Iterator[Contender]:
    if find_spec("msgspec") is None:
        return
    structs = import_module("opensoc_engine.structured").structured(policies)
    decode: Callable[[bytes], Any] = structs.decode

    def as_bytes(incident: Mapping[str, Any]) -> bytes:
        return json.dumps(incident, separators=(",", ":")).encode()

    def as_struct(incident: Mapping[str, Any]) -> Any:
        return decode(as_bytes(incident))

    yield Contender("generated code", "struct", as_struct, structs.outcome)
    yield Contender(
        "generated code, msgspec",
        "JSON",
        as_bytes,
        lambda text: structs.outcome(decode(text)),
    )
