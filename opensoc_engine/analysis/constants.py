"""Constants that belong elsewhere: costly patterns and bare thresholds."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from opensoc_engine.analysis.operators import EQUALITY, ORDERING
from opensoc_engine.analysis.resolver import parts
from opensoc_engine.analysis.walk import outer_parts, program_parts
from opensoc_engine.diagnostics import diagnose
from opensoc_engine.rego import nodes as n

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_engine.analysis.program import Program
    from opensoc_engine.diagnostics import Diagnostic

MAX_PATTERN = 200
# RE2 runs in linear time, but writes `x{100}` out a hundred times: this much is still
# read in microseconds.
MAX_STATES = 500

# What a pattern is made of, as far as its size needs it.
_PIECE = re.compile(
    r"\\Q.*?(?:\\E|$)|\\.|\[\^?\]?(?:\[:\w+:\]|\\.|[^\]\\])*\]"
    r"|(?P<open>\((?:\?(?:P?<\w+>|[imsU-]*:))?)|(?P<close>\))"
    r"|\{(?P<least>\d+)(?P<range>,(?P<most>\d*))?\}|(?P<free>[*+?|^$])|.",
    re.DOTALL,
)


def costly_patterns(program: Program) -> Iterator[Diagnostic]:
    """A warning for each constant pattern that is long, or large when written out."""
    for part in program_parts(program):
        if not isinstance(part, n.Call) or part.name != "regex.match":
            continue
        pattern = part.arguments[0]
        if isinstance(pattern, n.Literal) and isinstance(pattern.value, str):
            problem = _costs(pattern.value)
            if problem:
                advice = "split it, or look for the parts by `contains` in a list"
                yield diagnose("W110", pattern.span, help=advice, problem=problem)


def bare_thresholds(program: Program) -> Iterator[Diagnostic]:
    """A warning for each number that is compared with, or handed to a helper."""
    for part in program_parts(program):
        match part:
            case n.Binary(operator, left, right):
                if operator in EQUALITY or operator in ORDERING:
                    yield from _thresholds((left, right))
            case n.Call(name, arguments) if name in program.helpers:
                yield from _thresholds(arguments)


def pattern_states(pattern: str) -> int:
    """About how many states a valid RE2 pattern has once repeats are written out."""
    counter = _Counter()
    for piece in _PIECE.finditer(pattern):
        counter.add(piece)
    return counter.total()


@dataclass(slots=True)
class _Counter:
    """Sizes of the open groups, and of the last piece of each."""

    sizes: list[int] = field(default_factory=lambda: [0])
    lasts: list[int] = field(default_factory=lambda: [0])

    def add(self, piece: re.Match[str]) -> None:
        """Count one piece."""
        if piece["open"]:
            self.sizes.append(0)
            self.lasts.append(0)
        elif piece["close"] and len(self.sizes) > 1:
            self._push(self._pop())
        elif piece["least"]:
            least, most = int(piece["least"]), int(piece["most"] or 0)
            times = max(least, most) + (piece["range"] == ",")
            self.sizes[-1] += self.lasts[-1] * (max(times, 1) - 1)
            self.lasts[-1] *= max(times, 1)
        elif not piece["free"]:
            self._push(1)

    def total(self) -> int:
        """The size of the whole."""
        while len(self.sizes) > 1:
            self._push(self._pop())
        return self.sizes[0]

    def _pop(self) -> int:
        self.lasts.pop()
        return self.sizes.pop()

    def _push(self, size: int) -> None:
        self.sizes[-1] += size
        self.lasts[-1] = size


def _costs(pattern: str) -> str:
    if len(pattern) > MAX_PATTERN:
        return f"the pattern has {len(pattern)} characters, more than {MAX_PATTERN}"
    states = pattern_states(pattern)
    if states > MAX_STATES:
        return f"with its repeats written out the pattern has about {states} characters"
    return ""


def _thresholds(expressions: tuple[n.Expression, ...]) -> Iterator[Diagnostic]:
    for expression in expressions:
        if not _is_calculated(expression):
            continue
        for part in outer_parts(expression):
            value = getattr(part, "value", None)
            if isinstance(value, int | Decimal) and value not in (0, 1):
                advice = "read it from a list: `data.thresholds...`"
                yield diagnose("W111", part.span, help=advice, number=value)


def _is_calculated(expression: n.Expression) -> bool:
    """True for a number, and for what is calculated from numbers alone."""
    if isinstance(expression, n.Negative | n.Binary):
        return all(map(_is_calculated, parts(expression)))
    return isinstance(expression, n.Literal)
