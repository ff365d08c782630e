"""What takes long: to search the document, and some builtins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opensoc_engine import ir
from opensoc_engine.codegen.rewriting import inside, is_input_path, is_lookup

if TYPE_CHECKING:
    from collections.abc import Mapping

# Builtins that take longer than to look up what they said before.
SEARCHES = frozenset(
    (
        "base64.decode",
        "crypto.sha256",
        "glob.match",
        "net.cidr_contains",
        "regex.match",
    )
)
# Those, and builtins that go through a text and make new ones of it.
REMEMBERED = SEARCHES | {
    "concat",
    "regex.find_n",
    "regex.replace",
    "regex.split",
    "split",
    "sprintf",
}
# Searches, and builtins that take longer than reading a few fields.
SLOW = SEARCHES | {"sprintf", "time.parse_rfc3339_ns"}


def costly_functions(
    functions: Mapping[str, ir.Function], slow: frozenset[str] = SLOW
) -> set[str]:
    """The helpers that search the document, or use a slow builtin.

    Args:
        functions: Helpers, callees before callers.
        slow: Builtins that make a helper costly.
    """
    found: set[str] = set()
    for name, function in functions.items():
        parts = (function.bodies, function.results)
        if not function.parameters or is_costly(parts, found, slow):
            found.add(name)
    return found


def is_costly(nodes: Any, costly: set[str], slow: frozenset[str] = SLOW) -> bool:
    """True if a node searches the document, uses a slow builtin or a costly helper."""
    for part in inside(nodes):
        match part:
            case ir.Each(_, _, collection) | ir.ForAll(_, _, collection):
                if is_input_path(collection):
                    return True
            case ir.BuiltinCall(name) | ir.PartialBuiltin(name):
                if name in slow:
                    return True
            case ir.HelperCall(name, arguments):
                if name in costly or not arguments or is_lookup(part):
                    return True
            case ir.PartialHelper(name):
                if name in costly:
                    return True
    return False
