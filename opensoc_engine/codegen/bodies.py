"""Helpers and bodies of rules become Python functions.

The body of a rule is a generator of solutions. A helper that searches the document
remembers what it found for the same arguments, as long as one evaluation lasts.
`_more` goes on where loops would be nested too deeply.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opensoc_engine import ir
from opensoc_engine.codegen.expressions import variable
from opensoc_engine.codegen.rewriting import used
from opensoc_engine.codegen.trees import MAX_LOOPS, Tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opensoc_engine.codegen.expressions import Expressions
    from opensoc_engine.codegen.memory import Memory

# What stands for an argument in the memory of a helper.
_KEYS = {
    "text": "{0}",
    "part": "id({0})",
    "any": "{0} if {0}.__class__ is str else id({0})",
}


def parameters(names: Iterable[str]) -> str:
    """The parameters of a function of the source."""
    return ", ".join(["I", "C", *map(variable, names)])


@dataclass(frozen=True, slots=True)
class Ending:
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


PREDICATE = Ending(
    "return True", "return False", "if {}: return True", ("return False",)
)


def ending(kind: str, result: str) -> Ending:
    """How the body of a helper of a kind ends."""
    if kind == "set":
        return Ending(f"yield {result}", "return", "yield from {}")
    if kind == "value":
        return Ending(f"return {result}", "return None", "return {}")
    return PREDICATE


@dataclass(slots=True)
class Bodies:
    """Writes functions line by line.

    Attributes:
        memory: How helpers remember what they found.
    """

    expressions: Expressions
    lines: list[str]
    memory: Mapping[str, Memory]

    def function(self, function: ir.Function) -> None:
        """Write a helper."""
        name = f"f_{function.name}"
        memory = self.memory.get(function.name)
        if not function.parameters:
            self._once(name, function)
        elif memory is None:
            self._plain(name, function)
        elif memory.is_shared:
            self.lines.append("@by_text")
            self._plain(name, function)
        else:
            self._remembering(name, function, memory)

    def _once(self, name: str, function: ir.Function) -> None:
        """A helper without parameters has one value in an evaluation."""
        self._plain(f"o_{function.name}", function)
        self.lines += [
            f"def {name}(I, C):",
            f"    if {name!r} not in C:",
            f"        C[{name!r}] = o_{function.name}(I, C)",
            f"    return C[{name!r}]",
        ]

    def _remembering(self, name: str, function: ir.Function, memory: Memory) -> None:
        """Arguments are kept with the result, so that no other gets their identity."""
        self._plain(f"o_{function.name}", function)
        names = [variable(parameter) for parameter in function.parameters]
        keys = [
            _KEYS[form].format(name)
            for form, name in zip(memory.forms, names, strict=True)
        ]
        if memory.call is not None:
            keys = [self.expressions.expression(memory.call)]
        shown = keys[0] if len(keys) == 1 else f"({', '.join(keys)})"
        given = ", ".join(names)
        self.lines += [
            f"def {name}({parameters(function.parameters)}):",
            f"    known = C.get({name!r})",
            "    if known is None:",
            f"        known = C[{name!r}] = {{}}",
            f"    at = {shown}",
            "    found = known.get(at)",
            "    if found is None:",
            f"        found = known[at] = (o_{function.name}(I, C, {given}), {given})",
            "    return found[0]",
        ]

    def _plain(self, name: str, function: ir.Function) -> None:
        """One function a body that has loops, and one for the whole."""
        shown = parameters(function.parameters)
        bodies = function.bodies
        if function.kind == "predicate":
            self._predicate(name, function, ())
            return
        results = [self.expressions.expression(result) for result in function.results]
        if function.kind == "value":
            self.body(name, function.parameters, bodies[0], ending("value", results[0]))
            return
        calls = []
        for number, (block, result) in enumerate(zip(bodies, results, strict=True)):
            body = f"{name}_{number}_body"
            calls.append(f"{body}({shown})")
            self.body(body, function.parameters, block, ending("set", result))
        self.lines += [
            f"def {name}({shown}):",
            f"    return frozenset(chain({', '.join(calls)}))",
        ]

    def test(self, name: str, block: ir.Block, guards: Iterable[str]) -> None:
        """Write a function that says whether a body of a rule can be fulfilled."""
        function = ir.Function(name, "predicate", (), (used(block),), (), partial=False)
        self._predicate(name, function, guards)

    def _predicate(
        self, name: str, function: ir.Function, guards: Iterable[str]
    ) -> None:
        """Guards fail before anything else is looked at."""
        shown = parameters(function.parameters)
        failed = [f"    if not {guard}: return False" for guard in guards]
        tree = Tree(self.expressions, function.parameters)
        for block in function.bodies:
            tree.add(block, "return True")
        if tree.is_shallow():
            self.lines += [f"def {name}({shown}):", *failed]
            self.lines += [*tree.lines("    "), "    return False"]
            return
        calls = []
        for number, block in enumerate(function.bodies):
            body = f"{name}_{number}_body"
            calls.append(f"{body}({shown})")
            self.body(body, function.parameters, block, PREDICATE)
        self.lines += [f"def {name}({shown}):", *failed]
        self.lines.append(f"    return {' or '.join(calls) or 'False'}")

    def rule_body(self, name: str, body: ir.RuleBody, guards: Iterable[str]) -> None:
        """Write a body of a rule; it looks at nothing unless its guards hold."""
        shown = [self.expressions.expression(part) for part in body.evidence]
        evidence = f"flat({', '.join(shown)})"
        if len(body.evidence) == 1 and isinstance(body.evidence[0], ir.Member):
            evidence = f"({shown[0]},)"
        value = "None"
        if body.value is not None:
            value = self.expressions.expression(body.value)
        last = ending("set", f"{evidence}, {value}")
        self.body(name, (), body.block, last, guards)

    def body(
        self,
        name: str,
        names: tuple[str, ...],
        block: ir.Block,
        last: Ending,
        guards: Iterable[str] = (),
    ) -> None:
        """Write a function of steps; each loop indents what follows it."""
        self.lines.append(f"def {name}({parameters(names)}):")
        self.lines += [f"    if not {guard}: {last.failed}" for guard in guards]
        bound, indent, failed = list(names), "    ", last.failed
        rest: tuple[ir.Step, ...] = ()
        for at, step in enumerate(block.steps):
            if isinstance(step, ir.Each):
                if len(indent) > 4 * MAX_LOOPS:
                    rest = block.steps[at:]
                    break
                self.lines.append(f"{indent}{self.expressions.loop(step)}:")
                bound += [step.value] if step.key is None else [step.key, step.value]
                indent, failed = indent + "    ", "continue"
            elif isinstance(step, ir.Bind | ir.Try):
                bound.append(step.name)
                self.lines += [indent + line for line in self._bind(step, failed)]
            else:
                condition = self.expressions.condition(step)
                self.lines.append(f"{indent}if not {condition}: {failed}")
        more, variables = f"{name}_more", tuple(bound)
        call = f"{more}({parameters(variables)})"
        self.lines.append(indent + (last.resume.format(call) if rest else last.done))
        self.lines += [f"    {line}" for line in last.last]
        if rest:
            self.body(more, variables, ir.Block(rest), last)

    def _bind(self, step: ir.Bind | ir.Try, failed: str) -> list[str]:
        name = variable(step.name)
        if isinstance(step, ir.Bind):
            return [f"{name} = {self.expressions.expression(step.value)}"]
        value = self.expressions.partial(step.value)
        return [f"{name} = {value}", f"if {name} is None: {failed}"]
