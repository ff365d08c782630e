"""Policies become Python source: one program for all the rules that stand together.

A document is read once: each element is tested by a function for its kind, which says
by the bits of a number what buckets it is in. A body of a rule is looked at only if its
buckets have elements. The function of a rule gives its solutions one by one, in the
order in which the interpreter gives them; those of its bodies only say whether there is
one.

The source is written from the IR alone. `I` is the document, `C` what was found out
about it so far. Names: `v_` variables, `b_` builtins, `f_` helpers, `r_` rules, `x`
their bodies, `s` streams, `j` their indexes, `q` sums over buckets, `h_` tests of
elements, `K` constants.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opensoc_engine import ir
from opensoc_engine.codegen.bodies import Bodies
from opensoc_engine.codegen.expressions import Expressions, Reader
from opensoc_engine.codegen.gathering import Gatherer
from opensoc_engine.codegen.generated import (
    BUCKETS,
    ELEMENTS,
    GeneratedModule,
    GeneratedSet,
    Plan,
    generated_set,
)
from opensoc_engine.codegen.memory import memory_of
from opensoc_engine.codegen.namespace import compiled
from opensoc_engine.codegen.program import build
from opensoc_engine.codegen.scanning import Scanner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opensoc_engine.codegen.generated import Need
    from opensoc_engine.codegen.keys import Key
    from opensoc_engine.codegen.needs import Total
    from opensoc_engine.codegen.program import Body, Program, Rule
    from opensoc_engine.codegen.scanning import Test


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
    rules = program.rules
    plan = Plan(
        tuple((rule.policy, rule.id) for rule in rules),
        tuple(tuple(map(writer.need, rule.bodies)) for rule in rules),
        tuple(_certain(rule, program) for rule in rules),
        program.reads_all,
    )
    constants = writer.expressions.globals
    return generated_set(source, compiled(source, name), constants, plan)


def _certain(rule: Rule, program: Program) -> frozenset[int]:
    """The bodies of a rule that ask for nothing but an element of a bucket."""
    exact = {f"s{at}" for at, source in program.sources.items() if source.is_exact}
    found = set()
    for at, item in enumerate(rule.bodies):
        match item.body.block.steps:
            case (ir.Each(_, _, ir.HelperCall(name, ())), *rest) if name in exact:
                if all(isinstance(step, ir.Bind) for step in rest):
                    found.add(at)
    return frozenset(found)


@dataclass(slots=True)
class _Writer:
    """Writes a program."""

    program: Program
    expressions: Expressions
    lines: list[str] = field(default_factory=list)
    _bits: dict[int, int] = field(default_factory=dict)
    _totals: dict[Key, str] = field(default_factory=dict)

    def source(self) -> str:
        """The whole program as Python."""
        program, streams = self.program, self.expressions.streams
        for stream in program.streams:
            streams[stream.function] = f"{stream.function}(I, C)"
        for index in program.indexes:
            streams[index.function] = f"{index.function}(I, C)"
            self.expressions.candidates[index.candidates] = f"{index.function}(I, C)"
        self._bits = {bucket.number: at for at, bucket in enumerate(program.buckets)}
        gatherer = Gatherer(program, self.expressions, self.lines, self._bits)
        for bucket in program.buckets:
            name = f"t{bucket.number}"
            self.expressions.buckets[name] = gatherer.mask(bucket.number)
            streams[name] = gatherer.elements(bucket.number)
        memory = memory_of(program.functions, self._loops())
        bodies = Bodies(self.expressions, self.lines, memory)
        for function in program.functions.values():
            bodies.function(function)
        gatherer.all()
        self._scan(gatherer)
        for number, rule in enumerate(program.rules):
            self._rule(bodies, gatherer, number, rule)
        return "\n".join(self.lines) + "\n"

    def need(self, item: Body) -> Need:
        """What a body needs, by bits."""
        return tuple(
            sorted((self._bits[bucket], least) for bucket, least in item.counts.items())
        )

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

    def _scan(self, gatherer: Gatherer) -> None:
        """The function that reads a document, and those that it calls for elements."""
        spine = self.program.spine
        kinds: dict[str, list[Test]] = {}
        for bucket in self.program.buckets:
            leaf = f"w |= {gatherer.mask(bucket.number)}"
            for kind, block in bucket.tests:
                kinds.setdefault(kind, []).append((block, leaf))
        scanner = Scanner(self.expressions, self.program.functions, self.lines)
        for number, tests in enumerate(kinds.values()):
            scanner.kind(f"h_{number}", tests)
        pairs = ", ".join(f"{kind!r}: h_{at}" for at, kind in enumerate(kinds))
        self.lines += [
            f"H = {{{pairs}}}",
            "def scan(I, C):",
            f"    pairs = C[{ELEMENTS}] = []",
            "    found = 0",
        ]
        if spine is not None and kinds:
            array = self.expressions.expression(ir.Member(ir.Input(), spine.array))
            kind = self.expressions.reader.member("element", spine.kind)
            self.lines += [
                f"    for element in {array}:",
                f"        test = H.get({kind})",
                "        if test is not None:",
                "            w = test(I, C, element)",
                "            if w:",
                "                found |= w",
                "                pairs.append((w, element))",
            ]
        self.lines += [f"    C[{BUCKETS}] = found", "    return found"]

    def _rule(
        self, bodies: Bodies, gatherer: Gatherer, number: int, rule: Rule
    ) -> None:
        calls = []
        for at, item in enumerate(rule.bodies):
            name = f"r{at}_{number}"
            calls.append(f"{name}(I, C)")
            last = [self._total(gatherer, total) for total in item.totals]
            guards = [*self._buckets(gatherer, item), *_numbers(gatherer, item), *last]
            bodies.rule_body(name, item.body, guards)
            bodies.test(f"x{at}_{number}", item.body.block, guards[1:])
        shown = calls[0] if len(calls) == 1 else f"chain({', '.join(calls)})"
        self.lines += [f"def r_{number}(I, C):", f"    return {shown}"]

    def _total(self, gatherer: Gatherer, total: Total) -> str:
        """The condition that the positive values of a bucket come to a sum."""
        shown = self.expressions.keys.of((total.block, total.value), (total.element,))
        key = (total.stream, shown)
        if key not in self._totals:
            self._totals[key] = f"q{len(self._totals)}"
            gatherer.total(self._totals[key], total)
        return f"({self._totals[key]}(I, C) >= {total.least})"

    def _buckets(self, gatherer: Gatherer, item: Body) -> list[str]:
        """The condition that no bucket that a body needs is empty."""
        mask = sum(map(gatherer.mask, item.counts))
        return [f"(C[{BUCKETS}] & {mask} == {mask})"]


def _numbers(gatherer: Gatherer, item: Body) -> list[str]:
    """The conditions that buckets have more than one element."""
    return [
        f"has(C[{ELEMENTS}], {gatherer.mask(bucket)}, {least})"
        for bucket, least in item.counts.items()
        if least > 1
    ]
