"""A bound on the work of a checked policy: how deeply it loops, helpers included.

Sizes are those of `extents`. A comprehension is as large as its loops, a helper is
followed with the sizes of its arguments, and a helper without parameters runs once for
an input, not once a loop.

Nothing is reported but E701, with the loops that lead there. It assumes that the
checker reported nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

from opensoc_engine import types as t
from opensoc_engine.analysis.budget import TooComplexError, too_complex
from opensoc_engine.analysis.extents import (
    MAX_STEPS,
    ONE,
    PART,
    SCALAR,
    Extent,
    Size,
    characters,
    either,
    listed,
)
from opensoc_engine.analysis.scope import path_of
from opensoc_engine.analysis.walk import heads
from opensoc_engine.builtin_functions.numbers import MAX_RANGE
from opensoc_engine.diagnostics import Label, diagnose
from opensoc_engine.rego import nodes as n

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opensoc_engine.analysis.checker import CheckedProgram
    from opensoc_engine.analysis.program import Helper, ProgramRule
    from opensoc_engine.analysis.scope import Facts, Instance
    from opensoc_engine.diagnostics import Diagnostic, DiagnosticCollector
    from opensoc_engine.source import Span

MAX_ITEMS = 3
"""Loops over identified items inside one another: the shipped policies need 3."""
MAX_PARTS = 6
"""Loops over anything that grows with the input, items included: they need 5."""
MAX_FOLLOWED = 5_000
"""Helpers, times the sizes of arguments that they are called with."""

_RANGES = {"numbers.range", "numbers.range_step"}
# Builtins whose arrays have elements for parts of a text.
_PIECES = {
    "indexof_n",
    "regex.find_all_string_submatch_n",
    "regex.find_n",
    "regex.split",
    "split",
}


class Loop(NamedTuple):
    """A loop and the size of what it runs over."""

    span: Span
    size: Size


Chain = tuple[Loop, ...]


def _total(chain: Chain) -> Size:
    return reduce(Size.times, (loop.size for loop in chain), ONE)


@dataclass(slots=True)
class Worst:
    """What was found so far.

    Attributes:
        chains: The deepest nesting by each measure of a size.
        around: The loops that are open.
        times: How often the current line runs for collections of one element.
        steps: How many expressions were evaluated for those.
        once: Helpers without parameters that were counted.
    """

    chains: list[Chain] = field(default_factory=lambda: [(), (), ()])
    around: Chain = ()
    times: int = 1
    steps: int = 0
    once: set[str] = field(default_factory=set)

    def step(self, steps: int = 1) -> None:
        """Count expressions at the current line."""
        self.steps = min(self.steps + self.times * steps, MAX_STEPS + 1)

    def open(self, around: Chain) -> None:
        """Let these be the open loops."""
        self.around, self.times = around, _total(around).factor

    def loop(self, span: Span, size: Size) -> None:
        """Count a loop inside the open ones."""
        if size != ONE:
            self.nested(((*self.around, Loop(span, size)),) * len(ONE))

    def nested(self, chains: Iterable[Chain]) -> None:
        """Keep the chains that are worse, each by its own measure."""
        for at, (known, found) in enumerate(zip(self.chains, chains, strict=True)):
            if _total(found)[at] > _total(known)[at]:
                self.chains[at] = found


def check_cost(
    checked: CheckedProgram, lists: Mapping[str, Any], collector: DiagnosticCollector
) -> None:
    """Report each rule that may loop deeper than a policy may."""
    analysis = _Analysis(checked, lists)
    try:
        for rule, bodies in checked.rules:
            worst = Worst()
            for body in bodies:
                walk = _Walk(analysis, body.facts, {}, worst)
                walk.rule_body(rule, body.body)
            found = _diagnostic(rule, worst)
            if found is not None:
                collector.add(found)
    except TooComplexError as error:
        collector.add(error.diagnostic)


_LIMITS = (MAX_ITEMS, MAX_PARTS, MAX_STEPS)
_PROBLEMS = (
    "{found} loops over identified items inside one another, more than {limit}",
    "{found} loops over parts of the input inside one another, more than {limit}",
    "more than {limit:,} steps, even for collections of one element",
)
_GATHER = (
    "bind a part by `:=` before the loop, or gather it in a helper without parameters, "
    "which runs once for an input"
)
_ADVICE = (
    _GATHER,
    _GATHER,
    "loop over fewer constants, and let helpers call fewer helpers",
)


def _diagnostic(rule: ProgramRule, worst: Worst) -> Diagnostic | None:
    found = (*(_total(chain)[at] for at, chain in enumerate(worst.chains[:2])),)
    for at, count in enumerate((*found, worst.steps)):
        if count > _LIMITS[at]:
            said = _PROBLEMS[at].format(found=count, limit=_LIMITS[at])
            places = _places(worst.chains[at], at) or [rule.rule.id.span]
            return diagnose(
                "E701",
                places[-1],
                help=_ADVICE[at],
                others=tuple(Label(span, "inside this") for span in places[:-1]),
                problem=f"rule `{rule.rule.id.text}` has {said}",
            )
    return None


def _places(chain: Chain, at: int) -> list[Span]:
    """The loops that count, the innermost last; each place once."""
    spans = [loop.span for loop in reversed(chain) if loop.size[at] > ONE[at]]
    return list(dict.fromkeys(spans))[::-1]


@dataclass(slots=True)
class _Analysis:
    """What the walks of a program share."""

    checked: CheckedProgram
    lists: Mapping[str, Any]
    followed: dict[tuple[str, tuple[Extent, ...]], tuple[Worst, Extent]] = field(
        default_factory=dict
    )
    known: dict[tuple[str, ...], Extent] = field(default_factory=dict)

    def call(
        self, instance: Instance, arguments: tuple[Extent, ...], span: Span
    ) -> tuple[Worst, Extent]:
        """What a helper does, and the extent of what it gives."""
        key = (instance.name, arguments)
        if key not in self.followed:
            if len(self.followed) == MAX_FOLLOWED:
                problem = f"helpers are called in more than {MAX_FOLLOWED:,} ways"
                raise too_complex(span, problem, "split the policy")
            self.followed[key] = self._follow(instance, arguments)
        return self.followed[key]

    def _follow(
        self, instance: Instance, arguments: tuple[Extent, ...]
    ) -> tuple[Worst, Extent]:
        helper = self.checked.program.helpers[instance.helper]
        names = [name.text for name in helper.head.parameters or ()]
        worst, result = Worst(), SCALAR
        for body, facts in zip(helper.bodies, instance.facts, strict=True):
            known = dict(zip(names, arguments, strict=True))
            walk = _Walk(self, facts, known, worst)
            result = either(result, walk.helper_body(helper, body))
        return worst, result

    def listed(self, steps: tuple[str, ...]) -> Extent:
        """The extent of a part of the lists."""
        if steps not in self.known:
            value = reduce(lambda found, step: found[step], steps, self.lists)
            self.known[steps] = listed(value)
        return self.known[steps]


@dataclass(slots=True)
class _Walk:
    """Walks one body; `known` has the extents of variables."""

    analysis: _Analysis
    facts: Facts
    known: dict[str, Extent]
    worst: Worst

    def rule_body(self, rule: ProgramRule, body: n.Body) -> None:
        """Follow a body of a rule, and what it adds in a rubric."""
        self._lines(body)
        if isinstance(rule.value, n.Expression):
            self.extent(rule.value)
        self.worst.open(())

    def helper_body(self, helper: Helper, body: n.Body) -> Extent:
        """Follow a body of a helper; gives the extent of its result."""
        size = self._lines(body)
        head, result = helper.head, SCALAR
        if head.value is not None:
            result = self.extent(head.value)
        elif head.member is not None:
            result = Extent(size, self.extent(head.member))
        self.worst.open(())
        return result

    def _lines(self, body: n.Body) -> Size:
        """Follow lines; their loops stay open. Gives how often all are taken."""
        size = ONE
        for statement in body.statements:
            match statement:
                case n.Some():
                    own = self._bind(statement)
                    size = size.times(own)
                case n.Every(_, _, _, inner):
                    around = self.worst.around
                    self._bind(statement)
                    self._lines(inner)
                    self.worst.open(around)
                case n.Assign(name, value):
                    self.known[name.text] = self.extent(value)
                case n.Not(expression) | n.Condition(expression):
                    self.extent(expression)
        return size

    def _bind(self, statement: n.Some | n.Every) -> Size:
        """Open a loop."""
        collection = statement.collection
        extent = self.extent(collection)
        size = extent.of(self.facts.type_of(collection))
        self.known[statement.value.text] = extent.element()
        if statement.key is not None:
            is_set = isinstance(self.facts.type_of(collection), t.Set)
            self.known[statement.key.text] = extent.element() if is_set else SCALAR
        self.worst.loop(collection.span, size)
        if size != ONE:
            loop = Loop(collection.span, size)
            self.worst.open((*self.worst.around, loop))
        return size

    def extent(self, node: n.Expression) -> Extent:
        """The extent of an expression; its loops are counted."""
        self.worst.step()
        match node:
            case n.Literal():
                return SCALAR
            case n.Name():
                return self._name(node)
            case n.Field(base):
                path = path_of(node)
                if path is not None and path.root == "data":
                    return self.analysis.listed(path.steps)
                return self.extent(base).element()
            case n.Index(base, index):
                self.extent(index)
                return self.extent(base).element()
            case n.Call():
                return self._call(node)
            case n.Negative(operand):
                return self.extent(operand)
            case n.Binary():
                return self._binary(node)
            case n.ArrayLiteral(items) | n.SetLiteral(items):
                return self._display(items)
            case n.ObjectLiteral(pairs):
                return self._display([part for pair in pairs for part in pair])
            case _:
                return self._comprehension(node)

    def _name(self, node: n.Name) -> Extent:
        if node.text == "data":
            return self.analysis.listed(())
        if node.text in self.known or node.text == "input":
            return self.known.get(node.text, PART)
        instance = self.facts.instance_of(node)
        assert instance is not None
        inside, result = self.analysis.call(instance, (), node.span)
        # It runs once for an input, whatever loop this is.
        self.worst.nested(inside.chains)
        if instance.name not in self.worst.once:
            self.worst.once.add(instance.name)
            self.worst.steps = min(self.worst.steps + inside.steps, MAX_STEPS + 1)
        return result

    def _display(self, items: Iterable[n.Expression]) -> Extent:
        extents = [self.extent(item) for item in items]
        size = Size(factor=max(len(extents), 1))
        return Extent(size, reduce(either, extents, SCALAR))

    def _comprehension(
        self, node: n.ArrayComprehension | n.SetComprehension | n.ObjectComprehension
    ) -> Extent:
        around, known = self.worst.around, dict(self.known)
        size = self._lines(node.body)
        inner = reduce(either, [self.extent(head) for head in heads(node)])
        self.worst.open(around)
        self.known = known
        return Extent(size, inner)

    def _binary(self, node: n.Binary) -> Extent:
        left, right = self.extent(node.left), self.extent(node.right)
        kinds = [self.facts.type_of(part) for part in (node.left, node.right)]
        if node.operator == "in":
            is_indexed = isinstance(kinds[1], t.Set) or _is_constant(node.right)
            size = ONE if is_indexed else right.of(kinds[1])
        elif t.is_scalar(kinds[0]):
            return SCALAR
        else:
            size = left.of(kinds[0]).or_more(right.of(kinds[1]))
        self.worst.loop(node.span, size)
        is_set = isinstance(self.facts.type_of(node), t.Set)
        return either(left, right) if is_set else SCALAR

    def _call(self, node: n.Call) -> Extent:
        if node.name == "object.get":
            return self._object_get(node)
        arguments = tuple(map(self.extent, node.arguments))
        instance = self.facts.instance_of(node)
        if instance is None:
            return self._builtin(node, arguments)
        inside, result = self.analysis.call(instance, arguments, node.span)
        around = self.worst.around
        self.worst.nested((*around, *chain) for chain in inside.chains)
        self.worst.step(inside.steps)
        return result

    def _object_get(self, node: n.Call) -> Extent:
        target, key, default = node.arguments
        extent = self.extent(target)
        for step in key.items if isinstance(key, n.ArrayLiteral) else (key,):
            self.extent(step)
            extent = extent.element()
        return either(extent, self.extent(default))

    def _builtin(self, node: n.Call, arguments: tuple[Extent, ...]) -> Extent:
        kinds = [self.facts.type_of(argument) for argument in node.arguments]
        sizes = [extent.of(k) for extent, k in zip(arguments, kinds, strict=True)]
        for kind, size in zip(kinds, sizes, strict=True):
            if not t.is_scalar(kind):
                self.worst.loop(node.span, size)
        result = self.facts.type_of(node)
        if isinstance(result, t.Boolean | t.Number):
            return SCALAR
        if node.name in _RANGES:
            return Extent(Size(factor=MAX_RANGE), SCALAR)
        if t.is_string(result):
            # Joining and replacing write one text for each piece of another.
            written = map(characters, arguments, kinds)
            return Extent(reduce(Size.times, written, ONE))
        if node.name not in _PIECES and all(extent.is_part for extent in arguments):
            return PART
        inner = reduce(either, [extent.element() for extent in arguments])
        return Extent(reduce(Size.or_more, sizes), inner)


def _is_constant(node: n.Expression) -> bool:
    """True if membership is looked up, not searched for."""
    path = path_of(node)
    return isinstance(node, n.ArrayLiteral) or (
        path is not None and path.root == "data"
    )
