"""Generated Python as an evaluation uses it: functions of rules over a document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from opensoc_engine.codegen.namespace import defined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import CodeType

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
class Plan:
    """Which rules to ask for a document.

    Attributes:
        names: The policy and the id of each rule.
        triggers: For each rule the buckets of which one must be full enough, and how
            full; None for a rule that must always be looked at.
        certain: For each rule the buckets of which any element makes it fire.
        reads_all: True if a rule looks at the document as a whole.
    """

    names: tuple[tuple[str, str], ...]
    triggers: tuple[frozenset[tuple[int, int]] | None, ...]
    certain: tuple[frozenset[int], ...]
    reads_all: bool


@dataclass(frozen=True, slots=True)
class GeneratedSet:
    """The rules of several policies as one program.

    Attributes:
        constants: What the source calls `K0`, `T1` and so on.
        rules: The function of each rule; the document must have been scanned.
        scan: Puts the elements of a document into their streams.
    """

    source: str
    constants: Mapping[str, Any]
    plan: Plan
    rules: tuple[RuleFunction, ...]
    scan: Callable[[Any, Found], None]

    def module(self, policy: str) -> GeneratedModule:
        """The rules of one policy."""
        found = {
            rule: _scanned(self.scan, function)
            for (owner, rule), function in zip(self.plan.names, self.rules, strict=True)
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


def generated_set(
    source: str, code: CodeType, constants: Mapping[str, Any], plan: Plan
) -> GeneratedSet:
    """The program that generated code is."""
    names = defined(code, constants)
    rules = tuple(names[f"r_{at}"] for at in range(len(plan.names)))
    return GeneratedSet(source, constants, plan, rules, names["scan"])
