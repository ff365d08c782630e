"""Generated Python as an evaluation uses it: functions of rules over a document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from opensoc_engine.codegen.namespace import defined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import CodeType

    from opensoc_engine.ir import Solution

# What was found out about a document: all but what `scan` put there by name.
Found: TypeAlias = dict[Any, Any]
RuleFunction: TypeAlias = "Callable[[Any, Found], Iterator[Solution]]"
BodyFunction: TypeAlias = "Callable[[Any, Found], bool]"
# The buckets that a body needs, and how many elements in each; it needs them all.
Need: TypeAlias = tuple[tuple[int, int], ...]

# Where `scan` puts the elements that some bucket has, each after the bits of those
# buckets, and where the bits of all of them together.
ELEMENTS, BUCKETS = -1, -2


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
        needs: For each rule what each of its bodies needs to be looked at.
        certain: For each rule the bodies that are fulfilled if they have that.
        reads_all: True if a rule looks at the document as a whole.
    """

    names: tuple[tuple[str, str], ...]
    needs: tuple[tuple[Need, ...], ...]
    certain: tuple[frozenset[int], ...]
    reads_all: bool


@dataclass(frozen=True, slots=True)
class GeneratedSet:
    """The rules of several policies as one program.

    Attributes:
        constants: What the source calls `K0`, `T1` and so on.
        rules: The function of each rule; the document must have been scanned.
        bodies: For each rule the functions that say whether its bodies can be
            fulfilled, and no more. They may rely on what the bodies need.
        scan: Puts the elements of a document into buckets, and gives the bits of
            those that are not empty.
    """

    source: str
    constants: Mapping[str, Any]
    plan: Plan
    rules: tuple[RuleFunction, ...]
    bodies: tuple[tuple[BodyFunction, ...], ...]
    scan: Callable[[Any, Found], int]

    def module(self, policy: str) -> GeneratedModule:
        """The rules of one policy."""
        found = {
            rule: _scanned(self.scan, function)
            for (owner, rule), function in zip(self.plan.names, self.rules, strict=True)
            if owner == policy
        }
        return GeneratedModule(self.source, found)


def _scanned(scan: Callable[[Any, Found], int], rule: RuleFunction) -> RuleFunction:
    """The rule for a document that may not have been scanned."""

    def solutions(document: Any, found: Found) -> Iterator[Solution]:
        if ELEMENTS not in found:
            scan(document, found)
        return rule(document, found)

    return solutions


def generated_set(
    source: str, code: CodeType, constants: Mapping[str, Any], plan: Plan
) -> GeneratedSet:
    """The program that generated code is."""
    names = defined(code, constants)
    rules = tuple(names[f"r_{at}"] for at in range(len(plan.names)))
    bodies = tuple(
        tuple(names[f"x{body}_{at}"] for body in range(len(needs)))
        for at, needs in enumerate(plan.needs)
    )
    return GeneratedSet(source, constants, plan, rules, bodies, names["scan"])
