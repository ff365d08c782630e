"""Fields read as attributes of structs, instead of as keys of dictionaries.

A struct has an attribute for every field that a rule may read of it; where the field is
missing the attribute is None. Objects of lists, which rules read the same way, become
rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from opensoc_engine import ir
from opensoc_engine.codegen.expressions import Reader
from opensoc_engine.codegen.rewriting import inside, used
from opensoc_engine.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def attribute(name: str) -> str:
    """The attribute of a field: letters of any name, and never a word of Python.

    >>> attribute("class"), attribute("x-1")
    ('a_class', 'a_x_2d_1')
    """
    shown = (c if c.isascii() and c.isalnum() else f"_{ord(c):x}_" for c in name)
    return f"a_{''.join(shown)}" if not name.isidentifier() else f"a_{name}"


class Row:
    """An object of a list, with its fields as attributes."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update({attribute(k): as_rows(v) for k, v in values.items()})

    def __getattr__(self, _name: str) -> None:
        """None, for a field that this object does not have."""


def as_rows(value: Any) -> Any:
    """A constant with its objects as rows."""
    if isinstance(value, dict):
        return Row(value)
    if isinstance(value, list | tuple):
        return tuple(as_rows(part) for part in value)
    return value


@dataclass(slots=True)
class StructReader(Reader):
    """Reads attributes; numbers are exact already."""

    def member(self, base: str, name: str) -> str:
        """A field that is there."""
        return f"{base}.{attribute(name)}"

    def field(self, base: str, name: str) -> str:
        """A field, or None."""
        return f"{base}.{attribute(name)}"

    def default(self, base: str, path: tuple[str, ...], default: str) -> str:
        """The value at a path of fields, or the default."""
        shown = tuple(attribute(name) for name in path)
        if base.replace(".", "").isidentifier():
            # To read attributes again is faster than a function that goes down.
            reads = list(accumulate(shown, "{}.{}".format, initial=base))[1:]
            found = " and ".join(f"{read} is not None" for read in reads)
            return f"({reads[-1]} if {found} else {default})"
        return f"attribute_at({base}, {shown!r}, {default})"

    def constant(self, value: Any) -> Any:
        """A constant as rules read it."""
        return as_rows(value)

    def table(self, value: dict[Any, Any]) -> dict[Any, Any]:
        """A table of constants, whose keys are values."""
        return {key: as_rows(rows) for key, rows in value.items()}


def answers(module: ir.Module) -> ir.Module:
    """The module without what proves that its rules fire."""
    rules = []
    for rule in module.rules:
        blocks = [used(body.block) for body in rule.bodies]
        bodies = tuple(ir.RuleBody(block, (), None) for block in blocks)
        rules.append(ir.Rule(rule.id, bodies))
    return ir.Module(module.functions, tuple(rules))


@dataclass(frozen=True, slots=True)
class Reads:
    """The fields that some rules read.

    Attributes:
        parents: For each name the fields of whose values it was read; None among them
            if that is not known.
    """

    parents: Mapping[str, frozenset[str | None]]

    def has(self, parent: str, name: str) -> bool:
        """True if the field is read of what is the value, or an element, of another."""
        found = self.parents.get(name, frozenset())
        return None in found or parent in found


def fields_read(modules: Iterable[ir.Module]) -> Reads:
    """The fields that some rules read.

    Raises:
        InputError: A rule does what structs can't: it asks for a field by a name that
            is worked out, or goes through the fields of an object.
    """
    found: dict[str, set[str | None]] = {}
    for module in modules:
        bodies = [body for rule in module.rules for body in rule.bodies]
        parts = [(b.block, b.evidence, b.value) for b in bodies]
        for part in inside(*parts, *module.functions):
            parent = _parent(part)
            for name in _names(part):
                found.setdefault(name, set()).add(parent)
                parent = name
    return Reads({name: frozenset(parents) for name, parents in found.items()})


def _parent(part: Any) -> str | None:
    """The field that something is read of; the document has no name."""
    match part:
        case (
            ir.Member(base)
            | ir.Default(base)
            | ir.PartialOperation("field", (base, ir.Constant()))
        ):
            if isinstance(base, ir.Input):
                return ""
            return base.name if isinstance(base, ir.Member) else None
    return None


def _names(part: Any) -> tuple[str, ...]:
    match part:
        case ir.Member(_, name):
            return (name,)
        case ir.PartialOperation("field", (_, ir.Constant(name))):
            return (name,)
        case ir.Default(_, path) if all(isinstance(p, ir.Constant) for p in path):
            return tuple(p.value for p in path if isinstance(p, ir.Constant))
        case ir.Default() | ir.PartialOperation("field") | ir.ObjectDisplay():
            raise InputError("a rule reads fields by names that are worked out")
        case ir.Operation("lookup" | "in_values") | ir.Collect("object"):
            raise InputError("a rule reads an object by keys that are worked out")
        case ir.Each(_, _, _, "object") | ir.ForAll(_, _, _, "object"):
            raise InputError("a rule goes through the fields of an object")
        case ir.BuiltinCall(name) if name.startswith("object."):
            raise InputError("a rule asks for the names of fields")
    return ()
