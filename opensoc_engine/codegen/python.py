"""IR becomes Python source: a generator of solutions for each body of each rule.

The source is written from the IR alone. Texts of a policy enter it only as `repr` of a
string or through the table of constants, and names are identifiers that `lower` made,
so a policy can't write code. Names: `I` is the document, `C` caches helpers without
parameters for one evaluation, `K0` and so on are constants.
"""

from __future__ import annotations

import linecache
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

from opensoc_engine import ir, runtime
from opensoc_engine.builtins import BUILTINS
from opensoc_engine.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Solution: TypeAlias = tuple[tuple[str, ...], int | Decimal | None]

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
    "multiply": "*",
    "intersect": "&",
    "unite": "|",
    "except": "-",
}
_CALLS = {
    "same": "same",
    "add_exact": "add",
    "subtract_exact": "subtract",
    "multiply_exact": "multiply",
    "negate_exact": "negate",
    "item": "item",
    "divide": "divide",
    "modulo": "modulo",
}
_NAMESPACE: dict[str, Any] = {
    "__builtins__": {},
    "all": all,
    "any": any,
    "chain": chain,
    "enumerate": enumerate,
    "frozenset": frozenset,
    "sorted": sorted,
    **{name: getattr(runtime, name) for name in _CALLS.values()},
    "default_at": runtime.default_at,
    "first_kept": runtime.first_kept,
    "flat": runtime.flat,
    "twins": runtime.twins,
}


@dataclass(frozen=True, slots=True)
class GeneratedModule:
    """Rules as Python functions, with the source they came from.

    Attributes:
        rules: For each rule id, a function from a document and an empty dictionary to
            its solutions, lazily, in the order of its bodies.
    """

    source: str
    rules: Mapping[str, Callable[[Any, dict[str, Any]], Iterator[Solution]]]


def generate(module: ir.Module, name: str) -> GeneratedModule:
    """Python for a module; `name` appears in tracebacks only."""
    writer = _Writer()
    for function in module.functions:
        writer.function(function)
    entries = {
        rule.id: writer.rule(number, rule) for number, rule in enumerate(module.rules)
    }
    source = "\n".join(writer.lines) + "\n"
    namespace = {**_NAMESPACE, **writer.globals}
    file_name = f"<generated from {name}>"
    code = compile(source, file_name, "exec")
    exec(code, namespace)  # noqa: S102 - our own text, written from typed IR
    linecache.cache[file_name] = (len(source), None, source.splitlines(True), file_name)  # noqa: FBT003
    rules = {rule: namespace[entry] for rule, entry in entries.items()}
    return GeneratedModule(source, rules)


