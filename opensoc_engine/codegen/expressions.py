"""IR expressions become Python expressions, safe to stand anywhere.

Texts of a policy enter them only as `repr` of a string or through the table of
constants, and each name has a prefix of its kind. `I` is the document and `C` what was
found out about it so far: streams by number, and values of helpers by name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opensoc_engine import ir
from opensoc_engine.codegen.namespace import builtin_name
from opensoc_engine.errors import InternalError

if TYPE_CHECKING:
    from opensoc_engine.codegen.keys import Keys

# A number with more digits does not stand in the source: Python bounds what it reads.
_MAX_SHOWN = 10**30
# An array of so many elements is gone through faster than an index of it is made.
_FEW = 8

_INFIX = {
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "in": "in",
    "add": "+",
    "subtract": "-",
    "intersect": "&",
    "unite": "|",
    "except": "-",
}
CALLS = {
    "same": "same",
    "multiply": "times",
    "add_exact": "add",
    "subtract_exact": "subtract",
    "multiply_exact": "multiply",
    "negate_exact": "negate",
    "item": "item",
    "divide": "divide",
    "modulo": "modulo",
}
# Builtins that Python says shorter than a call can.
SHORT = {
    "contains": "({1} in {0})",
    "startswith": "{0}.startswith({1})",
    "endswith": "{0}.endswith({1})",
    "count": "len({0})",
}


def variable(name: str) -> str:
    """A variable's name, which is no keyword and no other name of the source."""
    return f"v_{name}"


@dataclass(slots=True)
class Reader:
    """How fields of the document are read: from dictionaries.

    Attributes:
        fractions: Names of fields that may hold numbers with fractions. They are made
            exact where they are read.
    """

    fractions: frozenset[str] = frozenset()

    def exact(self, name: str, text: str) -> str:
        """The text, made exact if the field may hold a fraction."""
        return f"exact({text})" if name in self.fractions else text

    def any_of(self, text: str) -> str:
        """The text, made exact if any field may hold a fraction: its name is open."""
        return f"exact({text})" if self.fractions else text

    def member(self, base: str, name: str) -> str:
        """A field that is there."""
        return self.exact(name, f"{base}[{name!r}]")

    def field(self, base: str, name: str) -> str:
        """A field, or None."""
        return self.exact(name, f"{base}.get({name!r})")

    def default(self, base: str, path: tuple[str, ...], default: str) -> str:
        """The value at a path of fields, or the default."""
        inner = "".join(f".get({name!r}, E)" for name in path[:-1])
        return self.exact(path[-1], f"{base}{inner}.get({path[-1]!r}, {default})")

    def constant(self, value: Any) -> Any:
        """A constant as rules read it."""
        return value

    def table(self, value: dict[Any, Any]) -> dict[Any, Any]:
        """A table of constants, whose keys are values."""
        return value


