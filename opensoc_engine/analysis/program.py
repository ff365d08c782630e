"""A policy becomes a program: every body, head and value parsed into a tree.

What can't be parsed is reported and left out, so that later passes see only trees.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from opensoc_engine.analysis.budget import MAX_BODIES, MAX_TEXT
from opensoc_engine.diagnostics import DiagnosticCollector, Label, diagnose
from opensoc_engine.rego.nodes import Body
from opensoc_engine.rego.parser import parse_body, parse_expression, parse_head
from opensoc_engine.source import EmbeddedSource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from opensoc_engine.policy.model import Define, Policy, Rule
    from opensoc_engine.rego.nodes import Expression, Head


# What ends the name at the start of a head.
_NAME = re.compile(r"[^A-Za-z0-9_]")


@dataclass(frozen=True, slots=True)
class Helper:
    """A `define`: its head and the bodies, any of which may hold."""

    head: Head
    bodies: tuple[Body, ...]

    @property
    def name(self) -> str:
        """The name that callers use."""
        return self.head.name.text

    @property
    def is_predicate(self) -> bool:
        """True if it holds or not, and gives nothing else."""
        return self.head.value is None and self.head.member is None


@dataclass(frozen=True, slots=True)
class ProgramRule:
    """A rule with its bodies; `value` is what it adds, in a rubric."""

    rule: Rule
    bodies: tuple[Body, ...]
    value: Expression | Decimal | None


@dataclass(frozen=True, slots=True)
class Program:
    """A policy with all its texts parsed.

    Attributes:
        broken: Names of helpers that could not be parsed, so that calls of them are
            not reported as well.
    """

    policy: Policy
    helpers: dict[str, Helper]
    rules: tuple[ProgramRule, ...]
    broken: frozenset[str]


def parse_program(
    policy: Policy,
    collector: DiagnosticCollector,
    parsed: Mapping[int, Helper] | None = None,
) -> Program:
    """The policy with its texts parsed; what can't be parsed is reported.

    `parsed` is what `parse_helpers` has made of some of its definitions.
    """
    if not _is_small(policy, collector):
        return Program(policy, {}, (), frozenset())
    helpers: dict[str, Helper] = {}
    broken = set()
    for define in policy.defines:
        helper = (parsed or {}).get(id(define)) or _helper(define, collector)
        if helper is None:
            broken.add(_NAME.split(define.head.text.strip(), maxsplit=1)[0])
            continue
        if helper.name in helpers:
            _report_taken(helper, helpers[helper.name], collector)
            continue
        helpers[helper.name] = helper
    rules = tuple(_rule(rule, collector) for rule in policy.rules)
    return Program(policy, helpers, rules, frozenset(broken))


def parse_helpers(defines: Sequence[Define]) -> dict[int, Helper]:
    """Helpers without an error, by the identity of their definition.

    The policies of a set share them, so they are parsed once. `parse_program` reports
    what is wrong with the others.
    """
    ignored = DiagnosticCollector()
    if _excess(_texts(defines)):
        return {}
    found = {id(define): _helper(define, ignored) for define in defines}
    return {key: helper for key, helper in found.items() if helper is not None}


def _is_small(policy: Policy, collector: DiagnosticCollector) -> bool:
    """True if the texts of a policy may be parsed; if not, that is reported."""
    bodies = chain.from_iterable(rule.bodies for rule in policy.rules)
    problem = _excess([*_texts(policy.defines), *bodies])
    if problem:
        advice = "split the policy; the helpers of its set count too"
        found = diagnose("E701", policy.slug.span, help=advice, problem=problem)
        collector.add(found)
    return not problem


def _texts(defines: Sequence[Define]) -> list[EmbeddedSource]:
    return [text for define in defines for text in (define.head, *define.bodies)]


def _excess(texts: Sequence[EmbeddedSource]) -> str:
    """In which way the texts are too large to be parsed; empty if they are not."""
    characters = sum(len(text.text) for text in texts)
    if characters > MAX_TEXT:
        return f"{characters:,} characters of Rego, more than {MAX_TEXT:,}"
    if len(texts) > MAX_BODIES:
        return f"{len(texts):,} bodies and heads, more than {MAX_BODIES:,}"
    return ""


def _helper(define: Define, collector: DiagnosticCollector) -> Helper | None:
    head = parse_head(define.head, collector)
    bodies = _helper_bodies(define, collector)
    if head is None or len(bodies) != len(define.bodies):
        return None
    if head.value is not None and len(bodies) > 1:
        problem = f"`{head.name.text}` has one value, so it has one body"
        collector.add(diagnose("E406", head.span, problem=problem))
        return None
    return Helper(head, bodies)


def _helper_bodies(define: Define, collector: DiagnosticCollector) -> tuple[Body, ...]:
    """The bodies; a value or a set that is unconditional has one without lines."""
    only = define.bodies[0]
    if len(define.bodies) == 1 and not only.text.strip() and _gives_more(define.head):
        return (Body((), only.whole),)
    return _bodies(define.bodies, collector)


def _gives_more(head: EmbeddedSource) -> bool:
    """True for heads that give a value or members, not just true."""
    return ":=" in head.text or " contains " in head.text


def _rule(rule: Rule, collector: DiagnosticCollector) -> ProgramRule:
    value = rule.value
    if isinstance(value, EmbeddedSource):
        return ProgramRule(
            rule, _bodies(rule.bodies, collector), parse_expression(value, collector)
        )
    return ProgramRule(rule, _bodies(rule.bodies, collector), value)


def _bodies(
    texts: tuple[EmbeddedSource, ...], collector: DiagnosticCollector
) -> tuple[Body, ...]:
    parsed = (parse_body(text, collector) for text in texts)
    return tuple(body for body in parsed if body is not None)


def _report_taken(
    helper: Helper, first: Helper, collector: DiagnosticCollector
) -> None:
    collector.add(
        diagnose(
            "E304",
            helper.head.name.span,
            name=helper.name,
            help="give the helper one entry, and write its bodies as a list",
            others=(Label(first.head.name.span, "first defined here"),),
        )
    )
