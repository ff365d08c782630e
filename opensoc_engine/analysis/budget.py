"""How much a policy may ask of its checker: what is beyond is E701, not a long wait.

A helper is checked once for each tuple of argument types, and types can be built from
types, so a text of a few lines could ask for any number of checks and for types of any
size. Each bound is far above what the shipped policies need; the number stands beside
it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opensoc_engine import types as t
from opensoc_engine.diagnostics import diagnose

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opensoc_engine.diagnostics import Diagnostic
    from opensoc_engine.source import Span

MAX_TEXT = 40_000
"""Characters of all bodies and heads of a policy and its shared helpers (8,400)."""
MAX_BODIES = 1_000
"""Of rules and helpers, heads included (100)."""
MAX_INSTANCES = 1_000
"""Helpers times the tuples of argument types that they are called with (49)."""
MAX_EXPRESSIONS = 20_000
"""Checked expressions, those of a helper once for each instance (800)."""
MAX_WORK = 2_000_000
"""In units of about half a microsecond (12,000)."""
MAX_PARTS = 20_000
"""Of the type of one value, beside what the schema of the input has (1,000)."""
MAX_LEVELS = 48
"""Of the type of one value (8)."""

_STEP = 8
_PARTS_A_UNIT = 8


class TooComplexError(Exception):
    """A policy asks for more than it may; `diagnostic` says for what, and where."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def too_complex(span: Span, problem: str, advice: str) -> TooComplexError:
    """The error for a place, a problem and what to do."""
    return TooComplexError(diagnose("E701", span, help=advice, problem=problem))


@dataclass(slots=True)
class Budget:
    """Counts what the checker does for one program.

    Attributes:
        room: Parts that the type of one value may have.
    """

    room: int = MAX_PARTS
    expressions: int = 0
    work: int = 0
    _known: dict[int, tuple[t.Type, int, int]] = field(default_factory=dict)

    def allow(self, document: t.Type) -> None:
        """Let values be as large as the input, and more."""
        self.room = MAX_PARTS + self._measure(document)[0]

    def checked(self, kind: t.Type | None, span: Span) -> None:
        """Count one expression and its type.

        Raises:
            TooComplexError: It is one too many, or its type is too large.
        """
        self.expressions += 1
        if self.expressions > MAX_EXPRESSIONS:
            problem = f"more than {MAX_EXPRESSIONS:,} expressions, helpers counted"
            advice = "a helper counts once for each tuple of types that it is called"
            raise too_complex(span, problem, f"split the policy; {advice} with")
        self.spend(_STEP, span)
        if kind is not None:
            self._must_fit(kind, span)

    def spend(self, units: int, span: Span) -> None:
        """Count work.

        Raises:
            TooComplexError: It is more than a policy may ask for.
        """
        self.work += units
        if self.work > MAX_WORK:
            problem = "checking the policy takes too long"
            raise too_complex(span, problem, "split the policy into smaller ones")

    def looked_up(self, kinds: Iterable[t.Type], span: Span) -> None:
        """Count that types are compared part by part."""
        parts = sum(self._measure(kind)[0] for kind in kinds)
        self.spend(parts // _PARTS_A_UNIT, span)

    def joined(self, kinds: Iterable[t.Type], span: Span) -> None:
        """Count that objects are put together one by one."""
        objects = [kind for kind in kinds if not t.is_scalar(kind)]
        self.spend(len(objects) * sum(self._measure(k)[0] for k in objects), span)

    def _must_fit(self, kind: t.Type, span: Span) -> None:
        parts, levels = self._measure(kind)
        if parts > self.room or levels > MAX_LEVELS:
            problem = f"a value of more than {self.room:,} parts"
            if levels > MAX_LEVELS:
                problem = f"a value of more than {MAX_LEVELS} levels"
            raise too_complex(span, problem, "keep values small: read what you need")

    def _measure(self, kind: t.Type) -> tuple[int, int]:
        """Parts and levels of a type; what types share is measured once."""
        known = self._known.get(id(kind))
        if known is not None:
            return known[1], known[2]
        parts, levels = _own_parts(kind), 0
        for inner in _inner(kind):
            more, depth = self._measure(inner)
            parts, levels = parts + more, max(levels, depth)
        # The type is kept, so that no other one gets its identity.
        self._known[id(kind)] = (kind, parts, levels + 1)
        return parts, levels + 1


def _own_parts(kind: t.Type) -> int:
    return len(kind.values) if isinstance(kind, t.Enum) else 1


def _inner(kind: t.Type) -> Iterator[t.Type]:
    match kind:
        case t.Array(element) | t.Set(element):
            yield element
        case t.Map(key, value):
            yield from (key, value)
        case t.Object(_, fields):
            yield from (item.type for item in fields)
        case t.Union(_, _, members):
            yield from members
