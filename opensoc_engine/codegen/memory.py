"""Which helpers remember what they found, and by what.

A helper that searches something remembers it for one evaluation, by the texts and by
the identity of the other arguments; or by the one text or instant that is all it reads
of its argument: elements that are alike there share what is found. A helper of one text
that reads nothing of the document, such as whether an address is of a constant network,
remembers it for good.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from opensoc_engine import ir
from opensoc_engine.codegen.costs import REMEMBERED
from opensoc_engine.codegen.rewriting import (
    inside,
    is_lookup,
    parts_of,
    variables,
)
from opensoc_engine.codegen.schedule import is_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Form: TypeAlias = Literal["text", "part", "any"]

# Pairs of elements are few enough to be remembered; triples are not.
_MAX_PARAMETERS = 2
# Builtins that give a text or an integer.
_SCALARS = {"lower", "time.parse_rfc3339_ns", "upper"}
# Builtins all of whose arguments are texts.
_OF_TEXTS = {
    "contains",
    "endswith",
    "lower",
    "net.cidr_contains",
    "regex.match",
    "replace",
    "split",
    "startswith",
    "time.parse_rfc3339_ns",
    "trim",
    "upper",
}


@dataclass(frozen=True, slots=True)
class Memory:
    """How a helper remembers.

    Attributes:
        forms: What stands for each argument.
        call: What stands for the only argument in place of that, if anything does.
        is_shared: True if it does not depend on the document.
    """

    forms: tuple[Form, ...]
    is_shared: bool
    call: ir.BuiltinCall | None = None


def memory_of(
    functions: Mapping[str, ir.Function], loops: Iterable[ir.Block]
) -> dict[str, Memory]:
    """The helpers that remember: those that are asked the same more than once.

    Args:
        functions: Helpers, callees before callers.
        loops: Blocks from which they are called.
    """
    sites = _sites(functions, loops)
    searches = set[str]()
    found: dict[str, Memory] = {}
    own = set[str]()
    for name, function in functions.items():
        if _reads_document(function, own):
            own.add(name)
        if not _searches(function, searches):
            continue
        searches.add(name)
        if 0 < len(function.parameters) <= _MAX_PARAMETERS:
            forms = tuple(_form(function, p) for p in function.parameters)
            is_shared = function.kind == "predicate" and forms == ("text",)
            is_shared = is_shared and name not in own
            if is_shared or sites[name] > 1:
                found[name] = Memory(forms, is_shared, _all_read(function))
    return found


def _all_read(function: ir.Function) -> ir.BuiltinCall | None:
    """The call that is all that a helper which loops reads of its only parameter.

    What such a call reads is there: a line that asks for it would read more.
    """
    if len(function.parameters) > 1 or not _loops(function):
        return None
    (parameter,) = function.parameters
    found: ir.BuiltinCall | None = None
    left: list[Any] = [function.bodies, function.results]
    while left:
        match left.pop():
            case ir.Variable(name) if name == parameter:
                return None
            case ir.BuiltinCall() as call if _is_scalar_of(call, parameter):
                if found not in (None, call):
                    return None
                found = call
            case tuple(parts):
                left += parts
            case node:
                left += parts_of(node)
    return found


def _is_scalar_of(call: ir.BuiltinCall, parameter: str) -> bool:
    """True for a text or an integer that is made of a parameter and of nothing else."""
    return call.name in _SCALARS and variables(call) == {parameter}


def _sites(
    functions: Mapping[str, ir.Function], loops: Iterable[ir.Block]
) -> Counter[str]:
    """How often helpers are called; inside of two loops counts for more than once."""
    found: Counter[str] = Counter()
    for block in loops:
        _count(block, 0, found)
    for function in functions.values():
        # Nobody remembers for a helper of many arguments, however often it is called.
        depth = 0 if len(function.parameters) <= _MAX_PARAMETERS else 2
        for part in (*function.bodies, *function.results):
            _count(part, depth, found)
    return found


def _count(node: Any, depth: int, found: Counter[str]) -> None:
    if isinstance(node, tuple):
        for part in node:
            _count(part, depth, found)
        return
    if isinstance(node, ir.HelperCall | ir.PartialHelper):
        found[node.function] += 1 if depth <= 1 else 2
    if isinstance(node, ir.Block):
        for step in node.steps:
            _count(step, depth, found)
            depth += isinstance(step, ir.Each)
        return
    if isinstance(node, ir.Collect):
        _count(node.block, depth, found)
        inner = sum(isinstance(step, ir.Each) for step in node.block.steps)
        _count((node.key, node.value), depth + inner, found)
        return
    for part in parts_of(node):
        _count(part, depth + isinstance(node, ir.ForAll), found)


def _reads_document(function: ir.Function, own: set[str]) -> bool:
    for part in inside(function):
        match part:
            case ir.Input() | ir.HelperCall(_, ()):
                return True
            case ir.HelperCall(name) | ir.PartialHelper(name) if name in own:
                return True
    return False


def _searches(function: ir.Function, searches: set[str]) -> bool:
    """True if a helper uses a slow builtin, or goes through something.

    To look something up in an index, and to go on from there, is no search.
    """
    for part in inside(function):
        match part:
            case ir.BuiltinCall(name) | ir.PartialBuiltin(name):
                if name in REMEMBERED:
                    return True
            case ir.HelperCall(name, (_, *_)) | ir.PartialHelper(name):
                if name in searches:
                    return True
    return function.kind == "set" or _loops(function)


def _loops(function: ir.Function) -> bool:
    rows: set[str] = set()
    steps = {id(step) for body in function.bodies for step in body.steps}
    for part in inside(function):
        if isinstance(part, ir.Each | ir.ForAll):
            source = part.collection
            read = variables(source)
            # The loop of a predicate ends with the first row that fulfils it.
            is_light = id(part) in steps and is_lookup(source)
            if isinstance(source, ir.Constant) or is_table(source) or is_light:
                rows.add(part.value)
            elif not read or not read <= rows:
                return True
    return False


def _form(function: ir.Function, parameter: str) -> Form:
    for part in inside(function):
        match part:
            case ir.BuiltinCall(name, arguments) if name in _OF_TEXTS:
                if ir.Variable(parameter) in arguments:
                    return "text"
            case ir.Member(ir.Variable(name)) if name == parameter:
                return "part"
    return "any"
