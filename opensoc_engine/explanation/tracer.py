"""The lines of a body, run to the end even where some of them fail.

The interpreter leaves a way at the first line that fails. Here the way goes on, so that
a rule that lacks one line can be told from one that lacks five. A line that reads what
a failed line guards has no answer: it is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from opensoc_engine import ir
from opensoc_engine.explanation.world import UNGUARDED
from opensoc_engine.ir_walk import lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opensoc_engine.explanation.world import Frame
    from opensoc_engine.interpreter import Way

Line: TypeAlias = "tuple[ir.Step, ...]"

# Ways with a failed line that are followed further; those with the fewest come first.
MAX_FAILED_WAYS = 48
# Ways of which the helpers are looked into, to see how far they are from holding.
_LOOKED_INTO = 6
_MAX_DEPTH = 8
_NUMERIC = ("lt", "le", "gt", "ge", "eq")
# An element of another kind is further away than any one fact about it.
OTHER_KIND = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Failure:
    """A line that did not hold: its step that failed, and the way that reached it."""

    line: Line
    step: ir.Step
    way: Way


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """One way through a body, with the lines that did not hold on it.

    Attributes:
        unknown: Lines that could not be evaluated because an earlier one failed.
    """

    way: Way
    failures: tuple[Failure, ...] = ()
    unknown: tuple[Line, ...] = ()

    @property
    def lacking(self) -> int:
        """How many lines did not hold."""
        return len(self.failures) + len(self.unknown)


def attempts(frame: Frame, block: ir.Block) -> list[Attempt]:
    """The ways through a body, those that lack the fewest lines first.

    Ways that hold are all there; of the others, the best.
    """
    found = [Attempt(frame.way)]
    for line in lines(block):
        found = _best([after for way in found for after in _follow(frame, way, line)])
    return found


def _best(found: list[Attempt]) -> list[Attempt]:
    """Ways that hold so far, then the best of the others, each in their order."""
    whole = [attempt for attempt in found if not attempt.lacking]
    rest = [attempt for attempt in found if attempt.lacking]
    rest.sort(key=lambda attempt: attempt.lacking)
    return whole + rest[:MAX_FAILED_WAYS]


def _follow(frame: Frame, attempt: Attempt, line: Line) -> Iterable[Attempt]:
    if not attempt.lacking:
        return _take(frame, attempt, line)
    try:
        return _take(frame, attempt, line)
    except UNGUARDED:
        return [replace(attempt, unknown=(*attempt.unknown, line))]


def _take(frame: Frame, attempt: Attempt, line: Line) -> list[Attempt]:
    """The ways on after a line; the way itself, with a failure, if it fails."""
    ways, failed = [attempt.way], []
    for step in line:
        following = []
        for way in ways:
            after = frame.world.evaluation.step(step, way)
            following += after
            if not after:
                failure = Failure(line, step, way)
                failures = (*attempt.failures, failure)
                failed.append(replace(attempt, way=way, failures=failures))
        ways = following
    return [replace(attempt, way=way) for way in ways] + failed


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """The attempt that is nearest to holding, and how far away it is."""

    attempt: Attempt
    distance: float


def nearest(frame: Frame, block: ir.Block, depth: int = 0) -> list[Nearest]:
    """The best attempts, by how many lines they and their helpers lack."""
    best = islice(attempts(frame, block), _LOOKED_INTO)
    found = [
        Nearest(attempt, _distance(frame, attempt, depth))
        for attempt in best
        if attempt.lacking
    ]
    return sorted(found, key=lambda item: item.distance)


def _distance(frame: Frame, attempt: Attempt, depth: int) -> float:
    failed = (_lack(frame, failure, depth) for failure in attempt.failures)
    return sum(failed) + len(attempt.unknown)


def _lack(frame: Frame, failure: Failure, depth: int) -> float:
    """How far a failed line is from holding: 1, less for a number that is near."""
    step, here = failure.step, frame.at(failure.way)
    try:
        match step:
            case ir.Test(ir.HelperCall(name, arguments)) if depth < _MAX_DEPTH:
                bodies = here.enter(name, arguments)
                inner = [nearest(body, block, depth + 1) for body, block, _ in bodies]
                return min((found[0].distance for found in inner if found), default=1)
            case ir.Test(ir.Operation("eq" | "in", (left, _))) if here.is_tag(left):
                return OTHER_KIND
            case ir.Test(ir.Operation(operator, (left, right))):
                if operator in _NUMERIC:
                    return _gap(here.value(left), here.value(right))
    except UNGUARDED:
        return 1
    return 1


def _gap(left: object, right: object) -> float:
    """From 0.5 for numbers that almost meet to 1 for those that are far apart."""
    try:
        low, high = sorted((float(left), float(right)))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return 1
    width = max(abs(low), abs(high))
    return 0.5 + 0.5 * min((high - low) / width, 1) if width else 1
