"""Policies become Python source: one program for all the rules that stand together.

A document is read once: each element of its streams is tested by a function for its
kind, and put down in the streams that it belongs to. A rule is looked at only if its
streams are long enough. Its function gives its solutions one by one, in the order in
which the interpreter gives them.

The source is written from the IR alone. `I` is the document, `C` what was found out
about it so far. Names: `v_` variables, `b_` builtins, `f_` helpers, `r_` rules, `s`
streams, `j` their indexes, `t` elements of some kinds, `h_` tests of elements, `K`
constants.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opensoc_engine import ir
from opensoc_engine.codegen.bodies import Bodies
from opensoc_engine.codegen.expressions import Expressions, Reader
from opensoc_engine.codegen.generated import (
    GeneratedModule,
    GeneratedSet,
    Plan,
    generated_set,
)
from opensoc_engine.codegen.memory import memory_of
from opensoc_engine.codegen.namespace import compiled
from opensoc_engine.codegen.program import ELEMENT, build
from opensoc_engine.codegen.scanning import Scanner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opensoc_engine.codegen.needs import Total
    from opensoc_engine.codegen.program import Body, Program, Rule, Source
    from opensoc_engine.codegen.scanning import Test
    from opensoc_engine.codegen.streams import Index, Stream


def generate(module: ir.Module, name: str) -> GeneratedModule:
    """Python for one module; `name` appears in tracebacks only."""
    return generate_set({name: module}, name).module(name)


def generate_set(
    modules: Mapping[str, ir.Module], name: str, reader: Reader | None = None
) -> GeneratedSet:
    """Python for the modules of policies; `name` appears in tracebacks only."""
    program = build(modules)
    writer = _Writer(program, Expressions(program.keys, reader or Reader()))
    source = writer.source()
    weights = {bucket.number: bucket.weight for bucket in program.buckets}
    plan = Plan(
        tuple((rule.policy, rule.id) for rule in program.rules),
        tuple(_triggers(rule, weights) for rule in program.rules),
        tuple(_certain(rule, program) for rule in program.rules),
        program.reads_all,
    )
    constants = writer.expressions.globals
    return generated_set(source, compiled(source, name), constants, plan)


def _triggers(
    rule: Rule, weights: Mapping[int, int]
) -> frozenset[tuple[int, int]] | None:
    found = set()
    for item in rule.bodies:
        if not item.counts:
            return None
        # Of several buckets, the one that must be fullest is empty most often.
        needs = ((least, weights[at], at) for at, least in item.counts.items())
        least, _, bucket = max(needs)
        found.add((bucket, least))
    return frozenset(found)


def _certain(rule: Rule, program: Program) -> frozenset[int]:
    """The buckets whose elements are all that a body of a rule asks for."""
    exact = {
        f"s{stream}": source.bucket
        for stream, source in program.sources.items()
        if source.is_exact
    }
    found = set()
    for item in rule.bodies:
        match item.body.block.steps:
            case (ir.Each(_, _, ir.HelperCall(name, ())), *rest) if name in exact:
                if all(isinstance(step, ir.Bind) for step in rest):
                    found.add(exact[name])
    return frozenset(found)


@dataclass(slots=True)
class _Writer:
    """Writes a program."""

    program: Program
    expressions: Expressions
    lines: list[str] = field(default_factory=list)

    def source(self) -> str:
        """The whole program as Python."""
        sources = self.program.sources
        for stream in self.program.streams:
            source = sources.get(stream.number)
            shown = f"{stream.function}(I, C)"
            if source is not None and source.is_exact:
                shown = _elements(source.bucket)
            self.expressions.streams[stream.function] = shown
        for index in self.program.indexes:
            self.expressions.streams[index.function] = f"{index.function}(I, C)"
        functions = self.program.functions
        bodies = Bodies(
            self.expressions, self.lines, memory_of(functions, self._loops())
        )
        for function in functions.values():
            bodies.function(function)
        for stream in self.program.streams:
            self._stream(stream, sources.get(stream.number))
        for index in self.program.indexes:
            self._index(index)
        self._scan()
        for number, rule in enumerate(self.program.rules):
            self._rule(bodies, number, rule)
        return "\n".join(self.lines) + "\n"

    def _loops(self) -> list[ir.Block]:
        """All blocks from which helpers are called, with their loops."""
        program = self.program
        found = [item.body.block for rule in program.rules for item in rule.bodies]
        for stream in program.streams:
            rest = stream.rest or stream.block
            loop = ir.Each(None, stream.element, stream.array, "array")
            found.append(ir.Block((loop, *rest.steps)))
        for index in program.indexes:
            loop = ir.Each(None, index.element, ir.Input(), "array")
            key = ir.Bind("key", index.key)
            found.append(ir.Block((loop, *index.block.steps, key)))
        return found

    def _kept(self, name: str, value: str) -> None:
        """A function whose value is worked out once for a document."""
        self.lines += [
            f"def {name}(I, C):",
            f"    found = C.get({name!r})",
            "    if found is None:",
            f"        found = C[{name!r}] = {value}",
            "    return found",
        ]

    def _stream(self, stream: Stream, source: Source | None) -> None:
        if source is not None and source.is_exact:
            return
        element, array, steps = stream.element, stream.array, stream.block.steps
        spine = self.program.spine
        if stream.rest is not None:
            steps = stream.rest.steps
        elif source is not None:
            array = ir.HelperCall(f"t{stream.number}", ())
            self.expressions.streams[array.function] = _elements(source.bucket)
        elif spine is not None and stream.kinds is not None:
            kind = ir.Member(ir.Variable(element), spine.kind)
            kinds = ir.Constant(frozenset(stream.kinds))
            steps = (ir.Test(ir.Operation("in", (kind, kinds))), *steps)
        block = ir.Block((ir.Each(None, element, array, "array"), *steps))
        found = ir.Collect("array", block, None, ir.Variable(element))
        self._kept(stream.function, self.expressions.expression(found))

    def _index(self, index: Index) -> None:
        source = ir.HelperCall(f"s{index.stream}", ())
        loop = ir.Each(None, index.element, source, "array")
        clauses = self.expressions.clauses(ir.Block((loop, *index.block.steps)))
        key = self.expressions.expression(index.key)
        element = self.expressions.expression(ir.Variable(index.element))
        self._kept(index.function, f"grouped(({key}, {element}) {clauses})")

    def _scan(self) -> None:
        """The function that reads a document, and those that it calls for elements."""
        spine = self.program.spine
        kinds: dict[str, list[Test]] = {}
        for bucket in self.program.buckets:
            for kind, block in bucket.tests:
                kinds.setdefault(kind, []).append((block, _leaf(bucket.number)))
        scanner = Scanner(self.expressions, self.program.functions, self.lines)
        for number, tests in enumerate(kinds.values()):
            scanner.kind(f"h_{number}", tests)
        pairs = ", ".join(f"{kind!r}: h_{at}" for at, kind in enumerate(kinds))
        self.lines += [f"H = {{{pairs}}}", "def scan(I, C):"]
        if spine is None or not kinds:
            self.lines.append("    return")
            return
        array = self.expressions.expression(ir.Member(ir.Input(), spine.array))
        kind = self.expressions.reader.member("element", spine.kind)
        self.lines += [
            f"    for element in {array}:",
            f"        test = H.get({kind})",
            "        if test is not None: test(I, C, element)",
        ]

    def _rule(self, bodies: Bodies, number: int, rule: Rule) -> None:
        calls = []
        for at, item in enumerate(rule.bodies):
            name = f"r{at}_{number}"
            calls.append(f"{name}(I, C)")
            guards = [*_guards(item), *map(self._total, item.totals)]
            bodies.rule_body(name, item.body, guards)
        shown = calls[0] if len(calls) == 1 else f"chain({', '.join(calls)})"
        self.lines += [f"def r_{number}(I, C):", f"    return {shown}"]

    def _total(self, total: Total) -> str:
        """The condition that the positive values of a bucket come to a sum."""
        name = f"t{total.stream}_all"
        self.expressions.streams[name] = _elements(total.stream)
        source = ir.Each(None, total.element, ir.HelperCall(name, ()), "array")
        block = ir.Block((source, *total.block.steps))
        values = ir.Collect("array", block, None, total.value)
        return f"(gains({self.expressions.expression(values)}) >= {total.least})"


def _elements(bucket: int) -> str:
    """The elements of a bucket."""
    return f"C.get({bucket}, ())"


def _leaf(bucket: int) -> str:
    """Puts an element into a bucket, unless another test just did."""
    element = f"v_{ELEMENT}"
    return (
        f"if {bucket} not in C: C[{bucket}] = [{element}]\n"
        f"elif C[{bucket}][-1] is not {element}: C[{bucket}].append({element})"
    )


def _guards(item: Body) -> list[str]:
    """What must hold for a body to be looked at."""
    return [
        f"{bucket} in C" if least == 1 else f"len({_elements(bucket)}) >= {least}"
        for bucket, least in item.counts.items()
    ]
