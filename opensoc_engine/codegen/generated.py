"""Generated Python as an evaluation uses it: functions of rules over a document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opensoc_engine.ir import Solution

# What was found out about a document: streams by number, the rest by name.
Found: TypeAlias = dict[Any, Any]
RuleFunction: TypeAlias = "Callable[[Any, Found], Iterator[Solution]]"

# Marks a document whose elements were put into their streams.
_SCANNED = -1


@dataclass(frozen=True, slots=True)
class GeneratedModule:
    """Rules as Python functions, with the source they came from.

    Attributes:
        rules: For each rule id, a function from a document and an empty dictionary to
            its solutions, lazily, in the order of its bodies.
    """

    source: str
    rules: Mapping[str, RuleFunction]


@dataclass(frozen=True, slots=True)
class GeneratedSet:
    """The rules of several policies as one program.

    Attributes:
        constants: What the source calls `K0` and so on.
        names: The policy and the id of each rule.
        rules: The function of each rule; the document must have been scanned.
        scan: Puts the elements of a document into their streams.
        triggers: For each rule the buckets of which one must be full enough, and how
            full; None for a rule that must always be looked at.
        certain: For each rule the buckets of which any element makes it fire.
        reads_all: True if a rule looks at the document as a whole.
    """

    source: str
    constants: Mapping[str, Any]
    names: tuple[tuple[str, str], ...]
    rules: tuple[RuleFunction, ...]
    scan: Callable[[Any, Found], None]
    triggers: tuple[frozenset[tuple[int, int]] | None, ...]
    certain: tuple[frozenset[int], ...]
    reads_all: bool

    def module(self, policy: str) -> GeneratedModule:
        """The rules of one policy."""
        found = {
            rule: _scanned(self.scan, function)
            for (owner, rule), function in zip(self.names, self.rules, strict=True)
            if owner == policy
        }
        return GeneratedModule(self.source, found)


def _scanned(scan: Callable[[Any, Found], None], rule: RuleFunction) -> RuleFunction:
    """The rule for a document that may not have been scanned."""

    def solutions(document: Any, found: Found) -> Iterator[Solution]:
        if _SCANNED not in found:
            found[_SCANNED] = None
            scan(document, found)
        return rule(document, found)

    return solutions
