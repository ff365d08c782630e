"""IR becomes Python source: a generator of solutions for each body of each rule.

The source is written from the IR alone. Texts of a policy enter it only as `repr` of a
string or through the table of constants, and each name has a prefix of its kind, so a
policy can neither write code nor hide a name. `I` is the document, `C` caches helpers
without parameters for one evaluation, `K0` and so on are constants. Variables begin
with `v_`, builtins with `b_`, helpers with `f_`, rules with `r_`; the number of a body
follows the letter; `_more` goes on where loops would be nested too deeply.
"""

from __future__ import annotations

import linecache
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

from opensoc_engine import ir, runtime
from opensoc_engine.builtins import BUILTINS
from opensoc_engine.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opensoc_engine.ir import Solution

# Python refuses more than 20 nested blocks.
MAX_LOOPS = 16
# A number with more digits does not stand in the source: Python bounds what it reads.
_MAX_SHOWN = 10**30

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
_CALLS = {
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


def _variable(name: str) -> str:
    """A variable's name, which is no keyword and no other name of the source."""
    return f"v_{name}"


def _parameters(names: tuple[str, ...]) -> str:
    return ", ".join(["I", "C", *map(_variable, names)])


@dataclass(frozen=True, slots=True)
class _Ending:
    """How the function of a body ends.

    Attributes:
        done: What it does when all steps are taken.
        failed: How it leaves when a step outside of all loops fails.
        resume: What it does with the function that goes on for it.
        last: What follows the steps.
    """

    done: str
    failed: str
    resume: str
    last: tuple[str, ...] = ()


def _ending(kind: str, result: str) -> _Ending:
    if kind == "set":
        return _Ending(f"yield {result}", "return", "yield from {}")
    if kind == "value":
        return _Ending(f"return {result}", "return None", "return {}")
    return _Ending(
        "return True", "return False", "if {}: return True", ("return False",)
    )


@dataclass(slots=True)
class _Writer:
    """Collects lines of source, and what they need in their namespace."""

    lines: list[str] = field(default_factory=list)
    globals: dict[str, Any] = field(default_factory=dict)

    def function(self, function: ir.Function) -> None:
        """Write a helper: one function a body, and one that puts them together."""
        name, shown = f"f_{function.name}", _parameters(function.parameters)
        calls = []
        for number, block in enumerate(function.bodies):
            body = f"f{number}_{function.name}"
            calls.append(f"{body}({shown})")
            result = (
                self.expression(function.results[number]) if function.results else ""
            )
            self._body(body, function.parameters, block, _ending(function.kind, result))
        together = {
            "predicate": " or ".join(calls),
            "value": calls[0],
            "set": f"frozenset(chain({', '.join(calls)}))",
        }[function.kind]
        self.lines.append(f"def {name}({shown}):")
        if function.parameters:
            self.lines.append(f"    return {together}")
            return
        self.lines += [
            f"    if {name!r} not in C:",
            f"        C[{name!r}] = {together}",
            f"    return C[{name!r}]",
        ]

    def rule(self, number: int, rule: ir.Rule) -> str:
        """Write a rule; gives the name of its function."""
        name, calls = f"r_{number}", []
        for at, body in enumerate(rule.bodies):
            calls.append(f"r{at}_{number}(I, C)")
            evidence = ", ".join(self.expression(part) for part in body.evidence)
            value = "None" if body.value is None else self.expression(body.value)
            ending = _ending("set", f"flat({evidence}), {value}")
            self._body(f"r{at}_{number}", (), body.block, ending)
        self.lines += [f"def {name}(I, C):", f"    return chain({', '.join(calls)})"]
        return name

    def _body(
        self, name: str, parameters: tuple[str, ...], block: ir.Block, ending: _Ending
    ) -> None:
        """Write a function of steps; each loop indents what follows it."""
        self.lines.append(f"def {name}({_parameters(parameters)}):")
        bound, indent, failed = list(parameters), "    ", ending.failed
        rest: tuple[ir.Step, ...] = ()
        for at, step in enumerate(block.steps):
            if isinstance(step, ir.Each):
                if len(indent) > 4 * MAX_LOOPS:
                    rest = block.steps[at:]
                    break
                self.lines.append(f"{indent}{self._for(step)}:")
                bound += [step.value] if step.key is None else [step.key, step.value]
                indent, failed = indent + "    ", "continue"
            elif isinstance(step, ir.Bind | ir.Try):
                bound.append(step.name)
                self.lines += [indent + line for line in self._bind(step, failed)]
            else:
                self.lines.append(f"{indent}if not {self._condition(step)}: {failed}")
        more, variables = f"{name}_more", tuple(bound)
        call = f"{more}({_parameters(variables)})"
        self.lines.append(
            indent + (ending.resume.format(call) if rest else ending.done)
        )
        self.lines += [f"    {line}" for line in ending.last]
        if rest:
            self._body(more, variables, ir.Block(rest), ending)

    def _bind(self, step: ir.Bind | ir.Try, failed: str) -> list[str]:
        name = _variable(step.name)
        if isinstance(step, ir.Bind):
            return [f"{name} = {self.expression(step.value)}"]
        value = self._partial(step.value)
        return [f"{name} = {value}", f"if {name} is None: {failed}"]

    def _for(self, step: ir.Each | ir.ForAll) -> str:
        source, value = self.expression(step.collection), _variable(step.value)
        key = None if step.key is None else _variable(step.key)
        if step.kind == "object":
            return f"for {key or 'key'}, {value} in sorted({source}.items())"
        if step.kind == "set":
            if key is not None:
                return f"for {key}, {value} in twins({source})"
            return f"for {value} in sorted({source})"
        if key is None:
            return f"for {value} in {source}"
        return f"for {key}, {value} in enumerate({source})"

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
                    shown = self.expression(value)
                    clauses.append(f"for {_variable(name)} in ({shown},)")
                case ir.Try(name, partial):
                    shown, variable = self._partial(partial), _variable(name)
                    clauses.append(f"for {variable} in ({shown},)")
                    clauses.append(f"if {variable} is not None")
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
                return _variable(name)
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
        if isinstance(value, int) and abs(value) < _MAX_SHOWN:
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