@dataclass(slots=True)
class Expressions:
    """Writes expressions, and collects what their names stand for.

    Attributes:
        streams: The texts of streams and indexes, by the name that they are called by.
        candidates: The texts of indexes, by the name of what looks in them.
        buckets: The bits of buckets, by the name that they are called by.
        members: Constants and their elements as a set, by identity.
        known: Expressions that a variable already has, by key.
    """

    keys: Keys
    reader: Reader = field(default_factory=Reader)
    globals: dict[str, Any] = field(default_factory=dict)
    streams: dict[str, str] = field(default_factory=dict)
    candidates: dict[str, str] = field(default_factory=dict)
    buckets: dict[str, int] = field(default_factory=dict)
    members: dict[int, tuple[Any, frozenset[Any]]] = field(default_factory=dict)

    def expression(self, node: ir.Expression) -> str:
        """The expression as Python."""
        match node:
            case ir.Constant(value):
                return self.constant(value)
            case ir.Input():
                return "I"
            case ir.Variable(name):
                return variable(name)
            case ir.Member(base, name):
                return self.reader.member(self.expression(base), name)
            case ir.Default():
                return self._default(node)
            case ir.Operation():
                return self._operation(node)
            case ir.BuiltinCall(name, arguments):
                return self._builtin(name, arguments)
            case ir.HelperCall(function, arguments):
                return self._helper(function, arguments)
            case ir.Display(kind, items):
                shown = "".join(f"{self.expression(item)}, " for item in items)
                return f"({shown})" if kind == "array" else f"frozenset(({shown}))"
            case ir.ObjectDisplay(items):
                pairs = (
                    f"{self.expression(k)}: {self.expression(v)}" for k, v in items
                )
                return "{" + ", ".join(pairs) + "}"
            case ir.Collect():
                return self._collect(node)
        raise InternalError(f"`{type(node).__name__}` is not an expression")

    def constant(self, value: Any) -> str:
        """A constant as it stands, or its name in the table."""
        if isinstance(value, bool):
            return f"({value!r})"
        if isinstance(value, int) and abs(value) < _MAX_SHOWN:
            return f"({value!r})"
        if isinstance(value, str):
            return repr(value)
        if value == () and isinstance(value, tuple):
            return "()"
        name = f"K{self.keys.constant(value)}"
        if name not in self.globals:
            self.globals[name] = self.reader.constant(value)
        return name

    def table(self, value: dict[Any, Any]) -> str:
        """The name of a table, whose keys are values of fields."""
        name = f"T{self.keys.constant(value)}"
        if name not in self.globals:
            self.globals[name] = self.reader.table(value)
        return name

    def _helper(self, function: str, arguments: tuple[ir.Expression, ...]) -> str:
        if not arguments and function in self.streams:
            return self.streams[function]
        if function in self.candidates:
            array, key = map(self.expression, arguments)
            found = f"{self.candidates[function]}.get({key}, ())"
            return f"({array} if len({array}) <= {_FEW} else {found})"
        return f"f_{function}(I, C, {self.arguments(arguments)})"

    def arguments(self, arguments: tuple[ir.Expression, ...]) -> str:
        """The expressions as arguments of a call."""
        return ", ".join(self.expression(argument) for argument in arguments)

    def _builtin(self, name: str, arguments: tuple[ir.Expression, ...]) -> str:
        shown = [self.expression(argument) for argument in arguments]
        if name in SHORT:
            return SHORT[name].format(*shown)
        if name == "lower" and isinstance(arguments[0], ir.Variable):
            (text,) = shown
            slow = f"{builtin_name(name)}({text})"
            return f"({text}.lower() if {text}.isascii() else {slow})"
        return f"{builtin_name(name)}({', '.join(shown)})"

    def _default(self, node: ir.Default) -> str:
        default = self.expression(node.default)
        if isinstance(node.base, ir.Constant):
            base = self.table(node.base.value)
        else:
            base = self.expression(node.base)
        path = tuple(
            key.value
            for key in node.path
            if isinstance(key, ir.Constant) and isinstance(key.value, str)
        )
        is_table = isinstance(node.base, ir.Constant | ir.HelperCall)
        if len(path) == len(node.path) and not is_table:
            return self.reader.default(base, path, default)
        shown = "".join(f"{self.expression(step)}, " for step in node.path)
        text = f"default_at({base}, ({shown}), {default})"
        if len(node.path) == 1:
            text = f"{base}.get({shown[:-2]}, {default})"
        # A table of constants or an index of a stream is no part of the document.
        return text if is_table else self.reader.any_of(text)

    def _operation(self, node: ir.Operation) -> str:
        operator, arguments = node.operator, node.arguments
        if operator in CALLS:
            return f"{CALLS[operator]}({self.arguments(arguments)})"
        if operator == "in" and isinstance(arguments[1], ir.Constant):
            arguments = (arguments[0], self._members(arguments[1]))
        shown = [self.expression(argument) for argument in arguments]
        if operator == "negate":
            return f"(-{shown[0]})"
        left, right = shown
        if operator in _INFIX:
            return f"({left} {_INFIX[operator]} {right})"
        return {
            "differ": f"(not same({left}, {right}))",
            "in_values": f"({left} in {self.reader.any_of(right)}.values())",
            "lookup": self._read(arguments[0], f"{left}[{right}]"),
        }[operator]

    def _read(self, base: ir.Expression, text: str) -> str:
        """What is read from an object at an open key; constants are exact already."""
        return text if isinstance(base, ir.Constant) else self.reader.any_of(text)

    def _members(self, constant: ir.Constant) -> ir.Constant:
        """The elements of a constant as one set, however often they are asked for."""
        value = constant.value
        if id(value) not in self.members:
            # The value is kept, so that no other one gets its identity.
            self.members[id(value)] = (value, frozenset(value))
        return ir.Constant(self.members[id(value)][1])

    def partial(self, partial: ir.Partial) -> str:
        """An expression whose value is None if there is none."""
        arguments = self.arguments(partial.arguments)
        match partial:
            case ir.PartialHelper(function):
                return f"f_{function}(I, C, {arguments})"
            case ir.PartialBuiltin(name):
                return f"{builtin_name(name)}({arguments})"
            case ir.PartialOperation("field", (base, ir.Constant(str(name)))):
                return self.reader.field(self.expression(base), name)
            case ir.PartialOperation("field", (base, key)):
                shown = f"{self.expression(base)}.get({self.expression(key)})"
                return self._read(base, shown)
        return f"{CALLS[partial.operator]}({arguments})"

    def _collect(self, node: ir.Collect) -> str:
        value, clauses = self.expression(node.value), self.clauses(node.block)
        if node.kind == "array":
            return f"[{value} {clauses}]"
        if node.kind == "set":
            return f"frozenset({value} {clauses})"
        assert node.key is not None
        key = self.expression(node.key)
        return f"first_kept(({key}, {value}) {clauses})"

    def loop(self, step: ir.Each | ir.ForAll) -> str:
        """The head of a loop."""
        source, value = self.expression(step.collection), variable(step.value)
        key = None if step.key is None else variable(step.key)
        if step.kind == "object":
            if self.reader.fractions:
                source = f"exact({source})"
            return f"for {key or 'key'}, {value} in sorted({source}.items())"
        if step.kind == "set":
            if key is not None:
                return f"for {key}, {value} in twins({source})"
            return f"for {value} in sorted({source})"
        if key is None:
            return f"for {value} in {source}"
        return f"for {key}, {value} in enumerate({source})"

    def condition(self, step: ir.Test | ir.Exclude | ir.ForAll) -> str:
        """What a step asks."""
        match step:
            case ir.Test(condition):
                return self.expression(condition)
            case ir.Exclude(ir.Block((ir.Try(_, partial),))):
                return f"({self.partial(partial)} is None)"
            case ir.Exclude(block):
                return f"(not {self.holds(block)})"
        return f"all({self.holds(step.block)} {self.loop(step)})"

    def holds(self, block: ir.Block) -> str:
        """An expression that is true if a block can be fulfilled."""
        plain = [
            step
            for step in block.steps
            if isinstance(step, ir.Test | ir.Exclude | ir.ForAll)
        ]
        if len(plain) == len(block.steps):
            return f"({' and '.join(map(self.condition, plain)) or 'True'})"
        return f"any(True {self.clauses(block)})"

    def clauses(self, block: ir.Block) -> str:
        """The steps as clauses of a Python comprehension."""
        clauses = []
        for step in block.steps:
            match step:
                case ir.Each():
                    clauses.append(self.loop(step))
                case ir.Bind(name, value):
                    shown = self.expression(value)
                    clauses.append(f"for {variable(name)} in ({shown},)")
                case ir.Try(name, partial):
                    shown, bound = self.partial(partial), variable(name)
                    clauses.append(f"for {bound} in ({shown},)")
                    clauses.append(f"if {bound} is not None")
                case _:
                    clauses.append(f"if {self.condition(step)}")
        if not clauses or not clauses[0].startswith("for"):
            clauses.insert(0, "for once in (True,)")
        return " ".join(clauses)
