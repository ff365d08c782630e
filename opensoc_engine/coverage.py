"""Runs of the cases become coverage: which lines of a policy held, and which failed.

A line is a condition or binds a variable. A condition is covered if it held once and
failed once, any other line if it held once. Each case counts for the rules of its own
policy and for all helpers that they call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opensoc_engine import ir
from opensoc_engine.interpreter import Evaluation
from opensoc_engine.ir_walk import inside, lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opensoc_engine.decision import CompiledPolicy, PolicySet
    from opensoc_engine.interpreter import Way
    from opensoc_engine.source import Span

_BINDINGS = (ir.Each, ir.Bind)


@dataclass(slots=True)
class LineCoverage:
    """How often a line of a policy was reached, held and failed."""

    span: Span
    is_condition: bool
    reached: int = 0
    held: int = 0
    failed: int = 0

    @property
    def text(self) -> str:
        """The line without its layout."""
        return " ".join(self.span.text.split())

    @property
    def points(self) -> int:
        """What there is to cover: two outcomes of a condition, or one."""
        return 2 if self.is_condition else 1

    @property
    def covered(self) -> int:
        """How many points are covered."""
        fails = self.is_condition and self.failed > 0
        return int(self.held > 0) + int(fails)

    @property
    def gap(self) -> str | None:
        """What never happened to the line, if there is anything."""
        if not self.reached:
            return "never reached"
        if not self.held:
            return "never held"
        return "never failed" if self.is_condition and not self.failed else None


@dataclass(frozen=True, slots=True)
class FileCoverage:
    """The lines of one policy, or of the helpers that a set shares.

    Attributes:
        name: The policy, or the file of the set.
    """

    name: str
    path: str
    lines: tuple[LineCoverage, ...]

    @property
    def percent(self) -> float:
        """Points that are covered, of a hundred."""
        return percent_of(self.lines)


def percent_of(measured: Iterable[LineCoverage]) -> float:
    """Points of the lines that are covered, of a hundred."""
    found = tuple(measured)
    points = sum(line.points for line in found)
    return 100 * sum(line.covered for line in found) / points if points else 100.0


def measure(
    policy_set: PolicySet, runs: Iterable[tuple[str, Mapping[str, Any]]]
) -> tuple[FileCoverage, ...]:
    """The coverage of each policy of a set, then of its shared helpers.

    Args:
        policy_set: What is measured.
        runs: The policy and the valid document of each case.
    """
    meters = {item.policy.slug.text: _Meter.of(item) for item in policy_set.compiled}
    for policy, document in runs:
        meters[policy].run(document)
    shared: dict[tuple[int, int], LineCoverage] = {}
    found = []
    for name, meter in meters.items():
        source = meter.item.policy.source
        own = [line for line in meter.known.values() if line.span.source is source]
        found.append(FileCoverage(name, source.name, _ordered(own)))
        for line in meter.known.values():
            if line.span.source is not source:
                _add(shared, line)
    if shared:
        manifest = policy_set.manifest.source.name
        lines_of_set = _ordered(shared.values())
        found.append(FileCoverage(manifest.rpartition("/")[2], manifest, lines_of_set))
    return tuple(found)


def _ordered(found: Iterable[LineCoverage]) -> tuple[LineCoverage, ...]:
    return tuple(sorted(found, key=lambda line: (line.span.start, line.span.end)))


def _add(shared: dict[tuple[int, int], LineCoverage], line: LineCoverage) -> None:
    """Count a line of a shared helper, which several policies may call."""
    key = (line.span.start, line.span.end)
    total = shared.setdefault(key, LineCoverage(line.span, line.is_condition))
    total.reached += line.reached
    total.held += line.held
    total.failed += line.failed


@dataclass(slots=True)
class _Meter:
    """Counts what happens at the lines of one policy.

    Attributes:
        known: The lines, by the place where they start and end in their file.
        steps: The line of each step, and whether the step is the last of it.
    """

    item: CompiledPolicy
    functions: Mapping[str, ir.Function]
    known: dict[tuple[str, int, int], LineCoverage] = field(default_factory=dict)
    steps: dict[int, tuple[LineCoverage, bool, bool]] = field(default_factory=dict)

    @classmethod
    def of(cls, item: CompiledPolicy) -> _Meter:
        """A meter that has not counted yet."""
        program = item.program
        meter = cls(item, {function.name: function for function in program.functions})
        for function in program.functions:
            for block in function.bodies:
                meter._register(block)
            meter._register_inside(function.results)
        for rule in program.rules:
            for body in rule.bodies:
                meter._register(body.block)
                meter._register_inside(body.value)
        return meter

    def _register(self, block: ir.Block) -> None:
        for steps in lines(block):
            span = steps[0].span
            if span is None:
                continue
            is_condition = not isinstance(steps[-1], _BINDINGS)
            key = (span.source.name, span.start, span.end)
            line = self.known.setdefault(key, LineCoverage(span, is_condition))
            for at, step in enumerate(steps):
                self.steps[id(step)] = (line, at == 0, at == len(steps) - 1)
                self._register_inside(step)

    def _register_inside(self, node: Any) -> None:
        """The lines of inner bodies; what `not` denies stands on the line of `not`."""
        denied = {
            id(part.block)
            for part in (node, *inside(node))
            if isinstance(part, ir.Exclude)
        }
        for part in inside(node):
            if isinstance(part, ir.Block) and id(part) not in denied:
                self._register(part)

    def run(self, document: Mapping[str, Any]) -> None:
        """Evaluate every body of every rule on a document."""
        evaluation = Evaluation(
            self.functions, self.item.seen(document), {}, self._count
        )
        for rule in self.item.program.rules:
            for body in rule.bodies:
                for way in evaluation.ways(body.block, {}):
                    if body.value is not None:
                        evaluation.value(body.value, way)

    def _count(self, step: ir.Step, _way: Way, after: list[Way]) -> None:
        if id(step) not in self.steps:
            return
        line, is_first, is_last = self.steps[id(step)]
        line.reached += is_first
        line.held += is_last and bool(after)
        line.failed += not after


def gaps(measured: Iterable[FileCoverage]) -> Iterator[tuple[str, LineCoverage]]:
    """What never happened, and the line that it never happened to."""
    for file in measured:
        for line in file.lines:
            if line.gap is not None:
                yield line.gap, line
