"""Lowered policies become the parts of a set: code, and facts about its rules.

Policies that see the same fields of the document share a part, and so a program. Each
policy of a rubric is a part of its own, because each has an input of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opensoc_engine import types as t
from opensoc_engine.codegen.expressions import Reader
from opensoc_engine.codegen.python import generate_set
from opensoc_engine.evaluation import Part, RuleFacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from opensoc_engine import ir
    from opensoc_engine.policy.model import Manifest, Policy

_OUTCOMES = {"violations": "violation", "sum": "term"}


@dataclass(frozen=True, slots=True)
class LoweredPolicy:
    """A policy as IR.

    Attributes:
        document: The type of its input.
        hidden: Fields of the document that its kind may not see.
    """

    policy: Policy
    program: ir.Module
    document: t.Type
    hidden: frozenset[str]


def assemble(manifest: Manifest, policies: Sequence[LoweredPolicy]) -> tuple[Part, ...]:
    """The parts of a set."""
    groups: dict[object, list[LoweredPolicy]] = {}
    for item in policies:
        is_alone = manifest.decision == "sum"
        key = item.policy.slug.text if is_alone else item.hidden
        groups.setdefault(key, []).append(item)
    return tuple(_part(manifest, group) for group in groups.values())


def _part(manifest: Manifest, group: Sequence[LoweredPolicy]) -> Part:
    modules = {item.policy.slug.text: item.program for item in group}
    names = frozenset(name for item in group for name in fraction_names(item.document))
    name = manifest.source.name if len(group) > 1 else group[0].policy.source.name
    code = generate_set(modules, name, Reader(names))
    facts = tuple(
        fact for item in group for fact in _facts(item.policy, manifest.decision)
    )
    hidden = group[0].hidden if code.plan.reads_all else frozenset[str]()
    return Part(code, facts, manifest.order, hidden)


def _facts(policy: Policy, decision: str) -> Iterator[RuleFacts]:
    for rule in policy.rules:
        yield RuleFacts(
            rule.id.text,
            policy.slug.text,
            policy.version,
            rule.title,
            rule.action.text if rule.action else _OUTCOMES.get(decision, ""),
            rule.message,
            rule.field,
            bool(rule.evidence),
            rule.metadata,
        )


def fraction_names(kind: t.Type) -> Iterator[str]:
    """The names of fields that may hold numbers which are not integers."""
    match kind:
        case t.Array(element) | t.Set(element) | t.Map(_, element):
            yield from fraction_names(element)
        case t.Object(_, fields):
            yield from _of_fields(fields)
        case t.Union(_, _, members):
            for member in members:
                yield from _of_fields(member.fields)


def _of_fields(fields: Iterable[t.Field]) -> Iterator[str]:
    for item in fields:
        if _is_fraction(item.type):
            yield item.name
        yield from fraction_names(item.type)


def _is_fraction(kind: t.Type) -> bool:
    match kind:
        case t.Number(integer):
            return not integer
        case t.Array(element) | t.Set(element) | t.Map(_, element):
            return _is_fraction(element)
    return False