@dataclass(slots=True)
class _Writer:
    """Collects lines of source, and what they need in their namespace."""

    lines: list[str] = field(default_factory=list)
    globals: dict[str, Any] = field(default_factory=dict)

    def function(self, function: ir.Function) -> None:
        """Write a helper: one function a body, and one that puts them together."""
        name, arguments = f"f_{function.name}", ["I", "C", *function.parameters]
        shown = ", ".join(arguments)
        calls = []
        for number, block in enumerate(function.bodies):
            body = f"{name}_body_{number}"
            calls.append(f"{body}({shown})")
            result = function.results[number] if function.results else None
            self._helper_body(f"def {body}({shown}):", function.kind, block, result)
        self.lines.append(f"def {name}({shown}):")
        together = {
            "predicate": " or ".join(calls),
            "value": calls[0],
            "set": f"frozenset(chain({', '.join(calls)}))",
        }[function.kind]
        if function.parameters:
            self.lines.append(f"    return {together}")
            return
        self.lines += [
            f"    if {name!r} not in C:",
            f"        C[{name!r}] = {together}",
            f"    return C[{name!r}]",
        ]

    def _helper_body(
        self, head: str, kind: str, block: ir.Block, result: ir.Expression | None
    ) -> None:
        shown = "True" if result is None else self.expression(result)
        failed = {"predicate": "return False", "value": "return None", "set": "return"}
        done = f"yield {shown}" if kind == "set" else f"return {shown}"
        self.lines.append(head)
        self._steps(block, failed[kind], done)
        if kind == "set":
            self.lines.append("    if False: yield")
        elif kind == "predicate":
            self.lines.append("    return False")

    def rule(self, number: int, rule: ir.Rule) -> str:
        """Write a rule; gives the name of its function."""
        name, calls = f"r_{number}", []
        for at, body in enumerate(rule.bodies):
            calls.append(f"{name}_body_{at}(I, C)")
            self.lines.append(f"def {name}_body_{at}(I, C):")
            evidence = ", ".join(self.expression(part) for part in body.evidence)
            value = "None" if body.value is None else self.expression(body.value)
            self._steps(body.block, "return", f"yield flat({evidence}), {value}")
        self.lines += [f"def {name}(I, C):", f"    return chain({', '.join(calls)})"]
        return name

    def _steps(self, block: ir.Block, failed: str, done: str) -> None:
        """Write steps as statements; `failed` leaves the function."""
        indent = "    "
        for step in block.steps:
            if isinstance(step, ir.Each):
                self.lines.append(f"{indent}{self._for(step)}:")
                indent, failed = indent + "    ", "continue"
            elif isinstance(step, ir.Bind):
                self.lines.append(
                    f"{indent}{step.name} = {self.expression(step.value)}"
                )
            elif isinstance(step, ir.Try):
                self.lines.append(f"{indent}{step.name} = {self._partial(step.value)}")
                self.lines.append(f"{indent}if {step.name} is None: {failed}")
            else:
                self.lines.append(f"{indent}if not {self._condition(step)}: {failed}")
        self.lines.append(f"{indent}{done}")

    def _for(self, step: ir.Each | ir.ForAll) -> str:
        source, key = self.expression(step.collection), step.key
        if step.kind == "object":
            return f"for {key or 'key'}, {step.value} in sorted({source}.items())"
        if step.kind == "set":
            if key is not None:
                return f"for {key}, {step.value} in twins({source})"
            return f"for {step.value} in sorted({source})"
        if key is None:
            return f"for {step.value} in {source}"
        return f"for {key}, {step.value} in enumerate({source})"

    def _condition(self, step: ir.Test | ir.Exclude | ir.ForAll) -> str:
        match step:
            case ir.Test(condition):
                return self.expression(condition)
            case ir.Exclude(block):
                return f"(not {self._holds(block)})"
        return f"all({self._holds(step.block)} {self._for(step)})"

    def _holds(self, block: ir.Block) -> str:
        """An expression that is true if a block can be fulfilled."""
        if all(isinstance(s, ir.Test | ir.Exclude | ir.ForAll) for s in block.steps):
            conditions = [
                self._condition(step)
                for step in block.steps
                if isinstance(step, ir.Test | ir.Exclude | ir.ForAll)
            ]
            return f"({' and '.join(conditions) or 'True'})"
        return f"any(True {self._clauses(block)})"

    def _clauses(self, block: ir.Block) -> str:
        """The steps as clauses of a Python comprehension."""
        clauses = []
        for step in block.steps:
            match step:
                case ir.Each():
                    clauses.append(self._for(step))
                case ir.Bind(name, value):
                    clauses.append(f"for {name} in ({self.expression(value)},)")
                case ir.Try(name, partial):
                    clauses.append(f"for {name} in ({self._partial(partial)},)")
                    clauses.append(f"if {name} is not None")
                case _:
                    clauses.append(f"if {self._condition(step)}")
        if not clauses or not clauses[0].startswith("for"):
            clauses.insert(0, "for once in (True,)")
        return " ".join(clauses)

    def _arguments(self, arguments: tuple[ir.Expression, ...]) -> str:
        return ", ".join(self.expression(argument) for argument in arguments)

    def _partial(self, partial: ir.Partial) -> str:
        arguments = self._arguments(partial.arguments)
        match partial:
            case ir.PartialHelper(function):
                return f"f_{function}(I, C, {arguments})"
            case ir.PartialBuiltin(name):
                return f"{self._builtin(name)}({arguments})"
            case ir.PartialOperation("field", (base, key)):
                return f"{self.expression(base)}.get({self.expression(key)})"
        return f"{_CALLS[partial.operator]}({arguments})"

    def _builtin(self, name: str) -> str:
        shown = f"b_{name.replace('.', '_')}"
        self.globals[shown] = BUILTINS[name].implementation
        return shown

    def expression(self, node: ir.Expression) -> str:
        """The expression as Python, safe to stand anywhere."""
        match node:
            case ir.Constant(value):
                return self._constant(value)
            case ir.Input():
                return "I"
            case ir.Variable(name):
                return name
            case ir.Member(base, name):
                return f"{self.expression(base)}[{name!r}]"
            case ir.Default():
                return self._default(node)
            case ir.Operation():
                return self._operation(node)
            case ir.BuiltinCall(name, arguments):
                return f"{self._builtin(name)}({self._arguments(arguments)})"
            case ir.HelperCall(function, arguments):
                return f"f_{function}(I, C, {self._arguments(arguments)})"
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

    def _constant(self, value: Any) -> str:
        if isinstance(value, bool | int):
            return f"({value!r})"
        if isinstance(value, str):
            return repr(value)
        name = f"K{len(self.globals)}"
        self.globals[name] = value
        return name

    def _default(self, node: ir.Default) -> str:
        base, default = self.expression(node.base), self.expression(node.default)
        if len(node.path) == 1:
            return f"{base}.get({self.expression(node.path[0])}, {default})"
        path = "".join(f"{self.expression(step)}, " for step in node.path)
        return f"default_at({base}, ({path}), {default})"

    def _operation(self, node: ir.Operation) -> str:
        operator, arguments = node.operator, node.arguments
        if operator in _CALLS:
            return f"{_CALLS[operator]}({self._arguments(arguments)})"
        if operator == "in" and isinstance(arguments[1], ir.Constant):
            members = ir.Constant(frozenset(arguments[1].value))
            arguments = (arguments[0], members)
        shown = [self.expression(argument) for argument in arguments]
        if operator == "negate":
            return f"(-{shown[0]})"
        left, right = shown
        if operator in _INFIX:
            return f"({left} {_INFIX[operator]} {right})"
        return {
            "differ": f"(not same({left}, {right}))",
            "in_values": f"({left} in {right}.values())",
            "lookup": f"{left}[{right}]",
        }[operator]

    def _collect(self, node: ir.Collect) -> str:
        value, clauses = self.expression(node.value), self._clauses(node.block)
        if node.kind == "array":
            return f"[{value} {clauses}]"
        if node.kind == "set":
            return f"frozenset({value} {clauses})"
        assert node.key is not None
        key = self.expression(node.key)
        return f"first_kept(({key}, {value}) {clauses})"
